// SPDX-License-Identifier: Apache-2.0
#include "text/entities.h"

#include <assert.h>
#include <string.h>

enum { NAME_MAX_HTML = 31, BARE_MIN = 2, BARE_MAX = 6, NAME_MAX_FTFY = 24 };

const int32_t windows_1252[32] = {0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030,
    0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178};

/* ---- names --------------------------------------------------------------------------------------------- */

static const struct entity *find(struct span name)
{
    size_t low = 0, high = entity_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const struct entity *entity = &entities[middle];
        const int order = strncmp(name.data, entity->name, name.length);
        if (order == 0 && !entity->name[name.length])
            return entity;
        if (order > 0)
            low = middle + 1;
        else
            high = middle; /* a longer name that begins so comes later too */
    }
    return NULL;
}

static struct characters characters_of(const struct entity *entity)
{
    return (struct characters){{entity->text[0], entity->text[1]}, entity->text[1] ? 2 : 1};
}

/* ---- numbers ------------------------------------------------------------------------------------------- */

static int digit_of(char c, int32_t base)
{
    const int digit = c >= '0' && c <= '9'                       ? c - '0'
                      : ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') ? (c | 0x20) - 'a' + 10
                                                                 : base;
    return digit < base ? digit : -1;
}

/* Python's list of what is no character to HTML; 0x80 to 0x9f never come here. */
static bool is_invalid(int32_t c)
{
    return (c >= 0x1 && c <= 0x8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f ||
           (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

static struct characters character_of(int32_t number)
{
    if (number >= 0x80 && number <= 0x9f)
        number = windows_1252[number - 0x80];
    else if (number == 0 || (number >= 0xd800 && number <= 0xdfff) || number > 0x10ffff)
        number = 0xfffd;
    else if (is_invalid(number))
        return (struct characters){0};
    return (struct characters){{number}, 1};
}

/* "&#233;", "&#xe9;", the semicolon not needed. */
static size_t read_number(struct characters *out, struct span text)
{
    const bool hex = text.length > 2 && (text.data[2] | 0x20) == 'x';
    const int32_t base = hex ? 16 : 10, most = 0x110000;
    const size_t first = hex ? 3 : 2;
    int32_t number = 0;
    size_t end = first;
    int digit;

    while (end < text.length && (digit = digit_of(text.data[end], base)) >= 0) {
        number = number * base + digit;
        number = number < most ? number : most;
        end++;
    }
    if (end == first)
        return 0;
    *out = character_of(number);
    return end < text.length && text.data[end] == ';' ? end + 1 : end;
}

/* ---- the two readings ---------------------------------------------------------------------------------- */

size_t reference_html(struct characters *out, struct span text)
{
    if (text.length > 1 && text.data[1] == '#')
        return read_number(out, text);
    const struct span rest = span_from(text, 1);
    size_t length = 0;
    while (length < rest.length && length <= NAME_MAX_HTML && !memchr("\t\n\f <&#;", rest.data[length], 9))
        length++;
    const struct entity *entity = NULL;
    if (length < rest.length && rest.data[length] == ';')
        entity = find((struct span){rest.data, length});
    if (entity) {
        *out = characters_of(entity);
        return 1 + length + 1;
    }
    for (length = length < BARE_MAX ? length : BARE_MAX; length >= BARE_MIN; length--) {
        entity = find((struct span){rest.data, length});
        if (entity && entity->flags & BARE) {
            *out = characters_of(entity);
            return 1 + length;
        }
    }
    return 0;
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* The entity whose name in capitals this is. Its characters become capitals too. */
static size_t read_capitals(struct characters *out, struct span name)
{
    char lower[NAME_MAX_FTFY];
    for (size_t i = 0; i < name.length; i++) {
        const char c = name.data[i];
        if (c >= 'a' && c <= 'z')
            return 0;
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    const struct entity *entity = find((struct span){lower, name.length});
    if (!entity || !(entity->flags & CAPITALS))
        return 0;
    out->count = 0;
    for (size_t i = 0; i < 2 && entity->text[i]; i++)
        out->count += unicode_upper(out->items + out->count, entity->text[i]);
    return name.length;
}

size_t reference_ftfy(struct characters *out, struct span text)
{
    const bool number = text.length > 1 && text.data[1] == '#';
    const size_t first = number ? 2 : 1;
    size_t end = first;
    while (end < text.length && end - first <= NAME_MAX_FTFY && is_alphanumeric(text.data[end]))
        end++;
    if (end == first || end - first > NAME_MAX_FTFY || end == text.length || text.data[end] != ';')
        return 0;
    const struct span name = {text.data + first, end - first};
    if (number) /* all of it, and not the semicolon itself: ftfy looks for one in what html.unescape gives */
        return read_number(out, text) == end + 1 && !(out->count && out->items[0] == ';') ? end + 1 : 0;
    const struct entity *entity = find(name);
    if (entity)
        *out = characters_of(entity);
    return entity || read_capitals(out, name) ? end + 1 : 0;
}

/* ---- a pass over a text -------------------------------------------------------------------------------- */

/* "&nGt;" is the worst: 5 bytes that become 6. */
static bool room_for(size_t *room, size_t length)
{
    return size_add(room, length, length / 5 + 1);
}

int entities_replace(
    struct span *out, struct arena *arena, struct span text, reference_read *read, struct err *err)
{
    size_t room, length = 0;
    *out = text;
    if (!text.length || !memchr(text.data, '&', text.length))
        return 0;
    char *bytes = room_for(&room, text.length) ? arena_alloc(arena, room) : NULL;
    if (!bytes)
        return err_memory(err, text.length);
    for (size_t offset = 0; offset < text.length;) {
        struct characters characters;
        const size_t taken = text.data[offset] == '&' ? read(&characters, span_from(text, offset)) : 0;
        if (!taken) {
            bytes[length++] = text.data[offset++];
            continue;
        }
        for (size_t i = 0; i < characters.count; i++)
            length += unicode_write(bytes + length, characters.items[i]);
        offset += taken;
    }
    assert(length <= room);
    *out = (struct span){bytes, length};
    return 0;
}
