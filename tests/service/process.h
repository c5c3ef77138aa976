// SPDX-License-Identifier: Apache-2.0
/* diptych as a process of its own. Failures end the test. */
#ifndef DIPTYCH_TESTS_SERVICE_PROCESS_H
#define DIPTYCH_TESTS_SERVICE_PROCESS_H

#include <stdio.h>
#include <sys/types.h>

struct process {
    pid_t pid;
    FILE *out, *err;
};

/* Starts "diptych serve" with the frozen model and more arguments, which NULL ends, and hands it a socket that listens
 * (-1: none) as systemd would. */
struct process process_serve(const char *const *more, int socket);

/* Reads lines until the one that begins so; what stands behind is in `line`. */
const char *process_line(FILE *stream, const char *begin, char line[512]);

/* Waits for the end: the status, or 128 and the signal. */
int process_end(struct process *process);

#endif
