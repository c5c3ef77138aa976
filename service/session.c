// SPDX-License-Identifier: Apache-2.0
#include "service/session.h"

#include <errno.h>
#include <nettle/memops.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SESSIONS = 256 };

struct sessions {
    pthread_mutex_t lock;
    struct session {
        char hash[HASH_SIZE]; /* of its secret */
        int level;
        double until; /* 0: there is none */
    } sessions[SESSIONS];
};

int sessions_open(struct sessions **out, struct err *err)
{
    *out = mem_new(1, sizeof **out);
    if (!*out)
        return err_memory(err, sizeof **out);
    pthread_mutex_init(&(*out)->lock, NULL);
    return 0;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    pthread_mutex_destroy(&sessions->lock);
    free(sessions);
}

/* The session with this hash; NULL: none, or one whose time is up. All are compared, so that the time it takes tells
 * nothing. */
static struct session *find(struct sessions *sessions, const char hash[HASH_SIZE])
{
    struct session *found = NULL;
    for (size_t i = 0; i < SESSIONS; i++)
        if (memeql_sec(sessions->sessions[i].hash, hash, HASH_SIZE))
            found = &sessions->sessions[i];
    return found && found->until > time_now() ? found : NULL;
}

int sessions_begin(struct sessions *sessions, char secret[SESSION_SECRET], int level, struct err *err)
{
    uint8_t random[SESSION_SECRET / 2];
    struct session session = {.level = level, .until = time_now() + SESSION_SECONDS};
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return err_set(err, ERR_IO, "the system gives no random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(secret + 2 * i, 3, "%02x", random[i]);
    hash_bytes(session.hash, secret, strlen(secret));
    pthread_mutex_lock(&sessions->lock);
    struct session *first = sessions->sessions;
    for (size_t i = 1; i < SESSIONS; i++)
        if (sessions->sessions[i].until < first->until)
            first = &sessions->sessions[i];
    *first = session;
    pthread_mutex_unlock(&sessions->lock);
    return 0;
}

int sessions_level(struct sessions *sessions, const char *secret)
{
    char hash[HASH_SIZE];
    hash_bytes(hash, secret, strlen(secret));
    pthread_mutex_lock(&sessions->lock);
    const struct session *session = find(sessions, hash);
    const int level = session ? session->level : 0;
    pthread_mutex_unlock(&sessions->lock);
    return level;
}

void sessions_end(struct sessions *sessions, const char *secret)
{
    char hash[HASH_SIZE];
    hash_bytes(hash, secret, strlen(secret));
    pthread_mutex_lock(&sessions->lock);
    struct session *session = find(sessions, hash);
    if (session)
        *session = (struct session){0};
    pthread_mutex_unlock(&sessions->lock);
}

void sessions_end_all(struct sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    memset(sessions->sessions, 0, sizeof sessions->sessions);
    pthread_mutex_unlock(&sessions->lock);
}
