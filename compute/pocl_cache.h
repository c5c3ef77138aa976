// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: a place for what PoCL compiles, where it would find none, and who may compile into it.
 *
 * PoCL has no devices unless it can write to a folder: POCL_CACHE_DIR, or else $XDG_CACHE_HOME/pocl/kcache,
 * or else ~/.cache/pocl/kcache, or else /tmp/pocl/kcache. It loads the libraries that lie there, so whoever
 * can write to that folder runs code as us; the last of the four is anybody's. A service's user often has no
 * home to write to.
 */
#ifndef DIPTYCH_COMPUTE_POCL_CACHE_H
#define DIPTYCH_COMPUTE_POCL_CACHE_H

#include "base/base.h"

#define POCL_PLATFORM "Portable Computing Language" /* its CL_PLATFORM_NAME */

/* Before the first call of OpenCL: sets POCL_CACHE_DIR to a private folder where the environment does not set
 * it and PoCL's own choice cannot be written or would be anybody's. Does its work once a process; the calls
 * after that say the same. ERR_IO: there is no folder, and the message says what to do. Changes nothing for
 * other platforms. */
int pocl_cache_prepare(struct err *err);

/*
 * PoCL gives a program's binary away by reading the files of its folder as they lie there. Until version 6 it
 * removes a file before it writes it anew, and one that another process is writing may be missing at that moment:
 * then the binary is damaged, or PoCL crashes. So each device of ours holds the folder, together with others, and
 * binaries are read by one that has it alone. No stream of that device may be at work then, as PoCL compiles when a
 * kernel runs first.
 */

/* Holds PoCL's folder, once OpenCL has been asked for devices, by a lock of a file in it, which other machines see,
 * too. Waits while somebody has it alone, some seconds at most. -1: it cannot be locked. */
int pocl_cache_hold(void);
void pocl_cache_release(int held);

/* Has the folder alone; or false, at once, and holds it as before: others do, too, or held is -1. */
bool pocl_cache_take(int held);

/* Lets others hold it again. */
void pocl_cache_share(int held);

/* A folder that nobody else may enter: PARENT/diptych-UID, made where it is not there. Where that name is
 * taken by a link, a folder of another user or one with other permissions than 0700, a new one of a random
 * name, and *temporary: its maker removes it. ERR_IO: there can be none here, as others may rename what lies
 * in parent, or as it cannot be written. The path goes back through free(). */
int private_folder(char **out, bool *temporary, const char *parent, struct err *err);

#endif
