// SPDX-License-Identifier: Apache-2.0
/* Pictures with captions to rank, from the command line or from a file of JSON lines. */
#ifndef DIPTYCH_CLI_REQUESTS_H
#define DIPTYCH_CLI_REQUESTS_H

#include "base/base.h"

enum { CAPTIONS_MAX = 1000 }; /* of a picture: every two of them are compared */

struct request {
    const char *path; /* NULL where a line does not even say that */
    const char **captions;
    size_t count;
    const char *error;      /* why it cannot be done; NULL where it can */
    const float *embedding; // (E) of the picture, while its batch is at hand
};

/* Zero-initialise. */
struct requests {
    struct request *items;
    size_t count, room;
    struct arena arena; /* of all texts */
};

/* Adds a picture and its captions, which are borrowed. */
int requests_add(struct requests *requests, const char *path, char **captions, size_t count, struct err *err);

/* Adds the lines {"path": ..., "captions": [...]} of a file, or of stdin for "-"; other keys and blank lines
 * do not count. A line that is no such thing is added with its error; only a file that cannot be read, or no
 * memory, fails. */
int requests_read(struct requests *requests, const char *file, struct err *err);

/* Sets the request's error to a copy of the reason. */
int request_fail(struct requests *requests, struct request *request, const char *reason, struct err *err);
void requests_release(struct requests *requests);

#endif
