// SPDX-License-Identifier: Apache-2.0
#include "vocabulary.h"

#include <stddef.h>
#include <stdint.h>

const struct colour colours[N_COLOURS] = {
    {"red", {0.86f, 0.10f, 0.13f}},
    {"orange", {0.97f, 0.52f, 0.07f}},
    {"yellow", {0.98f, 0.87f, 0.14f}},
    {"green", {0.14f, 0.63f, 0.24f}},
    {"blue", {0.13f, 0.34f, 0.86f}},
    {"purple", {0.50f, 0.17f, 0.67f}},
    {"pink", {0.98f, 0.58f, 0.75f}},
    {"brown", {0.45f, 0.27f, 0.13f}},
    {"black", {0.05f, 0.05f, 0.06f}},
    {"white", {0.96f, 0.96f, 0.95f}},
    {"grey", {0.52f, 0.53f, 0.54f}},
};

const struct fill fills[N_FILLS] = {
    {"solid", NULL},
    {"outlined", "drawn in outline"},
    {"striped", "with stripes"},
    {"dotted", "with dots"},
};

const struct size sizes[N_SIZES] = {
    {"small", 0.12f, 0.16f},
    {"medium", 0.21f, 0.26f},
    {"large", 0.34f, 0.41f},
};

const struct tone tones[N_TONES] = {
    {"light", 0.78f, 0.97f},
    {"dark", 0.05f, 0.26f},
};

const char *const textures[N_TEXTURES] = {"plain", "shaded", "checked", "mottled"};
const char *const numbers[N_NUMBERS] = {"one", "two", "three", "four", "five"};

static uint32_t fnv1a(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

// Hashing the names, not the row numbers, keeps the split when a table grows.
bool held_out(int shape, int colour)
{
    uint32_t hash = fnv1a(fnv1a(2166136261u, colours[colour].name), shapes[shape].name);
    return (hash >> 8) % 10 == 0;
}
