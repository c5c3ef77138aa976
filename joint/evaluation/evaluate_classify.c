// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct outcome outcome_of(struct picture_labels labels, const struct prediction *best, size_t top)
{
    struct outcome outcome = {
        .truth = labels.count ? labels.rows[0] : LABEL_NONE, .place = top, .truth_probability = NAN};
    memcpy(outcome.best, best, top * sizeof *best);
    for (size_t place = top; place-- > 0;)
        for (size_t i = 0; i < labels.count; i++)
            if (best[place].label == labels.rows[i]) {
                outcome.truth = labels.rows[i];
                outcome.place = place;
                outcome.truth_probability = best[place].probability;
            }
    return outcome;
}

/* ---- mistakes ------------------------------------------------------------------------------------------ */

static int by_rows(const void *a, const void *b)
{
    const struct confusion *x = a, *y = b;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

static int by_count(const void *a, const void *b)
{
    const struct confusion *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return by_rows(a, b);
}

/* One entry a mistake, brought together by rows, then ordered by how many there are. */
static int count_confusions(
    struct class_scores *scores, const struct outcome *outcomes, size_t count, struct err *err)
{
    struct confusion *list = mem_new(count, sizeof *list);
    size_t mistakes = 0, kept = 0;
    if (!list)
        return err_memory(err, count * sizeof *list);
    for (size_t i = 0; i < count; i++)
        if (outcomes[i].place)
            list[mistakes++] = (struct confusion){outcomes[i].truth, outcomes[i].best[0].label, 1};
    qsort(list, mistakes, sizeof *list, by_rows);
    for (size_t i = 0; i < mistakes; i++) {
        if (kept && !by_rows(&list[kept - 1], &list[i]))
            list[kept - 1].count++;
        else
            list[kept++] = list[i];
    }
    qsort(list, kept, sizeof *list, by_count);
    scores->confusions = list;
    scores->confusion_count = kept;
    return 0;
}

/* ---- rates --------------------------------------------------------------------------------------------- */

static double mean_recall(const struct class_recall *classes, size_t labels)
{
    double sum = 0;
    size_t seen = 0;
    for (size_t i = 0; i < labels; i++) {
        if (!classes[i].pictures)
            continue;
        sum += (double)classes[i].right / (double)classes[i].pictures;
        seen++;
    }
    return sum / (double)seen;
}

int class_scores_compute(
    struct class_scores *out, const struct outcome *outcomes, size_t count, size_t labels, struct err *err)
{
    *out = (struct class_scores){.labels = labels};
    if (!count)
        return err_set(err, ERR_ARGUMENT, "no pictures to evaluate");
    out->classes = mem_new(labels, sizeof *out->classes);
    if (!out->classes)
        return err_memory(err, labels * sizeof *out->classes);
    size_t right = 0, among = 0;
    for (size_t i = 0; i < count; i++) {
        struct class_recall *class = &out->classes[outcomes[i].truth];
        class->pictures++;
        class->right += !outcomes[i].place;
        right += !outcomes[i].place;
        among += outcomes[i].place < OUTCOME_TOP;
    }
    out->acc1 = (double)right / (double)count;
    out->acc5 = labels < OUTCOME_TOP ? NAN : (double)among / (double)count;
    out->mean_per_class_recall = mean_recall(out->classes, labels);
    int rc = count_confusions(out, outcomes, count, err);
    if (rc)
        class_scores_release(out);
    return rc;
}

void class_scores_release(struct class_scores *scores)
{
    if (!scores)
        return;
    free(scores->classes);
    free(scores->confusions);
    *scores = (struct class_scores){0};
}
