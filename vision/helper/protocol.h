// SPDX-License-Identifier: Apache-2.0
/* What the two processes say to each other: one request, one reply, each one message of a SOCK_SEQPACKET socket. Before its reply
 * diptych-decode may ask for memory, for as many pixels as a header says, by replies of HELPER_ASKS, each of which is answered
 * by one byte. Both are built together, so that no other version of it can be met. Private to vision/helper. */
#ifndef DIPTYCH_VISION_HELPER_PROTOCOL_H
#define DIPTYCH_VISION_HELPER_PROTOCOL_H

#include "vision/vision.h"

/* The file descriptors that diptych-decode starts with, beside 0 to 2, which are /dev/null. */
enum { HELPER_SOCKET = 3, HELPER_FILE, HELPER_PIXELS, HELPER_FD_END };

/* So many pixels need not be asked for. */
enum { HELPER_FREE_PIXELS = 4 << 20 };

struct helper_request {
    char library[16]; /* struct decoder's */
    size_t size;      /* of the file */
    struct picture_options options;
};

struct helper_reply {
    int code;      /* an enum err_code, where it is ERR_NONE the rest is filled in; or HELPER_ASKS */
    char msg[512]; /* NUL-terminated: of the error, or struct picture's warning */
    int mode, width, height;
    bool has_palette, has_key; /* see struct picture */
    uint8_t palette[PALETTE_COLORS * 3], key[3];
    size_t pixels; /* of HELPER_ASKS */
};
enum { HELPER_ASKS = -1 };

#endif
