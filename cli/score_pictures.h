// SPDX-License-Identifier: Apache-2.0
/* The pictures that captions are about. */
#ifndef DIPTYCH_CLI_SCORE_PICTURES_H
#define DIPTYCH_CLI_SCORE_PICTURES_H

#include "text/captions/captions.h"
#include "vision/vision.h"

/* Sources (count), in the arena, of the pairs' pictures below a folder: each by the name that a caption file
 * has for it, by its id with any suffix, or by COCO's twelve digits of it. One that is not there, or there
 * twice, is ERR_IO or ERR_ARGUMENT with the id. */
int score_pictures(struct picture_source **out, struct arena *arena, const char *folder,
    const struct caption_pairs *pairs, struct err *err);

#endif
