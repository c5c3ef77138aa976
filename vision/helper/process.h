// SPDX-License-Identifier: Apache-2.0
/* Inside vision/helper: the processes that decode, and those of them that wait for the next picture. */
#ifndef DIPTYCH_VISION_HELPER_PROCESS_H
#define DIPTYCH_VISION_HELPER_PROCESS_H

#include "vision/format.h"
#include "vision/helper/protocol.h"
#include "vision/helper/shared.h"

#include <sys/types.h>

struct helper {
    struct picture_host host; /* of the picture that lies in `pixels`, whose release gives the process back */
    pid_t pid;
    int socket; /* this and the next: protocol.h's, at this end */
    struct shared file, pixels;
    size_t memory, file_size; /* its limits, RLIMIT_AS and RLIMIT_FSIZE; 0: none yet */
    struct helper *next;
};

/* One that waits, or a new one. ERR_IO: diptych-decode cannot be started; ERR_MEMORY. */
int helper_take(struct helper **out, struct err *err);

/* It waits for the next picture. */
void helper_give_back(struct helper *helper);

/* False where somebody else has asked for its status: its number may be another process's by now. */
bool helper_is_ours(const struct helper *helper);

/* Kills what is still there; its status as waitpid gives it, 0 where somebody else has asked for it. */
int helper_end(struct helper *helper);

#endif
