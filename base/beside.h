// SPDX-License-Identifier: Apache-2.0
/*
 * The names of what is not whole yet, private to base:
 *
 *     FOLDER/.diptych-N.tmp    N = 0, 1, ...: the first that is free, in the folder of what it will be
 *
 * Whoever writes it holds flock(2) on it. One that nobody holds is left of a process that was killed, and the next
 * that writes in that folder removes it, if it is among the first few. Where it cannot be locked, none is ever
 * taken for left.
 */
#ifndef DIPTYCH_BASE_BESIDE_H
#define DIPTYCH_BASE_BESIDE_H

#include <stdbool.h>

/* Room for such a name beside the path, for free(); NULL when out of memory. */
char *beside_new(const char *path);

/* How much of a path is its folder, the slash included. */
int folder_length(const char *path);

/* Waits for the lock; false where files cannot be locked. */
bool beside_lock(int fd);

/* Whether the name is still that of the open file or folder. */
bool beside_is(int fd, const char *name);

/* Makes something of that name and returns it open: -1 and errno, EEXIST where the name is taken. */
typedef int beside_make(void *context, const char *name);

/* Makes it by the first name that is free, which goes to `name`. Removes what is left on the way. */
int beside_take(char *name, const char *path, beside_make *make, void *context);

/* Removes all that is left beside the path among the first names. */
void beside_clean(const char *path);

#endif
