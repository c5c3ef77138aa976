// SPDX-License-Identifier: Apache-2.0
#include "random.h"

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t next(struct random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return mix(random->state);
}

void random_init(struct random *random, uint64_t seed, uint64_t stream)
{
    random->state = mix(mix(seed) + stream);
}

uint32_t random_below(struct random *random, uint32_t limit)
{
    return (uint32_t)(((next(random) >> 32) * limit) >> 32);
}

float random_between(struct random *random, float low, float high)
{
    float unit = (float)(next(random) >> 40) / 16777216.0f;
    return low + (high - low) * unit;
}

bool random_chance(struct random *random, float probability)
{
    return random_between(random, 0, 1) < probability;
}

// The sum of four 16-bit uniforms is close enough to a normal curve for camera noise and costs one draw.
float random_bell(struct random *random)
{
    uint64_t bits = next(random);
    int32_t sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (int32_t)((bits >> (16 * i)) & 0xffff);
    return ((float)sum - 131070.0f) / 37837.0f;
}
