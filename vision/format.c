// SPDX-License-Identifier: Apache-2.0
#include "vision/format.h"

#include <string.h>
#include <strings.h>

#define MAGIC(bytes) .magic = (bytes), .magic_size = sizeof(bytes) - 1
#define CONVERT "convert it to PNG or JPEG"

#ifdef DIPTYCH_JPEG_TURBO
#define JPEG_DECODE turbo_decode
#else
#define JPEG_DECODE stb_decode
#endif

/* The first row that matches counts, so that a longer magic stands before its own prefix. */
static const struct format formats[] = {
    {"JPEG", MAGIC("\xff\xd8\xff"), .decode = JPEG_DECODE, .check = jpeg_check, .exif = jpeg_exif,
        .media = "image/jpeg"},
    {"PNG", MAGIC("\x89PNG\r\n\x1a\n"), .decode = png_decode, .check = png_check, .exif = png_exif,
        .media = "image/png"},
    {"GIF", MAGIC("GIF87a"), .decode = gif_decode, .media = "image/gif"},
    {"GIF", MAGIC("GIF89a"), .decode = gif_decode, .media = "image/gif"},
    {"BMP", MAGIC("BM"), .decode = bmp_decode, .media = "image/bmp"},
    {"PSD", MAGIC("8BPS"), .decode = psd_decode},
    {"PNM", MAGIC("P4"), .decode = pnm_decode},
    {"PNM", MAGIC("P5"), .decode = pnm_decode},
    {"PNM", MAGIC("P6"), .decode = pnm_decode},

    {"PNM in text form", MAGIC("P1"), .hint = "save it in binary form (P4 to P6)"},
    {"PNM in text form", MAGIC("P2"), .hint = "save it in binary form (P4 to P6)"},
    {"PNM in text form", MAGIC("P3"), .hint = "save it in binary form (P4 to P6)"},
    {"PAM", MAGIC("P7"), .hint = CONVERT},
#ifdef DIPTYCH_WEBP
    {"WebP", MAGIC("WEBP"), .magic_at = 8, .decode = webp_decode, .exif = webp_exif, .media = "image/webp"},
#else
    {"WebP", MAGIC("WEBP"), .magic_at = 8, .hint = CONVERT, .media = "image/webp"},
#endif
    {"TIFF", MAGIC("II*\0"), .hint = CONVERT},
    {"TIFF", MAGIC("MM\0*"), .hint = CONVERT},
    {"BigTIFF", MAGIC("II+\0"), .hint = CONVERT},
    {"BigTIFF", MAGIC("MM\0+"), .hint = CONVERT},
    {"AVIF", MAGIC("ftypavi"), .magic_at = 4, .hint = CONVERT, .media = "image/avif"},
    {"HEIC", MAGIC("ftyphe"), .magic_at = 4, .hint = CONVERT},
    {"HEIF", MAGIC("ftypmif1"), .magic_at = 4, .hint = CONVERT},
    {"HEIF", MAGIC("ftypmsf1"), .magic_at = 4, .hint = CONVERT},
    {"an MP4 film", MAGIC("ftyp"), .magic_at = 4, .hint = "save one of its frames as a picture"},
    {"JPEG 2000", MAGIC("\0\0\0\x0cjP  "), .hint = CONVERT},
    {"JPEG 2000", MAGIC("\xff\x4f\xff\x51"), .hint = CONVERT},
    {"JPEG XL", MAGIC("\0\0\0\x0cJXL "), .hint = CONVERT},
    {"JPEG XL", MAGIC("\xff\x0a"), .hint = CONVERT},
    {"OpenEXR", MAGIC("\x76\x2f\x31\x01"), .hint = CONVERT},
    {"Radiance HDR", MAGIC("#?RADIANCE"), .hint = CONVERT},
    {"QOI", MAGIC("qoif"), .hint = CONVERT},
    {"DDS", MAGIC("DDS "), .hint = CONVERT},
    {"ICO", MAGIC("\0\0\1\0"), .hint = CONVERT},
    {"PDF", MAGIC("%PDF"), .hint = "save the page as a picture"},
    {"SVG", MAGIC("<svg"), .hint = "render it to PNG"},
    {"XML", MAGIC("<?xml"), .hint = "if it is SVG, render it to PNG"},
    {"a web page", MAGIC("<!DOCTYPE"), .hint = "the download seems to have failed"},
    {"a web page", MAGIC("<!doctype"), .hint = "the download seems to have failed"},
    {"a web page", MAGIC("<html"), .hint = "the download seems to have failed"},
};

const struct format *format_find(struct span file)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct format *format = &formats[i];
        if (file.length >= format->magic_at + format->magic_size &&
            !memcmp(file.data + format->magic_at, format->magic, format->magic_size))
            return format;
    }
    return NULL;
}

const char *picture_media_type(const uint8_t *bytes, size_t size)
{
    const struct format *format = format_find((struct span){(const char *)bytes, size});
    return format ? format->media : NULL;
}

bool picture_suffix(const char *path)
{
    static const char *const suffixes[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".psd",
        ".ppm", ".pgm", ".pbm", ".pnm", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl"};
    const char *slash = strrchr(path, '/');
    const char *suffix = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; suffix && i < sizeof suffixes / sizeof *suffixes; i++)
        if (!strcasecmp(suffixes[i], suffix))
            return true;
    return false;
}
