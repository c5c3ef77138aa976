// SPDX-License-Identifier: Apache-2.0
/*
 * GIF: "GIF89a", a screen descriptor of 7 bytes, maybe a colour table, then blocks: extensions (0x21, kind,
 * sub-blocks), pictures (0x2c ...) and the end (0x3b). A sub-block is a length and that many bytes; length 0
 * ends the list. The graphic control extension (kind 0xf9) before a picture may name a transparent colour.
 */
#include "vision/format.h"

#include <stdlib.h>
#include <string.h>

/* Where the flags of the graphic control extension stand that precedes the first picture; 0 for nowhere. */
static size_t find_control_flags(struct span file)
{
    enum { HEADER = 13, TABLE_FLAG = 0x80, TABLE_SIZE = 7, EXTENSION = 0x21, CONTROL = 0xf9 };
    size_t flags = 0;

    if (file.size < HEADER)
        return 0;
    const uint8_t screen = file.data[10];
    size_t at = HEADER + (screen & TABLE_FLAG ? (size_t)3 << ((screen & TABLE_SIZE) + 1) : 0);
    while (at + 3 < file.size && file.data[at] == EXTENSION) {
        if (file.data[at + 1] == CONTROL)
            flags = at + 3;
        for (at += 2; at < file.size && file.data[at]; at += 1 + (size_t)file.data[at])
            ;
        ++at;
    }
    return flags;
}

/* Pillow's convert("RGB") shows a transparent pixel in the colour its palette has for it; stb_image leaves it
 * black or in the background's colour. So stb_image gets a copy that says nothing of transparency. */
int gif_decode(struct picture *out, struct span file, size_t max_pixels, struct err *err)
{
    enum { TRANSPARENT = 1 };
    const size_t flags = find_control_flags(file);

    if (!flags || !(file.data[flags] & TRANSPARENT))
        return stb_decode(out, file, max_pixels, err);
    uint8_t *copy = malloc(file.size);
    if (!copy)
        return err_memory(err, file.size);
    memcpy(copy, file.data, file.size);
    copy[flags] &= (uint8_t)~TRANSPARENT;
    int rc = stb_decode(out, (struct span){copy, file.size}, max_pixels, err);
    free(copy);
    return rc;
}
