// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

struct drawing {
    const struct bootstrap_run *run;
    double *values; // (systems, statistics, samples): those of one score side by side, for sorting
    size_t first;   /* sample of those that are drawn at once */
    atomic_bool failed;
};

static double *values_of(const struct drawing *drawing, size_t system, size_t statistic)
{
    const struct bootstrap_run *run = drawing->run;
    return drawing->values + (system * run->statistics + statistic) * run->samples;
}

/* ---- samples ------------------------------------------------------------------------------------------- */

/* times[i] = how often item i of count is drawn, in count draws */
static void draw(uint32_t *times, size_t count, uint64_t seed, size_t sample)
{
    const uint64_t stream = random_at(seed, sample);
    for (size_t i = 0; i < count; i++)
        times[(random_at(stream, i) >> 32) * count >> 32]++;
}

static void run_sample(void *context, size_t i)
{
    struct drawing *drawing = context;
    const struct bootstrap_run *run = drawing->run;
    const size_t sample = drawing->first + i;
    uint32_t *times = mem_new(run->count, sizeof *times);
    double *scores = mem_new(run->statistics, sizeof *scores);
    if (times && scores)
        draw(times, run->count, run->seed, sample);
    else
        drawing->failed = true;
    for (size_t s = 0; s < run->systems && times && scores; s++) {
        run->statistic(scores, run->context, s, times);
        for (size_t statistic = 0; statistic < run->statistics; statistic++)
            values_of(drawing, s, statistic)[sample] = scores[statistic];
    }
    free(scores);
    free(times);
}

/* Some at a time, so that the job can end it. */
static int run_samples(struct drawing *drawing, const struct job *job, struct err *err)
{
    enum { AT_ONCE = 32 };
    const size_t samples = drawing->run->samples;
    int rc = 0;
    for (; drawing->first < samples && !rc; drawing->first += AT_ONCE) {
        const size_t left = samples - drawing->first;
        rc = job_step(job, "samples", drawing->first, samples, err);
        if (!rc)
            job_loop(job, left < AT_ONCE ? left : AT_ONCE, run_sample, drawing);
        if (drawing->failed)
            rc = err_memory(err, drawing->run->count * sizeof(uint32_t));
    }
    return rc;
}

/* ---- what the samples say ------------------------------------------------------------------------------ */

/* NaN comes last. */
static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return isnan(x) || isnan(y) ? !!isnan(x) - !!isnan(y) : (x > y) - (x < y);
}

/* Sorts values (count) and gives the bounds of the middle 95 %: of 1000, the 26th from either end. Where one
 * is NaN, both bounds are. */
static void bounds(double *low, double *high, double *values, size_t count)
{
    const size_t tail = count / 40;
    qsort(values, count, sizeof *values, compare);
    const bool known = !isnan(values[count - 1]);
    *low = known ? values[tail] : NAN;
    *high = known ? values[count - 1 - tail] : NAN;
}

/* Sorts differences (samples). One that is NaN counts as at least as large as the difference of all items:
 * nothing says that it is smaller. */
static void compare_systems(
    struct bootstrap_score *out, double difference, double *differences, size_t samples)
{
    double mean = 0;
    size_t beyond = 0;
    for (size_t i = 0; i < samples; i++)
        mean += fabs(differences[i]) / (double)samples;
    for (size_t i = 0; i < samples; i++)
        beyond += !(fabs(differences[i]) - mean < fabs(difference));
    out->difference = difference;
    out->p = (1.0 + (double)beyond) / (1.0 + (double)samples);
    bounds(&out->difference_low, &out->difference_high, differences, samples);
}

/* From the last system to the first: summarising sorts a system's values, and all others need the first one's
 * as they were drawn. */
static void summarise(struct bootstrap_score *out, const struct drawing *drawing, double *differences)
{
    const struct bootstrap_run *run = drawing->run;
    for (size_t s = run->systems; s-- > 0;)
        for (size_t statistic = 0; statistic < run->statistics; statistic++) {
            const size_t i = s * run->statistics + statistic;
            double *values = values_of(drawing, s, statistic), *first = values_of(drawing, 0, statistic);
            out[i] = (struct bootstrap_score){.p = 1};
            for (size_t sample = 0; sample < run->samples; sample++)
                differences[sample] = values[sample] - first[sample];
            if (s > 0)
                compare_systems(&out[i], run->all[i] - run->all[statistic], differences, run->samples);
            bounds(&out[i].low, &out[i].high, values, run->samples);
        }
}

int bootstrap_compute(
    struct bootstrap_score *out, const struct bootstrap_run *run, const struct job *job, struct err *err)
{
    if (!run->samples || run->count > UINT32_MAX)
        return err_set(
            err, ERR_ARGUMENT, "unable to draw %zu samples of %zu items", run->samples, run->count);
    struct drawing drawing = {.run = run};
    size_t scores, values;
    if (size_mul(&scores, run->systems, run->statistics) && size_mul(&values, scores + 1, run->samples))
        drawing.values = mem_new(values, sizeof *drawing.values);
    if (!drawing.values)
        return err_memory(err, run->samples * sizeof *drawing.values);
    int rc = run_samples(&drawing, job, err);
    if (!rc)
        summarise(out, &drawing, drawing.values + scores * run->samples);
    free(drawing.values);
    return rc;
}
