// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <stdlib.h>

struct run {
    struct class_evaluation *out;
    const struct classifier *classifier;
    const struct labelled_pictures *pictures;
    const struct job *job;
    size_t width;
};

static int judge_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    const struct run *run = context;
    struct class_evaluation *out = run->out;
    const size_t labels = classifier_labels(run->classifier);
    const size_t top = labels < OUTCOME_TOP ? labels : OUTCOME_TOP;
    struct prediction best[OUTCOME_TOP];
    for (size_t i = 0; i < batch->count; i++) {
        const size_t picture = batch->first + i;
        if (*batch->errs[i].msg)
            job_report(run->job, &batch->errs[i]);
        if (batch->errs[i].code) {
            out->failed++;
            continue;
        }
        classifier_rank(run->classifier, best, top, embeddings);
        embeddings += run->width;
        out->outcomes[out->count] =
            outcome_of(run->pictures->truths[run->pictures->first[picture]], best, top);
        out->pictures[out->count++] = picture;
    }
    return job_step(run->job, "pictures", out->count + out->failed, run->pictures->count, err);
}

int class_evaluate(struct class_evaluation *out, struct encoder *encoder, struct loader *loader,
    const struct classifier *classifier, const struct labelled_pictures *pictures, const struct job *job,
    struct err *err)
{
    const size_t count = pictures->count;
    struct run run = {out, classifier, pictures, job, model_width(encoder_model(encoder))};
    *out = (struct class_evaluation){0};
    if (pictures->several)
        return err_set(err, ERR_UNSUPPORTED, "pictures of several labels cannot be evaluated");
    out->outcomes = mem_new(count + 1, sizeof *out->outcomes);
    out->pictures = mem_new(count + 1, sizeof *out->pictures);
    int rc = out->outcomes && out->pictures ? job_step(job, "pictures", 0, count, err)
                                            : err_memory(err, count * sizeof *out->outcomes);
    if (!rc)
        rc = encode_pictures(encoder, loader, pictures->pictures, count, judge_batch, &run, err);
    if (!rc)
        rc =
            class_scores_compute(&out->scores, out->outcomes, out->count, classifier_labels(classifier), err);
    return rc;
}

void class_evaluation_release(struct class_evaluation *evaluation)
{
    class_scores_release(&evaluation->scores);
    free(evaluation->outcomes);
    free(evaluation->pictures);
    *evaluation = (struct class_evaluation){0};
}
