// SPDX-License-Identifier: Apache-2.0
/*
 * Boxes of ISO's base media file format (ISO/IEC 14496-12): size (4, of all of it; 1: 8 more bytes say it; 0: to the end),
 * type (4), content. A HEIC or AVIF has its EXIF and XMP as items, which the box `meta` lists; JPEG XL and JPEG 2000 have
 * boxes for them, and Canon's CR3 boxes in a box.
 */
#include "vision/capture.h"

#include <string.h>

enum { BOXES_MAX = 4096, ITEMS_MAX = 65536 };

#define TYPE(a, b, c, d) ((uint64_t)(a) << 24 | (uint64_t)(b) << 16 | (uint64_t)(c) << 8 | (uint64_t)(d))

struct box {
    uint64_t type;
    struct cursor content;
};

/* The next box; false at the end. */
static bool next_box(struct box *out, struct cursor *boxes)
{
    const uint64_t first = boxes->at;
    uint64_t size = cursor_take(boxes, 4);
    out->type = cursor_take(boxes, 4);
    if (size == 1)
        size = cursor_take(boxes, 8);
    else if (!size)
        size = boxes->end - first;
    if (boxes->bad || size < boxes->at - first || size > boxes->end - first)
        return false;
    out->content = (struct cursor){.file = boxes->file, .at = boxes->at, .end = first + size};
    boxes->at = first + size;
    return true;
}

/* The box of a type among others; false: there is none. */
static bool find_box(struct box *out, struct cursor boxes, uint64_t type)
{
    for (int i = 0; i < BOXES_MAX && next_box(out, &boxes); i++)
        if (out->type == type)
            return true;
    return false;
}

static struct extent rest(const struct cursor *cursor)
{
    return (struct extent){cursor->at, cursor->bad ? 0 : cursor->end - cursor->at};
}

/* What comes before EXIF in an item or box: how far behind that it begins. pillow-jxl-plugin 1.3 leaves it out, and then it
 * is no place in there. */
static struct extent behind_offset(struct cursor cursor)
{
    const struct extent all = rest(&cursor);
    const uint64_t offset = cursor_take(&cursor, 4);
    if (cursor.bad || offset > cursor.end - cursor.at)
        return all;
    cursor.at += offset;
    return rest(&cursor);
}

/* ---- items --------------------------------------------------------------------------------------------- */

/* The numbers of the items that are EXIF and XMP; 0: none. */
struct items {
    uint64_t exif, xmp;
};

/* Version and flags (4), id (2, or 4 in version 3), protection (2), type (4), name, content type. */
static void note_entry(struct items *out, struct cursor entry)
{
    static const char xmp[] = "application/rdf+xml";
    const uint64_t version = cursor_take(&entry, 4) >> 24;
    const uint64_t id = cursor_take(&entry, version >= 3 ? 4 : 2);
    cursor_take(&entry, 2);
    const uint64_t type = cursor_take(&entry, 4);
    if (version < 2 || entry.bad)
        return;
    if (type == TYPE('E', 'x', 'i', 'f') && !out->exif)
        out->exif = id;
    if (type != TYPE('m', 'i', 'm', 'e') || out->xmp)
        return;
    while (!entry.bad && cursor_take(&entry, 1))
        ;
    const uint8_t *content = entry.bad || entry.end - entry.at < sizeof xmp
                                 ? NULL
                                 : capture_bytes(entry.file, entry.at, sizeof xmp);
    if (content && !memcmp(content, xmp, sizeof xmp))
        out->xmp = id;
}

static struct items list_items(struct cursor meta)
{
    struct items out = {0};
    struct box list, entry;
    if (!find_box(&list, meta, TYPE('i', 'i', 'n', 'f')))
        return out;
    const uint64_t version = cursor_take(&list.content, 4) >> 24;
    cursor_take(&list.content, version ? 4 : 2);
    for (int i = 0; i < ITEMS_MAX && next_box(&entry, &list.content); i++)
        if (entry.type == TYPE('i', 'n', 'f', 'e'))
            note_entry(&out, entry.content);
    return out;
}

/* Sizes in bytes of the numbers in `iloc`. */
struct location_sizes {
    size_t id, offset, length, base, index, method;
};

/* Where the next item lies: its id, and the extent of one that is in one piece in the file or in `idat`. */
static uint64_t next_location(
    struct extent *out, struct cursor *list, const struct location_sizes *sizes, const struct box *idat)
{
    const uint64_t id = cursor_take(list, sizes->id), method = cursor_take(list, sizes->method) & 15;
    cursor_take(list, 2); /* in which file: this one */
    const uint64_t base = cursor_take(list, sizes->base), count = cursor_take(list, 2);
    *out = (struct extent){0};
    if (count != 1) {
        list->at += count * (sizes->index + sizes->offset + sizes->length);
        return id;
    }
    cursor_take(list, sizes->index);
    const uint64_t offset = base + cursor_take(list, sizes->offset),
                   length = cursor_take(list, sizes->length);
    if (!list->bad && method == 0)
        *out = (struct extent){offset, length};
    else if (!list->bad && method == 1 && idat)
        *out = (struct extent){idat->content.at + offset, length};
    return id;
}

/* The extent within the file, as a cursor. */
static struct cursor cursor_of(struct capture_file *file, struct extent extent)
{
    const bool fits = extent.at <= file->size && extent.length <= file->size - extent.at;
    return (struct cursor){
        .file = file, .at = fits ? extent.at : 0, .end = fits ? extent.at + extent.length : 0, .bad = !fits};
}

static void find_items(struct capture_blocks *out, struct cursor meta)
{
    struct box list, idat;
    struct extent extent;
    cursor_take(&meta, 4); /* version and flags */
    const struct items items = list_items(meta);
    const bool has_data = find_box(&idat, meta, TYPE('i', 'd', 'a', 't'));
    if (!find_box(&list, meta, TYPE('i', 'l', 'o', 'c')))
        return;
    struct cursor *at = &list.content;
    const uint64_t version = cursor_take(at, 4) >> 24, widths = cursor_take(at, 2);
    const struct location_sizes sizes = {
        .id = version < 2 ? 2 : 4,
        .offset = widths >> 12 & 8 ? 8 : widths >> 12 & 4,
        .length = widths >> 8 & 8 ? 8 : widths >> 8 & 4,
        .base = widths >> 4 & 8 ? 8 : widths >> 4 & 4,
        .index = !version     ? 0
                 : widths & 8 ? 8
                              : widths & 4,
        .method = version ? 2 : 0,
    };
    uint64_t count = cursor_take(at, sizes.id);
    for (int i = 0; i < ITEMS_MAX && count && !at->bad; i++, count--) {
        const uint64_t id = next_location(&extent, at, &sizes, has_data ? &idat : NULL);
        struct cursor item = cursor_of(meta.file, extent);
        if (extent.length && id == items.exif && !out->main.length)
            out->main = behind_offset(item);
        else if (extent.length && id == items.xmp && !out->xmp.length)
            out->xmp = rest(&item);
    }
}

/* ---- boxes of their own -------------------------------------------------------------------------------- */

static bool has_uuid(struct cursor *content, const char uuid[16])
{
    const uint8_t *bytes =
        content->end - content->at >= 16 ? capture_bytes(content->file, content->at, 16) : NULL;
    if (!bytes || memcmp(bytes, uuid, 16))
        return false;
    content->at += 16;
    return true;
}

/* CMT1 to CMT4 in a box of Canon's. */
static void find_in_canon(struct capture_blocks *out, struct cursor content)
{
    struct box box;
    for (int i = 0; i < BOXES_MAX && next_box(&box, &content); i++) {
        if (box.type == TYPE('C', 'M', 'T', '1'))
            out->main = rest(&box.content);
        else if (box.type == TYPE('C', 'M', 'T', '2'))
            out->exif = rest(&box.content);
        else if (box.type == TYPE('C', 'M', 'T', '4'))
            out->gps = rest(&box.content);
    }
}

static void find_in_uuid(struct capture_blocks *out, struct cursor content)
{
    static const char xmp[16] = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac",
                      exif[16] = "JpgTiffExif->JP2",
                      canon[16] = "\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
    if (has_uuid(&content, xmp) && !out->xmp.length)
        out->xmp = rest(&content);
    else if (has_uuid(&content, exif) && !out->main.length)
        out->main = rest(&content);
    else if (has_uuid(&content, canon))
        find_in_canon(out, content);
}

static void find_in_movie(struct capture_blocks *out, struct cursor boxes)
{
    struct box box;
    for (int i = 0; i < BOXES_MAX && next_box(&box, &boxes); i++)
        if (box.type == TYPE('u', 'u', 'i', 'd'))
            find_in_uuid(out, box.content);
}

void capture_find_boxes(struct capture_blocks *out, struct capture_file *file)
{
    struct cursor boxes = {.file = file, .end = file->size};
    struct box box;
    for (int i = 0; i < BOXES_MAX && next_box(&box, &boxes); i++) {
        if (box.type == TYPE('m', 'e', 't', 'a'))
            find_items(out, box.content);
        else if (box.type == TYPE('E', 'x', 'i', 'f'))
            out->main = behind_offset(box.content);
        else if (box.type == TYPE('x', 'm', 'l', ' '))
            out->xmp = rest(&box.content);
        else if (box.type == TYPE('u', 'u', 'i', 'd'))
            find_in_uuid(out, box.content);
        else if (box.type == TYPE('m', 'o', 'o', 'v'))
            find_in_movie(out, box.content);
    }
}
