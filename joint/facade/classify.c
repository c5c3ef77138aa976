// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"
#include "joint/probe/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct diptych_classifier {
    struct diptych_model *model;
    struct classifier *classifier;
};

/* ---- labels -------------------------------------------------------------------------------------------- */

/* A label that a data set has twice counts once, as with the command; to say one twice is a mistake. */
static int read_labels(struct strings *out, const char *const *labels, size_t count, struct err *err)
{
    if (count == 1 && labels && labels[0] && data_set_named(labels[0]))
        return label_list_read(out, labels[0], NULL, err);
    const int rc = add_texts(out, labels, count, "labels", err);
    return rc ? rc : labels_distinct(out, err);
}

/* Those that are said, or else the data set's, or else the model's own. */
static int read_templates(struct strings *out, const struct diptych_classifier_options *options,
    const char *const *labels, size_t count, const struct model *model, struct err *err)
{
    int rc = check_texts(options->templates, options->template_count, "templates", err);
    for (size_t i = 0; i < options->template_count && !rc; i++)
        rc = template_add(out, options->templates[i], err);
    if (rc == ERR_NOT_FOUND) /* it is more often a text without {} than the name of a set */
        rc = err->code = ERR_ARGUMENT;
    if (rc || out->count)
        return rc;
    const char *own = count == 1 ? data_set_templates(labels[0]) : NULL;
    return template_add(out, own ? own : model_config(model)->family->template, err);
}

static int encode_labels(struct diptych_classifier *classifier, const char *const *labels, size_t count,
    const struct diptych_classifier_options *options, const struct job *job, struct err *err)
{
    struct diptych_model *model = classifier->model;
    struct strings names = {0}, templates = {0};
    struct lane *lane = NULL;
    int scores;
    int rc = choose(&scores, options->scores, label_scores_names, "scores", err);
    if (!rc)
        rc = read_labels(&names, labels, count, err);
    if (!rc)
        rc = read_templates(&templates, options, labels, count, model->model, err);
    if (!rc)
        rc = lane_take(&lane, model, false, -1, job, err);
    if (!rc)
        rc = classifier_open(
            &classifier->classifier, lane->encoder, &names, &templates, (enum label_scores)scores, job, err);
    lane_give(model, lane);
    strings_release(&templates);
    strings_release(&names);
    return rc;
}

/* What was learned, with its own labels. */
static int take_probe(struct diptych_classifier *classifier, size_t labels,
    const struct diptych_classifier_options *options, struct err *err)
{
    const struct diptych_model *model = classifier->model;
    struct probe probe = {0};
    if (labels || options->template_count || options->scores)
        return err_set(
            err, ERR_ARGUMENT, "a probe has labels of its own: labels, templates and scores are of no use");
    int rc = probe_load(&probe, options->probe, err);
    if (!rc && probe_check(&probe, options->probe, model_path(model->model), model->fingerprint, err))
        rc = DIPTYCH_ERROR_MODEL;
    if (!rc)
        rc = probe_classifier(&classifier->classifier, &probe, err);
    probe_release(&probe);
    return rc;
}

int diptych_classifier_open(struct diptych_classifier **out, struct diptych_model *model,
    const char *const *labels, size_t count, const struct diptych_classifier_options *options,
    struct diptych_job *job, struct diptych_error *error)
{
    struct diptych_classifier_options own;
    struct diptych_classifier *classifier = NULL;
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(out, "out", &err);
    if (!rc) {
        *out = NULL;
        rc = need(model, "model", &err);
    }
    if (!rc)
        rc = OPTIONS(&own, options, &err);
    if (!rc && !(classifier = mem_new(1, sizeof *classifier)))
        rc = err_memory(&err, sizeof *classifier);
    if (!rc) {
        const struct job work = facade_job(job, model->threads, host);
        classifier->model = model;
        model_hold(model);
        rc = own.probe ? take_probe(classifier, count, &own, &err)
                       : encode_labels(classifier, labels, count, &own, &work, &err);
    }
    if (!rc)
        *out = classifier;
    else
        diptych_classifier_free(classifier);
    return facade_end(error, rc, &err, host);
}

void diptych_classifier_free(struct diptych_classifier *classifier)
{
    if (!classifier)
        return;
    classifier_free(classifier->classifier);
    diptych_model_free(classifier->model);
    free(classifier);
}

size_t diptych_classifier_labels(const struct diptych_classifier *classifier)
{
    return classifier ? classifier_labels(classifier->classifier) : 0;
}

const char *diptych_classifier_label(const struct diptych_classifier *classifier, size_t i)
{
    return i < diptych_classifier_labels(classifier) ? classifier_label(classifier->classifier, i) : NULL;
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

struct classifying {
    const struct classifier *classifier;
    int64_t *labels; // (count, top)
    float *scores;   // (count, top)
    size_t top;
    struct prediction *best; // (top)
};

/* The row of embedding i; NULL: it has none. */
static int put_row(void *context, size_t i, const float *embedding, struct err *err)
{
    const struct classifying *c = context;
    int64_t *labels = c->labels + i * c->top;
    float *scores = c->scores + i * c->top;
    const enum score_kind kind = classifier_score(c->classifier);
    (void)err;
    if (embedding)
        classifier_rank(c->classifier, c->best, c->top, embedding);
    for (size_t k = 0; k < c->top; k++) {
        labels[k] = embedding ? (int64_t)c->best[k].label : -1;
        scores[k] = embedding ? prediction_score(&c->best[k], kind) : NAN;
    }
    return 0;
}

/* Checks what both ways of classifying are given, and makes room; free(out->best). */
static int begin(struct classifying *out, const struct diptych_classifier *classifier, int64_t *labels,
    float *scores, size_t top, size_t count, struct err *err)
{
    int rc = need(classifier, "classifier", err);
    if (!rc && count)
        rc = need(labels, "labels", err);
    if (!rc && count)
        rc = need(scores, "scores", err);
    if (rc)
        return rc;
    if (!top || top > diptych_classifier_labels(classifier))
        return err_set(err, ERR_ARGUMENT, "top is %zu: it is 1 to %zu, the number of labels", top,
            diptych_classifier_labels(classifier));
    *out = (struct classifying){classifier->classifier, labels, scores, top, mem_new(top, sizeof *out->best)};
    return out->best ? 0 : err_memory(err, top * sizeof *out->best);
}

static int classify(struct diptych_model *model, struct picture_work *work,
    const struct diptych_image *images, const struct job *job, struct err *err)
{
    struct picture_source *sources = NULL;
    struct arena arena = {0};
    struct lane *lane = NULL;
    int rc = sources_of(&sources, &arena, images, work->count, err);
    work->sources = sources;
    if (!rc)
        rc = lane_take(&lane, model, true, -1, job, err);
    if (!rc)
        rc = pictures_encode(work, lane, job, err);
    lane_give(model, lane);
    arena_release(&arena);
    return rc;
}

int diptych_classify(struct diptych_classifier *classifier, int64_t *labels, float *scores, size_t top,
    const struct diptych_image *images, size_t count, struct diptych_outcomes **wanted,
    struct diptych_job *job, struct diptych_error *error)
{
    struct classifying classifying = {0};
    struct diptych_outcomes *outcomes = NULL;
    struct err err;
    const locale_t host = facade_begin();
    int rc = begin(&classifying, classifier, labels, scores, top, count, &err);
    if (wanted)
        *wanted = NULL;
    if (!rc)
        rc = outcomes_new(&outcomes, count, &err);
    if (!rc) {
        const struct job work = facade_job(job, classifier->model->threads, host);
        struct picture_work pictures = {
            .count = count, .outcomes = outcomes, .done = put_row, .context = &classifying};
        rc = classify(classifier->model, &pictures, images, &work, &err);
    }
    outcomes_end(wanted, outcomes, rc);
    free(classifying.best);
    return facade_end(error, rc, &err, host);
}

int diptych_classify_embeddings(const struct diptych_classifier *classifier, int64_t *labels, float *scores,
    size_t top, const float *embeddings, size_t count, struct diptych_error *error)
{
    struct classifying classifying = {0};
    struct err err;
    const locale_t host = facade_begin();
    int rc = begin(&classifying, classifier, labels, scores, top, count, &err);
    if (!rc && count)
        rc = need(embeddings, "embeddings", &err);
    for (size_t i = 0; i < count && !rc; i++) {
        const float *row = embeddings + i * model_width(classifier->model->model);
        rc = put_row(&classifying, i, isnan(*row) ? NULL : row, &err);
    }
    free(classifying.best);
    return facade_end(error, rc, &err, host);
}
