// SPDX-License-Identifier: Apache-2.0
/* Inside text: what is trained of the tower beside its blocks. */
#ifndef DIPTYCH_TEXT_TOWER_TENSORS_H
#define DIPTYCH_TEXT_TOWER_TENSORS_H

#include "compute/train/train.h"
#include "text/text.h"

/* Or the gradients of these. The projection comes last: see text_parameters. */
struct text_tensors {
    struct tensor token_table; // (V, W)
    struct tensor positions;   // (context, W)
    struct end_tensors end;    // W; (E, W)
};

/* Adds the tower's rows, but for its blocks', as that part is trained. */
int text_parameters(const struct text_config *config, enum tower_part part, struct parameters *parameters,
    struct text_tensors *values, struct text_tensors *gradients, struct err *err);

extern const char text_block_prefix[];

#endif
