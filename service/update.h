// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: indexes brought up to date in the background, with what becomes of it as server-sent events.
 *
 * An update is collection_sync with the sources that the index remembers, on a thread of its own; an index has one at a
 * time. It belongs to nobody: who started it may go, and others may follow it. It gives the index to requests that
 * want to add or remove something, and then goes on. What it has done stays done when it is ended.
 */
#ifndef DIPTYCH_SERVICE_UPDATE_H
#define DIPTYCH_SERVICE_UPDATE_H

#include "service/engine.h"
#include "service/http.h"
#include "service/writer.h"

struct updates;

int updates_open(struct updates **out, struct engine *engine, struct err *err); /* ERR_MEMORY */

/* Ends those that run and waits for that; none begins any more. */
void updates_stop(struct updates *updates);
void updates_free(struct updates *updates); /* after updates_stop */

/* Starts an update, or joins the one that runs, waits until it has the index, and follows it. Errors are those of
 * writer_take, and ERR_BUSY where the service is ending; ERR_LIMIT: no thread to be had. */
int updates_start(struct http_stream *out, struct updates *updates, struct writer *writer,
    const struct job *job, struct err *err);

/* Follows the one that runs, or tells how the last one ended. ERR_NOT_FOUND: there was none. */
int updates_follow(
    struct http_stream *out, struct updates *updates, const struct writer *writer, struct err *err);

/* Ends the one that runs, without waiting for that. ERR_NOT_FOUND: none does. */
int updates_cancel(struct updates *updates, const struct writer *writer, struct err *err);

#endif
