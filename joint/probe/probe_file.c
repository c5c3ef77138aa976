// SPDX-License-Identifier: Apache-2.0
#include "joint/probe/probe.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_FORMAT "diptych-probe"
#define PROBE_VERSION "1"

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Twice: to announce them, and to write them. */
static int add_tensors(struct weights_writer *writer, const struct probe *probe, struct err *err)
{
    const size_t shape[] = {probe->labels.count, probe->width};
    const int rc = weights_writer_add(writer, "weight", 2, shape, probe->weights, err);
    return rc ? rc : weights_writer_add(writer, "bias", 1, shape, probe->intercepts, err);
}

static char *labels_json(const struct strings *labels)
{
    json_t *list = json_array();
    for (size_t i = 0; i < labels->count; i++)
        json_array_append_new(list, json_text(labels->items[i]));
    char *text = json_array_size(list) == labels->count ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    return text;
}

static int add_notes(struct weights_writer *writer, const struct probe *probe, struct err *err)
{
    char temperature[32], *labels = labels_json(&probe->labels);
    snprintf(temperature, sizeof temperature, "%.9g", probe->temperature);
    const char *const notes[][2] = {
        {"format", PROBE_FORMAT},
        {"version", PROBE_VERSION},
        {"labels", labels},
        {"several", probe->several ? "true" : "false"},
        {"temperature", temperature},
        {"model", probe->model},
        {"made", probe->made ? probe->made : "{}"},
    };
    int rc = labels ? 0 : err_memory(err, 0);
    for (size_t i = 0; i < sizeof notes / sizeof *notes && !rc; i++)
        rc = weights_writer_note(writer, notes[i][0], notes[i][1], err);
    free(labels);
    return rc;
}

int probe_save(const struct probe *probe, const char *path, struct err *err)
{
    struct weights_writer *writer = NULL;
    int rc = weights_writer_open(&writer, path, DTYPE_F32, NULL, err);
    if (!rc)
        rc = add_notes(writer, probe, err);
    if (!rc)
        rc = add_tensors(writer, probe, err);
    if (!rc)
        rc = weights_writer_begin(writer, err);
    if (!rc)
        rc = add_tensors(writer, probe, err);
    const int closed = weights_writer_close(writer, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static int check_kind(const struct weights *weights, struct err *err)
{
    const char *format = weights_note(weights, "format"), *version = weights_note(weights, "version");
    if (!format || strcmp(format, PROBE_FORMAT) != 0)
        return err_set(err, ERR_FORMAT, "it is no probe: 'diptych probe fit' makes them");
    if (!version || strcmp(version, PROBE_VERSION) != 0)
        return err_set(err, ERR_UNSUPPORTED, "it is a probe of version %s, and this program reads version %s",
            version ? version : "unknown", PROBE_VERSION);
    return 0;
}

static int read_labels(struct probe *out, const char *text, struct err *err)
{
    json_t *list = NULL, *label;
    size_t i;
    int rc = json_parse_value(&list, text ? text : "", text ? strlen(text) : 0, "labels", err);
    if (!rc && !json_is_array(list))
        rc = err_set(err, ERR_FORMAT, "'labels' is no list");
    json_array_foreach(list, i, label)
    {
        if (!rc && !json_string_length(label))
            rc = err_set(err, ERR_FORMAT, "label %zu is no text", i);
        if (!rc)
            rc = strings_add(&out->labels, json_string_value(label), strlen(json_string_value(label)), err);
    }
    json_decref(list);
    if (!rc && out->labels.count < 2)
        rc = err_set(err, ERR_FORMAT, "it has %zu labels", out->labels.count);
    return rc ? rc : labels_distinct(&out->labels, err) ? ERR_FORMAT : 0;
}

static int read_notes(struct probe *out, const struct weights *weights, struct err *err)
{
    const char *several = weights_note(weights, "several"), *model = weights_note(weights, "model"),
               *temperature = weights_note(weights, "temperature"), *made = weights_note(weights, "made");
    char *end = NULL;
    int rc = read_labels(out, weights_note(weights, "labels"), err);
    if (rc)
        return rc;
    out->several = several && !strcmp(several, "true");
    if (!out->several && (!several || strcmp(several, "false") != 0))
        return err_set(err, ERR_FORMAT, "'several' is neither true nor false");
    if (!model || strlen(model) != FINGERPRINT_SIZE - 1)
        return err_set(err, ERR_FORMAT, "'model' is no fingerprint");
    memcpy(out->model, model, FINGERPRINT_SIZE);
    out->temperature = temperature ? strtod(temperature, &end) : 0;
    if (!end || *end || !isfinite(out->temperature) || out->temperature <= 0)
        return err_set(err, ERR_FORMAT, "'temperature' is no number above 0");
    out->made = strdup(made ? made : "{}");
    return out->made ? 0 : err_memory(err, 0);
}

/* *out (count of `shape`, in all) float32, for free(). */
static int read_tensor(float **out, const struct weights *weights, const char *name, int rank,
    const size_t *shape, struct err *err)
{
    const struct weight *weight = weights_find(weights, name);
    if (!weight)
        return err_set(err, ERR_FORMAT, "tensor '%s' is missing", name);
    bool fits = weight->rank == rank && !strcmp(weight->type, "F32");
    for (int axis = 0; axis < rank && fits; axis++)
        fits = weight->shape[axis] == shape[axis];
    if (!fits)
        return err_set(err, ERR_FORMAT, "tensor '%s' is not F32 of the shape that the labels have", name);
    *out = mem_new(weight->count, sizeof **out);
    if (!*out)
        return err_memory(err, weight->count * sizeof **out);
    memcpy(*out, weight->data, weight->count * sizeof **out);
    for (size_t i = 0; i < weight->count; i++)
        if (!isfinite((*out)[i]))
            return err_set(err, ERR_FORMAT, "element %zu of tensor '%s' is not finite", i, name);
    return 0;
}

static int read_tensors(struct probe *out, const struct weights *weights, struct err *err)
{
    const struct weight *weight = weights_find(weights, "weight");
    out->width = weight && weight->rank == 2 ? weight->shape[1] : 0;
    if (!out->width)
        return err_set(err, ERR_FORMAT, "tensor 'weight' is no matrix");
    const size_t shape[] = {out->labels.count, out->width};
    const int rc = read_tensor(&out->weights, weights, "weight", 2, shape, err);
    return rc ? rc : read_tensor(&out->intercepts, weights, "bias", 1, shape, err);
}

int probe_load(struct probe *out, const char *path, struct err *err)
{
    struct weights *weights = NULL;
    int rc = weights_open_tensors(&weights, path, err);
    if (rc)
        return rc;
    rc = check_kind(weights, err);
    if (!rc)
        rc = read_notes(out, weights, err);
    if (!rc)
        rc = read_tensors(out, weights, err);
    if (rc)
        err_wrap(err, "cannot load '%s'", path);
    weights_free(weights);
    return rc;
}

void probe_release(struct probe *probe)
{
    strings_release(&probe->labels);
    free(probe->weights);
    free(probe->intercepts);
    free(probe->made);
    *probe = (struct probe){0};
}

/* ---- use ----------------------------------------------------------------------------------------------- */

int probe_check(const struct probe *probe, const char *path, const char *model_directory,
    const char *fingerprint, struct err *err)
{
    if (!strcmp(fingerprint, probe->model))
        return 0;
    return err_set(err, ERR_ARGUMENT, "'%s' was made with another model than '%s': %s, not %s", path,
        model_directory, probe->model, fingerprint);
}

int probe_classifier(struct classifier **out, const struct probe *probe, struct err *err)
{
    const struct score_rule score = {
        probe->several ? SCORE_SIGMOID : SCORE_SOFTMAX, (float)(1 / probe->temperature), 0};
    return classifier_learned(
        out, &probe->labels, probe->weights, probe->intercepts, probe->width, score, err);
}
