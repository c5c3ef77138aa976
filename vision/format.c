// SPDX-License-Identifier: Apache-2.0
#include "vision/format.h"
#include "vision/bytes.h"

#include <string.h>
#include <strings.h>

#define MAGIC(bytes) .magic = (bytes), .magic_size = sizeof(bytes) - 1
#define CONVERT "convert it to PNG or JPEG"
#define FILM .hint = "save one of its frames as a picture", .kind = FILE_VIDEO
#define PAGE .hint = "the download seems to have failed", .kind = FILE_TEXT

/* How libraries that this build has or lacks decode. */
#ifdef DIPTYCH_JPEG_TURBO
#define JPEG .library = "libjpeg-turbo", .decode = turbo_decode
#else
#define JPEG .library = "stb_image", .decode = stb_decode, .check = jpeg_check
#endif
#ifdef DIPTYCH_WEBP
#define WEBP .library = "libwebp", .decode = webp_decode, .exif = webp_exif, .xmp = webp_xmp
#else
#define WEBP .library = "libwebp"
#endif
#ifdef DIPTYCH_AVIF
#define AVIF .library = "libavif", .apart = true
#else
#define AVIF .library = "libavif"
#endif
#ifdef DIPTYCH_HEIF
#define HEIF .library = "libheif", .apart = true
#else
#define HEIF .library = "libheif"
#endif
#ifdef DIPTYCH_TIFF
#define TIFF .library = "libtiff", .apart = true
#else
#define TIFF .library = "libtiff"
#endif
#ifdef DIPTYCH_JXL
#define JXL .library = "libjxl", .apart = true
#else
#define JXL .library = "libjxl"
#endif
#ifdef DIPTYCH_JP2
#define JP2 .library = "OpenJPEG", .apart = true
#else
#define JP2 .library = "OpenJPEG"
#endif
#ifdef DIPTYCH_RAW
#define RAW .library = "LibRaw", .apart = true
#else
#define RAW .library = "LibRaw"
#endif

/* The first row that matches counts, so that a longer magic stands before its own prefix. */
static const struct format formats[] = {
    {"JPEG", MAGIC("\xff\xd8\xff"), .suffixes = ".jpg .jpeg .jpe .jfif .mpo", JPEG, .exif = jpeg_exif,
        .xmp = jpeg_xmp, .media = "image/jpeg"},
    {"PNG", MAGIC("\x89PNG\r\n\x1a\n"), .suffixes = ".png", .decode = png_decode, .check = png_check,
        .mend = png_mend, .exif = png_exif, .xmp = png_xmp, .media = "image/png"},
    {"GIF", MAGIC("GIF87a"), .suffixes = ".gif", .decode = gif_decode, .media = "image/gif"},
    {"GIF", MAGIC("GIF89a"), .decode = gif_decode, .media = "image/gif"},
    {"BMP", MAGIC("BM"), .suffixes = ".bmp", .decode = bmp_decode, .media = "image/bmp"},
    {"PSD", MAGIC("8BPS"), .suffixes = ".psd", .decode = psd_decode},
    {"PNM", MAGIC("P4"), .suffixes = ".ppm .pgm .pbm .pnm", .decode = pnm_decode},
    {"PNM", MAGIC("P5"), .decode = pnm_decode},
    {"PNM", MAGIC("P6"), .decode = pnm_decode},
    {"PNM", MAGIC("PyRGBA"), .decode = pnm_decode},
    {"QOI", MAGIC("qoif"), .suffixes = ".qoi", .decode = qoi_decode},
    {"WebP", MAGIC("WEBP"), .magic_at = 8, .suffixes = ".webp", WEBP, .media = "image/webp"},
    {"AVIF", .brand = "avif", .suffixes = ".avif", AVIF, .media = "image/avif"},
    {"AVIF", .brand = "avis", AVIF, .media = "image/avif"},
    {"HEIC", .brand = "heic", .suffixes = ".heic .heif .hif", HEIF},
    {"HEIC", .brand = "heix", HEIF},
    {"HEIC", .brand = "heim", HEIF},
    {"HEIC", .brand = "heis", HEIF},
    {"HEIC", .brand = "hevc", HEIF},
    {"HEIC", .brand = "hevx", HEIF},
    {"HEIC", .brand = "hevm", HEIF},
    {"HEIC", .brand = "hevs", HEIF},
    {"HEIF", .brand = "mif1", HEIF},
    {"HEIF", .brand = "msf1", HEIF},
    {"camera raw", .tells = tiff_is_raw,
        .suffixes = ".dng .nef .nrw .cr2 .cr3 .arw .orf .rw2 .raf .pef .srw .crw .mrw .x3f", RAW},
    {"camera raw", .brand = "crx ", RAW}, /* Canon's CR3 */
    {"camera raw", MAGIC("IIRO"), RAW},   /* Olympus's ORF */
    {"camera raw", MAGIC("IIRS"), RAW},
    {"camera raw", MAGIC("MMOR"), RAW},
    {"camera raw", MAGIC("IIU\0"), RAW}, /* Panasonic's RW2 */
    {"camera raw", MAGIC("FUJIFILMCCD-RAW"), RAW},
    {"camera raw", MAGIC("II\x1a\0\0\0HEAPCCDR"), RAW}, /* Canon's CRW */
    {"camera raw", MAGIC("\0MRM"), RAW},                /* Minolta's MRW */
    {"camera raw", MAGIC("FOVb"), RAW},                 /* Sigma's X3F */
    {"TIFF", MAGIC("II*\0"), .suffixes = ".tif .tiff", TIFF},
    {"TIFF", MAGIC("MM\0*"), TIFF},
    {"TIFF", MAGIC("II+\0"), TIFF}, /* BigTIFF */
    {"TIFF", MAGIC("MM\0+"), TIFF},
    {"JPEG XL", MAGIC("\0\0\0\x0cJXL \r\n\x87\n"), .suffixes = ".jxl", JXL},
    {"JPEG XL", MAGIC("\xff\x0a"), JXL},
    {"JPEG 2000", MAGIC("\0\0\0\x0cjP  "), .suffixes = ".jp2 .j2k .jpf .jpx .j2c .jpc", JP2},
    {"JPEG 2000", MAGIC("\xff\x4f\xff\x51"), JP2},
    {"ICO", .tells = ico_tells, .suffixes = ".ico", .decode = ico_decode, .media = "image/x-icon"},
    {"TGA", .tells = tga_tells, .suffixes = ".tga .icb .vda .vst", .decode = tga_decode},

    {"PNM in text form", MAGIC("P1"), .hint = "save it in binary form (P4 to P6)"},
    {"PNM in text form", MAGIC("P2"), .hint = "save it in binary form (P4 to P6)"},
    {"PNM in text form", MAGIC("P3"), .hint = "save it in binary form (P4 to P6)"},
    {"PAM", MAGIC("P7"), .hint = CONVERT},
    {"OpenEXR", MAGIC("\x76\x2f\x31\x01"), .hint = CONVERT},
    {"Radiance HDR", MAGIC("#?RADIANCE"), .hint = CONVERT},
    {"DDS", MAGIC("DDS "), .hint = CONVERT},

    {"a sound", .brand = "M4A ", .hint = "it has no picture", .kind = FILE_OTHER},
    {"an MP4 film", MAGIC("ftyp"), .magic_at = 4, FILM},
    {"a QuickTime film", MAGIC("moov"), .magic_at = 4, FILM}, /* of a time before "ftyp" */
    {"a QuickTime film", MAGIC("mdat"), .magic_at = 4, FILM},
    {"a QuickTime film", MAGIC("wide"), .magic_at = 4, FILM},
    {"an AVI film", MAGIC("AVI "), .magic_at = 8, FILM},
    {"a Matroska or WebM film", MAGIC("\x1a\x45\xdf\xa3"), FILM},
    {"a Windows Media film", MAGIC("\x30\x26\xb2\x75\x8e\x66\xcf\x11"), FILM},
    {"a Flash film", MAGIC("FLV\1"), FILM},
    {"an MPEG film", MAGIC("\0\0\1\xba"), FILM},
    {"an MPEG film", MAGIC("\0\0\1\xb3"), FILM},
    {"an MPEG film", .tells = mpeg_stream_tells, FILM},
    {"PDF", MAGIC("%PDF"), .hint = "save the page as a picture", .kind = FILE_OTHER},
    {"SVG", MAGIC("<svg"), .hint = "render it to PNG", .kind = FILE_TEXT},
    {"XML", MAGIC("<?xml"), .hint = "if it is SVG, render it to PNG", .kind = FILE_TEXT},
    {"a web page", MAGIC("<!DOCTYPE"), PAGE},
    {"a web page", MAGIC("<!doctype"), PAGE},
    {"a web page", MAGIC("<html"), PAGE},
};

enum { FORMATS = sizeof formats / sizeof *formats };

/* The first box of such a file: its size (4), 'ftyp', its major brand (4), a version (4), brands that it is compatible
 * with (4 each). */
static bool has_brand(struct span file, const char *brand)
{
    enum { TYPE = 4, MAJOR = 8, COMPATIBLE = 16, BRAND = 4 };
    if (file.length < MAJOR + BRAND || memcmp(file.data + TYPE, "ftyp", 4))
        return false;
    const size_t box = read_be32(span_bytes(file)), end = box < file.length ? box : file.length;
    if (!memcmp(file.data + MAJOR, brand, BRAND))
        return true;
    for (size_t at = COMPATIBLE; at + BRAND <= end; at += BRAND)
        if (!memcmp(file.data + at, brand, BRAND))
            return true;
    return false;
}

static bool fits(const struct format *format, struct span file)
{
    if (format->tells)
        return format->tells(file);
    if (format->brand)
        return has_brand(file, format->brand);
    return file.length >= format->magic_at + format->magic_size &&
           !memcmp(file.data + format->magic_at, format->magic, format->magic_size);
}

const struct format *format_find(struct span file)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (fits(&formats[i], file))
            return &formats[i];
    return NULL;
}

const struct format *format_find_named(struct span file, const char *name)
{
    const struct format *format = format_find(file);
    const char *suffix = !format && name ? picture_suffix_format(name) : NULL;
    for (size_t i = 0; i < FORMATS && suffix && !format; i++)
        if (formats[i].tells == tga_tells && !strcmp(suffix, formats[i].name) && tga_may_be(file))
            format = &formats[i];
    return format;
}

bool format_is_read(const struct format *format)
{
    return format->decode || format->apart;
}

bool picture_format_next(struct picture_format *out)
{
    /* a format has one row of those with suffixes */
    while (out->position < FORMATS) {
        const struct format *format = &formats[out->position++];
        if (!format->suffixes || !(format_is_read(format) || format->library))
            continue;
        out->name = format->name;
        out->library = format->library;
        out->suffixes = format->suffixes;
        out->is_read = format_is_read(format);
        return true;
    }
    return false;
}

const char *picture_media_type(const uint8_t *bytes, size_t size)
{
    const struct format *format = format_find((struct span){(const char *)bytes, size});
    return format ? format->media : NULL;
}

const char *picture_suffix_format(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *suffix = strrchr(slash ? slash : path, '.');
    const size_t length = suffix ? strlen(suffix) : 0;
    for (size_t i = 0; length && i < FORMATS; i++)
        for (const char *known = formats[i].suffixes; known && *known; known += strspn(known, " ")) {
            const size_t size = strcspn(known, " ");
            if (size == length && !strncasecmp(known, suffix, size))
                return formats[i].name;
            known += size;
        }
    return NULL;
}

bool picture_suffix(const char *path)
{
    return picture_suffix_format(path);
}
