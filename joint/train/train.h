// SPDX-License-Identifier: Apache-2.0
/*
 * joint/train: a model learns from pictures and what is said of them.
 *
 *   struct training_set  pictures and their captions
 *   training_run         steps, checkpoints, validations, and the model that comes of them
 *   zero_shot_measure    what of it is forgotten by that
 */
#ifndef DIPTYCH_JOINT_TRAIN_TRAIN_H
#define DIPTYCH_JOINT_TRAIN_TRAIN_H

#include "compute/train/train.h"
#include "joint/evaluation/evaluation.h"

/* ---- pictures and what is said of them ----------------------------------------------------------------- */

/* Where they are: captions in a file and their pictures below a folder, archives of both, or pictures by class, of which their
 * templates are said. */
struct training_source {
    const char *captions,
        *split;          /* a file that caption_set_read takes, and which of Karpathy's splits; NULL: paths */
    enum data_part part; /* of paths */
    const char *const *paths; // (path_count): what labelled_pictures_read or captioned_shards_read takes
    size_t path_count;
    bool by_class;                    /* archives have classes, and not captions */
    struct labelled_options labelled; /* its folder and allow_missing are those of captions, too */
    const struct strings *templates;  /* of classes; none: the data set's own, or else `template` */
    const char *template;
};

/* Zero-initialise. */
struct training_set {
    struct picture_source *pictures; // (count): each with at least one text
    struct training_captions {
        size_t first, count;
    } * said; // (count): its texts; those of a class are shared
    size_t count;
    struct strings texts; /* none without a word */
    const char **facts; // (texts.count): as captioned_image has them, of a picture one of a kind; NULL: none
    size_t facts_room;
    size_t templates; /* of pictures by class: so many texts has each, one class after the other; else 0 */
    size_t empty;     /* captions without one, that are left out */
    size_t failed;    /* captions and members that cannot be read, all reported to the job */
    const char *name; /* of where they are */
    char hash[HASH_SIZE];    /* of the names of all pictures, and of all texts */
    struct strings left_out; /* for people, a line each */
    bool may_go_on;          /* after an error: with allow_missing it would be a line of left_out */

    /* What the above borrow from. */
    struct caption_set captions;
    struct captioned_pictures captioned;
    struct labelled_pictures labelled;
};

/* Reads where pictures are and what is said of them. Release it also after an error.
 *
 *   ERR_ARGUMENT     no caption has a word
 *   ERR_UNSUPPORTED  pictures of several classes
 *   and those of the readers */
int training_set_read(
    struct training_set *out, const struct training_source *source, const struct job *job, struct err *err);
void training_set_release(struct training_set *set);

/* labels_short of pictures by class; 0 of others. */
size_t training_set_short(char names[LABEL_NAMES], const struct training_set *set, size_t least);

/* How many pictures of one set are in the other. ERR_MEMORY. */
int training_set_shared(
    size_t *out, const struct training_set *set, const struct training_set *other, struct err *err);

/* Moves that share of the pictures, at least one, which the seed draws, to *held, which borrows from the set. ERR_ARGUMENT: none would
 * be left; ERR_MEMORY. */
int training_set_hold_out(
    struct training_set *held, struct training_set *set, double share, uint64_t seed, struct err *err);

/* ---- contrastive training ------------------------------------------------------------------------------ */

/* What of a model is trained. */
enum trained_what {
    TRAINED_ALL,
    TRAINED_TEXT, /* the vision tower is locked, as in LiT (Zhai et al., 2022): it runs forward only, as models do */
    TRAINED_VISION,      /* the text tower is */
    TRAINED_PROJECTIONS, /* the last matrix of both */
    TRAINED_LORA,        /* low-rank changes of both, for an adapter; also the scale of logits stays */
    TRAINED_COUNT
};

struct trained_what_is {
    const char *name; /* as a user says it */
    enum tower_part vision, text;
    bool scale; /* of logits, and their bias */
};
extern const struct trained_what_is trained_what_is[TRAINED_COUNT];

/* What becomes of a picture each time that it is taken, all of it drawn of the seed, the epoch and the picture alone:
 *
 *   crops    it is a part of itself: RandomResizedCrop(S, scale, bicubic) of torchvision, of a ratio from 3/4 to 4/3
 *   flips    so many of all change left and right
 *   jitters  so many change their colours, as ColorJitter(*jitter): in an order that is drawn brightness, contrast and saturation by a
 *            factor from max(0, 1 - x) to 1 + x, and hue by -x to x of its circle; where x is 0 that step is left out
 *   greys    so many are grey
 *
 * in this order, which is open_clip's, whose aug_cfg calls them scale, color_jitter_prob, color_jitter and gray_scale_prob, and flips nothing.
 * pixels_change says what they do. */
struct augmentation {
    bool crops;
    double scale[2];               /* the least and the most share of the picture's area */
    double flips, jitters, greys;  /* 0 to 1 */
    double jitter[COLOUR_CHANGES]; /* x of each enum colour_change */
};

#define AUGMENTATION                                                                                         \
    {                                                                                                        \
        .crops = true, .scale = {0.9, 1}, .jitters = 0.8                                                     \
    }

struct training_options {
    const char *model;               /* its directory */
    const struct adapters *adapters; /* merged before it begins */
    const char *
        out; /* where the trained model will be, and OUT.part meanwhile; may be NULL where training_open does not open that */
    size_t epochs, steps; /* steps 0: as many as epochs have */
    size_t chunk;         /* pictures in memory at a time, of the loader's batch; 0: all */
    bool recomputes;      /* blocks are computed again rather than kept */
    double rate, decay, beta_1, beta_2, eps, clip; /* see adamw_options and cosine_rate */
    size_t warmup;                                 /* steps; SIZE_MAX: a tenth of all */
    uint64_t seed;
    struct augmentation augmentation;
    size_t
        each; /* captions of a picture that a step takes, 1 to TEXTS_EACH_MOST: see struct contrastive_batch */
    bool
        draws_alike; /* of several captions a step takes the same of all its pictures, by their order; else each picture its own */
    const struct strings *
        open_kinds; /* of facts: a caption is not compared with a picture where a fact of each, of two such kinds,
                                       * are together in no picture, so that what is never shown is not taken for wrong; NULL: none */
    bool
        fresh; /* it begins at weights drawn by the seed, weights_fresh, and the model is there for its sizes and tokenizer: its own weights
                  only have to be there where they are open_clip's, for the names of tensors */
    struct loader_options loader; /* its batch is a step's */
    double keep_seconds;          /* between two checkpoints */
    bool resume;
    const struct training_set *
        held; /* measures the model before the first step, now and then, and after the last; NULL: nothing does */
    size_t validate;         /* steps between two validations; 0: an epoch's */
    size_t patience;         /* the run ends after so many without a better one; 0: never */
    const enum dtype *dtype; /* of the weights of the trained model; NULL: as model_convert has it, but f32 of
                              * an adapter, and of a fresh model in Hugging Face's layout */
    enum trained_what what;  /* of TRAINED_LORA an adapter is written, and no model */
    struct lora_options lora;
    const char *
        adapter; /* of TRAINED_LORA: the one that is trained on, whose rank, alpha and targets take the place of lora's; NULL */
    double smoothing; /* of targets: loss_options; 0 of a model with the sigmoid loss */
    double
        average; /* the decay of running means of weights, which are written in their place; 0: there are none */
    double
        blend; /* the share of what was trained in what is written; the rest is where it began: parameters_blend */
};

enum { TEXTS_EACH_MOST = 64 };

#define TRAINING_OPTIONS                                                                                     \
    {                                                                                                        \
        .each = 1, .epochs = 5, .rate = 1e-5, .decay = 0.2, .beta_1 = 0.9, .beta_2 = 0.98, .eps = 1e-6,      \
        .clip = 1, .warmup = SIZE_MAX, .augmentation = AUGMENTATION, .keep_seconds = 600, .blend = 1,        \
        .lora = {                                                                                            \
            .rank = 16,                                                                                      \
            .alpha = 32,                                                                                     \
            .targets = (1u << LORA_TARGETS) - 1                                                              \
        }                                                                                                    \
    }

/* What a run will be. */
struct training_plan {
    size_t pictures, texts;
    size_t steps, epoch_steps, warmup;
    size_t validate;   /* steps between two validations */
    size_t first;      /* the step that it goes on with, from 0 on */
    bool over;         /* it was ended when OUT was there: nothing is left to do */
    size_t parameters; /* that are trained */
    size_t bytes;      /* on the device, without the weights of a tower that is locked */
    size_t tokens;     /* of the longest text */
    size_t truncated;  /* texts cut at the context length */
};

/* What became of a step. */
struct training_step {
    size_t step, epoch;    /* from 1 on */
    size_t pictures;       /* that could be read */
    double loss, accuracy; /* accuracy: of pairs the share whose text is the picture's nearest of the batch */
    double rate, norm, scale; /* norm of all gradients before clipping; scale of logits */
    double seconds;
};

/* What became of a validation. */
struct training_validation {
    size_t step;     /* after which it was: 0 before the first */
    size_t pictures; /* that could be read */
    bool
        classes; /* the score is the share of pictures whose class is the nearest; else the mean of the two R@1 */
    double score, image_to_text, text_to_image; /* 0 to 1 */
    bool best;                                  /* of all so far */
};

struct training;

/* Opens the model, and the folder OUT.part where `opens` is true; a run that is to be resumed goes on where it was.
 *
 *   ERR_ARGUMENT     a batch larger than the data, options that do not go together, OUT is there already, OUT.part is of another run
 *   ERR_UNSUPPORTED  a model that cannot be trained, or not be written
 *   ERR_FORMAT       captions of one picture state two values of one kind of fact
 *   ERR_BUSY, ERR_FORMAT: of OUT.part; and those of reading the model */
int training_open(struct training **out, const struct training_set *set,
    const struct training_options *options, struct device *device, bool opens, const struct job *job,
    struct err *err);
void training_free(struct training *training);
const struct training_plan *training_plan(const struct training *training);

/* Seconds that a step takes, measured with the first batch, without a change of the model. Errors are training_run's. */
int training_measure(double *seconds, struct training *training, const struct job *job, struct err *err);

/* Trains, and writes the model, where there is a validation that of the best. The visitor sees every step and validation; one that returns non-zero ends the run, which returns that. What ends a run
 * before its last step leaves OUT.part, of the last checkpoint, which is kept now if the run was cancelled.
 *
 *   ERR_LIMIT     the loss or the gradients are no numbers any more, or the loss is that of guessing and was not
 *   ERR_ARGUMENT  no picture of a step can be read
 *   ERR_IO        the model cannot be written, or after a validation the best so far; a checkpoint that cannot is reported, and the one
 *                 before stays
 *   ERR_CANCELLED, ERR_DEVICE, ERR_MEMORY */
struct training_visitor {
    int (*step)(void *context, const struct training_step *step, struct err *err);
    int (*validation)(void *context, const struct training_validation *validation, struct err *err);
    void *context;
};
int training_run(struct training *training, const struct training_visitor *visitor, const struct job *job,
    struct err *err);
size_t training_kept(const struct training *training); /* the step that a run with --resume goes on after */
struct training_validation training_best(const struct training *training); /* its score and step */
size_t training_failed(const struct training *training); /* different pictures that could not be read */
struct model_conversion training_written(const struct training *training);

/* ---- what is forgotten --------------------------------------------------------------------------------- */

/* A model asked about pictures that it does not learn from, before training and after. */
struct zero_shot_question {
    const char *model;
    struct adapters adapters;
    const struct labelled_pictures *pictures;
    const struct loader_options *loader;
};

struct zero_shot {
    size_t pictures, failed; /* that could be read, and that could not, all reported to the job */
    double score;            /* acc@1; the mean average precision where pictures have several labels */
};

/* As class_evaluate measures it, by the pictures' own templates or else the one of the model's family. Errors are those of opening the
 * model and of class_evaluate. */
int zero_shot_measure(struct zero_shot *out, const struct zero_shot_question *question, struct device *device,
    const struct job *job, struct err *err);

#endif
