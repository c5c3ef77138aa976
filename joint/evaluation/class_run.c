// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/evaluation.h"

#include <stdlib.h>
#include <string.h>

struct run {
    struct class_evaluation *out;
    const struct classifier *classifier;
    const struct labelled_pictures *pictures;
    const struct job *job;
    size_t width;
    float *embeddings;             // (count, E): where pictures have several labels
    struct picture_labels *labels; // (count)
};

static void judge(struct run *run, size_t picture, const float *embedding)
{
    struct class_evaluation *out = run->out;
    const size_t labels = classifier_labels(run->classifier);
    const size_t top = labels < OUTCOME_TOP ? labels : OUTCOME_TOP;
    const struct picture_labels shown = labelled_picture(run->pictures, picture);
    struct prediction best[OUTCOME_TOP];
    classifier_rank(run->classifier, best, top, embedding);
    if (run->embeddings) {
        memcpy(&run->embeddings[out->count * run->width], embedding, run->width * sizeof *embedding);
        run->labels[out->count] = shown;
    }
    out->outcomes[out->count] = outcome_of(shown, best, top);
    out->pictures[out->count++] = picture;
}

static int judge_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct run *run = context;
    for (size_t i = 0; i < batch->count; i++) {
        if (*batch->errs[i].msg)
            job_report(run->job, &batch->errs[i]);
        if (batch->errs[i].code) {
            run->out->failed++;
            continue;
        }
        judge(run, batch->first + i, embeddings);
        embeddings += run->width;
    }
    return job_step(run->job, "pictures", run->out->count + run->out->failed, run->pictures->count, err);
}

static int make_room(struct run *run, struct err *err)
{
    const size_t count = run->pictures->count + 1;
    run->out->outcomes = mem_new(count, sizeof *run->out->outcomes);
    run->out->pictures = mem_new(count, sizeof *run->out->pictures);
    if (run->pictures->several) {
        run->embeddings = mem_new(count, run->width * sizeof *run->embeddings);
        run->labels = mem_new(count, sizeof *run->labels);
    }
    const bool kept = !run->pictures->several || (run->embeddings && run->labels);
    return run->out->outcomes && run->out->pictures && kept
               ? 0
               : err_memory(err, count * run->width * sizeof *run->embeddings);
}

static int score(struct run *run, struct err *err)
{
    struct class_evaluation *out = run->out;
    const size_t labels = classifier_labels(run->classifier);
    if (!run->pictures->several)
        return class_scores_compute(&out->scores, out->outcomes, out->count, labels, err);
    return average_precisions_compute(&out->precisions, run->embeddings, out->count, run->labels,
        classifier_vectors(run->classifier), labels, run->width, run->job, err);
}

int class_evaluate(struct class_evaluation *out, struct encoder *encoder, struct loader *loader,
    const struct classifier *classifier, const struct labelled_pictures *pictures, const struct job *job,
    struct err *err)
{
    struct run run = {.out = out,
        .classifier = classifier,
        .pictures = pictures,
        .job = job,
        .width = model_width(encoder_model(encoder))};
    *out = (struct class_evaluation){0};
    int rc = make_room(&run, err);
    if (!rc)
        rc = job_step(job, "pictures", 0, pictures->count, err);
    if (!rc)
        rc = encode_pictures(encoder, loader, pictures->pictures, pictures->count, judge_batch, &run, err);
    if (!rc)
        rc = score(&run, err);
    free(run.embeddings);
    free(run.labels);
    return rc;
}

void class_evaluation_release(struct class_evaluation *evaluation)
{
    class_scores_release(&evaluation->scores);
    average_precisions_release(&evaluation->precisions);
    free(evaluation->outcomes);
    free(evaluation->pictures);
    *evaluation = (struct class_evaluation){0};
}
