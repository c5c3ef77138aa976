// SPDX-License-Identifier: Apache-2.0
#include "joint/probe/probe.h"

#include <math.h>
#include <stdlib.h>

/* ---- logits -------------------------------------------------------------------------------------------- */

struct multiplying {
    float *logits;
    const struct example_set *set;
    const float *weights, *intercepts;
};

static void multiply_example(void *context, size_t i)
{
    const struct multiplying *m = context;
    const size_t width = m->set->of->width, classes = m->set->of->classes;
    const float *embedding = example_embedding(m->set, i);
    for (size_t k = 0; k < classes; k++)
        m->logits[i * classes + k] = dot_product(embedding, &m->weights[k * width], width) + m->intercepts[k];
}

void probe_logits(float *logits, const struct example_set *set, const float *weights, const float *intercepts,
    const struct job *job)
{
    struct multiplying multiplying = {logits, set, weights, intercepts};
    job_loop(job, set->count, multiply_example, &multiplying);
}

/* ---- scores -------------------------------------------------------------------------------------------- */

static double accuracy(const float *logits, const struct example_set *set)
{
    const size_t classes = set->of->classes;
    size_t right = 0;
    for (size_t i = 0; i < set->count; i++) {
        const float *row = &logits[i * classes];
        size_t best = 0;
        for (size_t k = 1; k < classes; k++)
            best = row[k] > row[best] ? k : best;
        right += best == *example_labels(set, i).rows;
    }
    return (double)right / (double)set->count;
}

static bool shows(struct picture_labels shown, size_t class)
{
    for (size_t j = 0; j < shown.count; j++)
        if (shown.rows[j] == class)
            return true;
    return false;
}

int logits_score(double *out, const float *logits, const struct example_set *set, struct err *err)
{
    const size_t classes = set->of->classes;
    if (!set->of->several) {
        *out = accuracy(logits, set);
        return 0;
    }
    struct scored_picture *scored = mem_new(set->count, sizeof *scored);
    if (!scored)
        return err_memory(err, set->count * sizeof *scored);
    *out = 0;
    for (size_t k = 0; k < classes; k++) {
        for (size_t i = 0; i < set->count; i++)
            scored[i] = (struct scored_picture){
                logits[i * classes + k], shows(example_labels(set, i), k), (uint32_t)i};
        *out += average_precision(scored, set->count) / (double)classes;
    }
    free(scored);
    return 0;
}

/* ---- calibration --------------------------------------------------------------------------------------- */

static double softmax_loss(const float *row, size_t classes, size_t label, double heat)
{
    double peak = -INFINITY, sum = 0;
    for (size_t k = 0; k < classes; k++)
        peak = fmax(peak, heat * (double)row[k]);
    for (size_t k = 0; k < classes; k++)
        sum += exp(heat * (double)row[k] - peak);
    return log(sum) + peak - heat * (double)row[label];
}

static double sigmoid_loss(const float *row, size_t classes, struct picture_labels shown, double heat)
{
    double sum = 0;
    for (size_t k = 0; k < classes; k++) {
        const double z = heat * (double)row[k];
        sum += log1p(exp(-fabs(z))) + fmax(z, 0) - (shows(shown, k) ? z : 0);
    }
    return sum / (double)classes;
}

double logits_loss(const float *logits, const struct example_set *set, double temperature)
{
    const size_t classes = set->of->classes;
    double sum = 0;
    for (size_t i = 0; i < set->count; i++) {
        const float *row = &logits[i * classes];
        const struct picture_labels shown = example_labels(set, i);
        sum += set->of->several ? sigmoid_loss(row, classes, shown, 1 / temperature)
                                : softmax_loss(row, classes, *shown.rows, 1 / temperature);
    }
    return sum / (double)set->count;
}

/* The loss is convex in 1 / temperature, so it has one minimum in log(temperature), too: golden sections find it. */
double logits_temperature(const float *logits, const struct example_set *set)
{
    const double section = (sqrt(5) - 1) / 2, end = log(1000);
    double low = -end, high = end, a = high - section * (high - low), b = low + section * (high - low);
    double loss_a = logits_loss(logits, set, exp(a)), loss_b = logits_loss(logits, set, exp(b));
    while (high - low > 1e-4) {
        if (loss_a <= loss_b) {
            high = b, b = a, loss_b = loss_a;
            a = high - section * (high - low);
            loss_a = logits_loss(logits, set, exp(a));
        } else {
            low = a, a = b, loss_a = loss_b;
            b = low + section * (high - low);
            loss_b = logits_loss(logits, set, exp(b));
        }
    }
    return exp((low + high) / 2);
}

/* ---- the sweep ----------------------------------------------------------------------------------------- */

enum { DECADES = 6, A_DECADE = 8, WIDE = 2 * A_DECADE };

static int try_c(struct probe_sweep *out, int place, float *logits, const struct example_set *set,
    const struct example_set *judges, const struct probe_fit_options *options, const struct job *job,
    struct err *err)
{
    struct sweep_step *step = &out->steps[out->count];
    struct probe_fit_options own = *options;
    struct probe_fitted fitted;
    own.c = step->c = pow(10, (double)place / A_DECADE);
    int rc = probe_fit(&fitted, set, &own, job, err);
    if (rc)
        return rc;
    probe_logits(logits, judges, fitted.weights, fitted.intercepts, job);
    rc = logits_score(&step->score, logits, judges, err);
    step->loss = logits_loss(logits, judges, 1);
    const struct sweep_step *best = &out->steps[out->best];
    if (step->score > best->score || (step->score == best->score && step->loss < best->loss))
        out->best = out->count;
    out->count++;
    probe_fitted_release(&fitted);
    return rc ? rc : job_step(job, "fits", out->count, SWEEP_STEPS, err);
}

static int best_place(const struct probe_sweep *sweep)
{
    return (int)lround(log10(sweep->steps[sweep->best].c) * A_DECADE);
}

int probe_sweep(struct probe_sweep *out, const struct example_set *set, const struct example_set *judges,
    const struct probe_fit_options *options, const struct job *job, struct err *err)
{
    const int end = DECADES * A_DECADE;
    float *logits = mem_new(judges->count, judges->of->classes * sizeof *logits);
    *out = (struct probe_sweep){0};
    if (!logits)
        return err_memory(err, judges->count * judges->of->classes * sizeof *logits);
    int rc = 0;
    for (int place = -end; place <= end && !rc; place += WIDE)
        rc = try_c(out, place, logits, set, judges, options, job, err);
    for (int step = WIDE / 2; step && !rc; step /= 2) {
        const int middle = best_place(out);
        for (int side = -1; side <= 1 && !rc; side += 2)
            if (abs(middle + side * step) <= end)
                rc = try_c(out, middle + side * step, logits, set, judges, options, job, err);
    }
    free(logits);
    return rc;
}
