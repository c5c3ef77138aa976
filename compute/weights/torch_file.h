// SPDX-License-Identifier: Apache-2.0
/* Inside compute/weights: the bytes of one file that torch.save or torch.jit.save wrote as a list of checked tensors. */
#ifndef DIPTYCH_COMPUTE_TORCH_FILE_H
#define DIPTYCH_COMPUTE_TORCH_FILE_H

#include "compute/weights/weights.h"

/* Whether bytes begin as such a file does, of PyTorch's zip format or of the one before. */
bool torch_file_begins(struct span bytes);

/* As safetensors_parse, but in the order of the pickle, and data may lie in the arena: what is deflated or not
 * contiguous is copied there. *script: a TorchScript module, as OpenAI's models are. */
int torch_file_parse(struct weight **out, size_t *count, bool *script, struct arena *arena, struct span bytes,
    const char *file, struct err *err);

#endif
