// SPDX-License-Identifier: Apache-2.0
/* Items as a table of PostgreSQL: its rows as COPY reads them (copy.h), and the SQL that makes the table and fills it. */
#include "index/copy.h"
#include "index/exchange.h"
#include "index/sink.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 1024 /* elements */ };

struct copy_sink {
    struct sink sink;
    struct new_file rows, sql;
    size_t width;
    bool half;
};

/* ---- fields -------------------------------------------------------------------------------------------- */

static void put_number(FILE *out, uint64_t number, size_t size)
{
    for (size_t i = size; i-- > 0;)
        putc((int)(number >> 8 * i & 0xff), out);
}

static void put_null(FILE *out)
{
    put_number(out, (uint64_t)COPY_NULL, 4);
}

static void put_integer(FILE *out, int64_t number, size_t size)
{
    if (!number) {
        put_null(out);
        return;
    }
    put_number(out, size, 4);
    put_number(out, (uint64_t)number, size);
}

static void put_double(FILE *out, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_number(out, sizeof bits, 4);
    put_number(out, bits, sizeof bits);
}

static void put_bytes(FILE *out, const char *bytes, size_t length)
{
    put_number(out, length, 4);
    fwrite(bytes, 1, length, out);
}

static int put_text(FILE *out, const char *text, bool *lossy, struct err *err)
{
    char *valid = text ? text_utf8(text) : NULL;
    if (!text)
        put_null(out);
    else if (!valid)
        return err_memory(err, strlen(text));
    else
        put_bytes(out, valid, strlen(valid));
    *lossy |= text && strcmp(text, valid) != 0;
    free(valid);
    return 0;
}

static void put_jsonb(FILE *out, const char *text)
{
    if (!text) {
        put_null(out);
        return;
    }
    put_number(out, 1 + strlen(text), 4);
    putc(COPY_JSONB_VERSION, out);
    fputs(text, out);
}

static int put_field(
    FILE *out, const struct copy_column *column, const struct index_item *item, bool *lossy, struct err *err)
{
    const char *at = (const char *)item + column->at;
    switch (column->type) {
    case COPY_BIGINT:
        put_integer(out, *(const int64_t *)at, sizeof(int64_t));
        return 0;
    case COPY_INTEGER:
        put_integer(out, *(const int *)at, sizeof(int32_t));
        return 0;
    case COPY_DOUBLE:
        if (item->lat != 0 || item->lon != 0)
            put_double(out, *(const double *)at);
        else
            put_null(out);
        return 0;
    case COPY_JSONB:
        put_jsonb(out, *(const char *const *)at);
        return 0;
    case COPY_KIND:
        return put_text(out, index_kind_names[item->kind], lossy, err);
    case COPY_TEXT:
        break;
    }
    return put_text(out, *(const char *const *)at, lossy, err);
}

/* Elements go out in stretches: of a table's bytes nearly all are theirs. */
static void put_halves(FILE *out, const float *vector, size_t width)
{
    uint16_t halves[AT_ONCE];
    for (size_t part; width; vector += part, width -= part) {
        part = width < AT_ONCE ? width : AT_ONCE;
        for (size_t e = 0; e < part; e++)
            halves[e] = htobe16(f32_to_f16(vector[e]));
        fwrite(halves, sizeof *halves, part, out);
    }
}

static void put_singles(FILE *out, const float *vector, size_t width)
{
    uint32_t singles[AT_ONCE];
    for (size_t part; width; vector += part, width -= part) {
        part = width < AT_ONCE ? width : AT_ONCE;
        memcpy(singles, vector, part * sizeof *singles);
        for (size_t e = 0; e < part; e++)
            singles[e] = htobe32(singles[e]);
        fwrite(singles, sizeof *singles, part, out);
    }
}

static void put_vector(FILE *out, const float *vector, size_t width, bool half)
{
    put_number(out, COPY_VECTOR_HEAD + width * (half ? sizeof(uint16_t) : sizeof(float)), 4);
    put_number(out, width, 2);
    put_number(out, 0, 2);
    if (half)
        put_halves(out, vector, width);
    else
        put_singles(out, vector, width);
}

static int add(struct sink *sink, const struct index_item *items, const float *vectors, size_t count,
    size_t *lossy, struct err *err)
{
    struct copy_sink *copy = (struct copy_sink *)sink;
    FILE *out = copy->rows.stream;
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        bool lost = false;
        put_number(out, COPY_COLUMNS + 1, 2);
        for (size_t c = 0; c < COPY_COLUMNS && !rc; c++)
            rc = put_field(out, &copy_columns[c], &items[i], &lost, err);
        put_vector(out, vectors + i * copy->width, copy->width, copy->half);
        *lossy += !rc && lost;
    }
    return rc;
}

/* ---- SQL ----------------------------------------------------------------------------------------------- */

static const char *const type_names[] = {[COPY_BIGINT] = "bigint",
    [COPY_INTEGER] = "integer",
    [COPY_DOUBLE] = "double precision",
    [COPY_TEXT] = "text",
    [COPY_JSONB] = "jsonb",
    [COPY_KIND] = "text NOT NULL"};

/* In quotes, which are doubled in it: "a name", or 'a text'. */
static void put_quoted(FILE *out, const char *text, char quote)
{
    putc(quote, out);
    for (; *text; text++) {
        if (*text == quote)
            putc(quote, out);
        putc(*text, out);
    }
    putc(quote, out);
}

static void put_sql(FILE *out, const char *table, const char *rows, size_t width, bool half)
{
    fputs(
        "-- Items with their embeddings. In the folder of this file and of its rows, all of it or nothing:\n"
        "--\n"
        "--     psql -1 -v ON_ERROR_STOP=1 -f THIS_FILE DATABASE\n\n"
        "SET client_encoding = 'UTF8';\n"
        "CREATE EXTENSION IF NOT EXISTS vector;\n"
        "CREATE TABLE ",
        out);
    put_quoted(out, table, '"');
    fputs(" (\n", out);
    for (size_t c = 0; c < COPY_COLUMNS; c++)
        fprintf(out, "    \"%s\" %s%s,\n", copy_columns[c].name, type_names[copy_columns[c].type],
            c ? "" : " PRIMARY KEY");
    fprintf(
        out, "    \"%s\" %s(%zu) NOT NULL\n);\n\\copy ", copy_embedding, half ? "halfvec" : "vector", width);
    put_quoted(out, table, '"');
    fputs(" FROM ", out);
    put_quoted(out, rows, '\'');
    fputs(" WITH (FORMAT binary)\n\n"
          "-- What 'diptych search' finds, with its scores: exact, as long as the table has no index of "
          "vectors.\n"
          "--\n"
          "--     \\set query `echo 'three white flowers' | diptych embed --texts - -q`\n"
          "--     SELECT id, path, -(embedding <#> query) AS score\n"
          "--     FROM ",
        out);
    put_quoted(out, table, '"');
    fprintf(out,
        ", (SELECT (:'query'::jsonb ->> 'embedding')::%s AS query)\n"
        "--     WHERE kind = 'image' ORDER BY embedding <#> query, id LIMIT 10;\n",
        half ? "halfvec" : "vector");
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static int close_both(struct sink *sink, bool keep, struct err *err)
{
    struct copy_sink *copy = (struct copy_sink *)sink;
    put_number(copy->rows.stream, (uint64_t)COPY_END, 2);
    int rc = new_file_close(&copy->rows, keep, err);
    const int ended = new_file_close(&copy->sql, keep && !rc, rc ? NULL : err);
    free(copy);
    return rc ? rc : ended;
}

static int open_both(
    struct copy_sink *copy, const struct sink_plan *plan, struct arena *arena, struct err *err)
{
    const char *name = path_last(arena, plan->path), *end = name ? strrchr(name, '.') : NULL;
    const char *table = end ? arena_copy(arena, name, (size_t)(end - name)) : NULL;
    const char *sql = exchange_beside(arena, plan->path, ".sql");
    if (!table || !sql)
        return err_memory(err, strlen(plan->path));
    int rc = exchange_check_apart(plan->path, sql, err);
    if (!rc)
        rc = new_file_open(&copy->rows, plan->path, err);
    if (rc)
        return rc;
    if ((rc = new_file_open(&copy->sql, sql, err))) {
        new_file_close(&copy->rows, false, NULL);
        return rc;
    }
    fwrite(copy_signature, 1, COPY_SIGNATURE, copy->rows.stream);
    put_number(copy->rows.stream, 0, COPY_HEAD - COPY_SIGNATURE);
    put_sql(copy->sql.stream, table, name, plan->width, plan->half);
    return 0;
}

static int check(const struct sink_plan *plan, struct err *err)
{
    const char *slash = strrchr(plan->path, '/'), *name = slash ? slash + 1 : plan->path;
    char *valid = text_utf8(name);
    const bool sound = valid && *name != '.' && !strcmp(name, valid) && !strpbrk(name, "\r\n");
    if (!valid)
        return err_memory(err, strlen(name));
    free(valid);
    if (!sound)
        return err_set(err, ERR_ARGUMENT,
            "unable to write '%s': the table has the file's name, which must be of UTF-8 and one line",
            plan->path);
    if (plan->width > COPY_VECTOR_LIMIT)
        return err_set(err, ERR_LIMIT, "embeddings of %zu elements, and pgvector takes %d", plan->width,
            COPY_VECTOR_LIMIT);
    return 0;
}

int sink_pgvector(struct sink **out, const struct sink_plan *plan, struct err *err)
{
    struct arena arena = {0};
    int rc = check(plan, err);
    if (rc)
        return rc;
    struct copy_sink *copy = mem_new(1, sizeof *copy);
    if (!copy)
        return err_memory(err, sizeof *copy);
    *copy = (struct copy_sink){.sink = {add, close_both}, .width = plan->width, .half = plan->half};
    rc = open_both(copy, plan, &arena, err);
    arena_release(&arena);
    if (rc)
        free(copy);
    else
        *out = &copy->sink;
    return rc;
}
