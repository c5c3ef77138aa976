// SPDX-License-Identifier: Apache-2.0
/* Inside joint/train: the parts of training_run.
 *
 *   training_draw.c   what is drawn by the seed
 *   training_set.c    pictures and what is said of them
 *   training_texts.c  texts as ids
 *   training_facts.c  which texts are true of which pictures
 *   training_feed.c   batches, loaded ahead
 *   training_validate.c  how well the model does on what it does not learn from
 *   training_state.c  the folder OUT.part, with checkpoints
 *   training_options.c  what another run has to share to go on
 *   training_open.c   all of that together
 *   training.c        steps
 *   training_course.c whether their loss is that of guessing
 *   training_write.c  what comes of them
 */
#ifndef DIPTYCH_JOINT_TRAIN_TRAINING_H
#define DIPTYCH_JOINT_TRAIN_TRAINING_H

#include "joint/train/train.h"
#include "joint/train/trained_model.h"

/* ---- what is drawn ------------------------------------------------------------------------------------- */

/* order (count): the numbers 0 to count - 1, in the order of that epoch. */
void training_shuffle(size_t *order, size_t count, uint64_t seed, size_t epoch);

/* Which of a picture's `count` texts an epoch takes: chosen (each), all different unless there are fewer, which then come again. */
void training_choose(size_t *chosen, size_t each, size_t count, uint64_t seed, size_t epoch, size_t picture);

/* Which part of a picture an epoch takes: what torchvision's RandomResizedCrop.get_params makes of such numbers in [0, 1), which
 * are the area, the logarithm of the aspect ratio, y and x of each try. */
enum { CROP_TRIES = 10, CROP_NUMBERS = 4 };
struct crop_numbers {
    double tries[CROP_TRIES][CROP_NUMBERS];
};
struct picture_part training_crop_of(
    const struct crop_numbers *numbers, const double scale[2], int width, int height);
struct picture_part training_crop(
    const double scale[2], int width, int height, uint64_t seed, size_t epoch, size_t picture);

/* What else becomes of it. */
struct picture_changes training_changes(
    const struct augmentation *augmentation, uint64_t seed, size_t epoch, size_t picture);

/* ---- texts as ids -------------------------------------------------------------------------------------- */

/* Of each text what takes part. */
struct training_texts {
    int32_t *ids;  // (first[count])
    size_t *first; // (count + 1)
    size_t *eot;   // (count): which of them is pooled
    size_t count, room;
    size_t longest;   /* tokens of one */
    size_t truncated; /* texts that were cut at the context length */
};

int training_texts_encode(struct training_texts *out, const struct strings *texts,
    const struct model_config *config, const struct tokenizer *tokenizer, const struct job *job,
    struct err *err);
void training_texts_release(struct training_texts *texts);

/* Row i of a batch's ids (B, tokens), which are filled up. Returns text_eot. */
int32_t training_texts_put(int32_t *row, size_t tokens, const struct training_texts *texts, size_t i);

/* ---- facts --------------------------------------------------------------------------------------------- */

/* What captions state and pictures show. */
struct training_facts;

/* open_kinds: see training_options. ERR_ARGUMENT: no fact is of such a kind; ERR_FORMAT: a picture's captions state two values of one
 * kind; ERR_MEMORY. */
int training_facts_open(struct training_facts **out, const struct training_set *set,
    const struct strings *open_kinds, struct err *err);
void training_facts_free(struct training_facts *facts);

/* Of a text and a picture that is not its own. */
enum fits training_facts_compare(const struct training_facts *facts, size_t picture, size_t text);

/* ---- batches ------------------------------------------------------------------------------------------- */

/* One after the other, from any step on: epoch by epoch as many whole batches as there are pictures for. */
struct training_feed;

struct feed_options {
    const struct training_set *set; /* borrowed, as are texts */
    const struct training_texts *texts;
    const struct preprocess *preprocess;
    const struct loader_options *loader; /* whose batch is B */
    const struct augmentation *augmentation;
    size_t each; /* and the next three as training_options has them */
    bool draws_alike;
    const struct strings *open_kinds;
    uint64_t seed;
};

int feed_open(struct training_feed **out, const struct feed_options *options, struct err *err);
void feed_free(struct training_feed *feed);
size_t feed_epoch_steps(const struct training_feed *feed); /* batches in an epoch */

/* The batch of that step, from 0 on, without the pictures that could not be read; it lives until the next call. Those are reported
 * to the job the first time. Steps that do not follow each other throw away what was loaded ahead.
 * ERR_ARGUMENT: none of its pictures could be read; ERR_CANCELLED, ERR_MEMORY. */
int feed_next(struct contrastive_batch *out, struct training_feed *feed, size_t step, const struct job *job,
    struct err *err);
size_t feed_failed(const struct training_feed *feed); /* different pictures */

/* ---- validation ---------------------------------------------------------------------------------------- */

/* Measures a model with pictures that it does not learn from. */
struct training_judge;

struct judge_options {
    const struct training_set *set; /* all borrowed */
    const struct model_config *config;
    const struct preprocess *preprocess;
    const struct loader_options *loader; /* whose batch does not count */
    size_t chunk;                        /* pictures, or texts, at a time */
};

int judge_open(struct training_judge **out, const struct judge_options *options,
    const struct tokenizer *tokenizer, const struct job *job, struct err *err);
void judge_free(struct training_judge *judge);
size_t judge_longest(const struct training_judge *judge); /* tokens of a text */
size_t judge_failed(const struct training_judge *judge);  /* different pictures that could not be read */

/* All of out but step and best. ERR_ARGUMENT: no picture can be read; ERR_CANCELLED, ERR_DEVICE, ERR_MEMORY. */
int judge_model(struct training_validation *out, struct training_judge *judge, struct trained_model *model,
    struct device *device, const struct job *job, struct err *err);

/* ---- the course of a run ------------------------------------------------------------------------------- */

/* For runs whose numbers go wrong. */
#define TRAINING_WHAT_TO_TRY "try a lower --rate, a longer --warmup, a lower --clip, or --precision f32"

/* Zero-initialise. How far losses are above the least that their targets let them be is compared with how far they would be where all
 * logits are equal, as batches of different sizes and of pictures that share texts have different ones. */
struct course {
    bool begun;
    double above, room; /* the running means of both */
    double best;        /* the least share that the one was of the other */
};

/* Takes the loss of a batch, which is finite. ERR_LIMIT: it is that of guessing by now, and was not. */
int course_take(struct course *course, double loss, const struct contrastive_batch *batch,
    enum contrastive_loss kind, double smoothing, struct err *err);

/* ---- options ------------------------------------------------------------------------------------------- */

/* All that the weights after a step depend on, by name. `model` is its fingerprint. NULL when out of memory. */
struct json_t *training_options_json(const struct training_options *options, const struct training_plan *plan,
    const struct training_set *set, const char *model, const struct device *device);

/* ---- OUT.part ------------------------------------------------------------------------------------------ */

/* The folder of a run that is under way: nobody else writes there. Zero-initialise. */
struct training_state {
    struct arena arena;
    const char *folder, *checkpoint, *finished, *best_weights, *weights,
        *result; /* paths: its own, and in it */
    struct training_best {
        size_t judged;      /* the step after which the last validation was; SIZE_MAX: none */
        size_t step;        /* after which it was best */
        size_t waited;      /* validations since then */
        double score;       /* the best; below 0: none */
    } best;                 /* kept with a checkpoint */
    struct json_t *options; /* what another run must share to go on */
    int lock;               /* 0: none */
    bool over;              /* the run was ended when OUT was there */
    double kept;            /* when the last checkpoint was, on time_now's clock */
    size_t kept_step;       /* that it is after */
};

/* ERR_ARGUMENT: OUT is there, of something else. */
int training_is_there(const char *out, struct err *err);

/* Makes or opens the folder of the model's path `out`. options is given up. *step is where the run goes on: 0 of a new one.
 *
 *   ERR_ARGUMENT  OUT is there, not of this run; or there is a run, and it is not to go on, or it was begun with other options, which are
 *                 named; or the folder has something that is no run's and would be lost
 *   ERR_BUSY      another process is at it
 *   ERR_FORMAT    the checkpoint is damaged; ERR_IO, ERR_MEMORY */
int training_state_open(struct training_state *state, const char *out, struct json_t *options, bool resume,
    struct trained_model *model, size_t *step, struct err *err);

/* Writes a checkpoint after so many steps; what was there stays until it is whole. ERR_IO, ERR_MEMORY. */
int training_state_keep(
    struct training_state *state, const struct trained_model *model, size_t step, struct err *err);

/* The same of the best so far, beside it, and the model as it was then. */
int training_state_keep_best(
    const struct training_state *state, const struct trained_model *model, struct err *err);
int training_state_take_best(
    const struct training_state *state, struct trained_model *model, struct err *err);

/* The result, which is whole, becomes OUT, and the folder goes: the run is over. ERR_IO: nothing is lost. */
int training_state_finish(struct training_state *state, const char *out, struct err *err);
void training_state_remove(struct training_state *state);
void training_state_release(struct training_state *state);

/* ---- all together --------------------------------------------------------------------------------------- */

struct training {
    struct training_options options;
    const struct training_set *set;
    struct training_plan plan;
    struct model_config config;
    struct preprocess preprocess;
    struct training_texts texts;
    struct training_feed *feed;
    struct weights *weights;      /* where it begins; NULL: at fresh ones, with Hugging Face's names */
    struct training_judge *judge; /* NULL: none */
    struct device *device;
    struct trained_model *model;
    struct course course;
    struct training_state state;
    enum dtype dtype; /* of what is written */
    struct model_conversion written;
};

/* The loss of a model's score. */
static inline enum contrastive_loss training_loss_of(const struct model_config *config)
{
    return config->score == SCORE_SIGMOID ? LOSS_SIGMOID : LOSS_SOFTMAX;
}

/* What is measured and written is the mean of the weights, where one is asked for; twice, and all is as it was. */
int training_exchange_averages(struct training *training, struct err *err);

/* Whether what is written is the file that the run begins with, changed. Adapters that were merged leave weights of no file, and fresh
 * ones may be of none. */
bool training_changes_file(const struct training *training);

/* Writes the model, or the adapter, that the run has made, and throws the checkpoint away. ERR_IO, and those of reading the model's
 * other files. */
int training_write(struct training *training, const struct job *job, struct err *err);

#endif
