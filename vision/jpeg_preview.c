// SPDX-License-Identifier: Apache-2.0
/*
 * The picture in small that many cameras put behind a JPEG's own, by the index of its Multi-Picture Format (CIPA DC-007):
 *
 *     segment APP2    "MPF\0" | a block like EXIF's, with a tag for entries of 16 bytes
 *     an entry        what it is (4) | size (4) | offset from the block's beginning (4) | two others that belong to it (2 each)
 *
 * What it is: in its last three bytes 0x010001 for some 640 x 480 pixels, 0x010002 for some 1920 x 1080. Others (the other eye's
 * picture, a part of a panorama, a map of depth or of brightness) are not the same in small.
 */
#include "vision/format.h"

#include <string.h>

enum { ENTRIES = 0xb002, ENTRY = 16, MOST = 16, KIND = 0xffffff, SMALL = 0x010001, MIDDLE = 0x010002 };

static struct span preview_at(struct span file, struct span index, size_t entry)
{
    const uint32_t kind = tiff_number(index, entry, 4) & KIND;
    const size_t size = tiff_number(index, entry + 4, 4), offset = tiff_number(index, entry + 8, 4);
    const size_t from = (size_t)(index.data - file.data) + offset;
    const bool is_jpeg =
        size > 2 && size <= bytes_behind(file, from) && !memcmp(file.data + from, "\xff\xd8", 2);
    return is_jpeg && (kind == SMALL || kind == MIDDLE) ? (struct span){file.data + from, size}
                                                        : (struct span){0};
}

struct span jpeg_preview(struct span file, const struct picture_options *options)
{
    const struct span index = options->min_edge > 0 ? jpeg_index(file) : (struct span){0};
    const size_t list = tiff_entry(index, ENTRIES);
    const struct edges whole = list ? jpeg_edges(file) : (struct edges){0};
    struct edges least = whole;
    struct span best = {0};
    for (size_t i = 0; list && i < MOST && i < tiff_number(index, list + 4, 4) / ENTRY; i++) {
        const struct span preview = preview_at(file, index, tiff_number(index, list + 8, 4) + i * ENTRY);
        const struct edges edges = preview.length ? jpeg_edges(preview) : (struct edges){0};
        if (edges.width < least.width && picture_serves(edges, whole, options)) {
            best = preview;
            least = edges;
        }
    }
    return best;
}
