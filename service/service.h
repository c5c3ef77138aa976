// SPDX-License-Identifier: Apache-2.0
/*
 * service: what the library can do, over HTTP.
 *
 *   service_open   listens at once, and loads model and indexes behind that: /health answers from the beginning,
 *                  /ready and the rest when all is loaded
 *   service_wait   until it is loaded, for those who want to know what went wrong
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
    const char *model;      /* its directory */
    const char *model_name; /* what clients call it; NULL: the last part of the directory */
    struct device_options device;
    struct picture_options picture;

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
    const char *token; /* every request must bear it, but for /health, /ready and the page; NULL: none */
    bool insecure;     /* may listen beyond this machine without a token */

    size_t batch;       /* pictures, or texts, encoded together at most; 0: 32 */
    int requests;       /* handled at once; 0: 64 */
    size_t waiting;     /* requests that may wait beyond these; 0: 256 */
    size_t connections; /* 0: 4096; fewer where the process may not have so many files open */
    size_t body_bytes;  /* of one request; 0: 64 MiB */
    double seconds;     /* a request may take; 0: 60 */

    /* A line a request, JSON without a line end; on any thread, one at a time. NULL: no log. */
    void (*log)(void *context, const char *line);
    void *context;
};

struct service;

/* ERR_IO: the address is taken or not allowed; ERR_ARGUMENT: it is none, or lies beyond this machine and there is no
 * token; ERR_LIMIT: no thread to be had; ERR_MEMORY. All strings must live as long as the service. */
int service_open(struct service **out, const struct service_options *options, struct err *err);
int service_port(const struct service *service);

/* Waits until model and indexes are loaded: 0, or what hinders it, the errors of model_open and index_open. The
 * service goes on answering /health until it is closed. */
int service_wait(struct service *service, struct err *err);

/* Takes no more connections, answers for up to so many seconds what is under way, ends the rest, and frees all. */
void service_close(struct service *service, double seconds);

#endif
