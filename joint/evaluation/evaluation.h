// SPDX-License-Identifier: Apache-2.0
/*
 * joint/evaluation: pictures of which something is known, and how well a model does on them.
 *
 *   struct captioned_pictures  pictures and their captions, from a folder and a file of captions, or from archives.
 *   struct labelled_pictures   pictures whose labels are known, from folders, CSV or archives.
 *   clip_score_...             how well captions fit their pictures.
 *   retrieval_...              how well pictures find their captions, and captions their pictures.
 *   class_scores_...           how well a classifier does on pictures whose labels are known.
 */
#ifndef DIPTYCH_JOINT_EVALUATION_H
#define DIPTYCH_JOINT_EVALUATION_H

#include "joint/joint.h"

/* ---- data sets ----------------------------------------------------------------------------------------- */

/* Which part of a data set. One that has no parts is all DATA_PART_TRAIN. */
enum data_part {
    DATA_PART_MEASURED, /* what one measures with: the first of test, val and train that is there, or all */
    DATA_PART_TRAIN,
    DATA_PART_VALIDATION,
    DATA_PART_TEST
};
extern const char *const data_part_names[]; /* "", "train", "validation", "test" */

/* What paths name: class folders, a CSV, or archives. Errors are labelled_pictures_read's. */
enum labelled_kind { LABELLED_FOLDERS, LABELLED_CSV, LABELLED_SHARDS };
int labelled_kind_find(enum labelled_kind *out, const char *const *paths, size_t count, enum data_part part,
    const struct excludes *excludes, struct err *err);

/* ---- pictures with captions ---------------------------------------------------------------------------- */

/* Sources (count), in the arena, of the pairs' pictures below a folder: each by the name that a caption file has
 * for it, by its id with any suffix, or by COCO's twelve digits of it. ERR_NOT_FOUND or ERR_ARGUMENT, with the
 * id, for one that is not there or there twice; ERR_IO for the folder. */
int caption_pictures(struct picture_source **out, struct arena *arena, const char *folder,
    const struct caption_pairs *pairs, const struct job *job, struct err *err);

/* The images of a set of captions that have their picture. */
struct captioned_pictures {
    struct picture_source *sources; // (count)
    int64_t *rows;                  // (count): of indexes, in the place of sources
    size_t *images;                 // (count): which image of the set
    size_t count;
    size_t without_picture;  /* images of the set */
    size_t without_captions; /* pictures that are there */
    size_t
        failed; /* of archives: captions, members and whole stretches that cannot be read, all reported to the job */

    struct strings left_out;  /* for people, a line each: what is there and not measured */
    struct picture_list list; /* what the sources borrow from; of archives with what was passed over */
};

/* Those below a folder. Images without a picture are ERR_NOT_FOUND with the first and their number; with allow_missing only where
 * all are. ERR_ARGUMENT where a name fits several pictures. Release it also after an error. */
int captioned_pictures_find(struct captioned_pictures *out, const struct caption_set *set, const char *folder,
    bool allow_missing, const struct job *job, struct err *err);

/* Those of archives as WebDataset has them: of one key a picture and a .txt, with a caption a line; lines without any are none.
 * Paths are archives, with braces, or a folder of them, also CLIP_benchmark's layout, of which `part` is taken: see
 * labelled_pictures; excludes are as there. The set's images are called as their .txt is, and none is found by its id.
 *
 * ERR_NOT_FOUND: captions without a picture, unless they are allowed or something cannot be read; no such part. ERR_ARGUMENT: there is no
 * archive, no picture with captions, or two pictures have the same ones. ERR_UNSUPPORTED: it is a data set for something else.
 * ERR_FORMAT, ERR_IO, ERR_MEMORY, ERR_CANCELLED. Release both also after an error. */
int captioned_shards_read(struct captioned_pictures *out, struct caption_set *set, const char *const *paths,
    size_t count, enum data_part part, const struct excludes *excludes, bool allow_missing,
    const struct job *job, struct err *err);
void captioned_pictures_release(struct captioned_pictures *pictures);

/* Processes of which each has some of the pictures. All of them call together what takes these, and get the same error; what it
 * says of captions and encoders is the first process's, and NULL on the others. NULL in the place of peers: this process has all.
 * Each function's first argument is the context. */
struct peers {
    void *context;
    bool first;
    int (*agree)(void *context, int rc,
        struct err *err); /* 0 where all say 0, else on all the code and message of one that does not */
    void (*tell)(void *context, void *bytes, size_t size);     /* fills in those that the first one has */
    void (*sum)(void *context, size_t *numbers, size_t count); /* makes each the sum of all processes' */
    int (*blame)(void *context, size_t index, int rc,
        struct err *
            err); /* says before the message which process it is, and which index, if not SIZE_MAX; returns rc */
};

struct index; /* index.h */

/* Pictures whose vectors indexes of one model have. Rows are numbered on from one index to the next. */
struct indexed_pictures {
    struct index *const *indexes; // (count): NULL for those that other processes have
    const int64_t *before;        // (count): rows of the indexes before each
    size_t count, width;          /* width: E */
    const char *place;            /* what people call them */
    const struct peers *peers;
};

/* Those of indexes: by the path of a picture, as it is from here or as the captions have it, or else by its names, as below a
 * folder. All get rows and count, and only the first process the rest. Errors are captioned_pictures_find's and index_each's. */
int captioned_rows_find(struct captioned_pictures *out, const struct caption_set *set,
    const struct indexed_pictures *from, bool allow_missing, const struct job *job, struct err *err);

/* ---- pictures whose labels are known -------------------------------------------------------------------- */

/* What a classifier is measured with, wherever it lies:
 *
 *   folders    DIR/NAME/...: every picture below DIR/NAME shows what NAME says, as torchvision's ImageFolder takes it
 *   CSV        a picture and its label a line, or a column of 0 and 1 for each label: joint/labelled_csv.c
 *   archives   WebDataset's: of one key a picture and a .cls, the number or the name of its label
 *
 * A folder of folders called train, val, test or so stands for one of these: the first of test, testing, val, valid,
 * validation, train and training that has pictures by class. A folder of archives may be CLIP_benchmark's layout,
 * {test,train}/{0..N}.tar, with nshards.txt beside them, and classnames.txt, zeroshot_classification_templates.txt and
 * dataset_type.txt above or beside (https://github.com/LAION-AI/CLIP_benchmark, build_wds_dataset).
 *
 * A class there has a name or a number: `labels`, in their order, are what a model is shown for it. A class is the label of
 * that name; of a data set ("@imagenet") the class whose folder or label has it, whatever the case and with _ as a blank; where
 * all of them are numbers and not all are names, the label of that row, from 0. Without `labels` they are the data set's own
 * (classnames.txt, where a name may stand twice), or else the names that there are, in byte order. */
struct labelled_options {
    const char *labels;          /* as label_list_read takes them; NULL: the data set's own */
    const struct strings *names; /* NULL, or the labels themselves, in the place of those */
    enum data_part part;
    const char *
        classes; /* NULL, or a file that has the label of each class, "n01440764<TAB>tench" a line; classes of one label are one */
    const char *folder; /* that the paths of a CSV are below; NULL: the one it lies in */
    const char
        *separator; /* between the labels of a picture in a CSV, "" for one label always; NULL: ';' and '|' */
    const struct excludes *excludes; /* of folders; NULL: the defaults */
    bool allow_missing;
};

/* Zero-initialise. */
struct labelled_pictures {
    const char *name;         /* of what is measured: of a part of a data set its folder */
    struct strings labels;    // (labels.count): one a class
    struct strings templates; /* the data set's own; none: it has none */

    struct picture_source *pictures; // (count): folder by folder, or as file and archives have them
    size_t count;
    size_t
        *first; // (count + 1): picture i shows truths[first[i]] to truths[first[i + 1] - 1], in rising order
    size_t *truths; // rows of labels
    bool several;   /* a picture may have several labels or none; else each has one */

    struct strings
        left_out; /* for people, a line each: what is there and not measured, or measured without pictures */
    bool may_go_on; /* after an error: with allow_missing it would be a line of left_out */
    bool no_part;   /* after ERR_NOT_FOUND: the part that is wanted is not there */

    struct picture_list
        list; /* what the pictures borrow from; with the files that were passed over, and what failed */
    struct arena arena;
};

/* Reads what the paths name: a folder, a CSV (an input), or any number of archives, with braces. Pictures are listed and not
 * opened. Release it also after an error.
 *
 *   ERR_NOT_FOUND  classes that are no label, labels that were asked for and are no class, pictures that are not there:
 *                  see allow_missing; or no such data set, or no such part of it
 *   ERR_ARGUMENT   no class is a label, one label alone, numbers without labels, no pictures
 *   ERR_FORMAT     a file is not as it should be: with its line or member
 *   ERR_UNSUPPORTED, ERR_IO, ERR_LIMIT, ERR_MEMORY, ERR_CANCELLED */
int labelled_pictures_read(struct labelled_pictures *out, const char *const *paths, size_t count,
    const struct labelled_options *options, const struct job *job, struct err *err);
void labelled_pictures_release(struct labelled_pictures *pictures);

/* How many labels fewer than `least` show, by counts (labels), with the first few in names, quoted. */
enum { LABEL_NAMES = 256 };
size_t labels_short(
    char names[LABEL_NAMES], const size_t *counts, const struct strings *labels, size_t least);

/* ---- CLIPScore ----------------------------------------------------------------------------------------- */

/* How well a caption fits its picture (Hessel et al. 2021, https://arxiv.org/abs/2104.08718), as the authors'
 * program computes it, with "A photo depicts " before every caption:
 *
 *   CLIPScore    = 2.5 max(cos(picture, candidate), 0)
 *   RefCLIPScore = 2 a b / (a + b), where a = CLIPScore, b = max over references of cos(candidate, reference)
 *
 * The paper clips b at 0 too and the program does not: a negative b can give any number. a = b = 0 gives NaN.
 * Here cosines and scores are computed in float64 from float32 embeddings; the program's are float32. */
double clip_score(double cosine);
double clip_score_with_references(double clip_score, double best_cosine);

/* The corpus' score is the mean of the images'. */
struct clip_scores {
    struct metric_scores clip;
    struct metric_scores with_references; /* empty where there are no references */
    size_t truncated;                     /* captions cut at the context length */
};

/* Scores the candidate of pairs[i], as it is, against pictures[i]; either all pairs have references or none,
 * and there is at least one. The first picture that cannot be read ends it with its name and reason,
 * since a mean over fewer pictures would be another number; messages about captions count images from 0. The
 * loader's batches are at most the encoder's. Steps of the job count pictures; nothing is kept of work that is
 * ended. ERR_ARGUMENT: no pairs, or some without references; ERR_FORMAT: a caption is not UTF-8; picture_read's,
 * ERR_DEVICE, ERR_CANCELLED, ERR_MEMORY. */
int clip_score_compute(struct clip_scores *out, struct encoder *encoder, struct loader *loader,
    const struct picture_source *pictures, const struct caption_pair *pairs, size_t count,
    const struct job *job, struct err *err);
void clip_scores_release(struct clip_scores *scores);

/* ---- evaluation: retrieval ----------------------------------------------------------------------------- */

/* Every picture asks for its captions among all captions, and every caption for its picture among all
 * pictures, by cosine. The rank of a query is that of its best positive, 1 for the best:
 *
 *   rank   = 1 + the number of negatives whose cosine is not below that of the query's best positive
 *   R@k    = the share of queries with rank <= k
 *   median = the middle rank; the mean of the two middle ones where their number is even
 *
 * R@k is what papers on CLIP print and CLIP_benchmark calls image_retrieval_recall@k (text to image) and
 * text_retrieval_recall@k (image to text): a picture with several captions has a hit as soon as any of them
 * is among the k best (https://github.com/LAION-AI/CLIP_benchmark, metrics/zeroshot_retrieval.py).
 *
 * Ties go against the query: the reference leaves them to the order of files and the sort at hand, by which a
 * model that gives every pair the same cosine may score anything; here it scores 0. So does NaN. */
enum { RETRIEVAL_CUTOFFS = 3 };
extern const size_t retrieval_cutoffs[RETRIEVAL_CUTOFFS]; /* the k of R@k: 1, 5, 10 */

struct retrieval_scores {
    size_t queries;
    double recall[RETRIEVAL_CUTOFFS]; /* 0 to 1 */
    double median_rank, mean_rank;
};

struct retrieval {
    struct retrieval_scores image_to_text, text_to_image;
    size_t *image_ahead,
        *caption_ahead; // (queries of either): the negatives ahead of each query, its rank less 1
    size_t *image_of;   // (captions)
};

/* For images (image_count, E) and captions (caption_count, E) of length 1, where caption i says what image
 * image_of[i] shows. An image without a caption is ERR_ARGUMENT. A pair's cosine is its float32 dot_product;
 * matrix products on the device settle most comparisons, and those that are too close for them are done with it,
 * so results depend neither on the device nor on the number of threads. No cosine is kept: memory is linear in the
 * counts. Errors are also those of layers. */
int retrieval_compute(struct retrieval *out, struct device *device, const float *images, size_t image_count,
    const float *captions, const size_t *image_of, size_t caption_count, size_t width, const struct job *job,
    struct err *err);
void retrieval_release(struct retrieval *retrieval);

/* How sure R@1, R@5 and R@10 are, from image to text and then from text to image, and differences to the first of several
 * models on the same pictures: bootstrap_compute over pictures, each drawn with its captions, whose ranks among all
 * captions and pictures stay. out (models, RETRIEVAL_RATES). ERR_ARGUMENT too where the pictures are not the same. */
enum { RETRIEVAL_RATES = 2 * RETRIEVAL_CUTOFFS };
void retrieval_rates(double rates[RETRIEVAL_RATES], const struct retrieval *retrieval);
int retrieval_bootstrap(struct bootstrap_score *out, const struct retrieval *models, size_t count,
    size_t samples, uint64_t seed, const struct job *job, struct err *err);

/* The evaluation of a model: encodes the pictures and their captions, as they are, and computes the above. A
 * picture that cannot be read is reported to the job and left out with its captions; none at all is ERR_ARGUMENT.
 * A caption that cannot be encoded ends it with image and number. The loader's batches are at most the
 * encoder's. */
struct retrieval_evaluation {
    struct retrieval scores;
    size_t pictures, failed; /* looked at, also when the job ended it; and of these unreadable */
    size_t truncated;        /* captions cut at the context length */
};

/* Release out->scores also after an error. */
int retrieval_evaluate(struct retrieval_evaluation *out, struct encoder *encoder, struct loader *loader,
    const struct caption_set *set, const struct captioned_pictures *pictures, const struct job *job,
    struct err *err);

/* The same of captioned_rows_find's pictures, whose vectors are taken as the indexes keep them: f16 and i8 are rounded, and so are
 * their lengths. Nothing is `failed`: a damaged row is ERR_FORMAT. Processes compare the pictures that they have with all captions,
 * on the device, and scores are the same on all, however the pictures are shared out. */
int retrieval_evaluate_rows(struct retrieval_evaluation *out, struct encoder *encoder,
    const struct caption_set *set, const struct captioned_pictures *pictures,
    const struct indexed_pictures *from, struct device *device, const struct job *job, struct err *err);

/* ---- evaluation: classification ------------------------------------------------------------------------ */

enum { OUTCOME_TOP = 5 }; /* best labels that an outcome takes notice of */

/* What became of a picture whose labels are known. */
struct outcome {
    size_t truth; /* the row of its label, of several the one that stands best; LABEL_NONE: it has none */
    struct prediction
        best[OUTCOME_TOP]; /* what the classifier says; without labels enough the last are zeros */
    size_t place;          /* of the truth among the best: 0 where it is right, `top` where not among them */
    float truth_probability; /* NAN where not among them */
};

#define LABEL_NONE SIZE_MAX

/* The rows of the labels that a picture shows. */
struct picture_labels {
    const size_t *rows; // (count)
    size_t count;
};
struct picture_labels labelled_picture(const struct labelled_pictures *pictures, size_t i);

/* From the `top` best labels, as classifier_rank puts them: ties go to the label that comes first. */
struct outcome outcome_of(struct picture_labels labels, const struct prediction *best, size_t top);

/* With CLIP_benchmark's names (metrics/zeroshot_classification.py):
 *
 *   acc1 = the share of pictures whose label is the best, acc5 = is among the best five
 *   mean_per_class_recall = the mean over labels that have pictures of right / pictures */
struct class_recall {
    size_t pictures, right;
};

struct confusion {
    size_t truth, predicted, count; /* pictures of one label that were taken for another */
};

struct class_scores {
    double acc1, acc5; /* acc5 is NaN under 5 labels, where all are among the best five */
    double mean_per_class_recall;
    struct class_recall *classes; // (labels)
    struct confusion *confusions; // (confusion_count), the most frequent first, equals by rows
    size_t labels, confusion_count;
};

/* For outcomes of the OUTCOME_TOP best labels, or of all where there are fewer; at least one outcome. Memory
 * is linear in pictures and labels. */
int class_scores_compute(
    struct class_scores *out, const struct outcome *outcomes, size_t count, size_t labels, struct err *err);
void class_scores_release(struct class_scores *scores);

/* Whether the classifier is as sure as it is right: pictures in bins of equal width by confidence, the probability of the
 * best label, of which bin i has (i / 15, (i + 1) / 15], and the expected calibration error (Guo et al. 2017,
 * https://arxiv.org/abs/1706.04599)
 *
 *     sum over bins of pictures / all * |accuracy - confidence|, the means of the bin
 *
 * torchmetrics' multiclass_calibration_error (norm l1, 15 bins) is the same but for pictures whose confidence is a bin's
 * bound: its bins are [i / 15, (i + 1) / 15), and 1 is a bin by itself. */
enum { CALIBRATION_BINS = 15 };

struct calibration_bin {
    size_t pictures;
    double confidence, accuracy; /* means; 0 without pictures */
};

struct calibration {
    struct calibration_bin bins[CALIBRATION_BINS];
    double error; /* 0 to 1 */
};

struct calibration calibration_of(const struct outcome *outcomes, size_t count);

/* Average precision, where pictures may show several labels: with the pictures by a score for the label, the highest first,
 *
 *   AP  = the mean over the pictures that show it of: how many of the pictures down to there do, as a share; 0 where none does
 *   mean_average_precision = the mean over all labels
 *
 * as CLIP_benchmark 1.6.2 has it (metrics/zeroshot_classification.py, average_precision_per_class) and scikit-learn 1.9
 * (average_precision_score). They differ where scores are equal: there CLIP_benchmark goes by the order of files, and
 * scikit-learn, as is done here, goes down to the last of the equals at once. NaN is the lowest. */
struct scored_picture {
    float score;
    bool positive;
    uint32_t picture; /* the caller's number for it */
};
double average_precision(struct scored_picture *pictures, size_t count); /* which it sorts */

struct average_precisions {
    double mean;
    double *classes;  // (labels)
    size_t *pictures; // (labels): that show it
    size_t labels;

    struct ranked_picture
        *order; // (labels, count): the pictures by the score for each label, the highest first
    size_t count;
};

/* A picture in that order. */
struct ranked_picture {
    uint32_t picture : 30;
    uint32_t positive : 1;
    uint32_t last : 1; /* of those that have the same score */
};

/* By the cosines of embeddings (count, E) and rows (labels, E), of length 1. The orders take 4 bytes a picture and label; where
 * that were more than a GiB there are none, and precisions_bootstrap refuses. ERR_ARGUMENT: no pictures; ERR_CANCELLED,
 * ERR_MEMORY. */
int average_precisions_compute(struct average_precisions *out, const float *embeddings, size_t count,
    const struct picture_labels *shown, const float *rows, size_t labels, size_t width, const struct job *job,
    struct err *err);
void average_precisions_release(struct average_precisions *precisions);

/* The evaluation of a model: gives every picture its best labels and scores them. A picture that cannot be read is
 * reported to the job and left out. The classifier's labels are those of `pictures`, in their order; the loader is
 * encode_pictures's. Where pictures have several labels there are no scores but average precisions; the embeddings are
 * kept for them. Release it also after an error, ERR_CANCELLED too. */
struct class_evaluation {
    struct class_scores scores;
    struct average_precisions precisions;
    struct outcome *outcomes; // (count): of the pictures that could be read
    size_t *pictures;         // (count): which ones they are
    size_t count, failed;
};

int class_evaluate(struct class_evaluation *out, struct encoder *encoder, struct loader *loader,
    const struct classifier *classifier, const struct labelled_pictures *pictures, const struct job *job,
    struct err *err);
void class_evaluation_release(struct class_evaluation *evaluation);

/* acc1 of a model of open_clip's name ("ViT-B-32/openai", or "openai/ViT-B-32") on a data set ("imagenet"), as somebody has
 * published it. ERR_NOT_FOUND, with what there is. */
struct published {
    char model[64];
    size_t pictures; /* of the data set */
    double acc1;
    const char *source;
};
int published_find(struct published *out, const char *model, const char *data_set, struct err *err);

/* How far a share of so many pictures is above the published one, in standard errors of a share, sqrt(p (1 - p) / n). */
double published_errors(const struct published *published, double acc1, size_t pictures);

/* How sure these rates are, and differences to the first of several models on the same pictures: bootstrap_compute over
 * pictures. A class of which no picture is drawn does not count in a sample's mean recall. out (models, CLASS_RATES).
 * ERR_ARGUMENT too where the pictures are not the same. */
enum class_rate { CLASS_ACC1, CLASS_ACC5, CLASS_RECALL, CLASS_RATES };
void class_rates(double rates[CLASS_RATES], const struct class_scores *scores);
int class_bootstrap(struct bootstrap_score *out, const struct class_evaluation *models, size_t count,
    size_t samples, uint64_t seed, const struct job *job, struct err *err);

/* The same of the mean average precision: out (models). A label that no picture drawn shows counts as 0, as in the mean itself.
 * ERR_LIMIT where the orders were too large to be kept. */
int precisions_bootstrap(struct bootstrap_score *out, const struct class_evaluation *models, size_t count,
    size_t samples, uint64_t seed, const struct job *job, struct err *err);

/* Average precision of one label with each picture taken so many times. */
double average_precision_drawn(const struct ranked_picture *order, size_t count, const uint32_t *times);

#endif
