// SPDX-License-Identifier: Apache-2.0
/*
 * How the commands print pictures on stdout, in input order, in one of three formats:
 *
 *   table  for people. Colour on a terminal, unless NO_COLOR is set.
 *   tsv    tabs between, every text text_escape'd.
 *   json   an object a line; bytes of a path that are not UTF-8 are U+FFFD.
 *
 * A picture that failed has a line on stdout in json, {"path": ..., "error": ...}, and a message on stderr in
 * the others.
 */
#ifndef DIPTYCH_CLI_OUTPUT_H
#define DIPTYCH_CLI_OUTPUT_H

#include "cli/preview.h"
#include "joint/joint.h"

enum output_format {
    OUTPUT_TABLE,
    OUTPUT_TSV,
    OUTPUT_JSON,
    OUTPUT_PATHS,
    OUTPUT_PATHS_NUL /* item_format.h */
};

struct output {
    enum output_format format;
    bool unicode, colour;
    bool taken;             /* tables say when pictures were taken, since they are sorted by it */
    struct preview preview; /* of pictures, in tables; none unless preview_begin says so */
};

void output_init(struct output *output, int format);

/* fflush(stdout), which keeps why it failed for output_close. */
void output_flush(void);

/* Closes stdout; the errno of the first failure if anything could not be written, else 0. */
int output_close(void);

/* Why a picture has no result, in json by that schema. The path may be NULL: json has no "path" then. */
int output_failure(
    const struct output *output, const char *schema, const char *path, const char *reason, struct err *err);

/* What is wrong with a picture that has a result all the same: a message on stderr, unless json says it. */
void output_warning(const struct output *output, const char *warning);

/* For tables: a path in bold on a line; a share of 0 to 1 with a bar, 31 columns with two blanks behind; a cosine, 9 of them. */
enum { OUTPUT_SHARE_WIDTH = 31, OUTPUT_COSINE_WIDTH = 9 };
void output_path(const struct output *output, const char *path);
void output_share(const struct output *output, double share);
void output_cosine(double cosine);

/* ---- classify ------------------------------------------------------------------------------------------ */

/*   table  path, then a line a label with its score, a share also as a bar; with one label a picture at most, a line a
 *          picture
 *   tsv    path, label, score, label, score, ...: a line a picture
 *   json   {"path": ..., "labels": [{"label": ..., "probability": ...}], "score": ...}, and "outside": true where the
 *          picture is outside what the model knows; "cosine" in the place of "probability" where that is the score; a
 *          "warning" where the picture is damaged, but was read */
struct label_output {
    struct output base;
    const struct classifier *classifier;
    bool block;      /* several lines a picture */
    int label_width; /* columns of the widest label */
};

/* `top`: of labels a picture, at most. */
void label_output_init(
    struct label_output *output, int format, const struct classifier *classifier, size_t top);

/* The labels of a picture, best (count), of which there may be none; `outside` is the encoder's word on it, `warning` the
 * loader's, which may be empty. */
int output_labels(const struct label_output *output, const char *path, const struct prediction *best,
    size_t count, bool outside, const char *warning, struct err *err);

/* ---- rank ---------------------------------------------------------------------------------------------- */

/* Captions in their given order, and the ranking of them all.
 *
 *   table  path, then a line a caption: its probability, its cosine, and that to win against the next
 *   tsv    path, caption, cosine, probability, that to win against the next (empty for the last): a line a
 *          caption
 *   json   {"path": ..., "captions": [{"caption": ..., "index": ..., "cosine": ..., "probability": ...}], "wins":
 *          [[...]]}: captions best first, index from 0 in the given order; wins[i][j] is the probability that
 *          captions[i] wins against captions[j]; then "score": "softmax" or "sigmoid", "outside" and "warning" as above */
struct caption_ranking {
    const char *path;
    const char *const *captions;   // (count)
    const struct prediction *best; // (count), best first
    size_t count;
    struct score_rule score;
    bool outside;
    const char *warning; /* empty: none */
};

int output_captions(const struct output *output, const struct caption_ranking *ranking, struct err *err);

#endif
