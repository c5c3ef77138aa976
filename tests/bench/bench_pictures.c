// SPDX-License-Identifier: Apache-2.0
/*
 * How long one thread takes from a JPEG to the 224 x 224 pixels of a model, step by step:
 *
 *     bench_pictures FILE.jpg [ROUNDS]
 *
 * Prints a line for each step: its name, a tab, the median of its milliseconds. Processor time, so that other
 * work on the machine disturbs less.
 */
#include "vision/format.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 224, ROUNDS_MAX = 1000 };

struct bench {
    struct span file;
    struct preprocess preprocess;
    struct picture picture;
    uint8_t pixels[SIZE * SIZE * 3];
};

static int decode_with(struct bench *bench, format_decode *decode, int min_edge, struct err *err)
{
    const struct picture_options options = {.max_pixels = SIZE_MAX, .min_edge = min_edge};
    picture_release(&bench->picture);
    return decode(&bench->picture, bench->file, &options, err);
}

static int decode_stb(struct bench *bench, struct err *err)
{
    return decode_with(bench, stb_decode, 0, err);
}

static int decode_fast(struct bench *bench, struct err *err)
{
    return decode_with(bench, format_find(bench->file)->decode, SIZE, err);
}

static int decode(struct bench *bench, struct err *err)
{
    return decode_with(bench, format_find(bench->file)->decode, 0, err);
}

static int resize(struct bench *bench, struct err *err)
{
    return preprocess_run(bench->pixels, &bench->preprocess, &bench->picture, err);
}

/* In this order: each resize takes the picture of the decoding before it. */
static const struct {
    const char *name;
    int (*run)(struct bench *bench, struct err *err);
} steps[] = {{"decode, stb_image", decode_stb}, {"decode, --fast-decode", decode_fast},
    {"resize and crop, --fast-decode", resize}, {"decode", decode}, {"resize and crop", resize}};

static double thread_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int run(struct bench *bench, size_t rounds, struct err *err)
{
    double seconds[ROUNDS_MAX];
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        for (size_t i = 0; i < rounds; i++) {
            const double start = thread_time();
            int rc = steps[s].run(bench, err);
            if (rc)
                return rc;
            seconds[i] = thread_time() - start;
        }
        qsort(seconds, rounds, sizeof *seconds, by_value);
        printf("%s\t%.3f\n", steps[s].name, 1e3 * seconds[rounds / 2]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 11;
    char *bytes = NULL;
    struct err err = {0};

    if (argc < 2 || !rounds || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_pictures FILE.jpg [ROUNDS]\n");
        return 2;
    }
    bench.preprocess = preprocess_default(SIZE);
    int rc = file_read(&bytes, &bench.file.length, argv[1], SIZE_MAX, &err);
    bench.file.data = bytes;
    if (!rc && memcmp(bytes, "\xff\xd8\xff", bench.file.length < 3 ? bench.file.length : 3))
        rc = err_set(&err, ERR_FORMAT, "'%s' is no JPEG", argv[1]);
    if (!rc)
        rc = run(&bench, rounds, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.msg);
    picture_release(&bench.picture);
    free(bytes);
    return rc != 0;
}
