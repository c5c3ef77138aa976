// SPDX-License-Identifier: Apache-2.0
/* The arithmetic of a resize: weighted sums of rows of bytes. Private to vision. */
#ifndef DIPTYCH_VISION_WEIGH_H
#define DIPTYCH_VISION_WEIGH_H

#include <stddef.h>
#include <stdint.h>

/* A weight has FRACTION_BITS of fraction: 8 bits of sample and the filter's overshoot leave that many in an
 * int32. It is stored as high * 2^LOW_BITS + low, two numbers of 16 bits, which processors multiply faster;
 * two weights stand together because they also add such products in pairs. */
enum { FRACTION_BITS = 22, LOW_BITS = 12 };
struct weight_pair {
    int16_t low[2], high[2];
};

/* out[i] = the sum over k < rows of weight k * from[k * step + i], rounded and clamped to a byte, for i <
 * size. Where rows is odd, the last weight of the last pair is zero. */
typedef void weigh_rows(
    uint8_t *out, const uint8_t *from, size_t step, const struct weight_pair *weights, int rows, size_t size);

weigh_rows weigh_rows_plain;

/* The fastest that this processor has. All give the same bytes. */
weigh_rows *weigh_rows_best(void);

#endif
