// SPDX-License-Identifier: Apache-2.0
/*
 * A hub for tests: one repository behind two ports of this machine, the hub and the place that it keeps large files at,
 * which answer as huggingface_hub 2.4.0 expects (file_download.py, hf_api.py). Each request is answered by a thread of
 * its own, then the connection is closed.
 *
 *     GET  /api/models/REPO/revision/REVISION    {"id", "sha", "siblings"}
 *     GET  /api/models/REPO/tree/REVISION        [{"type", "path", "size", "oid", "lfs"}], pages by Link
 *     HEAD /REPO/resolve/REVISION/FILE           small files: the file itself; large ones: 302 to the other port
 *     GET  /blob/SHA256                          at the other port
 */
#ifndef DIPTYCH_TEST_HUB_SERVER_H
#define DIPTYCH_TEST_HUB_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { SERVER_FILES_MAX = 32 };
extern const char server_commit[]; /* what "main" is; "v1" is server_commit_of_v1 */
extern const char server_commit_of_v1[];

struct server_file {
    const char *path;
    const char *bytes;
    size_t size;
    bool large; /* is kept at the other port */
    char sha1[41], sha256[65];
};

struct server {
    /* what it serves: set before server_start */
    const char *repo;
    struct server_file files[SERVER_FILES_MAX];
    size_t file_count;

    /* what goes wrong, or is asked for: any may be changed between requests */
    const char *token;   /* only who has it is answered; NULL: all are */
    bool gated, missing; /* the repository */
    const char *renamed; /* requests to this repository are led to `repo`, without a host */
    size_t page;         /* files on a page of the tree; 0: all */
    const char *list;    /* the tree is this instead */
    bool gzip;           /* small files arrive compressed, and without their length */
    bool no_ranges;      /* Range is not known */
    bool alters;         /* a byte of large files is another */
    long longer;         /* bytes that large files have more in their place than is said of them */
    size_t cut_at;       /* large files are cut after so many bytes ... */
    int cuts;            /* ... so many times */
    int fail_status;     /* so answers what `fail_on` is part of, or the other port if that is "blob" ... */
    const char *fail_on;
    int fails; /* ... so many times */
    const char *retry_after;
    void (*on_blob)(void *context); /* called before a large file goes out */
    void *context;

    /* what it has seen */
    int requests, blobs; /* at both ports; of large files */
    int proxied;         /* as a proxy */
    bool token_away;     /* at the other port */
    char last_range[64];

    /* its own */
    int ports[2], sockets[2];
    pthread_t threads[2];
    pthread_mutex_t lock;
    pthread_cond_t idle;
    int active;
    struct server_port {
        struct server *server;
        bool away;
    } sides[2];
};

void server_add(struct server *server, const char *path, const char *bytes, size_t size, bool large);

/* Ports of the system's choice; false where there are none. */
bool server_start(struct server *server);

/* Waits for what is being answered. */
void server_stop(struct server *server);

#endif
