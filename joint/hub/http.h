// SPDX-License-Identifier: Apache-2.0
/*
 * Requests to the hub and to where it sends us, by libcurl; private to joint/hub. A request is tried again where that
 * can help: no connection, one that broke, 408, 429 and 5xx; up to RETRIES times in a row without a byte, after 1, 2,
 * 4, 8, 8 seconds, or what Retry-After says.
 *
 * The token goes to the hub's own origins (HF_ENDPOINT, huggingface.co, hf.co: scheme, host and port), and a redirect
 * from https never leads to http.
 */
#ifndef DIPTYCH_HUB_HTTP_H
#define DIPTYCH_HUB_HTTP_H

#include "joint/hub/environment.h"
#include "joint/hub/hub.h"

/* A connection and how far all of the work is. */
struct http {
    const struct hub_environment *environment;
    const struct hub_name *name; /* of the repository, for messages */
    const struct hub_options *options;
    const struct job *job;
    const char *unit;      /* of the steps */
    uint64_t scale, total; /* bytes of a unit, and bytes of this phase; total 0: not known */
    uint64_t done;         /* bytes of the phase that earlier requests brought */
    double stepped;        /* when the job was asked last */
    void *easy, *multi;    /* curl's */
};

/* ERR_MEMORY. */
int http_open(struct http *http, struct err *err);
void http_close(struct http *http);

/* Calls the job's step, if it is time to: with `more` bytes of the request at hand. */
int http_step(struct http *http, uint64_t more, struct err *err);

/* Lets time pass, with steps. ERR_CANCELLED. */
int http_wait(struct http *http, double seconds, struct err *err);

struct http_request {
    const char *url;
    const char *subject; /* what messages call it: "'config.json' of 'openai/clip-vit-base-patch32'" */
    bool head;   /* HEAD, which ends at the first redirect away from the hub; else GET, which follows it */
    bool counts; /* its bytes are steps */

    /* Takes what comes, from byte `offset` on, and a download that begins anew comes from byte 0. `offset` is where the
     * request begins (Range), and how far it came. */
    int (*take)(struct http_request *request, const void *bytes, size_t size, struct err *err);
    void *context;
    uint64_t offset;
};

/* Sends it. 0: the status is 2xx, or for a HEAD a redirect away from the hub.
 *
 *   ERR_NOT_FOUND    401, 403, 404, or what X-Error-Code says
 *   ERR_IO           no connection, or another status, to the end
 *   ERR_FORMAT       a redirect that leads nowhere
 *   ERR_CANCELLED, and the errors of `take` */
int http_send(struct http *http, struct http_request *request, struct err *err);

/* A header of the last reply, in the arena; NULL: it has none. */
const char *http_header(const struct http *http, const char *name, struct arena *arena);

/* Where the last reply leads, or came from, in the arena. NULL when out of memory. */
const char *http_location(const struct http *http, struct arena *arena);

/* A whole answer in memory, for free(), with a NUL behind it. ERR_LIMIT: more than `limit` bytes. */
int http_text(char **out, size_t *size, struct http *http, const char *url, const char *subject, size_t limit,
    struct err *err);

/* A text as a part of a URL's path, its slashes escaped too, in the arena. NULL when out of memory. */
const char *http_escape(struct http *http, const char *text, struct arena *arena);

/* ---- between http.c and http_send.c -------------------------------------------------------------------- */

/* One request and one reply, whatever it says: the status, or 0 where there is none, with the reason in err. *again:
 * the same could go well later. ERR_CANCELLED and the errors of `take`. */
int http_exchange(struct http *http, struct http_request *request, const char *url, bool with_token,
    long *status, bool *again, struct err *err);

#endif
