// SPDX-License-Identifier: Apache-2.0
/*
 * GET /v1/index/map?index=NAME&kind=image: where the items of an index lie in the plane of their two principal
 * components. So that a hundred thousand of them are little to read, they come in arrays, each little-endian in base64:
 *
 *   {"kind": "image", "count": 3, "explained": [0.21, 0.12], "ids": "int64...", "x": "float32...", "y": "float32..."}
 *
 * "region": [left, bottom, right, top] in POST /v1/search then finds only what lies there.
 */
#include "service/inputs.h"
#include "service/vectors.h"

#include <string.h>

/* One of the two coordinates of all points. */
static json_t *coordinates(const struct call *call, const struct map *map, size_t axis)
{
    float *list = arena_alloc(&call->request->arena, map->count * sizeof *list);
    for (size_t i = 0; list && i < map->count; i++)
        list[i] = map->points[2 * i + axis];
    return list ? vector_base64(call, list, map->count) : NULL;
}

static int answer(struct call *call, const struct map *map, enum index_kind kind, struct err *err)
{
    call->answer = json_pack("{s:s, s:I, s:[f, f], s:o, s:o, s:o}", "kind", index_kind_names[kind], "count",
        (json_int_t)map->count, "explained", map->explained[0], map->explained[1], "ids",
        bytes_base64(call, map->ids, map->count * sizeof *map->ids), "x", coordinates(call, map, 0), "y",
        coordinates(call, map, 1));
    return call->answer ? 0 : err_memory(err, map->count);
}

int handle_index_map(struct call *call, struct err *err)
{
    const char *word = request_query(call->request, "kind");
    struct arena *arena = &call->request->arena;
    struct shelf_index *index;
    int kind = INDEX_ANY;
    struct map map;
    const char *state;
    int rc = word ? choice_named(&kind, word, "kind", index_kind_names, err) : 0;
    if (!rc)
        rc = shelf_find(&index, call_shelf(call), request_query(call->request, "index"), err);
    if (!rc)
        rc = shelf_state(&state, index, arena, err);
    if (rc)
        return rc;
    const char *tag = call_content_tag(call, state, strlen(state));
    if (!tag)
        return err_memory(err, 0);
    if (call_not_modified(call, tag))
        return 0;
    rc = shelf_map(&map, index, (enum index_kind)kind, false, arena, &call->request->job, err);
    return rc ? rc : answer(call, &map, (enum index_kind)kind, err);
}
