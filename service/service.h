// SPDX-License-Identifier: Apache-2.0
/*
 * service: what the library can do, over HTTP.
 *
 *   service_open   listens at once, and loads model and indexes behind that: /health answers from the beginning,
 *                  /ready and the rest when all is loaded
 *   service_wait   until it is loaded, for those who want to know what went wrong
 *   service_reload takes changed tokens and replaced indexes, while it goes on
 *   service_close  answers what is under way, and ends
 *
 * routes.c has the table of what it answers; GET /openapi.json says it to programs. A service may be used from any
 * thread.
 */
#ifndef DIPTYCH_SERVICE_H
#define DIPTYCH_SERVICE_H

#include "compute/compute.h"
#include "joint/joint.h"

struct service_options {
    const char *model; /* its directory */
    struct adapters adapters;
    const char *model_name; /* what clients call it; NULL: the last part of the directory */
    struct device_options device;
    struct picture_options picture;

    const char
        *probe; /* what /v1/classify takes where a request names no labels: probe_load's file; NULL: none */

    const char *const *index_names; // (index_count): what clients call them
    const char *const *index_paths; // (index_count)
    size_t index_count;

    const char *address; /* numeric; NULL: 127.0.0.1 */
    int port;            /* 0: any that is free */
    const char *
        unix_path; /* instead of these: a socket of that name, which nobody but this machine's programs reach */
    int socket;    /* instead of all of these: one that listens already; 0: none */
    const char *const *hosts; // (host_count): names that requests may be addressed to beside this machine's
    size_t host_count;
    /* Who may read, and who may write, too: service/access.h. NULL: none. Files, whose first line a token is, go before
     * it and are read again by service_reload. */
    const char *token, *token_file, *write_token, *write_token_file;
    const char *const
        *networks; // (network_count): "192.168.1.0/24"; some routes take requests of these without a token
    size_t network_count;
    bool insecure; /* may listen beyond this machine without a token */

    const char *base_path; /* all paths lie below it, "/diptych"; NULL: below "/" */

    size_t batch;       /* pictures, or texts, encoded together at most; 0: 32 */
    int requests;       /* handled at once; 0: 64 */
    size_t waiting;     /* requests that may wait beyond these; 0: 256 */
    size_t connections; /* 0: 4096; fewer where the process may not have so many files open */
    size_t body_bytes;  /* of one request; 0: 64 MiB */
    double seconds;     /* a request may take; 0: 60 */
    double
        idle_unload; /* the model is given back when nothing has been encoded for so many seconds; 0: never */

    bool watch; /* the indexes are kept up to date with what they were made from: collection_watch */

    /* A line of what goes wrong with that, and one when the first picture comes that the model knows nothing of; on any
     * thread, one at a time. NULL: nobody is told. */
    void (*tell)(void *context, const char *line);

    /* A line a request, JSON without a line end; on any thread, one at a time. NULL: no log. */
    void (*log)(void *context, const char *line);
    void *context; /* of both */
};

struct service;

/* ERR_IO: the address is taken or not allowed; ERR_ARGUMENT: it is none, or lies beyond this machine and there is no
 * token, or an index has the name of another or one that is not UTF-8; ERR_LIMIT: no thread to be had; ERR_MEMORY. All
 * strings must live as long as the service. */
int service_open(struct service **out, const struct service_options *options, struct err *err);
int service_port(const struct service *service);

/* Waits until model and indexes are loaded: 0, or what hinders it, the errors of model_open, index_open and probe_load. The
 * service goes on answering /health until it is closed. */
int service_wait(struct service *service, struct err *err);

/* Reads the tokens' files again, and opens what lies at the indexes' paths, beside what is searched meanwhile. What
 * cannot be read or opened stays as it was: the error is the first of these. The service must be loaded. */
int service_reload(struct service *service, struct err *err);

/* Takes no more connections, answers for up to so many seconds what is under way, ends the rest, and frees all. */
void service_close(struct service *service, double seconds);

#endif
