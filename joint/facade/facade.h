// SPDX-License-Identifier: Apache-2.0
/*
 * joint/facade: diptych.h over the folders below it. Public functions check and translate; the work is done elsewhere.
 *
 *   error.c, options.c   codes, messages, structs that begin with their size
 *   job.c                struct diptych_job as a struct job
 *   model.c, lane.c      a model, and its encoders for the calls that need one
 *   picture.c            struct diptych_image as a struct picture_source
 *   outcomes.c           what became of each input
 *   encode.c, classify.c, rank.c, scores.c
 *   index.c                 an index that threads take turns with; sync.c, add.c, remove.c, search.c, exchange.c
 */
#ifndef DIPTYCH_FACADE_H
#define DIPTYCH_FACADE_H

#include "joint/collection/collection.h"
#include "joint/diptych.h"
#include "joint/joint.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- errors and structs -------------------------------------------------------------------------------- */

/* What a public function begins and ends with. Between the two its thread has left the locale of the program, which is
 * handed over for callbacks and for the end; that returns rc, and fills in its message. error may be NULL. */
locale_t facade_begin(void);
int facade_end(struct diptych_error *error, int rc, const struct err *err, locale_t host);

/* ERR_ARGUMENT where a pointer that a function needs is NULL: need(model, "model", err). */
int need(const void *pointer, const char *name, struct err *err);

/* New fields of these structs begin where the struct has ended, not in padding: programs of before say nothing there.
 *
 * Copies a caller's struct, which begins with its size, over a zeroed one of `size` bytes; NULL leaves it zeroed. ERR_ARGUMENT:
 * its size is 0; ERR_UNSUPPORTED: it is larger, and says something there. */
int options_copy(void *out, size_t size, const void *options, const char *name, struct err *err);
#define OPTIONS(out, options, err) options_copy(out, sizeof *(out), options, #options, err)

/* Copies as much of a struct as the caller's has room for, which begins with its size. ERR_ARGUMENT likewise. */
int info_copy(void *out, const void *info, size_t size, struct err *err);

/* The index of text in names, which NULL ends; text NULL: 0. ERR_ARGUMENT, naming `option` and what there is. */
int choose(int *out, const char *text, const char *const *names, const char *option, struct err *err);

/* ---- jobs ---------------------------------------------------------------------------------------------- */

struct diptych_job {
    atomic_bool cancelled;
    diptych_step *step;
    diptych_report *report;
    void *context; /* of both */
    locale_t host; /* of the program's thread, for both */
    pthread_mutex_t lock;
    struct diptych_progress progress; /* under the lock */
};

/* That job, or one of nobody for NULL, with so many threads. */
struct job facade_job(struct diptych_job *job, size_t threads, locale_t host);

/* ---- turns --------------------------------------------------------------------------------------------- */

/* What several threads take from and give back to; whoever waits looks at its job. */
struct turns {
    pthread_mutex_t lock;
    pthread_cond_t given;
};

int turns_init(struct turns *turns, struct err *err);
void turns_release(struct turns *turns);

/* With the lock held: lets it go and waits until something was given back, or a while. Locked again, also after
 * ERR_CANCELLED. */
int turns_wait(struct turns *turns, const struct job *job, const char *unit, struct err *err);

/* ---- models -------------------------------------------------------------------------------------------- */

/* An encoder with all that a call needs beside it. Of one call at a time. */
struct lane {
    struct encoder *encoder;
    struct loader *loader; /* NULL until pictures come */
    enum alpha_rule alpha; /* of the loader */
    struct lane *next;
};

struct diptych_model {
    atomic_int references;
    struct arena arena; /* of strings */
    struct device *device;
    struct model *model;
    struct loader_options loading;
    size_t threads;
    const char *reference; /* collection_model's, for an index to remember */
    char fingerprint[FINGERPRINT_SIZE];

    struct turns turns;
    struct lane *idle;  /* under its lock, and the rest too */
    size_t lanes, most; /* that are open, and that may be */
};

void model_hold(struct diptych_model *model); /* for whoever outlives the caller's handle */

/* Takes a lane until lane_give: one that is idle, a new one, or the first that somebody gives back. For pictures it has a
 * loader, which prepares them by alpha (-1: the model's own rule). Errors are encoder_open's and loader_open's, and ERR_CANCELLED. */
int lane_take(struct lane **out, struct diptych_model *model, bool pictures, int alpha, const struct job *job,
    struct err *err);
void lane_give(struct diptych_model *model, struct lane *lane);

/* Of all that are idle. */
void lanes_free(struct diptych_model *model);

/* ---- inputs -------------------------------------------------------------------------------------------- */

/* sources (count) of images, in the arena or borrowed. ERR_ARGUMENT with the number of one that is not one of the
 * three; ERR_MEMORY. */
int sources_of(struct picture_source **out, struct arena *arena, const struct diptych_image *images,
    size_t count, struct err *err);

/* ERR_ARGUMENT with the number of a text that is NULL. */
int check_texts(const char *const *texts, size_t count, const char *name, struct err *err);

/* Adds texts to a list. */
int add_texts(struct strings *out, const char *const *texts, size_t count, const char *name, struct err *err);

/* ---- outcomes ------------------------------------------------------------------------------------------ */

struct diptych_outcomes {
    struct outcome_of {
        int32_t code, outside, truncated;
        const char *message; /* NULL: none */
    } * items;               // (count)
    size_t count, failed;
    struct arena arena; /* of messages */
};

int outcomes_new(struct diptych_outcomes **out, size_t count, struct err *err);

/* Keeps a failure, or a warning where the problem has no code, and reports it to the job. ERR_MEMORY. */
int outcomes_note(struct diptych_outcomes *outcomes, size_t i, const struct err *problem,
    const struct job *job, struct err *err);

/* Hands them over if they are wanted and rc is 0, and frees them otherwise. */
void outcomes_end(struct diptych_outcomes **wanted, struct diptych_outcomes *outcomes, int rc);

/* ---- encoding ------------------------------------------------------------------------------------------ */

/* What is made of the embedding (E) of picture i, NULL where it failed. */
typedef int picture_done(void *context, size_t i, const float *embedding, struct err *err);

/* Encodes pictures on a lane and hands each over in order. sizes (count) of the pictures; NULL: not wanted. */
struct picture_work {
    const struct picture_source *sources; // (count)
    size_t count;
    struct diptych_outcomes *outcomes;
    struct picture_size *sizes;
    picture_done *done;
    void *context; /* of done */
};
int pictures_encode(
    const struct picture_work *work, struct lane *lane, const struct job *job, struct err *err);

/* embeddings (count, E) of texts, whose outcomes are those from `first` on; rows of failures are NaN. */
int texts_encode(float *embeddings, struct lane *lane, const char *const *texts, size_t count,
    struct diptych_outcomes *outcomes, const struct job *job, struct err *err);

void fill_nan(float *row, size_t count);

#endif
