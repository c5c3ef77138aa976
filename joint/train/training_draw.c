// SPDX-License-Identifier: Apache-2.0
/* What is drawn in training, each of its seed, epoch and picture alone, so that it depends neither on threads nor on what was
 * drawn before. */
#include "joint/train/training.h"

#include <math.h>
#include <string.h>

enum purpose { DRAW_ORDER = 1, DRAW_TEXT, DRAW_CROP, DRAW_CHANGES };

/* The seed of a stream of numbers. */
static uint64_t stream_of(uint64_t seed, enum purpose purpose, size_t epoch)
{
    return random_at(random_at(seed, (uint64_t)purpose), epoch);
}

/* [0, 1), in 53 bits. */
static double unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

static size_t below(size_t count, uint64_t bits)
{
    return (size_t)(unit(bits) * (double)count);
}

void training_shuffle(size_t *order, size_t count, uint64_t seed, size_t epoch)
{
    const uint64_t stream = stream_of(seed, DRAW_ORDER, epoch);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t left = count; left > 1; left--) {
        const size_t i = below(left, random_at(stream, left)), last = order[left - 1];
        order[left - 1] = order[i];
        order[i] = last;
    }
}

/* The number, of those that are not among `taken` in rising order, with `skipped` before it; it joins them. */
static size_t take_other(size_t *taken, size_t count, size_t skipped)
{
    size_t at = 0;
    while (at < count && taken[at] <= skipped + at)
        at++;
    memmove(taken + at + 1, taken + at, (count - at) * sizeof *taken);
    return taken[at] = skipped + at;
}

void training_choose(size_t *chosen, size_t each, size_t count, uint64_t seed, size_t epoch, size_t picture)
{
    const uint64_t stream = stream_of(seed, DRAW_TEXT, epoch);
    size_t taken[TEXTS_EACH_MOST];
    for (size_t i = 0; i < each; i++) {
        const uint64_t bits = i ? random_at(random_at(stream, picture), i) : random_at(stream, picture);
        const size_t before = i % count; /* those of this round */
        chosen[i] = take_other(taken, before, below(count - before, bits));
    }
}

/* ---- the crop ------------------------------------------------------------------------------------------ */

/* torchvision's RandomResizedCrop. */
static const double ratio_least = 3.0 / 4, ratio_most = 4.0 / 3;

/* What is taken where no draw fits: the middle, of the nearest ratio. */
static struct picture_part middle(int width, int height)
{
    const double ratio = (double)width / height;
    struct picture_part part = {.width = width, .height = height};
    if (ratio < ratio_least)
        part.height = (int)rint(width / ratio_least);
    else if (ratio > ratio_most)
        part.width = (int)rint(height * ratio_most);
    part.x = (width - part.width) / 2;
    part.y = (height - part.height) / 2;
    return part;
}

struct picture_part training_crop_of(
    const struct crop_numbers *numbers, const double scale[2], int width, int height)
{
    for (size_t i = 0; i < CROP_TRIES; i++) {
        const double *u = numbers->tries[i];
        const double area = (double)width * height * (scale[0] + u[0] * (scale[1] - scale[0]));
        const double ratio = exp(log(ratio_least) + u[1] * (log(ratio_most) - log(ratio_least)));
        struct picture_part part = {
            .width = (int)rint(sqrt(area * ratio)), .height = (int)rint(sqrt(area / ratio))};
        if (part.width < 1 || part.height < 1 || part.width > width || part.height > height)
            continue;
        part.y = (int)(u[2] * (height - part.height + 1));
        part.x = (int)(u[3] * (width - part.width + 1));
        return part;
    }
    return middle(width, height);
}

struct picture_part training_crop(
    const double scale[2], int width, int height, uint64_t seed, size_t epoch, size_t picture)
{
    const uint64_t stream = random_at(stream_of(seed, DRAW_CROP, epoch), picture);
    struct crop_numbers numbers;
    for (size_t i = 0; i < CROP_TRIES * CROP_NUMBERS; i++)
        numbers.tries[i / CROP_NUMBERS][i % CROP_NUMBERS] = unit(random_at(stream, i));
    return training_crop_of(&numbers, scale, width, height);
}

/* ---- other changes ------------------------------------------------------------------------------------- */

/* From `least` to `most` by u of [0, 1). */
static double between(double least, double most, double u)
{
    return least + u * (most - least);
}

static struct colour_step colour_step(enum colour_change change, double x, double u)
{
    const double by = change == COLOUR_HUE ? between(-x, x, u) : between(fmax(0, 1 - x), 1 + x, u);
    return (struct colour_step){change, by};
}

struct picture_changes training_changes(
    const struct augmentation *augmentation, uint64_t seed, size_t epoch, size_t picture)
{
    enum { FLIP, JITTER, GREY, STEPS, ORDER = STEPS + COLOUR_CHANGES };
    const uint64_t stream = random_at(stream_of(seed, DRAW_CHANGES, epoch), picture);
    struct picture_changes out = {.flips = unit(random_at(stream, FLIP)) < augmentation->flips,
        .greys = unit(random_at(stream, GREY)) < augmentation->greys};
    if (unit(random_at(stream, JITTER)) >= augmentation->jitters)
        return out;
    for (unsigned change = 0; change < COLOUR_CHANGES; change++)
        if (augmentation->jitter[change] > 0)
            out.steps[out.colours++] = colour_step((enum colour_change)change, augmentation->jitter[change],
                unit(random_at(stream, STEPS + change)));
    for (size_t left = out.colours; left > 1; left--) {
        const size_t i = below(left, random_at(stream, ORDER + left));
        const struct colour_step last = out.steps[left - 1];
        out.steps[left - 1] = out.steps[i];
        out.steps[i] = last;
    }
    return out;
}
