// SPDX-License-Identifier: Apache-2.0
/*
 * POST /v1/search. A query is a sum of terms, each a text, a picture, or an item of the index, with a weight:
 *
 *   {"text": "a beach"}
 *   {"image": "data:image/jpeg;base64,..."}
 *   {"terms": [{"text": "a beach"}, {"text": "people", "weight": -1}, {"id": 17, "weight": 0.5}]}
 *
 * and beside it "index", "where", "match", "match_syntax", "kind", "region" (of the map: index_map.c), "top", "cursor",
 * "min_score", "near_copies" and "sort". Pictures come before texts; with "kind": "any" they take turns. Answers go on where "cursor"
 * of the one before says. Sorted otherwise than by score, there need be no query: then all items are hits.
 */
#include "service/terms.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base16.h>

enum { TOP_DEFAULT = 20, TOP_MAX = 1000, SKIP_MAX = 1000000 };

/* ---- cursors ------------------------------------------------------------------------------------------- */

/* By score, a cursor is how many hits come before. In other orders it is where the last of them stands, "ID.KEY": its
 * date in nanoseconds, or the bytes of its path, or of when it was taken, in base 16, or nothing where it has none. So it holds though items come
 * and go meanwhile. */
static const char *cursor_of(const struct call *call, const struct shelf_hits *hits, enum index_order order)
{
    const struct index_item *last = &hits->list.items[hits->list.count - 1];
    const char *known = order == INDEX_BY_PATH ? last->path : order == INDEX_BY_TAKEN ? last->taken : NULL;
    const char *key = known ? known : "";
    const size_t length = strlen(key), room = 64 + BASE16_ENCODE_LENGTH(length);
    char *text = arena_alloc(&call->request->arena, room);
    if (!text)
        return NULL;
    if (order == INDEX_BY_SCORE) {
        snprintf(text, room, "%zu", hits->list.next);
    } else if (order == INDEX_BY_DATE) {
        snprintf(text, room, "%" PRId64 ".%" PRId64, last->id, last->mtime_ns);
    } else {
        const int digits = snprintf(text, room, "%" PRId64 ".", last->id);
        base16_encode_update(text + digits, length, (const uint8_t *)key);
    }
    return text;
}

/* The place whose id has been read and whose key follows. */
static bool read_key(
    struct index_place *out, const struct call *call, enum index_order order, const char *key)
{
    struct base16_decode_ctx decode;
    char *end;
    if (order == INDEX_BY_DATE) {
        out->mtime_ns = strtoll(key, &end, 10);
        return *key && !*end;
    }
    size_t size = BASE16_DECODE_LENGTH(strlen(key));
    uint8_t *bytes = arena_alloc(&call->request->arena, size + 1);
    base16_decode_init(&decode);
    if (!bytes || !base16_decode_update(&decode, &size, bytes, strlen(key), key) ||
        !base16_decode_final(&decode))
        return false;
    out->text = *key ? (const char *)bytes : NULL;
    return true;
}

static int read_cursor(struct hits_wanted *wanted, const struct call *call, struct err *err)
{
    const char *text = NULL;
    const int rc = field_text(&text, call->body, "cursor", err);
    if (rc || !text)
        return rc;
    char *end;
    const unsigned long long number = strtoull(text, &end, 10);
    bool valid = *text >= '0' && *text <= '9' && number <= INT64_MAX;
    if (wanted->order == INDEX_BY_SCORE) {
        valid = valid && !*end && number <= SKIP_MAX;
        wanted->skip = (size_t)number;
    } else {
        struct index_place *place = arena_alloc(&call->request->arena, sizeof *place);
        if (!place)
            return err_memory(err, sizeof *place);
        place->id = (int64_t)number;
        valid = valid && *end == '.' && read_key(place, call, wanted->order, end + 1);
        wanted->after = place;
    }
    return valid ? 0
                 : err_set(err, ERR_ARGUMENT, "'cursor' is none that this service has given for this 'sort'");
}

/* ---- the rest of the body ------------------------------------------------------------------------------ */

/* A part of the map of items of this kind: [left, bottom, right, top]. NULL where the body names none. */
static int read_region(const struct map_region **out, struct call *call, struct shelf_index *index,
    enum index_kind kind, struct err *err)
{
    const json_t *list = json_object_get(call->body, "region");
    struct arena *arena = &call->request->arena;
    struct map_region *region = arena_alloc(arena, sizeof *region);
    struct map map;
    double sides[4];
    *out = NULL;
    if (!list || json_is_null(list))
        return 0;
    for (size_t i = 0; i < 4; i++) {
        const json_t *side = json_array_get(list, i);
        if (!json_is_number(side) || json_array_size(list) != 4)
            return err_set(
                err, ERR_ARGUMENT, "'region' is no list of four numbers: left, bottom, right, top");
        sides[i] = json_number_value(side);
    }
    int rc =
        region ? shelf_map(&map, index, kind, true, arena, &call->request->job, err) : err_memory(err, 0);
    if (!rc)
        rc = map_region(region, &map, sides, arena, err);
    *out = region;
    return rc;
}

static int read_search(struct shelf_search *search, const struct call *call, struct err *err)
{
    static const char *const near_copies[] = {"show", "hide", NULL};
    const json_t *body = call->body;
    int kind = INDEX_ANY, syntax = MATCH_WORDS, hide = 0, order = INDEX_BY_SCORE;
    *search = (struct shelf_search){.wanted = {.top = TOP_DEFAULT, .min_score = -INFINITY}};
    int rc = field_text(&search->filter.where, body, "where", err);
    if (!rc)
        rc = field_text(&search->filter.match, body, "match", err);
    if (!rc)
        rc = field_choice(&syntax, body, "match_syntax", match_syntax_names, err);
    if (!rc)
        rc = field_choice(&kind, body, "kind", index_kind_names, err);
    if (!rc)
        rc = field_choice(&hide, body, "near_copies", near_copies, err);
    if (!rc)
        rc = field_choice(&order, body, "sort", index_order_names, err);
    if (!rc)
        rc = field_size(&search->wanted.top, body, "top", 1, TOP_MAX, err);
    if (!rc)
        rc = field_real(&search->wanted.min_score, body, "min_score", -1, 1, err);
    search->filter.match_syntax = (enum match_syntax)syntax;
    search->filter.kind = (enum index_kind)kind;
    search->wanted.in_turns = kind == INDEX_ANY && json_is_string(json_object_get(body, "kind"));
    search->hide_copies = hide;
    search->wanted.order = (enum index_order)order;
    return rc ? rc : read_cursor(&search->wanted, call, err);
}

/* Without a query there are no scores. */
static int check_terms(const struct terms *terms, const struct shelf_search *search, struct err *err)
{
    if (terms_any(terms))
        return 0;
    if (search->wanted.order == INDEX_BY_SCORE)
        return err_set(err, ERR_ARGUMENT,
            "there is nothing to look for: give 'text', 'image' or 'terms', or a 'sort' other than score");
    if (search->wanted.min_score > -INFINITY)
        return err_set(err, ERR_ARGUMENT, "'min_score' is of a query: give 'text', 'image' or 'terms'");
    return 0;
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static json_t *hit_object(const struct hit_list *list, size_t i, bool scored)
{
    json_t *hit = json_object();
    if (scored)
        json_object_set_new(hit, "score", json_real(list->hits[i].score));
    json_object_set_new(hit, "item", index_item_json(&list->items[i]));
    if (list->copies && list->copies[i].count) {
        json_object_set_new(hit, "copies", hit_copies_json(&list->copies[i]));
        json_object_set_new(hit, "copy_count", json_integer((json_int_t)list->copies[i].count));
    }
    return hit;
}

static int answer(
    struct call *call, const struct shelf_hits *hits, const struct shelf_search *search, struct err *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < hits->list.count; i++)
        json_array_append_new(list, hit_object(&hits->list, i, search->query != NULL));
    call->answer = json_pack(
        "{s:s, s:I, s:o}", "model", call_model(call), "searched", (json_int_t)hits->chosen, "hits", list);
    if (!call->answer)
        return err_memory(err, hits->list.count);
    if (!hits->list.more || (search->wanted.order == INDEX_BY_SCORE && hits->list.next > SKIP_MAX))
        return 0;
    const char *cursor = cursor_of(call, hits, search->wanted.order);
    if (!cursor)
        return err_memory(err, 0);
    json_object_set_new(call->answer, "cursor", json_string(cursor));
    return 0;
}

int handle_search(struct call *call, struct err *err)
{
    static const char *const known[] = {"model", "index", "text", "image", "terms", "where", "match",
        "match_syntax", "kind", "region", "top", "cursor", "min_score", "near_copies", "sort", NULL};
    struct terms terms = {0};
    struct shelf_search search;
    struct shelf_index *index;
    struct shelf_hits hits;
    const char *name = NULL;
    float *query = NULL;
    int rc = fields_known(call->body, known, err);
    if (!rc)
        rc = call_check_model(call, err);
    if (!rc)
        rc = field_text(&name, call->body, "index", err);
    if (!rc)
        rc = shelf_find(&index, call_shelf(call), name, err);
    if (!rc)
        rc = read_search(&search, call, err);
    if (!rc)
        rc = read_region(&search.region, call, index, search.filter.kind, err);
    if (!rc)
        rc = terms_read(&terms, call, err);
    if (!rc)
        rc = check_terms(&terms, &search, err);
    if (!rc && terms_any(&terms))
        rc = call_alloc(&query, call, engine_width(call_engine(call)), sizeof *query, err);
    if (!rc && terms_any(&terms))
        rc = terms_encode(query, call, index, &terms, err);
    search.query = query;
    if (!rc)
        rc = shelf_search(&hits, index, &search, &call->request->arena, &call->request->job, err);
    if (!rc)
        rc = answer(call, &hits, &search, err);
    for (size_t i = 0; i < terms.input_count && !rc; i++)
        put_notes(call->answer, &terms.notes[i]);
    return rc;
}
