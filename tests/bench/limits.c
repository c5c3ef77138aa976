// SPDX-License-Identifier: Apache-2.0
/*
 * What the CPU's arithmetic can do at most: loops that touch registers only, on N threads, as JSON.
 *
 *   bench_limits [THREADS]  ->  {"threads": 2, "f32": 390.1, "f32_by": "AVX-512", "bf16": 5470.9, "bf16_by":
 * "AMX", "int8": 1479.0, "int8_by": "VNNI"}
 *
 * GFLOP/s, or of int8 billions of operations, a multiply-add counted as two. Every way that the CPU has is timed, and
 * the best one counts. Where no instruction multiplies bfloat16 there is no "bf16", and likewise no "int8". Facts: Intel's Intrinsics Guide; arch_prctl(2) and
 * Documentation/arch/x86/xstate.rst in Linux for the permission that AMX needs.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum {
    CHAINS = 12, /* independent sums: two units of latency four want at least eight */
    THREADS_MAX = 1024,
    TRIES = 5
};
static const double try_seconds = 0.2;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Keeps what a loop has computed from being optimised away. */
static volatile float sink;

/* ---- the loops: `steps` rounds, returning how many operations those were ------------------------------- */

static double plain_f32(size_t steps)
{
    enum { LANES = 16 * CHAINS };
    float sums[LANES];
    for (int i = 0; i < LANES; i++)
        sums[i] = (float)i;
    for (size_t step = 0; step < steps; step++)
        for (int i = 0; i < LANES; i++)
            sums[i] = sums[i] * 0.999f + 0.001f;
    for (int i = 0; i < LANES; i++)
        sink = sums[i];
    return 2.0 * LANES * (double)steps;
}

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)

__attribute__((target("avx2,fma"))) static double avx2_f32(size_t steps)
{
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    __m256 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm256_set1_ps((float)i);
    for (size_t step = 0; step < steps; step++)
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm256_fmadd_ps(sums[i], a, b);
    for (int i = 0; i < CHAINS; i++)
        sink = _mm256_cvtss_f32(sums[i]);
    return 2.0 * 8 * CHAINS * (double)steps;
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

__attribute__((target("avx512f"))) static double avx512_f32(size_t steps)
{
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
    __m512 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm512_set1_ps((float)i);
    for (size_t step = 0; step < steps; step++)
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm512_fmadd_ps(sums[i], a, b);
    for (int i = 0; i < CHAINS; i++)
        sink = _mm512_cvtss_f32(sums[i]);
    return 2.0 * 16 * CHAINS * (double)steps;
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f");
}

/* vdpbf16ps: each of 16 float32 sums gains two products. */
__attribute__((target("avx512f,avx512bf16"))) static double avx512_bf16(size_t steps)
{
    const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(-0.5f));
    __m512 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm512_set1_ps((float)i);
    for (size_t step = 0; step < steps; step++)
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm512_dpbf16_ps(sums[i], a, a);
    for (int i = 0; i < CHAINS; i++)
        sink = _mm512_cvtss_f32(sums[i]);
    return 2.0 * 32 * CHAINS * (double)steps;
}

static bool has_avx512_bf16(void)
{
    return __builtin_cpu_supports("avx512bf16");
}

/* vpdpbusd: each of 16 int32 sums gains four products. */
__attribute__((target("avx512f,avx512vnni"))) static double avx512_vnni(size_t steps)
{
    const __m512i a = _mm512_set1_epi32(0x01020304);
    __m512i sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm512_set1_epi32(i);
    for (size_t step = 0; step < steps; step++)
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm512_dpbusd_epi32(sums[i], a, a);
    for (int i = 0; i < CHAINS; i++)
        sink = (float)_mm_cvtsi128_si32(_mm512_castsi512_si128(sums[i]));
    return 2.0 * 64 * CHAINS * (double)steps;
}

static bool has_avx512_vnni(void)
{
    return __builtin_cpu_supports("avx512vnni");
}

/* As LDTILECFG reads it: palette 1, eight tiles of 16 rows of 64 bytes. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* Static: GCC 12 takes the first eight bytes for all that is read, and drops stores to the others. */
static const struct tile_config tile_config = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

/* Tiles 0 to 3 are the sums, (16, 16) float32; 4 and 5 hold A (16, 32), 6 and 7 B (16, 16, 2): all zeros,
 * which the unit multiplies no faster than anything else. */
__attribute__((target("amx-tile,amx-bf16"))) static double amx_bf16(size_t steps)
{
    _tile_loadconfig(&tile_config);
    for (size_t step = 0; step < steps; step++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return 4 * 2.0 * 16 * 16 * 32 * (double)steps;
}

/* The same with sums of int32, A (16, 64) and B (16, 16, 4). */
__attribute__((target("amx-tile,amx-int8"))) static double amx_int8(size_t steps)
{
    _tile_loadconfig(&tile_config);
    for (size_t step = 0; step < steps; step++) {
        _tile_dpbsud(0, 4, 6);
        _tile_dpbsud(1, 4, 7);
        _tile_dpbsud(2, 5, 6);
        _tile_dpbsud(3, 5, 7);
    }
    _tile_release();
    return 4 * 2.0 * 16 * 16 * 64 * (double)steps;
}

/* __builtin_cpu_supports knows AMX only in newer compilers. Linux hands the tiles' state out on request. */
static bool has_amx(unsigned kind)
{
    enum { AMX_TILE = 1 << 24, ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & kind) || !(d & AMX_TILE))
        return false;
    return !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

static bool has_amx_bf16(void)
{
    return has_amx(1 << 22);
}

static bool has_amx_int8(void)
{
    return has_amx(1 << 25);
}

#endif

static const struct loop {
    const char *type, *by;
    bool (*has)(void);
    double (*run)(size_t steps);
} loops[] = {
    {"f32", "plain C", always, plain_f32},
#if defined(__x86_64__)
    {"f32", "AVX2", has_avx2, avx2_f32},
    {"f32", "AVX-512", has_avx512, avx512_f32},
    {"bf16", "AVX-512", has_avx512_bf16, avx512_bf16},
    {"bf16", "AMX", has_amx_bf16, amx_bf16},
    {"int8", "VNNI", has_avx512_vnni, avx512_vnni},
    {"int8", "AMX", has_amx_int8, amx_int8},
#endif
};

/* ---- on every thread at once --------------------------------------------------------------------------- */

struct share {
    const struct loop *loop;
    pthread_barrier_t *start;
    double rate; /* operations a second */
};

static void *run_share(void *argument)
{
    enum { STEPS = 1 << 14 };
    struct share *share = argument;
    double done = share->loop->run(STEPS);
    pthread_barrier_wait(share->start);
    const double start = now();
    double seconds = 0;
    for (done = 0; seconds < try_seconds; seconds = now() - start)
        done += share->loop->run(STEPS);
    share->rate = done / seconds;
    return NULL;
}

static double rate_of(const struct loop *loop, int threads)
{
    static pthread_t handles[THREADS_MAX];
    static struct share shares[THREADS_MAX];
    pthread_barrier_t start;
    double rate = 0;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        shares[i] = (struct share){.loop = loop, .start = &start};
        if (pthread_create(&handles[i], NULL, run_share, &shares[i])) {
            fprintf(stderr, "bench_limits: no thread %d\n", i + 1);
            exit(2);
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
        rate += shares[i].rate;
    }
    pthread_barrier_destroy(&start);
    return rate;
}

static bool is_to_run(const struct loop *loop, const char *type, const char *only)
{
    return !strcmp(loop->type, type) && (!only || !strcmp(loop->by, only)) && loop->has();
}

int main(int argc, char **argv)
{
    static const char *const types[] = {"f32", "bf16", "int8"};
    enum { TYPES = sizeof types / sizeof *types };
    const int threads = argc > 1 ? atoi(argv[1]) : 1;
    const char *only = argc > 2 ? argv[2] : NULL;
    if (argc > 3 || threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: bench_limits [THREADS [INSTRUCTIONS]]\n");
        return 2;
    }
    printf("{\"threads\": %d", threads);
    for (int type = 0; type < TYPES; type++) {
        const char *by = NULL;
        double best = 0;
        for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
            for (int try = 0; is_to_run(&loops[i], types[type], only) && try < TRIES; try++) {
                const double rate = rate_of(&loops[i], threads);
                if (rate > best) {
                    best = rate;
                    by = loops[i].by;
                }
            }
        if (by)
            printf(", \"%s\": %.1f, \"%s_by\": \"%s\"", types[type], best / 1e9, types[type], by);
    }
    printf("}\n");
    return 0;
}
