// SPDX-License-Identifier: Apache-2.0
/* POST /v1/classify, as Jina's clients send it, with "templates", "top", "scores" and "threshold" of ours beside it, and without "labels"
 * by the probe; and POST /v1/rank. */
#include "service/classify.h"
#include "service/inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of labels, and of templates: a set of them counts as what is in it. */
enum { LABELS_MAX = 20000, LABEL_BYTES_MAX = 10000 };

/* ---- labels and templates ------------------------------------------------------------------------------ */

static int add_strings(struct strings *out, const json_t *list, const char *name,
    int (*add)(struct strings *out, const char *text, struct err *err), struct err *err)
{
    const size_t count = json_is_array(list) ? json_array_size(list) : 1;
    int rc = 0;
    if (count > LABELS_MAX)
        return err_set(err, ERR_LIMIT, "'%s' has %zu parts, the limit is %d", name, count, LABELS_MAX);
    for (size_t i = 0; i < count && !rc; i++) {
        const json_t *value = json_is_array(list) ? json_array_get(list, i) : list;
        if (!json_is_string(value))
            return err_set(err, ERR_ARGUMENT, "'%s' is no list of texts", name);
        if (json_string_length(value) > LABEL_BYTES_MAX)
            return err_set(err, ERR_LIMIT, "'%s' has a text of more than %d bytes", name, LABEL_BYTES_MAX);
        rc = add(out, json_string_value(value), err);
        if (rc)
            err_wrap(err, "'%s'", name);
        else if (out->count > LABELS_MAX)
            return err_set(err, ERR_LIMIT, "'%s' stands for more than %d texts", name, LABELS_MAX);
    }
    return rc == ERR_NOT_FOUND ? ERR_ARGUMENT : rc;
}

static int add_label(struct strings *out, const char *text, struct err *err)
{
    return strings_add(out, text, strlen(text), err);
}

int classes_read_labels(struct strings *out, const json_t *value, const char *name, struct err *err)
{
    const int rc = add_strings(out, value, name, add_label, err);
    return rc ? rc : labels_distinct(out, err);
}

int classes_read_templates(
    struct strings *out, const json_t *value, const char *name, const char *otherwise, struct err *err)
{
    const int rc = value && !json_is_null(value) ? add_strings(out, value, name, template_add, err) : 0;
    return rc || out->count ? rc : template_add(out, otherwise, err);
}

static bool says(const struct call *call, const char *field)
{
    const json_t *value = json_object_get(call->body, field);
    return value && !json_is_null(value);
}

/* The classifier of the labels that a request says, which is in the entry; or the probe's, where it says none. */
static int take_classifier(
    const struct classifier **out, struct classes_entry **entry, struct call *call, struct err *err)
{
    struct strings labels = {0}, templates = {0};
    int scores = LABEL_SCORES_OF_MODEL;
    int rc = field_choice(&scores, call->body, "scores", label_scores_names, err);
    *out = says(call, "labels") ? NULL : classes_learned(call_classes(call));
    if (*out && (says(call, "templates") || says(call, "scores")))
        return err_set(
            err, ERR_ARGUMENT, "without 'labels' it is a probe's: 'templates' and 'scores' are of no use");
    if (rc || *out)
        return rc;
    rc = classes_read_labels(&labels, json_object_get(call->body, "labels"), "labels", err);
    if (!rc)
        rc = classes_read_templates(&templates, json_object_get(call->body, "templates"), "templates",
            engine_config(call_engine(call))->family->template, err);
    if (!rc)
        rc = classes_take(entry, call_classes(call), call_engine(call), &labels, &templates,
            (enum label_scores)scores, &call->request->job, err);
    if (!rc)
        *out = classes_classifier(*entry);
    strings_release(&labels);
    strings_release(&templates);
    return rc;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static json_t *prediction_list(
    const struct classifier *classifier, const struct prediction *best, size_t count)
{
    const enum score_kind kind = classifier_score(classifier);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_pack("{s:s, s:f}", "label", classifier_label(classifier, best[i].label), "score",
            (double)prediction_score(&best[i], kind));
        if (!classifier_has_intercepts(classifier)) /* else it was learned, and that is none */
            json_object_set_new(one, "cosine", json_real((double)best[i].cosine));
        json_array_append_new(list, one);
    }
    return list;
}

/* embeddings (count, E). The prediction of Jina's shape is the best label in any case; ours are those that reach the
 * threshold. */
static int classify(struct call *call, const struct classifier *classifier, const float *embeddings,
    size_t count, size_t top, double threshold, struct err *err)
{
    const size_t width = engine_width(call_engine(call)), labels = classifier_labels(classifier);
    const enum score_kind kind = classifier_score(classifier);
    struct prediction *best;
    json_t *data = json_array();
    top = top < labels ? top : labels;
    const int rc = call_alloc(&best, call, top, sizeof *best, err);
    for (size_t i = 0; i < count && !rc; i++) {
        classifier_rank(classifier, best, top, embeddings + i * width);
        const size_t reached = classifier_reached(classifier, best, top, threshold);
        json_array_append_new(data,
            json_pack("{s:s, s:i, s:s, s:f, s:o}", "object", "classification", "index", (int)i, "prediction",
                classifier_label(classifier, best[0].label), "score", (double)prediction_score(best, kind),
                "predictions", prediction_list(classifier, best, reached)));
    }
    call->answer =
        json_pack("{s:s, s:s, s:o}", "model", call_model(call), "score", score_names[kind], "data", data);
    return rc;
}

int handle_classify(struct call *call, struct err *err)
{
    static const char *const known[] = {
        "model", "input", "labels", "templates", "top", "scores", "threshold", NULL};
    struct inputs inputs = {0};
    struct classes_entry *entry = NULL;
    const struct classifier *classifier;
    size_t top = SIZE_MAX, tokens = 0;
    double threshold = -INFINITY;
    float *embeddings;
    struct input_notes *notes;
    int rc = fields_known(call->body, known, err);
    if (!rc)
        rc = call_check_model(call, err);
    if (!rc)
        rc = field_size(&top, call->body, "top", 1, LABELS_MAX, err);
    if (!rc)
        rc = field_real(&threshold, call->body, "threshold", -1, 1, err);
    if (!rc)
        rc = inputs_read(&inputs, call, "input", MODALITY_AUTO, err);
    if (!rc)
        rc = take_classifier(&classifier, &entry, call, err);
    if (!rc)
        rc = inputs_ask_notes(&notes, call, &inputs, err);
    if (!rc)
        rc = inputs_encode(&embeddings, &tokens, call, &inputs, err);
    if (!rc)
        rc = classify(call, classifier, embeddings, inputs.count, top, threshold, err);
    for (size_t i = 0; i < inputs.count && !rc; i++)
        put_notes(json_array_get(json_object_get(call->answer, "data"), i), &notes[i]);
    if (!rc)
        json_object_set_new(call->answer, "usage", json_pack("{s:I}", "total_tokens", (json_int_t)tokens));
    classes_give_back(call_classes(call), entry);
    return rc;
}

/* ---- ranking ------------------------------------------------------------------------------------------- */

/* {"image": "...", "captions": ["...", ...]}: the captions by how well they fit the picture, best first. */
static int read_rank(struct inputs *inputs, const struct call *call, struct err *err)
{
    const json_t *captions = json_object_get(call->body, "captions");
    const char *image = NULL;
    int rc = field_text(&image, call->body, "image", err);
    if (!rc && !image)
        rc = err_set(err, ERR_ARGUMENT, "'image' is missing");
    if (!rc && (!json_array_size(captions) || json_array_size(captions) > RANK_CAPTIONS_MAX))
        rc = err_set(err, ERR_ARGUMENT, "'captions' is no list of 1 to %d texts", RANK_CAPTIONS_MAX);
    inputs->count = json_array_size(captions) + 1;
    if (!rc)
        rc = call_alloc(&inputs->items, call, inputs->count, sizeof *inputs->items, err);
    if (!rc) {
        inputs->items[0].kind = INPUT_PICTURE;
        rc = picture_of_string(&inputs->items[0].picture, call, image, "image", err);
    }
    for (size_t i = 1; i < inputs->count && !rc; i++) {
        const json_t *caption = json_array_get(captions, i - 1);
        if (!json_string_length(caption))
            return err_set(err, ERR_ARGUMENT, "caption %zu is no text, or an empty one", i - 1);
        inputs->items[i] = (struct input){.kind = INPUT_TEXT, .text = json_string_value(caption)};
    }
    return rc;
}

int handle_rank(struct call *call, struct err *err)
{
    static const char *const known[] = {"model", "image", "captions", NULL};
    struct inputs inputs = {0};
    struct prediction *best = NULL;
    struct input_notes *notes;
    size_t count = 0;
    int rc = fields_known(call->body, known, err);
    if (!rc)
        rc = call_check_model(call, err);
    if (!rc)
        rc = read_rank(&inputs, call, err);
    if (!rc)
        rc = inputs_ask_notes(&notes, call, &inputs, err);
    if (!rc)
        rc = inputs_rank(&best, &count, call, &inputs, err);
    if (rc)
        return rc;
    json_t *results = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(results, json_pack("{s:I, s:s, s:f, s:f}", "index", (json_int_t)best[i].label,
                                           "caption", inputs.items[best[i].label + 1].text, "probability",
                                           (double)best[i].probability, "cosine", (double)best[i].cosine));
    call->answer = json_pack("{s:s, s:s, s:o}", "model", call_model(call), "score",
        score_names[engine_config(call_engine(call))->score], "results", results);
    put_notes(call->answer, notes);
    return 0;
}
