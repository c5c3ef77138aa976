// SPDX-License-Identifier: Apache-2.0
/* Inside compute: tables of positions in another size, as open_clip resizes them when it loads weights
 * (resize_pos_embed, resize_text_pos_embed in its model.py). Both are made of weights that sum to one over rows of the
 * old table. */
#ifndef DIPTYCH_COMPUTE_POSITIONS_H
#define DIPTYCH_COMPUTE_POSITIONS_H

#include "compute/compute.h"

/* out (new_count, width) of in (old_count, width), which is a PARAM_GRID, a PARAM_SQUARE or a PARAM_LINE. ERR_FORMAT where the old table is empty, or a
 * grid no square; ERR_MEMORY. */
int positions_resize(float *out, size_t new_count, const float *in, size_t old_count, size_t width,
    enum param_kind kind, struct err *err);

#endif
