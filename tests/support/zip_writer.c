// SPDX-License-Identifier: Apache-2.0
#include "tests/support/zip_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(FILE *out, uint64_t number, int bytes)
{
    for (; bytes; bytes--, number >>= 8)
        fputc((int)(number & 0xff), out);
}

/* What local header and directory have in common: version, flags, method, time, date, checksum, sizes, length of name
 * and extra field. */
static void put_common(FILE *out, const struct zip_part *part)
{
    put(out, 20, 2);
    put(out, 0, 8);
    put(out, 0, 4);
    put(out, part->data.length, 4);
    put(out, part->data.length, 4);
    put(out, strlen(part->name), 2);
    put(out, 0, 2);
}

char *zip_write(size_t *size, const struct zip_part *parts, size_t count)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, size);
    uint64_t *places = mem_new(count + 1, sizeof *places);
    if (!out || !places)
        abort();
    for (size_t i = 0; i < count; i++) {
        places[i] = (uint64_t)ftell(out);
        fputs("PK\3\4", out);
        put_common(out, &parts[i]);
        fputs(parts[i].name, out);
        fwrite(parts[i].data.data, 1, parts[i].data.length, out);
    }
    const uint64_t directory = (uint64_t)ftell(out);
    for (size_t i = 0; i < count; i++) {
        fputs("PK\1\2", out);
        put(out, 20, 2);
        put_common(out, &parts[i]);
        put(out, 0, 10); /* comment, disk, attributes */
        put(out, places[i], 4);
        fputs(parts[i].name, out);
    }
    const uint64_t end = (uint64_t)ftell(out);
    fputs("PK\5\6", out);
    put(out, 0, 4);
    put(out, count, 2);
    put(out, count, 2);
    put(out, end - directory, 4);
    put(out, directory, 4);
    put(out, 0, 2);
    free(places);
    if (fclose(out))
        abort();
    return bytes;
}
