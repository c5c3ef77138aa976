// SPDX-License-Identifier: Apache-2.0
/* The inside of diptych-decode. Private to vision/helper. */
#ifndef DIPTYCH_VISION_HELPER_SERVE_H
#define DIPTYCH_VISION_HELPER_SERVE_H

#include "vision/format.h"

/* One library. */
struct decoder {
    const char *library; /* as struct format names it */
    format_decode *decode;
    void (*prepare)(void); /* what has to be done while files can still be opened; NULL: nothing */
};

/* Answers requests with these decoders until the other end closes the socket; the status to exit with. A NULL library ends
 * the table. */
int helper_serve(const struct decoder *decoders);

/* Gives up all system calls but those that decoding takes; the others fail with EPERM from here on, in every thread. 0, or
 * errno's number. */
int sandbox_enter(void);

#endif
