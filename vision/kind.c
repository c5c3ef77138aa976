// SPDX-License-Identifier: Apache-2.0
/* What files are, by their first bytes: pictures, or something that lies among them. */
#include "vision/format.h"

#include <string.h>

const char *const file_kind_names[] = {"picture", "text", "video", "other"};

/* ---- films --------------------------------------------------------------------------------------------- */

/* Packets of 188 bytes that begin with 'G', in cameras' files (AVCHD) each behind 4 bytes of its time. ISO/IEC 13818-1,
 * 2.4.3. */
bool mpeg_stream_tells(struct span file)
{
    enum { PACKET = 188, TIME = 4, PACKETS = 4 };
    for (size_t before = 0; before <= TIME; before += TIME) {
        size_t n = 0;
        const size_t step = PACKET + before;
        while (n < PACKETS && n * step + before < file.length && file.data[n * step + before] == 'G')
            n++;
        if (n == PACKETS)
            return true;
    }
    return false;
}

/* ---- kinds --------------------------------------------------------------------------------------------- */

static bool is_text(const uint8_t *head, size_t size)
{
    static const char utf16[][3] = {"\xff\xfe", "\xfe\xff"};
    if (size >= 2 && (!memcmp(head, utf16[0], 2) || !memcmp(head, utf16[1], 2)))
        return true;
    for (size_t i = 0; i < size; i++)
        if (head[i] < ' ' && (!head[i] || !strchr("\t\n\v\f\r\x1b", head[i])))
            return false;
    return size;
}

enum file_kind file_kind_of(const uint8_t *head, size_t size)
{
    enum { SURE = 3 };
    const struct format *format = format_find((struct span){(const char *)head, size});
    const bool picture = format && format->kind == FILE_PICTURE;
    if (is_text(head, size) && !(picture && (!format->magic || format->magic_size >= SURE)))
        return FILE_TEXT;
    return format ? format->kind : FILE_OTHER;
}

enum file_kind member_kind(struct shard *shard, const struct shard_entry *entry)
{
    struct span head;
    if (picture_suffix(entry->name))
        return FILE_PICTURE;
    if (entry->why || shard_head(&head, shard, FILE_HEAD, NULL))
        return FILE_OTHER;
    return file_kind_of((const uint8_t *)head.data, head.length);
}

int file_kind_find(enum file_kind *out, const char *path, struct err *err)
{
    uint8_t head[FILE_HEAD];
    size_t size = 0;
    *out = FILE_PICTURE;
    if (picture_suffix(path))
        return 0;
    const int rc = file_head(head, &size, sizeof head, path, err);
    if (!rc)
        *out = file_kind_of(head, size);
    return rc;
}
