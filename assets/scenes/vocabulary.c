// SPDX-License-Identifier: Apache-2.0
#include "vocabulary.h"

#include <stdint.h>

const struct colour colours[N_COLOURS] = {
    {{"red", {"scarlet", "crimson"}}, {0.86f, 0.10f, 0.13f}},
    {{"orange", {"tangerine"}}, {0.97f, 0.52f, 0.07f}},
    {{"yellow", {"golden", "lemon yellow"}}, {0.98f, 0.87f, 0.14f}},
    {{"green", {"emerald"}}, {0.14f, 0.63f, 0.24f}},
    {{"blue", {"azure", "cobalt"}}, {0.13f, 0.34f, 0.86f}},
    {{"purple", {"violet"}}, {0.50f, 0.17f, 0.67f}},
    {{"pink", {"rosy"}}, {0.98f, 0.58f, 0.75f}},
    {{"brown", {"chocolate brown"}}, {0.45f, 0.27f, 0.13f}},
    {{"black", {"jet black"}}, {0.05f, 0.05f, 0.06f}},
    {{"white", {"snow white"}}, {0.96f, 0.96f, 0.95f}},
    {{"grey", {"gray", "silver"}}, {0.52f, 0.53f, 0.54f}},
};

const struct fill fills[N_FILLS] = {
    {{"solid", {"filled"}}, {NULL, {NULL}}},
    {{"outlined", {"hollow", "empty", "unfilled"}}, {"drawn in outline", {"drawn as an outline"}}},
    {{"striped", {"stripy", "stripey", "banded"}}, {"with stripes", {"with bands"}}},
    {{"dotted", {"spotted", "spotty", "polka dot"}}, {"with dots", {"with spots", "with polka dots"}}},
};

const struct size sizes[N_SIZES] = {
    {{"small", {"tiny", "little"}}, 0.12f, 0.16f},
    {{"medium", {"medium-sized", "mid-sized"}}, 0.21f, 0.26f},
    {{"large", {"big", "huge", "giant"}}, 0.34f, 0.41f},
};

const struct tone tones[N_TONES] = {
    {{"light", {"bright", "pale"}}, 0.78f, 0.97f},
    {{"dark", {"dim"}}, 0.05f, 0.26f},
};

const struct word textures[N_TEXTURES] = {
    {"plain", {"uniform", "flat"}},
    {"shaded", {"gradient"}},
    {"checked", {"checkered", "chequered", "checkerboard"}},
    {"mottled", {"blotchy", "patchy"}},
};

const struct word numbers[N_NUMBERS] = {
    {"one", {"1"}},
    {"two", {"2"}},
    {"three", {"3"}},
    {"four", {"4"}},
    {"five", {"5"}},
};

static uint32_t fnv1a(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

// Hashing the names, not the row numbers, keeps the split when a table grows.
bool held_out(const struct shape *shape, int colour)
{
    uint32_t hash = fnv1a(fnv1a(2166136261u, colours[colour].word.name), shape->one.name);
    return (hash >> 8) % 10 == 0;
}
