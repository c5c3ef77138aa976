// SPDX-License-Identifier: Apache-2.0
// From light to bytes: blur, noise, rounding, JPEG artefacts.
#ifndef SCENES_LENS_H
#define SCENES_LENS_H

#include "paint.h"

// `canvas` (height, width) is consumed: blur and noise happen in place.
void lens_develop(struct picture *out, struct rgb *canvas, const struct lens *lens, struct random *random);

#endif
