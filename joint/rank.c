// SPDX-License-Identifier: Apache-2.0
#include "joint/internal.h"

#include <math.h>
#include <string.h>

/* Eight sums side by side, which a compiler turns into one vector; E is a multiple of 8 in every CLIP. */
float dot_product(const float *a, const float *b, size_t width)
{
    enum { LANES = 8 };
    float sums[LANES] = {0}, sum = 0;
    size_t e = 0;
    for (; e + LANES <= width; e += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += a[e + lane] * b[e + lane];
    for (; e < width; e++)
        sum += a[e] * b[e];
    for (size_t lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

/* Puts a prediction behind all in best[0 .. *count) that are as good; the worst falls off the end of `top`. */
static void insert(struct prediction *best, size_t *count, size_t top, struct prediction prediction)
{
    size_t at = *count;
    while (at > 0 && best[at - 1].cosine < prediction.cosine)
        at--;
    if (at == top)
        return;
    if (*count < top)
        ++*count;
    memmove(&best[at + 1], &best[at], (*count - 1 - at) * sizeof *best);
    best[at] = prediction;
}

const char *const score_names[] = {[SCORE_SOFTMAX] = "softmax",
    [SCORE_SIGMOID] = "sigmoid",
    [SCORE_COSINE] = "cosine",
    [SCORE_INDEPENDENT] = "independent"};

float prediction_score(const struct prediction *prediction, enum score_kind kind)
{
    return kind == SCORE_COSINE ? prediction->cosine : prediction->probability;
}

void rank_rows(struct prediction *best, size_t top, const float *embedding, const float *rows, size_t count,
    size_t width, struct score_rule score)
{
    rank_rows_offset(best, top, embedding, rows, NULL, count, width, score);
}

void rank_rows_offset(struct prediction *best, size_t top, const float *embedding, const float *rows,
    const float *intercepts, size_t count, size_t width, struct score_rule score)
{
    /* The softmax's sum, of exp(logit - peak), in the same pass as the maximum: a new peak rescales it. */
    const float scale = score.scale;
    float peak = -INFINITY, sum = 0;
    size_t ranked = 0;
    for (size_t i = 0; i < count; i++) {
        const float product = dot_product(embedding, &rows[i * width], width);
        const float cosine = intercepts ? product + intercepts[i] : product;
        const float logit = scale * cosine;
        if (logit > peak) {
            sum *= expf(peak - logit);
            peak = logit;
        }
        sum += expf(logit - peak);
        insert(best, &ranked, top, (struct prediction){.label = i, .cosine = cosine});
    }
    for (size_t i = 0; i < ranked; i++)
        best[i].probability = score.kind == SCORE_SIGMOID
                                  ? 1 / (1 + expf(-(scale * best[i].cosine + score.bias)))
                                  : expf(scale * best[i].cosine - peak) / sum;
}

double win_probability(float scale, float cosine, float other)
{
    return 1 / (1 + exp((double)scale * ((double)other - (double)cosine)));
}
