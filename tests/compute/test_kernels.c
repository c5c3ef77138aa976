// SPDX-License-Identifier: Apache-2.0
/* Every layer on the device against its twin, for each GEMM provider and precision, and with the kernels in
 * the shapes of a CPU and of a GPU on whatever device there is. */
#include "compute/gemm/gemm.h"
#include "compute/internal.h"
#include "tests/compute/kernels.h"
#include "tests/support/providers.h"
#include "tests/support/thread_count.h"
#include "tests/support/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void streams_keep_to_their_memory(void **state)
{
    const struct bench *bench = *state;
    struct stream *plan, *real;
    struct tensor a, b;
    struct err err;
    check_ok(stream_open(&plan, bench->device, 0, &err), &err);
    check_ok(tensor_new(&a, plan, DTYPE_U8, SHAPE(100), &err), &err);
    const size_t mark = stream_mark(plan);
    check_ok(tensor_new(&b, plan, DTYPE_F32, SHAPE(1000), &err), &err);
    stream_rewind(plan, mark);
    check_ok(tensor_new(&b, plan, DTYPE_F32, SHAPE(10), &err), &err);
    assert_int_equal(stream_peak(plan), 128 + 4032);
    assert_int_equal(tensor_new(&b, plan, DTYPE_F32, SHAPE(SIZE_MAX / 2), &err), ERR_LIMIT);
    assert_int_equal(tensor_new(&b, plan, DTYPE_U8, SHAPE(SIZE_MAX / 2, 3), &err), ERR_LIMIT);

    check_ok(stream_open(&real, bench->device, stream_peak(plan), &err), &err);
    check_ok(tensor_new(&a, real, DTYPE_U8, SHAPE(100), &err), &err);
    check_ok(tensor_new(&b, real, DTYPE_F32, SHAPE(1000), &err), &err);
    assert_int_equal(b.offset, 32);
    assert_int_equal(tensor_new(&b, real, DTYPE_U8, SHAPE(1), &err), ERR_LIMIT);
    stream_free(plan);
    stream_free(real);
}

/* What a group of tests runs with; without a tuning, the device's own. */
struct variant {
    const char *name, *gemm, *precision;
    const struct tuning *tuning;
};

static const struct variant *variant; /* of the group at hand: cmocka hands a setup nothing */

static int open_bench(void **state)
{
    static struct bench bench;
    const struct device_options options = {.gemm = variant->gemm, .precision = variant->precision};
    const size_t bytes =
        work_fits(SIZE_MAX) ? 64 << 20 : 1 << 20; /* Oclgrind keeps 48 bytes of account for each */
    struct err err;
    if (device_open_tuned(&bench.device, &options, variant->tuning, &err) ||
        stream_open(&bench.stream, bench.device, bytes, &err)) {
        print_error("%s\n", err.msg);
        return -1;
    }
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    stream_free(bench->stream);
    device_free(bench->device);
    return 0;
}

/* A kernel that another folder brings has common.cl before it, and reads what is wrapped. */
static void kernels_of_other_folders_run(void **state)
{
    static const struct kernel_source doubling = {"tests/doubling.cl",
        "kernel void doubled(global float *out, ulong out_at, global const float *in, ulong in_at)\n"
        "{ const ulong i = get_global_id(0); out[out_at + i] = sum16(2 * in[in_at + i]); }\n"};
    enum { COUNT = 37 };
    const struct bench *bench = *state;
    const struct launch launch = {.source = &doubling, .kernel = "doubled", .groups = {COUNT}, .local = 1};
    float in[COUNT], out[COUNT];
    struct tensor wrapped, result;
    struct err err;
    for (int i = 0; i < COUNT; i++)
        in[i] = (float)i - 3;
    check_ok(tensor_wrap(&wrapped, bench->stream, in, sizeof in, &err), &err);
    check_ok(tensor_new(&result, bench->stream, DTYPE_F32, SHAPE(COUNT), &err), &err);
    check_ok(KERNEL_RUN(bench->stream, &launch, &err, ARG_TENSOR(result), ARG_TENSOR(wrapped)), &err);
    check_ok(tensor_read(bench->stream, out, result, COUNT, &err), &err);
    for (int i = 0; i < COUNT; i++)
        assert_true(out[i] == 32 * in[i]);
    assert_int_equal(stream_lanes(bench->stream), bench->device->tuning.lanes);
    tensor_unwrap(&wrapped);
    tensor_unwrap(&wrapped);
}

static void compile_errors_name_the_file(void **state)
{
    static const struct kernel_source broken = {
        "tests/broken.cl", "kernel void broken() { no_such_name(); }\n"};
    const struct bench *bench = *state;
    const struct launch fails = {.source = &broken, .kernel = "broken", .groups = {1}, .local = 1};
    struct err err;
    if (!work_fits(SIZE_MAX))
        skip(); /* Oclgrind counts lines of a file of its own */
    assert_int_equal(kernel_run(bench->stream, &fails, NULL, 0, &err), ERR_DEVICE);
    if (!strstr(err.msg, "tests/broken.cl:1"))
        fail_msg("%s", err.msg);
}

/* Threads of the OpenCL platform's own begin with its first device and stay. */
static void a_device_ends_its_threads(void **state)
{
    const struct device_options options = {.gemm = variant->gemm, .precision = variant->precision};
    const size_t before = thread_count();
    struct device *device = NULL;
    struct err err;
    (void)state;
    for (int i = 0; i < 3; i++) {
        check_ok(device_open(&device, &options, &err), &err);
        device_free(device);
    }
    assert_int_equal(thread_count_settled(before), before);
}

/* One that loses what is negative is noticed, in products alone. */
static const struct layer_provider *right;
static int lossy_product(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, size_t rows, enum epilogue epilogue, struct err *err)
{
    (void)epilogue;
    return right->product(linear, stream, out, in, rows, EPILOGUE_RELU, err);
}

static void devices_are_checked(void **state)
{
    const struct bench *bench = *state;
    struct device_check checks[DEVICE_CHECKS];
    struct err err;
    check_ok(device_check(checks, bench->device, &err), &err);
    for (size_t i = 0; i < DEVICE_CHECKS; i++)
        if (!checks[i].right)
            fail_msg("%s: off by %g", checks[i].layer, checks[i].difference);

    right = bench->device->plain;
    struct layer_provider lossy = *right;
    lossy.product = lossy_product;
    bench->device->plain = &lossy;
    check_ok(device_check(checks, bench->device, &err), &err);
    bench->device->plain = right;
    assert_false(checks[0].right);
    assert_true(checks[1].right && checks[2].right);
}

/* Whether the variant at hand is one that was asked for, and the CPU has what it needs. */
static bool is_to_run(const char *only)
{
    if (only && !strstr(variant->name, only))
        return false;
    if (cpu_has(variant->gemm, variant->precision))
        return true;
    print_message("%s: not here: the CPU has no such instructions\n", variant->name);
    return false;
}

/* With an argument, only the groups that have it in their names. */
int main(int argc, char **argv)
{
    static const struct tuning cpu = {.lanes = 1, .queries = 32}, gpu = {.lanes = 64, .queries = 1};
    static const struct variant providers[] = {
        {"amx bf16", "amx", "bf16", NULL},
        {"avx512 bf16", "avx512", "bf16", NULL},
        {"avx512 f32", "avx512", "f32", NULL},
        {"avx2 f32", "avx2", "f32", NULL},
        {"onednn f32", "onednn", "f32", NULL},
        {"onednn bf16", "onednn", "bf16", NULL},
        {"onednn f16", "onednn", "f16", NULL},
        {"clblast f32", "clblast", "f32", NULL},
        {"clblast bf16", "clblast", "bf16", NULL},
        {"clblast f16", "clblast", "f16", NULL},
    };
    /* What is not of a model's layers is as in bf16. */
    static const struct variant in_int8[] = {
        {"amx int8", "amx", "int8", NULL},
        {"avx512 int8", "avx512", "int8", NULL},
        {"onednn int8", "onednn", "int8", NULL},
        {"clblast int8", "clblast", "int8", NULL},
        {"kernels as for a GPU, int8", "clblast", "int8", &gpu},
    };
    static const struct variant shapes[] = {
        {"kernels as for a CPU, f32", "clblast", "f32", &cpu},
        {"kernels as for a CPU, bf16", "clblast", "bf16", &cpu},
        {"kernels as for a CPU, f16", "clblast", "f16", &cpu},
        {"kernels as for a GPU, f32", "clblast", "f32", &gpu},
        {"kernels as for a GPU, bf16", "clblast", "bf16", &gpu},
        {"kernels as for a GPU, f16", "clblast", "f16", &gpu},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_matches),
        cmocka_unit_test(attention_matches),
        cmocka_unit_test(attention_of_sequences_matches),
        cmocka_unit_test(attend_once_matches),
        cmocka_unit_test(pairs_turn),
        cmocka_unit_test(gates_and_inner_norms_match),
        cmocka_unit_test(rows_are_added_and_averaged),
        cmocka_unit_test(linear_matches),
        cmocka_unit_test(linear_after_norm_matches),
        cmocka_unit_test(layers_of_a_model_match),
        cmocka_unit_test(weights_may_lie_in_files),
        cmocka_unit_test(linear_takes_any_number_of_rows),
        cmocka_unit_test(products_match),
        cmocka_unit_test(products_of_heads_match),
        cmocka_unit_test(products_reach_other_buffers),
        cmocka_unit_test(patchify_matches),
        cmocka_unit_test(scale_bytes_matches),
        cmocka_unit_test(tokens_are_put_together),
        cmocka_unit_test(rows_are_normalised),
        cmocka_unit_test(layer_norm_gradients_match),
        cmocka_unit_test(gradients_of_normalised_rows_match),
        cmocka_unit_test(activation_gradients_match),
        cmocka_unit_test(attention_gradients_match),
        cmocka_unit_test(affine_gradients_match),
        cmocka_unit_test(lora_gradients_match),
        cmocka_unit_test(gradients_of_assembled_tokens_match),
        cmocka_unit_test(gradients_of_embedded_tokens_match),
        cmocka_unit_test(gradients_of_pooled_rows_match),
        cmocka_unit_test(contrastive_losses_match),
        cmocka_unit_test(gradients_of_attention_of_one_query_match),
        cmocka_unit_test(adamw_matches),
        cmocka_unit_test(averages_match),
        cmocka_unit_test(rates_warm_up_and_fall),
        cmocka_unit_test(streams_keep_to_their_memory),
        cmocka_unit_test(kernels_of_other_folders_run),
        cmocka_unit_test(compile_errors_name_the_file),
        cmocka_unit_test(devices_are_checked),
        cmocka_unit_test(a_device_ends_its_threads),
    };
    const struct CMUnitTest shaped[] = {
        cmocka_unit_test(layer_norm_matches),
        cmocka_unit_test(attention_matches),
        cmocka_unit_test(attention_of_sequences_matches),
        cmocka_unit_test(attend_once_matches),
        cmocka_unit_test(pairs_turn),
        cmocka_unit_test(gates_and_inner_norms_match),
        cmocka_unit_test(rows_are_added_and_averaged),
        cmocka_unit_test(patchify_matches),
        cmocka_unit_test(scale_bytes_matches),
        cmocka_unit_test(rows_are_normalised),
        cmocka_unit_test(layer_norm_gradients_match),
        cmocka_unit_test(gradients_of_normalised_rows_match),
        cmocka_unit_test(activation_gradients_match),
        cmocka_unit_test(attention_gradients_match),
        cmocka_unit_test(affine_gradients_match),
        cmocka_unit_test(lora_gradients_match),
        cmocka_unit_test(gradients_of_assembled_tokens_match),
        cmocka_unit_test(gradients_of_embedded_tokens_match),
        cmocka_unit_test(gradients_of_pooled_rows_match),
        cmocka_unit_test(contrastive_losses_match),
        cmocka_unit_test(gradients_of_attention_of_one_query_match),
        cmocka_unit_test(adamw_matches),
        cmocka_unit_test(averages_match),
    };
    const struct CMUnitTest rounded[] = {
        cmocka_unit_test(layers_of_a_model_match),
        cmocka_unit_test(rows_of_a_layer_are_alone),
        cmocka_unit_test(attention_matches),
        cmocka_unit_test(attention_of_sequences_matches),
        cmocka_unit_test(devices_are_checked),
        cmocka_unit_test(a_device_ends_its_threads),
    };
    const char *only = argc > 1 ? argv[1] : NULL;
    int failed = 0;
    for (variant = providers; variant < providers + sizeof providers / sizeof *providers; variant++)
        if (is_to_run(only))
            failed += cmocka_run_group_tests_name(variant->name, tests, open_bench, close_bench);
    for (variant = shapes; variant < shapes + sizeof shapes / sizeof *shapes; variant++)
        if (is_to_run(only))
            failed += cmocka_run_group_tests_name(variant->name, shaped, open_bench, close_bench);
    for (variant = in_int8; variant < in_int8 + sizeof in_int8 / sizeof *in_int8; variant++)
        if (is_to_run(only))
            failed += cmocka_run_group_tests_name(variant->name, rounded, open_bench, close_bench);
    return failed;
}
