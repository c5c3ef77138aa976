// SPDX-License-Identifier: Apache-2.0
#include "compute/weights/internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "tests/support/safetensors_writer.h"

#define MODEL DIPTYCH_SCRATCH "/model"

/* Every test starts with an empty model directory. */
static int empty_model(void **state)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
        "one.safetensors", "two.safetensors", "open_clip_model.safetensors", "open_clip_pytorch_model.bin",
        "pytorch_model.bin", "ViT-B-32.pt", "other.pth", "optimizer.pt", "model.fp16.safetensors"};
    (void)state;
    mkdir(MODEL, 0755);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[sizeof MODEL + 64];
        snprintf(path, sizeof path, "%s/%s", MODEL, names[i]);
        unlink(path);
    }
    return 0;
}

static void assert_refused(enum err_code code, const char *const *wants, size_t count)
{
    struct weights *weights = NULL;
    struct err err = {0};
    assert_int_equal(weights_open(&weights, MODEL, &err), code);
    assert_int_equal(err.code, code);
    assert_null(weights);
    for (size_t i = 0; i < count; i++) {
        if (!strstr(err.msg, wants[i]))
            fail_msg("no '%s' in: %s", wants[i], err.msg);
    }
}

#define ASSERT_REFUSED(code, ...)                                                                            \
    assert_refused(                                                                                          \
        code, (const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *))

static struct weights *open_model(void)
{
    struct weights *weights = NULL;
    struct err err = {0};
    if (weights_open(&weights, MODEL, &err))
        fail_msg("%s", err.msg);
    return weights;
}

#define BYTES(...) (const uint8_t *)(__VA_ARGS__)

static const float six[] = {1, -2.5f, 3, 1e-30f, 5, 6};

static void tensors_are_found_by_name(void **state)
{
    (void)state;
    const struct weight tensors[] = {
        {.name = "visual.proj", .type = "F32", .rank = 2, .shape = {2, 3}, .data = BYTES(six)},
        {.name = "logit_scale", .type = "F32", .rank = 1, .shape = {1}, .data = BYTES(six)},
        {.name = "empty", .type = "F32", .rank = 2, .shape = {0, 7}, .data = BYTES(six)},
        {.name = "a", .type = "I64", .rank = 0, .data = BYTES((int64_t[]){7})},
    };
    write_safetensors(MODEL "/model.safetensors", tensors, 4);
    struct weights *weights = open_model();
    assert_int_equal(weights_layout(weights), LAYOUT_OPEN_CLIP);
    assert_int_equal(weights_count(weights), 4);
    assert_string_equal(weights_at(weights, 0)->name, "visual.proj"); /* in the order of the data */
    assert_string_equal(weights_at(weights, 3)->name, "a");
    assert_null(weights_find(weights, "visual"));

    const struct weight *proj = weights_find(weights, "visual.proj");
    assert_string_equal(proj->type, "F32");
    assert_int_equal(proj->rank, 2);
    assert_int_equal(proj->count, 6);
    assert_memory_equal(proj->data, six, sizeof six);

    float out[6];
    assert_int_equal(weights_fetch(out, weights, "visual.proj", 2, (size_t[]){2, 3}, NULL), 0);
    assert_memory_equal(out, six, sizeof six);
    assert_int_equal(weights_fetch(out, weights, "logit_scale", 0, NULL, NULL), 0); /* [1] stands for [] */
    assert_int_equal(weights_fetch(out, weights, "empty", 2, (size_t[]){0, 7}, NULL), 0);
    weights_free(weights);
    weights_free(NULL);
}

/* Data begins wherever the header ends: an odd name makes every address odd. */
static void sixteen_bits_are_widened_at_any_address(void **state)
{
    (void)state;
    enum { COUNT = 0x10000 + 3, MANY = 1 << 20 };
    uint16_t *bits = malloc(MANY * sizeof *bits);
    float *out = malloc(MANY * sizeof *out);
    for (size_t i = 0; i < MANY; i++)
        bits[i] = (uint16_t)(i * 7) & 0xbbff; /* neither infinity nor NaN in both types */

    for (size_t pad = 0; pad < 8; pad++) {
        char name[] = "visual.xxxxxxxx";
        name[sizeof "visual." - 1 + pad] = '\0';
        const struct weight tensors[] = {
            {.name = "h", .type = "F16", .rank = 2, .shape = {MANY / 2, 2}, .data = BYTES(bits)},
            {.name = name, .type = "BF16", .rank = 1, .shape = {COUNT}, .data = BYTES(bits)},
        };
        write_safetensors(MODEL "/model.safetensors", tensors, 2);
        struct weights *weights = open_model();
        for (int time = 0; time < 2; time++) { /* what was fetched is forgotten, and comes back */
            memset(out, 0xff, MANY * sizeof *out);
            assert_int_equal(weights_fetch(out, weights, "h", 2, (size_t[]){MANY / 2, 2}, NULL), 0);
            for (size_t i = 0; i < MANY; i++)
                assert_true(out[i] == f16_to_f32(bits[i]));
        }
        assert_int_equal(weights_fetch(out, weights, name, 1, (size_t[]){COUNT}, NULL), 0);
        for (size_t i = 0; i < COUNT; i++)
            assert_true(out[i] == bf16_to_f32(bits[i]));
        weights_free(weights);
    }
    free(bits);
    free(out);
}

/* float32, and where it may be 16 bits, is handed out where it lies, if that is an address for it: of four files, whose
 * data begins at each remainder of 4 once, in one or in two. All else is to be fetched. */
static void what_kernels_read_is_seen_in_place(void **state)
{
    (void)state;
    const float nan[] = {1, 2, 3, NAN, 5, 6};
    const uint16_t infinite[] = {
        0xfbff, 0x7bff, 0xfc00, 0x7f80}; /* in float16 the third, in bfloat16 the last */
    enum { TENSORS = 7 };
    size_t seen[2][TENSORS] = {0}, bad[2][TENSORS] = {0};
    for (size_t pad = 0; pad < 4; pad++) {
        const struct weight tensors[TENSORS] = {
            {.name = "visual.proj", .type = "F32", .rank = 2, .shape = {2, 3}, .data = BYTES(six)},
            {.name = "half", .type = "F16", .rank = 1, .shape = {4}, .data = BYTES(six)},
            {.name = "visual.more", .type = "BF16", .rank = 1, .shape = {6}, .data = BYTES(six)},
            {.name = "wide", .type = "F64", .rank = 1, .shape = {2}, .data = BYTES(six)},
            {.name = "nan", .type = "F32", .rank = 1, .shape = {6}, .data = BYTES(nan)},
            {.name = "inf", .type = "F16", .rank = 1, .shape = {4}, .data = BYTES(infinite)},
            {.name = "inf2", .type = "BF16", .rank = 1, .shape = {4}, .data = BYTES(infinite)},
        };
        struct weight padded[1 + TENSORS] = {
            {.name = "pad", .type = "U8", .rank = 1, .shape = {pad}, .data = BYTES(six)}};
        memcpy(padded + 1, tensors, sizeof tensors);
        write_safetensors(MODEL "/model.safetensors", padded, 1 + TENSORS);
        struct weights *weights = open_model();
        for (int i = 0; i < 2 * TENSORS; i++) {
            const bool halves = i >= TENSORS;
            const struct weight *weight = weights_find(weights, tensors[i % TENSORS].name);
            const void *values = six;
            enum dtype dtype = DTYPE_F32;
            struct err err = {0};
            bad[halves][i % TENSORS] += weights_view(&values, &dtype, weights, weight->name, weight->rank,
                                            weight->shape, halves, &err) != 0;
            if (err.code && !strstr(err.msg, i % TENSORS == 4   ? "element 3 of tensor 'nan' is nan"
                                             : i % TENSORS == 5 ? "element 2 of tensor 'inf' is -inf"
                                                                : "element 3 of tensor 'inf2' is inf"))
                fail_msg("%s", err.msg);
            if (!values)
                continue;
            seen[halves][i % TENSORS]++;
            assert_ptr_equal(values, weight->data);
            assert_memory_equal(values, tensors[i % TENSORS].data, weight->count * dtype_size(dtype));
        }
        weights_free(weights);
    }
    assert_memory_equal(seen, ((size_t[2][TENSORS]){{1}, {1, 2, 2}}), sizeof seen);
    assert_memory_equal(bad, ((size_t[2][TENSORS]){{[4] = 1}, {[4] = 1, 2, 2}}), sizeof bad);
}

static void a_view_that_does_not_fit_is_named(void **state)
{
    (void)state;
    const struct weight tensors[] = {
        {.name = "visual.six", .type = "F32", .rank = 1, .shape = {6}, .data = BYTES(six)},
    };
    const void *values;
    enum dtype dtype;
    struct err err;
    write_safetensors(MODEL "/model.safetensors", tensors, 1);
    struct weights *weights = open_model();
    assert_int_equal(
        weights_view(&values, &dtype, weights, "visual.six", 2, (size_t[]){2, 3}, false, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "tensor 'visual.six' has shape (6), expected (2, 3)"));
    assert_int_equal(weights_view(&values, &dtype, weights, "visual.non", 0, NULL, true, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "tensor 'visual.non' is missing"));
    assert_null(values);
    weights_free(weights);
}

static void assert_fetch_fails(
    const struct weights *weights, const char *name, int rank, const size_t *shape, const char *want)
{
    float out[6];
    struct err err = {0};
    assert_int_equal(weights_fetch(out, weights, name, rank, shape, &err), ERR_FORMAT);
    if (!strstr(err.msg, want))
        fail_msg("no '%s' in: %s", want, err.msg);
    if (!strstr(err.msg, "'" MODEL "/model.safetensors'"))
        fail_msg("no file name in: %s", err.msg);
}

static void a_tensor_that_does_not_fit_is_named(void **state)
{
    (void)state;
    const float nan[] = {1, 2, 3, NAN, 5, INFINITY};
    const uint16_t half[] = {0x3c00, 0xfc00};
    const struct weight tensors[] = {
        {.name = "visual.proj", .type = "F32", .rank = 2, .shape = {2, 3}, .data = BYTES(six)},
        {.name = "visual.nan", .type = "F32", .rank = 2, .shape = {3, 2}, .data = BYTES(nan)},
        {.name = "visual.infinite", .type = "F16", .rank = 1, .shape = {2}, .data = BYTES(half)},
        {.name = "visual.ids", .type = "I64", .rank = 1, .shape = {2}, .data = BYTES(six)},
    };
    write_safetensors(MODEL "/model.safetensors", tensors, 4);
    struct weights *weights = open_model();
    assert_fetch_fails(weights, "visual.proj", 2, (size_t[]){3, 2},
        "tensor 'visual.proj' has shape (2, 3), expected (3, 2)");
    assert_fetch_fails(
        weights, "visual.proj", 1, (size_t[]){6}, "tensor 'visual.proj' has shape (2, 3), expected (6)");
    assert_fetch_fails(weights, "visual.proj", 0, NULL, "has shape (2, 3), expected ()");
    assert_fetch_fails(weights, "visual.prog", 0, NULL, "tensor 'visual.prog' is missing");
    assert_fetch_fails(weights, "visual.nan", 2, (size_t[]){3, 2}, "element 3 of tensor 'visual.nan' is nan");
    assert_fetch_fails(
        weights, "visual.infinite", 1, (size_t[]){2}, "element 1 of tensor 'visual.infinite' is -inf");
    assert_fetch_fails(
        weights, "visual.ids", 1, (size_t[]){2}, "tensor 'visual.ids' is of type I64, which is no float");
    weights_free(weights);
}

/* Headers of a file with 24 bytes of data, which {A, B} would fill. */
#define A "\"visual.a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define B "\"visual.b\":{\"dtype\":\"F16\",\"shape\":[4,2],\"data_offsets\":[8,24]}"
#define TENSOR(dtype, shape, offsets)                                                                        \
    "{\"visual.a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct bad_header {
    const char *header;
    enum err_code code;
    const char *want;
} bad_headers[] = {
    {"", ERR_FORMAT, "unable to parse 'header'"},
    {"[]", ERR_FORMAT, "unable to parse 'header'"},
    {"{" A "," B, ERR_FORMAT, "unable to parse 'header'"},
    {"{" A "," A "}", ERR_FORMAT, "unable to parse 'header': duplicate object key"},
    {"{}", ERR_FORMAT, "24 bytes after the last tensor"},
    {"{" A "}", ERR_FORMAT, "16 bytes after the last tensor"},
    {"{" B "}", ERR_FORMAT, "8 bytes before tensor 'visual.b' belong to no tensor"},
    {"{\"visual.a\":1}", ERR_FORMAT, "tensor 'visual.a' has unknown dtype ''"},
    {"{\"visual.a\":{}}", ERR_FORMAT, "tensor 'visual.a' has unknown dtype ''"},
    {TENSOR("3", "[6]", "[0,24]"), ERR_FORMAT, "tensor 'visual.a' has unknown dtype ''"},
    {TENSOR("\"F33\"", "[6]", "[0,24]"), ERR_FORMAT, "tensor 'visual.a' has unknown dtype 'F33'"},
    {TENSOR("\"F32\"", "6", "[0,24]"), ERR_FORMAT, "tensor 'visual.a' has no shape"},
    {TENSOR("\"F32\"", "[-6]", "[0,24]"), ERR_FORMAT, "axis 0 of tensor 'visual.a' is not a length"},
    {TENSOR("\"F32\"", "[6,1.5]", "[0,24]"), ERR_FORMAT, "axis 1 of tensor 'visual.a' is not a length"},
    {TENSOR("\"F32\"", "[6,1,1,1,1]", "[0,24]"), ERR_UNSUPPORTED, "tensor 'visual.a' has 5 axes"},
    {TENSOR("\"F32\"", "[4294967296,4294967296]", "[0,24]"), ERR_FORMAT, "too many elements"},
    {TENSOR("\"F32\"", "[4611686018427387905]", "[0,24]"), ERR_FORMAT, "no whole number of bytes"},
    {TENSOR("\"F4\"", "[3]", "[0,24]"), ERR_FORMAT, "no whole number of bytes"},
    {TENSOR("\"F32\"", "[99999999999999999999]", "[0,24]"), ERR_FORMAT, "unable to parse 'header'"},
    {TENSOR("\"F32\"", "[6]", "[0]"), ERR_FORMAT, "tensor 'visual.a' has no valid data_offsets"},
    {TENSOR("\"F32\"", "[6]", "{}"), ERR_FORMAT, "tensor 'visual.a' has no valid data_offsets"},
    {TENSOR("\"F32\"", "[6]", "[-8,16]"), ERR_FORMAT, "tensor 'visual.a' has no valid data_offsets"},
    {TENSOR("\"F32\"", "[6]", "[24,0]"), ERR_FORMAT, "tensor 'visual.a' has no valid data_offsets"},
    {TENSOR("\"F32\"", "[7]", "[0,24]"), ERR_FORMAT, "has 24 bytes of data, its shape and dtype F32 need 28"},
    {TENSOR("\"F32\"", "[7]", "[0,28]"), ERR_FORMAT,
        "tensor 'visual.a' ends at byte 28 of the data, of which there are 24"},
    {TENSOR("\"F32\"", "[0]", "[9223372036854775807,9223372036854775807]"), ERR_FORMAT, "ends at byte"},
    {"{" A ",\"visual.b\":{\"dtype\":\"F16\",\"shape\":[10],\"data_offsets\":[4,24]}}", ERR_FORMAT,
        "tensors 'visual.a' and 'visual.b' overlap"},
    {"{" A ",\"visual.b\":{\"dtype\":\"F16\",\"shape\":[12],\"data_offsets\":[0,24]}}", ERR_FORMAT,
        "tensors 'visual.a' and 'visual.b' overlap"},
};

static void bad_headers_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_headers / sizeof *bad_headers; i++) {
        const struct bad_header *bad = &bad_headers[i];
        write_raw_safetensors(MODEL "/model.safetensors", strlen(bad->header), bad->header, 24);
        ASSERT_REFUSED(bad->code, bad->want, "cannot load '" MODEL "/model.safetensors': ");
    }
    write_raw_safetensors(MODEL "/model.safetensors", strlen("{" A "," B "}"), "{" A "," B "}", 24);
    weights_free(open_model());
}

static void bad_lengths_are_refused(void **state)
{
    (void)state;
    const char *path = MODEL "/model.safetensors";
    write_bytes(path, "", 0);
    ASSERT_REFUSED(ERR_FORMAT, path, "0 bytes are too few");
    write_bytes(path, "\2\0\0\0\0\0\0", 7);
    ASSERT_REFUSED(ERR_FORMAT, path, "7 bytes are too few");
    write_raw_safetensors(path, 3, "{}", 0);
    ASSERT_REFUSED(ERR_FORMAT, path, "the header of 3 bytes runs past the end of the file at byte 10");
    write_raw_safetensors(path, 100000001, "{}", 0);
    ASSERT_REFUSED(ERR_FORMAT, path, "the header is said to have 100000001 bytes, the most is 100000000");
    write_raw_safetensors(path, UINT64_MAX - 3, "{}", 0);
    ASSERT_REFUSED(ERR_FORMAT, path, "the header is said to have 18446744073709551612 bytes");
}

static void a_truncated_file_is_refused(void **state)
{
    (void)state;
    const char *path = MODEL "/model.safetensors", *header = "{" A "," B "}";
    write_raw_safetensors(path, strlen(header), header, 24);
    assert_int_equal(truncate(path, 8 + (off_t)strlen(header) + 20), 0);
    ASSERT_REFUSED(ERR_FORMAT, path, "tensor 'visual.b' ends at byte 24 of the data, of which there are 20");
    assert_int_equal(truncate(path, 50), 0);
    ASSERT_REFUSED(ERR_FORMAT, path, "runs past the end of the file at byte 50");
}

static void write_two_shards(void)
{
    const struct weight one = {
        .name = "text_model.a", .type = "F32", .rank = 1, .shape = {6}, .data = BYTES(six)};
    const struct weight two = {
        .name = "vision_model.b", .type = "F32", .rank = 1, .shape = {4}, .data = BYTES(six)};
    write_safetensors(MODEL "/one.safetensors", &one, 1);
    write_safetensors(MODEL "/two.safetensors", &two, 1);
}

#define INDEX MODEL "/model.safetensors.index.json"

static void shards_make_one_model(void **state)
{
    (void)state;
    write_two_shards();
    write_text(INDEX, "{\"metadata\": {\"total_size\": 40}, \"weight_map\": {"
                      "\"text_model.a\": \"one.safetensors\", \"vision_model.b\": \"two.safetensors\"}}");
    struct weights *weights = open_model();
    assert_int_equal(weights_layout(weights), LAYOUT_HF);
    assert_int_equal(weights_count(weights), 2);
    assert_string_equal(weights_find(weights, "vision_model.b")->file, MODEL "/two.safetensors");
    struct err err;
    assert_int_equal(weights_fetch(NULL, weights, "logit_scale", 0, NULL, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, INDEX)); /* a missing tensor is in no shard: the index is at fault */
    weights_free(weights);
}

static void bad_shards_are_refused(void **state)
{
    (void)state;
    write_two_shards();
    write_text(INDEX, "{}");
    ASSERT_REFUSED(ERR_FORMAT, INDEX, "'weight_map' is missing");
    write_text(INDEX, "{\"weight_map\": {\"text_model.a\": 1}}");
    ASSERT_REFUSED(ERR_FORMAT, INDEX, "is no plain file name");
    write_text(INDEX, "{\"weight_map\": {\"text_model.a\": \"../model/one.safetensors\"}}");
    ASSERT_REFUSED(ERR_FORMAT, INDEX, "shard '../model/one.safetensors' is no plain file name");
    write_text(INDEX, "{\"weight_map\": {\"text_model.a\": \"..\"}}");
    ASSERT_REFUSED(ERR_IO, INDEX, "is a folder");
    write_text(INDEX, "{\"weight_map\": {\"text_model.a\": \"three.safetensors\"}}");
    ASSERT_REFUSED(ERR_IO, INDEX, MODEL "/three.safetensors", "No such file");
    write_text(INDEX, "{\"weight_map\": {\"text_model.c\": \"one.safetensors\"}}");
    ASSERT_REFUSED(ERR_FORMAT, INDEX, "tensor 'text_model.c' is missing from 'one.safetensors'");

    const struct weight twice = {
        .name = "text_model.a", .type = "F32", .rank = 1, .shape = {2}, .data = BYTES(six)};
    write_safetensors(MODEL "/two.safetensors", &twice, 1);
    write_text(INDEX, "{\"weight_map\": {\"x\": \"one.safetensors\", \"y\": \"two.safetensors\"}}");
    ASSERT_REFUSED(
        ERR_FORMAT, INDEX, "tensor 'text_model.a' is in both", "one.safetensors", "two.safetensors");
}

static void the_file_that_holds_a_clip_model_is_taken(void **state)
{
    (void)state;
    const struct weight timm = {
        .name = "blocks.0.attn.qkv.weight", .type = "F32", .rank = 1, .shape = {6}, .data = BYTES(six)};
    write_safetensors(MODEL "/model.safetensors", &timm, 1);
    ASSERT_REFUSED(ERR_UNSUPPORTED, MODEL "/model.safetensors", "not a CLIP model");

    const struct weight clip = {
        .name = "visual.proj", .type = "F32", .rank = 1, .shape = {6}, .data = BYTES(six)};
    write_safetensors(MODEL "/open_clip_model.safetensors", &clip, 1);
    struct weights *weights = open_model();
    assert_int_equal(weights_layout(weights), LAYOUT_OPEN_CLIP);
    weights_free(weights);
}

static void a_directory_without_weights_says_what_to_do(void **state)
{
    (void)state;
    ASSERT_REFUSED(ERR_IO, MODEL, "'model.safetensors'");
    write_text(MODEL "/open_clip_pytorch_model.bin", "pickle");
    ASSERT_REFUSED(ERR_FORMAT, MODEL "/open_clip_pytorch_model.bin", "is no zip archive");

    struct weights *weights;
    struct err err;
    assert_int_equal(weights_open(&weights, DIPTYCH_SCRATCH "/nowhere", &err), ERR_IO);
    assert_non_null(strstr(err.msg, "nowhere': No such file"));
}

#define TORCH DIPTYCH_ROOT "/tests/golden/torch/"

/* Whose file it is that the directory is read from. */
static void assert_reads(const char *name)
{
    struct weights *weights = open_model();
    assert_string_equal(weights_at(weights, 0)->file + sizeof MODEL, name);
    weights_free(weights);
}

static void a_directory_is_read_by_an_order(void **state)
{
    (void)state;
    assert_int_equal(symlink(TORCH "script.pt", MODEL "/ViT-B-32.pt"), 0);
    write_text(MODEL "/optimizer.pt", "beside weights");
    assert_reads("ViT-B-32.pt");
    assert_int_equal(symlink(TORCH "checkpoint.pt", MODEL "/other.pth"), 0);
    ASSERT_REFUSED(
        ERR_IO, "no 'model.safetensors' in '" MODEL "'", "'ViT-B-32.pt' and 'other.pth' both could be");
    assert_int_equal(symlink(TORCH "open_clip.bin", MODEL "/pytorch_model.bin"), 0);
    assert_reads("pytorch_model.bin");
    assert_int_equal(symlink(TORCH "open_clip.bin", MODEL "/open_clip_pytorch_model.bin"), 0);
    assert_reads("open_clip_pytorch_model.bin");
    assert_int_equal(symlink(TORCH "open_clip.safetensors", MODEL "/open_clip_model.safetensors"), 0);
    assert_reads("open_clip_model.safetensors");
    assert_int_equal(symlink(TORCH "hf.safetensors", MODEL "/model.safetensors"), 0);
    assert_reads("model.safetensors");
}

static void a_variant_alone_is_named(void **state)
{
    (void)state;
    write_text(MODEL "/model.fp16.safetensors", "weights");
    ASSERT_REFUSED(ERR_IO, "no 'model.safetensors' in '" MODEL "'; 'model.fp16.safetensors' is there");
}

static void a_pointer_of_git_lfs_is_named(void **state)
{
    static const char *const files[] = {MODEL "/model.safetensors.index.json", MODEL "/model.safetensors"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        write_text(
            files[i], "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 605247071\n");
        ASSERT_REFUSED(ERR_FORMAT, files[i], "it is a Git LFS pointer", "git lfs pull");
    }
}

/* "3x14" as a shape, "-" as none. */
static int parse_shape(size_t shape[WEIGHT_RANK_MAX], const char *text)
{
    int rank = 0;
    for (char *end = (char *)text; *end && *end != '-'; rank++)
        shape[rank] = strtoul(end + (*end == 'x'), &end, 10);
    return rank;
}

static void made_up_weights_are_numpys(void **state)
{
    (void)state;
    FILE *table = fopen(DIPTYCH_ROOT "/tests/golden/random_weights.txt", "r");
    char line[256], name[128], size[64];
    unsigned long long seed;
    unsigned sum, first, last, tensors = 0;
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        if (sscanf(line, "%127s %llx %63s %x %x %x", name, &seed, size, &sum, &first, &last) != 6)
            continue;
        size_t shape[WEIGHT_RANK_MAX], count = 1;
        const int rank = parse_shape(shape, size);
        for (int axis = 0; axis < rank; axis++)
            count *= shape[axis];
        float *values = calloc(count, sizeof *values);
        uint32_t ends[2];
        assert_true(weights_random_fill(values, name, seed, rank, shape));
        memcpy(&ends[0], &values[0], sizeof ends[0]);
        memcpy(&ends[1], &values[count - 1], sizeof ends[1]);
        if (ends[0] != first || ends[1] != last || crc32(0, (void *)values, (uInt)(4 * count)) != sum)
            fail_msg("%s differs: it goes from %08x to %08x", name, ends[0], ends[1]);
        free(values);
        tensors++;
    }
    fclose(table);
    assert_true(tensors > 10);
}

static void made_up_models_have_every_tensor(void **state)
{
    (void)state;
    struct weights *weights;
    float out[6];
    struct err err;
    assert_int_equal(weights_random(&weights, 1, &err), 0);
    assert_int_equal(weights_layout(weights), LAYOUT_HF);
    assert_int_equal(weights_count(weights), 0);
    assert_null(weights_find(weights, "logit_scale"));
    assert_int_equal(weights_fetch(out, weights, "visual_projection.weight", 2, (size_t[]){3, 2}, &err), 0);
    assert_int_equal(weights_fetch(out, weights, "no.such.kind", 1, (size_t[]){6}, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "'no.such.kind'"));
    weights_free(weights);
}

enum { WIDTH = 64, GRID = 4, PATCH = 6, PIXELS = 3 * PATCH * PATCH };

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void fresh(float *out, const char *name, uint64_t seed, int rank, const size_t *shape)
{
    struct weights *weights;
    struct err err;
    assert_int_equal(weights_fresh(&weights, seed, &err), 0);
    assert_int_equal(weights_fetch(out, weights, name, rank, shape, &err), 0);
    weights_free(weights);
}

/* What compute/weights/fresh.c promises. */
static void fresh_weights_see_patches_and_where_they_are(void **state)
{
    static float q[WIDTH * WIDTH], k[WIDTH * WIDTH], filters[WIDTH * PIXELS],
        places[(1 + GRID * GRID) * WIDTH];
    const size_t square[] = {WIDTH, WIDTH}, patch[] = {WIDTH, 3, PATCH, PATCH},
                 tokens[] = {1 + GRID * GRID, WIDTH};
    (void)state;
    fresh(q, "vision_model.encoder.layers.3.self_attn.q_proj.weight", 1, 2, square);
    fresh(k, "vision_model.encoder.layers.3.self_attn.k_proj.weight", 1, 2, square);
    assert_memory_equal(q, k, sizeof q);
    assert_true(fabs(dot(q, q, WIDTH * WIDTH) / WIDTH - 0.49) < 0.05); /* 0.7^2 of what keeps the variance */
    fresh(k, "vision_model.encoder.layers.3.self_attn.k_proj.weight", 2, 2, square);
    assert_memory_not_equal(q, k, sizeof q);

    /* An even patch, which varies most, answers less for its strength than a fine grid. */
    float even[PIXELS], grid[PIXELS], answers[2] = {0};
    fresh(filters, "vision_model.embeddings.patch_embedding.weight", 1, 4, patch);
    for (size_t i = 0; i < PIXELS; i++) {
        even[i] = 1;
        grid[i] = (i / PATCH + i) % 2 ? 1 : -1;
    }
    for (size_t w = 0; w < WIDTH; w++) {
        answers[0] += (float)pow(dot(filters + w * PIXELS, even, PIXELS), 2);
        answers[1] += (float)pow(dot(filters + w * PIXELS, grid, PIXELS), 2);
    }
    assert_true(answers[0] > 0.1f && answers[1] > 100 * answers[0]);

    /* A place is like its neighbours and unlike those further away. */
    fresh(places, "vision_model.embeddings.position_embedding.weight", 1, 2, tokens);
    const float *first = places + WIDTH;
    const double same = dot(first, first, WIDTH), near = dot(first, first + WIDTH, WIDTH),
                 far = dot(first, first + 3 * WIDTH, WIDTH);
    assert_true(fabs(same / WIDTH - 0.245) < 1e-3 && near > 0.4 * same && far < near);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_weights_see_patches_and_where_they_are),
        cmocka_unit_test_setup(tensors_are_found_by_name, empty_model),
        cmocka_unit_test_setup(sixteen_bits_are_widened_at_any_address, empty_model),
        cmocka_unit_test_setup(what_kernels_read_is_seen_in_place, empty_model),
        cmocka_unit_test_setup(a_view_that_does_not_fit_is_named, empty_model),
        cmocka_unit_test_setup(a_tensor_that_does_not_fit_is_named, empty_model),
        cmocka_unit_test_setup(bad_headers_are_refused, empty_model),
        cmocka_unit_test_setup(bad_lengths_are_refused, empty_model),
        cmocka_unit_test_setup(a_truncated_file_is_refused, empty_model),
        cmocka_unit_test_setup(shards_make_one_model, empty_model),
        cmocka_unit_test_setup(bad_shards_are_refused, empty_model),
        cmocka_unit_test_setup(the_file_that_holds_a_clip_model_is_taken, empty_model),
        cmocka_unit_test_setup(a_directory_without_weights_says_what_to_do, empty_model),
        cmocka_unit_test_setup(a_directory_is_read_by_an_order, empty_model),
        cmocka_unit_test_setup(a_variant_alone_is_named, empty_model),
        cmocka_unit_test_setup(a_pointer_of_git_lfs_is_named, empty_model),
        cmocka_unit_test(made_up_weights_are_numpys),
        cmocka_unit_test(made_up_models_have_every_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
