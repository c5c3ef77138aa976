// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of picture_capture share:
 *
 *   capture.c             in which order sources count
 *   capture_file.c        a picture's file, read in pieces
 *   capture_containers.c  where EXIF and XMP lie in JPEG, PNG, WebP, TIFF and camera raw
 *   capture_boxes.c       and in files made of ISO's boxes: HEIC, AVIF, CR3, JPEG XL, JPEG 2000
 *   capture_exif.c        EXIF
 *   capture_xmp.c         XMP
 *   capture_beside.c      files beside the picture
 *   capture_date.c        dates
 *
 * No library, since it is some twenty fields of formats that have not changed in decades, of files that nobody vouches
 * for: libexif knows neither where EXIF lies nor XMP, and Exiv2 is a large C++ program that would have to run in
 * vision/helper. All sizes and places are checked against the file's end; nothing that a file says is followed twice.
 *
 * Each fills in what is still unknown and leaves the rest. Damage is no error: what cannot be read is unknown.
 */
#ifndef DIPTYCH_VISION_CAPTURE_H
#define DIPTYCH_VISION_CAPTURE_H

#include "vision/vision.h"

/* ---- the file ------------------------------------------------------------------------------------------ */

enum { CAPTURE_WINDOW = 16384 };

/* Read by pread, and not mapped, since others may cut it short meanwhile. */
struct capture_file {
    int fd;         /* -1: `bytes` are all of it */
    uint64_t size;  /* of the file */
    uint8_t *bytes; // (filled): from `first` on
    uint64_t first, filled;
};

/* ERR_IO, ERR_MEMORY. Bytes are borrowed. */
int capture_file_open(struct capture_file *out, struct picture_source source, struct err *err);
void capture_file_close(struct capture_file *file);

/* So many bytes, CAPTURE_WINDOW at most, that live until the next call; NULL where the file has none there. */
const uint8_t *capture_bytes(struct capture_file *file, uint64_t at, size_t length);

/* A part of the file; length 0: none. */
struct extent {
    uint64_t at, length;
};

/* Numbers read one after the other; beyond the end they are 0 and `bad` is set. */
struct cursor {
    struct capture_file *file;
    uint64_t at, end;
    bool little, bad;
};
uint64_t cursor_take(struct cursor *cursor, size_t bytes); /* 0 to 8 */

/* ---- blocks -------------------------------------------------------------------------------------------- */

/* EXIF is a TIFF file in small. Canon's CR3 has three of them, a directory each. */
struct capture_blocks {
    struct extent main, exif, gps, xmp;
};

void capture_find_blocks(struct capture_blocks *out, struct capture_file *file);
void capture_find_boxes(struct capture_blocks *out, struct capture_file *file);

void capture_exif(struct capture *out, struct capture_file *file, const struct capture_blocks *blocks);
void capture_xmp(struct capture *out, const char *text); /* a whole XMP packet */

/* Of a picture's path. ERR_MEMORY. */
int capture_beside(struct capture *out, const char *path, struct err *err);

/* ---- fields -------------------------------------------------------------------------------------------- */

/* "2024:06:01 09:30:00" of EXIF, or "2024-06-01T09:30:00.12+02:00" and its beginnings down to the year, as XMP has them.
 * Left alone where that is no date. */
void capture_set_date(struct capture *out, const char *text);
void capture_set_camera(struct capture *out, const char *make, const char *model);
void capture_set_lens(struct capture *out, const char *lens);
void capture_set_place(struct capture *out, double lat, double lon);

static inline bool capture_has_place(const struct capture *capture)
{
    return capture->lat != 0 || capture->lon != 0;
}

#endif
