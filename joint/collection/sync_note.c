// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/sync_notes.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char *const note_suffixes[NOTE_KINDS] = {".txt", ".json"};

size_t note_limit(enum note_kind kind)
{
    static const size_t limits[NOTE_KINDS] = {64 << 10, 1 << 20};
    return limits[kind];
}

char *note_path(struct arena *arena, const char *path, enum note_kind kind)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/'), *suffix = note_suffixes[kind];
    const size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);
    char *out = arena_alloc(arena, stem + strlen(suffix) + 1);
    if (out) {
        memcpy(out, path, stem);
        strcpy(out + stem, suffix);
    }
    return out;
}

void note_release(struct note *note)
{
    free(note->caption);
    json_decref(note->metadata);
    *note = (struct note){0};
}

/* Blanks around it say nothing. */
static char *caption_of(struct span bytes)
{
    bytes = span_from(bytes, byte_order_mark(bytes.data, bytes.length));
    while (bytes.length && isspace((unsigned char)*bytes.data))
        bytes = span_from(bytes, 1);
    while (bytes.length && isspace((unsigned char)bytes.data[bytes.length - 1]))
        bytes.length--;
    char *text = strndup(bytes.length ? bytes.data : "", bytes.length);
    char *valid = text ? text_utf8(text) : NULL;
    free(text);
    return valid;
}

int note_take(struct note *note, enum note_kind kind, struct span bytes, const char *name, struct err *err)
{
    if (kind == NOTE_CAPTION) {
        free(note->caption);
        note->caption = caption_of(bytes);
        return note->caption ? 0 : err_memory(err, bytes.length);
    }
    json_decref(note->metadata);
    note->metadata = NULL;
    return json_parse(&note->metadata, bytes.data, bytes.length, name, err);
}

static const char *said(const char *caption)
{
    return caption && caption[strspn(caption, " \t\r\n\v\f")] ? caption : NULL;
}

static int update(
    struct sync *sync, const char *path, const char *caption, const char *metadata, struct err *err)
{
    struct arena arena = {0};
    struct index_item item;
    bool found;
    int rc = index_find(&item, &found, sync->index, INDEX_IMAGE, path, NULL, &arena, err);
    if (!rc && found &&
        ((caption && !same_text(item.caption, caption)) ||
            (metadata && !same_text(item.metadata, metadata)))) {
        item.caption = caption ? caption : item.caption;
        item.metadata = metadata ? metadata : item.metadata;
        sync->counts->described++;
        rc = index_update(sync->index, &item, err);
    }
    arena_release(&arena);
    return rc;
}

int note_give(struct sync *sync, const char *path, struct note *note, struct err *err)
{
    json_t *also = json_incref(json_object_get(note->metadata, "caption"));
    const char *other = said(json_string_value(also)), *own = said(note->caption),
               *caption = own ? own : other;
    char *metadata = NULL;
    if (caption && other && !strcmp(caption, other))
        json_object_del(note->metadata, "caption");
    int rc = 0;
    if (json_object_size(note->metadata) && !(metadata = json_dumps(note->metadata, JSON_COMPACT)))
        rc = err_memory(err, 0);
    if (!rc && (caption || metadata))
        rc = update(sync, path, caption, metadata, err);
    if (also)
        json_object_set(note->metadata, "caption", also);
    free(metadata);
    json_decref(also);
    return rc;
}
