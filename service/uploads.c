// SPDX-License-Identifier: Apache-2.0
/*
 * POST /v1/items, and DELETE /v1/items/ID. What is posted goes in as one, or not at all:
 *
 *   {"items": [{"image": "data:image/jpeg;base64,...", "caption": "a beach", "metadata": {"by": "me"}},
 *              {"text": "two people on a beach", "metadata": {}}],
 *    "index": "photos"}
 *
 * or one item without a list, {"image", "caption", "metadata", "index"}, which a form or a picture can be.
 *
 * It is encoded first, so that the index is taken for as short as it takes to write it down.
 */
#include "service/inputs.h"
#include "service/service_internal.h"

#include <stdlib.h>
#include <string.h>

/* All memory is the request's. */
struct uploads {
    struct inputs inputs;
    struct addition *additions; // (inputs.count)
    int (*edges)[2];            // (inputs.count)
};

/* ---- the body ------------------------------------------------------------------------------------------ */

static int read_metadata(const char **out, const struct call *call, const json_t *item, struct err *err)
{
    const json_t *value = json_object_get(item, "metadata");
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_object(value))
        return err_set(err, ERR_ARGUMENT, "'metadata' is no object");
    char *text = json_dumps(value, JSON_COMPACT);
    *out = text ? arena_copy(&call->request->arena, text, strlen(text)) : NULL;
    free(text);
    return *out ? 0 : err_memory(err, 0);
}

static int read_picture(struct input *input, struct addition *addition, const struct call *call,
    const char *image, const char *caption, struct err *err)
{
    input->kind = INPUT_PICTURE;
    const int rc = picture_of_string(&input->picture, call, image, "image", err);
    addition->picture = input->picture.bytes;
    addition->size = input->picture.size;
    addition->caption = caption;
    return rc;
}

static int read_text(struct input *input, struct addition *addition, const char *text, struct err *err)
{
    if (!text[strspn(text, " \t\r\n")])
        return err_set(err, ERR_ARGUMENT, "'text' is empty");
    input->kind = INPUT_TEXT;
    addition->text = input->text = text;
    return 0;
}

static int read_item(struct input *input, struct addition *addition, const struct call *call,
    const json_t *item, struct err *err)
{
    const char *image = NULL, *text = NULL, *caption = NULL;
    int rc = field_text(&image, item, "image", err);
    if (!rc)
        rc = field_text(&text, item, "text", err);
    if (!rc)
        rc = field_text(&caption, item, "caption", err);
    if (!rc)
        rc = read_metadata(&addition->metadata, call, item, err);
    if (!rc && !image == !text)
        rc = err_set(err, ERR_ARGUMENT, "it has not one of 'image' and 'text'");
    if (!rc && text && caption)
        rc = err_set(err, ERR_ARGUMENT, "'caption' is of pictures");
    if (rc)
        return rc;
    return image ? read_picture(input, addition, call, image, caption, err)
                 : read_text(input, addition, text, err);
}

static int make_room(struct uploads *out, const struct call *call, size_t count, struct err *err)
{
    if (!count)
        return err_set(err, ERR_ARGUMENT, "'items' is missing or empty");
    if (count > INPUTS_MAX)
        return err_set(err, ERR_LIMIT, "'items' has %zu parts, the limit is %d", count, INPUTS_MAX);
    out->inputs.count = count;
    int rc = call_alloc(&out->inputs.items, call, count, sizeof *out->inputs.items, err);
    if (!rc)
        rc = call_alloc(&out->additions, call, count, sizeof *out->additions, err);
    return rc ? rc : call_alloc(&out->edges, call, count, sizeof *out->edges, err);
}

static int read_listed(struct uploads *out, const struct call *call, struct err *err)
{
    static const char *const known[] = {"image", "text", "caption", "metadata", NULL};
    const json_t *items = json_object_get(call->body, "items");
    int rc = make_room(out, call, json_array_size(items), err);
    for (size_t i = 0; i < out->inputs.count && !rc; i++) {
        const json_t *item = json_array_get(items, i);
        rc = json_is_object(item) ? fields_known(item, known, err)
                                  : err_set(err, ERR_ARGUMENT, "it is no object");
        if (!rc)
            rc = read_item(&out->inputs.items[i], &out->additions[i], call, item, err);
        if (rc)
            err_wrap(err, "input %zu", i);
    }
    return rc;
}

static int read_items(struct uploads *out, const struct call *call, struct err *err)
{
    static const char *const listed[] = {"items", "index", NULL}, *const one[] = {"image", "text", "caption",
                                                                      "metadata", "index", NULL};
    const bool alone = json_object_get(call->body, "image") || json_object_get(call->body, "text");
    int rc = fields_known(call->body, alone ? one : listed, err);
    if (rc || !alone)
        return rc ? rc : read_listed(out, call, err);
    rc = make_room(out, call, 1, err);
    return rc ? rc : read_item(out->inputs.items, out->additions, call, call->body, err);
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static int encode(struct uploads *uploads, const struct call *call, enum alpha_rule alpha, struct err *err)
{
    const size_t count = uploads->inputs.count, width = engine_width(call_engine(call));
    float *embeddings; // (count, E)
    size_t tokens;
    for (size_t i = 0; i < count; i++) {
        uploads->inputs.items[i].alpha = alpha;
        uploads->inputs.items[i].edges = uploads->edges[i];
    }
    const int rc = inputs_encode(&embeddings, &tokens, call, &uploads->inputs, err);
    for (size_t i = 0; i < count && !rc; i++) {
        uploads->additions[i].embedding = embeddings + i * width;
        uploads->additions[i].width = uploads->edges[i][0];
        uploads->additions[i].height = uploads->edges[i][1];
    }
    return rc;
}

/* *done: it is written; otherwise there is an answer, or an error. */
static int add(bool *done, struct call *call, struct writer *writer, struct uploads *uploads,
    enum alpha_rule alpha, struct err *err)
{
    struct collection *collection;
    *done = false;
    int rc = writer_take(&collection, writer, &call->request->job, err);
    if (rc)
        return answer_unwritten(call, rc, err);
    rc = collection_add(collection, uploads->additions, uploads->inputs.count, alpha, err);
    writer_give(writer, collection);
    *done = !rc;
    return answer_unwritten(call, rc, err);
}

static json_t *answer_added(const struct uploads *uploads, const struct writer *writer)
{
    json_t *list = json_array();
    for (size_t i = 0; i < uploads->inputs.count; i++) {
        const struct addition *one = &uploads->additions[i];
        json_array_append_new(
            list, json_pack("{s:I, s:s, s:b}", "id", (json_int_t)one->id, "kind",
                      index_kind_names[one->picture ? INDEX_IMAGE : INDEX_TEXT], "new", !one->known));
    }
    return json_pack("{s:s, s:s, s:o}", "object", "list", "index", writer_name(writer), "data", list);
}

int handle_items_add(struct call *call, struct err *err)
{
    struct uploads uploads = {0};
    struct shelf_index *index;
    enum alpha_rule alpha;
    const char *name = NULL;
    bool done = false;
    int rc = field_text(&name, call->body, "index", err);
    if (!rc)
        rc = shelf_find(&index, call_shelf(call), name, err);
    if (!rc)
        rc = read_items(&uploads, call, err);
    if (!rc)
        rc = shelf_alpha(&alpha, index, err);
    if (!rc)
        rc = encode(&uploads, call, alpha, err);
    if (!rc)
        rc = add(&done, call, shelf_writer(index), &uploads, alpha, err);
    if (done)
        call->answer = answer_added(&uploads, shelf_writer(index));
    return rc;
}

/* ---- deleting ------------------------------------------------------------------------------------------ */

/* Whether the next update finds it again: it comes from a folder or a file that the index remembers. */
static int find_source(bool *out, struct index *index, const struct index_item *item, struct err *err)
{
    struct sources sources = {0};
    *out = false;
    const int rc = sources_recall(&sources, index, err);
    for (int kind = 0; kind < SOURCE_KINDS && !rc; kind++)
        for (size_t i = 0; i < sources.paths[kind].count; i++)
            *out |= item->path && !index_owns(index, item->path) && file_exists(item->path) &&
                    path_below(item->path, sources.paths[kind].items[i]);
    sources_release(&sources);
    return rc;
}

static int delete_item(
    bool *comes_back, struct collection *collection, struct call *call, int64_t id, struct err *err)
{
    const struct strings none = {0};
    const struct removal removal = {.paths = &none, .ids = &id, .id_count = 1};
    struct index *index = collection_index(collection);
    struct index_item item;
    size_t removed, missing;
    int rc = index_get(&item, index, id, &call->request->arena, err);
    if (!rc)
        rc = find_source(comes_back, index, &item, err);
    return rc ? rc : collection_remove(&removed, &missing, collection, &removal, NULL, err);
}

int handle_item_delete(struct call *call, struct err *err)
{
    struct collection *collection;
    struct shelf_index *index;
    struct writer *writer;
    int64_t id;
    bool comes_back;
    int rc = call_item_id(&id, call, err);
    if (!rc)
        rc = shelf_find(&index, call_shelf(call), request_query(call->request, "index"), err);
    if (rc)
        return rc;
    writer = shelf_writer(index);
    rc = writer_take(&collection, writer, &call->request->job, err);
    if (rc)
        return answer_unwritten(call, rc, err);
    rc = delete_item(&comes_back, collection, call, id, err);
    writer_give(writer, collection);
    if (!rc)
        call->answer =
            json_pack("{s:I, s:b, s:b}", "id", (json_int_t)id, "deleted", 1, "comes_back", comes_back);
    return answer_unwritten(call, rc, err);
}
