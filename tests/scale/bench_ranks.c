// SPDX-License-Identifier: Apache-2.0
/*
 * Times searches by ranks of MPI over made-up indexes. Not a test: tests/scale/ranks.sh runs it.
 *
 *     bench_ranks make FOLDER SHARDS ROWS WIDTH           FOLDER/0.dip ...: i8 rows of length 1, ROWS in all, and their codes
 *     bench_ranks search FOLDER SHARDS QUERIES K RUNS THREADS
 *
 * `search` prints one line: ranks, threads of each, rows, queries, k, the seconds that the fastest and the median of the runs
 * took, and a hash of all hits, which is the same for any number of ranks. The first run, which fills caches, is not among them.
 */
#include "compute/compute.h"
#include "index/mpi/mpi.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Elements in [-1, 1) by xorshift64*, scaled to length 1. */
static void make_vector(float *vector, size_t width, uint64_t number)
{
    uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    double square = 0;
    for (size_t i = 0; i < width; i++) {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        vector[i] = (float)((double)(int64_t)(x * UINT64_C(0x2545f4914f6cdd1d)) / 9223372036854775808.0);
        square += (double)vector[i] * vector[i];
    }
    for (size_t i = 0; i < width; i++)
        vector[i] = (float)(vector[i] / sqrt(square));
}

/* ---- making -------------------------------------------------------------------------------------------- */

static int fill(struct index *index, uint64_t first, uint64_t end, size_t width, struct err *err)
{
    enum { AT_ONCE = 4096, A_COMMIT = 1 << 20 };
    static struct index_item items[AT_ONCE];
    float *vectors = mem_new(AT_ONCE, width * sizeof *vectors);
    int rc = vectors ? 0 : err_memory(err, AT_ONCE * width * sizeof *vectors);
    for (uint64_t number = first; number < end && !rc;) {
        size_t count = 0;
        for (; count < AT_ONCE && number < end; count++, number++) {
            items[count] = (struct index_item){.kind = INDEX_IMAGE};
            make_vector(vectors + count * width, width, number);
        }
        rc = index_add(index, items, vectors, count, err);
        if (!rc && (number - first) % A_COMMIT == 0)
            rc = index_commit(index, err);
    }
    free(vectors);
    return rc ? rc : index_commit(index, err);
}

/* Each rank makes every ranks_count()-th. */
static int make(const char *folder, uint64_t shards, uint64_t rows, size_t width, struct err *err)
{
    const struct index_options options = {
        .model = "made up", .fingerprint = "made up", .width = width, .storage = INDEX_I8};
    int rc = 0;
    for (uint64_t i = (uint64_t)ranks_number(); i < shards && !rc; i += (uint64_t)ranks_count()) {
        struct index *index = NULL;
        char path[4096];
        snprintf(path, sizeof path, "%s/%" PRIu64 ".dip", folder, i);
        rc = index_create(&index, path, &options, err);
        if (!rc)
            rc = fill(index, rows * i / shards, rows * (i + 1) / shards, width, err);
        if (!rc)
            rc = index_prepare(index, &(struct job){.threads = 1}, err);
        index_free(index);
    }
    return rc;
}

/* ---- searching ----------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint64_t hash_hits(const struct index_hit *hits, const size_t *counts, size_t queries, size_t k)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t q = 0; q < queries; q++) {
        const uint8_t *bytes = (const uint8_t *)(hits + q * k);
        for (size_t i = 0; i < counts[q] * sizeof *hits; i++)
            hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static int time_searches(
    struct ranks *ranks, size_t queries, size_t k, size_t runs, int threads, struct err *err)
{
    const struct ranks_info info = ranks_info(ranks);
    const size_t by_kind[] = {0, k, 0};
    float *vectors = mem_new(queries, info.width * sizeof *vectors);
    struct index_hit *hits = mem_new(queries, k * sizeof *hits);
    size_t *counts = mem_new(queries, sizeof *counts);
    double *seconds = mem_new(runs, sizeof *seconds);
    int rc =
        vectors && hits && counts && seconds ? 0 : err_memory(err, queries * info.width * sizeof *vectors);
    for (size_t q = 0; q < queries && !rc; q++)
        make_vector(vectors + q * info.width, info.width, UINT64_MAX / 2 + q);
    for (size_t run = 0; run <= runs && !rc; run++) {
        const double start = time_now();
        rc = ranks_search(ranks, (struct index_hit *const[]){NULL, hits, NULL},
            (size_t *const[]){NULL, counts, NULL}, vectors, queries, by_kind, err);
        if (run)
            seconds[run - 1] = time_now() - start;
    }
    if (!rc) {
        qsort(seconds, runs, sizeof *seconds, by_size);
        printf("%d\t%d\t%" PRId64 "\t%zu\t%zu\t%.4f\t%.4f\t%016" PRIx64 "\n", ranks_count(), threads,
            info.rows, queries, k, seconds[0], seconds[runs / 2], hash_hits(hits, counts, queries, k));
    }
    free(vectors);
    free(hits);
    free(counts);
    free(seconds);
    return rc;
}

static int search(char **argv, struct err *err)
{
    const struct device_options device = {.device = NULL};
    const int threads = (int)strtol(argv[7], NULL, 10);
    const struct ranks_options options = {.device = &device, .job = {.threads = threads}};
    struct ranks *ranks = NULL;
    char path[4096];
    snprintf(path, sizeof path, "%s/{0..%ld}.dip", argv[2], strtol(argv[3], NULL, 10) - 1);
    int rc = ranks_open(&ranks, path, &options, err);
    if (!rc && ranks_number())
        ranks_serve(ranks);
    else if (!rc)
        rc = time_searches(ranks, strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10),
            strtoul(argv[6], NULL, 10), threads, err);
    ranks_close(ranks);
    return rc;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    int rc = 0;
    ranks_begin(&argc, &argv);
    if (argc == 6 && !strcmp(argv[1], "make"))
        rc = make(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10),
            strtoul(argv[5], NULL, 10), &err);
    else if (argc == 8 && !strcmp(argv[1], "search"))
        rc = search(argv, &err);
    else
        rc = err_set(&err, ERR_ARGUMENT, "bench_ranks make|search ...: see bench_ranks.c");
    if (ranks_agree(rc, &err) && !ranks_number())
        fprintf(stderr, "%s\n", err.msg);
    ranks_end();
    return rc != 0;
}
