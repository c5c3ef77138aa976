// SPDX-License-Identifier: Apache-2.0
/* Items as Qdrant's points: lines of JSON, each the body of a request that keeps some (PUT /collections/NAME/points):
 *
 *   {"points": [{"id": 7, "vector": [0.5, ...], "payload": {"kind": "image", "path": ...}}, ...]}
 */
#include "index/exchange.h"
#include "index/sink.h"

#include <jansson.h>
#include <stdlib.h>

/* In a line. Qdrant takes requests of 32 MB, a number is some 14 bytes, and an embedding has seldom more than 4096. */
enum { POINTS = 100 };

struct points_sink {
    struct sink sink;
    struct new_file lines;
    size_t width;
    size_t in_line; /* points of the line that is begun */
};

static void put_vector(FILE *out, const float *vector, size_t width)
{
    for (size_t e = 0; e < width; e++)
        fprintf(out, "%s%.9g", e ? "," : "[", (double)vector[e]);
    putc(']', out);
}

static int put_point(struct points_sink *points, const struct index_item *item, const float *vector,
    size_t *lossy, struct err *err)
{
    FILE *out = points->lines.stream;
    bool lost;
    json_t *payload = exchange_json(item, &lost);
    if (!payload)
        return err_memory(err, 0);
    json_object_del(payload, "id");
    fprintf(out, "%s{\"id\":%lld,\"vector\":", points->in_line ? "," : "{\"points\":[", (long long)item->id);
    put_vector(out, vector, points->width);
    fputs(",\"payload\":", out);
    json_dumpf(payload, out, JSON_COMPACT);
    putc('}', out);
    json_decref(payload);
    points->in_line++;
    *lossy += lost;
    return 0;
}

static void end_line(struct points_sink *points)
{
    if (points->in_line)
        fputs("]}\n", points->lines.stream);
    points->in_line = 0;
}

static int add(struct sink *sink, const struct index_item *items, const float *vectors, size_t count,
    size_t *lossy, struct err *err)
{
    struct points_sink *points = (struct points_sink *)sink;
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        if (points->in_line == POINTS)
            end_line(points);
        rc = put_point(points, &items[i], vectors + i * points->width, lossy, err);
    }
    return rc;
}

static int close_lines(struct sink *sink, bool keep, struct err *err)
{
    struct points_sink *points = (struct points_sink *)sink;
    end_line(points);
    const int rc = new_file_close(&points->lines, keep, err);
    free(points);
    return rc;
}

int sink_qdrant(struct sink **out, const struct sink_plan *plan, struct err *err)
{
    struct points_sink *points = mem_new(1, sizeof *points);
    if (!points)
        return err_memory(err, sizeof *points);
    *points = (struct points_sink){.sink = {add, close_lines}, .width = plan->width};
    const int rc = new_file_open(&points->lines, plan->path, err);
    if (rc)
        free(points);
    else
        *out = &points->sink;
    return rc;
}
