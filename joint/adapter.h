// SPDX-License-Identifier: Apache-2.0
/*
 * Inside joint: adapters, as files have them.
 *
 *   adapter.c         "DIR[:WEIGHT]" to files, and what came of them to a model's weights and fingerprint
 *   adapter_config.c  adapter_config.json of peft
 *   adapter_keys.c    the names of its tensors: which matrix of which module each is
 *   adapter_pairs.c   the matrices of a module to changes of weights
 *
 * Facts: LoraConfig, LoraLayer.get_delta_weight, DoraLinearLayer and get_peft_model_state_dict of peft 0.3 to 0.21.
 */
#ifndef DIPTYCH_JOINT_ADAPTER_H
#define DIPTYCH_JOINT_ADAPTER_H

#include "joint/joint.h"

struct json_t;

/* ---- settings ------------------------------------------------------------------------------------------ */

struct adapter_config {
    struct json_t *root;    /* patterns are looked up in it */
    size_t rank;            /* of modules that rank_pattern does not name; 0: what the tensors have */
    double alpha;           /* likewise of alpha_pattern; kohya-ss has it in tensors */
    bool rank_stabilized;   /* the scale is alpha / sqrt(rank), not alpha / rank */
    bool dora;              /* modules have magnitudes */
    const char *base_class; /* of the model that it was trained with, "CLIPTextModel"; NULL: not said */
    const char *base_model; /* its name or path; NULL: not said */
};

/* Reads adapter_config.json. ERR_UNSUPPORTED, with the key: another peft_type, or something set that changes what the tensors
 * mean and is not done here; ERR_FORMAT, ERR_IO, ERR_MEMORY. Release it also after an error. */
int adapter_config_read(struct adapter_config *out, const char *path, struct err *err);
void adapter_config_release(struct adapter_config *config);

/* Those of one module, by its full name. ERR_FORMAT, ERR_UNSUPPORTED: a pattern that is none, or not understood. */
int adapter_config_module(
    size_t *rank, double *alpha, const struct adapter_config *config, const char *module, struct err *err);

/* The tensors' file of a folder, and its config; of a file the config beside it, or NULL. In the arena. ERR_IO: one is missing;
 * ERR_MEMORY. */
int adapter_find_files(
    const char **tensors, const char **config, const char *path, struct arena *arena, struct err *err);

/* ---- names --------------------------------------------------------------------------------------------- */

enum adapter_part {
    ADAPTER_VALUE,          /* takes the place of a tensor of the model, whose name `module` is */
    ADAPTER_DOWN,           /* A: (R, K), or (R, C, P, P) of a convolution */
    ADAPTER_UP,             /* B: (N, R), or (N, R, 1, 1) */
    ADAPTER_UP_BIAS,        /* (N) */
    ADAPTER_MAGNITUDE,      /* (N), or (1, N, 1, 1) */
    ADAPTER_EMBEDDING_DOWN, /* (R, V) of a table (V, W) */
    ADAPTER_EMBEDDING_UP,   /* (W, R) */
    ADAPTER_ALPHA,          /* a number */
    ADAPTER_PARTS
};

struct adapter_key {
    const char *module;
    enum adapter_part part;
    const struct weight *tensor;
};

struct adapter_keys {
    struct adapter_key *items; // (count), by module
    size_t count;
    size_t others; /* tensors of other networks that the file is for, too */
    struct arena arena;
};

/* What the tensors of a file are, with modules called as the model of these weights has them. ERR_FORMAT: a tensor that is of
 * no adapter, or of no module of the model; ERR_MEMORY. Release it also after an error. */
int adapter_keys_peft(struct adapter_keys *out, const struct weights *tensors,
    const struct adapter_config *config, const struct weights *model, struct err *err);
int adapter_keys_kohya(
    struct adapter_keys *out, const struct weights *tensors, const struct weights *model, struct err *err);
void adapter_keys_release(struct adapter_keys *keys);

/* ---- changes ------------------------------------------------------------------------------------------- */

struct adapter {
    const char *path;
    float weight;
    struct adapter_config config;
    struct weights *tensors;
    struct weight_change *changes; // (count)
    size_t count, room;
    struct adapter_counts counts;
    struct arena arena; /* changes' names and values */
};

/* Adds the changes that the tensors of one module make, `keys` (count) of them. ERR_FORMAT: one is missing, or has not the
 * shape that the model's tensor asks for, or is not finite; ERR_MEMORY. */
int adapter_add_module(struct adapter *adapter, const struct adapter_key *keys, size_t count,
    const struct weights *model, struct err *err);

#endif
