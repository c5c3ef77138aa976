// SPDX-License-Identifier: Apache-2.0
/*
 * Weights made up from a seed, for benchmarks and golden tests: any tensor of Hugging Face's layout, in
 * any shape, computed element by element from its name. tests/golden/random_weights.py makes the same values,
 * so a golden file holds inputs and outputs only, and a full-size model needs no gigabyte in the repository.
 *
 *   key      = FNV-1a 64 of the name, xor seed
 *   bits(i)  = random_at(key, i)
 *   normal   = (sum of the four 16-bit quarters of bits - 131070) / 37837, of variance 1 and within +-3.47
 *   value    = base + spread * normal, all float32
 *
 * base and spread depend on what the tensor is, so that activations look like a trained model's: matrices
 * keep the variance of their input (1/sqrt K), layer norm gains lie around 1, and a few channels, the same in
 * every tensor, are outliers, as in every trained transformer: they are what breaks a careless 16-bit path.
 */
#include "compute/weights/internal.h"

#include <math.h>
#include <string.h>

uint64_t weights_key(const char *name)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001B3u;
    return hash;
}

float weights_normal(uint64_t key, uint64_t i)
{
    const uint64_t bits = random_at(key, i);
    const int sum =
        (int)(bits & 0xffff) + (int)(bits >> 16 & 0xffff) + (int)(bits >> 32 & 0xffff) + (int)(bits >> 48);
    return (float)(sum - 131070) * (1.0f / 37837.0f);
}

/* About one channel in 128. */
static bool is_outlier(size_t channel)
{
    return random_mix(channel + 1) % 128 == 0;
}

/* The kinds of tensor, told by the end of the name; the first that fits counts. In `spread`, 0 stands for
 * 1/sqrt K of a matrix (N, K, ...). `outlier` multiplies the value in outlier channels of the last axis. */
static const struct kind {
    const char *suffix;
    float base, spread, outlier;
} kinds[] = {
    {"logit_scale", 4.6052f, 0, 1},
    {"logit_bias", -10, 0, 1},
    {"layer_norm1.weight", 1, 0.2f, 3},
    {"layer_norm2.weight", 1, 0.2f, 3},
    {"layrnorm.weight", 1, 0.2f, 3},
    {"layernorm.weight", 1, 0.2f, 3},
    {"inner_norm.weight", 1, 0.2f, 3},
    {"bn.weight", 1, 0.2f, 3},
    {"running_mean", 0, 0.1f, 1},
    {"running_var", 1, 0.2f, 1},
    {"layer_norm.weight", 1, 0.2f, 3},
    {"class_embedding", 0, 0.5f, 8},
    {"probe", 0, 0.5f, 8},
    {"position_embedding.weight", 0, 0.3f, 8},
    {"token_type_embedding.weight", 0, 0.3f, 8},
    {"token_embedding.weight", 0, 0.5f, 8},
    {"out_proj.bias", 0, 0.1f, 10},
    {"fc2.bias", 0, 0.1f, 10},
    {".bias", 0, 0.1f, 1},
    {"in_proj_bias", 0, 0.1f, 1},
    {".weight", 0, 0, 1},
    {"in_proj_weight", 0, 0, 1},
};

static const struct kind *kind_of(const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t n = strlen(kinds[i].suffix);
        if (length >= n && !strcmp(name + length - n, kinds[i].suffix))
            return &kinds[i];
    }
    return NULL;
}

bool weights_random_fill(float *out, const char *name, uint64_t seed, int rank, const size_t *shape)
{
    const struct kind *kind = kind_of(name);
    if (!kind)
        return false;
    size_t count = 1;
    for (int axis = 0; axis < rank; axis++)
        count *= shape[axis];
    const size_t channels = rank ? shape[rank - 1] : 1;
    const bool scalar = rank == 0, matrix = rank > 1 && kind->spread == 0;
    const float spread = matrix ? 1.0f / sqrtf((float)(count / shape[0])) : kind->spread;
    const uint64_t key = weights_key(name) ^ seed;

    for (size_t i = 0; i < count; i++) {
        const float value = kind->base + spread * weights_normal(key, i);
        out[i] = !scalar && kind->outlier != 1 && is_outlier(i % channels) ? value * kind->outlier : value;
    }
    return true;
}
