// SPDX-License-Identifier: Apache-2.0
/* One L-BFGS for all classes, or with several labels a picture one for each, whose losses and gradients come from the same
 * products. */
#include "joint/probe/lbfgs.h"
#include "joint/probe/probe_loss.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fit {
    const struct example_set *set;
    const struct probe_fit_options *options;
    struct probe_loss loss;
    size_t rows, width; /* of W: (rows, E + 1) */
    size_t problems;    /* 1, or as many as rows */
    size_t classes;
    double *weights, *others; // (rows): of examples that show a class, and of the rest
    double *totals;           // (problems): sums of the examples' weights
    double *start;            // (rows, E + 1): W0
    double *x, *w, *gradient; // (rows, E + 1): W - W0, W, and the gradient of all losses
    double *values;           // (problems)
    struct lbfgs *minimum;    // (problems)
    struct lbfgs_options stop;
};

/* ---- weights of examples ------------------------------------------------------------------------------- */

static int check_counts(const struct fit *fit, const size_t *counts, struct err *err)
{
    for (size_t k = 0; k < fit->classes; k++) {
        if (!counts[k])
            return err_set(err, ERR_ARGUMENT, "label %zu has no examples to learn from", k);
        if (fit->set->of->several && counts[k] == fit->set->count)
            return err_set(
                err, ERR_ARGUMENT, "all examples show label %zu, so it has nothing to be told from", k);
    }
    return 0;
}

static double class_weight(const struct fit *fit, const size_t *counts, size_t k)
{
    const struct probe_fit_options *options = fit->options;
    if (options->balanced)
        return (double)fit->set->count / ((double)fit->classes * (double)counts[k]);
    return options->weights ? options->weights[k] : 1;
}

/* Each label against the rest: two classes, so that balanced ones share the examples between them. */
static void set_each(struct fit *fit, const size_t *counts)
{
    const double n = (double)fit->set->count;
    for (size_t k = 0; k < fit->rows; k++) {
        const double shown = (double)counts[k];
        fit->weights[k] = fit->options->balanced ? n / (2 * shown) : class_weight(fit, counts, k);
        fit->others[k] = fit->options->balanced ? n / (2 * (n - shown)) : 1;
        fit->totals[k] = fit->weights[k] * shown + fit->others[k] * (n - shown);
    }
}

static void set_one(struct fit *fit, const size_t *counts)
{
    for (size_t k = 0; k < fit->classes; k++)
        fit->totals[0] += class_weight(fit, counts, k) * (double)counts[k];
    for (size_t k = 0; k < fit->rows; k++) /* of two classes the row is the second one's */
        fit->weights[k] = class_weight(fit, counts, fit->rows == 1 ? 1 : k);
    fit->others[0] = class_weight(fit, counts, 0);
}

static int set_weights(struct fit *fit, struct err *err)
{
    size_t *counts = mem_new(fit->classes, sizeof *counts);
    if (!counts)
        return err_memory(err, fit->classes * sizeof *counts);
    example_counts(counts, fit->set);
    const int rc = check_counts(fit, counts, err);
    if (!rc && fit->set->of->several)
        set_each(fit, counts);
    else if (!rc)
        set_one(fit, counts);
    free(counts);
    return rc;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static void set_start(struct fit *fit)
{
    const float *start = fit->options->start;
    const size_t width = fit->width - 1;
    for (size_t k = 0; k < fit->rows && start; k++)
        for (size_t e = 0; e < width; e++)
            fit->start[k * fit->width + e] = fit->rows < fit->classes
                                                 ? (double)start[width + e] - (double)start[e]
                                                 : (double)start[k * width + e];
}

static int make_room(struct fit *fit, struct err *err)
{
    const size_t size = fit->rows * fit->width;
    fit->weights = mem_new(fit->rows, sizeof *fit->weights);
    fit->others = mem_new(fit->rows, sizeof *fit->others);
    fit->totals = mem_new(fit->problems, sizeof *fit->totals);
    fit->values = mem_new(fit->problems, sizeof *fit->values);
    fit->start = mem_new(size, sizeof *fit->start);
    fit->x = mem_new(size, sizeof *fit->x);
    fit->w = mem_new(size, sizeof *fit->w);
    fit->gradient = mem_new(size, sizeof *fit->gradient);
    fit->minimum = mem_new(fit->problems, sizeof *fit->minimum);
    return fit->weights && fit->others && fit->totals && fit->values && fit->start && fit->x && fit->w &&
                   fit->gradient && fit->minimum
               ? 0
               : err_memory(err, size * 4 * sizeof *fit->x);
}

static int begin(struct fit *fit, const struct job *job, struct err *err)
{
    const size_t size = fit->rows * fit->width / fit->problems;
    int rc = set_weights(fit, err);
    if (rc)
        return rc;
    set_start(fit);
    fit->loss = (struct probe_loss){.examples = *fit->set,
        .kind = fit->rows == 1 || fit->set->of->several ? PROBE_EACH : PROBE_SOFTMAX,
        .classes = fit->rows,
        .first_class = fit->rows < fit->classes,
        .positive = fit->weights,
        .negative = fit->others,
        .job = job};
    rc = probe_loss_init(&fit->loss, err);
    for (size_t p = 0; p < fit->problems && !rc; p++)
        rc = lbfgs_init(&fit->minimum[p], fit->x + p * size, size, &fit->stop, err);
    return rc;
}

/* ---- steps --------------------------------------------------------------------------------------------- */

/* The objective of one problem, and its gradient, from the sums over examples. */
static void add_penalty(struct fit *fit, size_t p)
{
    struct lbfgs *minimum = &fit->minimum[p];
    const double *gradient = fit->gradient + p * minimum->count;
    const double total = fit->totals[p], strength = 1 / (fit->options->c * total);
    double squares = 0;
    for (size_t i = 0; i < minimum->count; i++) {
        const bool intercept = (i + 1) % fit->width == 0;
        const double move = intercept ? 0 : minimum->x[i];
        squares += move * move;
        minimum->gradient[i] = gradient[i] / total + strength * move;
    }
    minimum->value = fit->values[p] / total + strength / 2 * squares;
}

static void evaluate(struct fit *fit)
{
    for (size_t i = 0; i < fit->rows * fit->width; i++)
        fit->w[i] = fit->start[i] + fit->x[i];
    probe_loss_evaluate(&fit->loss, fit->w, fit->values, fit->gradient);
}

static int solve(struct fit *fit, const struct job *job, struct err *err)
{
    /* the second is scikit-learn's ftol */
    fit->stop = (struct lbfgs_options){fit->options->tolerance, 64 * DBL_EPSILON, fit->options->iterations};
    int rc = begin(fit, job, err);
    for (bool wanted = true; wanted && !rc;) {
        wanted = false;
        evaluate(fit);
        for (size_t p = 0; p < fit->problems; p++) {
            if (fit->minimum[p].end != LBFGS_GOES_ON)
                continue;
            add_penalty(fit, p);
            wanted = lbfgs_next(&fit->minimum[p]) || wanted;
        }
        rc = job_step(job, "fitting", 0, 0, err);
    }
    return rc;
}

/* ---- the result ---------------------------------------------------------------------------------------- */

static void copy_weights(struct probe_fitted *out, const struct fit *fit)
{
    const bool halves = fit->rows < fit->classes;
    const size_t width = fit->width - 1;
    for (size_t k = 0; k < fit->classes; k++) {
        const double *row = fit->w + (halves ? 0 : k) * fit->width;
        const double factor = !halves ? 1 : k ? 0.5 : -0.5;
        for (size_t e = 0; e < width; e++)
            out->weights[k * width + e] = (float)(factor * row[e]);
        out->intercepts[k] = (float)(factor * row[width]);
    }
}

static int take_result(struct probe_fitted *out, const struct fit *fit, struct err *err)
{
    out->weights = mem_new(fit->classes, (fit->width - 1) * sizeof *out->weights);
    out->intercepts = mem_new(fit->classes, sizeof *out->intercepts);
    if (!out->weights || !out->intercepts)
        return err_memory(err, fit->classes * fit->width * sizeof *out->weights);
    copy_weights(out, fit);
    out->converged = true;
    for (size_t p = 0; p < fit->problems; p++) {
        const struct lbfgs *minimum = &fit->minimum[p];
        out->objective += minimum->value / (double)fit->problems;
        out->converged = out->converged && minimum->end != LBFGS_ITERATIONS;
        out->iterations = minimum->iterations > out->iterations ? minimum->iterations : out->iterations;
        out->evaluations = minimum->evaluations > out->evaluations ? minimum->evaluations : out->evaluations;
    }
    return 0;
}

static void release(struct fit *fit)
{
    for (size_t p = 0; p < fit->problems && fit->minimum; p++)
        lbfgs_release(&fit->minimum[p]);
    probe_loss_release(&fit->loss);
    free(fit->weights);
    free(fit->others);
    free(fit->totals);
    free(fit->values);
    free(fit->start);
    free(fit->x);
    free(fit->w);
    free(fit->gradient);
    free(fit->minimum);
}

int probe_fit(struct probe_fitted *out, const struct example_set *set,
    const struct probe_fit_options *options, const struct job *job, struct err *err)
{
    const bool several = set->of->several;
    const size_t classes = set->of->classes;
    struct fit fit = {.set = set, .options = options, .classes = classes, .width = set->of->width + 1};
    *out = (struct probe_fitted){0};
    if (!set->count || classes < 2)
        return err_set(
            err, ERR_ARGUMENT, "%s to learn from", set->count ? "one label alone is nothing" : "no examples");
    fit.rows = !several && classes == 2 ? 1 : classes;
    fit.problems = several ? classes : 1;

    struct job own = job ? *job : (struct job){0};
    int rc = make_room(&fit, err);
    if (!rc && !own.pool)
        rc = pool_open(&own.pool, job_threads(job) - 1, err);
    if (!rc)
        rc = solve(&fit, &own, err);
    if (!rc)
        rc = take_result(out, &fit, err);
    release(&fit);
    if (!job || own.pool != job->pool)
        pool_free(own.pool);
    if (rc)
        probe_fitted_release(out);
    return rc;
}

void probe_fitted_release(struct probe_fitted *fitted)
{
    free(fitted->weights);
    free(fitted->intercepts);
    *fitted = (struct probe_fitted){0};
}
