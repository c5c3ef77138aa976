// SPDX-License-Identifier: Apache-2.0
/* Linear layers of every GEMM provider against their twin. */
#include "tests/compute/kernels.h"
#include "tests/compute/twins.h"
#include "tests/support/work.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_linear(const struct bench *bench, size_t rows, size_t n, size_t k, enum epilogue epilogue,
    bool has_bias, bool real_out)
{
    if (!work_fits(rows * n * k))
        return;
    const size_t mark = stream_mark(bench->stream);
    float *x = random_floats(rows * k, rows), *w = random_floats(n * k, n), *b = random_floats(n, k);
    float *want = random_floats(rows * n, 5), *got = malloc(rows * n * sizeof *got);
    uint16_t *bits = malloc(n * k * sizeof *bits);
    struct linear *linear;
    struct err err;
    struct tensor in, out;
    char what[96];

    for (size_t i = 0; i < n * k; i++)
        w[i] /= sqrtf((float)k);
    round_real(bench, w, bits, n * k);
    put(bench, DTYPE_U8, "xyz", SHAPE(3)); /* so that no tensor begins at offset 0 */
    in = put_real(bench, x, SHAPE(rows, k));
    out = real_out ? put_real(bench, want, SHAPE(rows, n)) : put(bench, DTYPE_F32, want, SHAPE(rows, n));
    check_ok(linear_load(&linear, bench->device, w, n, k, &err), &err);
    if (has_bias)
        check_ok(linear_set_bias(linear, bench->device, b, &err), &err);
    check_ok(linear_forward(linear, bench->stream, out, in, epilogue, &err), &err);
    get_real(bench, got, out, rows * n);
    twin_linear(want, x, w, has_bias ? b : NULL, rows, n, k, epilogue);
    snprintf(what, sizeof what, "linear %zux%zux%zu, epilogue %d", rows, n, k, (int)epilogue);
    compare(got, want, rows * n, tolerance(bench), what);

    linear_free(linear);
    free(x), free(w), free(bits), free(b), free(want), free(got);
    stream_rewind(bench->stream, mark);
}

void linear_matches(void **state)
{
    const struct bench *bench = *state;
    static const size_t shapes[][3] = {
        {1, 1, 1}, {1, 64, 48}, {5, 33, 17}, {2, 70, 3}, {50, 96, 588}, {7, 2304, 768}, {130, 64, 256}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int epilogue = EPILOGUE_NONE; epilogue <= EPILOGUE_ADD; epilogue++)
            for (int variant = 0; variant < 4; variant++) {
                const bool real_out = variant & 1, has_bias = variant & 2;
                if (!work_fits(SIZE_MAX) && variant != epilogue % 4)
                    continue; /* nearly all of a checker's time goes into CLBlast's products */
                if (epilogue == EPILOGUE_ADD && real_out)
                    continue; /* residual sums are float32 */
                check_linear(bench, shapes[i][0], shapes[i][1], shapes[i][2], (enum epilogue)epilogue,
                    has_bias, real_out);
            }
    /* So wide that a provider that works on some rows at a time takes few; and enough rows for many turns. */
    check_linear(bench, 100, 80, 16400, EPILOGUE_ADD, true, false);
    check_linear(bench, 100 * (size_t)thread_default() + 37, 48, 1000, EPILOGUE_QUICK_GELU, true, true);
}

/* The norm of the rows is rounded to the real type on its way into the product. */
void linear_after_norm_matches(void **state)
{
    const struct bench *bench = *state;
    static const size_t shapes[][3] = {{1, 16, 16}, {50, 96, 80}, {450, 64, 272}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t rows = shapes[i][0], n = shapes[i][1], k = shapes[i][2],
                     mark = stream_mark(bench->stream);
        if (!work_fits(rows * n * k))
            continue;
        float *x = random_floats(rows * k, 1), *w = random_floats(n * k, 2), *b = random_floats(n, 3),
              *gamma = random_floats(k, 4), *beta = random_floats(k, 5),
              *normed = malloc(rows * k * sizeof *normed), *want = malloc(rows * n * sizeof *want),
              *got = malloc(rows * n * sizeof *got);
        uint16_t *bits = malloc((rows + n) * k * sizeof *bits);
        struct linear *linear;
        struct tensor out;
        struct err err;
        for (size_t j = 0; j < n * k; j++)
            w[j] /= sqrtf((float)k);
        round_real(bench, w, bits, n * k);
        check_ok(linear_load(&linear, bench->device, w, n, k, &err), &err);
        check_ok(linear_set_bias(linear, bench->device, b, &err), &err);
        check_ok(linear_set_gamma(linear, bench->device, gamma, &err), &err);
        check_ok(linear_set_beta(linear, bench->device, beta, &err), &err);
        const struct tensor in = put(bench, DTYPE_F32, x, SHAPE(rows, k));
        check_ok(tensor_new(&out, bench->stream, stream_dtype(bench->stream), SHAPE(rows, n), &err), &err);
        check_ok(linear_forward_normed(linear, bench->stream, out, in, 1e-5f, EPILOGUE_GELU, &err), &err);
        get_real(bench, got, out, rows * n);
        twin_layer_norm(normed, x, gamma, beta, rows, k, 1e-5);
        round_real(bench, normed, bits, rows * k);
        twin_linear(want, normed, w, b, rows, n, k, EPILOGUE_GELU);
        compare(got, want, rows * n, tolerance(bench), "linear after a norm");
        linear_free(linear);
        free(x), free(w), free(b), free(gamma), free(beta), free(normed), free(want), free(got), free(bits);
        stream_rewind(bench->stream, mark);
    }
}

/* A layer with all that belongs to it, and its twin, which in int8 has operands that are rounded. */
struct layer {
    size_t n, k;
    float *weight, *bias, *gamma, *beta;
    struct linear *linear;
};

static void layer_make(struct layer *layer, const struct bench *bench, size_t n, size_t k, bool normed)
{
    uint16_t *bits = malloc(n * k * sizeof *bits);
    bool in_place;
    struct err err;
    *layer = (struct layer){.n = n, .k = k, .weight = random_floats(n * k, 2), .bias = random_floats(n, 3)};
    for (size_t i = 0; i < n * k; i++)
        layer->weight[i] /= sqrtf((float)k);
    if (device_precision(bench->device) != PRECISION_INT8)
        round_real(bench, layer->weight, bits, n * k);
    if (normed) {
        layer->gamma = random_floats(k, 4);
        layer->beta = random_floats(k, 5);
    }
    const struct linear_values values = {
        .weight = layer->weight, .bias = layer->bias, .gamma = layer->gamma, .beta = layer->beta};
    check_ok(linear_load_layer(&layer->linear, &in_place, bench->device, &values, n, k, &err), &err);
    assert_false(in_place);
    free(bits);
}

static void layer_release(struct layer *layer)
{
    linear_free(layer->linear);
    free(layer->weight), free(layer->bias), free(layer->gamma), free(layer->beta);
}

/* want (rows, N) of x (rows, K), which is used up. */
static void layer_twin(
    const struct layer *layer, const struct bench *bench, float *want, float *x, size_t rows)
{
    const size_t n = layer->n, k = layer->k;
    const bool int8 = device_precision(bench->device) == PRECISION_INT8;
    float *ones = malloc(k * sizeof *ones), *zeros = calloc(k, sizeof *zeros);
    uint16_t *bits = malloc(rows * k * sizeof *bits);
    for (size_t i = 0; i < k; i++)
        ones[i] = 1;
    for (size_t i = 0; layer->gamma && int8 && i < n * k; i++) {
        layer->bias[i / k] += layer->weight[i] * layer->beta[i % k];
        layer->weight[i] *= layer->gamma[i % k];
    }
    if (layer->gamma)
        twin_layer_norm(x, x, int8 ? ones : layer->gamma, int8 ? zeros : layer->beta, rows, k, 1e-5);
    if (int8) {
        twin_round_rows(layer->weight, n, k);
        twin_round_rows(x, rows, k);
    } else {
        round_real(bench, x, bits, rows * k);
    }
    twin_linear(want, x, layer->weight, layer->bias, rows, n, k, EPILOGUE_NONE);
    free(ones), free(zeros), free(bits);
}

void layers_of_a_model_match(void **state)
{
    const struct bench *bench = *state;
    static const size_t shapes[][3] = {
        {1, 16, 16}, {50, 96, 80}, {13, 33, 272}, {450, 64, 272}, {12, 1, 17}, {25, 70, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int normed = 0; normed < 2; normed++) {
            const size_t rows = shapes[i][0], n = shapes[i][1], k = shapes[i][2],
                         mark = stream_mark(bench->stream);
            if (!work_fits(rows * n * k) || (normed && k % 16))
                continue;
            float *x = random_floats(rows * k, 1), *want = malloc(rows * n * sizeof *want),
                  *got = malloc(rows * n * sizeof *got);
            struct layer layer;
            struct tensor out;
            struct err err;
            layer_make(&layer, bench, n, k, normed);
            if (rows > 2)
                memset(x + k, 0, k * sizeof *x); /* a row of zeros */
            const struct tensor in =
                normed ? put(bench, DTYPE_F32, x, SHAPE(rows, k)) : put_real(bench, x, SHAPE(rows, k));
            check_ok(tensor_new(&out, bench->stream, DTYPE_F32, SHAPE(rows, n), &err), &err);
            check_ok(normed ? linear_forward_normed(
                                  layer.linear, bench->stream, out, in, 1e-5f, EPILOGUE_NONE, &err)
                            : linear_forward(layer.linear, bench->stream, out, in, EPILOGUE_NONE, &err),
                &err);
            get_real(bench, got, out, rows * n);
            layer_twin(&layer, bench, want, x, rows);
            compare(got, want, rows * n, normed ? tolerance(bench) : 4e-6, "layer of a model");
            layer_release(&layer);
            free(x), free(want), free(got);
            stream_rewind(bench->stream, mark);
        }
}

/* A weight that lies in a file is multiplied there, or packed sooner or later: it makes no difference. */
void weights_may_lie_in_files(void **state)
{
    const struct bench *bench = *state;
    enum { ROWS = 13, N = 96, K = 80 };
    const size_t mark = stream_mark(bench->stream);
    uint16_t bits[N * K];
    float *x = random_floats(ROWS * K, 1), *w = random_floats(N * K, 2), want[ROWS * N], got[3][ROWS * N];
    const struct tensor in = put_real(bench, x, SHAPE(ROWS, K));
    FILE *file = tmpfile();
    struct file_map map;
    struct linear *linear;
    struct tensor out;
    struct err err;
    char path[64];
    bool in_place;
    round_real(bench, w, bits, N * K);
    assert_int_equal(fwrite(w, sizeof *w, N * K, file), N * K);
    assert_int_equal(fflush(file), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
    check_ok(file_map_open(&map, path, &err), &err);
    const struct linear_values values = {.weight = (const float *)map.data, .lasting = true};
    check_ok(tensor_new(&out, bench->stream, DTYPE_F32, SHAPE(ROWS, N), &err), &err);
    bench->device->weights_in_file = true;
    check_ok(linear_load_layer(&linear, &in_place, bench->device, &values, N, K, &err), &err);
    bench->device->weights_in_file = false;
    twin_linear(want, x, w, NULL, ROWS, N, K, EPILOGUE_NONE);
    for (int i = 0; i < 3 && work_fits(ROWS * N * K); i++) {
        check_ok(linear_forward(linear, bench->stream, out, in, EPILOGUE_NONE, &err), &err);
        get_real(bench, got[i], out, ROWS * N);
        compare(got[i], want, ROWS * N, tolerance(bench), "a weight in a file");
        assert_memory_equal(got[i], got[0], sizeof want);
    }
    linear_free(linear);
    file_map_release(&map);
    fclose(file);
    free(x), free(w);
    stream_rewind(bench->stream, mark);
}

/* What a row becomes does not depend on the others: bit for bit where sums are exact. */
void rows_of_a_layer_are_alone(void **state)
{
    const struct bench *bench = *state;
    enum { ROWS = 77, N = 80, K = 96 };
    const size_t mark = stream_mark(bench->stream);
    float *x = random_floats(ROWS * K, 1), *all = malloc(ROWS * N * sizeof *all), one[N];
    struct layer layer;
    struct tensor in, out;
    struct err err;
    if (!work_fits(2 * ROWS * N * K))
        goto done;
    layer_make(&layer, bench, N, K, true);
    in = put(bench, DTYPE_F32, x, SHAPE(ROWS, K));
    check_ok(tensor_new(&out, bench->stream, DTYPE_F32, SHAPE(ROWS, N), &err), &err);
    check_ok(linear_forward_normed(layer.linear, bench->stream, out, in, 1e-5f, EPILOGUE_GELU, &err), &err);
    get_real(bench, all, out, ROWS * N);
    for (size_t row = 0; row < ROWS; row++) {
        struct tensor alone = tensor_view(in, SHAPE(1, K)), first = tensor_view(out, SHAPE(1, N));
        alone.offset += row * K;
        check_ok(linear_forward_normed(layer.linear, bench->stream, first, alone, 1e-5f, EPILOGUE_GELU, &err),
            &err);
        get_real(bench, one, first, N);
        if (!strncmp(device_gemm(bench->device), "avx", 3))
            assert_memory_equal(one, all + row * N, sizeof one);
        else
            compare(one, all + row * N, N, 1e-5, "a row alone");
    }
    layer_release(&layer);
done:
    free(x), free(all);
    stream_rewind(bench->stream, mark);
}

/* More numbers of rows than a provider could keep plans for. */
void linear_takes_any_number_of_rows(void **state)
{
    const struct bench *bench = *state;
    enum { N = 16, K = 16, MOST = 200 };
    uint16_t bits[N * K];
    float *x = random_floats(MOST * K, 1), *w = random_floats(N * K, 2),
          *want = malloc(MOST * N * sizeof *want), *got = malloc(MOST * N * sizeof *got);
    const size_t mark = stream_mark(bench->stream);
    struct linear *linear;
    struct err err;
    struct tensor out;
    const struct tensor in = put_real(bench, x, SHAPE(MOST, K));
    check_ok(tensor_new(&out, bench->stream, DTYPE_F32, SHAPE(MOST, N), &err), &err);
    round_real(bench, w, bits, N * K);
    check_ok(linear_load(&linear, bench->device, w, N, K, &err), &err);
    twin_linear(want, x, w, NULL, MOST, N, K, EPILOGUE_NONE);
    for (size_t rows = 1; rows <= MOST && work_fits(rows * rows * N * K / 2); rows++) {
        const struct tensor some_out = tensor_view(out, SHAPE(rows, N)),
                            some_in = tensor_view(in, SHAPE(rows, K));
        check_ok(linear_forward(linear, bench->stream, some_out, some_in, EPILOGUE_NONE, &err), &err);
        get_real(bench, got, out, rows * N);
        compare(got, want, rows * N, tolerance(bench), "linear");
    }
    linear_free(linear);
    free(x), free(w), free(want), free(got);
    stream_rewind(bench->stream, mark);
}
