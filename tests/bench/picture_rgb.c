// SPDX-License-Identifier: Apache-2.0
/*
 * The pixels of pictures, for formats.py, which compares them with another program's:
 *
 *     bench_picture_rgb FILE >FILE.ppm
 *
 * A PPM file of the picture as it stands upright, its colours as they are where it is transparent.
 */
#include "vision/vision.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct picture picture = {0}, rgb = {0};
    struct err err = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: bench_picture_rgb FILE >FILE.ppm\n");
        return 2;
    }
    int rc = picture_read(&picture, picture_file(argv[1]), NULL, &err);
    if (!rc)
        rc = picture_rgb(&rgb, &picture, ALPHA_DROP, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.msg);
    if (*picture.warning)
        fprintf(stderr, "%s\n", picture.warning);
    if (!rc)
        printf("P6\n%d %d\n255\n", rgb.width, rgb.height);
    if (!rc && fwrite(rgb.pixels, 3 * (size_t)rgb.width, (size_t)rgb.height, stdout) != (size_t)rgb.height)
        rc = 1;
    picture_release(&rgb);
    picture_release(&picture);
    return fflush(stdout) || rc;
}
