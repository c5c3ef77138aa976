// SPDX-License-Identifier: Apache-2.0
// A small integer generator, so that the same seed draws the same scenes on every machine.
#ifndef SCENES_RANDOM_H
#define SCENES_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

// Every (seed, stream) pair is a sequence of its own: scene n of a run does not depend on scene n - 1.
void random_init(struct random *random, uint64_t seed, uint64_t stream);

uint32_t random_below(struct random *random, uint32_t limit);       // 0 .. limit - 1
float random_between(struct random *random, float low, float high); // low <= x < high
bool random_chance(struct random *random, float probability);
float random_bell(struct random *random); // mean 0, variance 1, never beyond 3.5

#endif
