// SPDX-License-Identifier: Apache-2.0
/*
 * What usearch's Index.save makes (usearch/index_dense.hpp and index.hpp; 2.26.6's own files are in
 * tests/golden/matrices):
 *
 *   count and the bytes of a row (uint32 each), the rows
 *   a head of 64 bytes: "usearch", version (three uint16), metric, kind of element, kind of key and kind of slot (1 byte
 *   each), how many there are and how many were removed (uint64 each), E (uint64), whether keys may repeat (1 byte)
 *   the graph's: count, M, M of the lowest level, highest level, entry (uint64 each)
 *   the level of each row (int16)
 *   a node a row: key (uint64), level (int16), then 4 bytes and M slots of 4 bytes, of the lowest level and of each above
 *
 * Threads that add at once take rows as they come, so that only the key tells whose a row is. A removed row stays where
 * it was, under the key that nothing has.
 */
#include "index/matrix_kinds.h"

#include <stdlib.h>
#include <string.h>

static const char magic[] = "usearch";
enum { BEFORE = 8, MAGIC = 7, HEAD = 64, GRAPH = 40, COUNT = 4 /* of a node's neighbours */, SLOT = 4 };
enum { AT_ELEMENT = 14, AT_KEY = 15, AT_SLOT = 16, AT_WIDTH = 33 };
enum { KEY_U64 = 14, SLOT_U32 = 15 };
static const uint64_t removed_key = UINT64_MAX;

enum { NOT_READ = -1 };
static const struct {
    const char *name;
    int element;
} types[] = {[1] = {"b1", NOT_READ},
    [4] = {"bf16", ELEMENT_BF16},
    [5] = {"e5m2", NOT_READ},
    [6] = {"e4m3", NOT_READ},
    [7] = {"e2m3", NOT_READ},
    [8] = {"e3m2", NOT_READ},
    [10] = {"f64", ELEMENT_F64},
    [11] = {"f32", ELEMENT_F32},
    [12] = {"f16", ELEMENT_F16},
    [17] = {"u8", NOT_READ},
    [23] = {"i8", ELEMENT_I8}};

static int damaged(const char *what, struct err *err)
{
    return err_set(err, ERR_FORMAT, "damaged index of usearch: %s", what);
}

/* Behind the rows, which tell by themselves how long they are. */
static bool take_head(const uint8_t **head, struct bytes *file)
{
    const uint8_t *before = bytes_take(file, BEFORE);
    return before && bytes_take(file, get_number(before, 4) * get_number(before + 4, 4)) &&
           (*head = bytes_take(file, HEAD)) && !memcmp(*head, magic, MAGIC);
}

bool usearch_begins(struct bytes file)
{
    const uint8_t *head;
    return take_head(&head, &file);
}

static int read_type(struct matrix_file *out, const uint8_t *head, struct err *err)
{
    const unsigned code = head[AT_ELEMENT];
    const bool known = code < sizeof types / sizeof *types && types[code].name;
    if (!known || types[code].element == NOT_READ)
        return err_set(err, ERR_UNSUPPORTED, "usearch's index of %s, and f64, f32, f16, bf16 and i8 are read",
            known ? types[code].name : "elements of a kind that is not known here");
    if (head[AT_KEY] != KEY_U64 || head[AT_SLOT] != SLOT_U32)
        return err_set(
            err, ERR_UNSUPPORTED, "usearch's index of other keys or more rows than are known here");
    out->element = (enum matrix_element)types[code].element;
    return 0;
}

/* ---- keys ---------------------------------------------------------------------------------------------- */

struct keyed {
    int64_t key, place;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *one = a, *two = b;
    return one->key != two->key ? (one->key < two->key ? -1 : 1)
                                : (one->place > two->place) - (one->place < two->place);
}

/* *used of the `count` rows have a key; those come first. */
static int read_keys(struct keyed *keyed, size_t *used, size_t count, struct bytes *file, struct err *err)
{
    const uint8_t *graph = bytes_take(file, GRAPH), *levels = bytes_take(file, 2 * count);
    if (!graph || !levels || get_number(graph, 8) != count)
        return damaged("its graph is not that of its rows", err);
    const uint64_t above = get_number(graph + 8, 8), base = get_number(graph + 16, 8);
    for (size_t i = 0; i < count; i++) {
        const uint64_t level = get_number(levels + 2 * i, 2);
        size_t upper, lowest, all;
        const uint8_t *key = bytes_take(file, 8);
        if (level > INT16_MAX || !size_mul(&upper, above, SLOT) || !size_add(&upper, upper, COUNT) ||
            !size_mul(&upper, upper, level) || !size_mul(&lowest, base, SLOT) ||
            !size_add(&all, lowest, upper) || !size_add(&all, all, 2 + COUNT) || !key ||
            !bytes_take(file, all))
            return damaged("it ends in its graph", err);
        const uint64_t number = get_number(key, 8);
        if (number == removed_key)
            continue;
        if (number > INT64_MAX)
            return err_set(err, ERR_UNSUPPORTED, "usearch's index with a key of 64 bits");
        keyed[(*used)++] = (struct keyed){(int64_t)number, (int64_t)i};
    }
    return 0;
}

static int take_keys(struct matrix_file *out, struct bytes *file, struct err *err)
{
    const size_t count = (size_t)out->count;
    size_t used = 0;
    struct keyed *keyed = mem_new(count + 1, sizeof *keyed);
    out->ids = mem_new(count + 1, sizeof *out->ids);
    out->places = mem_new(count + 1, sizeof *out->places);
    int rc = keyed && out->ids && out->places ? read_keys(keyed, &used, count, file, err)
                                              : err_memory(err, count * sizeof *keyed);
    if (!rc) {
        qsort(keyed, used, sizeof *keyed, by_key);
        for (size_t i = 0; i < used; i++) {
            out->ids[i] = keyed[i].key;
            out->places[i] = keyed[i].place;
        }
        out->count = (int64_t)used;
    }
    free(keyed);
    return rc;
}

int usearch_open(struct matrix_file *out, struct bytes file, struct err *err)
{
    const uint8_t *before = file.at, *head;
    struct bytes rows = {file.at + BEFORE, file.left - BEFORE};
    if (!take_head(&head, &file))
        return damaged("it ends in its rows", err);
    rows.left -= file.left;
    out->count = (int64_t)get_number(before, 4);
    out->width = get_number(head + AT_WIDTH, 8);
    int rc = read_type(out, head, err);
    if (!rc)
        rc = matrix_take_rows(out, &rows, false, err);
    if (!rc && out->to_row != get_number(before + 4, 4))
        rc = damaged("its numbers do not fit each other", err);
    return rc ? rc : take_keys(out, &file, err);
}
