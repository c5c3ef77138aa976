// SPDX-License-Identifier: Apache-2.0
/* Inside service: forms, multipart/form-data of RFC 7578, whose whole body is in memory.
 *
 * libmicrohttpd has a reader of its own, for bodies that come piece by piece: it copies all it reads, and the one of
 * 0.9.75 reads beyond a long boundary (CVE-2023-27371). */
#ifndef DIPTYCH_SERVICE_MULTIPART_H
#define DIPTYCH_SERVICE_MULTIPART_H

#include "base/base.h"

enum { FORM_FIELDS_MAX = 2048, FORM_HEADER_MAX = 8192 /* bytes of a line */ };

struct form {
    struct form_field {
        const char *name;  /* in the arena */
        struct span value; /* in the body */
        bool file;         /* it has the name of a file, as browsers and curl give it */
    } * fields;            // (count): in the arena
    size_t count, room;
};

/* `type` is the request's Content-Type, NULL where it has none. ERR_UNSUPPORTED: it is no form with a boundary;
 * ERR_FORMAT: the body is none, or ends before its end; ERR_LIMIT for more than FORM_FIELDS_MAX fields, or a line of
 * a part's headers of more than FORM_HEADER_MAX; ERR_MEMORY. */
int form_read(struct form *out, const char *type, struct span body, struct arena *arena, struct err *err);

/* The first field of that name, or NULL. */
const struct form_field *form_find(const struct form *form, const char *name);

#endif
