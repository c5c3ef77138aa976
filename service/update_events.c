// SPDX-License-Identifier: Apache-2.0
/*
 * An update as server-sent events (HTML, 9.2):
 *
 *   progress  {"unit": "pictures", "done": 3, "total": 10}; total 0: how much there is to do is not known
 *   problem   {"message"}: a file that is left out, and the update goes on
 *   done      what was done, or
 *   error     {"message"}: why it ended early, or
 *   cancelled what was done up to then: the last event, after which the answer ends
 *
 * Who is slow misses steps of progress, and nothing else.
 */
#include "service/update_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { QUIET_SECONDS = 10 }; /* then a comment says that the connection lives */

struct follower {
    struct update *update;
    uint64_t steps;  /* of those that were told */
    size_t problems; /* told */
    bool ended;      /* told */
    char *text;      /* an event, and how much of it was sent */
    size_t size, sent;
    double told; /* when something was, last */
};

/* ---- events -------------------------------------------------------------------------------------------- */

static json_t *passed_over_json(const struct passed_over *passed)
{
    json_t *counts = json_object();
    for (int kind = 0; kind < FILE_KINDS; kind++)
        if (kind != FILE_PICTURE)
            json_object_set_new(counts, file_kind_names[kind], json_integer((json_int_t)passed->files[kind]));
    return counts;
}

static json_t *counts_json(const struct update *update)
{
    const struct sync_counts *c = &update->counts;
    return json_pack(
        "{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I, s:I}, "
        "s:o, s:I, s:I, s:I, s:f}",
        "pictures", "new", (json_int_t)c->pictures.new, "changed", (json_int_t)c->pictures.changed, "copied",
        (json_int_t)c->pictures.copied, "moved", (json_int_t)c->pictures.moved, "gone",
        (json_int_t)c->pictures.gone, "excluded", (json_int_t)c->pictures.excluded, "partners",
        (json_int_t)c->pictures.partners, "missing", (json_int_t)c->pictures.missing, "unchanged",
        (json_int_t)c->pictures.unchanged, "failed", (json_int_t)c->pictures.failed, "failed_before",
        (json_int_t)c->pictures.failed_before, "texts", "new", (json_int_t)c->texts.new, "copied",
        (json_int_t)c->texts.copied, "gone", (json_int_t)c->texts.gone, "unchanged",
        (json_int_t)c->texts.unchanged, "failed", (json_int_t)c->texts.failed, "passed_over",
        passed_over_json(&c->passed), "described", (json_int_t)c->described, "encoded",
        (json_int_t)c->encoded, "failed", (json_int_t)c->failed, "seconds", update->seconds);
}

static json_t *message_json(const char *message)
{
    return json_pack("{s:o}", "message", json_text(message));
}

/* Takes over the value. */
static void tell(struct follower *follower, const char *event, json_t *value)
{
    char *json = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    const int size = json ? asprintf(&follower->text, "event: %s\ndata: %s\n\n", event, json) : -1;
    if (size < 0)
        follower->text = NULL;
    follower->size = size < 0 ? 0 : (size_t)size;
    free(json);
    json_decref(value);
}

static void tell_end(struct follower *follower)
{
    const struct update *update = follower->update;
    follower->ended = true;
    if (!update->rc)
        tell(follower, "done", counts_json(update));
    else if (update->rc == ERR_CANCELLED)
        tell(follower, "cancelled", counts_json(update));
    else
        tell(follower, "error", message_json(update->err.msg));
}

/* The next event, if there is news. The lock is held. */
static void tell_news(struct follower *follower)
{
    const struct update *update = follower->update;
    if (follower->problems < update->problems.count) {
        tell(follower, "problem", message_json(update->problems.items[follower->problems++]));
    } else if (follower->steps != update->steps) {
        follower->steps = update->steps;
        tell(follower, "progress",
            json_pack("{s:s, s:I, s:I}", "unit", update->unit, "done", (json_int_t)update->done, "total",
                (json_int_t)update->total));
    } else if (update->state == UPDATE_ENDED && !follower->ended) {
        tell_end(follower);
    } else if (!follower->ended && time_now() - follower->told > QUIET_SECONDS) {
        follower->text = strdup(":\n\n");
        follower->size = follower->text ? strlen(follower->text) : 0;
    }
}

/* ---- the stream ---------------------------------------------------------------------------------------- */

static ptrdiff_t read_news(void *context, char *out, size_t size)
{
    struct follower *follower = context;
    if (follower->sent == follower->size) {
        free(follower->text);
        follower->text = NULL;
        follower->sent = follower->size = 0;
        pthread_mutex_lock(&follower->update->updates->lock);
        tell_news(follower);
        pthread_mutex_unlock(&follower->update->updates->lock);
    }
    const size_t left = follower->size - follower->sent, some = left < size ? left : size;
    if (!some)
        return follower->ended ? -1 : 0;
    memcpy(out, follower->text + follower->sent, some);
    follower->sent += some;
    follower->told = time_now();
    return (ptrdiff_t)some;
}

static void stop_following(void *context)
{
    struct follower *follower = context;
    struct updates *updates = follower->update->updates;
    pthread_mutex_lock(&updates->lock);
    update_release(follower->update);
    pthread_mutex_unlock(&updates->lock);
    free(follower->text);
    free(follower);
}

int update_follow(struct http_stream *out, struct update *update, struct err *err)
{
    struct follower *follower = mem_new(1, sizeof *follower);
    if (!follower)
        return err_memory(err, sizeof *follower);
    follower->update = update;
    follower->told = time_now();
    update->users++;
    *out = (struct http_stream){read_news, stop_following, follower};
    return 0;
}
