// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_sums.h"

#include <stdio.h>
#include <stdlib.h>

int caption_pairs_check(const struct caption_pair *pairs, size_t count, struct err *err)
{
    if (count == 0)
        return err_set(err, ERR_ARGUMENT, "no images to score");
    for (size_t i = 0; i < count; i++) {
        int rc = unicode_check(span_of(pairs[i].candidate), err);
        if (rc) {
            err_wrap(err, "candidate of image %zu", i);
            return rc;
        }
        if (pairs[i].reference_count == 0)
            return err_set(err, ERR_ARGUMENT, "image %zu has no reference", i);
        for (size_t j = 0; j < pairs[i].reference_count; j++)
            if ((rc = unicode_check(span_of(pairs[i].references[j]), err))) {
                err_wrap(err, "reference %zu of image %zu", j, i);
                return rc;
            }
    }
    return 0;
}

/* Thai and Lao, Burmese, Khmer, kana, Han, half-width kana, Han beyond the first 65,536. */
static bool is_without_blanks(int32_t c)
{
    static const int32_t ranges[][2] = {{0xe00, 0xeff}, {0x1000, 0x109f}, {0x1780, 0x17ff}, {0x3040, 0x30ff},
        {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xff66, 0xff9d}, {0x20000, 0x3ffff}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

bool captions_lack_blanks(const struct caption_pair *pairs, size_t count)
{
    size_t letters = 0, without = 0;
    for (size_t i = 0; i < count; i++) {
        struct span rest = span_of(pairs[i].candidate);
        for (size_t width; rest.length; rest = span_from(rest, width)) {
            const int32_t c = unicode_read(rest, &width);
            letters += unicode_category(c) == 'L';
            without += unicode_category(c) == 'L' && is_without_blanks(c);
        }
    }
    return 2 * without > letters;
}

/* As Python's str.lower does it. */
static const char *lower(struct arena *arena, const char *text)
{
    struct span out;
    return unicode_normalise(&out, arena, span_of(text), NORMAL_LOWER | NORMAL_FINAL_SIGMA, NULL)
               ? NULL
               : arena_copy(arena, out.data, out.length);
}

bool pair_lower(struct caption_pair *pair, struct arena *arena)
{
    const char **references = arena_alloc(arena, pair->reference_count * sizeof *references);
    if (!references || !(pair->candidate = lower(arena, pair->candidate)))
        return false;
    for (size_t i = 0; i < pair->reference_count; i++)
        if (!(references[i] = lower(arena, pair->references[i])))
            return false;
    pair->references = references;
    return true;
}

static size_t count_references(const struct caption_pair *pair)
{
    size_t count = 0;
    for (size_t i = 0; i < pair->reference_count; i++)
        count += *pair->references[i] != '\0';
    return count;
}

/* Images that have none but empty references do not count. */
void references_sign(char out[32], const struct caption_pair *pairs, size_t count)
{
    size_t common = 0;
    snprintf(out, 32, "var");
    for (size_t i = 0; i < count; i++) {
        const size_t here = count_references(&pairs[i]);
        if (here && common && here != common)
            return;
        common = here ? here : common;
    }
    if (common)
        snprintf(out, 32, "%zu", common);
}

void metric_scores_init(struct metric_scores *out, double *images, size_t count)
{
    *out = (struct metric_scores){.images = images, .count = count};
    for (size_t i = 0; i < count; i++)
        out->corpus += images[i];
    out->corpus /= (double)count;
}

void metric_scores_release(struct metric_scores *scores)
{
    if (!scores)
        return;
    free(scores->images);
    *scores = (struct metric_scores){0};
}
