// SPDX-License-Identifier: Apache-2.0
/* Where EXIF and XMP lie. Their formats are told apart as format.c does, by their first bytes. */
#include "vision/bytes.h"
#include "vision/capture.h"

#include <string.h>

/* Whether the file has these bytes there. */
static bool has(struct capture_file *file, uint64_t at, const char *bytes, size_t length)
{
    const uint8_t *there = capture_bytes(file, at, length);
    return there && !memcmp(there, bytes, length);
}
#define HAS(file, at, bytes) has(file, at, bytes, sizeof(bytes) - 1)

/* The first counts. */
static void note(struct extent *out, uint64_t at, uint64_t length)
{
    if (!out->length)
        *out = (struct extent){at, length};
}

/* Parts that a file may have before it is taken for one that was made to be slow. */
enum { PARTS_MAX = 65536 };

/* ---- JPEG: 0xff, a marker, a length of two bytes that counts itself, data ------------------------------ */

#define EXIF_MARK "Exif\0\0"
#define XMP_MARK "http://ns.adobe.com/xap/1.0/\0"

static void note_app1(struct capture_blocks *out, struct capture_file *file, uint64_t at, uint64_t length)
{
    enum { EXIF_SIZE = sizeof EXIF_MARK - 1, XMP_SIZE = sizeof XMP_MARK - 1 };
    if (length > EXIF_SIZE && HAS(file, at, EXIF_MARK))
        note(&out->main, at + EXIF_SIZE, length - EXIF_SIZE);
    else if (length > XMP_SIZE && HAS(file, at, XMP_MARK))
        note(&out->xmp, at + XMP_SIZE, length - XMP_SIZE);
}

/* first: where the JPEG begins in the file. Bytes between segments are passed over, as jpeg.c does. */
static void find_in_jpeg(struct capture_blocks *out, struct capture_file *file, uint64_t first)
{
    enum { APP1 = 0xe1, SCAN = 0xda, END = 0xd9, STRAY_MAX = 65536 };
    uint64_t at = first + 2;
    for (int i = 0, stray = 0; i < PARTS_MAX && stray < STRAY_MAX; i++) {
        const uint8_t *head = capture_bytes(file, at, 4);
        if (!head)
            return;
        if (head[0] != 0xff || head[1] == 0xff || head[1] == 0) {
            at++;
            stray++;
            i--;
            continue;
        }
        const uint8_t marker = head[1];
        const uint64_t length = read_be16(head + 2);
        if (marker == SCAN || marker == END || length < 2)
            return;
        if (marker == APP1)
            note_app1(out, file, at + 4, length - 2);
        at += 2 + length;
    }
}

/* ---- PNG: length, type, data, checksum ----------------------------------------------------------------- */

/* Keyword, NUL, compressed or not, method, language, NUL, keyword once more, NUL, text. */
static void note_itxt(struct capture_blocks *out, struct capture_file *file, uint64_t at, uint64_t length)
{
    static const char keyword[] = "XML:com.adobe.xmp\0\0"; /* not compressed */
    struct cursor cursor = {.file = file, .at = at + sizeof keyword, .end = at + length};
    if (length <= sizeof keyword || !HAS(file, at, keyword))
        return;
    for (int texts = 0; texts < 2 && !cursor.bad;)
        texts += !cursor_take(&cursor, 1);
    if (!cursor.bad)
        note(&out->xmp, cursor.at, cursor.end - cursor.at);
}

static void find_in_png(struct capture_blocks *out, struct capture_file *file)
{
    uint64_t at = 8;
    for (int i = 0; i < PARTS_MAX; i++) {
        const uint8_t *head = capture_bytes(file, at, 8);
        if (!head || !memcmp(head + 4, "IEND", 4))
            return;
        const uint64_t length = read_be32(head);
        if (!memcmp(head + 4, "eXIf", 4))
            note(&out->main, at + 8, length);
        else if (!memcmp(head + 4, "iTXt", 4))
            note_itxt(out, file, at + 8, length);
        at += 12 + length;
    }
}

/* ---- WebP: RIFF, of type, length, data, a byte more where that is odd ---------------------------------- */

static void find_in_webp(struct capture_blocks *out, struct capture_file *file)
{
    uint64_t at = 12;
    for (int i = 0; i < PARTS_MAX; i++) {
        const uint8_t *head = capture_bytes(file, at, 8);
        if (!head)
            return;
        const uint64_t length = read_le32(head + 4);
        if (!memcmp(head, "EXIF", 4))
            note(&out->main, at + 8, length);
        else if (!memcmp(head, "XMP ", 4))
            note(&out->xmp, at + 8, length);
        at += 8 + length + length % 2;
    }
}

/* ---- all ----------------------------------------------------------------------------------------------- */

/* The file itself. Its XMP is a tag. */
static void find_in_tiff(struct capture_blocks *out, struct capture_file *file)
{
    enum { XMP = 700, ENTRY = 12 };
    struct cursor cursor = {.file = file, .at = 4, .end = file->size, .little = HAS(file, 0, "II")};
    note(&out->main, 0, file->size);
    cursor.at = cursor_take(&cursor, 4);
    for (uint64_t count = cursor_take(&cursor, 2); count && !cursor.bad; count--) {
        const uint64_t next = cursor.at + ENTRY;
        if (cursor_take(&cursor, 2) == XMP) {
            cursor_take(&cursor, 2);
            const uint64_t length = cursor_take(&cursor, 4), at = cursor_take(&cursor, 4);
            if (!cursor.bad && length > 4)
                note(&out->xmp, at, length);
        }
        cursor.at = next;
    }
}

/* Fujifilm's raw has a JPEG with all of it. */
static void find_in_raf(struct capture_blocks *out, struct capture_file *file)
{
    enum { JPEG_AT = 84 };
    struct cursor cursor = {.file = file, .at = JPEG_AT, .end = file->size};
    const uint64_t at = cursor_take(&cursor, 4);
    if (HAS(file, at, "\xff\xd8\xff"))
        find_in_jpeg(out, file, at);
}

void capture_find_blocks(struct capture_blocks *out, struct capture_file *file)
{
    if (HAS(file, 0, "\xff\xd8\xff"))
        find_in_jpeg(out, file, 0);
    else if (HAS(file, 0, "\x89PNG\r\n\x1a\n"))
        find_in_png(out, file);
    else if (HAS(file, 8, "WEBP"))
        find_in_webp(out, file);
    else if (HAS(file, 0, "FUJIFILMCCD-RAW"))
        find_in_raf(out, file);
    else if (HAS(file, 4, "ftyp") || HAS(file, 4, "JXL ") || HAS(file, 4, "jP  "))
        capture_find_boxes(out, file);
    else if (HAS(file, 0, "II") || HAS(file, 0, "MM"))
        find_in_tiff(out, file);
}
