// SPDX-License-Identifier: Apache-2.0
/* What the tests of pictures share: the synthetic inputs and the lists in tests/golden/preprocess/. */
#ifndef DIPTYCH_TESTS_VISION_GOLDEN_H
#define DIPTYCH_TESTS_VISION_GOLDEN_H

#include "vision/vision.h"

#define GOLDEN DIPTYCH_ROOT "/tests/golden/preprocess/"

/* The picture that synthetic() in tests/golden/preprocess.py makes. Fails the test when memory is out. */
struct picture synthetic(int width, int height);

/* Calls each(line) for every line of a list that is neither empty nor a comment, and returns how many. */
size_t golden_lines(const char *name, void (*each)(char *line));

uint32_t checksum(const uint8_t *bytes, size_t size);

/* Says on stderr which case differs and how its bytes begin, where the checksums differ. */
bool same_checksum(const char *what, uint32_t expected, const uint8_t *bytes, size_t size);

#endif
