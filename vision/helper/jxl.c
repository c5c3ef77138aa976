// SPDX-License-Identifier: Apache-2.0
/* JPEG XL through libjxl: the first frame, turned upright by libjxl itself, with 8 bits a sample, in the colours of the
 * file's own profile, which is left alone. */
#include "vision/helper/decoders.h"

#include <jxl/decode.h>

static int decode(struct picture *out, JxlDecoder *decoder, struct span file,
    const struct picture_options *options, struct err *err)
{
    JxlPixelFormat format = {.num_channels = 3, .data_type = JXL_TYPE_UINT8, .endianness = JXL_NATIVE_ENDIAN};
    JxlBasicInfo info;
    size_t bytes;

    if (JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE) ||
        JxlDecoderSetInput(decoder, span_bytes(file), file.length))
        return err_set(err, ERR_MEMORY, "out of memory");
    JxlDecoderCloseInput(decoder);
    for (;;) {
        int rc = 0;
        switch (JxlDecoderProcessInput(decoder)) {
        case JXL_DEC_BASIC_INFO:
            if (JxlDecoderGetBasicInfo(decoder, &info))
                return err_set(err, ERR_FORMAT, "its header is wrong");
            rc = picture_check_size(info.xsize, info.ysize, options, err);
            if (!rc)
                rc = picture_alloc(out, options, info.alpha_bits ? PICTURE_RGBA : PICTURE_RGB,
                    (int)info.xsize, (int)info.ysize, err);
            if (rc)
                return rc;
            format.num_channels = (uint32_t)picture_channels(out);
            break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
            if (JxlDecoderImageOutBufferSize(decoder, &format, &bytes) ||
                bytes != (size_t)out->width * (size_t)out->height * picture_channels(out) ||
                JxlDecoderSetImageOutBuffer(decoder, &format, out->pixels, bytes))
                return err_set(err, ERR_FORMAT, "a frame is not of its size");
            break;
        case JXL_DEC_FULL_IMAGE:
            return 0;
        case JXL_DEC_SUCCESS:
            return err_set(err, ERR_FORMAT, "it holds no picture");
        case JXL_DEC_NEED_MORE_INPUT:
            return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
        default:
            return err_set(err, ERR_FORMAT, "it is coded wrongly");
        }
    }
}

int jxl_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    JxlDecoder *decoder = JxlDecoderCreate(NULL);
    if (!decoder)
        return err_set(err, ERR_MEMORY, "out of memory");
    const int rc = decode(out, decoder, file, options, err);
    if (rc)
        picture_release(out);
    JxlDecoderDestroy(decoder);
    return rc;
}
