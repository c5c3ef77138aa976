// SPDX-License-Identifier: Apache-2.0
#include "vision/format.h"
#include "vision/helper/helper.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const struct picture_options defaults = {
    .max_bytes = 256u << 20, .max_pixels = 200000000, .max_seconds = 60};

static struct picture_options with_defaults(const struct picture_options *options)
{
    struct picture_options all = options ? *options : defaults;
    if (!all.max_bytes)
        all.max_bytes = defaults.max_bytes;
    if (!all.max_pixels)
        all.max_pixels = defaults.max_pixels;
    if (all.max_seconds <= 0)
        all.max_seconds = defaults.max_seconds;
    return all;
}

int picture_check_size(
    long long width, long long height, const struct picture_options *options, struct err *err)
{
    const size_t most = options->max_pixels;
    struct picture_host *host = options->host;
    if (width <= 0 || height <= 0 || width > INT_MAX || height > INT_MAX)
        return err_set(err, ERR_FORMAT, "it says it is %lld x %lld pixels", width, height);
    if ((unsigned long long)width > most / (unsigned long long)height)
        return err_set(err, ERR_LIMIT, "%lld x %lld pixels, the limit is %zu", width, height, most);
    return host ? host->announce(host, (size_t)width * (size_t)height, err) : 0;
}

bool picture_serves(struct edges small, struct edges whole, const struct picture_options *options)
{
    const long long least = options->min_edge;
    const long long shorter = whole.width < whole.height ? whole.width : whole.height;
    if (least <= 0 || small.width < least || small.height < least || small.width > whole.width ||
        small.height > whole.height)
        return false;
    return llabs(small.width * whole.height - small.height * whole.width) <= 2 * shorter;
}

unsigned picture_halvings(struct edges whole, unsigned most, const struct picture_options *options)
{
    const long long shorter = whole.width < whole.height ? whole.width : whole.height;
    unsigned n = 0;
    while (options->min_edge > 0 && n < most && shorter >> (n + 1) >= options->min_edge)
        n++;
    return n;
}

/* ---- memory -------------------------------------------------------------------------------------------- */

/* Room for the pixels of a large picture comes fresh from the system, a page at a time as they are written:
 * with pages of 4 KiB that takes a tenth of the time in which libjpeg-turbo decodes 12 megapixels. */
static uint8_t *alloc_pixels(size_t bytes)
{
    enum { LARGE_PAGE = 2 << 20 };
    void *pixels = NULL;
    if (bytes < 4 * LARGE_PAGE)
        return malloc(bytes);
    if (posix_memalign(&pixels, LARGE_PAGE, bytes))
        return NULL;
    madvise(pixels, bytes, MADV_HUGEPAGE); /* no harm where there are none */
    return pixels;
}

size_t picture_channels(const struct picture *picture)
{
    return picture->mode == PICTURE_RGB ? 3 : 4;
}

bool picture_has_alpha(const struct picture *picture)
{
    return picture->mode == PICTURE_RGBA || picture->has_key;
}

int picture_alloc(struct picture *out, const struct picture_options *options, enum picture_mode mode,
    int width, int height, struct err *err)
{
    struct picture_host *host = options ? options->host : NULL;
    size_t bytes;
    *out = (struct picture){.mode = mode, .width = width, .height = height};
    if (!size_mul(&bytes, (size_t)width * picture_channels(out), (size_t)height))
        return err_memory(err, SIZE_MAX);
    out->pixels = host ? host->take(host, bytes) : NULL;
    if (out->pixels)
        out->host = host;
    else
        out->pixels = alloc_pixels(bytes);
    return out->pixels ? 0 : err_memory(err, bytes);
}

int picture_set_palette(struct picture *picture, const uint8_t *colors, size_t count, struct err *err)
{
    picture->palette = mem_new(PALETTE_COLORS, 3);
    if (!picture->palette)
        return err_memory(err, PALETTE_COLORS * 3);
    if (count)
        memcpy(picture->palette, colors, 3 * count);
    return 0;
}

int picture_set_bits(struct picture *picture, struct err *err)
{
    uint8_t colors[3 * PALETTE_COLORS];
    memset(colors, 255, sizeof colors);
    memset(colors, 0, 3);
    return picture_set_palette(picture, colors, PALETTE_COLORS, err);
}

void picture_warn(struct picture *picture, const char *format, ...)
{
    va_list args;
    if (*picture->warning)
        return;
    va_start(args, format);
    vsnprintf(picture->warning, sizeof picture->warning, format, args);
    va_end(args);
}

void picture_blank(struct picture *picture, const struct picture_options *options)
{
    const size_t count = (size_t)picture->width * (size_t)picture->height,
                 channels = picture_channels(picture);
    if (!options->truncated)
        return;
    memset(picture->pixels, 0, count * channels);
    for (size_t i = 0; picture->palette && channels == 3 && i < count; i++)
        memcpy(picture->pixels + 3 * i, picture->palette, 3);
}

int picture_damaged(struct picture *picture, int rc, const struct err *damage,
    const struct picture_options *options, struct err *err)
{
    if (rc == ERR_FORMAT && options->truncated) {
        picture_warn(picture, "%.*s", PICTURE_WARNING_SIZE - 1, damage->msg);
        return 0;
    }
    return rc ? err_set(err, damage->code, "%s", damage->msg) : 0;
}

static void free_pixels(struct picture *picture)
{
    if (picture->host)
        picture->host->give_back(picture->host);
    else
        free(picture->pixels);
}

void picture_release(struct picture *picture)
{
    if (!picture)
        return;
    free_pixels(picture);
    free(picture->palette);
    *picture = (struct picture){0};
}

/* ---- turning ------------------------------------------------------------------------------------------- */

/* A square at a time, so that what lies near in one of the pictures stays in the cache until the other has
 * come to its neighbours. */
enum { TILE = 32 };

/* The tile at (left, top) of `out`. Its pixel (x, y) is at first + x * step + y * next_row. */
static inline void copy_tile(struct picture *out, int left, int top, const uint8_t *first, ptrdiff_t step,
    ptrdiff_t next_row, size_t channels)
{
    const int right = out->width - left < TILE ? out->width : left + TILE;
    const int bottom = out->height - top < TILE ? out->height : top + TILE;

    for (int y = top; y < bottom; y++) {
        const uint8_t *from = first + left * step + y * next_row;
        uint8_t *to = out->pixels + channels * ((size_t)y * (size_t)out->width + (size_t)left);
        for (int x = left; x < right; x++, from += step, to += channels)
            memcpy(to, from, channels);
    }
}

int picture_orient(struct picture *picture, int orientation, struct err *err)
{
    /* Where the upright picture's first pixel is stored, and whether its rows are stored as columns. */
    static const struct {
        bool right, bottom, columns;
    } ways[] = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 1}, {0, 1, 1}, {1, 1, 1}, {1, 0, 1}};
    const bool right = ways[orientation - 1].right, bottom = ways[orientation - 1].bottom;
    const bool columns = ways[orientation - 1].columns;
    const ptrdiff_t width = picture->width, height = picture->height;
    const ptrdiff_t pixel = (ptrdiff_t)picture_channels(picture);
    struct picture out;

    if (orientation == 1)
        return 0;
    int rc = picture_alloc(
        &out, NULL, picture->mode, (int)(columns ? height : width), (int)(columns ? width : height), err);
    if (rc)
        return rc;
    const ptrdiff_t step_x = right ? -pixel : pixel, step_y = bottom ? -pixel * width : pixel * width;
    const ptrdiff_t step = columns ? step_y : step_x, next_row = columns ? step_x : step_y;
    const uint8_t *first =
        picture->pixels + pixel * ((bottom ? (height - 1) * width : 0) + (right ? width - 1 : 0));
    for (int top = 0; top < out.height; top += TILE)
        for (int left = 0; left < out.width; left += TILE) {
            if (pixel == 3)
                copy_tile(&out, left, top, first, step, next_row, 3);
            else
                copy_tile(&out, left, top, first, step, next_row, 4);
        }
    free_pixels(picture);
    picture->pixels = out.pixels;
    picture->host = NULL;
    picture->width = out.width;
    picture->height = out.height;
    return 0;
}

/* ---- decoding ------------------------------------------------------------------------------------------ */

static int decode_mended(struct picture *out, const struct format *format, struct span file,
    const struct picture_options *options, const struct err *damage, struct err *err)
{
    char *bytes = NULL;
    struct span whole = {0};
    int rc = format->mend(&bytes, &whole.length, file, options, err);
    whole.data = bytes;
    if (!rc)
        rc = format->decode(out, whole, options, err);
    if (!rc)
        rc = picture_damaged(out, damage->code, damage, options, err);
    free(bytes);
    return rc;
}

int format_decode_here(struct picture *out, const struct format *format, struct span file,
    const struct picture_options *options, struct err *err)
{
    struct err damage = {0};
    int rc = format->check ? format->check(file, &damage) : 0;
    if (rc == ERR_FORMAT && format->mend && options->truncated)
        return decode_mended(out, format, file, options, &damage, err);
    if (rc)
        return err_set(err, damage.code, "%s", damage.msg);
    return format->decode(out, file, options, err);
}

static int decode_format(struct picture *out, const struct format *format, struct span file,
    const struct picture_options *options, struct err *err)
{
    const bool isolated = options->isolate && format->decode && format == format_find(file);
    int rc = 0;
    if (format->apart || isolated)
        rc = helper_decode(out, isolated ? HELPER_OWN : format->library, file, options, err);
    else
        rc = format_decode_here(out, format, file, options, err);
    if (!rc && format->exif && !options->ignore_exif)
        rc = picture_orient(out, metadata_orientation(format->exif(file), format->xmp(file)), err);
    if (rc) {
        picture_release(out);
        err_wrap(err, "%s%s", rc == ERR_FORMAT ? "damaged " : "", format->name);
    } else if (*out->warning) {
        char words[PICTURE_WARNING_SIZE];
        memcpy(words, out->warning, sizeof words);
        *out->warning = '\0';
        picture_warn(out, "%s: %.*s", format->name, PICTURE_WARNING_SIZE - 32, words);
    }
    return rc;
}

static int decode_named(struct picture *out, const uint8_t *bytes, size_t size, const char *name,
    const struct picture_options *options, struct err *err)
{
    const struct picture_options limits = with_defaults(options);
    const struct span file = {(const char *)bytes, size};

    *out = (struct picture){0};
    if (!size)
        return err_set(err, ERR_FORMAT, "the file is empty");
    if (size > limits.max_bytes)
        return err_set(err, ERR_LIMIT, "%zu bytes, the limit is %zu", size, limits.max_bytes);
    const struct format *format = format_find_named(file, name);
    if (!format)
        return err_set(err, ERR_FORMAT, "not a picture, or of an unknown format");
    if (!format_is_read(format) && format->library)
        return err_set(
            err, ERR_UNSUPPORTED, "%s is not read: this build is without %s", format->name, format->library);
    if (!format_is_read(format))
        return err_set(err, ERR_UNSUPPORTED, "%s is not read: %s", format->name, format->hint);
    return decode_format(out, format, file, &limits, err);
}

int picture_decode(struct picture *out, const uint8_t *bytes, size_t size,
    const struct picture_options *options, struct err *err)
{
    return decode_named(out, bytes, size, NULL, options, err);
}

int picture_try_isolation(struct err *err)
{
    static const char pnm[] = "P5 1 1 255\n"; /* its last zero is the pixel */
    const struct picture_options options = with_defaults(NULL);
    struct picture picture;
    const int rc = helper_decode(&picture, HELPER_OWN, (struct span){pnm, sizeof pnm}, &options, err);
    picture_release(&picture);
    return rc;
}

/* ---- sources ------------------------------------------------------------------------------------------- */

struct picture_source picture_file(const char *path)
{
    return (struct picture_source){.path = path};
}

struct picture_source picture_input(const char *path)
{
    return (struct picture_source){.path = path, .input = true};
}

struct picture_source picture_bytes(const char *name, const uint8_t *bytes, size_t size)
{
    return (struct picture_source){.name = name, .bytes = bytes, .size = size};
}

struct picture_source *picture_files(const char *const *paths, size_t count)
{
    struct picture_source *sources = mem_new(count, sizeof *sources);
    for (size_t i = 0; sources && i < count; i++)
        sources[i] = picture_file(paths[i]);
    return sources;
}

const char *picture_source_name(const struct picture_source *source)
{
    return source->path ? source->input ? input_name(source->path) : source->path : source->name;
}

int picture_source_read(
    char **out, size_t *size, const struct picture_source *source, size_t limit, struct err *err)
{
    const struct member *member = &source->member;
    if (!member_shard(source->path))
        return (source->input ? input_read : file_read)(out, size, source->path, limit, err);
    if (source->stream)
        return shard_stream_read(out, size, source->stream, source->path, member, limit, err);
    return member_read(out, size, source->path, member->offset, member->size, source->hash, limit, NULL, err);
}

void picture_say_warning(struct err *out, struct picture_source source, const char *warning)
{
    *out = (struct err){0};
    if (*warning)
        err_set(out, ERR_NONE, "'%s' is damaged, but was read: %s", picture_source_name(&source), warning);
}

int picture_read(
    struct picture *out, struct picture_source source, const struct picture_options *options, struct err *err)
{
    const struct picture_options limits = with_defaults(options);
    char *bytes = NULL;

    *out = (struct picture){0};
    if (source.path && !source.bytes) {
        const int rc = picture_source_read(&bytes, &source.size, &source, limits.max_bytes, err);
        if (rc)
            return rc;
        source.bytes = (const uint8_t *)bytes;
    }
    const int rc = decode_named(out, source.bytes, source.size, source.path, &limits, err);
    if (rc)
        err_wrap(err, "unable to read '%s'", picture_source_name(&source));
    free(bytes);
    return rc;
}
