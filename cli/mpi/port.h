// SPDX-License-Identifier: Apache-2.0
/*
 * Lines of many clients at a port of this machine, answered one by one. Nothing that a client does or leaves undone keeps others
 * waiting: lines have a length, a client that does not read its answers is not read from, and where there are too many the one
 * that has been idle the longest is let go. Of one thread.
 */
#ifndef DIPTYCH_CLI_MPI_PORT_H
#define DIPTYCH_CLI_MPI_PORT_H

#include "base/base.h"

enum {
    PORT_CLIENTS = 64,
    PORT_LINE_MAX = 1 << 16 /* bytes */
};

struct port;

/* Listens at "PORT", "127.0.0.1:PORT" or "localhost:PORT"; 0 is any that is free. ERR_ARGUMENT: it is none of these; ERR_IO,
 * ERR_MEMORY. */
int port_open(struct port **out, const char *address, struct err *err);
void port_close(struct port *port);
int port_number(const struct port *port);

struct asked {
    size_t client;
    const char *line;      /* without its end, which is a NUL now; NULL: it was too long */
    size_t length, number; /* number: of the client's lines, from 1 */
};

/* Waits for lines, up to `most`, which live until the next call. *count is 0 only after an error: ERR_CANCELLED, ERR_IO. */
int port_next(
    struct asked *out, size_t *count, size_t most, struct port *port, const struct job *job, struct err *err);

/* Keeps an answer for port_next to send. A client that is gone gets none. ERR_MEMORY. */
int port_answer(
    struct port *port, const struct asked *asked, const char *bytes, size_t size, struct err *err);

#endif
