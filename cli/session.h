// SPDX-License-Identifier: Apache-2.0
/*
 * What the commands that encode pictures share: their options, the model on its device, the run over all
 * pictures, and how it ends.
 *
 *   zeroed, session_argp among the argp children -> session_begin -> session_open -> session_pictures
 *   -> session_end, also after an error
 */
#ifndef DIPTYCH_CLI_SESSION_H
#define DIPTYCH_CLI_SESSION_H

#include "cli/options.h"
#include "cli/progress.h"
#include "joint/joint.h"

/* The options of pictures and threads, and those of model_argp. Input: a struct session. A command
 * adds its own to these groups of its help; lower numbers come before. */
extern const struct argp session_argp;
enum { GROUP_PICTURES = 10, GROUP_OUTPUT, GROUP_MODEL };

struct session {
    struct model_options model_options;
    struct loader_options loader_options;
    bool quiet;      /* common_argp's input */
    bool alpha_said; /* loader_options.alpha is the user's */

    struct arena arena;
    const char *directory;    /* of the model; NULL: session_open finds it, and takes the options' adapters */
    struct adapters adapters; /* with which it is opened */
    struct device *device;
    double opened; /* when the device was, on time_now's clock */
    struct model *model;
    struct encoder *encoder;
    struct loader *loader; /* session_loader opens it */
    struct progress progress;
    size_t done, failed; /* counted by the command */
};

/* Call it with the options parsed: notes on progress can be shown from here on. */
void session_begin(struct session *session);

/* Prepares pictures as those of an index are, unless `alpha` is -1: there is none yet. ERR_ARGUMENT: the user says
 * otherwise. */
int session_prepare_as(struct session *session, int alpha, const char *index, struct err *err);

/* Opens device, model and encoder. */
int session_open(struct session *session, struct err *err);

/* Frees them, so that another one can be opened, which model_options names. */
void session_close_model(struct session *session);

/* Opens the loader, with the model open, if it is not. */
int session_loader(struct session *session, struct err *err);

/* The job of the session's long work. */
struct job session_job(struct session *session);

/* encode_pictures, whose visit prints on stdout and counts `done`. Progress goes up to `total`, what `done` will
 * be at the end. ERR_CANCELLED when the user interrupts or stdout fails. */
int session_pictures(struct session *session, const struct picture_list *pictures, size_t total,
    picture_visit *visit, void *context, struct err *err);

/* Pictures of an index, whose vectors were made in another run: looks at the first SESSION_LOOK of them, unless the model
 * knows everything, so that session_close can say that they are outside what it knows. What cannot be read is no matter. */
enum { SESSION_LOOK = 8 };
int session_look(struct session *session, const struct strings *paths, struct err *err);

/* Says how many texts of some kind, "captions" or so, were cut at the model's context length, if any were. */
void session_say_cut(const struct session *session, const char *texts, size_t count);

/* What scores of that kind are, where they are neither parts of 100 % nor cosines: each `text`, a label or a caption, has its
 * own. */
void session_say_score(struct session *session, enum score_kind kind, const char *text);

/* Says what ended the run: "cannot VERB: ..." where rc is not 0 or ERR_CANCELLED, else how many pictures it did
 * and how fast. Frees all and returns the exit status, or ends by the signal that came. */
int session_end(struct session *session, const char *verb, int rc, const struct err *err);

/* session_end without its last line, but for a word on pictures that were outside what the model knows; and the end of such
 * a line: how fast `count` were done. session_release is for what a signal ends as it should, and returns after one, too. */
int session_close(struct session *session, const char *verb, int rc, const struct err *err);
int session_release(struct session *session, const char *verb, int rc, const struct err *err);
void session_put_rate(const struct session *session, size_t count, const char *unit);

#endif
