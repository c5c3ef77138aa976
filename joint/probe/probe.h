// SPDX-License-Identifier: Apache-2.0
/*
 * joint/probe: classifiers of a model's embeddings, learned from pictures whose labels are known.
 *
 *   struct examples   embeddings of labelled pictures
 *   struct lesson     which of them to learn from, to choose by and to measure with
 *   probe_fit         a linear classifier of them, with the objective of scikit-learn's LogisticRegression
 *   probe_sweep       the strength of its penalty that is best on other examples
 *   struct probe      such a classifier with its labels and its model's fingerprint, in a file
 *   few_shot_run      how good it gets with a few examples a class, beside zero-shot and Tip-Adapter
 *
 * Embeddings (count, E) are float32 and of length 1.
 */
#ifndef DIPTYCH_JOINT_PROBE_PROBE_H
#define DIPTYCH_JOINT_PROBE_PROBE_H

#include "joint/evaluation/evaluation.h"

/* ---- examples ------------------------------------------------------------------------------------------ */

/* Zero-initialise. */
struct examples {
    float *embeddings; // (count, E)
    size_t
        *first; // (count + 1): example i shows labels[first[i]] to labels[first[i + 1] - 1], in rising order
    size_t *labels; // (first[count])
    size_t count, width, classes;
    bool several;  /* an example may have several labels or none; else each has one */
    size_t failed; /* pictures that could not be read, all reported to the job */

    size_t room, label_room;
};

/* Adds the pictures with their embeddings; those that cannot be read are reported, counted, and no examples. The loader is
 * encode_pictures's. *seen: so many of `total` pictures were looked at before, and then after.
 * ERR_FORMAT: an embedding is not finite, with the picture; ERR_CANCELLED, ERR_DEVICE, ERR_MEMORY. */
int examples_add(struct examples *examples, struct encoder *encoder, struct loader *loader,
    const struct labelled_pictures *pictures, size_t *seen, size_t total, const struct job *job,
    struct err *err);
void examples_release(struct examples *examples);

/* Some of them. */
struct example_set {
    const struct examples *of;
    const size_t *rows; // (count): which ones; NULL: the first `count`
    size_t count;
};

static inline size_t example_row(const struct example_set *set, size_t i)
{
    return set->rows ? set->rows[i] : i;
}

static inline const float *example_embedding(const struct example_set *set, size_t i)
{
    return &set->of->embeddings[example_row(set, i) * set->of->width];
}

static inline struct picture_labels example_labels(const struct example_set *set, size_t i)
{
    const size_t *first = &set->of->first[example_row(set, i)];
    return (struct picture_labels){&set->of->labels[first[0]], first[1] - first[0]};
}

/* counts (classes): how many examples show each. */
void example_counts(size_t *counts, const struct example_set *set);

/* Sorts the rows of a set: `taken` up to `most` of each class (of an example with several labels the first counts), drawn by
 * the seed, and `left` the others; both for free(). `share`, if it is above 0, takes the place of `most`: that share of each
 * class, rounded, and none of a class that would have no other. ERR_MEMORY. */
int examples_draw(size_t **taken, size_t *taken_count, size_t **left, size_t *left_count,
    const struct example_set *set, size_t most, double share, uint64_t seed, struct err *err);

/* ---- lessons ------------------------------------------------------------------------------------------- */

enum { LESSON_TRAIN, LESSON_VALIDATION, LESSON_TEST, LESSON_PARTS };

/* What there is to learn from, to choose by, and to measure with. Zero-initialise. */
struct lesson {
    struct labelled_pictures parts[LESSON_PARTS]; /* without pictures: there is no such part */
    const struct strings *labels;                 /* the training part's */
    struct examples examples;                     /* of all parts */
    size_t *rows[LESSON_PARTS];                   // (counts): which of them are whose
    size_t counts[LESSON_PARTS];
    size_t failed[LESSON_PARTS]; /* pictures that could not be read */
    bool held_out;               /* the validation part was taken from the training part */
};

struct lesson_options {
    struct labelled_options labelled; /* its names and part are set here */
    const char *validation,
        *test; /* where these parts are; NULL: where the training part is, if it has parts */
};

/* Lists the pictures of all parts. All have the labels of the training part, each of which it must show.
 *
 *   ERR_ARGUMENT  labels without a picture to learn from, a pipe, or a part where pictures have several labels and those to
 *                 learn from have one
 *   and labelled_pictures_read's, with the part; may_go_on of that part says whether allow_missing would help */
int lesson_read(struct lesson *lesson, const char *const *paths, size_t count,
    const struct lesson_options *options, const struct job *job, struct err *err);

/* Fills examples and rows. With hold_out above 0 and no validation part that share of each label's training examples becomes
 * one, drawn by the seed; a label with one example keeps it. Errors are examples_add's, and ERR_ARGUMENT where no picture of a
 * label or part could be read. */
int lesson_encode(struct lesson *lesson, struct encoder *encoder, struct loader *loader, double hold_out,
    uint64_t seed, const struct job *job, struct err *err);
struct example_set lesson_set(const struct lesson *lesson, int part);

/* How many labels have fewer than `least` examples in a part, with the first few in names, quoted; also where memory for counting
 * is out: 0. */
size_t lesson_short(char names[LABEL_NAMES], const struct lesson *lesson, int part, size_t least);
void lesson_release(struct lesson *lesson);

/* ---- fitting ------------------------------------------------------------------------------------------- */

/* The objective is that of scikit-learn 1.9's LogisticRegression(C=c, tol=tolerance, max_iter=iterations), which has lbfgs
 * and an intercept without penalty as its defaults. With n the sum of the examples' weights,
 *
 *     1/n * sum of weight * cross-entropy(softmax(W x + b), label)  +  1 / (2 C n) * |W - W0|^2
 *
 * where W0 is zero in scikit-learn. Two classes have one vector there, w = W[1] - W[0] with sigmoid(w x + b), which is kept as
 * W = (-w/2, w/2). With several labels a picture each label is a problem of its own, sigmoid against the rest, as
 * OneVsRestClassifier(LogisticRegression(...)) has it.
 *
 * It ends when no element of the gradient is above the tolerance. All of it is float64.
 *
 * W0, "start", is where the weights are drawn to instead: a zero-shot classifier's vectors times its scale. The penalty is the
 * zero-shot prior of CLAP (Silva-Rodriguez et al. 2024, https://arxiv.org/abs/2312.12730, equation 8) with the same multiplier
 * for each class: C -> 0 is the zero-shot classifier, C -> infinity plain logistic regression. */
struct probe_fit_options {
    double c;         /* C > 0 */
    double tolerance; /* > 0 */
    size_t iterations;
    const double *weights; // (classes): of the examples of a class; NULL: 1
    bool balanced;         /* weights are n / (classes * examples of the class) */
    const float *start;    // (classes, E): W0; NULL: 0
};

#define PROBE_FIT_OPTIONS                                                                                    \
    {                                                                                                        \
        .c = 1, .tolerance = 1e-4, .iterations = 1000                                                        \
    }

/* Zero-initialise. */
struct probe_fitted {
    float *weights;                 // (classes, E)
    float *intercepts;              // (classes)
    double objective;               /* of several labels the mean over them */
    size_t iterations, evaluations; /* of several labels the most of any */
    bool converged;                 /* false: `iterations` were not enough */
};

/* ERR_ARGUMENT: no examples, or a class has none, or of several labels all are; ERR_CANCELLED, ERR_MEMORY, ERR_LIMIT. */
int probe_fit(struct probe_fitted *out, const struct example_set *set,
    const struct probe_fit_options *options, const struct job *job, struct err *err);
void probe_fitted_release(struct probe_fitted *fitted);

/* ---- how good it is ------------------------------------------------------------------------------------ */

/* logits (count, classes) = embeddings * transpose(weights) + intercepts. */
void probe_logits(float *logits, const struct example_set *set, const float *weights, const float *intercepts,
    const struct job *job);

/* The share of examples whose label has the highest logit; with several labels a picture the mean average precision. The first
 * of equals is the best. ERR_MEMORY. */
int logits_score(double *out, const float *logits, const struct example_set *set, struct err *err);

/* The mean of -log p of what examples show, with the logits divided by a temperature: over examples, with several labels over
 * examples and labels. */
double logits_loss(const float *logits, const struct example_set *set, double temperature);

/* The temperature with the least such loss (Guo et al. 2017, https://arxiv.org/abs/1706.04599), from 1/1000 to 1000. */
double logits_temperature(const float *logits, const struct example_set *set);

/* The C that is best on `judges` for a probe on `set`, as CLIP has found its own (Radford et al. 2021, https://arxiv.org/abs/2103.00020,
 * appendix A.3): of 10^-6, 10^-4, ... 10^6 the best, then steps half as wide on both sides of it, down to eight a decade: one of
 * 97 values from 15 fits. The best is the highest logits_score, of equals the least logits_loss. */
struct sweep_step {
    double c, score, loss;
};
enum { SWEEP_STEPS = 15 };

struct probe_sweep {
    struct sweep_step steps[SWEEP_STEPS]; // (count), as they were tried
    size_t count, best;
};

/* Errors are probe_fit's. */
int probe_sweep(struct probe_sweep *out, const struct example_set *set, const struct example_set *judges,
    const struct probe_fit_options *options, const struct job *job, struct err *err);

/* ---- the probe in its file ----------------------------------------------------------------------------- */

/* A linear classifier of one model's embeddings. Zero-initialise. */
struct probe {
    struct strings labels;
    size_t width;                 /* E */
    bool several;                 /* a sigmoid for each label; else a softmax over all */
    float *weights;               // (labels, E)
    float *intercepts;            // (labels)
    double temperature;           /* that logits are divided by; 1: none was measured */
    char model[FINGERPRINT_SIZE]; /* model_fingerprint's */
    char *made;                   /* how, as a JSON object: for people */
};

/* A safetensors file: "weight" (labels, E) and "bias" (labels), float32, and as its __metadata__
 *
 *     format "diptych-probe", version "1", labels ["cat", "dog"], several "true" or "false", temperature, model, made
 *
 * all of which are texts, labels and made in JSON. It appears whole or not at all. ERR_IO, ERR_MEMORY. */
int probe_save(const struct probe *probe, const char *path, struct err *err);

/* ERR_FORMAT: it is damaged, or no probe; ERR_UNSUPPORTED: of a later version; ERR_IO, ERR_MEMORY. Release it also after an
 * error. */
int probe_load(struct probe *out, const char *path, struct err *err);
void probe_release(struct probe *probe);

/* ERR_ARGUMENT: the probe, of that path, was made with another model than the one of this directory and fingerprint. */
int probe_check(const struct probe *probe, const char *path, const char *model_directory,
    const char *fingerprint, struct err *err);

/* The probe as a classifier, with its temperature. ERR_MEMORY. */
int probe_classifier(struct classifier **out, const struct probe *probe, struct err *err);

/* ---- learning a probe ---------------------------------------------------------------------------------- */

struct probe_options {
    struct probe_fit_options fit; /* c 0: probe_sweep finds it */
    const char *made_from;        /* for probe.made: what was learned from */
};

/* How good a probe is on a part. */
struct probe_result {
    size_t examples; /* 0: there is no such part */
    double score;    /* logits_score's */
    double error;    /* calibration_of's, NAN with several labels; and without the temperature */
    double error_before;
};

struct probe_report {
    struct probe_sweep sweep; /* count 0: C was given */
    double c, temperature, objective;
    size_t iterations;
    bool converged;
    struct probe_result
        results[LESSON_PARTS]; /* of the validation part with what was learned before it was learned from */
};

/* A probe of the lesson, as CLIP's appendix A.3 makes them: C by probe_sweep on the validation part, and then fitted once more on
 * training and validation part together, and measured on the test part. The temperature is that of the validation part, with a
 * probe that has not learned from it; without such a part it is 1. probe.model is the caller's to set.
 * Errors are probe_fit's, and ERR_ARGUMENT where C is to be found and there is no validation part. */
int probe_learn(struct probe *out, struct probe_report *report, const struct lesson *lesson,
    const struct probe_options *options, const struct job *job, struct err *err);

/* Weights of labels, for free(), of a file with "label<TAB>weight" a line; 1 where it has none. ERR_FORMAT with the line,
 * ERR_NOT_FOUND: no such label; ERR_IO, ERR_MEMORY. */
int class_weights_read(double **out, const struct strings *labels, const char *path, struct err *err);

/* ---- few shots ----------------------------------------------------------------------------------------- */

/* Tip-Adapter (Zhang et al. 2022, https://arxiv.org/abs/2207.09519) without its training: examples are a cache that a picture x
 * is compared with, and what is alike speaks for its label, beside the zero-shot classifier:
 *
 *     logit of k = scale * x . zero_shot[k] + alpha * sum over examples f that show k of exp(-beta (1 - x . f)) */
struct tip_adapter {
    struct example_set cache;
    const float *zero_shot; // (classes, E)
    float scale;
    double alpha, beta;
};

/* logits (set->count, classes). ERR_CANCELLED, ERR_MEMORY. */
int tip_adapter_logits(float *logits, const struct tip_adapter *adapter, const struct example_set *set,
    const struct job *job, struct err *err);

/* Sets alpha and beta to those with the highest logits_score on the judges, of the authors' grids: 20 of alpha from 0.1 on below
 * 3, and 200 of beta from 0.1 on below 7; the first of equals. ERR_ARGUMENT: no judges; ERR_CANCELLED, ERR_MEMORY. */
int tip_adapter_search(
    struct tip_adapter *adapter, const struct example_set *judges, const struct job *job, struct err *err);

/* How good ways to learn are with few examples a label: the mean over draws, and how much it varies. */
enum few_shot_method {
    FEW_SHOT_ZERO_SHOT,   /* none at all */
    FEW_SHOT_TIP_ADAPTER, /* tip_adapter_search on the judges */
    FEW_SHOT_PROBE,       /* probe_fit from zero, C by probe_sweep on the judges */
    FEW_SHOT_BLEND,       /* the same from the zero-shot classifier */
    FEW_SHOT_METHODS
};
extern const char *const few_shot_names[FEW_SHOT_METHODS];

struct few_shot_options {
    const size_t *shots; // (count): examples a label
    size_t count;
    size_t draws;
    uint64_t seed;                /* of the first draw; the next ones follow */
    const float *zero_shot;       // (classes, E)
    float scale;                  /* the model's, of cosines */
    struct probe_fit_options fit; /* but for C and start */
};

struct few_shot_row {
    size_t shots;
    double mean[FEW_SHOT_METHODS],
        deviation[FEW_SHOT_METHODS]; /* of logits_score on the test part; over draws, with n - 1 */
};

/* rows (options->count). A draw takes so many examples a label from the training part, or all that a label has, and as judges as
 * many from the validation part, at most FEW_SHOT_JUDGES, as CoOp's data sets have it (Zhou et al. 2022,
 * https://arxiv.org/abs/2109.01134). Draws of more shots hold those of fewer.
 *
 *   ERR_ARGUMENT  no validation part, or no test part
 *   ERR_UNSUPPORTED  pictures with several labels; and probe_fit's */
enum { FEW_SHOT_JUDGES = 4 };
int few_shot_run(struct few_shot_row *rows, const struct lesson *lesson,
    const struct few_shot_options *options, const struct job *job, struct err *err);

#endif
