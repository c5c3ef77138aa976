// SPDX-License-Identifier: Apache-2.0
/* A small HTTP client for tests: it can send what is no HTTP, and stop anywhere. Failures of the network end the
 * test. */
#ifndef DIPTYCH_TESTS_SERVICE_CLIENT_H
#define DIPTYCH_TESTS_SERVICE_CLIENT_H

#include <stddef.h>

struct answer {
    int status;        /* 0: the connection ended without a whole answer */
    char *head, *body; /* with a NUL behind; answer_release frees them */
    size_t size;       /* of the body */
};

int client_connect(int port);
int client_connect_unix(const char *path);
void client_send(int fd, const char *bytes, size_t size);
struct answer client_read(int fd); /* one answer that says its length */

/* A request with a body of that type, or without one (body NULL), on a connection that may be used again.
 * `headers` are lines that end in \r\n. */
struct answer client_ask(int fd, const char *method, const char *path, const char *headers, const char *body);

/* The same on a connection of its own, the body as JSON. */
struct answer client_once(
    int port, const char *method, const char *path, const char *headers, const char *body);
const char *answer_header(
    const struct answer *answer, const char *name, char *out, size_t size); /* NULL: none */

/* Puts the bytes of a body in gzip in its place, as clients that take gzip do. */
void answer_inflate(struct answer *answer);
void answer_release(struct answer *answer);

#endif
