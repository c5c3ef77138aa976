// SPDX-License-Identifier: Apache-2.0
/*
 * AVIF through libavif, with Pillow's choices: the first picture of a sequence, 10 and 12 bits rounded to 8, ICC profile
 * and clean aperture left alone, and of the strict checks only that for the size of alpha.
 *
 * irot and imir belong to the picture, and Pillow has no other orientation of an AVIF file: EXIF's does not count.
 */
#include "vision/helper/decoders.h"

#include <limits.h>

#include <avif/avif.h>

/* That of EXIF which does the same: irot's quarter turns to the left, then imir's exchange of top and bottom or of left
 * and right. */
static int orientation_of(const avifImage *image)
{
    static const int turned[] = {1, 8, 3, 6};
    static const int mirrored[2][4] = {{4, 5, 2, 7}, {2, 7, 4, 5}}; /* of mode 0, of mode 1 */
    const int angle = image->transformFlags & AVIF_TRANSFORM_IROT ? image->irot.angle & 3 : 0;
#if AVIF_VERSION_MAJOR >= 1
    const int mode = image->imir.axis & 1;
#else
    const int mode = image->imir.mode & 1;
#endif
    return image->transformFlags & AVIF_TRANSFORM_IMIR ? mirrored[mode][angle] : turned[angle];
}

/* In libavif's words: what kind of failure, and where it was. */
static int fail(avifResult result, const avifDecoder *decoder, struct err *err)
{
    const char *kind = avifResultToString(result), *where = decoder->diag.error;
    switch (result) {
    case AVIF_RESULT_OUT_OF_MEMORY:
        return err_set(err, ERR_LIMIT, "it takes more memory than it may");
    case AVIF_RESULT_UNSUPPORTED_DEPTH:
    case AVIF_RESULT_NO_CODEC_AVAILABLE:
    case AVIF_RESULT_NOT_IMPLEMENTED:
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: libavif says '%s'", kind);
    case AVIF_RESULT_TRUNCATED_DATA:
        return err_set(err, ERR_FORMAT, "the file ends early");
    default:
        return err_set(err, ERR_FORMAT, "libavif says '%s%s%s'", kind, *where ? ": " : "", where);
    }
}

static int convert(
    struct picture *out, const avifDecoder *decoder, const struct picture_options *options, struct err *err)
{
    const avifImage *image = decoder->image;
    const enum picture_mode mode = image->alphaPlane ? PICTURE_RGBA : PICTURE_RGB;
    avifRGBImage rgb;

    int rc = picture_alloc(out, options, mode, (int)image->width, (int)image->height, err);
    if (rc)
        return rc;
    avifRGBImageSetDefaults(&rgb, image);
    rgb.format = mode == PICTURE_RGBA ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    rgb.depth = 8;
    rgb.pixels = out->pixels;
    rgb.rowBytes = (uint32_t)(image->width * picture_channels(out));
    const avifResult result = avifImageYUVToRGB(image, &rgb);
    return result ? fail(result, decoder, err) : picture_orient(out, orientation_of(image), err);
}

static int decode(struct picture *out, avifDecoder *decoder, struct span file,
    const struct picture_options *options, struct err *err)
{
    decoder->strictFlags = AVIF_STRICT_ALPHA_ISPE_REQUIRED;
    decoder->ignoreExif = decoder->ignoreXMP = AVIF_TRUE;

    avifResult result = avifDecoderSetIOMemory(decoder, span_bytes(file), file.length);
    if (!result)
        result = avifDecoderParse(decoder);
    if (result)
        return fail(result, decoder, err);
    const int rc = picture_check_size(decoder->image->width, decoder->image->height, options, err);
    if (rc)
        return rc;
    result = avifDecoderNextImage(decoder);
    return result ? fail(result, decoder, err) : convert(out, decoder, options, err);
}

int avif_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    avifDecoder *decoder = avifDecoderCreate();
    if (!decoder)
        return err_set(err, ERR_MEMORY, "out of memory");
    const int rc = decode(out, decoder, file, options, err);
    if (rc)
        picture_release(out);
    avifDecoderDestroy(decoder);
    return rc;
}
