// SPDX-License-Identifier: Apache-2.0
/*
 * vision: picture bytes -> pixels -> the square a model wants -> embedding.
 *
 *   picture_read    decodes a file to pixels in the mode that the file has them in
 *   preprocess_run  makes them the RGB square, exactly as Pillow and the model's own preprocessor would
 *   palette_rest    tells by such a square whether the picture is drawn with a few colours
 *   vit_forward     runs the vision transformer on a batch of such squares
 *
 * All but the last run on the host and are safe on any number of threads; the last runs on the device.
 */
#ifndef DIPTYCH_VISION_H
#define DIPTYCH_VISION_H

#include "base/shard.h"
#include "compute/compute.h"

/* ---- pictures ------------------------------------------------------------------------------------------ */

/* What a pixel is, named as Pillow names it. Grey is RGB three times the same, grey with alpha RGBA: no step tells
 * them apart. */
enum picture_mode {
    PICTURE_RGB,  // (height, width, 3)
    PICTURE_RGBA, // (height, width, 4), the colour not multiplied by alpha
    PICTURE_CMYK, // (height, width, 4), 255 is full ink
};
enum { PICTURE_CHANNELS_MAX = 4, PALETTE_COLORS = 256, PICTURE_WARNING_SIZE = 192 };

/* A picture as Pillow opens it: the first frame of an animation; 16-bit samples keep their high byte. Zero is an
 * empty one. Known differences:
 *
 *   - 16-bit grey, which Pillow clips to white, is scaled down like any other 16-bit picture;
 *   - in builds without libjpeg-turbo, JPEGs differ by a few levels (and where colour is stored at half width,
 *     more at hard edges), and CMYK ones are RGB at once; with it every byte is the same;
 *   - damage that Pillow shows a picture in spite of: a PNG with no end or with a wrong checksum in its pixels is refused, and
 *     so, in builds without libjpeg-turbo, are JPEGs with undefined tables or bad codes. With it they are read, and
 *     `warning` says so;
 *   - some that Pillow refuses are read: BMPs with unusual channel masks, or whose run-length codes end early;
 *   - an orientation in XMP counts where EXIF has none, as to Pillow, but not in the compressed text of a PNG;
 *   - where pillow-heif's and pillow-jxl-plugin's libraries are newer than Debian 12's, pixels differ: HEIC whose colour
 *     is stored at half size, and JPEG XL that is not lossless or has more than 8 bits, by one level; AVIF of 10 and 12
 *     bits by up to three (Pillow's libavif); JPEGs packed into JPEG XL by up to two, since the plugin unpacks them first;
 *   - an orientation that belongs to the picture itself (irot and imir of HEIC and AVIF, that of JPEG XL's code stream,
 *     TIFF's tag) is applied whatever EXIF says beside it, also with ignore_exif. JPEG XL's standard wants EXIF's ignored,
 *     which pillow-jxl-plugin hands on;
 *   - JPEG 2000 with a palette is resized as colours; YCbCr and floats in TIFF are RGB at once, which Pillow, and so open_clip,
 *     may resize as what they are;
 *   - camera raw, of which Pillow opens the small picture for show, is the camera's JPEG preview where both its edges have
 *     at least half of the sensor's pixels, else LibRaw's development at half size with the camera's white balance: what
 *     rawpy's extract_thumb() and postprocess(half_size=True, use_camera_wb=True) give, within a level between LibRaw 0.20
 *     and rawpy's.
 *
 * Colour profiles are left alone, as in open_clip and transformers: Display P3 is read as if it were sRGB. */
struct picture {
    enum picture_mode mode;
    uint8_t *pixels; // (height, width, channels of the mode)
    int width, height;

    /* (256, 3): of a picture that Pillow keeps as numbers of colours (its modes P and 1), the colour of each. The
     * pixels are these colours already; such pictures are resized by nearest neighbour. NULL of others. */
    uint8_t *palette;

    /* Of PICTURE_RGB: pixels of this colour are transparent, which PNG says by its tRNS. */
    bool has_key;
    uint8_t key[3];

    /* What is wrong with the file that it was read in spite of, named as errors are; empty where nothing is. */
    char warning[PICTURE_WARNING_SIZE];

    struct picture_host *host; /* private: whose the memory of the pixels is; NULL: they are malloc's */
};

size_t picture_channels(const struct picture *picture);
bool picture_has_alpha(const struct picture *picture); /* of pixels or of a colour */

/* Where a picture comes from: a file, a member of an archive, or bytes that are in memory already. All is borrowed. */
struct picture_source {
    const char
        *path;  /* of the file, which may be gzipped, or of the member (base/shard.h); NULL: the bytes */
    bool input; /* the path is what a user has named, which may be a pipe or "-" (input_read) */

    struct member member;        /* where the member lies; zeroed: it is looked for by its name */
    struct shard_stream *stream; /* that hands it out; NULL: it is read alone */
    const char *hash;            /* its hash_bytes, so that nothing else is taken for it; NULL: not known */

    const char *name; /* what messages call the bytes, as they name a file by its path */
    const uint8_t
        *bytes; // (size): what a file of the picture holds; with a path they have been read from there
    size_t size;
};

struct picture_source picture_file(const char *path);
struct picture_source picture_input(const char *path);
struct picture_source picture_bytes(const char *name, const uint8_t *bytes, size_t size);

/* (count) sources, for free(): one a file. NULL when out of memory. */
struct picture_source *picture_files(const char *const *paths, size_t count);

/* What messages call it. */
const char *picture_source_name(const struct picture_source *source);

/* The bytes of a file or member, at most `limit`, for free(). Messages hold the path. Errors are file_read's, input_read's, and those
 * of shard_stream_read or member_read. */
int picture_source_read(
    char **out, size_t *size, const struct picture_source *source, size_t limit, struct err *err);

/* Whether a path ends as names of pictures do, in letters of either case; those of formats that are not read count
 * too, so that they are refused and not passed over. */
bool picture_suffix(const char *path);

/* The name of the format that a path's end says, "JPEG" for one; NULL: none. */
const char *picture_suffix_format(const char *path);

/* What a file is. Pictures are all that are known, also those that are not read: they are refused and not passed over. Sound,
 * archives and what begins in no way that is known are other files, and so is an empty one. */
enum file_kind { FILE_PICTURE, FILE_TEXT, FILE_VIDEO, FILE_OTHER, FILE_KINDS };
extern const char *const file_kind_names[]; /* (FILE_KINDS): "picture", "text" ... */

/* By its first bytes, as many as there are up to FILE_HEAD. A head without control characters is text, in whatever
 * encoding, unless it begins as a picture does by more than two letters: "BM" may be a word. */
enum { FILE_HEAD = 4096 };
enum file_kind file_kind_of(const uint8_t *head, size_t size);

/* Of a file that nobody has named, below a folder that somebody has: whether it is a picture is for what is in it to say, and
 * only its head is read, inflated if it is gzipped. But one that is called as pictures are (picture_suffix) is taken for
 * one, unopened: if it is none, whoever has it will want to know. ERR_IO: *out is
 * FILE_PICTURE, as what cannot be read may be one. */
int file_kind_find(enum file_kind *out, const char *path, struct err *err);

/* The same of the member of an archive that came last, with a name. What cannot be read is FILE_OTHER: where the archive is damaged,
 * that is said of it. */
enum file_kind member_kind(struct shard *shard, const struct shard_entry *entry);

/* Formats that are read, or would be if the build had found their library: begin with a zeroed one; false at the end. */
struct picture_format {
    const char *name;     /* "JPEG" */
    const char *library;  /* NULL: code of this program's own */
    const char *suffixes; /* ".jpg .jpeg" */
    bool is_read;
    size_t position; /* private */
};
bool picture_format_next(struct picture_format *format);

/* The media type of a file that begins with these bytes, "image/png" for one, where browsers show its format; else
 * NULL. 32 bytes are enough. */
const char *picture_media_type(const uint8_t *bytes, size_t size);

struct picture_options {
    size_t max_bytes;  /* of the file; 0 for the default, 256 MiB */
    size_t max_pixels; /* width * height, checked before decoding; 0 for the default, 200 million */
    int max_seconds;   /* of CPU time, for formats that another process decodes; 0 for the default, 60 */
    bool ignore_exif;  /* leave the picture as stored; otherwise the EXIF orientation is applied */

    /* JPEG, where the build found libjpeg-turbo: damage that it goes on from, as Pillow does, is an error and not a warning.
     *
     * truncated: a file whose end is missing is read as far as it goes, as Pillow does with its LOAD_TRUNCATED_IMAGES, with a
     * warning. JPEG, there, and PNG, of which also those whose pixels cannot be decoded from the middle on; GIF, likewise, in whole
     * sub-blocks; BMP and PNM but for run lengths and for samples that are scaled, PSD, TGA, ICO and TIFF without compression,
     * in whole rows. The rest is black, clear where there is alpha, or the first colour of a palette. */
    bool strict, truncated;

    /* Decode in another process what is decoded in this one otherwise: JPEG, PNG, WebP and all that has no library of its own,
     * but for what is told by its name alone. See vision/helper. ERR_IO where the build has no diptych-decode. */
    bool isolate;

    /* 0: all pixels. Otherwise both edges need no more than so many, which a picture has from
     *
     *   - JPEG at 1/2, 1/4 or 1/8 of its size (its finer DCT coefficients are left out: Pillow's draft mode), in builds with
     *     libjpeg-turbo, the preview of camera raw among them; JPEG 2000 at 1/2, 1/4 and so on (its finer wavelets: Pillow's `reduce`);
     *   - the thumbnail of a HEIC (pillow-heif's draft mode), a reduced picture inside a TIFF or behind the first, or behind a JPEG
     *     (many cameras'): if its edges have the whole picture's ratio within two pixels, and it is turned alike.
     *
     * That takes 1/2 to 1/70 of the time. WebP's scaled decoding and JPEG XL's first pass take 4/5, and are not used; nor are EXIF's
     * thumbnails, which have 160 x 120 pixels, and previews of camera raw that are no picture of it otherwise: a camera's colours are
     * not LibRaw's. */
    int min_edge;

    struct picture_host *host; /* private; NULL */
};

/* Read the formats of picture_format_next, told apart by their first bytes, not by name. options may be NULL.
 *
 *   ERR_UNSUPPORTED    a known format that is not read; the message says what to do
 *   ERR_FORMAT         of no known format, or damaged: with the reason and, where it is known, the byte offset
 *   ERR_LIMIT          over a limit of the options, and not decoded
 *   ERR_IO             picture_read only: the file cannot be read
 *   ERR_MEMORY
 *
 * Messages of picture_read name the source; picture_decode does not know it. After an error *out is empty. */
int picture_decode(struct picture *out, const uint8_t *bytes, size_t size,
    const struct picture_options *options, struct err *err);
int picture_read(struct picture *out, struct picture_source source, const struct picture_options *options,
    struct err *err);
void picture_release(struct picture *picture);

/* 0 where options->isolate works: a picture of one pixel has been decoded so. Otherwise ERR_IO or ERR_FORMAT. */
int picture_try_isolation(struct err *err);

/* A picture's warning with the name of its source, as a problem that has no code; *out is empty where the warning is. */
void picture_say_warning(struct err *out, struct picture_source source, const char *warning);

/* What becomes of transparency. */
enum alpha_rule {
    ALPHA_MODEL, /* what the model's own reference does: see preprocess_run */
    ALPHA_WHITE, /* laid on white, */
    ALPHA_BLACK, /* or on black, by Pillow's alpha_composite */
    ALPHA_DROP,  /* the colour of each pixel as it is, as Pillow's convert("RGB") has it */
};
extern const char *const alpha_names[]; /* "model", "white", "black", "drop", NULL */

/* The picture as plain RGB, at its size. alpha: not ALPHA_MODEL. ERR_MEMORY; *out is empty then. */
int picture_rgb(struct picture *out, const struct picture *in, enum alpha_rule alpha, struct err *err);

/* A plain RGB or RGBA picture as a PNG file in memory, *size bytes at *out, for free(). ERR_LIMIT from 1 GiB of pixels on;
 * ERR_MEMORY. */
int picture_write_png(uint8_t **out, size_t *size, const struct picture *picture, struct err *err);

/* An RGB one as a JPEG file; quality is libjpeg's, 1 to 100. ERR_LIMIT: an edge over 65500 pixels. Only in builds with
 * libjpeg-turbo. */
int picture_write_jpeg(
    uint8_t **out, size_t *size, const struct picture *picture, int quality, struct err *err);

/* ---- when, where and with what a picture was taken ----------------------------------------------------- */

/* UTF-8; "", and 0 for both numbers, where it is not known.
 *
 * taken: "2024-06-01 09:30:00.12+02:00", the time on the camera's clock and, where the file says it, its zone; without
 * one it is local time, wherever that was. Fractions of a second end in no 0. Of a scanned picture it may be a day, a month
 * ("1985-07") or a year. As text it sorts by the camera's clock. */
struct capture {
    char taken[40];
    char camera[96]; /* "Canon EOS R5": maker and model, the maker's name once */
    char lens[96];   /* its model */
    double lat, lon; /* degrees (WGS 84), north and east positive */
};

/* Reads it, and no pixels: some kilobytes of the file. Each field is the first that is there of
 *
 *   - EXIF: DateTimeOriginal with OffsetTimeOriginal and SubSecTimeOriginal, else DateTimeDigitized with its own; Make, Model,
 *     LensModel; GPSLatitude and GPSLongitude;
 *   - XMP in the file: exif:DateTimeOriginal, exif:DateTimeDigitized, photoshop:DateCreated, xmp:CreateDate; tiff:Make, tiff:Model;
 *     exifEX:LensModel, aux:Lens; exif:GPSLatitude, exif:GPSLongitude;
 *   - of a file on disk without date or place the same in IMG.xmp and IMG.jpg.xmp beside it, and Google Takeout's
 *     IMG.jpg.supplemental-metadata.json or IMG.jpg.json: photoTakenTime, which is UTC, and geoData.
 *
 * EXIF and XMP are found in JPEG, PNG (eXIf; XMP not compressed), WebP, TIFF, camera raw (DNG and others made like TIFF, CR3,
 * RAF), HEIC, AVIF, JPEG XL in a container, where they are not compressed, and JPEG 2000; not in PSD, GIF or gzipped files. ERR_IO, ERR_MEMORY;
 * what is damaged is not known. */
int picture_capture(struct capture *out, struct picture_source source, struct err *err);

/* Adds the paths of such files beside a picture, the first to count first. ERR_MEMORY. */
int picture_beside_paths(struct strings *out, const char *path, struct err *err);

/* Whether a file is called as they are; and fills in what is not known yet from the bytes of one. */
bool picture_beside_named(const char *path);
void picture_beside_read(struct capture *out, const char *path, struct span bytes);

/* ---- thumbnails ---------------------------------------------------------------------------------------- */

/* A JPEG file where the build found libjpeg-turbo, of a quality at which its losses are not seen at its size; else a
 * PNG file, ten times as large for photographs. */
struct thumbnail {
    uint8_t *bytes;   // (size)
    const char *type; /* "image/jpeg" or "image/png" */
    size_t size;
    int width, height;
};

enum { THUMBNAIL_QUALITY = 82 };

/* The picture on white, scaled down with its aspect ratio kept, no edge under a pixel, to fit a square of `edge`
 * pixels; as large as it is where it fits already. The errors are picture_read's, and ERR_LIMIT for a result of
 * 1 GiB, or of an edge too long for a JPEG file. */
int thumbnail_read(struct thumbnail *out, struct picture_source source, int edge,
    const struct picture_options *options, struct err *err);
void thumbnail_release(struct thumbnail *thumbnail);

/* The plain RGB pixels of such a thumbnail; picture_release them. */
int thumbnail_picture(struct picture *out, struct picture_source source, int edge,
    const struct picture_options *options, struct err *err);

/* How sharp a picture is: the variance of its Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield
 * microscopy"), of the grey values 0 to 255 that Pillow's convert("L") has for a thumbnail of SHARPNESS_EDGE, so that
 * pictures of different sizes compare. 0: flat, or narrower than 3 pixels; photographs in focus have hundreds. The errors are
 * thumbnail_read's. */
enum { SHARPNESS_EDGE = 512 };
int picture_sharpness(
    double *out, struct picture_source source, const struct picture_options *options, struct err *err);

/* ---- preprocessing ------------------------------------------------------------------------------------- */

/* Pillow's numbers of filters, and names for them: NULL ends the table. */
enum resample {
    RESAMPLE_NEAREST,
    RESAMPLE_LANCZOS,
    RESAMPLE_BILINEAR,
    RESAMPLE_BICUBIC,
    RESAMPLE_BOX,
    RESAMPLE_HAMMING,
};
extern const char *const resample_names[];

/* Resizes a plain RGB picture as Pillow's 8-bit Image.resize(..., reducing_gap=None) does, byte for byte: antialiased, separable,
 * 22-bit fixed-point weights, horizontal pass first unless (Pillow 13) the height shrinks far more, a pass
 * skipped where the size does not change.
 * Source of the method: Pillow, src/libImaging/Resample.c; field notes in resize.c.
 *
 * ERR_ARGUMENT: an edge shorter than a pixel; ERR_MEMORY. *out is empty then. */
int picture_resize(struct picture *out, const struct picture *in, int width, int height,
    enum resample resample, struct err *err);

enum resize_mode {
    RESIZE_SHORTEST, /* the shorter edge to `size`, the longer to int(size * long / short); then the crop */
    RESIZE_SQUASH,   /* straight to size x size, whatever the aspect ratio */
    RESIZE_LONGEST,  /* the longer edge to `size`, the shorter to round(short * size / long); then padding */
    RESIZE_NONE,     /* not at all: the crop is cut out of the picture as it is */
    RESIZE_PATCHES, /* as large as max_patches allow, its aspect ratio nearly kept: no square, see struct patches */
};
extern const char *const resize_mode_names[];

/* When pictures that are not RGB become it. */
enum rgb_order {
    RGB_FIRST, /* Hugging Face (transformers since 5.21): laid on white, then resized */
    RGB_LAST, /* open_clip, OpenAI's code: resized and cropped in Pillow's mode of the picture, then convert("RGB") */
};

/* How the top-left corner of a centre crop is rounded: they differ by a pixel when the excess is 3 mod 4. */
enum crop_rounding {
    CROP_FLOOR,     /* Hugging Face's image processors: (excess) / 2 rounded down */
    CROP_HALF_EVEN, /* torchvision and open_clip: int(round(excess / 2.0)), Python's round to even */
};

struct preprocess {
    enum resize_mode resize_mode;
    enum resample resample;
    enum crop_rounding crop_rounding;
    enum rgb_order rgb_order;
    enum alpha_rule alpha;  /* for the caller to set: ALPHA_MODEL as it is loaded */
    int resize;             /* edge length the picture is resized to */
    int crop;               /* edge length S of the square that is cut out */
    uint8_t fill;           /* each channel of what is padded where S is larger than the picture */
    int patch, max_patches; /* of RESIZE_PATCHES: the edge length P of a patch, and how many there may be */
    float scale, mean[3], std[3]; /* a model input value is (byte * scale - mean) / std */
    const char *source; /* the name of the file that says all this; NULL: none does, it is assumed */
};

/* Reads how a model directory wants its pictures:
 *
 *   - of Hugging Face's layout, "image_processor" in `processor_config.json` (transformers from 5 on), else
 *     `preprocessor_config.json`: as transformers 5.23 does, the first wins where both are there. All fields of
 *     CLIPImageProcessor; do_convert_rgb false changes nothing, since a model takes RGB only;
 *   - "preprocess_cfg" in `open_clip_config.json`. Where both layouts are there, Hugging Face's counts.
 *
 * A field that is left out, or all where there is no file, is as in `otherwise`, whose crop is the S that the model's
 * config asks for.
 *
 * ERR_FORMAT: not JSON, a value that makes no sense, or another S; ERR_UNSUPPORTED: a way to prepare pictures
 * that is not built; ERR_IO, ERR_LIMIT (a file over 1 MiB), ERR_MEMORY. Messages name file and field. */
int preprocess_load(
    struct preprocess *out, const char *directory, const struct preprocess *otherwise, struct err *err);

/* OpenAI CLIP's values: shortest edge to image_size, bicubic, centre crop, its mean and std. */
struct preprocess preprocess_default(int image_size);

/* transformers' SiglipImageProcessor: squashed, bicubic, mean and std 0.5. */
struct preprocess preprocess_siglip(int image_size);

/* Its Siglip2ImageProcessor: 256 patches of 16, bilinear; image_size is not heeded. */
struct preprocess preprocess_siglip2(int image_size);

/* What comes before the pixels of a picture of RESIZE_PATCHES, whose aspect ratio is its own: patches (rows * columns,
 * P, P, 3), row by row of the picture. */
struct patches {
    uint32_t rows, columns; /* at least 1, and max_patches together at most */
    uint8_t pixels[];
};

/* Bytes that preprocess_run writes: the square's, or for RESIZE_PATCHES a struct patches with max_patches of them, of
 * which those that there are count. A multiple of 4, so that one may follow the other. */
size_t preprocess_bytes(const struct preprocess *preprocess);

/* The size that RESIZE_PATCHES makes of a picture's: the largest scale, found by bisection, at which both edges, each
 * rounded up to whole patches, make no more than max_patches. Facts: image_processing_siglip2.py in transformers. */
void preprocess_patch_grid(
    const struct preprocess *preprocess, int width, int height, size_t *rows, size_t *columns);

/* Makes pixels that are any bytes a picture: for RESIZE_PATCHES a square one. */
void preprocess_blank(uint8_t *pixels, const struct preprocess *preprocess);

/* pixels (S, S, 3): the square of `picture` that the model sees; of RESIZE_PATCHES a struct patches. Not yet scaled:
 * the device does that.
 *
 * A picture that is not plain RGB becomes it by rgb_order. RGB_LAST is what Pillow's resize does with each mode:
 * palettes and bits by nearest neighbour; alpha multiplied into the colour and, after it, out of it, so that clear
 * pixels turn black, unless the size stays; CMYK in its four inks; then alpha is dropped. Another alpha rule than
 * ALPHA_MODEL comes first: ALPHA_WHITE and ALPHA_BLACK for pictures that have alpha, ALPHA_DROP for all, which
 * is how Diptych prepared pictures before it had a choice.
 *
 * ERR_LIMIT: the picture is so narrow that its resized length is no int, or none; ERR_MEMORY. */
int preprocess_run(
    uint8_t *pixels, const struct preprocess *preprocess, const struct picture *picture, struct err *err);

/* The same of a part of the picture, which lies inside it and is not empty, as if it were all there is: resized to the square,
 * whatever its aspect ratio, as torchvision's resized_crop does. Not of RESIZE_PATCHES. */
struct picture_part {
    int x, y, width, height; /* pixels, from the top left */
};
int preprocess_part(uint8_t *pixels, const struct preprocess *preprocess, const struct picture *picture,
    struct picture_part part, struct err *err);

/* What training makes of that square: it is flipped, then its colours change in the order of the steps, then it is grey. Bytes are those that
 * torchvision 0.29 makes of a Pillow picture. With luma = (19595 R + 38470 G + 7471 B + 32768) >> 16, and a blend of a and b in
 * float32, a + by * (b - a), cut to 0 to 255 and to whole numbers, a channel becomes
 *
 *   COLOUR_BRIGHTNESS  the blend of 0 and the channel                                             adjust_brightness
 *   COLOUR_CONTRAST    that of the picture's mean luma, rounded, and the channel                  adjust_contrast
 *   COLOUR_SATURATION  that of the pixel's luma and the channel                                   adjust_saturation
 *   COLOUR_HUE         what it is in HSV of 8 bits each, when (int)(255 * by) is added to H       adjust_hue
 *   greys              luma                                                                       to_grayscale */
enum colour_change { COLOUR_BRIGHTNESS, COLOUR_CONTRAST, COLOUR_SATURATION, COLOUR_HUE, COLOUR_CHANGES };

struct picture_changes {
    bool flips; /* left and right */
    bool greys;
    size_t colours; /* steps */
    struct colour_step {
        enum colour_change change;
        double by; /* from 0 on, 1 changes nothing; of hue -0.5 to 0.5 */
    } steps[COLOUR_CHANGES];
};
void pixels_change(uint8_t *pixels, size_t side, const struct picture_changes *changes); // (side, side, 3)

/* ---- what a picture is made of ------------------------------------------------------------------------- */

/* *out is the share, 0 to 1, of the smooth pixels of a square (edge, edge, 3) that are near none of its `count`
 * commonest colours. What is drawn with a few colours has next to none, whatever it shows; light makes a photograph of
 * anything, even of one fruit on white, a picture of many. 1 where nothing is smooth, as in noise. palette.c says what
 * smooth and near mean. ERR_MEMORY. */
int palette_rest(double *out, const uint8_t *pixels, size_t edge, size_t count, struct err *err);

/* ---- the vision tower ---------------------------------------------------------------------------------- */

/* From the states of all tokens to one row. */
enum vision_pooling {
    VISION_POOL_CLASS_TOKEN, /* the class token's, then a layer norm */
    VISION_POOL_MEAN,        /* the mean of the patches', then a layer norm */
    VISION_POOL_ATTENTION,   /* pool_attention of all of them after a layer norm */
    VISION_POOL_QUERY,       /* pool_attention by the first of many queries, then a layer norm: CoCa */
};
extern const char *const vision_pooling_names[]; /* "class token", "mean", "attention", "first query" */

/* One row of a table of families says all that tells their towers apart. */
struct vit_config {
    struct transformer_config block;
    size_t image_size, patch_size; /* S and P; the grid is G = S/P */
    size_t embed_width;            /* E of the shared space */
    bool patch_bias;               /* of the patches' embedding */
    bool class_token;              /* comes before the patches; else T is G*G */
    bool class_unplaced;           /* it has no position */
    bool stem;                     /* patches are made in three steps: vision/stem.c */
    bool pre_norm;                 /* a layer norm before the first block, as CLIP has; else nothing */
    bool
        any_size; /* pictures are struct patches of any grid, to which the G*G positions are resized; no class token */
    enum vision_pooling pooling;
    size_t pool_heads, pool_mlp_width; /* of pooling by attention; 0: as in the blocks */
    size_t pool_queries;               /* of pooling by the first of so many */
    enum projection projection;        /* none: E is W */
};

struct vit;

/* ERR_FORMAT: a tensor is missing, of another shape, or not finite; ERR_UNSUPPORTED: the kernels do not fit its
 * sizes; ERR_DEVICE, ERR_MEMORY. The device must outlive the tower. */
int vit_load(struct vit **out, const struct vit_config *config, const struct preprocess *preprocess,
    const struct weights *weights, struct device *device, struct err *err);
void vit_free(struct vit *vit);

/* params_save of all its tensors. */
int vit_save(const struct vit_config *config, const struct weights *weights, struct weights_writer *writer,
    struct err *err);

/* embeddings (B, E) float32, not normalised, of pixels (B, S, S, 3) on the device. ERR_DEVICE; ERR_LIMIT: the batch
 * is larger than the stream's memory was planned for. */
int vit_forward(const struct vit *vit, struct stream *stream, struct tensor embeddings, struct tensor pixels,
    struct err *err);

/* The same of pictures of any_size: patches (R, 3*P*P) bytes, one picture after the other, as sequences; grids (count) are
 * on the host. */
int vit_forward_patches(const struct vit *vit, struct stream *stream, struct tensor embeddings,
    struct tensor patches, const struct sequences *sequences, const struct patches *const *grids,
    struct err *err);

size_t vit_layers(
    const struct weights *weights); /* how many blocks of the tower are there; of random weights 0 */
size_t vit_tokens(const struct vit_config *config); /* of one picture; of any_size: of a square one */
size_t vit_params(const struct vit_config *config);
double vit_flops(const struct vit_config *config); /* one picture */

/* The tower for training, of such a part: see compute/train/train.h, whose parameters it adds its own to. ERR_UNSUPPORTED for towers that differ from
 * CLIP's or SigLIP's in more than sizes, activation and their pooling being a mean. */
struct trained_vit;
struct parameters;
struct tower_training;
int trained_vit_new(struct trained_vit **out, const struct vit_config *config,
    const struct preprocess *preprocess, struct parameters *parameters, const struct tower_training *training,
    struct err *err);
void trained_vit_free(struct trained_vit *vit);

/* vit_forward. What it keeps stays in the stream's memory until trained_vit_backward is done, which adds the gradients of what is
 * trained by those of the embeddings, dembeddings (B, E) float32. */
int trained_vit_forward(struct trained_vit *vit, struct stream *stream, struct tensor embeddings,
    struct tensor pixels, struct err *err);
int trained_vit_backward(
    struct trained_vit *vit, struct stream *stream, struct tensor dembeddings, struct err *err);

#endif
