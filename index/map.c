// SPDX-License-Identifier: Apache-2.0
#include "index/blocks.h"
#include "index/dot.h"
#include "index/index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Subspace iteration: a block of P directions is multiplied by the covariance and made orthonormal, again and
 * again. The first two converge by the ratio of the variances in directions P + 1 and 2. */
enum { P = 8, ROUNDS_MAX = 100, BLOCK = 4096 /* vectors that are summed up apart */ };
static const char doing[] = "finding the plane";

struct map {
    const float *vectors; // (count, E)
    size_t count, width, blocks;
    double *mean;     // (E)
    double *basis;    // (P, E), orthonormal
    double *image;    // (P, E): covariance * basis
    double *products; // (blocks, P + 1, E): what each block of vectors adds to it, and room for one vector
};

/* ---- covariance times basis ---------------------------------------------------------------------------- */

static void centre(double *out, const struct map *m, size_t i)
{
    for (size_t e = 0; e < m->width; e++)
        out[e] = m->vectors[i * m->width + e] - m->mean[e];
}

static void multiply_block(void *context, size_t block)
{
    const struct map *m = context;
    const size_t end = (block + 1) * BLOCK < m->count ? (block + 1) * BLOCK : m->count;
    double *out = m->products + block * (P + 1) * m->width; // (P, E)
    double *vector = out + P * m->width;                    // (E)
    memset(out, 0, P * m->width * sizeof *out);
    for (size_t i = block * BLOCK; i < end; i++) {
        centre(vector, m, i);
        for (size_t p = 0; p < P; p++) {
            const double along = dot_f64(m->basis + p * m->width, vector, m->width);
            for (size_t e = 0; e < m->width; e++)
                out[p * m->width + e] += along * vector[e];
        }
    }
}

/* Blocks are added in one order, so that threads do not show in the result. */
static int multiply(struct map *m, const struct job *job, struct err *err)
{
    const int rc = blocks_run(job, doing, m->count, BLOCK, 2 * P * m->width, multiply_block, m, err);
    if (rc)
        return rc;
    memset(m->image, 0, P * m->width * sizeof *m->image);
    for (size_t block = 0; block < m->blocks; block++)
        for (size_t i = 0; i < P * m->width; i++)
            m->image[i] += m->products[block * (P + 1) * m->width + i] / (double)m->count;
    return 0;
}

/* ---- small dense algebra ------------------------------------------------------------------------------- */

/* Makes rows (P, E) orthonormal, by Gram and Schmidt, twice; a direction that is used up becomes 0. */
static void orthonormalise(double *rows, size_t width)
{
    for (size_t p = 0; p < P; p++) {
        double *row = rows + p * width;
        const double before = sqrt(dot_f64(row, row, width));
        for (size_t pass = 0; pass < 2; pass++)
            for (size_t q = 0; q < p; q++) {
                const double along = dot_f64(row, rows + q * width, width);
                for (size_t e = 0; e < width; e++)
                    row[e] -= along * rows[q * width + e];
            }
        const double length = sqrt(dot_f64(row, row, width));
        for (size_t e = 0; e < width; e++)
            row[e] = length > 1e-12 * before ? row[e] / length : 0;
    }
}

/* One of Jacobi's rotations of columns (or rows, by the strides) i and j. */
static void rotate(double *i, double *j, size_t stride, double c, double s)
{
    for (size_t k = 0; k < P; k++) {
        const double x = i[k * stride], y = j[k * stride];
        i[k * stride] = c * x - s * y;
        j[k * stride] = s * x + c * y;
    }
}

/* Makes the symmetric a (P, P) diagonal: its eigenvalues. Columns of v (P, P) are its eigenvectors. */
static void diagonalise(double a[P * P], double v[P * P])
{
    for (size_t i = 0; i < P * P; i++)
        v[i] = i % (P + 1) == 0;
    for (int sweep = 0; sweep < 30; sweep++)
        for (size_t i = 0; i < P; i++)
            for (size_t j = i + 1; j < P; j++) {
                if (a[i * P + j] == 0)
                    continue;
                const double theta = (a[j * P + j] - a[i * P + i]) / (2 * a[i * P + j]);
                const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
                const double c = 1 / sqrt(t * t + 1), s = t * c;
                rotate(a + i, a + j, P, c, s);
                rotate(a + i * P, a + j * P, 1, c, s);
                rotate(v + i, v + j, P, c, s);
            }
}

/* ---- the iteration ------------------------------------------------------------------------------------- */

/* rows (P, E) become v^T rows, in the given order */
static void turn(double *rows, size_t width, const double v[P * P], const size_t order[P])
{
    for (size_t e = 0; e < width; e++) {
        double column[P];
        for (size_t p = 0; p < P; p++)
            column[p] = rows[p * width + e];
        for (size_t p = 0; p < P; p++) {
            rows[p * width + e] = 0;
            for (size_t q = 0; q < P; q++)
                rows[p * width + e] += v[q * P + order[p]] * column[q];
        }
    }
}

/* Rayleigh and Ritz: turns the basis within its span so that directions come by falling variance. */
static void align(struct map *m, double variances[P])
{
    double small[P * P], v[P * P];
    size_t order[P];
    for (size_t i = 0; i < P * P; i++)
        small[i] = dot_f64(m->basis + i / P * m->width, m->image + i % P * m->width, m->width);
    for (size_t p = 0; p < P; p++)
        for (size_t q = 0; q < p; q++)
            small[p * P + q] = small[q * P + p] = (small[p * P + q] + small[q * P + p]) / 2;
    diagonalise(small, v);
    for (size_t p = 0; p < P; p++) {
        size_t at = p;
        for (; at > 0 && small[order[at - 1] * (P + 1)] < small[p * (P + 1)]; at--)
            order[at] = order[at - 1];
        order[at] = p;
    }
    for (size_t p = 0; p < P; p++)
        variances[p] = small[order[p] * (P + 1)];
    turn(m->basis, m->width, v, order);
    turn(m->image, m->width, v, order);
}

/* Whether what is left of the first two directions, |C v - variance v|, is small beside the variance. */
static bool converged(const struct map *m, const double variances[P])
{
    for (size_t p = 0; p < 2; p++) {
        double rest = 0;
        for (size_t e = p * m->width; e < (p + 1) * m->width; e++)
            rest += (m->image[e] - variances[p] * m->basis[e]) * (m->image[e] - variances[p] * m->basis[e]);
        if (sqrt(rest) > 1e-6 * variances[0])
            return false;
    }
    return true;
}

static int iterate(struct map *m, double variances[P], uint64_t seed, const struct job *job, struct err *err)
{
    for (size_t i = 0; i < P * m->width; i++)
        m->basis[i] = (double)(random_at(seed, i) >> 11) * 0x1p-53 - 0.5;
    for (size_t round = 0; round < ROUNDS_MAX; round++) {
        orthonormalise(m->basis, m->width);
        const int rc = multiply(m, job, err);
        if (rc)
            return rc;
        align(m, variances);
        if (converged(m, variances))
            return 0;
        if (round + 1 < ROUNDS_MAX)
            memcpy(m->basis, m->image, P * m->width * sizeof *m->basis);
    }
    return 0;
}

/* ---- the map ------------------------------------------------------------------------------------------- */

/* The mean, and the variance in all directions together. */
static int find_mean(double *variance, struct map *m, const struct job *job, struct err *err)
{
    int rc = 0;
    *variance = 0;
    for (size_t i = 0; i < m->count && !rc; i++) {
        rc = i % BLOCK ? 0 : job_step(job, doing, 0, 0, err);
        for (size_t e = 0; e < m->width; e++)
            m->mean[e] += m->vectors[i * m->width + e] / (double)m->count;
    }
    for (size_t i = 0; i < m->count && !rc; i++) {
        rc = i % BLOCK ? 0 : job_step(job, doing, 0, 0, err);
        centre(m->products, m, i);
        *variance += dot_f64(m->products, m->products, m->width) / (double)m->count;
    }
    return rc;
}

/* Which of v and -v is an accident of the start. */
static double sign_of(const double *direction, size_t width)
{
    double largest = 0;
    for (size_t e = 0; e < width; e++)
        if (fabs(direction[e]) > fabs(largest))
            largest = direction[e];
    return largest < 0 ? -1 : 1;
}

static int project(float *points, struct map *m, const struct job *job, struct err *err)
{
    const double *x = m->basis, *y = m->basis + m->width;
    const double signs[] = {sign_of(x, m->width), sign_of(y, m->width)};
    int rc = 0;
    for (size_t i = 0; i < m->count && !rc; i++) {
        rc = i % BLOCK ? 0 : job_step(job, doing, 0, 0, err);
        centre(m->products, m, i);
        points[2 * i] = (float)(signs[0] * dot_f64(x, m->products, m->width));
        points[2 * i + 1] = (float)(signs[1] * dot_f64(y, m->products, m->width));
    }
    return rc;
}

int embedding_map(float *points, double explained[2], const float *vectors, size_t count, size_t width,
    uint64_t seed, const struct job *job, struct err *err)
{
    if (count < 3)
        return err_set(err, ERR_ARGUMENT, "%zu vectors are too few for a map", count);
    struct map m = {
        .vectors = vectors, .count = count, .width = width, .blocks = (count + BLOCK - 1) / BLOCK};
    size_t room;
    m.mean = mem_new((2 * P + 1) * width, sizeof *m.mean);
    m.products = size_mul(&room, m.blocks * (P + 1), width) ? mem_new(room, sizeof *m.products) : NULL;
    int rc = m.mean && m.products ? 0 : err_memory(err, m.blocks * (P + 1) * width * sizeof *m.products);
    double variances[P] = {0}, variance = 0;
    if (!rc) {
        m.basis = m.mean + width;
        m.image = m.basis + P * width;
        rc = find_mean(&variance, &m, job, err);
    }
    if (!rc)
        rc = iterate(&m, variances, seed, job, err);
    if (!rc)
        rc = project(points, &m, job, err);
    for (size_t p = 0; p < 2; p++)
        explained[p] = variance > 0 ? variances[p] / variance : 0;
    free(m.products);
    free(m.mean);
    return rc;
}
