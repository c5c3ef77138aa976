// SPDX-License-Identifier: Apache-2.0
#include "index/code.h"

#include <math.h>
#include <string.h>

#include "index/rotate.h"

enum { CODE_MAX = 255, HALF_BITS = 4, HALF_MAX = 15 };
#define CODE_MIDDLE 127.5
#define HIGH_MIDDLE 120.0 /* of the codes that share their high half, less the middle */

static const double huge = 0x1p60, tiny = 0x1p-60;

/* ---- in its block -------------------------------------------------------------------------------------- */

struct code code_get(const struct coarse_block *block, size_t stride, size_t row)
{
    return (struct code){block->high + row * stride / 2, block->low + row * stride / 2, block->scale[row],
        block->high_error[row], block->error[row], block->norm[row]};
}

void code_put(const struct coarse_block *block, size_t row, const struct code *code)
{
    block->scale[row] = code->scale;
    block->high_error[row] = code->high_error;
    block->error[row] = code->error;
    block->norm[row] = code->norm;
}

/* ---- residuals ----------------------------------------------------------------------------------------- */

static double squares(const double *v, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += v[i] * v[i];
    return sum;
}

void residual_make(struct residual *out, const struct index_rows *rows, int64_t row, const float *centre)
{
    const size_t width = rows->width, stride = coarse_stride(width);
    double centre_squares = 0;
    rows_decode(out->u, rows, row);
    const double row_squares = squares(out->u, width);
    for (size_t i = 0; i < width; i++) {
        centre_squares += (double)centre[i] * centre[i];
        out->u[i] -= centre[i];
    }
    memset(out->u + width, 0, (stride - width) * sizeof *out->u);
    rotate(out->u, stride);
    out->slack = 0x1p-40 * (sqrt(row_squares) + sqrt(centre_squares));
}

void centre_make(float *centre, double *sums, double *vector, const struct index_rows *rows, int64_t first)
{
    size_t taken = 0;
    memset(sums, 0, rows->width * sizeof *sums);
    for (int64_t row = first; row < first + COARSE_BLOCK; row++) {
        bool fits = true;
        rows_decode(vector, rows, row);
        for (size_t i = 0; i < rows->width; i++)
            fits = fits && fabs(vector[i]) <= huge; /* not so of what is not a number */
        for (size_t i = 0; fits && i < rows->width; i++)
            sums[i] += vector[i];
        taken += fits;
    }
    for (size_t i = 0; i < rows->width; i++)
        centre[i] = taken ? (float)(sums[i] / (double)taken) : 0;
}

/* ---- codes --------------------------------------------------------------------------------------------- */

/* A float no smaller than value, with room for the rounding of the sums that value comes from. Not so small
 * that a device may flush it to zero, unless it is zero. */
static float rounded_up(double value)
{
    const double floor = 0x1p-100;
    if (value == 0)
        return 0;
    return nextafterf((float)fmax(value * (1 + 1e-6), floor), INFINITY);
}

struct norms {
    double high_error, error, norm;
};

/* Sums of squares over codes that lie `shift` bits up in their bytes, and the residuals u (count) that they stand for. */
struct sums {
    double high_errors, errors, highs, values;
};

static void sums_add(struct sums *sums, const struct code *code, const double *u, size_t count, int shift)
{
    const double s = code->scale;
    for (size_t i = 0; i < count; i++) {
        const double high = (HALF_MAX + 1) * (code->high[i] >> shift & HALF_MAX);
        const double h = s * (high - HIGH_MIDDLE);
        const double v = s * (high + (code->low[i] >> shift & HALF_MAX) - CODE_MIDDLE);
        sums->high_errors += (u[i] - h) * (u[i] - h);
        sums->errors += (u[i] - v) * (u[i] - v);
        sums->highs += h * h;
        sums->values += v * v;
    }
}

/* ||u - s (16 H - 120)||, ||u - v||, and the larger one of ||v|| and ||s (16 H - 120)||. */
static struct norms code_norms(const struct code *code, const struct residual *residual, size_t stride)
{
    struct sums sums = {0};
    sums_add(&sums, code, residual->u, stride / 2, 0);
    sums_add(&sums, code, residual->u + stride / 2, stride / 2, HALF_BITS);
    return (struct norms){sqrt(sums.high_errors) + residual->slack, sqrt(sums.errors) + residual->slack,
        sqrt(fmax(sums.highs, sums.values))};
}

static unsigned code_of(double u, double per)
{
    const double code = u * per + CODE_MIDDLE + 0.5;
    return code < 0 ? 0 : code > CODE_MAX ? CODE_MAX : (unsigned)(int)code;
}

void code_make(struct code *code, const struct residual *residual, size_t stride)
{
    double largest = 0;
    bool finite = true;
    for (size_t i = 0; i < stride; i++) {
        const double size = fabs(residual->u[i]);
        finite = finite && size < INFINITY;
        largest = size > largest ? size : largest;
    }
    memset(code->high, 0, stride / 2);
    memset(code->low, 0, stride / 2);
    code->scale = code->norm = 0;
    code->high_error = code->error = INFINITY;
    if (!finite || largest > huge)
        return;
    if (largest >= tiny) {
        code->scale = (float)(largest / CODE_MIDDLE);
        const double per = 1 / (double)code->scale;
        for (size_t i = 0; i < stride / 2; i++) {
            const unsigned a = code_of(residual->u[i], per), b = code_of(residual->u[stride / 2 + i], per);
            code->high[i] = (uint8_t)(a >> HALF_BITS | b >> HALF_BITS << HALF_BITS);
            code->low[i] = (uint8_t)((a & HALF_MAX) | (b & HALF_MAX) << HALF_BITS);
        }
    }
    const struct norms norms = code_norms(code, residual, stride);
    code->high_error = rounded_up(norms.high_error);
    code->error = rounded_up(norms.error);
    code->norm = rounded_up(norms.norm);
}

bool code_holds(const struct code *code, const struct residual *residual, size_t stride)
{
    if (isinf(code->error) && isinf(code->high_error))
        return true;
    const struct norms norms = code_norms(code, residual, stride);
    return norms.high_error <= code->high_error && norms.error <= code->error && norms.norm <= code->norm;
}
