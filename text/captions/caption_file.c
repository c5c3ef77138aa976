// SPDX-License-Identifier: Apache-2.0
#include "text/captions/caption_file.h"
#include "text/unicode.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_LIMIT ((size_t)4 << 30)

/* ---- mentions ------------------------------------------------------------------------------------------ */

static int add_image(size_t *out, struct caption_set *set, const char *id, struct err *err)
{
    if (set->count == set->room) {
        const size_t room = set->room ? 2 * set->room : 1024;
        struct captioned_image *grown = mem_grow(set->images, room, sizeof *grown);
        if (!grown)
            return err_memory(err, room * sizeof *grown);
        set->images = grown;
        set->room = room;
    }
    *out = set->count;
    struct captioned_image *image = &set->images[set->count];
    *image = (struct captioned_image){.id = arena_copy(&set->arena, id, strlen(id))};
    if (!image->id || json_object_set_new(set->by_id, id, json_integer((json_int_t)set->count)))
        return err_memory(err, strlen(id));
    ++set->count;
    return 0;
}

int caption_add(
    struct caption_reader *reader, const char *id, const char *caption, size_t length, struct err *err)
{
    if (length > CAPTION_MAX)
        return err_set(err, ERR_LIMIT,
            "unable to read '%s': the caption of image '%s' has %zu bytes, the limit is %d", reader->path, id,
            length, CAPTION_MAX);
    if (reader->count == reader->room) {
        const size_t room = reader->room ? 2 * reader->room : 1024;
        struct mention *grown = mem_grow(reader->mentions, room, sizeof *grown);
        if (!grown)
            return err_memory(err, room * sizeof *grown);
        reader->mentions = grown;
        reader->room = room;
    }
    struct mention *mention = &reader->mentions[reader->count];
    const json_t *known = json_object_get(reader->set->by_id, id);
    const int rc = known ? 0 : add_image(&mention->image, reader->set, id, err);
    if (rc)
        return rc;
    if (known)
        mention->image = (size_t)json_integer_value(known);
    mention->caption = arena_copy(&reader->set->arena, caption, length);
    if (!mention->caption)
        return err_memory(err, length);
    ++reader->count;
    return 0;
}

/* Gives each image its captions, in the order of the files. */
static int gather(struct caption_reader *reader, struct err *err)
{
    struct caption_set *set = reader->set;
    for (size_t i = 0; i < reader->count; ++i)
        ++set->images[reader->mentions[i].image].count;
    for (size_t i = 0; i < set->count; ++i) {
        struct captioned_image *image = &set->images[i];
        image->captions = arena_alloc(&set->arena, image->count * sizeof *image->captions);
        if (!image->captions)
            return err_memory(err, image->count * sizeof *image->captions);
        image->count = 0;
    }
    for (size_t i = 0; i < reader->count; ++i) {
        struct captioned_image *image = &set->images[reader->mentions[i].image];
        image->captions[image->count++] = reader->mentions[i].caption;
    }
    return 0;
}

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
    int rc = memchr(bytes, '\0', size)
                 ? err_set(err, ERR_FORMAT, "unable to read '%s': neither JSON nor text", reader->path)
                 : strings_add_lines(&lines, bytes, size, err);
    if (!rc && reader->text_file && lines.count != reader->lines)
        rc = err_set(err, ERR_FORMAT, "unable to read '%s': %zu lines, but '%s' has %zu", reader->path,
            lines.count, reader->text_file, reader->lines);
    if (!reader->text_file) {
        reader->text_file = reader->path;
        reader->lines = lines.count;
    }
    for (size_t i = 0; !rc && i < lines.count; ++i)
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
    if ((first == '{' || first == '[') && !ends_in(source->name, ".txt") && !ends_in(source->name, ".txt.gz"))
        return caption_read_json(reader, bytes, size, err);
    return read_text(reader, bytes, size, err);
}

int caption_set_parse(struct caption_set *out, const struct caption_source *sources, size_t count,
    const char *split, struct err *err)
{
    struct caption_reader reader = {.set = out, .split = split, .several = count > 1};
    *out = (struct caption_set){.by_id = json_object()};
    out->name = arena_copy(&out->arena, sources[0].name, strlen(sources[0].name));
    int rc = out->by_id && out->name ? 0 : err_memory(err, 0);
    for (size_t i = 0; !rc && i < count; ++i)
        rc = read_source(&reader, &sources[i], err);
    if (!rc && !out->count)
        rc = err_set(err, ERR_FORMAT, "no captions in '%s'", sources[0].name);
    if (!rc)
        rc = gather(&reader, err);
    free(reader.mentions);
    if (rc)
        caption_set_release(out);
    return rc;
}

int caption_set_read(
    struct caption_set *out, const char *const *paths, size_t count, const char *split, struct err *err)
{
    struct caption_source *sources = mem_new(count, sizeof *sources);
    int rc = sources ? 0 : err_memory(err, count * sizeof *sources);
    *out = (struct caption_set){0};
    for (size_t i = 0; !rc && i < count; ++i) {
        sources[i].name = paths[i];
        rc = file_read(&sources[i].bytes, &sources[i].size, paths[i], FILE_LIMIT, err);
    }
    if (!rc)
        rc = caption_set_parse(out, sources, count, split, err);
    for (size_t i = 0; sources && i < count; ++i)
        free(sources[i].bytes);
    free(sources);
    return rc;
}

void caption_set_release(struct caption_set *set)
{
    if (!set)
        return;
    json_decref(set->by_id);
    free(set->images);
    arena_release(&set->arena);
    *set = (struct caption_set){0};
}

const struct captioned_image *caption_set_find(const struct caption_set *set, const char *id)
{
    const json_t *known = json_object_get(set->by_id, id);
    return known ? &set->images[json_integer_value(known)] : NULL;
}
