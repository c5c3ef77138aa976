// SPDX-License-Identifier: Apache-2.0
/* POST /, zero-shot classification of a picture as Hugging Face's clients ask their inference API
 * (huggingface_hub, inference/_generated/types/zero_shot_image_classification.py). */
#include "service/classify.h"
#include "service/inputs.h"

#include <string.h>

/* What transformers' pipeline makes a prompt of, where a body has no "hypothesis_template". */
static const char default_template[] = "This is a photo of {}.";

static int read_picture(struct input *out, const struct call *call, struct err *err)
{
    const char *image = NULL;
    int rc = field_text(&image, call->body, "inputs", err);
    out->kind = INPUT_PICTURE;
    if (!rc && !image)
        rc = err_set(err, ERR_ARGUMENT, "'inputs' is missing");
    return rc ? rc : picture_of_string(&out->picture, call, image, "inputs", err);
}

static int read_parameters(
    struct strings *labels, struct strings *templates, const struct call *call, struct err *err)
{
    const json_t *parameters = json_object_get(call->body, "parameters");
    int rc =
        classes_read_labels(labels, json_object_get(parameters, "candidate_labels"), "candidate_labels", err);
    if (!rc)
        rc = classes_read_templates(templates, json_object_get(parameters, "hypothesis_template"),
            "hypothesis_template", default_template, err);
    return rc;
}

static int answer(
    struct call *call, const struct classifier *classifier, const float *embedding, struct err *err)
{
    const size_t count = classifier_labels(classifier);
    struct prediction *best;
    const int rc = call_alloc(&best, call, count, sizeof *best, err);
    if (rc)
        return rc;
    classifier_rank(classifier, best, count, embedding);
    call->answer = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            call->answer, json_pack("{s:s, s:f}", "label", classifier_label(classifier, best[i].label),
                              "score", (double)best[i].probability));
    return 0;
}

int handle_zero_shot(struct call *call, struct err *err)
{
    struct input picture = {0};
    const struct inputs inputs = {&picture, 1};
    struct strings labels = {0}, templates = {0};
    struct classes_entry *entry = NULL;
    float *embedding;
    size_t tokens;
    int rc = read_picture(&picture, call, err);
    if (!rc)
        rc = read_parameters(&labels, &templates, call, err);
    if (!rc)
        rc = classes_take(&entry, call_classes(call), call_engine(call), &labels, &templates,
            LABEL_SCORES_OF_MODEL, &call->request->job, err);
    if (!rc)
        rc = inputs_encode(&embedding, &tokens, call, &inputs, err);
    if (!rc)
        rc = answer(call, classes_classifier(entry), embedding, err);
    classes_give_back(call_classes(call), entry);
    strings_release(&labels);
    strings_release(&templates);
    return rc;
}
