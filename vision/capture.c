// SPDX-License-Identifier: Apache-2.0
#include "vision/capture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { XMP_LIMIT = 4 << 20 };

/* ---- fields -------------------------------------------------------------------------------------------- */

/* Without blanks at its ends, and what is not UTF-8. */
static void set_text(char *out, size_t size, const char *text)
{
    char *valid = text_utf8(text);
    if (!valid || *out) {
        free(valid);
        return;
    }
    const char *first = valid + strspn(valid, " \t\r\n");
    size_t length = strlen(first);
    while (length && strchr(" \t\r\n", first[length - 1]))
        length--;
    if (length >= size) /* no sign is cut in two */
        for (length = size - 1; length && ((unsigned char)first[length] & 0xc0) == 0x80;)
            length--;
    memcpy(out, first, length);
    out[length] = '\0';
    free(valid);
}

/* Makers put their name before the model's, or not: "Canon" and "Canon EOS R5", "NIKON CORPORATION" and "NIKON Z 6",
 * "Apple" and "iPhone 15". */
void capture_set_camera(struct capture *out, const char *make, const char *model)
{
    char text[2 * sizeof out->camera];
    make += strspn(make, " ");
    model += strspn(model, " ");
    const size_t name = strcspn(make, " ");
    size_t length = strlen(make);
    while (length && make[length - 1] == ' ')
        length--;
    const bool named = !length || (name && !strncasecmp(make, model, name));
    snprintf(
        text, sizeof text, "%.*s%s%s", named ? 0 : (int)length, make, named || !*model ? "" : " ", model);
    set_text(out->camera, sizeof out->camera, text);
}

void capture_set_lens(struct capture *out, const char *lens)
{
    set_text(out->lens, sizeof out->lens, lens);
}

/* To 7 digits, which are a centimetre. */
void capture_set_place(struct capture *out, double lat, double lon)
{
    const double unit = 1e7;
    if (capture_has_place(out) || !(fabs(lat) <= 90) || !(fabs(lon) <= 180))
        return;
    out->lat = round(lat * unit) / unit;
    out->lon = round(lon * unit) / unit;
}

/* ---- sources ------------------------------------------------------------------------------------------- */

static int read_xmp(struct capture *out, struct capture_file *file, struct extent xmp, struct err *err)
{
    char *text = xmp.length && xmp.length <= XMP_LIMIT ? mem_new((size_t)xmp.length + 1, 1) : NULL;
    if (!text)
        return xmp.length && xmp.length <= XMP_LIMIT ? err_memory(err, (size_t)xmp.length) : 0;
    uint64_t done = 0;
    while (done < xmp.length) {
        const uint64_t left = xmp.length - done, count = left < CAPTURE_WINDOW ? left : CAPTURE_WINDOW;
        const uint8_t *bytes = capture_bytes(file, xmp.at + done, (size_t)count);
        if (!bytes)
            break;
        memcpy(text + done, bytes, (size_t)count);
        done += count;
    }
    capture_xmp(out, text);
    free(text);
    return 0;
}

int picture_capture(struct capture *out, struct picture_source source, struct err *err)
{
    struct capture_file file;
    struct capture_blocks blocks = {0};
    *out = (struct capture){0};
    int rc = capture_file_open(&file, source, err);
    if (rc)
        return rc;
    capture_find_blocks(&blocks, &file);
    capture_exif(out, &file, &blocks);
    rc = read_xmp(out, &file, blocks.xmp, err);
    capture_file_close(&file);
    if (!rc && source.path && (!*out->taken || !capture_has_place(out)))
        rc = capture_beside(out, source.path, err);
    return rc;
}
