// SPDX-License-Identifier: Apache-2.0
/* The commands below `diptych evaluate`, each a file evaluate_NAME.c, and how their reports come out. */
#ifndef DIPTYCH_CLI_EVALUATE_H
#define DIPTYCH_CLI_EVALUATE_H

#include "cli/output.h"
#include "cli/session.h"
#include "joint/evaluation/evaluation.h"

#include <stdio.h>

int evaluate_retrieval(int argc, char **argv);
int evaluate_classify(int argc, char **argv);
extern const struct argp evaluate_retrieval_argp, evaluate_classify_argp;

/* --format, --samples and --seed, and every --model there is. Input: a struct evaluate_options, initialised with
 * EVALUATE_OPTIONS, whose `models` the session's model_options know as `all`. */
enum evaluate_format { EVALUATE_CLIP_BENCHMARK = OUTPUT_JSON + 1 };

struct evaluate_options {
    int format; /* enum output_format, or EVALUATE_CLIP_BENCHMARK */
    size_t samples, seed;
    struct strings models; /* none: the default one */
};

#define EVALUATE_OPTIONS                                                                                     \
    {                                                                                                        \
        .samples = BOOTSTRAP_SAMPLES, .seed = BOOTSTRAP_SEED                                                 \
    }
extern const struct argp evaluate_options_argp;

size_t evaluate_models(const struct evaluate_options *options); /* how many: at least one */

/* Opens the model of that number, in the place of the one before it. */
int evaluate_open(
    struct session *session, const struct evaluate_options *options, size_t model, struct err *err);

/* "model", "tokenizer" and "precision" of a report in json, and where there are some "outside": how many pictures are
 * outside what the model knows. NULL when out of memory. */
struct json_t *evaluate_json(const struct session *session);

/* ---- rates of models ----------------------------------------------------------------------------------- */

/* Shares of pictures, of one model or of several on the same pictures, and how sure they are. */
struct rates {
    const char *const *titles, *const *keys; // (count): "acc@1" for people, "acc1" in files
    size_t count, models;
    const char *const *names;           // (models)
    const double *values;               // (models, count): 0 to 1
    const struct bootstrap_score *sure; // (models, count), or NULL: that is not known
    size_t samples, seed;
};

double rate_of(const struct rates *rates, size_t model, size_t rate);
/* NULL where it is not known. */
const struct bootstrap_score *rate_sure(const struct rates *rates, size_t model, size_t rate);
bool rate_known(const struct rates *rates, size_t rate); /* else it is no number */
/* "[62.9, 63.7]" on stdout behind `before`, or nothing where it is not known. */
void rate_put_interval(const struct rates *rates, size_t model, size_t rate, const char *before);

/* Several models: a block a rate with a line a model; a line a rate and model. */
void rates_print_table(const struct rates *rates);
void rates_print_tsv(const struct rates *rates);

/* {"samples", "seed", KEY: {"interval": [LOW, HIGH]}}, and of a model after the first "difference", "difference_interval" and
 * "p" of each. NULL when out of memory. */
struct json_t *rates_json(const struct rates *rates, size_t model);

/* What CLIP_benchmark writes of an evaluation, {"dataset", "model", "pretrained", "task", "metrics", "language"}, with the
 * last part of the data set's path. A model of open_clip's name ARCHITECTURE/TAG is these two; another is its last part, and
 * its path. Gives up metrics. */
int clip_benchmark_print(
    const char *data_set, const char *task, const char *model, struct json_t *metrics, struct err *err);

/* ---- retrieval ----------------------------------------------------------------------------------------- */

/* Captions that are measured, and what comes of it. Begins as MEASURING. */
struct measuring {
    struct session session;
    const char *captions, *split;
    bool allow_missing;
    struct evaluate_options common;

    const char *place;   /* where the pictures are, as the user calls it */
    const char *storage; /* of an index, how it keeps its vectors; NULL: pictures are encoded */
    struct caption_set set;
    struct captioned_pictures pictures;
    size_t models, failed;
    struct retrieval *scores;     // (models)
    struct json_t **about;        // (models): evaluate_json's
    struct bootstrap_score *sure; // (models, RETRIEVAL_RATES)
    double *values;               // likewise
};

#define MEASURING                                                                                            \
    {                                                                                                        \
        .session = {.model_options = {.device = {.precision = "f32"}}}, .common = EVALUATE_OPTIONS           \
    }

/* --captions, --split and --allow-missing, and those of evaluate_options_argp. Input: a struct measuring. */
extern const struct argp measuring_argp;

/* What the help of each command says of them. */
#define HELP_CAPTION_FILES                                                                                   \
    "FILE is COCO annotations, one of Karpathy's splits, clipscore's {\"stem\": [\"caption\"]}, "            \
    "Flickr's tokens (1.jpg#0, a tab, a caption), CSV with columns image and caption or, as "                \
    "open_clip's with tabs, filepath and title, lines of JSON with file_name and text, or text with "        \
    "one caption a line; gzipped or not."
#define HELP_RANKS                                                                                           \
    "Captions are taken as they are, without a prompt template. What ties with the right one counts as "     \
    "before it. Intervals are 95 % of bootstrap samples of the pictures, each with its captions"
#define HELP_INDEXED                                                                                         \
    "Vectors are taken as the index keeps them: those of f16 and i8 are rounded, and figures of the loose "  \
    "files may differ by that. A picture is found by its path, or else by its file name or the image's id."

/* measuring_begin, once the options are parsed, makes room; measuring_captions reads the set of --captions;
 * measuring_found, after the pictures were looked for, says what is left out, or after an error how it could be. */
int measuring_begin(struct measuring *m, struct err *err);
int measuring_captions(struct measuring *m, struct err *err);
int measuring_found(struct measuring *m, int rc, struct err *err);

/* Takes what a model, which is open, has made of it; measuring_report prints all. */
int measuring_take(
    struct measuring *m, size_t model, const struct retrieval_evaluation *result, struct err *err);
int measuring_report(struct measuring *m, const struct job *job, struct err *err);

/* All between, of captions that were read and pictures that indexes have: by the model of `index`, one of these, on a device, NULL
 * for the model's. All processes call it together, with a job of their own; the first one prints. */
int measuring_indexes(struct measuring *m, const struct indexed_pictures *from, const struct index *index,
    struct device *device, const struct job *job, struct err *err);

/* Ends the command, also after an error: its exit status. measuring_release does so for a process that is not the first. */
int measuring_end(struct measuring *m, int rc, const struct err *err);
void measuring_release(struct measuring *m);

struct retrieval_report {
    const struct retrieval *scores; // (models)
    struct json_t *const *about;    // (models): evaluate_json's
    const struct rates *rates;
    const char *directory, *storage; /* storage: NULL where pictures are encoded */
    size_t failed;           /* pictures that could not be read: out of the count with their captions */
    size_t without_picture;  /* captioned images that have none: out of it too */
    size_t without_captions; /* pictures of the folder that no caption is about: no part of it */
};

/*   table  a line a direction and one of intervals, and what the counts leave out; of several models rates_print_table
 *   tsv    the same numbers, with a line of heads; of several models rates_print_tsv
 *   json   one object: "image_to_text" and "text_to_image" with "queries", "R@1", "R@5", "R@10",
 *          "median_rank", "mean_rank"; "bootstrap" of rates_json; "failed", "without_picture", "without_captions";
 *          of an index "storage"; evaluate_json's. Of several models {"models": [such objects]} */
int retrieval_print(const struct retrieval_report *report, int format, struct err *err);

/* ---- classify ------------------------------------------------------------------------------------------ */

struct class_report {
    const struct picture_options *picture_options; /* for thumbnails */
    const struct labelled_pictures *pictures;
    const char *data_set;
    const struct class_evaluation *results; // (models)
    struct json_t *const *about;            // (models): evaluate_json's
    const struct rates *rates;
    const struct published *published; /* NULL: it is compared with nothing */
    bool logits;                       /* predictions have logits in the place of cosines */
    struct {
        bool model, templates, decoding;
    } differs; /* what the command line has other than where the published figure is from */
};

/* Of a label and the first model: its recall, NAN without pictures, or where pictures have several labels its average
 * precision; and how many pictures show it. */
double class_report_rate(const struct class_report *report, size_t label);
size_t class_report_pictures(const struct class_report *report, size_t label);

/*   table  the rates, recall by class from the lowest, the most frequent mistakes; of several models rates_print_table
 *   tsv    a line a class: label, pictures, right, recall (empty without pictures); of several models rates_print_tsv
 *   json   one object: "pictures", "failed", "acc1", "acc5" (from 5 labels on), "mean_per_class_recall",
 *          "calibration": {"error", "bins": [{"pictures", "confidence", "accuracy"}]}, "bootstrap" of rates_json,
 *          "classes": [{"label", "pictures", "right", "recall"}], "confusions": [{"label", "predicted",
 *          "count"}]; evaluate_json's. Of several models {"models": [such objects]}
 *
 * Where pictures have several labels, "mean_average_precision" and average precision by class instead,
 * and no calibration. */
int class_report_print(const struct class_report *report, int format, struct err *err);

/* Parts of the report: acc@1 beside the published one, how far off it is, in points and in standard errors, and what that can
 * come from; in json {"model", "acc1", "source", "difference", "standard_errors", "reasons"}. */
void published_print(const struct class_report *report);
struct json_t *published_json(const struct class_report *report);

/* Writes a line a picture that could be read, with the best labels of the first model: an object, or with tabs between and a
 * line of heads. Whether all was written shows in ferror(file). */
int class_report_predictions(FILE *file, const struct class_report *report, bool json, struct err *err);

/* Writes the report as a page that needs no other file: all that the table has, a table of confusion where
 * labels are few, and the mistakes that the model was most sure of, with thumbnails; of several models the rates of each, and
 * all else of the first. */
int class_report_html(FILE *file, const struct class_report *report, struct err *err);

/* A part of that page: how often the models are right by how sure they are. */
void class_reliability_html(FILE *file, const struct class_report *report);

#endif
