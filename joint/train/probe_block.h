// SPDX-License-Identifier: Apache-2.0
/*
 * A block of examples, in numbers of the type REAL: included by probe_block_f32.c and probe_block_f64.c, and by nothing else.
 *
 * Both products, of logits and of the gradient, are sums of a number times a vector:
 *
 *     sums (LOSS_TILE, LANES) = sum over t of a[r, t] * b[t]        b (steps, LANES)
 *
 * which stay in registers, as wide as the CPU at hand has them: one of the kinds below is chosen as the program runs.
 */
#include "joint/train/probe_loss.h"

#ifndef REAL /* as probe_block_f32.c has them, so that this compiles alone */
#define REAL float
#define REAL_EXP expf
#define BLOCK loss_block_f32
#endif

#include <math.h>
#include <string.h>

enum { LANES = 64 / sizeof(REAL) };

/* ---- products ------------------------------------------------------------------------------------------ */

/* What a kind of CPU does, with its instructions and registers of so many bytes.
 *
 *     multiply  the sums above; a[r, t] is a[r * a_row + t * a_step], b[t] at b + t * b_step
 *     add       out (LANES) += sums (LANES) */
struct products {
    void (*multiply)(
        REAL *sums, const REAL *a, size_t a_row, size_t a_step, const REAL *b, size_t b_step, size_t steps);
    void (*add)(double *out, const REAL *sums);
};

#define PRODUCTS(name, instructions, bytes)                                                                  \
    typedef REAL name##_vector __attribute__((vector_size(bytes), may_alias));                               \
    instructions static void multiply_##name(                                                                \
        REAL *sums, const REAL *a, size_t a_row, size_t a_step, const REAL *b, size_t b_step, size_t steps)  \
    {                                                                                                        \
        for (size_t lane = 0; lane < LANES; lane += (bytes) / sizeof(REAL)) {                                \
            name##_vector sum[LOSS_TILE] = {{0}};                                                            \
            for (size_t t = 0; t < steps; t++) {                                                             \
                const name##_vector vector = *(const name##_vector *)(b + t * b_step + lane);                \
                const REAL *column = a + t * a_step;                                                         \
                _Pragma("GCC unroll 8") for (size_t r = 0; r < LOSS_TILE; r++) sum[r] +=                     \
                    column[r * a_row] * vector;                                                              \
            }                                                                                                \
            _Pragma("GCC unroll 8") for (size_t r = 0; r < LOSS_TILE; r++) *                                 \
                (name##_vector *)(sums + r * LANES + lane) = sum[r];                                         \
        }                                                                                                    \
    }                                                                                                        \
    instructions static void add_##name(double *out, const REAL *sums)                                       \
    {                                                                                                        \
        for (size_t lane = 0; lane < LANES; lane++)                                                          \
            out[lane] += (double)sums[lane];                                                                 \
    }

PRODUCTS(plain, , 16)
#ifdef __x86_64__
PRODUCTS(avx2, __attribute__((target("avx2,fma"))), 32)
PRODUCTS(avx512, __attribute__((target("avx512f,avx512vl,avx512dq"))), 64)
#endif

static struct products choose_products(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return (struct products){multiply_avx512, add_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct products){multiply_avx2, add_avx2};
#endif
    return (struct products){multiply_plain, add_plain};
}

/* logits (LOSS_ROWS, padded_classes) = rows (LOSS_ROWS, padded_width) * packed. */
static void make_logits(
    const struct products *products, const struct probe_loss *loss, const struct loss_piece *piece)
{
    const size_t width = loss->padded_width, classes = loss->padded_classes;
    const REAL *rows = piece->rows, *packed = loss->packed;
    REAL *logits = piece->logits;
    _Alignas(64) REAL sums[LOSS_TILE * LANES];
    for (size_t k = 0; k < classes; k += LANES)
        for (size_t i = 0; i < LOSS_ROWS; i += LOSS_TILE) {
            products->multiply(sums, rows + i * width, width, 1, packed + k * width, LANES, width);
            for (size_t r = 0; r < LOSS_TILE; r++)
                memcpy(logits + (i + r) * classes + k, sums + r * LANES, LANES * sizeof *sums);
        }
}

/* gradient (padded_classes, padded_width) += transpose(residuals (LOSS_ROWS, padded_classes)) * rows. */
static void add_gradient(
    const struct products *products, const struct probe_loss *loss, const struct loss_piece *piece)
{
    const size_t width = loss->padded_width, classes = loss->padded_classes;
    const REAL *rows = piece->rows, *residuals = piece->logits;
    _Alignas(64) REAL sums[LOSS_TILE * LANES];
    for (size_t e = 0; e < width; e += LANES)
        for (size_t k = 0; k < classes; k += LOSS_TILE) {
            products->multiply(sums, residuals + k, 1, classes, rows + e, width, LOSS_ROWS);
            for (size_t r = 0; r < LOSS_TILE; r++)
                products->add(piece->gradient + (k + r) * width + e, sums + r * LANES);
        }
}

/* ---- losses -------------------------------------------------------------------------------------------- */

static void clear_padding(const struct probe_loss *loss, REAL *logits)
{
    memset(logits + loss->classes, 0, (loss->padded_classes - loss->classes) * sizeof *logits);
}

/* The highest, and the sum, of count numbers, a multiple of LANES: as vectors go, LANES at a time. */
static REAL highest(const REAL *x, size_t count)
{
    REAL best[LANES];
    memcpy(best, x, sizeof best);
    for (size_t k = LANES; k < count; k += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            best[lane] = x[k + lane] > best[lane] ? x[k + lane] : best[lane];
    for (size_t lane = 1; lane < LANES; lane++)
        *best = best[lane] > *best ? best[lane] : *best;
    return *best;
}

static double sum_of(const REAL *x, size_t count)
{
    double sums[LANES] = {0}, sum = 0;
    for (size_t k = 0; k < count; k += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += (double)x[k + lane];
    for (size_t lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

/* Logits of an example become weight * (softmax - its label); returns the weighted loss. Those of padding are 0, and of no
 * matter in the highest once they are that of a class. */
static double softmax_loss(const struct probe_loss *loss, REAL *logits, size_t label)
{
    const double weight = loss->positive ? loss->positive[label] : 1;
    for (size_t k = loss->classes; k < loss->padded_classes; k++)
        logits[k] = logits[0];
    const REAL peak = highest(logits, loss->padded_classes);
    const double margin = (double)(peak - logits[label]);
    for (size_t k = 0; k < loss->classes; k++)
        logits[k] = REAL_EXP(logits[k] - peak);
    clear_padding(loss, logits);
    const double sum = sum_of(logits, loss->padded_classes);
    const REAL share = (REAL)(weight / sum);
    for (size_t k = 0; k < loss->padded_classes; k++)
        logits[k] *= share;
    logits[label] -= (REAL)weight;
    return weight * (log(sum) + margin);
}

/* A logit becomes weight * (sigmoid - target), where the class is shown or is not; returns the weighted loss. */
static double sigmoid_loss(REAL *logit, bool shown, double weight)
{
    const double z = (double)*logit, low = exp(-fabs(z)); /* of the less likely */
    const double sigmoid = z >= 0 ? 1 / (1 + low) : low / (1 + low);
    *logit = (REAL)(weight * (sigmoid - (shown ? 1 : 0)));
    return weight * (log1p(low) + (shown ? fmax(-z, 0) : fmax(z, 0)));
}

static void each_loss(
    const struct probe_loss *loss, REAL *logits, const struct picture_labels *shown, double *values)
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
    REAL *rows = piece->rows;
    for (size_t i = 0; i < count; i++, rows += padded) {
        const float *embedding = example_embedding(&loss->examples, first + i);
        for (size_t e = 0; e < width; e++)
            rows[e] = (REAL)embedding[e];
        rows[width] = 1;
        for (size_t e = width + 1; e < padded; e++)
            rows[e] = 0;
    }
    memset(rows, 0, (LOSS_ROWS - count) * padded * sizeof *rows);
}

void BLOCK(const struct probe_loss *loss, struct loss_piece *piece, size_t first, size_t count)
{
    const struct products products = choose_products();
    const size_t classes = loss->padded_classes;
    REAL *logits = piece->logits;
    gather(loss, piece, first, count);
    make_logits(&products, loss, piece);
    for (size_t i = 0; i < count; i++, logits += classes) {
        const struct picture_labels shown = example_labels(&loss->examples, first + i);
        if (loss->kind == LOSS_SOFTMAX)
            *piece->values += softmax_loss(loss, logits, *shown.rows);
        else
            each_loss(loss, logits, &shown, piece->values);
    }
    add_gradient(&products, loss, piece);
}
