// SPDX-License-Identifier: Apache-2.0
/*
 * TIFF through libtiff, the first picture of a file, in Pillow's modes: grey and palettes of 1, 2, 4, 8 bits, grey, RGB and
 * CMYK of 8 and 16, with alpha or without, grey of floats, YCbCr; in strips or tiles, samples together or apart, by every
 * compression that libtiff was built with. 16 bits keep their high byte. The orientation belongs to the picture, as it does to Pillow.
 */
#include "vision/helper/decoders.h"
#include "vision/helper/tiff_file.h"
#include "vision/helper/ycbcr.h"

#include <stdlib.h>
#include <string.h>

/* ---- what its pixels are ------------------------------------------------------------------------------- */

struct raster {
    TIFF *tiff;
    uint32_t width, height;
    uint32_t block_width, block_height; /* of a tile; strips are as wide as the picture */
    uint16_t bits, samples;             /* of a sample; of a pixel */
    uint16_t colors;                    /* samples before the extra ones */
    uint16_t photometric;
    bool stored;   /* its pixels are not compressed, so that some can be had without the rest */
    bool separate; /* each sample has blocks of its own */
    bool real;     /* a sample is a float: of grey */
    enum { AS_IT_IS, YCBCR, YCBCR_OF_LIBTIFF } colors_are;
    bool alpha, associated; /* the first extra sample is alpha; the colours are multiplied by it */
    uint8_t palette[PALETTE_COLORS][3]; /* of one colour: what its values mean */
};

static int unsupported(const struct raster *raster, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
        "this kind is not read: photometric interpretation %d, %d samples of %d bits", raster->photometric,
        raster->samples, raster->bits);
}

static bool read_palette(struct raster *raster)
{
    uint16_t *red, *green, *blue;
    if (!TIFFGetField(raster->tiff, TIFFTAG_COLORMAP, &red, &green, &blue))
        return false;
    for (int i = 0; i < 1 << raster->bits; i++) {
        raster->palette[i][0] = (uint8_t)(red[i] >> 8);
        raster->palette[i][1] = (uint8_t)(green[i] >> 8);
        raster->palette[i][2] = (uint8_t)(blue[i] >> 8);
    }
    return true;
}

static void make_grey(struct raster *raster)
{
    const int most = raster->bits < 8 ? (1 << raster->bits) - 1 : 255;
    for (int i = 0; i <= most; i++) {
        const int value = i * 255 / most;
        memset(raster->palette[i], raster->photometric == PHOTOMETRIC_MINISWHITE ? 255 - value : value, 3);
    }
}

static void read_alpha(struct raster *raster)
{
    uint16_t count = 0, *kinds = NULL;
    const bool said = TIFFGetField(raster->tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) && count;
    if (!said) /* not said what it is: alpha */
        raster->alpha = raster->samples == 4 && raster->photometric == PHOTOMETRIC_RGB;
    else
        raster->alpha = kinds[0] != EXTRASAMPLE_UNSPECIFIED;
    raster->associated = said && kinds[0] == EXTRASAMPLE_ASSOCALPHA;
}

/* Where JPEG brings YCbCr along libjpeg makes it RGB. */
static void read_photometric(struct raster *raster)
{
    uint16_t compression, across, down;
    if (!TIFFGetField(raster->tiff, TIFFTAG_PHOTOMETRIC, &raster->photometric))
        raster->photometric = PHOTOMETRIC_MINISWHITE;
    TIFFGetFieldDefaulted(raster->tiff, TIFFTAG_COMPRESSION, &compression);
    raster->stored = compression == COMPRESSION_NONE;
    if (raster->photometric == PHOTOMETRIC_YCBCR && compression == COMPRESSION_JPEG) {
        TIFFSetField(raster->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        raster->photometric = PHOTOMETRIC_RGB;
    }
    if (raster->photometric != PHOTOMETRIC_YCBCR || raster->samples != 3 || raster->bits != 8)
        return;
    TIFFGetFieldDefaulted(raster->tiff, TIFFTAG_YCBCRSUBSAMPLING, &across, &down);
    const bool whole = raster->stored && across == 1 && down == 1;
    raster->colors_are = whole ? YCBCR : YCBCR_OF_LIBTIFF;
    raster->photometric = PHOTOMETRIC_RGB;
}

static int read_colors(struct raster *raster, struct err *err)
{
    const bool small = raster->bits == 1 || raster->bits == 2 || raster->bits == 4;
    const bool whole = raster->bits == 8 || raster->bits == 16 || raster->real;

    switch (raster->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        raster->colors = 1;
        make_grey(raster);
        break;
    case PHOTOMETRIC_PALETTE:
        raster->colors = 1;
        if (raster->bits > 8 || !read_palette(raster))
            return unsupported(raster, err);
        break;
    case PHOTOMETRIC_RGB:
        raster->colors = 3;
        break;
    case PHOTOMETRIC_SEPARATED:
        raster->colors = 4;
        break;
    default:
        return unsupported(raster, err);
    }
    if (!(whole || (small && raster->colors == 1 && raster->samples == 1)) ||
        raster->samples < raster->colors)
        return unsupported(raster, err);
    if (raster->samples > raster->colors)
        read_alpha(raster);
    if (raster->alpha && (raster->photometric == PHOTOMETRIC_PALETTE || raster->colors == 4))
        return unsupported(raster, err);
    return 0;
}

static int read_raster(struct raster *raster, const struct tiff_file *file,
    const struct picture_options *options, struct err *err)
{
    TIFF *tiff = raster->tiff;
    uint16_t planes, sample_format;

    if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &raster->width) ||
        !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &raster->height))
        return tiff_file_fail(file, err);
    int rc = picture_check_size(raster->width, raster->height, options, err);
    if (rc)
        return rc;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &raster->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &raster->samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &sample_format);
    raster->separate = planes == PLANARCONFIG_SEPARATE && raster->samples > 1;
    read_photometric(raster);
    raster->real = sample_format == SAMPLEFORMAT_IEEEFP && raster->bits == 32 && raster->samples == 1 &&
                   raster->photometric <= PHOTOMETRIC_MINISBLACK;
    if (raster->real) /* which Pillow does not invert */
        raster->photometric = PHOTOMETRIC_MINISBLACK;
    if (sample_format != SAMPLEFORMAT_UINT && sample_format != SAMPLEFORMAT_VOID && !raster->real)
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: its samples are no plain numbers");
    if (TIFFIsTiled(tiff)) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &raster->block_width);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &raster->block_height);
    } else {
        raster->block_width = raster->width;
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &raster->block_height);
        if (raster->block_height > raster->height)
            raster->block_height = raster->height;
    }
    rc = picture_check_size(raster->block_width, raster->block_height, options, err);
    return rc ? rc : read_colors(raster, err);
}

/* ---- pixels -------------------------------------------------------------------------------------------- */

/* The sample at `index` of a row: its number where it has up to 8 bits, else its high byte; of a float, which counts from 0 to
 * 255 to Pillow's convert("RGB"), its whole part. */
static inline uint8_t sample_at(const uint8_t *row, size_t index, int bits)
{
    if (bits == 32) {
        float value;
        memcpy(&value, row + 4 * index, sizeof value);
        return value > 0 ? (uint8_t)(value < 255 ? value : 255) : 0;
    }
    if (bits == 8)
        return row[index];
    if (bits == 16) {
        uint16_t value; /* libtiff has brought it to this machine's byte order */
        memcpy(&value, row + 2 * index, sizeof value);
        return (uint8_t)(value >> 8);
    }
    const size_t at = index * (size_t)bits;
    return (uint8_t)(row[at / 8] >> (8 - bits - (int)(at % 8)) & ((1 << bits) - 1));
}

/* One sample of `count` pixels, which is every step-th from `first` on of the row. */
static void put_samples(uint8_t *to, size_t channels, const struct raster *raster, unsigned sample,
    const uint8_t *row, size_t first, size_t step, uint32_t count)
{
    for (uint32_t x = 0; x < count; x++, to += channels, first += step) {
        const uint8_t value = sample_at(row, first, raster->bits);
        if (sample == raster->colors)
            to[3] = value;
        else if (raster->colors == 1)
            memcpy(to, raster->palette[value], 3);
        else
            to[sample] = value;
    }
}

/* A block: its first pixel, how many of its rows and columns are in the picture, and whose samples it has where they are apart. */
struct block {
    uint32_t left, top, width, height;
    uint16_t plane;
};

static struct block block_at(const struct raster *raster, uint32_t left, uint32_t top, unsigned plane)
{
    const uint32_t right = raster->width - left, below = raster->height - top;
    return (struct block){.left = left,
        .top = top,
        .width = raster->block_width < right ? raster->block_width : right,
        .height = raster->block_height < below ? raster->block_height : below,
        .plane = (uint16_t)plane};
}

/* Its first `count` rows. */
static void put_block(struct picture *out, const struct raster *raster, const struct block *block,
    const uint8_t *rows, size_t stride, uint32_t count)
{
    const size_t channels = picture_channels(out);
    const uint32_t used = raster->colors + (uint32_t)raster->alpha;

    for (uint32_t y = 0; y < count; y++) {
        const uint8_t *row = rows + y * stride;
        uint8_t *to = out->pixels + ((size_t)(block->top + y) * raster->width + block->left) * channels;
        if (raster->separate)
            put_samples(to, channels, raster, block->plane, row, 0, 1, block->width);
        for (unsigned sample = 0; !raster->separate && sample < used; sample++)
            put_samples(to, channels, raster, sample, row, sample, raster->samples, block->width);
    }
}

static uint32_t number_of(const struct raster *raster, const struct block *block)
{
    return TIFFIsTiled(raster->tiff) ? TIFFComputeTile(raster->tiff, block->left, block->top, 0, block->plane)
                                     : TIFFComputeStrip(raster->tiff, block->top, block->plane);
}

static bool read_block(uint8_t *rows, tmsize_t size, const struct raster *raster, const struct block *block)
{
    TIFF *tiff = raster->tiff;
    if (TIFFIsTiled(tiff))
        return TIFFReadEncodedTile(tiff, number_of(raster, block), rows, size) == size;
    size = TIFFVStripSize(tiff, block->height);
    return TIFFReadEncodedStrip(tiff, number_of(raster, block), rows, size) == size;
}

/* Of the rows those that the file holds up to their last pixel in the picture; of a file that is not padded it will turn out. */
static uint32_t rows_there(
    const struct raster *raster, const struct tiff_file *file, const struct block *block, size_t stride)
{
    const size_t samples = raster->separate ? 1 : raster->samples;
    const size_t row = ((size_t)block->width * raster->bits * samples + 7) / 8;
    if (!file->padded)
        return block->height;
    const size_t size =
        bytes_behind(file->bytes, TIFFGetStrileOffset(raster->tiff, number_of(raster, block)));
    const size_t rows = size < row ? 0 : (size - row) / stride + 1;
    return rows < block->height ? (uint32_t)rows : block->height;
}

static int read_each(struct picture *out, struct raster *raster, const struct tiff_file *file, uint8_t *rows,
    tmsize_t size, size_t stride, struct err *err)
{
    const unsigned planes = raster->separate ? raster->colors + (unsigned)raster->alpha : 1u;
    for (unsigned plane = 0; plane < planes; plane++)
        for (uint32_t top = 0; top < raster->height; top += raster->block_height)
            for (uint32_t left = 0; left < raster->width; left += raster->block_width) {
                const struct block block = block_at(raster, left, top, plane);
                const uint32_t there = rows_there(raster, file, &block, stride);
                if (!read_block(rows, size, raster, &block))
                    return tiff_file_fail(file, err);
                put_block(out, raster, &block, rows, stride, there);
            }
    return 0;
}

static int read_blocks(struct picture *out, struct raster *raster, const struct tiff_file *file,
    const struct picture_options *options, struct err *err)
{
    const bool tiled = TIFFIsTiled(raster->tiff);
    const tmsize_t size = tiled ? TIFFTileSize(raster->tiff) : TIFFStripSize(raster->tiff);
    const tmsize_t stride = tiled ? TIFFTileRowSize(raster->tiff) : TIFFScanlineSize(raster->tiff);
    const size_t least =
        ((size_t)raster->block_width * raster->bits * (raster->separate ? 1u : raster->samples) + 7) / 8;
    size_t most;

    if (!size_mul(&most, options->max_pixels, (size_t)raster->samples * (raster->real ? 4 : 2)))
        most = SIZE_MAX;
    if (size <= 0 || stride <= 0 || (size_t)stride < least ||
        (size_t)size / (size_t)stride < raster->block_height)
        return tiff_file_fail(file, err);
    if ((size_t)size > most)
        return err_set(err, ERR_LIMIT, "a block of %zu bytes", (size_t)size);
    uint8_t *rows = calloc(1, (size_t)size);
    if (!rows)
        return err_memory(err, (size_t)size);
    const int rc = read_each(out, raster, file, rows, size, (size_t)stride, err);
    if (!rc && file->ended)
        picture_warn(out, "the file ends early, at byte %zu", file->bytes.length);
    free(rows);
    return rc;
}

/* Colours that have been multiplied by alpha, divided by it as Pillow does. */
static void divide_by_alpha(struct picture *picture)
{
    const size_t count = (size_t)picture->width * (size_t)picture->height;
    for (uint8_t *pixel = picture->pixels; pixel < picture->pixels + 4 * count; pixel += 4)
        for (int c = 0; c < 3; c++) {
            const int value = pixel[3] ? pixel[c] * 255 / pixel[3] : 0;
            pixel[c] = (uint8_t)(value > 255 ? 255 : value);
        }
}

/* By its tag; where it has none by its XMP packet. */
static int orientation_of(TIFF *tiff)
{
    uint16_t orientation;
    uint32_t size;
    void *xmp;
    if (TIFFGetField(tiff, TIFFTAG_ORIENTATION, &orientation))
        return orientation >= 1 && orientation <= 8 ? orientation : 1;
    const bool found = TIFFGetField(tiff, TIFFTAG_XMLPACKET, &size, &xmp);
    return metadata_orientation((struct span){0}, found ? (struct span){xmp, size} : (struct span){0});
}

static struct edges edges_of(TIFF *tiff)
{
    uint32_t width = 0, height = 0;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    return (struct edges){width, height};
}

/* Goes on to the smallest picture that serves, among those that follow the first and those inside it, and say that they are it
 * in small; or back to the first. */
static bool choose_directory(TIFF *tiff, const struct picture_options *options)
{
    enum { MOST = 16 };
    uint64_t inside[MOST] = {0}, *offsets, best = 0;
    uint16_t count = 0;
    const struct edges whole = edges_of(tiff);
    struct edges least = whole;
    if (options->min_edge <= 0)
        return true;
    if (TIFFGetField(tiff, TIFFTAG_SUBIFD, &count, &offsets)) {
        count = count < MOST ? count : MOST;
        memcpy(inside, offsets, count * sizeof *inside);
    }
    for (int i = 0; i < 2 * MOST; i++) {
        uint32_t kind = 0;
        if (i < count    ? !TIFFSetSubDirectory(tiff, inside[i])
            : i == count ? !TIFFSetDirectory(tiff, 1)
                         : !TIFFReadDirectory(tiff))
            break;
        const struct edges small = edges_of(tiff);
        TIFFGetField(tiff, TIFFTAG_SUBFILETYPE, &kind);
        if (kind & FILETYPE_REDUCEDIMAGE && small.width < least.width &&
            picture_serves(small, whole, options)) {
            best = TIFFCurrentDirOffset(tiff);
            least = small;
        }
    }
    return best ? TIFFSetSubDirectory(tiff, best) : TIFFSetDirectory(tiff, 0);
}

static int note_palette(struct picture *out, const struct raster *raster, struct err *err)
{
    if (raster->photometric == PHOTOMETRIC_PALETTE)
        return picture_set_palette(out, raster->palette[0], PALETTE_COLORS, err);
    return raster->bits == 1 ? picture_set_bits(out, err) : 0;
}

static int read_pixels(struct picture *out, struct raster *raster, struct tiff_file *file,
    const struct picture_options *options, struct err *err)
{
    if (raster->colors_are == YCBCR_OF_LIBTIFF)
        return ycbcr_read(out, raster->tiff) ? 0 : tiff_file_fail(file, err);
    /* Pillow leaves what is compressed to libtiff, which does not take files that end early. */
    file->padded = raster->stored && options->truncated;
    picture_blank(out, options);
    const int rc = read_blocks(out, raster, file, options, err);
    if (!rc && raster->colors_are == YCBCR)
        ycbcr_to_rgb(out);
    return rc;
}

static int decode(struct picture *out, struct raster *raster, struct tiff_file *file,
    const struct picture_options *options, struct err *err)
{
    const int orientation = orientation_of(raster->tiff);
    const bool chosen = choose_directory(raster->tiff, options);
    *file->failure = '\0';
    int rc = chosen ? read_raster(raster, file, options, err) : tiff_file_fail(file, err);
    if (rc)
        return rc;
    const enum picture_mode mode = raster->colors == 4 ? PICTURE_CMYK
                                   : raster->alpha     ? PICTURE_RGBA
                                                       : PICTURE_RGB;
    rc = picture_alloc(out, options, mode, (int)raster->width, (int)raster->height, err);
    if (!rc)
        rc = note_palette(out, raster, err);
    if (!rc)
        rc = read_pixels(out, raster, file, options, err);
    if (rc)
        return rc;
    if (raster->associated)
        divide_by_alpha(out);
    return picture_orient(out, orientation, err);
}

int tiff_decode(
    struct picture *out, struct span bytes, const struct picture_options *options, struct err *err)
{
    struct tiff_file file = {.bytes = bytes};
    struct raster raster = {.tiff = tiff_file_open(&file)};
    if (!raster.tiff)
        return tiff_file_fail(&file, err);
    const int rc = decode(out, &raster, &file, options, err);
    if (rc)
        picture_release(out);
    TIFFClose(raster.tiff);
    return rc;
}
