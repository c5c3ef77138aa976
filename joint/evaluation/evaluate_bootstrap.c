// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- classification ------------------------------------------------------------------------------------ */

struct class_samples {
    const struct class_evaluation *models;
    size_t *order; // (count): pictures label by label
};

static void score_classes(double *scores, const void *context, size_t model, const uint32_t *times)
{
    const struct class_samples *samples = context;
    const struct class_evaluation *evaluation = &samples->models[model];
    const struct outcome *outcomes = evaluation->outcomes;
    const size_t count = evaluation->count;
    double right = 0, among = 0, recalls = 0, classes = 0;
    for (size_t i = 0; i < count;) {
        const size_t truth = outcomes[samples->order[i]].truth;
        double of_class = 0, right_of_class = 0;
        for (; i < count && outcomes[samples->order[i]].truth == truth; i++) {
            const struct outcome *outcome = &outcomes[samples->order[i]];
            const uint32_t drawn = times[samples->order[i]];
            of_class += drawn;
            right_of_class += outcome->place ? 0 : drawn;
            among += outcome->place < OUTCOME_TOP ? drawn : 0;
        }
        right += right_of_class;
        recalls += of_class > 0 ? right_of_class / of_class : 0;
        classes += of_class > 0;
    }
    scores[CLASS_ACC1] = right / (double)count;
    scores[CLASS_ACC5] = evaluation->scores.labels < OUTCOME_TOP ? NAN : among / (double)count;
    scores[CLASS_RECALL] = recalls / classes;
}

void class_rates(double rates[CLASS_RATES], const struct class_scores *scores)
{
    rates[CLASS_ACC1] = scores->acc1;
    rates[CLASS_ACC5] = scores->acc5;
    rates[CLASS_RECALL] = scores->mean_per_class_recall;
}

/* The same pictures with the same labels. */
static int check_same(const struct class_evaluation *models, size_t count, struct err *err)
{
    for (size_t m = 1; m < count; m++) {
        bool same = models[m].count == models[0].count;
        for (size_t i = 0; i < models[0].count && same; i++)
            same = models[m].outcomes[i].truth == models[0].outcomes[i].truth;
        if (!same)
            return err_set(err, ERR_ARGUMENT,
                "model %zu was measured with %zu pictures, the first one with %zu, or in another order",
                m + 1, models[m].count, models[0].count);
    }
    return 0;
}

static int sort_by_label(size_t **order, const struct class_evaluation *evaluation, struct err *err)
{
    const size_t labels = evaluation->scores.labels;
    size_t *ends = mem_new(labels + 1, sizeof *ends);
    *order = mem_new(evaluation->count, sizeof **order);
    if (!ends || !*order) {
        free(ends);
        return err_memory(err, evaluation->count * sizeof **order);
    }
    for (size_t i = 0; i < evaluation->count; i++)
        ends[evaluation->outcomes[i].truth + 1]++;
    for (size_t label = 0; label < labels; label++)
        ends[label + 1] += ends[label];
    for (size_t i = 0; i < evaluation->count; i++)
        (*order)[ends[evaluation->outcomes[i].truth]++] = i;
    free(ends);
    return 0;
}

int class_bootstrap(struct bootstrap_score *out, const struct class_evaluation *models, size_t count,
    size_t samples, uint64_t seed, const struct job *job, struct err *err)
{
    struct class_samples context = {.models = models};
    double *all = mem_new(count * CLASS_RATES, sizeof *all);
    int rc = all ? check_same(models, count, err) : err_memory(err, count * CLASS_RATES * sizeof *all);
    if (!rc)
        rc = sort_by_label(&context.order, models, err);
    for (size_t m = 0; m < count && !rc; m++)
        class_rates(all + m * CLASS_RATES, &models[m].scores);
    const struct bootstrap_run run = {
        score_classes, &context, models[0].count, count, CLASS_RATES, all, samples, seed};
    if (!rc)
        rc = bootstrap_compute(out, &run, job, err);
    free(context.order);
    free(all);
    return rc;
}

/* ---- several labels a picture -------------------------------------------------------------------------- */

static void score_precisions(double *scores, const void *context, size_t model, const uint32_t *times)
{
    const struct average_precisions *precisions =
        &((const struct class_evaluation *)context)[model].precisions;
    double sum = 0;
    for (size_t label = 0; label < precisions->labels; label++)
        sum +=
            average_precision_drawn(&precisions->order[label * precisions->count], precisions->count, times);
    *scores = sum / (double)precisions->labels;
}

int precisions_bootstrap(struct bootstrap_score *out, const struct class_evaluation *models, size_t count,
    size_t samples, uint64_t seed, const struct job *job, struct err *err)
{
    double *all = mem_new(count, sizeof *all);
    int rc = all ? 0 : err_memory(err, count * sizeof *all);
    for (size_t m = 0; m < count && !rc; m++) {
        all[m] = models[m].precisions.mean;
        if (models[m].count != models[0].count ||
            memcmp(models[m].pictures, models[0].pictures, models[0].count * sizeof *models[0].pictures))
            rc = err_set(
                err, ERR_ARGUMENT, "model %zu was measured with other pictures than the first one", m + 1);
        else if (!models[m].precisions.order)
            rc = err_set(err, ERR_LIMIT, "%zu labels of %zu pictures are too many for an interval",
                models[m].precisions.labels, models[m].count);
    }
    const struct bootstrap_run run = {
        score_precisions, models, models[0].count, count, 1, all, samples, seed};
    if (!rc)
        rc = bootstrap_compute(out, &run, job, err);
    free(all);
    return rc;
}

/* ---- retrieval ----------------------------------------------------------------------------------------- */

/* Pictures are drawn with their captions. */
static void score_retrieval(double *scores, const void *context, size_t model, const uint32_t *times)
{
    const struct retrieval *retrieval = (const struct retrieval *)context + model;
    const size_t images = retrieval->image_to_text.queries, captions = retrieval->text_to_image.queries;
    double drawn = 0;
    for (size_t k = 0; k < RETRIEVAL_RATES; k++)
        scores[k] = 0;
    for (size_t i = 0; i < images; i++)
        for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++)
            scores[k] += retrieval->image_ahead[i] < retrieval_cutoffs[k] ? times[i] : 0;
    for (size_t i = 0; i < captions; i++) {
        const uint32_t of_image = times[retrieval->image_of[i]];
        drawn += of_image;
        for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++)
            scores[RETRIEVAL_CUTOFFS + k] +=
                retrieval->caption_ahead[i] < retrieval_cutoffs[k] ? of_image : 0;
    }
    for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++) {
        scores[k] /= (double)images;
        scores[RETRIEVAL_CUTOFFS + k] /= drawn;
    }
}

void retrieval_rates(double rates[RETRIEVAL_RATES], const struct retrieval *retrieval)
{
    for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++) {
        rates[k] = retrieval->image_to_text.recall[k];
        rates[RETRIEVAL_CUTOFFS + k] = retrieval->text_to_image.recall[k];
    }
}

int retrieval_bootstrap(struct bootstrap_score *out, const struct retrieval *models, size_t count,
    size_t samples, uint64_t seed, const struct job *job, struct err *err)
{
    double *all = mem_new(count * RETRIEVAL_RATES, sizeof *all);
    int rc = all ? 0 : err_memory(err, count * RETRIEVAL_RATES * sizeof *all);
    for (size_t m = 0; m < count && !rc; m++) {
        retrieval_rates(all + m * RETRIEVAL_RATES, &models[m]);
        if (models[m].image_to_text.queries != models[0].image_to_text.queries ||
            models[m].text_to_image.queries != models[0].text_to_image.queries)
            rc = err_set(err, ERR_ARGUMENT,
                "model %zu was measured with %zu pictures and %zu captions, the first one with %zu and %zu",
                m + 1, models[m].image_to_text.queries, models[m].text_to_image.queries,
                models[0].image_to_text.queries, models[0].text_to_image.queries);
    }
    const struct bootstrap_run run = {
        score_retrieval, models, models[0].image_to_text.queries, count, RETRIEVAL_RATES, all, samples, seed};
    if (!rc)
        rc = bootstrap_compute(out, &run, job, err);
    free(all);
    return rc;
}
