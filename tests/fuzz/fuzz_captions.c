// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"
#include "text/captions/caption_file.h"

#include <string.h>

static void check_set(const struct caption_set *set)
{
    FUZZ_CHECK(set->count > 0);
    for (size_t i = 0; i < set->count; i++) {
        const struct captioned_image *image = &set->images[i];
        FUZZ_CHECK(caption_set_find(set, image->id) == image && image->count > 0);
        for (size_t j = 0; j < image->count; j++)
            FUZZ_CHECK(strlen(image->captions[j]) <= CAPTION_MAX);
    }
}

/* Captions that are their own references: unigrams all match, and no score is out of its bounds. */
static void check_scores(const struct caption_set *set)
{
    const struct caption_score_options options = {0};
    const struct job job = {.threads = 1};
    struct caption_pairs pairs;
    struct caption_scores scores;
    if (caption_pairs_join(&pairs, set, set, 1, false, NULL)) /* an image has two */
        return;
    FUZZ_CHECK(pairs.count == set->count);
    FUZZ_CHECK(!caption_scores_compute(&scores, pairs.systems[0], pairs.count, &options, &job, NULL));
    const struct bleu_stats *stats = &scores.bleu.corpus.stats;
    FUZZ_CHECK(stats->correct[0] == stats->guess[0] && stats->candidate_length == stats->reference_length);
    for (size_t i = 0; i < scores.count; i++) {
        FUZZ_CHECK(scores.images[METRIC_ROUGE_L][i] > 1 - 1e-9);
        FUZZ_CHECK(scores.images[METRIC_CIDER_D][i] >= 0 && scores.images[METRIC_CIDER_D][i] <= 10 + 1e-9);
        FUZZ_CHECK(
            scores.images[METRIC_SACREBLEU][i] >= 0 && scores.images[METRIC_SACREBLEU][i] <= 100 + 1e-9);
    }
    caption_scores_release(&scores);
    caption_pairs_release(&pairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct caption_source source = {.name = "fuzz", .bytes = malloc(size + 1), .size = size};
    struct caption_set set;
    struct err err = {0};
    FUZZ_CHECK(source.bytes);
    if (size)
        memcpy(source.bytes, data, size);
    source.bytes[size] = '\0';
    if (caption_set_parse(&set, &source, 1, "test", &err)) {
        FUZZ_CHECK(err.code && err.msg[0] && !set.images);
    } else {
        check_set(&set);
        check_scores(&set);
        caption_set_release(&set);
    }
    free(source.bytes);
    return 0;
}
