// SPDX-License-Identifier: Apache-2.0
/*
 * How the items of a HEIF file are turned (ISO/IEC 23008-12), which libheif 1.15 does not tell:
 *
 *   meta > iprp > ipco    properties, a box each: 'irot' has quarter turns, 'imir' an axis
 *               > ipma    version (1), flags (3), entries (4), each: item (2, or 4 from version 1 on), properties (1), each the
 *                         number of one, counted from 1 (1, or 2 where the flags are odd; the highest bit is none of it)
 *
 * A box is its size (4, of all of it), its type (4), and its content.
 */
#include "vision/bytes.h"
#include "vision/helper/decoders.h"

#include <string.h>

struct box {
    const char *type; /* 4 letters */
    struct span content;
};

/* The box that `rest` begins with, which is moved behind it; false where there is none, nor one of the rarer sizes. */
static bool next_box(struct box *out, struct span *rest)
{
    enum { HEADER = 8 };
    const size_t size = rest->length < HEADER ? 0 : read_be32(span_bytes(*rest));
    if (size < HEADER || size > rest->length)
        return false;
    *out = (struct box){rest->data + 4, {rest->data + HEADER, size - HEADER}};
    *rest = span_from(*rest, size);
    return true;
}

static bool find_box(struct span *out, struct span boxes, const char *type)
{
    struct box box;
    while (next_box(&box, &boxes))
        if (!memcmp(box.type, type, 4)) {
            *out = box.content;
            return true;
        }
    return false;
}

/* A number of so many bytes, which `rest` is moved behind; 0 at the end. */
static uint32_t take(struct span *rest, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes && rest->length; i++, *rest = span_from(*rest, 1))
        value = value << 8 | span_bytes(*rest)[0];
    return value;
}

/* What the property does, appended to what others have done before. */
static uint32_t turned(uint32_t turns, struct span properties, uint32_t number)
{
    struct box box = {0};
    for (uint32_t i = 0; i < number; i++)
        if (!next_box(&box, &properties))
            return turns;
    if (!number || !box.content.length)
        return turns;
    const uint32_t angle = span_bytes(box.content)[0] & 3, axis = span_bytes(box.content)[0] & 1;
    if (!memcmp(box.type, "irot", 4) && angle)
        return turns << 3 | angle;
    return memcmp(box.type, "imir", 4) ? turns : turns << 3 | 4 | axis;
}

static uint32_t turns_of(struct span properties, struct span map, uint32_t item)
{
    uint32_t turns = 0;
    const uint32_t version = take(&map, 1), flags = take(&map, 3), entries = take(&map, 4);
    for (uint32_t i = 0; i < entries && map.length; i++) {
        const bool found = take(&map, version ? 4 : 2) == item;
        const uint32_t count = take(&map, 1);
        for (uint32_t j = 0; j < count; j++) {
            const uint32_t number = flags & 1 ? take(&map, 2) & 0x7fff : take(&map, 1) & 0x7f;
            if (found)
                turns = turned(turns, properties, number);
        }
    }
    return turns;
}

bool heif_same_turns(struct span file, uint32_t item, uint32_t other)
{
    enum { VERSION = 4 };
    struct span meta, iprp, properties, map;
    if (!find_box(&meta, file, "meta") || meta.length < VERSION ||
        !find_box(&iprp, span_from(meta, VERSION), "iprp") || !find_box(&properties, iprp, "ipco") ||
        !find_box(&map, iprp, "ipma"))
        return false;
    return turns_of(properties, map, item) == turns_of(properties, map, other);
}
