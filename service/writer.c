// SPDX-License-Identifier: Apache-2.0
#include "service/writer.h"
#include "service/wait.h"

#include <stdlib.h>
#include <string.h>

/* Who waits, on its own stack. */
struct turn {
    struct turn *next;
};

struct writer {
    const char *name, *path, *fingerprint;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t freed;
    struct turn *first; /* whose turn it is next */
    size_t waiting;
    bool taken;
    double refused; /* when another process was found to have the index. Of who has the turn */
};

/* Who waits keeps one of the threads that handle requests, so not many may. */
enum { WAITING_MAX = 32 };

/* ---- turns --------------------------------------------------------------------------------------------- */

static void line_up(struct writer *writer, struct turn *turn)
{
    struct turn **last = &writer->first;
    while (*last)
        last = &(*last)->next;
    *last = turn;
    writer->waiting++;
}

static void step_out(struct writer *writer, struct turn *turn)
{
    struct turn **at = &writer->first;
    while (*at != turn)
        at = &(*at)->next;
    *at = turn->next;
    writer->waiting--;
    pthread_cond_broadcast(&writer->freed);
}

/* The lock is held. */
static int wait_in_line(struct writer *writer, const struct job *job, struct err *err)
{
    struct turn turn = {0};
    int rc = 0;
    line_up(writer, &turn);
    while (!rc && (writer->taken || writer->first != &turn))
        rc = wait_or_step(&writer->freed, &writer->lock, job, err);
    step_out(writer, &turn);
    writer->taken |= !rc;
    return rc;
}

static int wait_for_turn(struct writer *writer, const struct job *job, struct err *err)
{
    pthread_mutex_lock(&writer->lock);
    int rc = writer->waiting < WAITING_MAX ? wait_in_line(writer, job, err) : ERR_BUSY;
    pthread_mutex_unlock(&writer->lock);
    if (rc)
        rc = err_set(err, ERR_BUSY, "the index '%s' is being changed by other requests; try again later",
            writer->name);
    return rc;
}

static void end_turn(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->taken = false;
    pthread_cond_broadcast(&writer->freed);
    pthread_mutex_unlock(&writer->lock);
}

/* Opening waits for a writer of another process, who may be there for hours: one request does, and those in line behind
 * it take its word. */
static int open_index(struct collection **out, struct writer *writer, double came, struct err *err)
{
    const struct collection_options options = {
        .access = INDEX_WRITE, .fingerprint = writer->fingerprint, .storage = -1};
    if (writer->refused > came)
        return err_set(err, ERR_BUSY, "unable to change '%s': another process is changing it", writer->path);
    const int rc = collection_open(out, writer->path, &options, err);
    if (rc == ERR_BUSY)
        writer->refused = time_now();
    return rc;
}

int writer_take(struct collection **out, struct writer *writer, const struct job *job, struct err *err)
{
    const double came = time_now();
    int rc = wait_for_turn(writer, job, err);
    if (rc)
        return rc;
    rc = open_index(out, writer, came, err);
    if (!rc)
        return 0;
    end_turn(writer);
    return index_is_there(writer->path)
               ? rc
               : err_set(err, ERR_NOT_FOUND, "the index '%s' is not there any more", writer->name);
}

void writer_give(struct writer *writer, struct collection *collection)
{
    collection_free(collection);
    end_turn(writer);
}

bool writer_wanted(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    const bool wanted = writer->first;
    pthread_mutex_unlock(&writer->lock);
    return wanted;
}

void writer_turn_begin(struct writer_turn *turn)
{
    *turn = (struct writer_turn){.taken = time_now()};
}

bool writer_turn_ends(struct writer_turn *turn, struct writer *writer, const char *unit, size_t done)
{
    enum { TIMES = 4 };
    const double seconds_min = 0.25, now = time_now();
    if (done && turn->first <= 0 && (!strcmp(unit, "pictures") || !strcmp(unit, "texts")))
        turn->first = now;
    const double look = turn->first - turn->taken;
    return turn->first > 0 && now - turn->first > seconds_min && now - turn->first > TIMES * look &&
           writer_wanted(writer);
}

/* ---- opening ------------------------------------------------------------------------------------------- */

int writer_open(
    struct writer **out, const char *name, const char *path, const char *fingerprint, struct err *err)
{
    struct writer *writer = mem_new(1, sizeof *writer);
    if (!writer)
        return err_memory(err, sizeof *writer);
    *writer = (struct writer){.name = name, .path = path, .fingerprint = fingerprint};
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->freed, NULL);
    *out = writer;
    return 0;
}

void writer_free(struct writer *writer)
{
    if (!writer)
        return;
    pthread_cond_destroy(&writer->freed);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

const char *writer_name(const struct writer *writer)
{
    return writer->name;
}
