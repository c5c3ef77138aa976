// SPDX-License-Identifier: Apache-2.0
/* Files of PostgreSQL's COPY: copy.h says what they are made of. */
#include "index/copy.h"
#include "index/exchange.h"

#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { HAS_OIDS = 1 << 16 /* a flag of PostgreSQL before 12 */ };

/* ---- fields -------------------------------------------------------------------------------------------- */

static int64_t get_integer(const uint8_t *bytes, size_t size)
{
    const uint64_t number = get_big_number(bytes, size);
    const unsigned unused = 64 - 8 * (unsigned)size;
    return (int64_t)(number << unused) >> unused;
}

/* The next field; *bytes is NULL for NULL. false: the file ends in it. */
static bool take_field(const uint8_t **bytes, size_t *size, struct bytes *file)
{
    const uint8_t *length = bytes_take(file, 4);
    if (!length)
        return false;
    const int64_t said = get_integer(length, 4);
    *bytes = NULL;
    *size = said > 0 ? (size_t)said : 0;
    return said == COPY_NULL || (said >= 0 && (*bytes = bytes_take(file, *size)));
}

static bool take_count(int64_t *count, struct bytes *file)
{
    const uint8_t *bytes = bytes_take(file, 2);
    *count = bytes ? get_integer(bytes, 2) : 0;
    return bytes;
}

/* E of a field that is a vector or a halfvec, and what it is; 0: it is neither. */
static size_t vector_width(enum matrix_element *element, const uint8_t *bytes, size_t size)
{
    *element = ELEMENT_F32;
    if (!bytes || size < COPY_VECTOR_HEAD || get_big_number(bytes + 2, 2))
        return 0;
    const size_t width = get_big_number(bytes, 2), elements = size - COPY_VECTOR_HEAD;
    if (elements == width * sizeof(uint16_t))
        *element = ELEMENT_F16;
    return *element == ELEMENT_F16 || elements == width * sizeof(float) ? width : 0;
}

/* ---- the vectors --------------------------------------------------------------------------------------- */

static int damaged(const char *what, int64_t row, struct err *err)
{
    return err_set(err, ERR_FORMAT, "damaged file of PostgreSQL's COPY: %s, row %" PRId64, what, row);
}

/* Where the vectors are: the field of that number in each row of so many. */
struct layout {
    int64_t fields, vector;
};

static int find_vector(struct layout *out, struct matrix_file *matrix, struct bytes file, struct err *err)
{
    const uint8_t *bytes;
    size_t size;
    out->vector = -1;
    if (!take_count(&out->fields, &file))
        return damaged("it ends", 0, err);
    for (int64_t i = 0; i < out->fields; i++) {
        enum matrix_element element;
        if (!take_field(&bytes, &size, &file))
            return damaged("it ends", 0, err);
        const size_t width = vector_width(&element, bytes, size);
        if (width && out->vector >= 0)
            return err_set(err, ERR_UNSUPPORTED, "rows of PostgreSQL with more than one vector");
        if (!width)
            continue;
        out->vector = i;
        matrix->element = element;
        matrix->width = width;
    }
    return out->vector >= 0 ? 0
                            : err_set(err, ERR_UNSUPPORTED, "rows of PostgreSQL without pgvector's vector");
}

/* Adds the place of the next row's vector. */
static int take_row(
    struct matrix_file *out, size_t *room, const struct layout *layout, struct bytes *file, struct err *err)
{
    const uint8_t *bytes, *vector = NULL;
    size_t size;
    for (int64_t i = 0; i < layout->fields; i++) {
        enum matrix_element element;
        if (!take_field(&bytes, &size, file))
            return damaged("it ends", out->count, err);
        if (i == layout->vector && bytes && vector_width(&element, bytes, size) == out->width &&
            element == out->element)
            vector = bytes;
    }
    if (!vector)
        return err_set(
            err, ERR_FORMAT, "row %" PRId64 " has no vector of %zu elements", out->count, out->width);
    const int rc = array_grow(out->places, room, (size_t)out->count + 1, err);
    if (!rc)
        out->places[out->count++] = vector + COPY_VECTOR_HEAD - out->data;
    return rc;
}

bool copy_begins(struct bytes file)
{
    const uint8_t *signature = bytes_take(&file, COPY_SIGNATURE);
    return signature && !memcmp(signature, copy_signature, COPY_SIGNATURE);
}

static int take_head(struct bytes *file, struct err *err)
{
    const uint8_t *head = bytes_take(file, COPY_HEAD);
    if (!head || !bytes_take(file, get_big_number(head + COPY_SIGNATURE + 4, 4)))
        return damaged("it ends", 0, err);
    return get_big_number(head + COPY_SIGNATURE, 4) & HAS_OIDS
               ? err_set(err, ERR_UNSUPPORTED, "a file of PostgreSQL's COPY with oids")
               : 0;
}

int copy_open(struct matrix_file *out, struct bytes file, struct err *err)
{
    struct layout layout;
    int64_t fields;
    size_t room = 0;
    int rc = take_head(&file, err);
    out->data = file.at; /* places count from here */
    out->is_copy = true;
    if (!rc)
        rc = find_vector(&layout, out, file, err);
    while (!rc) {
        if (!take_count(&fields, &file))
            rc = damaged("it ends before its end is marked", out->count, err);
        else if (fields == COPY_END)
            break;
        else if (fields != layout.fields)
            rc = damaged("another number of fields", out->count, err);
        else
            rc = take_row(out, &room, &layout, &file, err);
    }
    out->big_endian = true;
    out->to_row = 1;
    out->to_column = out->element == ELEMENT_F32 ? sizeof(float) : sizeof(uint16_t);
    return rc;
}

/* ---- what else rows have ------------------------------------------------------------------------------- */

static int bad_names(const struct copy_items *items, const char *why, struct err *err)
{
    return err_set(err, ERR_ARGUMENT,
        "'%s': %s: --columns names all of its columns, in their order, as 'path,caption,embedding'",
        items->path, why);
}

static int add_name(struct copy_items *items, struct span name, struct err *err)
{
    const size_t i = items->count;
    if (i > COPY_COLUMNS)
        return bad_names(items, "more columns than there are names for", err);
    items->columns[items->count++] = NULL;
    if (span_equal(name, span_of(copy_embedding)))
        return 0;
    for (size_t c = 0; c < COPY_COLUMNS; c++)
        if (span_equal(name, span_of(copy_columns[c].name))) {
            items->columns[i] = &copy_columns[c];
            return 0;
        }
    return err_set(err, ERR_ARGUMENT,
        "'%.*s' is no column of items: 'diptych index import --help' says which there are, and where others "
        "go",
        (int)name.length, name.data);
}

static int add_names(struct copy_items *items, const char *names, struct err *err)
{
    int rc = 0;
    for (bool more = true; more && !rc;) {
        const size_t length = strcspn(names, ",");
        rc = add_name(items, (struct span){names, length}, err);
        more = names[length];
        names += length + more;
    }
    return rc;
}

static int add_own_names(struct copy_items *items, struct err *err)
{
    int rc = 0;
    for (size_t c = 0; c < COPY_COLUMNS && !rc; c++)
        rc = add_name(items, span_of(copy_columns[c].name), err);
    return rc ? rc : add_name(items, span_of(copy_embedding), err);
}

/* That the embedding, and it alone, is where the vector is. */
static int check_names(const struct copy_items *items, struct err *err)
{
    struct matrix_file matrix;
    struct layout layout;
    struct bytes file = items->rest;
    int rc = find_vector(&layout, &matrix, file, err);
    if (rc)
        return rc;
    bool fits = (size_t)layout.fields == items->count;
    for (size_t i = 0; i < items->count && fits; i++)
        fits = !items->columns[i] == (layout.vector == (int64_t)i);
    return fits ? 0
                : bad_names(
                      items, items->keep_ids ? "the names do not fit" : "no table of 'index export'", err);
}

int copy_items_open(struct copy_items *out, const char *path, const struct matrix_file *file,
    const char *names, struct err *err)
{
    *out = (struct copy_items){
        .path = path, .rest = {file->map.data, file->map.size}, .keep_ids = names != NULL};
    int rc = take_head(&out->rest, err);
    if (!rc)
        rc = names ? add_names(out, names, err) : add_own_names(out, err);
    return rc ? rc : check_names(out, err);
}

/* A field as JSON; NULL: it is not of the column's type, or memory is out. */
static json_t *field_value(enum copy_type type, const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    double real;
    switch (type) {
    case COPY_BIGINT:
    case COPY_INTEGER:
        return size == 2 || size == 4 || size == 8 ? json_integer(get_integer(bytes, size)) : NULL;
    case COPY_DOUBLE:
        if (size != sizeof real)
            return NULL;
        memcpy(&real, &(uint64_t){get_big_number(bytes, size)}, sizeof real);
        return json_real(real);
    case COPY_JSONB:
        if (size && *bytes == COPY_JSONB_VERSION)
            return json_loadb(text + 1, size - 1, 0, NULL);
        return json_loadb(text, size, 0, NULL); /* json, as text */
    case COPY_KIND:
    case COPY_TEXT:
        break;
    }
    return json_stringn(text, size);
}

static int take_object(json_t *object, struct copy_items *items, struct err *err)
{
    int64_t count;
    bool whole = take_count(&count, &items->rest);
    for (size_t i = 0; i < items->count; i++) {
        const struct copy_column *column = items->columns[i];
        const uint8_t *bytes;
        size_t size;
        whole = whole && take_field(&bytes, &size, &items->rest);
        if (!whole)
            return damaged("it ends", items->row, err);
        if (column && bytes &&
            json_object_set_new(object, column->name, field_value(column->type, bytes, size)))
            return err_set(err, ERR_FORMAT, "'%s', row %" PRId64 ": column %zu is no %s", items->path,
                items->row, i + 1, column->name);
    }
    return 0;
}

/* Where exchange_item leaves it alone. */
static int move_id(json_t *object, struct err *err)
{
    json_t *id = json_object_get(object, "id"), *metadata = json_object_get(object, "metadata");
    if (!id)
        return 0;
    if (!metadata && !json_object_set_new(object, "metadata", json_object()))
        metadata = json_object_get(object, "metadata");
    return metadata && !json_object_set(metadata, "id", id) ? 0 : err_memory(err, 0);
}

int copy_items_next(struct index_item *out, struct copy_items *items, enum index_kind kind,
    struct arena *arena, struct err *err)
{
    json_t *object = json_object();
    int rc = object ? take_object(object, items, err) : err_memory(err, 0);
    if (!rc && items->keep_ids)
        rc = move_id(object, err);
    if (!rc && (rc = exchange_item(out, object, kind, arena, err)))
        err_wrap(err, "'%s', row %" PRId64, items->path, items->row);
    json_decref(object);
    items->row++;
    return rc;
}
