// SPDX-License-Identifier: Apache-2.0
/*
 * What it costs to decode in a process of its own (vision/helper), beside the same decoder in this one, and what --fast-decode
 * saves there:
 *
 *     DIPTYCH_DECODER=BUILD/diptych-decode bench_isolation ROUNDS FILE ...
 *
 * Prints a line for each file: its name, milliseconds in this process, in the other, and in that with --fast-decode. Medians of
 * rounds in turns, by the clock on the wall, from the file's bytes to the 224 x 224 pixels of a model.
 */
#include "vision/helper/decoders.h"
#include "vision/helper/helper.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 224, ROUNDS_MAX = 1000 };

enum way { HERE, APART, APART_FAST, WAYS };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int decode_here(struct picture *out, const struct format *format, struct span file,
    const struct picture_options *options, struct err *err)
{
    const struct decoder *decoder = decoders;
    if (!format->apart)
        return format_decode_here(out, format, file, options, err);
    while (decoder->library && strcmp(decoder->library, format->library))
        decoder++;
    return decoder->decode(out, file, options, err);
}

static int measure(
    double *seconds, const struct format *format, struct span file, enum way way, struct err *err)
{
    static uint8_t pixels[SIZE * SIZE * 3];
    const struct preprocess preprocess = preprocess_default(SIZE);
    const struct picture_options options = {.max_bytes = SIZE_MAX,
        .max_pixels = 1000000000,
        .max_seconds = 600,
        .min_edge = way == APART_FAST ? SIZE : 0};
    struct picture picture = {0};
    const double start = now();
    int rc = way == HERE
                 ? decode_here(&picture, format, file, &options, err)
                 : helper_decode(&picture, format->apart ? format->library : HELPER_OWN, file, &options, err);
    if (!rc)
        rc = preprocess_run(pixels, &preprocess, &picture, err);
    picture_release(&picture);
    *seconds = now() - start;
    return rc;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare(const char *path, size_t rounds, struct err *err)
{
    double seconds[WAYS][ROUNDS_MAX];
    char *bytes = NULL;
    struct span file;
    int rc = file_read(&bytes, &file.length, path, SIZE_MAX, err);
    file.data = bytes;
    const struct format *format = rc ? NULL : format_find(file);
    if (!rc && (!format || !format_is_read(format)))
        rc = err_set(err, ERR_FORMAT, "'%s' is not read", path);
    for (size_t i = 0; i < WAYS * rounds && !rc; i++)
        rc = measure(&seconds[i % WAYS][i / WAYS], format, file, (enum way)(i % WAYS), err);
    for (int i = 0; i < WAYS && !rc; i++)
        qsort(seconds[i], rounds, sizeof **seconds, by_value);
    if (!rc)
        printf("%s\t%.3f\t%.3f\t%.3f\n", path, 1e3 * seconds[HERE][rounds / 2],
            1e3 * seconds[APART][rounds / 2], 1e3 * seconds[APART_FAST][rounds / 2]);
    free(bytes);
    return rc;
}

int main(int argc, char **argv)
{
    const size_t rounds = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
    struct err err = {0};
    int rc = 0;
    if (!rounds || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_isolation ROUNDS FILE ...\n");
        return 2;
    }
    for (const struct decoder *decoder = decoders; decoder->library; decoder++)
        if (decoder->prepare)
            decoder->prepare();
    for (int i = 2; i < argc && !rc; i++)
        rc = compare(argv[i], rounds, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.msg);
    return rc != 0;
}
