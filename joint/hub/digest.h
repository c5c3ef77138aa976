// SPDX-License-Identifier: Apache-2.0
/* The checksums that the hub calls its files by, private to joint/hub:
 *
 *     64 hex digits    SHA-256 of the bytes
 *     40 hex digits    git's: SHA-1 of "blob ", the size in decimal digits, a NUL, and the bytes */
#ifndef DIPTYCH_HUB_DIGEST_H
#define DIPTYCH_HUB_DIGEST_H

#include "joint/hub/http.h"

enum { DIGEST_SIZE = 65 };

/* Whether it has the form of one. */
bool digest_known(const char *text);

/* That of an open file of so many bytes, of the form that `like` has. ERR_IO; ERR_CANCELLED. */
int digest_file(
    char out[DIGEST_SIZE], const char *like, int fd, uint64_t size, struct http *http, struct err *err);

#endif
