// SPDX-License-Identifier: Apache-2.0
/*
 * Weights to begin training with, of any tensor of Hugging Face's layout in any shape. Matrices and embeddings are about as
 * transformers' CLIP begins (modeling_clip.py, _init_weights), but for what lets small models see shapes early, instead of colours
 * alone for a long time:
 *
 *   patch embedding   waves of a discrete cosine transform, of brightness and of two differences of colours, each as strong as
 *                     makes all vary alike in pictures, whose strengths fall with the frequency; then mixed by a random rotation
 *   positions         of patches: sines and cosines of the row and of the column (Beyer et al., arXiv:2205.01580)
 *   keys              of pictures as queries, so that a patch attends to what is like it or close to it (Trockman and Kolter,
 *                     arXiv:2305.09828); of texts small, so that the last token sees all the words
 */
#include "compute/weights/internal.h"
#include "compute/weights/tensor_name.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In `spread` of a matrix (N, K), 1 stands for 1/sqrt K. The first suffix that fits counts. */
static const struct kind {
    const char *suffix;
    float base, spread;
    bool matrix;
} kinds[] = {
    {"logit_scale", 2.6592f, 0, false}, /* log(1 / 0.07) */
    {"logit_bias", -10, 0, false},
    {"layer_norm1.weight", 1, 0, false},
    {"layer_norm2.weight", 1, 0, false},
    {"layrnorm.weight", 1, 0, false},
    {"layernorm.weight", 1, 0, false},
    {"layer_norm.weight", 1, 0, false},
    {"position_embedding.weight", 0, 0.02f, false},
    {"token_embedding.weight", 0, 0.02f, false},
    {"class_embedding", 0, 0.1f, false},
    {"probe", 0, 0.1f, false},
    {"bias", 0, 0, false},
    {"q_proj.weight", 0, 0.7f, true},
    {"k_proj.weight", 0, 0.7f, true},   /* of texts times text_attention */
    {"out_proj.weight", 0, 0.3f, true}, /* so that what blocks add does not drown what there was */
    {"fc1.weight", 0, 0.7f, true},
    {"fc2.weight", 0, 0.6f, true},
    {"weight", 0, 1, true},
};

static const float text_attention = 0.1f;

static bool ends_in(const char *name, const char *suffix)
{
    const size_t length = strlen(name), n = strlen(suffix);
    return length >= n && !strcmp(name + length - n, suffix);
}

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (ends_in(name, kinds[i].suffix))
            return &kinds[i];
    return NULL;
}

/* Queries and keys have one key. */
static uint64_t key_of(const char *name, uint64_t seed)
{
    static const char keys[] = "k_proj.weight", queries[] = "q_proj.weight";
    char alike[NAME_SIZE];
    if (ends_in(name, keys) && strlen(name) < sizeof alike) {
        strcpy(alike, name);
        strcpy(alike + strlen(name) - strlen(keys), queries);
        name = alike;
    }
    return weights_key(name) ^ random_mix(seed);
}

/* ---- patches ------------------------------------------------------------------------------------------- */

struct wave {
    int channel, u, v; /* periods are 2 P / u across and 2 P / v down */
    float strength;    /* how much it varies in pictures of flat things with edges */
};

static int by_strength(const void *a, const void *b)
{
    const struct wave *x = a, *y = b;
    if (x->strength != y->strength)
        return x->strength < y->strength ? 1 : -1;
    return (x->channel * 4096 + x->u) * 4096 + x->v - ((y->channel * 4096 + y->u) * 4096 + y->v);
}

/* waves (3 * P * P), the strongest first. */
static void list_waves(struct wave *waves, int patch)
{
    /* Measured on drawn scenes: strength = scale / (least + frequency), of pixels that vary by 1. */
    static const float scale[] = {3.4f, 1.3f, 0.85f}, least[] = {0.13f, 0.33f, 0.33f};
    for (int c = 0; c < 3; c++)
        for (int u = 0; u < patch; u++)
            for (int v = 0; v < patch; v++)
                *waves++ = (struct wave){c, u, v, scale[c] / (least[c] + hypotf((float)u, (float)v))};
    qsort(waves - 3 * patch * patch, (size_t)(3 * patch * patch), sizeof *waves, by_strength);
}

/* out (3, P, P): the wave, of length `gain`. */
static void put_wave(float *out, const struct wave *wave, int patch, float gain)
{
    static const float colours[3][3] = {
        {0.57735f, 0.57735f, 0.57735f}, {0.70711f, 0, -0.70711f}, {0.40825f, -0.8165f, 0.40825f}};
    const float pi = 3.14159265f, p = (float)patch,
                norm = gain * (wave->u ? sqrtf(2) : 1) * (wave->v ? sqrtf(2) : 1) / p;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < patch; y++)
            for (int x = 0; x < patch; x++)
                *out++ = norm * colours[wave->channel][c] *
                         cosf(pi * ((float)y + 0.5f) * (float)wave->v / p) *
                         cosf(pi * ((float)x + 0.5f) * (float)wave->u / p);
}

/* rows (n, width) at right angles and of length 1, drawn. */
static void draw_rotation(float *rows, size_t n, size_t width, uint64_t key)
{
    for (size_t i = 0; i < n; i++) {
        float *row = rows + i * width, length = 0;
        for (size_t k = 0; k < width; k++)
            row[k] = weights_normal(key, i * width + k);
        for (size_t j = 0; j < i; j++) {
            const float *other = rows + j * width;
            float dot = 0;
            for (size_t k = 0; k < width; k++)
                dot += row[k] * other[k];
            for (size_t k = 0; k < width; k++)
                row[k] -= dot * other[k];
        }
        for (size_t k = 0; k < width; k++)
            length += row[k] * row[k];
        for (size_t k = 0; k < width; k++)
            row[k] /= sqrtf(length);
    }
}

/* out (W, 3, P, P) = transpose(rotation (n, W)) * waves (n, 3 * P * P). False when out of memory. */
static bool fill_patches(float *out, uint64_t key, size_t width, size_t patch)
{
    static const float floor_of_variance = 0.7f; /* what hardly varies is not blown up */
    const size_t size = 3 * patch * patch, n = width < size ? width : size;
    struct wave *waves = mem_new(size, sizeof *waves);
    float *rotation = mem_new(n * width, sizeof *rotation), *wave = mem_new(size, sizeof *wave);
    const bool there = waves && rotation && wave;
    if (there) {
        list_waves(waves, (int)patch);
        draw_rotation(rotation, n, width, key);
        memset(out, 0, width * size * sizeof *out);
    }
    for (size_t i = 0; there && i < n; i++) {
        const float strength = waves[i].strength;
        put_wave(wave, &waves[i], (int)patch, 1 / sqrtf(strength * strength + floor_of_variance));
        for (size_t w = 0; w < width; w++)
            for (size_t k = 0; k < size; k++)
                out[w * size + k] += rotation[i * width + w] * wave[k];
    }
    free(waves);
    free(rotation);
    free(wave);
    return there;
}

/* ---- positions ----------------------------------------------------------------------------------------- */

/* out (G * G, W): of the row, then of the column, sines and then cosines, from half a period a picture to four. */
static void fill_positions(float *out, size_t grid, size_t width)
{
    static const float amplitude = 0.7f, octaves = 3;
    const float pi = 3.14159265f;
    const size_t n = width / 4;
    for (size_t i = 0; i < grid * grid; i++)
        for (size_t k = 0; k < width; k++) {
            const size_t at = k < 2 * n ? i / grid : i % grid, octave = k % n;
            const float frequency =
                            2 * pi / (float)grid * exp2f(-1 + octaves * (float)octave / (float)(n - (n > 1))),
                        angle = (float)at * frequency;
            out[i * width + k] = amplitude * (k / n % 2 ? cosf(angle) : sinf(angle));
        }
}

/* ---- all ----------------------------------------------------------------------------------------------- */

bool weights_fresh_fill(float *out, const char *name, uint64_t seed, int rank, const size_t *shape)
{
    const struct kind *kind = kind_of(name);
    const uint64_t key = key_of(name, seed);
    size_t count = 1;
    if (!kind)
        return false;
    if (rank == 4 && ends_in(name, "patch_embedding.weight"))
        return fill_patches(out, key, shape[0], shape[3]);
    for (int axis = 0; axis < rank; axis++)
        count *= shape[axis];
    float spread = kind->matrix && rank > 1 ? kind->spread / sqrtf((float)(count / shape[0])) : kind->spread;
    if (!strncmp(name, "text_model.", 11) &&
        (ends_in(name, "q_proj.weight") || ends_in(name, "k_proj.weight")))
        spread *= text_attention;
    for (size_t i = 0; i < count; i++)
        out[i] = kind->base + spread * weights_normal(key, i);
    if (rank == 2 && shape[1] >= 4 && ends_in(name, "vision_model.embeddings.position_embedding.weight")) {
        const size_t grid = (size_t)sqrt((double)shape[0]),
                     first = shape[0] - grid * grid; /* the class token's */
        fill_positions(out + first * shape[1], grid, shape[1]);
    }
    return true;
}
