// SPDX-License-Identifier: Apache-2.0
/* A small CLIP model on disk, in every layout that weights come in. All values are weights_random's of one
 * seed, so model_random of the same shape is the same model. */
#ifndef DIPTYCH_TESTS_CHECKPOINT_H
#define DIPTYCH_TESTS_CHECKPOINT_H

#include "joint/joint.h"

enum { CHECKPOINT_SEED = 5, CHECKPOINT_TENSORS_MAX = 128 };

/* The shape of the model: 32 x 32 pixels, two layers a tower, a vocabulary for tests/golden/tokenizer_small. */
struct model_config checkpoint_config(void);

struct checkpoint {
    struct weight tensors[CHECKPOINT_TENSORS_MAX];
    size_t count;
    struct arena arena; /* names and data */
};

/* All tensors of the model as type "F32", "F16" or "BF16". Shards and single tensors can be written, left out
 * or spoiled before they go to write_safetensors. */
void checkpoint_init(struct checkpoint *checkpoint, enum layout layout, const char *type);
void checkpoint_release(struct checkpoint *checkpoint);
struct weight *checkpoint_find(struct checkpoint *checkpoint, const char *name); /* must be there */

/* Makes the directory with the config of that layout and a tokenizer, and without any weights. */
void checkpoint_directory(const char *directory, enum layout layout);

#endif
