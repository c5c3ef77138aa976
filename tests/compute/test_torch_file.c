// SPDX-License-Identifier: Apache-2.0
/* PyTorch's files: those that tests/golden/torch_files.py makes against the same tensors as safetensors, and bad
 * ones. */
#include "compute/elements.h"
#include "compute/weights/internal.h"
#include "compute/weights/safetensors.h"
#include "compute/weights/torch_file.h"
#include "compute/weights/zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/zip_writer.h"

#define GOLDEN DIPTYCH_ROOT "/tests/golden/torch/"

/* ---- golden files -------------------------------------------------------------------------------------- */

static float *values_of(const struct weight *weight)
{
    float *values = mem_new(weight->count, sizeof *values);
    size_t bad;
    assert_int_equal(elements_to_f32(values, weight->data, weight->count, weight->type, &bad), ELEMENTS_DONE);
    return values;
}

static void assert_same(const struct weight *got, const struct weight *wanted)
{
    assert_int_equal(got->rank, wanted->rank);
    assert_memory_equal(got->shape, wanted->shape, (size_t)wanted->rank * sizeof *wanted->shape);
    assert_int_equal(got->count, wanted->count);
    float *a = values_of(got), *b = values_of(wanted);
    for (size_t i = 0; i < wanted->count; i++)
        if (a[i] != b[i])
            fail_msg("'%s' at %zu: %g, expected %g", wanted->name, i, (double)a[i], (double)b[i]);
    free(a);
    free(b);
}

static struct weights *must_open(const char *path)
{
    struct weights *weights = NULL;
    struct err err = {0};
    if (weights_open(&weights, path, &err))
        fail_msg("%s", err.msg);
    return weights;
}

static void assert_same_weights(const char *torch, const char *safetensors, bool script)
{
    struct weights *got = must_open(torch), *wanted = must_open(safetensors);
    assert_int_equal(weights_layout(got), weights_layout(wanted));
    assert_int_equal(weights_script(got), script);
    assert_int_equal(weights_count(got), weights_count(wanted));
    for (size_t i = 0; i < weights_count(wanted); i++) {
        const struct weight *weight = weights_find(got, weights_at(wanted, i)->name);
        assert_non_null(weight);
        assert_same(weight, weights_at(wanted, i));
    }
    weights_free(got);
    weights_free(wanted);
}

static void state_dicts(void **state)
{
    (void)state;
    assert_same_weights(GOLDEN "open_clip.bin", GOLDEN "open_clip.safetensors", false);
    assert_same_weights(GOLDEN "hf.bin.index.json", GOLDEN "hf.safetensors", false);
}

static void training_checkpoint(void **state)
{
    (void)state;
    assert_same_weights(GOLDEN "checkpoint.pt", GOLDEN "open_clip.safetensors", false);
}

static void torch_script(void **state)
{
    (void)state;
    assert_same_weights(GOLDEN "script.pt", GOLDEN "open_clip.safetensors", true);
    struct weights *weights = must_open(GOLDEN "script.pt");
    assert_string_equal(weights_find(weights, "visual.conv1.weight")->type, "F16");
    assert_string_equal(weights_find(weights, "ln_final.weight")->type, "F32");
    weights_free(weights);
}

/* A file in memory, with all that was read from it. */
struct parsed {
    struct file_map map;
    struct arena arena;
    struct weight *items;
    size_t count;
};

static struct parsed must_parse(const char *path)
{
    struct parsed out = {.count = 0};
    struct err err = {0};
    bool script;
    assert_int_equal(file_map_open(&out.map, path, NULL), 0);
    const struct span bytes = {(const char *)out.map.data, out.map.size};
    const int rc =
        torch_file_begins(bytes)
            ? torch_file_parse(&out.items, &out.count, &script, &out.arena, bytes, path, &err)
            : safetensors_parse(&out.items, &out.count, &out.arena, out.map.data, out.map.size, path, &err);
    if (rc)
        fail_msg("%s", err.msg);
    return out;
}

static void parsed_release(struct parsed *parsed)
{
    free(parsed->items);
    arena_release(&parsed->arena);
    file_map_release(&parsed->map);
}

static const struct weight *find(const struct parsed *parsed, const char *name)
{
    for (size_t i = 0; i < parsed->count; i++)
        if (!strcmp(parsed->items[i].name, name))
            return &parsed->items[i];
    fail_msg("no tensor '%s'", name);
    return NULL;
}

static void views_of_all_kinds(void **state)
{
    static const char *const files[] = {GOLDEN "views.pt", GOLDEN "deflated.pt", GOLDEN "zip64.pt"};
    struct parsed wanted = must_parse(GOLDEN "views.safetensors");
    (void)state;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        struct parsed got = must_parse(files[f]);
        assert_int_equal(got.count, wanted.count);
        for (size_t i = 0; i < wanted.count; i++) {
            const struct weight *weight = find(&got, wanted.items[i].name);
            if (strcmp(weight->type, "I64"))
                assert_same(weight, &wanted.items[i]);
        }
        assert_string_equal(find(&got, "i64")->type, "I64");
        assert_memory_equal(find(&got, "i64")->data, ((int64_t[]){0, 1, 2}), 24);
        parsed_release(&got);
    }
    parsed_release(&wanted);
}

static void what_is_contiguous_is_not_copied(void **state)
{
    static const char *const names[] = {"whole", "middle", "parameter", "scalar", "f8_e4m3fn"};
    struct parsed got = must_parse(GOLDEN "views.pt");
    const uint8_t *begin = got.map.data, *end = begin + got.map.size;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(find(&got, names[i])->data >= begin && find(&got, names[i])->data < end);
    assert_int_equal((uintptr_t)find(&got, "whole")->data % 64, 0);
    assert_ptr_equal(find(&got, "middle")->data, find(&got, "whole")->data + 4 * sizeof(float));
    const uint8_t *copied = find(&got, "transposed")->data;
    assert_true(copied < begin || copied >= end);
    parsed_release(&got);
}

/* ---- files that are refused ---------------------------------------------------------------------------- */

static int parse(struct span bytes, struct err *err)
{
    struct arena arena = {0};
    struct weight *items = NULL;
    size_t count;
    bool script;
    *err = (struct err){0};
    const int rc = torch_file_parse(&items, &count, &script, &arena, bytes, "x.pt", err);
    assert_int_equal(rc, err->code);
    assert_true(!rc == !err->msg[0]);
    if (rc)
        assert_null(items);
    free(items);
    arena_release(&arena);
    return rc;
}

static void assert_refused(struct span bytes, enum err_code code, const char *message)
{
    struct err err;
    const int rc = parse(bytes, &err);
    if (rc != (int)code || !strstr(err.msg, message))
        fail_msg("%d '%s', expected %d '%s'", rc, err.msg, code, message);
}

static struct span must_read(const char *path)
{
    char *bytes;
    size_t size;
    assert_int_equal(file_read(&bytes, &size, path, SIZE_MAX, NULL), 0);
    return (struct span){bytes, size};
}

static void cut_anywhere(void **state)
{
    static const char *const files[] = {GOLDEN "views.pt", GOLDEN "deflated.pt", GOLDEN "zip64.pt"};
    (void)state;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        const struct span bytes = must_read(files[f]);
        for (size_t size = 0; size < bytes.length; size++) {
            char *copy = malloc(size + 1); /* of its own, for a sanitizer to watch its end */
            memcpy(copy, bytes.data, size);
            assert_refused((struct span){copy, size}, ERR_FORMAT, "");
            free(copy);
        }
        free((char *)bytes.data);
    }
}

/* Every byte changed: whatever comes of it, it is an error with a message, or tensors that can be read. */
static void changed_anywhere(void **state)
{
    const struct span bytes = must_read(GOLDEN "views.pt");
    struct err err;
    (void)state;
    for (size_t i = 0; i < bytes.length; i++) {
        char *copy = (char *)bytes.data;
        for (int bit = 0; bit < 8; bit += 7) {
            copy[i] ^= (char)(1 << bit);
            parse(bytes, &err);
            copy[i] ^= (char)(1 << bit);
        }
    }
    free((char *)bytes.data);
}

static void other_files(void **state)
{
    (void)state;
    const struct span old = must_read(GOLDEN "old.pt"), big = must_read(GOLDEN "big_endian.pt");
    assert_refused(
        old, ERR_UNSUPPORTED, "before 1.6 is not read; this writes it anew: python3 -c \"import sys");
    assert_refused(big, ERR_UNSUPPORTED, "its numbers are not little-endian");
    free((char *)old.data);
    free((char *)big.data);
}

/* A change of the directory of views.pt, at an offset from the header of the entry that has the name. */
static void assert_spoiled(const char *entry, size_t offset, const char *with, size_t length,
    enum err_code code, const char *message)
{
    struct span bytes = must_read(GOLDEN "views.pt");
    char *name = bytes.data ? memmem(bytes.data + bytes.length - 2000, 2000, entry, strlen(entry)) : NULL;
    assert_non_null(name);
    memcpy(name - 46 + offset, with, length);
    assert_refused(bytes, code, message);
    free((char *)bytes.data);
}

static void directories_that_lie(void **state)
{
    (void)state;
    assert_spoiled("views/data/0", 8, "\1", 1, ERR_UNSUPPORTED, "entry 'views/data/0' is encrypted");
    assert_spoiled("views/data/0", 10, "\x0c", 1, ERR_UNSUPPORTED, "is compressed by method 12");
    assert_spoiled("views/data/0", 10, "\x08", 1, ERR_FORMAT, "entry 'views/data/0' is damaged");
    assert_spoiled("views/data/0", 20, "\xff\xff\xff\x7f", 4, ERR_FORMAT, "is said to have 2147483647 bytes");
    assert_spoiled("views/data/0", 24, "\x61", 1, ERR_FORMAT, "is said to have 97 bytes, stored as 96");
    assert_spoiled("views/data/0", 42, "\xff\xff\xff\x7f", 4, ERR_FORMAT, "should stand at byte 2147483647");
    assert_spoiled(
        "views/data/0", 42, "\0\0\0\0", 4, ERR_FORMAT, "'views/data/0' has another name at byte 0");
    assert_spoiled("views/data/0", 24, "\xff\xff\xff\xff", 4, ERR_FORMAT, "has no ZIP64 sizes");
    assert_spoiled("views/data/0", 0, "PK\1\3", 4, ERR_FORMAT, "the zip directory has fewer entries");
    assert_spoiled("views/data/0", 28, "\xff\xff", 2, ERR_FORMAT, "the zip directory ends inside an entry");
    assert_spoiled("views/data.pkl", 20, "\xff\x08\0\0\xff\x08\0\0", 8, ERR_FORMAT, "overlap");
}

/* ---- pickles by hand ----------------------------------------------------------------------------------- */

#define LITERAL(literal) ((struct span){literal, sizeof(literal) - 1})

/* A file of that pickle, with a storage '0' of 24 bytes. */
static char *file_of(size_t *size, struct span pickle)
{
    static const char zeros[24];
    const struct zip_part parts[] = {{"f/data.pkl", pickle}, {"f/data/0", {zeros, sizeof zeros}}};
    return zip_write(size, parts, 2);
}

static void assert_pickle(struct span pickle, enum err_code code, const char *message)
{
    size_t size;
    char *bytes = file_of(&size, pickle);
    assert_refused((struct span){bytes, size}, code, message);
    free(bytes);
}

/* A tensor 'a': GLOBAL _rebuild_tensor_v2, of the storage, offset, shape and stride. */
#define STORAGE(type, key) "(X\7\0\0\0storagectorch\n" type "\nX\1\0\0\0" key "X\3\0\0\0cpuK\6tQ"
#define TENSOR(storage, view)                                                                                \
    "\x80\2}X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" storage view                                     \
    "\211ccollections\nOrderedDict\n)RtRs."
#define FLOATS STORAGE("FloatStorage", "0")

static void pickles_that_are_read(void **state)
{
    (void)state;
    assert_pickle(LITERAL(TENSOR(FLOATS, "K\0K\2K\3\x86K\3K\1\x86")), 0, "");
    assert_pickle(LITERAL(TENSOR(FLOATS, "K\5)"
                                         ")")),
        0, "");                                                                     /* a scalar, the last */
    assert_pickle(LITERAL(TENSOR(FLOATS, "M\xff\xffK\0K\3\x86K\3K\1\x86")), 0, ""); /* empty: nowhere */
    assert_pickle(LITERAL("\x80\2}."), 0, "");
}

static void views_that_leave_their_storage(void **state)
{
    (void)state;
    assert_pickle(LITERAL(TENSOR(FLOATS, "K\1K\2K\3\x86K\3K\1\x86")), ERR_FORMAT,
        "tensor 'a' ends at byte 28 of storage '0', which has 24");
    assert_pickle(LITERAL(TENSOR(FLOATS, "K\0K\2K\3\x86K\4K\1\x86")), ERR_FORMAT, "ends at byte 28");
    assert_pickle(
        LITERAL(TENSOR(STORAGE("DoubleStorage", "0"), "K\0K\4\x85K\1\x85")), ERR_FORMAT, "ends at byte 32");
    assert_pickle(
        LITERAL(TENSOR(FLOATS, "J\xff\xff\xff\xffK\1\x85K\1\x85")), ERR_FORMAT, "no valid shape and strides");
    assert_pickle(LITERAL(TENSOR(FLOATS, "K\0J\xff\xff\xff\xff\x85K\1\x85")), ERR_FORMAT, "no valid shape");
    assert_pickle(LITERAL(TENSOR(FLOATS, "K\5K\2\x85J\xff\xff\xff\xff\x85")), ERR_FORMAT, "no valid shape");
    assert_pickle(
        LITERAL(TENSOR(FLOATS, "K\0\x8a\x08\0\0\0\0\0\0\0\x40\x8a\x08\0\0\0\0\0\0\0\x40\x86K\0K\0\x86")),
        ERR_FORMAT, "no valid shape");
    assert_pickle(
        LITERAL(TENSOR(FLOATS, "K\0K\3\x85\x8a\x08\0\0\0\0\0\0\0\x40\x85")), ERR_FORMAT, "no valid shape");
    /* 2^40 times the first element, which lies inside */
    assert_pickle(
        LITERAL(TENSOR(FLOATS, "K\0\x8a\x06\0\0\0\0\0\1\x85K\0\x85")), ERR_LIMIT, "more memory than 4 times");
    assert_pickle(LITERAL(TENSOR(STORAGE("FloatStorage", "1"), "K\0K\1\x85K\1\x85")), ERR_FORMAT,
        "tensor 'a': storage '1' is not in the file");
}

static void pickles_refused(void **state)
{
    (void)state;
    assert_pickle(LITERAL("cos\nsystem\n(X\1\0\0\0atR."), ERR_UNSUPPORTED,
        "'f/data.pkl': it would call 'os.system' at byte 0; only tensors are read");
    assert_pickle(LITERAL("\x80\2}X\4\0\0\0argscargparse\nNamespace\n)\x81s."), ERR_UNSUPPORTED,
        "it would call 'argparse.Namespace' at byte 12");
    assert_pickle(LITERAL("c__torch__.M\nM\n)R."), ERR_UNSUPPORTED, "call something unusual at byte 16");
    assert_pickle(LITERAL("ctorch\nSize\n)\x81."), ERR_UNSUPPORTED, "a class that is not TorchScript's");
    assert_pickle(LITERAL("\x80\2)."), ERR_UNSUPPORTED, "other than a state_dict or a TorchScript module");
    assert_pickle(
        LITERAL("\x80\2}X\1\0\0\0aQs."), ERR_FORMAT, "outside of the pickle at byte 9 is no storage");
    assert_pickle(LITERAL(TENSOR("K\0", "K\0))")), ERR_FORMAT, "made of something else than a storage");
    assert_pickle(
        LITERAL(TENSOR(STORAGE("UntypedStorage", "0"), "K\0))")), ERR_FORMAT, "are of different types");
    assert_pickle(LITERAL(TENSOR(FLOATS, "K\0(K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1t")), ERR_UNSUPPORTED,
        "tensor 'a' has 5 axes, the most is 4");
    assert_pickle(LITERAL(TENSOR(FLOATS, "K\0K\1\x85)")), ERR_FORMAT, "tensor 'a' has 1 axes and 0 strides");
    assert_pickle(
        LITERAL(TENSOR(FLOATS, "K\0N\x85K\1\x85")), ERR_FORMAT, "axis 0 of tensor 'a' is not a length");
}

/* A dictionary in itself, and one of many levels, each of which has the next twice: neither takes long. */
static void pickles_that_go_deep(void **state)
{
    (void)state;
    assert_pickle(LITERAL("\x80\2}q\1X\1\0\0\0ah\1s."), 0, "");
    struct span text;
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, &text.length);
    fputs("}q\1", out);
    for (int i = 0; i < 60; i++)
        fwrite("}q\2(X\1\0\0\0ah\1X\1\0\0\0bh\1uh\2q\1", 1, 25, out); /* {a: last, b: last} */
    fputc('.', out);
    fclose(out);
    assert_pickle((struct span){bytes, text.length}, 0, "");
    free(bytes);
    out = open_memstream(&bytes, &text.length);
    for (int i = 0; i < 100; i++)
        fwrite("}X\1\0\0\0a", 1, 7, out);
    fputc('}', out);
    for (int i = 0; i < 100; i++)
        fputc('s', out);
    fputc('.', out);
    fclose(out);
    assert_pickle((struct span){bytes, text.length}, ERR_LIMIT, "levels deep");
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_dicts),
        cmocka_unit_test(training_checkpoint),
        cmocka_unit_test(torch_script),
        cmocka_unit_test(views_of_all_kinds),
        cmocka_unit_test(what_is_contiguous_is_not_copied),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(changed_anywhere),
        cmocka_unit_test(other_files),
        cmocka_unit_test(directories_that_lie),
        cmocka_unit_test(pickles_that_are_read),
        cmocka_unit_test(views_that_leave_their_storage),
        cmocka_unit_test(pickles_refused),
        cmocka_unit_test(pickles_that_go_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
