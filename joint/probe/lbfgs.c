// SPDX-License-Identifier: Apache-2.0
#include "joint/probe/lbfgs.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 50 }; /* of one search: scikit-learn's maxls */

static double dot(const double *a, const double *b, size_t count)
{
    double sums[4] = {0};
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (int lane = 0; lane < 4; lane++)
            sums[lane] += a[i + (size_t)lane] * b[i + (size_t)lane];
    for (; i < count; i++)
        sums[0] += a[i] * b[i];
    return sums[0] + sums[1] + sums[2] + sums[3];
}

/* y += factor * x */
static void add(double *y, double factor, const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] += factor * x[i];
}

static double largest(const double *x, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

int lbfgs_init(struct lbfgs *l, double *x, size_t count, const struct lbfgs_options *options, struct err *err)
{
    *l = (struct lbfgs){.x = x, .count = count, .options = *options, .curvature = 1};
    double **const vectors[] = {&l->gradient, &l->from, &l->from_gradient, &l->direction};
    bool there = true;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        *vectors[i] = mem_new(count, sizeof **vectors[i]);
        there = there && *vectors[i];
    }
    l->moves = mem_new(count, LBFGS_PAIRS * sizeof *l->moves);
    l->turns = mem_new(count, LBFGS_PAIRS * sizeof *l->turns);
    return there && l->moves && l->turns ? 0 : err_memory(err, count * 24 * sizeof *x);
}

void lbfgs_release(struct lbfgs *l)
{
    free(l->gradient);
    free(l->from);
    free(l->from_gradient);
    free(l->direction);
    free(l->moves);
    free(l->turns);
    *l = (struct lbfgs){0};
}

/* ---- directions ---------------------------------------------------------------------------------------- */

/* The row of the pair that is so old: 0 is the newest. */
static size_t row_of(const struct lbfgs *l, size_t age)
{
    return (l->newest + LBFGS_PAIRS - age) % LBFGS_PAIRS * l->count;
}

/* direction = -H gradient by the two loops of Nocedal 1980. */
static void set_direction(struct lbfgs *l)
{
    double alphas[LBFGS_PAIRS], *d = l->direction;
    for (size_t i = 0; i < l->count; i++)
        d[i] = -l->gradient[i];
    for (size_t age = 0; age < l->pairs; age++) {
        const size_t row = row_of(l, age);
        alphas[age] = dot(l->moves + row, d, l->count) / l->products[row / l->count];
        add(d, -alphas[age], l->turns + row, l->count);
    }
    for (size_t i = 0; i < l->count; i++)
        d[i] /= l->curvature;
    for (size_t age = l->pairs; age-- > 0;) {
        const size_t row = row_of(l, age);
        const double beta = dot(l->turns + row, d, l->count) / l->products[row / l->count];
        add(d, alphas[age] - beta, l->moves + row, l->count);
    }
}

static void forget(struct lbfgs *l)
{
    l->pairs = 0;
    l->curvature = 1;
}

static void try_step(struct lbfgs *l)
{
    for (size_t i = 0; i < l->count; i++)
        l->x[i] = l->from[i] + l->search.step * l->direction[i];
}

/* Begins a search at x: down the gradient where what was learned of the function leads up. */
static void begin_search(struct lbfgs *l)
{
    set_direction(l);
    double slope = dot(l->direction, l->gradient, l->count);
    if (slope >= 0 && l->pairs) {
        forget(l);
        set_direction(l);
        slope = dot(l->direction, l->gradient, l->count);
    }
    const double length = sqrt(dot(l->direction, l->direction, l->count));
    memcpy(l->from, l->x, l->count * sizeof *l->x);
    memcpy(l->from_gradient, l->gradient, l->count * sizeof *l->x);
    l->from_value = l->value;
    l->tried = 0;
    line_search_init(&l->search, l->value, slope, l->iterations ? 1 : fmin(1 / length, 1e10));
    try_step(l);
}

/* Keeps what the step from `from` to x has shown of the curvature, unless that is none. */
static void learn(struct lbfgs *l)
{
    const size_t next = l->pairs ? (l->newest + 1) % LBFGS_PAIRS : 0;
    double *move = l->moves + next * l->count, *turn = l->turns + next * l->count;
    for (size_t i = 0; i < l->count; i++) {
        move[i] = l->x[i] - l->from[i];
        turn[i] = l->gradient[i] - l->from_gradient[i];
    }
    const double product = dot(move, turn, l->count);
    if (product <= DBL_EPSILON * -l->search.start.slope * l->search.step)
        return;
    l->products[next] = product;
    l->curvature = dot(turn, turn, l->count) / product;
    l->newest = next;
    l->pairs += l->pairs < LBFGS_PAIRS;
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static bool finish(struct lbfgs *l, enum lbfgs_end end)
{
    l->end = end;
    return false;
}

/* A step is found. */
static bool take_step(struct lbfgs *l)
{
    const double scale = fmax(fmax(fabs(l->from_value), fabs(l->value)), 1);
    l->iterations++;
    if (largest(l->gradient, l->count) <= l->options.gradient_tolerance)
        return finish(l, LBFGS_GRADIENT);
    if (l->from_value - l->value <= l->options.value_tolerance * scale)
        return finish(l, LBFGS_VALUE);
    if (l->iterations >= l->options.iterations)
        return finish(l, LBFGS_ITERATIONS);
    learn(l);
    begin_search(l);
    return true;
}

/* Back to where the search began, and once more without what was learned, if there was any. */
static bool step_back(struct lbfgs *l)
{
    memcpy(l->x, l->from, l->count * sizeof *l->x);
    memcpy(l->gradient, l->from_gradient, l->count * sizeof *l->x);
    l->value = l->from_value;
    if (!l->pairs)
        return finish(l, LBFGS_STUCK);
    forget(l);
    begin_search(l);
    return true;
}

static bool begin(struct lbfgs *l)
{
    l->begun = true;
    if (largest(l->gradient, l->count) <= l->options.gradient_tolerance)
        return finish(l, LBFGS_GRADIENT);
    begin_search(l);
    return true;
}

bool lbfgs_next(struct lbfgs *l)
{
    l->evaluations++;
    if (!l->begun)
        return begin(l);
    switch (line_search_next(&l->search, l->value, dot(l->direction, l->gradient, l->count))) {
    case LINE_FOUND:
        return take_step(l);
    case LINE_STUCK:
        return step_back(l);
    default:
        if (++l->tried >= STEPS_MAX)
            return step_back(l);
        try_step(l);
        return true;
    }
}
