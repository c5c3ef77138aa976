// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: something large that is in memory while it is needed.
 *
 * Who needs it holds it. Where it is away, the first who does loads it, on the thread that asks, and others wait; where
 * nobody has held it for some time, a thread of the residence's gives it back. So it is never loaded or given back while
 * it is held, and what is written in loading is seen by all who hold it.
 */
#ifndef DIPTYCH_SERVICE_RESIDENCE_H
#define DIPTYCH_SERVICE_RESIDENCE_H

#include "base/base.h"

struct residence_options {
    int (*load)(void *context, struct err *err); /* after an error there is nothing to give back */
    void (*unload)(void *context);
    void *context;
    double idle_seconds; /* until it is given back; 0: it stays */
};

struct residence;

/* Of what is loaded already. ERR_LIMIT: no thread to be had; ERR_MEMORY. */
int residence_open(struct residence **out, const struct residence_options *options, struct err *err);
void residence_free(struct residence *residence); /* nobody may hold it; it is not given back */

/* Until residence_let_go. Errors of `load`; ERR_CANCELLED: the job ended the wait for others that load. */
int residence_hold(struct residence *residence, const struct job *job, struct err *err);
void residence_let_go(struct residence *residence);

/* The same where it is there already; otherwise nothing happens, and this is false. */
bool residence_try_hold(struct residence *residence);

/* For those who watch: whether it is there. */
bool residence_there(struct residence *residence);

#endif
