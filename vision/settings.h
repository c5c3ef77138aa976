// SPDX-License-Identifier: Apache-2.0
/* How a model wants its pictures, once the JSON that says it is read. Private to vision. */
#ifndef DIPTYCH_VISION_SETTINGS_H
#define DIPTYCH_VISION_SETTINGS_H

#include "vision/vision.h"

#include <jansson.h>

/* An object in the words of transformers' CLIPImageProcessor, or one with open_clip's "preprocess_cfg". *out holds
 * the value of each field that is left out. ERR_FORMAT, ERR_UNSUPPORTED: the field is named. */
int settings_read_hf(struct preprocess *out, const json_t *root, struct err *err);
int settings_read_open_clip(struct preprocess *out, const json_t *root, struct err *err);

/* Whether a model of image_size can use them: ERR_FORMAT. */
int settings_check(const struct preprocess *preprocess, int image_size, struct err *err);

#endif
