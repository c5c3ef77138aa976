// SPDX-License-Identifier: Apache-2.0
/* Rotary positions: the angles by which the queries and keys of each patch turn. */
#include "compute/transformer.h"

#include <math.h>
#include <stdlib.h>

/* Pairs of one half of a head (D/4) turn by coordinate * speed, in the float32 in which the reference has both. */
static void turn_half(float *out, float coordinate, size_t bands) // out (D/2)
{
    for (size_t i = 0; i < bands; i++) {
        const float speed = (float)(1 / pow(10000, (double)i / (double)bands));
        const double angle = (double)(coordinate * speed);
        out[2 * i] = (float)cos(angle);
        out[2 * i + 1] = (float)sin(angle);
    }
}

static float coordinate(const struct rotary *rotary, size_t index)
{
    return ((float)index + rotary->first) * rotary->scale;
}

int rotation_load(
    struct tensor *out, const struct transformer_config *config, struct device *device, struct err *err)
{
    const struct rotary *rotary = &config->rotary;
    const size_t grid = rotary->grid, tokens = rotary->class_tokens + grid * grid;
    const size_t head_width = config->width / config->heads, half = head_width / 2;
    float *rotation = mem_new(tokens * head_width, sizeof *rotation), *at = rotation;
    if (!rotation)
        return err_memory(err, tokens * head_width * sizeof *rotation);
    for (size_t i = 0; i < rotary->class_tokens; i++, at += head_width) {
        turn_half(at, 0, half / 2);
        turn_half(at + half, 0, half / 2);
    }
    for (size_t y = 0; y < grid; y++)
        for (size_t x = 0; x < grid; x++, at += head_width) {
            turn_half(at + (rotary->x_first ? half : 0), coordinate(rotary, y), half / 2);
            turn_half(at + (rotary->x_first ? 0 : half), coordinate(rotary, x), half / 2);
        }
    *out = (struct tensor){.shape = SHAPE(tokens, head_width), .dtype = DTYPE_F32};
    const int rc = device_buffer(&out->buffer, device, rotation, tokens * head_width * sizeof *rotation, err);
    free(rotation);
    return rc;
}
