// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute/weights: what the pickle of a PyTorch file says of its tensors. Values are dictionaries, objects (of
 * TorchScript), tensors, and what those are made of; nothing is called, and a name that is not on the list in
 * torch_pickle.c is refused.
 * Facts: torch/_weights_only_unpickler.py, torch/serialization.py and torch/_utils.py in PyTorch 2.15.
 */
#ifndef DIPTYCH_COMPUTE_TORCH_PICKLE_H
#define DIPTYCH_COMPUTE_TORCH_PICKLE_H

#include "compute/weights/weights.h"

/* Where elements lie: "data/KEY" in the archive. */
struct torch_storage {
    const char *key;
    const char *type; /* safetensors' word for the elements; NULL: bytes, whose tensors say their type */
    struct span data; /* torch_file.c's: NULL until it is looked up */
};

/* A view of a storage, in elements: unchecked but for the rank. */
struct torch_tensor {
    const char *name; /* keys and attributes from the root, with dots between */
    const char *type;
    struct torch_storage *storage;
    int64_t offset;
    int rank;
    int64_t shape[WEIGHT_RANK_MAX], stride[WEIGHT_RANK_MAX];
};

struct torch_tensors {
    struct torch_tensor *items;
    size_t count, room;
    bool script; /* objects of TorchScript, as OpenAI's models are */
};

/* The tensors of a state_dict, which is all or the "state_dict" of a training checkpoint, or of a TorchScript
 * module, in the order of the pickle. What the items point to is in the arena. ERR_FORMAT, ERR_UNSUPPORTED,
 * ERR_LIMIT, ERR_MEMORY; messages have the byte offset or the tensor. After an error *out is empty. */
int torch_pickle_read(struct torch_tensors *out, struct arena *arena, struct span bytes, struct err *err);
void torch_tensors_release(struct torch_tensors *tensors);

#endif
