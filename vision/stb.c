// SPDX-License-Identifier: Apache-2.0
/* The pixels of PNG and, in builds without libjpeg-turbo, JPEG through stb_image. This is the one file that compiles
 * it. */
#include "vision/format.h"

#include <stdlib.h>
#include <string.h>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_MAX_DIMENSIONS 1000000 /* an edge; the number of pixels is what the caller limits */

/* A PNG may inflate to a thousand times its size, whatever its header says, and stb_image makes room for all of it: this
 * is the most that the picture at hand may grow a buffer to. */
static _Thread_local struct {
    size_t most;
    bool is_passed;
} growth;

static void *grow(void *old, size_t size)
{
    growth.is_passed |= size > growth.most;
    return size > growth.most ? NULL : realloc(old, size);
}

/* stb_image 2.27 reads tables and pixels that a damaged file never set: let them be zeros. */
#define STBI_MALLOC(size) calloc(1, size)
#define STBI_REALLOC(old, size) grow(old, size)
#define STBI_FREE(old) free(old)

/* It declares one function more than it defines; gcc says so only at the end of the file. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>

/* stb_image takes zeros for what is missing at the end of a file and goes on. Reading through callbacks shows
 * when it does. */
struct source {
    struct span file;
    size_t at;
    bool ran_out;
};

static int source_read(void *user, char *data, int size)
{
    struct source *source = user;
    const size_t left = source->file.length - source->at;
    const size_t count = left < (size_t)size ? left : (size_t)size;

    memcpy(data, span_bytes(source->file) + source->at, count);
    source->at += count;
    source->ran_out |= !count && size;
    return (int)count;
}

static void source_skip(void *user, int count)
{
    struct source *source = user;
    const size_t left = source->file.length - source->at;

    source->ran_out |= (size_t)count > left;
    source->at += left < (size_t)count ? left : (size_t)count;
}

static int source_eof(void *user)
{
    const struct source *source = user;
    return source->at == source->file.length;
}

static const stbi_io_callbacks callbacks = {source_read, source_skip, source_eof};

/* stb_image's reasons in words that a user knows, where they are about well-formed files that it cannot read,
 * or about nothing at all. */
static const struct {
    const char *reason;
    enum err_code code;
    const char *meaning;
} reasons[] = {
    {"only 8-bit", ERR_UNSUPPORTED, "this kind is not read: its samples have more than 8 bits"},
    {"no header height", ERR_UNSUPPORTED, "this kind is not read: its height stands behind its pixels"},
    {"bad png sig", ERR_FORMAT,
        "a scan names a component that there is not"}, /* left from asking if it is a PNG */
    {"too large", ERR_LIMIT, "its header says that it has more pixels than any limit allows"},
    {"outofmem", ERR_MEMORY, "out of memory"},
};

static int fail(const struct source *source, struct err *err)
{
    const char *reason = stbi_failure_reason();

    if (source->ran_out)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", source->file.length);
    if (growth.is_passed)
        return err_set(err, ERR_FORMAT, "its pixels inflate to more than its header says");
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (!strcmp(reason, reasons[i].reason))
            return err_set(err, reasons[i].code, "%s", reasons[i].meaning);
    return err_set(err, ERR_FORMAT, "%s, before byte %zu", reason, source->at);
}

/* Buffers grow to at most twice of what is needed: the chunks of the file, or rows of 16 bits a sample. Interlaced ones are less
 * than twice as many, each with a byte for its filter and one that is not full. Some zeros behind them do no harm.
 * Edges are under STBI_MAX_DIMENSIONS, so that nothing overflows. */
static size_t growth_most(size_t file, size_t width, size_t height, size_t channels)
{
    enum { SPARE = 8192 };
    return SPARE + 2 * file + 2 * height * (2 * channels * width + 4);
}

int stb_load(struct picture *out, struct span file, enum picture_mode mode,
    const struct picture_options *options, struct err *err)
{
    struct source source = {.file = file};
    const int wanted = mode == PICTURE_RGB ? STBI_rgb : STBI_rgb_alpha;
    int width = 0, height = 0, channels = 0;

    /* Where the header is wrong, only the attempt to decode says why. */
    const bool header = stbi_info_from_callbacks(&callbacks, &source, &width, &height, &channels);
    int rc = header ? picture_check_size(width, height, options, err) : 0;
    if (rc)
        return rc;
    source = (struct source){.file = file};
    growth.most = growth_most(file.length, (size_t)width, (size_t)height, (size_t)channels);
    growth.is_passed = false;
    uint8_t *pixels = stbi_load_from_callbacks(&callbacks, &source, &width, &height, &channels, wanted);
    if (!header || !pixels || source.ran_out) {
        stbi_image_free(pixels);
        return fail(&source, err);
    }
    *out = (struct picture){.mode = mode, .pixels = pixels, .width = width, .height = height};
    return 0;
}

int stb_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    return stb_load(out, file, PICTURE_RGB, options, err);
}
