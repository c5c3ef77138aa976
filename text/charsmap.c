// SPDX-License-Identifier: Apache-2.0
#include "text/charsmap.h"

#include "text/unicode.h"

#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS_MAX = 1 << 22, BYTES = 256 };

static uint32_t read_u32(const char *bytes)
{
    const uint8_t *b = (const uint8_t *)bytes;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t label(uint32_t unit)
{
    return unit & UINT32_C(0x800000ff);
}

static bool has_leaf(uint32_t unit)
{
    return unit & 0x100;
}

static uint32_t offset(uint32_t unit)
{
    return (unit >> 10) << ((unit & 0x200) >> 6);
}

/* Not the first byte of a character. */
static bool is_inside(char byte)
{
    return ((uint8_t)byte & 0xc0) == 0x80;
}

/* ---- checks -------------------------------------------------------------------------------------------- */

/* A walk over all that can be reached, depth first. Two units may lead to the same children, but none to itself. */
struct walk {
    const struct charsmap *map;
    enum { NEW, OPEN, DONE } * states; // (count)
    struct frame {
        uint32_t unit;
        uint16_t byte; /* of the child that is next */
    } * frames;        // (count), the open ones
    size_t depth;
};

static int check_leaf(const struct charsmap *map, size_t unit, struct err *err)
{
    if (unit >= map->count)
        return err_set(err, ERR_FORMAT, "the charsmap's trie leads to unit %zu of %zu", unit, map->count);
    const uint32_t text = map->units[unit] & INT32_MAX;
    if (text >= map->length || is_inside(map->texts[text]))
        return err_set(err, ERR_FORMAT, "unit %zu of the charsmap's trie has its text at byte %u of %zu",
            unit, text, map->length);
    return 0;
}

static int open_unit(struct walk *walk, size_t unit, struct err *err)
{
    const struct charsmap *map = walk->map;
    if (walk->states[unit] == DONE)
        return 0;
    if (walk->states[unit] == OPEN)
        return err_set(err, ERR_FORMAT, "the charsmap's trie loops at unit %zu", unit);
    walk->states[unit] = OPEN;
    walk->frames[walk->depth++] = (struct frame){(uint32_t)unit, 1};
    return has_leaf(map->units[unit]) ? check_leaf(map, unit ^ offset(map->units[unit]), err) : 0;
}

static int walk_on(struct walk *walk, struct err *err)
{
    const struct charsmap *map = walk->map;
    struct frame *top = &walk->frames[walk->depth - 1];
    if (top->byte == BYTES) {
        walk->states[top->unit] = DONE;
        walk->depth--;
        return 0;
    }
    const uint16_t byte = top->byte++;
    const size_t child = top->unit ^ offset(map->units[top->unit]) ^ byte;
    return child < map->count && label(map->units[child]) == byte ? open_unit(walk, child, err) : 0;
}

static int check(const struct charsmap *map, struct err *err)
{
    struct walk walk = {.map = map};
    walk.states = mem_new(map->count, sizeof *walk.states);
    walk.frames = mem_new(map->count, sizeof *walk.frames);
    int rc = walk.states && walk.frames ? open_unit(&walk, 0, err) : err_memory(err, map->count);
    while (!rc && walk.depth)
        rc = walk_on(&walk, err);
    free(walk.states);
    free(walk.frames);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static int copy(struct charsmap *map, struct span blob, struct err *err)
{
    const size_t size = blob.length > 4 ? read_u32(blob.data) : 0;
    if (size < 4 || size % 4 || size / 4 > UNITS_MAX || size >= blob.length - 4)
        return err_set(err, ERR_FORMAT, "the charsmap of %zu bytes has no trie at its front", blob.length);
    if (blob.data[blob.length - 1])
        return err_set(err, ERR_FORMAT, "the last text of the charsmap has no end");
    map->count = size / 4;
    map->length = blob.length - 4 - size;
    map->units = mem_new(map->count, sizeof *map->units);
    map->texts = mem_new(map->length, 1);
    if (!map->units || !map->texts)
        return err_memory(err, blob.length);
    for (size_t i = 0; i < map->count; i++)
        map->units[i] = read_u32(blob.data + 4 + 4 * i);
    memcpy(map->texts, blob.data + 4 + size, map->length);
    if (unicode_check((struct span){map->texts, map->length}, NULL))
        return err_set(err, ERR_FORMAT, "the texts of the charsmap are not UTF-8");
    return 0;
}

int charsmap_init(struct charsmap *map, struct span blob, struct err *err)
{
    *map = (struct charsmap){0};
    int rc = copy(map, blob, err);
    if (!rc)
        rc = check(map, err);
    if (rc)
        charsmap_release(map);
    return rc;
}

int charsmap_init_base64(struct charsmap *map, struct span text, struct err *err)
{
    struct base64_decode_ctx decoder;
    size_t length = BASE64_DECODE_LENGTH(text.length);
    uint8_t *blob = mem_new(length + 1, 1);
    if (!blob)
        return err_memory(err, length);
    base64_decode_init(&decoder);
    const bool decoded = base64_decode_update(&decoder, &length, blob, text.length, text.data) &&
                         base64_decode_final(&decoder);
    const int rc = decoded ? charsmap_init(map, (struct span){(const char *)blob, length}, err)
                           : err_set(err, ERR_FORMAT, "the charsmap is not base64");
    free(blob);
    return rc;
}

void charsmap_release(struct charsmap *map)
{
    if (!map)
        return;
    free(map->units);
    free(map->texts);
    *map = (struct charsmap){0};
}

/* ---- use ----------------------------------------------------------------------------------------------- */

size_t charsmap_find(struct span *right, const struct charsmap *map, struct span text, bool longest)
{
    size_t found = 0, unit = map->count ? offset(map->units[0]) : 0;
    for (size_t i = 0; map->count && i < text.length && (longest || !found); i++) {
        const uint8_t byte = (uint8_t)text.data[i];
        const size_t child = unit ^ byte;
        if (!byte || child >= map->count || label(map->units[child]) != byte)
            break;
        unit = child ^ offset(map->units[child]);
        if (has_leaf(map->units[child]) && (i + 1 == text.length || !is_inside(text.data[i + 1]))) {
            *right = span_of(map->texts + (map->units[unit] & INT32_MAX));
            found = i + 1;
        }
    }
    return found;
}
