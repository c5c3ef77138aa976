// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: who may ask for what.
 *
 * There are a token for reading and one that may write, too; either may be missing. What a client may do without any:
 *
 *   neither token    read; and write where only programs of this machine ask: the service listens at a loopback
 *                    address, and the request is addressed to it, not to a name that --allow-host lets in
 *   read token only  nothing; with it, read. Nobody writes
 *   write token only read; with it, write
 *   both             nothing
 *
 * A client shows that it knows a token in one of two ways:
 *
 *   Authorization: Bearer TOKEN      programs
 *   Cookie: diptych=SECRET           pages: POST /v1/login with {"token": "..."} answers a cookie that scripts cannot
 *                                    read, that no other site's page can have sent (HttpOnly, SameSite=Strict), and that
 *                                    is good for a week, or until POST /v1/logout, a change of the tokens, or the end of
 *                                    the service. It is none of the tokens, but a random number (session.h). It does not
 *                                    count in a request that the browser says another origin's page has made, nor in one
 *                                    that changes something and has no Origin of ours.
 *
 * Without a right a request is answered 401 with "WWW-Authenticate: Bearer"; with that to read only, 403 where it would
 * write. Some routes, whose clients send no token, may be opened to networks (network.h): the address of the peer of
 * the connection counts, never what a header says, so behind a proxy it is the proxy's.
 *
 * Tokens are kept as hashes, and compared as such in constant time. Wrong ones are answered at once, however many come: behind
 * a proxy all have its address, so that a limit of so many an address would let one guesser lock everybody out. A token that
 * is random needs none.
 */
#ifndef DIPTYCH_SERVICE_ACCESS_H
#define DIPTYCH_SERVICE_ACCESS_H

#include "service/http.h"
#include "service/service.h"

enum access_level { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE };
extern const char *const access_names[]; /* "none", "read", "write" */

struct access;

/* Reads the tokens' files. ERR_ARGUMENT: a token or network is none, or the address is reached from other machines and
 * takes a token; ERR_IO, ERR_MEMORY. The options must live as long. */
int access_open(struct access **out, const struct service_options *options, struct err *err);
void access_free(struct access *access);

/* Reads the tokens' files again. Where they have changed, who has logged in must do so again. After an error all is as
 * it was. */
int access_reload(struct access *access, struct err *err);

bool access_host_allowed(const struct access *access, const char *host);
bool access_origin_allowed(const char *origin, const char *host);

/* What the request may do. *status: what it is answered, in the words *why, where that is not enough. */
enum access_level access_level(
    struct access *access, const struct http_request *request, int *status, const char **why);

/* Whether it comes from one of the networks that some routes are open to. */
bool access_from_network(const struct access *access, const struct http_request *request);

/* A cookie for the request's answer, in its memory, for whoever shows a token, and what that is good for: ACCESS_NONE and
 * no cookie where it is none of ours. The other is the cookie that ends it. ERR_MEMORY; ERR_IO: the system has no random
 * numbers. */
int access_log_in(const char **cookie, enum access_level *level, struct access *access,
    struct http_request *request, const char *token, struct err *err);
int access_log_out(const char **cookie, struct access *access, struct http_request *request, struct err *err);

#endif
