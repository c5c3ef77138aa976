// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <stdlib.h>

struct run {
    struct class_evaluation *out;
    const struct classifier *classifier;
    const struct image_folder *folder;
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
        out->outcomes[out->count] = outcome_of(run->folder->truths[picture], best, top);
        out->paths[out->count++] = run->folder->paths.items[picture];
    }
    return job_step(run->job, "pictures", out->count + out->failed, run->folder->paths.count, err);
}

int class_evaluate(struct class_evaluation *out, struct encoder *encoder, struct loader *loader,
    const struct classifier *classifier, const struct image_folder *folder, const struct job *job,
    struct err *err)
{
    const size_t count = folder->paths.count;
    struct run run = {out, classifier, folder, job, model_width(encoder_model(encoder))};
    struct picture_source *pictures = picture_files((const char *const *)folder->paths.items, count);
    *out = (struct class_evaluation){
        .outcomes = mem_new(count + 1, sizeof *out->outcomes),
        .paths = mem_new(count + 1, sizeof *out->paths),
    };
    int rc = pictures && out->outcomes && out->paths ? job_step(job, "pictures", 0, count, err)
                                                     : err_memory(err, count * sizeof *out->outcomes);
    if (!rc)
        rc = encode_pictures(encoder, loader, pictures, count, judge_batch, &run, err);
    if (!rc)
        rc =
            class_scores_compute(&out->scores, out->outcomes, out->count, classifier_labels(classifier), err);
    free(pictures);
    return rc;
}

void class_evaluation_release(struct class_evaluation *evaluation)
{
    class_scores_release(&evaluation->scores);
    free(evaluation->outcomes);
    free(evaluation->paths);
    *evaluation = (struct class_evaluation){0};
}
