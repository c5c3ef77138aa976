// SPDX-License-Identifier: Apache-2.0
/* POST /knn-service, POST /metadata and GET /indices-list, as clients of clip-retrieval send them
 * (clip_retrieval/clip_back.py of 2.45), with what its server does where a body says nothing: copies stay, and no hit is
 * left out as unsafe. That server has models of safety, aesthetics and other languages only where it was started with
 * them, and without them ignores their fields; so they are ignored here. */
#include "service/inputs.h"

#include <math.h>
#include <string.h>

enum { IDS_MAX = 3000 /* what its page asks for */ };

/* ---- the query ----------------------------------------------------------------------------------------- */

/* query (E) of length 1. "embedding_input" is taken as it is: similarities are products with it, *length times those
 * of its direction. */
static int read_embedding(
    float *query, double *length, const struct call *call, const json_t *list, struct err *err)
{
    const size_t width = engine_width(call_engine(call));
    double sum = 0;
    if (json_array_size(list) != width)
        return err_set(err, ERR_ARGUMENT, "'embedding_input' is no list of %zu numbers", width);
    for (size_t e = 0; e < width; e++) {
        const json_t *number = json_array_get(list, e);
        if (!json_is_number(number))
            return err_set(err, ERR_ARGUMENT, "'embedding_input' has something else than numbers in it");
        sum += json_number_value(number) * json_number_value(number);
    }
    *length = sqrt(sum);
    if (!(*length > 0) || !isfinite(*length))
        return err_set(err, ERR_ARGUMENT, "'embedding_input' has no direction");
    for (size_t e = 0; e < width; e++)
        query[e] = (float)(json_number_value(json_array_get(list, e)) / *length);
    return 0;
}

/* "text", else "image" in base64, else "embedding_input", in that order as there. */
static int read_query(
    float **query, double *length, const struct call *call, struct shelf_index *index, struct err *err)
{
    const json_t *embedding = json_object_get(call->body, "embedding_input");
    const char *text = NULL, *image = NULL, *url = NULL;
    struct input input = {.kind = INPUT_TEXT};
    const struct inputs inputs = {&input, 1};
    size_t tokens;
    *length = 1;
    int rc = field_text(&text, call->body, "text", err);
    if (!rc)
        rc = field_text(&image, call->body, "image", err);
    if (!rc)
        rc = field_text(&url, call->body, "image_url", err);
    if (rc)
        return rc;
    if (text && *text) {
        input.text = text;
    } else if (image || url) {
        input.kind = INPUT_PICTURE;
        rc = picture_of_string(&input.picture, call, image ? image : url, image ? "image" : "image_url", err);
        if (!rc)
            rc = shelf_alpha(&input.alpha, index, err);
    } else if (embedding && !json_is_null(embedding)) {
        rc = call_alloc(query, call, engine_width(call_engine(call)), sizeof **query, err);
        return rc ? rc : read_embedding(*query, length, call, embedding, err);
    } else {
        return err_set(err, ERR_ARGUMENT, "there is none of 'text', 'image' and 'embedding_input'");
    }
    return rc ? rc : inputs_encode(query, &tokens, call, &inputs, err);
}

/* ---- the rest of the body ------------------------------------------------------------------------------ */

/* A field without which that server answers nothing. */
static int need_field(const struct call *call, const char *name, struct err *err)
{
    const json_t *value = json_object_get(call->body, name);
    return value && !json_is_null(value) ? 0 : err_set(err, ERR_ARGUMENT, "'%s' is missing", name);
}

static int find_index(struct shelf_index **out, const struct call *call, struct err *err)
{
    const char *name = NULL;
    int rc = json_object_get(call->body, "indice_name")
                 ? 0
                 : err_set(err, ERR_ARGUMENT, "'indice_name' is missing");
    if (!rc)
        rc = field_text(&name, call->body, "indice_name", err);
    return rc ? rc : shelf_find(out, call_shelf(call), name, err);
}

static int read_modality(enum index_kind *out, const struct call *call, struct err *err)
{
    const char *word = "";
    int rc = need_field(call, "modality", err);
    if (!rc)
        rc = field_text(&word, call->body, "modality", err);
    *out = !strcmp(word, "text") ? INDEX_TEXT : INDEX_IMAGE;
    if (!rc && *out == INDEX_IMAGE && strcmp(word, "image"))
        return err_set(err, ERR_ARGUMENT, "'modality' is '%.40s', it can be image or text", word);
    return rc;
}

/* "num_result_ids" entries are answered, "num_images" of them with all that is known of them. */
static int read_counts(size_t *ids, size_t *images, const struct call *call, struct err *err)
{
    int rc = need_field(call, "num_images", err);
    if (!rc)
        rc = field_size(images, call->body, "num_images", 0, IDS_MAX, err);
    *ids = *images;
    return rc ? rc : field_size(ids, call->body, "num_result_ids", 0, IDS_MAX, err);
}

/* ---- copies -------------------------------------------------------------------------------------------- */

/* Cosines above this are copies: get_non_uniques. */
static const float copy_cosine = 0.94F;

/* vectors (hits, E) of length 1; zero for an item that has just been removed, which is no copy of any. */
static int fetch_vectors(float *vectors, const struct call *call, struct shelf_index *index,
    const struct hit_list *hits, struct err *err)
{
    const size_t width = engine_width(call_engine(call));
    int64_t *ids;
    int rc = call_alloc(&ids, call, hits->count, sizeof *ids, err);
    for (size_t i = 0; i < hits->count && !rc; i++)
        ids[i] = hits->items[i].id;
    if (!rc)
        rc = shelf_vectors(vectors, index, ids, hits->count, err);
    for (size_t i = 0; i < hits->count && !rc; i++) {
        float *vector = vectors + i * width;
        const float length = sqrtf(dot_product(vector, vector, width));
        for (size_t e = 0; e < width; e++)
            vector[e] /= length > 0 ? length : 1;
    }
    return rc;
}

/* dropped (hits): what is linked to a better hit by a chain of copies. */
static int find_copies(bool *dropped, const struct call *call, struct shelf_index *index,
    const struct hit_list *hits, struct err *err)
{
    const size_t width = engine_width(call_engine(call)), count = hits->count;
    float *vectors;
    size_t *chain; // (count): of copies whose own copies are still to be looked for
    int rc = call_alloc(&vectors, call, count, width * sizeof *vectors, err);
    if (!rc)
        rc = call_alloc(&chain, call, count, sizeof *chain, err);
    if (!rc)
        rc = fetch_vectors(vectors, call, index, hits, err);
    for (size_t i = 0; i < count && !rc; i++) {
        size_t length = 0;
        if (dropped[i])
            continue;
        for (chain[length++] = i; length && !rc;) {
            const float *one = vectors + chain[--length] * width;
            for (size_t j = i + 1; j < count; j++)
                if (!dropped[j] && dot_product(one, vectors + j * width, width) > copy_cosine) {
                    dropped[j] = true;
                    chain[length++] = j;
                }
            rc = job_step(&call->request->job, "hits", i, count, err);
        }
    }
    return rc;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* The columns of the metadata: the user's own, the words, and the picture's path. */
static json_t *item_columns(const struct index_item *item)
{
    json_t *columns = item->metadata ? json_loads(item->metadata, 0, NULL) : json_object();
    if (!columns)
        columns = json_object();
    if (item->caption)
        json_object_set_new(columns, "caption", json_text(item->caption));
    if (item->kind == INDEX_IMAGE && item->path)
        json_object_set_new(columns, "image_path", json_text(item->path));
    return columns;
}

static json_t *hit_list(const struct shelf_hits *hits, const bool *dropped, size_t images, double length)
{
    json_t *list = json_array();
    for (size_t i = 0; i < hits->list.count; i++) {
        if (dropped[i])
            continue;
        json_t *one = json_array_size(list) < images ? item_columns(&hits->list.items[i]) : json_object();
        json_object_set_new(one, "id", json_integer(hits->list.items[i].id));
        json_object_set_new(one, "similarity", json_real(hits->list.hits[i].score * length));
        json_array_append_new(list, one);
    }
    return list;
}

int handle_knn(struct call *call, struct err *err)
{
    struct shelf_search search = {.wanted = {.min_score = -INFINITY}};
    struct shelf_hits hits = {0};
    struct shelf_index *index;
    bool deduplicate = false, *dropped = NULL;
    size_t images = 0;
    float *query = NULL;
    double length;
    int rc = find_index(&index, call, err);
    if (!rc)
        rc = read_modality(&search.filter.kind, call, err);
    if (!rc)
        rc = read_counts(&search.wanted.top, &images, call, err);
    if (!rc)
        rc = field_bool(&deduplicate, call->body, "deduplicate", err);
    if (!rc)
        rc = read_query(&query, &length, call, index, err);
    search.query = query;
    if (!rc)
        rc = shelf_search(&hits, index, &search, &call->request->arena, &call->request->job, err);
    if (!rc)
        rc = call_alloc(&dropped, call, hits.list.count, sizeof *dropped, err);
    if (!rc && deduplicate)
        rc = find_copies(dropped, call, index, &hits.list, err);
    if (!rc)
        call->answer = hit_list(&hits, dropped, images, length);
    return rc;
}

int handle_knn_metadata(struct call *call, struct err *err)
{
    const json_t *ids = json_object_get(call->body, "ids");
    struct shelf_index *index;
    int rc = find_index(&index, call, err);
    if (!rc && (!json_is_array(ids) || json_array_size(ids) > IDS_MAX))
        rc = err_set(err, ERR_ARGUMENT, "'ids' is no list of up to %d ids", IDS_MAX);
    call->answer = json_array();
    for (size_t i = 0; i < json_array_size(ids) && !rc; i++) {
        struct index_item item;
        const json_int_t id = json_integer_value(json_array_get(ids, i));
        rc = shelf_item(&item, NULL, index, id, &call->request->arena, err);
        if (!rc)
            json_array_append_new(
                call->answer, json_pack("{s:I, s:o}", "id", id, "metadata", item_columns(&item)));
    }
    return rc;
}

int handle_knn_indices(struct call *call, struct err *err)
{
    const struct shelf *shelf = call_shelf(call);
    (void)err;
    call->answer = json_array();
    for (size_t i = 0; i < shelf_count(shelf); i++)
        json_array_append_new(call->answer, json_text(shelf_name(shelf, i)));
    return 0;
}
