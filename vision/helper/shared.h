// SPDX-License-Identifier: Apache-2.0
/*
 * Inside vision/helper: memory that two processes share, a file that has no name. One of them makes it larger, none smaller: it is
 * sealed against that, so that what either has mapped stays there. It is mapped and has its pages from one picture to the next:
 * to make them anew would take a tenth of the time in which libjpeg-turbo decodes.
 */
#ifndef DIPTYCH_VISION_HELPER_SHARED_H
#define DIPTYCH_VISION_HELPER_SHARED_H

#include "base/base.h"

struct shared {
    int fd;
    uint8_t *bytes; // (size), what is mapped
    size_t size;
    size_t grown; /* the file's size as far as this process has made it larger */
};

/* A new one; its fd is -1, with errno's number, where there is none. */
struct shared shared_new(void);
void shared_release(struct shared *shared);

/* Maps the first `size` bytes at least, of which the file has so many already, or else with PROT_WRITE is made larger. Whether
 * that has been possible. */
bool shared_map(struct shared *shared, size_t size, int protection);

/* The same to read, of a file that another process has made as large as it says: whether it has. */
bool shared_map_theirs(struct shared *shared, size_t size);

/* Unmaps all but the first SHARED_KEPT bytes, as many as a picture of 12 megapixels has. */
enum { SHARED_KEPT = 48 << 20 };
void shared_shrink(struct shared *shared);

/* Gives the system the memory of all but those back. */
void shared_forget(const struct shared *shared);

#endif
