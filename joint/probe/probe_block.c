// SPDX-License-Identifier: Apache-2.0
/*
 * A block of examples. Both products, of logits and of the gradient, are sums of a number times a vector:
 *
 *     sums (LOSS_TILE, panels * LOSS_LANES) = sum over t of a[r, t] * b[t]
 *
 * which stay in registers, as wide as the CPU at hand has them: one of the kinds below is chosen as the program runs.
 */
#include "joint/probe/probe_loss.h"

#include <math.h>
#include <string.h>

/* ---- what kinds of CPU do ------------------------------------------------------------------------------ */

enum { PANELS = 2, SUMS = LOSS_TILE * PANELS * LOSS_LANES };

/* a[r, t] is a[r * row + t * step]; lane l of panel p of b[t] is b[p * panel + t * step + l]. */
struct left {
    const double *at;
    size_t row, step;
};
struct right {
    const double *at;
    size_t panel, step;
};
typedef void multiply(double *sums, struct left a, struct right b, size_t steps);

/*     one, two      the sums of so many panels
 *     exponentials  x (count), a multiple of LOSS_LANES, becomes exp(x - peak), where x is at most peak */
struct kind {
    multiply *one, *two;
    void (*exponentials)(double *x, size_t count, double peak);
};

/* With registers of so many bytes, so many at once a row. */
#define MULTIPLY(name, instructions, bytes, at_once, panels)                                                 \
    instructions static void name(double *sums, struct left a, struct right b, size_t steps)                 \
    {                                                                                                        \
        typedef double vector __attribute__((vector_size(bytes), may_alias));                                \
        enum { WIDTH = (panels)*LOSS_LANES, EACH = (bytes) / sizeof(double) };                               \
        for (size_t lane = 0; lane < WIDTH; lane += (at_once)*EACH) {                                        \
            vector sum[LOSS_TILE][at_once] = {{{0}}};                                                        \
            const double *column[at_once];                                                                   \
            _Pragma("GCC unroll 8") for (size_t v = 0; v < (at_once); v++) column[v] =                       \
                b.at + (lane + v * EACH) / LOSS_LANES * b.panel + (lane + v * EACH) % LOSS_LANES;            \
            for (size_t t = 0; t < steps; t++) {                                                             \
                vector row[at_once];                                                                         \
                _Pragma("GCC unroll 8") for (size_t v = 0; v < (at_once); v++) row[v] =                      \
                    *(const vector *)(column[v] + t * b.step);                                               \
                _Pragma("GCC unroll 8") for (size_t r = 0; r < LOSS_TILE; r++)                               \
                    _Pragma("GCC unroll 8") for (size_t v = 0; v < (at_once); v++) sum[r][v] +=              \
                    a.at[r * a.row + t * a.step] * row[v];                                                   \
            }                                                                                                \
            _Pragma("GCC unroll 8") for (size_t r = 0; r < LOSS_TILE; r++)                                   \
                    _Pragma("GCC unroll 8") for (size_t v = 0; v < (at_once); v++) *                         \
                (vector *)(sums + r * WIDTH + lane + v * EACH) = sum[r][v];                                  \
        }                                                                                                    \
    }

/* exp(y) = 2^k exp(r) with k the nearest integer to y / ln 2: a number so large that its last bits count ones is added and
 * taken off again, and those bits are k. exp(r), |r| <= ln 2 / 2, is its series up to r^12 / 12!, to 2e-16. */
static const double inverse_ln2 = 1.4426950408889634, ln2_high = 0.693147180369123816490,
                    ln2_low = 1.90821492927058770002e-10, ones = 0x1.8p52, least = -700;
static const double series[] = {1, 1, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040,
    1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600};
enum { TERMS = sizeof series / sizeof *series, EXPONENT_BIT = 52 };

#define EXPONENTIALS(name, instructions, bytes)                                                              \
    instructions static void name(double *x, size_t count, double peak)                                      \
    {                                                                                                        \
        typedef double vector __attribute__((vector_size(bytes), may_alias));                                \
        typedef uint64_t bits __attribute__((vector_size(bytes), may_alias));                                \
        for (size_t i = 0; i < count; i += (bytes) / sizeof(double)) {                                       \
            vector y = *(const vector *)(x + i) - peak;                                                      \
            const bits kept = (bits)(y > least);                                                             \
            y = (vector)((bits)y & kept); /* what is that small becomes 1, and 0 in the end */               \
            const vector shifted = y * inverse_ln2 + ones, k = shifted - ones;                               \
            const vector r = (y - k * ln2_high) - k * ln2_low;                                               \
            vector power = r * series[TERMS - 1] + series[TERMS - 2];                                        \
            _Pragma("GCC unroll 16") for (int term = TERMS - 3; term >= 0; term--) power =                   \
                power * r + series[term];                                                                    \
            const vector scale = (vector)(((bits)shifted << EXPONENT_BIT) + (bits)(y * 0 + 1));              \
            *(vector *)(x + i) = (vector)((bits)(power * scale) & kept);                                     \
        }                                                                                                    \
    }

#define KIND(name, instructions, bytes, at_once)                                                             \
    MULTIPLY(one_##name, instructions, bytes, 1, 1)                                                          \
    MULTIPLY(two_##name, instructions, bytes, at_once, 2)                                                    \
    EXPONENTIALS(exponentials_##name, instructions, bytes)                                                   \
    static const struct kind name = {one_##name, two_##name, exponentials_##name};

KIND(plain, , 16, 1)
#ifdef __x86_64__
KIND(avx2, __attribute__((target("avx2,fma"))), 32, 1)
KIND(avx512, __attribute__((target("avx512f,avx512vl,avx512dq"))), 64, 2)
#endif

static const struct kind *choose_kind(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return &avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &avx2;
#endif
    return &plain;
}

/* ---- products ------------------------------------------------------------------------------------------ */

/* Panels from p on that are multiplied at once, of `count` numbers. */
static size_t panels_at(size_t p, size_t count)
{
    return (p + PANELS) * LOSS_LANES <= count ? PANELS : 1;
}

/* logits (LOSS_ROWS, padded_classes) = rows (LOSS_ROWS, padded_width) * packed, (padded_classes / LOSS_LANES, padded_width,
 * LOSS_LANES). */
static void make_logits(
    const struct kind *kind, const struct probe_loss *loss, const struct loss_piece *piece)
{
    const size_t width = loss->padded_width, classes = loss->padded_classes, panel = width * LOSS_LANES;
    _Alignas(64) double sums[SUMS];
    for (size_t p = 0, some; p * LOSS_LANES < classes; p += some) {
        some = panels_at(p, classes);
        const struct right b = {loss->packed + p * panel, panel, LOSS_LANES};
        for (size_t i = 0; i < LOSS_ROWS; i += LOSS_TILE) {
            const struct left a = {piece->rows + i * width, width, 1};
            (some == 1 ? kind->one : kind->two)(sums, a, b, width);
            for (size_t r = 0; r < LOSS_TILE; r++)
                memcpy(piece->logits + (i + r) * classes + p * LOSS_LANES, sums + r * some * LOSS_LANES,
                    some * LOSS_LANES * sizeof *sums);
        }
    }
}

/* gradient (padded_classes, padded_width) += transpose(residuals (LOSS_ROWS, padded_classes)) * rows. */
static void add_gradient(
    const struct kind *kind, const struct probe_loss *loss, const struct loss_piece *piece)
{
    const size_t width = loss->padded_width, classes = loss->padded_classes;
    _Alignas(64) double sums[SUMS];
    for (size_t p = 0, some; p * LOSS_LANES < width; p += some) {
        some = panels_at(p, width);
        const struct right b = {piece->rows + p * LOSS_LANES, LOSS_LANES, width};
        for (size_t k = 0; k < classes; k += LOSS_TILE) {
            const struct left a = {piece->logits + k, 1, classes};
            (some == 1 ? kind->one : kind->two)(sums, a, b, LOSS_ROWS);
            for (size_t r = 0; r < LOSS_TILE; r++)
                for (size_t lane = 0; lane < some * LOSS_LANES; lane++)
                    piece->gradient[(k + r) * width + p * LOSS_LANES + lane] +=
                        sums[r * some * LOSS_LANES + lane];
        }
    }
}

/* ---- losses -------------------------------------------------------------------------------------------- */

static void clear_padding(const struct probe_loss *loss, double *logits)
{
    memset(logits + loss->classes, 0, (loss->padded_classes - loss->classes) * sizeof *logits);
}

/* The highest, and the sum, of count numbers, a multiple of LOSS_LANES: as vectors go, LOSS_LANES at a time. */
static double highest(const double *x, size_t count)
{
    double best[LOSS_LANES];
    memcpy(best, x, sizeof best);
    for (size_t k = LOSS_LANES; k < count; k += LOSS_LANES)
        for (size_t lane = 0; lane < LOSS_LANES; lane++)
            best[lane] = x[k + lane] > best[lane] ? x[k + lane] : best[lane];
    for (size_t lane = 1; lane < LOSS_LANES; lane++)
        *best = best[lane] > *best ? best[lane] : *best;
    return *best;
}

static double sum_of(const double *x, size_t count)
{
    double sums[LOSS_LANES] = {0}, sum = 0;
    for (size_t k = 0; k < count; k += LOSS_LANES)
        for (size_t lane = 0; lane < LOSS_LANES; lane++)
            sums[lane] += x[k + lane];
    for (size_t lane = 0; lane < LOSS_LANES; lane++)
        sum += sums[lane];
    return sum;
}

/* Logits of an example become weight * (softmax - its label); returns the weighted loss. Those of padding are 0, and of no
 * matter in the highest once they are that of a class. */
static double softmax_loss(
    const struct kind *kind, const struct probe_loss *loss, double *logits, size_t label)
{
    const double weight = loss->positive ? loss->positive[label] : 1;
    for (size_t k = loss->classes; k < loss->padded_classes; k++)
        logits[k] = logits[0];
    const double peak = highest(logits, loss->padded_classes);
    const double margin = (peak - logits[label]);
    kind->exponentials(logits, loss->padded_classes, peak);
    clear_padding(loss, logits);
    const double sum = sum_of(logits, loss->padded_classes);
    const double share = (weight / sum);
    for (size_t k = 0; k < loss->padded_classes; k++)
        logits[k] *= share;
    logits[label] -= weight;
    return weight * (log(sum) + margin);
}

/* A logit becomes weight * (sigmoid - target), where the class is shown or is not; returns the weighted loss. */
static double sigmoid_loss(double *logit, bool shown, double weight)
{
    const double z = *logit, low = exp(-fabs(z)); /* of the less likely */
    const double sigmoid = z >= 0 ? 1 / (1 + low) : low / (1 + low);
    *logit = (weight * (sigmoid - (shown ? 1 : 0)));
    return weight * (log1p(low) + (shown ? fmax(-z, 0) : fmax(z, 0)));
}

static void each_loss(
    const struct probe_loss *loss, double *logits, const struct picture_labels *shown, double *values)
{
    size_t next = 0;
    for (size_t k = 0; k < loss->classes; k++) {
        while (next < shown->count && shown->rows[next] < loss->first_class + k)
            next++;
        const bool is = next < shown->count && shown->rows[next] == loss->first_class + k;
        const double *weights = is ? loss->positive : loss->negative;
        values[k] += sigmoid_loss(&logits[k], is, weights ? weights[k] : 1);
    }
    clear_padding(loss, logits);
}

/* ---- the block ----------------------------------------------------------------------------------------- */

static void gather(const struct probe_loss *loss, const struct loss_piece *piece, size_t first, size_t count)
{
    const size_t width = loss->examples.of->width, padded = loss->padded_width;
    double *rows = piece->rows;
    for (size_t i = 0; i < count; i++, rows += padded) {
        const float *embedding = example_embedding(&loss->examples, first + i);
        for (size_t e = 0; e < width; e++)
            rows[e] = embedding[e];
        rows[width] = 1;
        for (size_t e = width + 1; e < padded; e++)
            rows[e] = 0;
    }
    memset(rows, 0, (LOSS_ROWS - count) * padded * sizeof *rows);
}

void probe_loss_block(const struct probe_loss *loss, struct loss_piece *piece, size_t first, size_t count)
{
    const struct kind *kind = choose_kind();
    const size_t classes = loss->padded_classes;
    double *logits = piece->logits;
    gather(loss, piece, first, count);
    make_logits(kind, loss, piece);
    for (size_t i = 0; i < count; i++, logits += classes) {
        const struct picture_labels shown = example_labels(&loss->examples, first + i);
        if (loss->kind == PROBE_SOFTMAX)
            *piece->values += softmax_loss(kind, loss, logits, *shown.rows);
        else
            each_loss(loss, logits, &shown, piece->values);
    }
    add_gradient(kind, loss, piece);
}
