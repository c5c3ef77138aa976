// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: the model, for many threads at once.
 *
 * Texts and pictures have an encoder and a queue each, so that neither waits for the other; requests meet there in
 * batches (batcher.h). Texts are cut into tokens on the thread that asks; pictures are decoded on a pool as large as
 * the CPUs, however many ask.
 *
 * A model that nobody has used for some time can be given back to the system: what it is stays known, and who needs it
 * next loads it again, while others who need it wait.
 */
#ifndef DIPTYCH_SERVICE_ENGINE_H
#define DIPTYCH_SERVICE_ENGINE_H

#include "joint/joint.h"
#include "service/batcher.h"

struct engine_options {
    const char *directory; /* of the model */
    struct adapters adapters;
    struct device_options device;
    struct picture_options picture; /* limits on what is decoded */
    size_t text_batch, picture_batch;
    size_t queue;        /* texts, and pictures, that may wait */
    double idle_seconds; /* without use after which the model is given back; 0: never */

    /* Once: that a picture is outside what the model knows. On any thread. */
    void (*tell)(void *context, const char *line);
    void *context;
};

struct engine;

/* Loads the model and encodes a text and a picture, so that what is compiled on first use is. Errors are those of
 * device_open, model_open and encoder_open. */
int engine_open(struct engine **out, const struct engine_options *options, struct err *err);
void engine_free(struct engine *engine); /* no call may be under way */

/* What is known without the model. */
const struct model_config *engine_config(const struct engine *engine);
struct score_rule engine_score(const struct engine *engine);
const char *engine_fingerprint(const struct engine *engine);
const char *engine_directory(const struct engine *engine);
size_t engine_width(const struct engine *engine); /* E */
struct device *engine_device(const struct engine *engine);
size_t engine_picture_tokens(
    const struct engine *engine); /* of one picture: its patches, and the class token where there is one */

/* The model, loaded if it is not, until engine_let_go. Errors are those of engine_open; ERR_IO where another model is in its
 * place by now; ERR_CANCELLED: the job ended the wait for another that loads it. */
int engine_hold(const struct model **out, struct engine *engine, const struct job *job, struct err *err);
void engine_let_go(struct engine *engine);
bool engine_loaded(const struct engine *engine);

/* A text, the ids of one, or a picture. */
enum input_kind { INPUT_TEXT, INPUT_IDS, INPUT_PICTURE };
struct input_notes {
    bool outside;                       /* it is outside what the model knows */
    char warning[PICTURE_WARNING_SIZE]; /* struct picture's */
};
struct input {
    enum input_kind kind;
    const char *text;
    const int32_t *ids; // (id_count): with start and end, as the tokenizer makes them
    size_t id_count;
    struct picture_source picture;
    enum alpha_rule alpha;     /* what becomes of the picture's transparency */
    int *edges;                // (2): gets the picture's width and height; NULL: nobody asks
    struct input_notes *notes; /* gets what there is to say of a picture; NULL: nobody asks */
    struct err *problem; /* gets what is wrong with it, and the others go on without it; NULL: all fail */
};

/* embeddings (count, E) of length 1 of inputs (count). *tokens counts what the towers have looked at: the tokens of
 * texts, start and end among them, and the patches of pictures with their class token.
 *
 *   ERR_BUSY      too much is waiting already
 *   ERR_CANCELLED the job ended it
 *   errors of engine_hold
 *   ERR_FORMAT, ERR_UNSUPPORTED, ERR_LIMIT, ERR_ARGUMENT: an input is at fault; the message says which
 *   ERR_DEVICE, ERR_MEMORY */
int engine_encode(struct engine *engine, float *embeddings, const struct input *inputs, size_t count,
    size_t *tokens, const struct job *job, struct err *err);

/* thumbnail_read, of as many pictures at once as there are CPUs, however many ask; ERR_CANCELLED too. Needs no model. */
int engine_thumbnail(struct engine *engine, struct thumbnail *out, struct picture_source source, int edge,
    const struct picture_options *options, const struct job *job, struct err *err);

/* Whether the device still does what it is given: ERR_DEVICE where a batch has taken more than `patience` seconds so
 * far. Where the last batch of texts or pictures has failed, another is tried, and its error is this one's: a device that
 * has recovered is healthy again without anybody asking for anything else. A model that was given back stays so. */
int engine_check(struct engine *engine, double patience, const struct job *job, struct err *err);

struct engine_counts {
    struct batcher_counts texts, pictures;
};
struct engine_counts engine_counts(struct engine *engine);

#endif
