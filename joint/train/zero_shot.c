// SPDX-License-Identifier: Apache-2.0
#include "joint/train/train.h"

#include <string.h>

/* What measuring takes, opened one after the other. */
struct bench {
    struct model *model;
    struct encoder *encoder;
    struct loader *loader;
    struct classifier *classifier;
};

static int bench_open(struct bench *bench, const struct zero_shot_question *question, struct device *device,
    const struct job *job, struct err *err)
{
    const struct labelled_pictures *pictures = question->pictures;
    const struct loader_options *loading = question->loader;
    struct strings template = {0}; /* the model's family's, where the pictures have none */
    int rc = model_open_adapted(&bench->model, question->model, &question->adapters, device, err);
    if (!rc)
        rc = encoder_open(&bench->encoder, bench->model, loading->batch, err);
    if (!rc)
        rc = loader_open(&bench->loader, model_preprocess(bench->model), loading, err);
    if (!rc) {
        const char *text = model_config(bench->model)->family->template;
        rc = strings_add(&template, text, strlen(text), err);
    }
    if (!rc)
        rc = classifier_open(&bench->classifier, bench->encoder, &pictures->labels,
            pictures->templates.count ? &pictures->templates : &template, LABEL_SCORES_OF_MODEL, job, err);
    strings_release(&template);
    return rc;
}

static void bench_release(struct bench *bench)
{
    classifier_free(bench->classifier);
    loader_free(bench->loader);
    encoder_free(bench->encoder);
    model_free(bench->model);
}

int zero_shot_measure(struct zero_shot *out, const struct zero_shot_question *question, struct device *device,
    const struct job *job, struct err *err)
{
    struct bench bench = {0};
    struct class_evaluation evaluation = {0};
    double rates[CLASS_RATES];
    int rc = bench_open(&bench, question, device, job, err);
    if (!rc)
        rc = class_evaluate(
            &evaluation, bench.encoder, bench.loader, bench.classifier, question->pictures, job, err);
    *out = (struct zero_shot){.pictures = evaluation.count, .failed = evaluation.failed};
    if (!rc && question->pictures->several) {
        out->score = evaluation.precisions.mean;
    } else if (!rc) {
        class_rates(rates, &evaluation.scores);
        out->score = rates[CLASS_ACC1];
    }
    class_evaluation_release(&evaluation);
    bench_release(&bench);
    return rc;
}
