// SPDX-License-Identifier: Apache-2.0
/* WebP through libwebp: a still picture or, as Pillow shows it, the first frame of an animation on a canvas that
 * is black or, where the file has alpha, clear. */
#include "vision/format.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static int explain(VP8StatusCode status, struct span file, struct err *err)
{
    switch (status) {
    case VP8_STATUS_OK:
        return 0;
    case VP8_STATUS_OUT_OF_MEMORY:
        return err_set(err, ERR_MEMORY, "out of memory");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: its pixels use a later feature of VP8");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return err_set(err, ERR_FORMAT, "the pixels end early, before byte %zu", file.length);
    default:
        return err_set(err, ERR_FORMAT, "the pixels are coded wrongly");
    }
}

/* Decodes a frame to where it belongs on the canvas. */
static int draw(struct picture *canvas, const WebPIterator *frame, struct span file, struct err *err)
{
    const size_t channels = picture_channels(canvas), stride = (size_t)canvas->width * channels;
    const size_t bytes = stride * (size_t)canvas->height;
    const size_t at = (size_t)frame->y_offset * stride + (size_t)frame->x_offset * channels;
    WebPDecoderConfig config;

    if (frame->width != canvas->width || frame->height != canvas->height)
        memset(canvas->pixels, 0, bytes);
    if (!WebPInitDecoderConfig(&config))
        return err_set(err, ERR_UNSUPPORTED, "libwebp is older than the one that Diptych was built with");
    config.output.colorspace = canvas->mode == PICTURE_RGBA ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = (WebPRGBABuffer){canvas->pixels + at, (int)stride, bytes - at};
    return explain(WebPDecode(frame->fragment.bytes, frame->fragment.size, &config), file, err);
}

static int decode_first(struct picture *out, WebPDemuxer *demuxer, struct span file,
    const struct picture_options *options, struct err *err)
{
    const long long width = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
    const long long height = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
    WebPBitstreamFeatures features;
    WebPIterator frame;

    int rc = picture_check_size(width, height, options, err);
    if (rc)
        return rc;
    if (!WebPDemuxGetFrame(demuxer, 1, &frame))
        return err_set(err, ERR_FORMAT, "it holds no picture");
    const bool alpha = WebPGetFeatures(span_bytes(file), file.length, &features) || features.has_alpha;
    rc = picture_alloc(out, options, alpha ? PICTURE_RGBA : PICTURE_RGB, (int)width, (int)height, err);
    if (!rc)
        rc = draw(out, &frame, file, err);
    WebPDemuxReleaseIterator(&frame);
    return rc;
}

int webp_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    const WebPData data = {span_bytes(file), file.length};
    WebPDemuxState state;
    WebPDemuxer *demuxer = WebPDemuxPartial(&data, &state);
    int rc;

    if (state == WEBP_DEMUX_PARSE_ERROR)
        rc = err_set(err, ERR_FORMAT, "its chunks do not fit together");
    else if (!demuxer || state != WEBP_DEMUX_DONE)
        rc = err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
    else
        rc = decode_first(out, demuxer, file, options, err);
    WebPDemuxDelete(demuxer);
    return rc;
}

static struct span find_chunk(struct span file, const char *type)
{
    const WebPData data = {span_bytes(file), file.length};
    WebPDemuxer *demuxer = WebPDemux(&data);
    WebPChunkIterator chunk;
    struct span found = {0};

    if (demuxer && WebPDemuxGetChunk(demuxer, type, 1, &chunk)) {
        found = (struct span){(const char *)chunk.chunk.bytes, chunk.chunk.size}; /* points into the file */
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    WebPDemuxDelete(demuxer);
    return found;
}

struct span webp_exif(struct span file)
{
    static const char name[6] = "Exif\0"; /* some programs leave JPEG's mark before the block */
    const struct span exif = find_chunk(file, "EXIF");
    const bool marked = exif.length >= sizeof name && !memcmp(exif.data, name, sizeof name);
    return marked ? span_from(exif, sizeof name) : exif;
}

struct span webp_xmp(struct span file)
{
    return find_chunk(file, "XMP ");
}
