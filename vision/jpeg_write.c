// SPDX-License-Identifier: Apache-2.0
/* A JPEG file of a picture, for thumbnails, through libjpeg-turbo; which leaves by longjmp where it gives up. */
#include "vision/vision.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

struct writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf gave_up;
};

static void give_up(j_common_ptr jpeg)
{
    struct writer *writer = jpeg->client_data;
    longjmp(writer->gave_up, 1);
}

/* Colour at half width and height, as is usual, and Huffman tables made for this picture. False: it gave up, for which
 * a stream in memory leaves one reason. */
static bool write_rows(struct writer *writer, FILE *file, const struct picture *picture, int quality)
{
    struct jpeg_compress_struct *jpeg = &writer->jpeg;
    if (setjmp(writer->gave_up))
        return false;
    jpeg_create_compress(jpeg);
    jpeg_stdio_dest(jpeg, file);
    jpeg->image_width = (JDIMENSION)picture->width;
    jpeg->image_height = (JDIMENSION)picture->height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->optimize_coding = TRUE;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = picture->pixels + (size_t)jpeg->next_scanline * (size_t)picture->width * 3;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return true;
}

int picture_write_jpeg(
    uint8_t **out, size_t *size, const struct picture *picture, int quality, struct err *err)
{
    struct writer writer = {.jpeg.err = jpeg_std_error(&writer.errors), .jpeg.client_data = &writer};
    char *bytes = NULL;
    if (picture->width > JPEG_MAX_DIMENSION || picture->height > JPEG_MAX_DIMENSION)
        return err_set(
            err, ERR_LIMIT, "%d x %d pixels are too many for a JPEG file", picture->width, picture->height);
    FILE *file = open_memstream(&bytes, size);
    if (!file)
        return err_memory(err, 0);
    writer.errors.error_exit = give_up;
    const bool written = write_rows(&writer, file, picture, quality);
    jpeg_destroy_compress(&writer.jpeg);
    if (fclose(file) || !written) {
        free(bytes);
        return err_memory(err, *size);
    }
    *out = (uint8_t *)bytes;
    return 0;
}
