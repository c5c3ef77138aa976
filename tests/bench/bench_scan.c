// SPDX-License-Identifier: Apache-2.0
/*
 * Times the exact scan for tests/bench/index.py, which runs other programs beside it.
 *
 *     bench_scan VECTORS QUERIES WIDTH CODES
 *
 * VECTORS and QUERIES are raw float32, CODES a file of coarse codes, made where it is not there, or - for
 * none. Each line "Q K EVERY" on stdin is one scan of the first Q queries for K of the rows that are multiples of EVERY; its
 * answer on stdout is one line of JSON with the seconds it took, those of processors, and the rows found.
 */
#include "index/coarse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench {
    struct file_map vectors, queries;
    struct index_rows rows;
    struct coarse coarse;
    struct device *device;
    struct scanner *scanner;
};

static int bench_open(struct bench *bench, char **argv, struct err *err)
{
    const size_t width = strtoul(argv[3], NULL, 10);
    int rc = file_map_open(&bench->vectors, argv[1], err);
    if (!rc)
        rc = file_map_open(&bench->queries, argv[2], err);
    if (!rc)
        rc = device_open(&bench->device, NULL, err);
    if (!rc)
        rc = scanner_open(&bench->scanner, bench->device, err);
    if (rc)
        return rc;
    bench->rows = (struct index_rows){.data = bench->vectors.data,
        .count = (int64_t)(bench->vectors.size / sizeof(float) / width),
        .stride = sizeof(float) * width,
        .width = width,
        .storage = INDEX_F32};
    if (!strcmp(argv[4], "-"))
        return 0;
    const double start = time_now();
    rc = coarse_update(argv[4], &bench->rows, 1, NULL, err);
    const double updated = time_now();
    if (!rc)
        rc = coarse_open(&bench->coarse, argv[4], &bench->rows, 1, err);
    fprintf(stderr, "codes made in %.3f s, opened in %.3f s\n", updated - start, time_now() - updated);
    return rc;
}

/* A filter that leaves one row of `every`; NULL for all. */
static uint64_t *mask_make(int64_t rows, size_t every)
{
    uint64_t *mask = every > 1 ? mem_new((size_t)rows / 64 + 1, sizeof *mask) : NULL;
    for (size_t row = 0; mask && row < (size_t)rows; row += every)
        mask[row / 64] |= (uint64_t)1 << row % 64;
    return mask;
}

/* Of all threads. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int answer(struct bench *bench, size_t queries, size_t k, size_t every, struct err *err)
{
    uint64_t *mask = mask_make(bench->rows.count, every);
    struct index_hit *hits = mem_new(queries * k, sizeof *hits);
    size_t *counts = mem_new(queries, sizeof *counts);
    int rc = hits && counts ? 0 : err_memory(err, queries * k * sizeof *hits);
    bench->rows.mask = mask;
    const double start = time_now(), start_cpu = cpu_seconds();
    if (!rc)
        rc = scan_top(bench->scanner, &bench->rows, &bench->coarse, (const float *)bench->queries.data,
            queries, k, hits, counts, NULL, err);
    if (!rc) {
        printf(
            "{\"seconds\": %.6f, \"cpu\": %.6f, \"rows\": [", time_now() - start, cpu_seconds() - start_cpu);
        for (size_t q = 0; q < queries; q++) {
            printf(q ? ", [" : "[");
            for (size_t i = 0; i < counts[q]; i++)
                printf("%s%" PRId64, i ? ", " : "", hits[q * k + i].row);
            printf("]");
        }
        printf("]}\n");
        fflush(stdout);
    }
    bench->rows.mask = NULL;
    free(mask);
    free(hits);
    free(counts);
    return rc;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct err err = {0};
    size_t queries, k, every;
    if (argc != 5) {
        fprintf(stderr, "usage: bench_scan VECTORS QUERIES WIDTH CODES\n");
        return 2;
    }
    int rc = bench_open(&bench, argv, &err);
    while (!rc && scanf("%zu %zu %zu", &queries, &k, &every) == 3)
        rc = answer(&bench, queries, k, every, &err);
    if (rc)
        fprintf(stderr, "bench_scan: %s\n", err.msg);
    coarse_release(&bench.coarse);
    scanner_free(bench.scanner);
    device_free(bench.device);
    file_map_release(&bench.queries);
    file_map_release(&bench.vectors);
    return rc ? 1 : 0;
}
