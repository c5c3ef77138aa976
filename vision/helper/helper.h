// SPDX-License-Identifier: Apache-2.0
/*
 * vision/helper: the process that decodes what we do not trust.
 *
 * Large decoders of formats that others define (libheif, libavif and their codecs) do not run in this process, but in
 * diptych-decode, a program of its own that lies beside diptych's or in libexec/diptych, and that DIPTYCH_DECODER names
 * otherwise. It is started when the first such picture comes, gets the bytes of one file at a time and gives back its
 * pixels, both by memory that it shares with its parent. Once its libraries are loaded it may make no system calls but
 * those for memory, threads and clocks: it opens no file and no connection. A picture may take so much memory and CPU
 * time and no more. Whatever ends it is the failure of that one picture; the next one gets a new process.
 *
 *   this process                                           diptych-decode
 *   struct helper_request                    -- socket ->
 *   the file                          -- HELPER_FILE ->    mapped
 *                                       <- HELPER_PIXELS -- the pixels, (height, width, channels of the mode)
 *                                            <- socket --  struct helper_reply
 *
 * What comes back is checked as a file would be. As many processes run as threads have asked at once; they end with the
 * process that they belong to.
 */
#ifndef DIPTYCH_VISION_HELPER_H
#define DIPTYCH_VISION_HELPER_H

#include "vision/vision.h"

#define HELPER_OWN "" /* what diptych decodes itself otherwise, told by its first bytes */

/* Decodes a file by the library of this name there, or by HELPER_OWN. options: with its limits filled in. Any number of threads.
 *
 * ERR_IO: diptych-decode cannot be started. ERR_LIMIT: it has used up its time or memory. ERR_FORMAT: it has crashed.
 * Otherwise the errors are the decoder's. *out is empty then. */
int helper_decode(struct picture *out, const char *library, struct span file,
    const struct picture_options *options, struct err *err);

#endif
