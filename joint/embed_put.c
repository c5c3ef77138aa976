// SPDX-License-Identifier: Apache-2.0
#include "joint/embed.h"

#include <jansson.h>

static json_t *embedding_json(const float *embedding, size_t width)
{
    json_t *array = json_array();
    for (size_t i = 0; i < width; i++)
        if (json_array_append_new(array, json_real((double)embedding[i]))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static int put_line(const struct embed_sink *sink, const struct embed_row *row, struct err *err)
{
    json_t *line = json_pack("{s:o, s:o*, s:o*}", row->key, json_text(row->name), "outside",
        row->outside ? json_true() : NULL, "warning", row->warning ? json_text(row->warning) : NULL);
    int failed = !line;
    if (!failed && row->error)
        failed = json_object_set_new(line, "error", json_text(row->error));
    else if (!failed && sink->embeddings)
        failed = json_object_set_new(line, "embedding", embedding_json(row->embedding, sink->width));
    if (!failed && !(failed = json_object_set_new(line, "schema", json_string("embed/1")))) {
        json_dumpf(line, sink->lines, JSON_REAL_PRECISION(9)); /* what is not written shows at the end */
        putc('\n', sink->lines);
    }
    json_decref(line);
    return failed ? err_memory(err, sink->width) : 0;
}

int embed_put(const struct embed_sink *sink, const struct embed_row *row, struct err *err)
{
    if (sink->vectors)
        npy_put_rows(
            sink->vectors, row->embedding ? row->embedding : sink->no_row, 1, sink->width, sink->half);
    return sink->lines ? put_line(sink, row, err) : 0;
}
