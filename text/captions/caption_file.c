// SPDX-License-Identifier: Apache-2.0
#include "text/captions/caption_file.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_LIMIT ((size_t)4 << 30)

/* ---- text ---------------------------------------------------------------------------------------------- */

static int read_line(struct caption_reader *reader, size_t i, const char *line, struct err *err)
{
    char id[ID_SIZE];
    snprintf(id, sizeof id, "%zu", i + 1);
    const int rc = unicode_check(span_of(line), err);
    if (rc) {
        err_wrap(err, "unable to read '%s', line %s", reader->path, id);
        return rc;
    }
    return reader->several && !*line ? 0 : caption_add(reader, id, line, strlen(line), err);
}

static int read_text(struct caption_reader *reader, const char *bytes, size_t size, struct err *err)
{
    struct strings lines = {0};
    if (memchr(bytes, '\0', size))
        return err_set(err, ERR_FORMAT, "unable to read '%s': neither JSON nor text", reader->path);
    const enum caption_table table = caption_table_kind(bytes);
    if (table)
        return caption_read_table(reader, table, bytes, size, err);
    int rc = strings_add_lines(&lines, bytes, size, err);
    if (!rc && reader->text_file && lines.count != reader->lines)
        rc = err_set(err, ERR_FORMAT, "unable to read '%s': %zu lines, but '%s' has %zu", reader->path,
            lines.count, reader->text_file, reader->lines);
    if (!reader->text_file) {
        reader->text_file = reader->path;
        reader->lines = lines.count;
    }
    for (size_t i = 0; !rc && i < lines.count; i++)
        rc = read_line(reader, i, lines.items[i], err);
    strings_release(&lines);
    return rc;
}

/* ---- files --------------------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *suffix)
{
    const size_t length = strlen(path), tail = strlen(suffix);
    return length >= tail && !strcasecmp(path + length - tail, suffix);
}

/* One source, of the kind that its bytes or its name tell. */
static int read_source(struct caption_reader *reader, const struct caption_source *source, struct err *err)
{
    const size_t mark = byte_order_mark(source->bytes, source->size), size = source->size - mark;
    const char *bytes = source->bytes + mark;
    const char first = bytes[strspn(bytes, " \t\r\n")];
    reader->path = source->name;
    if ((first == '{' || first == '[') && !ends_in(source->name, ".txt") &&
        !ends_in(source->name, ".txt.gz") && !caption_lines_begin(bytes))
        return caption_read_json(reader, bytes, size, err);
    return read_text(reader, bytes, size, err);
}

static int begin(struct caption_set *out, const char *name, struct err *err)
{
    *out = (struct caption_set){0};
    out->name = arena_copy(&out->arena, name, strlen(name));
    return out->name ? 0 : err_memory(err, 0);
}

/* What the reader has read becomes its set; rc: how the reading went. */
static int finish(struct caption_reader *reader, int rc, struct err *err)
{
    struct caption_set *out = reader->set;
    if (!rc && !out->count)
        rc = err_set(err, ERR_FORMAT, "no captions in '%s'", out->name);
    if (!rc)
        rc = caption_gather(reader, err);
    free(reader->mentions);
    if (rc)
        caption_set_release(out);
    return rc;
}

int caption_set_parse(struct caption_set *out, const struct caption_source *sources, size_t count,
    const char *split, struct err *err)
{
    struct caption_reader reader = {.set = out, .split = split, .several = count > 1};
    int rc = begin(out, sources[0].name, err);
    for (size_t i = 0; !rc && i < count; i++)
        rc = read_source(&reader, &sources[i], err);
    return finish(&reader, rc, err);
}

int caption_set_of(
    struct caption_set *out, const char *name, struct json_t *value, const char *split, struct err *err)
{
    struct caption_reader reader = {.set = out, .path = name, .split = split};
    int rc = begin(out, name, err);
    if (!rc)
        rc = caption_read_value(&reader, value, err);
    return finish(&reader, rc, err);
}

int caption_set_read(
    struct caption_set *out, const char *const *paths, size_t count, const char *split, struct err *err)
{
    struct caption_source *sources = mem_new(count, sizeof *sources);
    int rc = sources ? 0 : err_memory(err, count * sizeof *sources);
    *out = (struct caption_set){0};
    for (size_t i = 0; !rc && i < count; i++) {
        sources[i].name = input_name(paths[i]);
        rc = input_read(&sources[i].bytes, &sources[i].size, paths[i], FILE_LIMIT, err);
    }
    if (!rc)
        rc = caption_set_parse(out, sources, count, split, err);
    for (size_t i = 0; sources && i < count; i++)
        free(sources[i].bytes);
    free(sources);
    return rc;
}
