// SPDX-License-Identifier: Apache-2.0
#include "service/terms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS_MAX = 64 };

static void add_input(struct terms *terms, struct input input, double weight)
{
    /* Weights of ids stand behind all of inputs': see move_weights. */
    terms->weights[terms->input_count] = (float)weight;
    terms->inputs[terms->input_count++] = input;
}

static int add_picture(
    struct terms *terms, const struct call *call, const char *image, double weight, struct err *err)
{
    struct input input = {.kind = INPUT_PICTURE, .notes = &terms->notes[terms->input_count]};
    const int rc = picture_of_string(&input.picture, call, image, "image", err);
    if (!rc)
        add_input(terms, input, weight);
    return rc;
}

static int add_text(struct terms *terms, const char *text, double weight, struct err *err)
{
    if (!text[strspn(text, " \t\r\n")])
        return err_set(err, ERR_ARGUMENT, "'text' is empty");
    add_input(terms, (struct input){.kind = INPUT_TEXT, .text = text}, weight);
    return 0;
}

/* Of one object: "text", "image" or "id". Ids' weights go to id_weights. */
static int add_term(
    struct terms *terms, float *id_weights, const struct call *call, const json_t *term, struct err *err)
{
    static const char *const known[] = {"text", "image", "id", "weight", NULL};
    const char *text = NULL, *image = NULL;
    size_t id = 0;
    double weight = 1;
    int rc = json_is_object(term) ? fields_known(term, known, err)
                                  : err_set(err, ERR_ARGUMENT, "a term is no object");
    if (!rc)
        rc = field_text(&text, term, "text", err);
    if (!rc)
        rc = field_text(&image, term, "image", err);
    if (!rc)
        rc = field_size(&id, term, "id", 1, INT64_MAX, err);
    if (!rc)
        rc = field_real(&weight, term, "weight", -1000, 1000, err);
    if (!rc && (text != NULL) + (image != NULL) + (id != 0) != 1)
        rc = err_set(err, ERR_ARGUMENT, "a term has one of 'text', 'image' and 'id'");
    if (!rc && weight == 0)
        rc = err_set(err, ERR_ARGUMENT, "'weight' is 0");
    if (rc)
        return rc;
    if (text)
        return add_text(terms, text, weight, err);
    if (image)
        return add_picture(terms, call, image, weight, err);
    id_weights[terms->id_count] = (float)weight;
    terms->ids[terms->id_count++] = (int64_t)id;
    return 0;
}

int terms_read(struct terms *terms, const struct call *call, struct err *err)
{
    const json_t *list = json_object_get(call->body, "terms");
    const size_t count = json_array_size(list), room = count + 2;
    const char *text = NULL, *image = NULL;
    float *id_weights;
    if (list && (!json_is_array(list) || count > TERMS_MAX))
        return err_set(err, ERR_ARGUMENT, "'terms' is no list of up to %d terms", TERMS_MAX);
    int rc = call_alloc(&terms->inputs, call, room, sizeof *terms->inputs, err);
    if (!rc)
        rc = call_alloc(&terms->notes, call, room, sizeof *terms->notes, err);
    if (!rc)
        memset(terms->notes, 0, room * sizeof *terms->notes);
    if (!rc)
        rc = call_alloc(&terms->ids, call, room, sizeof *terms->ids, err);
    if (!rc)
        rc = call_alloc(&terms->weights, call, room, sizeof *terms->weights, err);
    if (!rc)
        rc = call_alloc(&id_weights, call, room, sizeof *id_weights, err);
    if (!rc)
        rc = field_text(&text, call->body, "text", err);
    if (!rc)
        rc = field_text(&image, call->body, "image", err);
    if (!rc && text)
        rc = add_text(terms, text, 1, err);
    if (!rc && image)
        rc = add_picture(terms, call, image, 1, err);
    for (size_t i = 0; i < count && !rc; i++) {
        rc = add_term(terms, id_weights, call, json_array_get(list, i), err);
        if (rc)
            err_wrap(err, "term %zu", i);
    }
    if (rc)
        return rc;
    memcpy(terms->weights + terms->input_count, id_weights, terms->id_count * sizeof *id_weights);
    return 0;
}

bool terms_any(const struct terms *terms)
{
    return terms->input_count || terms->id_count;
}

int terms_encode(float *query, const struct call *call, struct shelf_index *index, const struct terms *terms,
    struct err *err)
{
    const size_t width = engine_width(call_engine(call)), count = terms->input_count + terms->id_count;
    struct index_item item;
    enum alpha_rule alpha;
    float *embeddings; // (count, E)
    size_t tokens;
    int rc = call_alloc(&embeddings, call, count, width * sizeof *embeddings, err);
    if (!rc)
        rc = shelf_alpha(&alpha, index, err);
    for (size_t i = 0; i < terms->input_count && !rc; i++)
        terms->inputs[i].alpha = alpha;
    if (!rc && terms->input_count)
        rc = engine_encode(call_engine(call), embeddings, terms->inputs, terms->input_count, &tokens,
            &call->request->job, err);
    for (size_t i = 0; i < terms->id_count && !rc; i++)
        rc = shelf_item(&item, embeddings + (terms->input_count + i) * width, index, terms->ids[i],
            &call->request->arena, err);
    return rc ? rc : query_sum(query, embeddings, terms->weights, count, width, err);
}
