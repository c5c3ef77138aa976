// SPDX-License-Identifier: Apache-2.0
#include "compute/weights/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LOCAL_SIZE = 30,
    CENTRAL_SIZE = 46,
    END_SIZE = 22,
    COMMENT_MAX = 0xffff,
    LOCATOR_SIZE = 20,
    END_64_SIZE = 56,
    EXTRA_ZIP64 = 1,
    ENCRYPTED = 1,
    STORED = 0,
    DEFLATED = 8
};

/* Little-endian, of 2, 4 or 8 bytes. */
static uint64_t number_at(const char *at, int bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++)
        number |= (uint64_t)(unsigned char)at[i] << 8 * i;
    return number;
}

static bool begins(struct span bytes, const char *signature)
{
    return span_begins(bytes, (struct span){signature, 4});
}

/* `length` bytes from `at` on; false where there are fewer. */
static bool cut(struct span *out, struct span bytes, uint64_t at, uint64_t length)
{
    if (at > bytes.length || length > bytes.length - at)
        return false;
    *out = (struct span){bytes.data + at, (size_t)length};
    return true;
}

bool zip_begins(struct span bytes)
{
    return begins(bytes, "PK\3\4");
}

/* What an entry is called in messages: without what a terminal would obey. */
struct name_text {
    char text[96];
};

static struct name_text name_text(struct span name)
{
    struct name_text out;
    snprintf(out.text, sizeof out.text, "%.*s", name.length < 95 ? (int)name.length : 95, name.data);
    for (char *c = out.text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    return out;
}

/* ---- the directory ------------------------------------------------------------------------------------- */

struct directory {
    uint64_t entries, size, offset;
};

/* The end record is the last thing of the file, but for a comment. */
static int find_end(size_t *out, struct span bytes, struct err *err)
{
    const size_t most = END_SIZE + COMMENT_MAX;
    struct span rest;
    for (size_t back = END_SIZE; back <= most && cut(&rest, bytes, bytes.length - back, back); back++) {
        if (begins(rest, "PK\5\6") && number_at(rest.data + 20, 2) == back - END_SIZE) {
            *out = bytes.length - back;
            return 0;
        }
    }
    return err_set(
        err, ERR_FORMAT, "no zip directory at its end: the file is cut short, or is no zip archive");
}

/* ZIP64's end record says what did not fit in the other. */
static int read_end_64(struct directory *out, size_t *end, struct span bytes, struct err *err)
{
    struct span locator, record;
    if (*end < LOCATOR_SIZE || !cut(&locator, bytes, *end - LOCATOR_SIZE, LOCATOR_SIZE) ||
        !begins(locator, "PK\6\7") || !cut(&record, bytes, number_at(locator.data + 8, 8), END_64_SIZE) ||
        !begins(record, "PK\6\6"))
        return err_set(err, ERR_FORMAT, "the zip directory has no ZIP64 end record, which it needs");
    *out = (struct directory){
        number_at(record.data + 32, 8), number_at(record.data + 40, 8), number_at(record.data + 48, 8)};
    *end = (size_t)number_at(locator.data + 8, 8);
    return 0;
}

/* *out is the directory's bytes, in which *count entries should be. */
static int find_directory(struct span *out, size_t *count, struct span bytes, struct err *err)
{
    size_t end = 0;
    int rc = find_end(&end, bytes, err);
    if (rc)
        return rc;
    const char *record = bytes.data + end;
    struct directory directory = {
        number_at(record + 10, 2), number_at(record + 12, 4), number_at(record + 16, 4)};
    if (directory.entries == UINT16_MAX || directory.size == UINT32_MAX || directory.offset == UINT32_MAX)
        rc = read_end_64(&directory, &end, bytes, err);
    else if (number_at(record + 4, 2) || number_at(record + 6, 2))
        rc = err_set(err, ERR_UNSUPPORTED, "a zip archive in several files is not read");
    if (rc)
        return rc;
    if (!cut(out, (struct span){bytes.data, end}, directory.offset, directory.size))
        return err_set(err, ERR_FORMAT,
            "the zip directory is said to have %llu bytes at byte %llu, its end record stands at byte %zu",
            (unsigned long long)directory.size, (unsigned long long)directory.offset, end);
    if (directory.entries > directory.size / CENTRAL_SIZE)
        return err_set(err, ERR_FORMAT, "the zip directory of %llu bytes cannot have %llu entries",
            (unsigned long long)directory.size, (unsigned long long)directory.entries);
    *count = (size_t)directory.entries;
    return 0;
}

/* ---- entries ------------------------------------------------------------------------------------------- */

/* ZIP64's extra field has those of the numbers that are all ones where they should be, in this order. */
static bool take_zip64(uint64_t *const numbers[3], struct span extra)
{
    struct span field = {0};
    for (struct span rest = extra; rest.length >= 4;) {
        const uint64_t length = number_at(rest.data + 2, 2);
        if (!cut(&field, rest, 4, length))
            return false;
        if (number_at(rest.data, 2) == EXTRA_ZIP64)
            break;
        rest = span_from(rest, (size_t)length + 4);
        field = (struct span){0};
    }
    for (int i = 0; i < 3; i++) {
        if (*numbers[i] != UINT32_MAX)
            continue;
        if (field.length < 8)
            return false;
        *numbers[i] = number_at(field.data, 8);
        field = span_from(field, 8);
    }
    return true;
}

/* The data of an entry stand behind its local header. */
static int find_data(
    struct zip_entry *entry, struct span files, uint64_t at, uint64_t stored, struct err *err)
{
    struct span local, name;
    uint64_t begin = at;
    if (!cut(&local, files, at, LOCAL_SIZE) || !begins(local, "PK\3\4"))
        return err_set(err, ERR_FORMAT, "entry '%s' should stand at byte %llu, where no entry is",
            name_text(entry->name).text, (unsigned long long)at);
    const uint64_t name_length = number_at(local.data + 26, 2), extra = number_at(local.data + 28, 2);
    begin += LOCAL_SIZE;
    if (!cut(&name, files, begin, name_length) || !span_equal(name, entry->name))
        return err_set(err, ERR_FORMAT, "entry '%s' has another name at byte %llu, where it stands",
            name_text(entry->name).text, (unsigned long long)at);
    begin += name_length + extra;
    if (!cut(&entry->data, files, begin, stored))
        return err_set(err, ERR_FORMAT,
            "entry '%s' is said to have %llu bytes at byte %llu, the directory stands at byte %zu",
            name_text(entry->name).text, (unsigned long long)stored, (unsigned long long)begin, files.length);
    return 0;
}

static int read_entry(struct zip_entry *entry, struct span *rest, struct span files, struct err *err)
{
    const struct span header = *rest;
    struct span extra;
    if (header.length < CENTRAL_SIZE || !begins(header, "PK\1\2"))
        return err_set(err, ERR_FORMAT, "the zip directory has fewer entries than it should");
    uint64_t stored = number_at(header.data + 20, 4), size = number_at(header.data + 24, 4),
             at = number_at(header.data + 42, 4);
    const uint64_t name = number_at(header.data + 28, 2), extras = number_at(header.data + 30, 2),
                   comment = number_at(header.data + 32, 2);
    *entry = (struct zip_entry){
        .flags = (unsigned)number_at(header.data + 8, 2), .method = (unsigned)number_at(header.data + 10, 2)};
    if (!cut(&entry->name, header, CENTRAL_SIZE, name) || !cut(&extra, header, CENTRAL_SIZE + name, extras) ||
        !cut(&(struct span){0}, header, CENTRAL_SIZE + name + extras, comment))
        return err_set(err, ERR_FORMAT, "the zip directory ends inside an entry");
    if (!take_zip64((uint64_t *const[]){&size, &stored, &at}, extra))
        return err_set(
            err, ERR_FORMAT, "entry '%s' has no ZIP64 sizes, which it needs", name_text(entry->name).text);
    *rest = span_from(header, (size_t)(CENTRAL_SIZE + name + extras + comment));
    entry->size = (size_t)size;
    return find_data(entry, files, at, stored, err);
}

static int by_place(const void *left, const void *right)
{
    const struct zip_entry *a = left, *b = right;
    if (a->data.data != b->data.data)
        return a->data.data < b->data.data ? -1 : 1;
    return (a->data.length > b->data.length) - (a->data.length < b->data.length);
}

static int by_name(const void *left, const void *right)
{
    const struct span a = ((const struct zip_entry *)left)->name, b = ((const struct zip_entry *)right)->name;
    const int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* What no entry can say alone. Leaves them sorted by name. */
static int check_entries(struct zip *zip, struct err *err)
{
    struct zip_entry *entries = zip->entries;
    qsort(entries, zip->count, sizeof *entries, by_place);
    for (size_t i = 1; i < zip->count; i++)
        if (entries[i].data.data < entries[i - 1].data.data + entries[i - 1].data.length)
            return err_set(err, ERR_FORMAT, "entries '%s' and '%s' overlap",
                name_text(entries[i - 1].name).text, name_text(entries[i].name).text);
    qsort(entries, zip->count, sizeof *entries, by_name);
    for (size_t i = 1; i < zip->count; i++)
        if (span_equal(entries[i].name, entries[i - 1].name))
            return err_set(err, ERR_FORMAT, "entry '%s' is there twice", name_text(entries[i].name).text);
    return 0;
}

int zip_open(struct zip *out, struct span bytes, struct err *err)
{
    struct span directory = {0};
    size_t count = 0;
    *out = (struct zip){0};
    int rc = find_directory(&directory, &count, bytes, err);
    if (rc)
        return rc;
    const struct span files = {bytes.data, (size_t)(directory.data - bytes.data)};
    out->entries = mem_new(count, sizeof *out->entries);
    if (!out->entries)
        rc = err_memory(err, count * sizeof *out->entries);
    for (; !rc && out->count < count; out->count++)
        rc = read_entry(&out->entries[out->count], &directory, files, err);
    if (!rc)
        rc = check_entries(out, err);
    if (rc)
        zip_release(out);
    return rc;
}

void zip_release(struct zip *zip)
{
    if (!zip)
        return;
    free(zip->entries);
    *zip = (struct zip){0};
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name)
{
    const struct zip_entry wanted = {.name = span_of(name)};
    return zip->count ? bsearch(&wanted, zip->entries, zip->count, sizeof wanted, by_name) : NULL;
}

/* ---- data ---------------------------------------------------------------------------------------------- */

/* zlib counts in 32 bits. */
static unsigned piece(size_t left)
{
    enum { PIECE = 1 << 30 };
    return left < PIECE ? (unsigned)left : PIECE;
}

/* Whether exactly size bytes come of all the data. */
static bool inflate_all(uint8_t *out, size_t size, struct span data)
{
    z_stream stream = {0};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) /* negative: without zlib's own header */
        return false;
    const uint8_t *in = span_bytes(data), *const end = in + data.length;
    uint8_t *const last = out + size;
    int status = Z_OK;
    stream.next_out = out;
    stream.next_in = (Bytef *)in;
    while (status == Z_OK) {
        stream.avail_in = piece((size_t)(end - stream.next_in));
        stream.avail_out = piece((size_t)(last - stream.next_out));
        status = inflate(&stream, Z_NO_FLUSH);
    }
    const bool whole = status == Z_STREAM_END && stream.next_out == last && stream.next_in == end;
    inflateEnd(&stream);
    return whole;
}

int zip_read(struct span *out, struct arena *arena, const struct zip_entry *entry, struct err *err)
{
    enum { DEFLATE_RATIO = 1032 }; /* no data get smaller than this */
    if (entry->flags & ENCRYPTED)
        return err_set(err, ERR_UNSUPPORTED, "entry '%s' is encrypted", name_text(entry->name).text);
    if (entry->method != STORED && entry->method != DEFLATED)
        return err_set(err, ERR_UNSUPPORTED, "entry '%s' is compressed by method %u, which is not read",
            name_text(entry->name).text, entry->method);
    if (entry->method == STORED ? entry->size != entry->data.length
                                : entry->size / DEFLATE_RATIO > entry->data.length)
        return err_set(err, ERR_FORMAT, "entry '%s' is said to have %zu bytes, stored as %zu",
            name_text(entry->name).text, entry->size, entry->data.length);
    *out = entry->data;
    if (entry->method == STORED)
        return 0;
    uint8_t *inflated = arena_alloc(arena, entry->size);
    if (!inflated)
        return err_memory(err, entry->size);
    *out = (struct span){(const char *)inflated, entry->size};
    if (inflate_all(inflated, entry->size, entry->data))
        return 0;
    return err_set(err, ERR_FORMAT, "entry '%s' is damaged, or not as long as it is said to be",
        name_text(entry->name).text);
}
