// SPDX-License-Identifier: Apache-2.0
/*
 * The formats pictures come in: one table says how each is recognised, checked and decoded. Private to
 * vision.
 *
 * Messages of these functions say what is wrong inside the file; picture_decode puts the format's name before
 * them.
 */
#ifndef DIPTYCH_VISION_FORMAT_H
#define DIPTYCH_VISION_FORMAT_H

#include "vision/vision.h"

/* How many of its bytes lie behind an offset that it names itself. */
static inline size_t bytes_behind(struct span file, uint64_t offset)
{
    return offset < file.length ? file.length - (size_t)offset : 0;
}

typedef int format_check(struct span file, struct err *err);
/* Makes a whole file of one that ends early or whose pixels do, (*size) bytes for free(): rows that it lacks are zeros. */
typedef int format_mend(
    char **out, size_t *size, struct span file, const struct picture_options *options, struct err *err);
typedef struct span format_exif(struct span file);
/* options: with the limits filled in; the rest is for those that can make use of it. */
typedef int format_decode(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err);

struct edges {
    long long width, height;
};

struct format {
    const char *name;
    const char *magic;           /* the bytes it is told by, at magic_at */
    size_t magic_size, magic_at; /* counted, since magic may hold zeros */
    const char *brand; /* or a brand of ISO's base media file format: four letters in the box 'ftyp' */
    bool (*tells)(struct span file); /* or by what this finds in it */
    const char *suffixes;  /* names end so, in letters of either case: ".jpg .jpeg"; on one row of a format */
    const char *library;   /* what decodes it; NULL: this program's own code, or nothing */
    bool apart;            /* decoded by that library in another process: see vision/helper */
    format_decode *decode; /* decoded here; NULL of those that are decoded apart or not read */
    format_mend *mend;     /* of what the check finds wrong; NULL: nothing */
    format_check *check;   /* finds the damage the decoder would not notice; NULL: it notices all */
    format_exif *exif;   /* the EXIF block, a TIFF file in small; NULL: none, or the decoder has heeded it */
    format_exif *xmp;    /* likewise the XMP packet, whose orientation counts where EXIF has none */
    const char *hint;    /* of what no library is known for: what to do about it */
    const char *media;   /* its media type, where browsers show it; else NULL */
    enum file_kind kind; /* what is no picture is here to be refused by name */
};

/* NULL where the first bytes are those of no known format. */
const struct format *format_find(struct span file);

/* The same of a file with a name, which tells a TGA of version 1, that has nothing else. The name may be NULL. */
const struct format *format_find_named(struct span file, const char *name);

/* Pixels as they are stored, in this process. */
int format_decode_here(struct picture *out, const struct format *format, struct span file,
    const struct picture_options *options, struct err *err);

/* Whether this build reads it. */
bool format_is_read(const struct format *format);

format_decode stb_decode, png_decode, gif_decode, bmp_decode, pnm_decode, psd_decode, qoi_decode;
format_decode ico_decode, tga_decode;
format_decode turbo_decode, webp_decode; /* where the build found their libraries */
format_check jpeg_check, png_check;
format_mend png_mend;

/* What a JPEG's header says; zeros where it has none. */
struct edges jpeg_edges(struct span file);

/* The smallest JPEG file behind a JPEG's own picture that shows it in small and serves; empty where there is none. */
struct span jpeg_preview(struct span file, const struct picture_options *options);

/* Every scan passes over the whole picture, however few bytes it has. Programs write about ten. */
enum { JPEG_SCANS_MAX = 100 };

format_exif jpeg_exif, png_exif, webp_exif, jpeg_xmp, png_xmp, webp_xmp;
format_exif jpeg_index; /* of the pictures behind the first: a block like EXIF's */

/* Whose the memory of pixels is, where it is not malloc's. */
struct picture_host {
    /* A header says that there are so many: what decoding them takes may be allocated from here on. */
    int (*announce)(struct picture_host *host, size_t pixels, struct err *err);
    uint8_t *(*take)(struct picture_host *host, size_t bytes); /* NULL: malloc is to give it */
    void (*give_back)(struct picture_host *host);
};

/* Refuses sizes that are not positive or hold more than the options' max_pixels, and announces others to their host. */
int picture_check_size(
    long long width, long long height, const struct picture_options *options, struct err *err);

/* Of a file that holds its picture in small, too: whether that stands for the whole one where no more than the options' min_edge is
 * needed. It has to be the same picture as far as edges tell, its aspect ratio being that of the whole within two pixels. */
bool picture_serves(struct edges small, struct edges whole, const struct picture_options *options);

/* The largest n, up to `most`, for which 1/2^n of the picture has no edge under min_edge; 0 where that is. */
unsigned picture_halvings(struct edges whole, unsigned most, const struct picture_options *options);

/* Memory for the pixels of *out, uninitialised: of the options' host where there is one. options may be NULL. */
int picture_alloc(struct picture *out, const struct picture_options *options, enum picture_mode mode,
    int width, int height, struct err *err);

/* Notes that the picture is one of numbers: of the first `count` <= 256 colours (count, 3), the others being black;
 * or of bits, whose 0 is black and whatever else white. */
int picture_set_palette(struct picture *picture, const uint8_t *colors, size_t count, struct err *err);
int picture_set_bits(struct picture *picture, struct err *err);

/* bmp_decode of what icons hold: without the file header, twice as high as it is. *pixels is where its pixels begin. */
int bmp_icon_decode(struct picture *out, size_t *pixels, struct span bytes,
    const struct picture_options *options, struct err *err);

/* stb_decode to PICTURE_RGB or PICTURE_RGBA. */
int stb_load(struct picture *out, struct span file, enum picture_mode mode,
    const struct picture_options *options, struct err *err);

/* Notes what is wrong with a picture that was read all the same. The first that is noted stays. */
void picture_warn(struct picture *picture, const char *format, ...) PRINTF_LIKE(2, 3);

/* Before its pixels are decoded: makes all of them what Pillow makes of those that a truncated file lacks, zeros, or in a picture of
 * numbers the first colour. Without options->truncated they do not matter, and stay as they are. */
void picture_blank(struct picture *picture, const struct picture_options *options);

/* After it, with what came of it and of which damage: where that is ERR_FORMAT and options->truncated takes it, the damage
 * becomes the picture's warning, and 0 is returned; else rc, and *err is the damage. */
int picture_damaged(struct picture *picture, int rc, const struct err *damage,
    const struct picture_options *options, struct err *err);

/* Turns a stored picture upright. orientation is EXIF's 1 to 8. */
int picture_orient(struct picture *picture, int orientation, struct err *err);

/* The orientation that an EXIF block says, or where it has none an XMP packet; 1 (upright) where neither does or they are
 * damaged: a picture is worth more than its metadata. */
int metadata_orientation(struct span exif, struct span xmp);

/* What TIFF files, and blocks like them, have for a tag in their first directory: where its entry stands, 0 where there is none; and
 * `bytes` anywhere as a number in its own byte order, 0 outside. */
size_t tiff_entry(struct span tiff, uint32_t tag);
uint32_t tiff_number(struct span tiff, size_t at, int bytes);

/* Whether a TIFF file holds what a camera's sensor saw: a DNG, or a file of a camera's whose first picture is of its colour
 * filters, or a small one for show. */
bool tiff_is_raw(struct span file);

/* Whether it is an icon of Windows', whose magic alone is too short. */
bool ico_tells(struct span file);

/* TGA has no magic number. Version 2 is told by its footer; of version 1 the header may at best be one. */
bool tga_tells(struct span file), tga_may_be(struct span file);

/* Whether it is an MPEG transport stream, by its packets. */
bool mpeg_stream_tells(struct span file);

#endif
