// SPDX-License-Identifier: Apache-2.0
/* Embeddings in files: transformers' numbers, a row an input, and runs that end early and go on. */
#include "joint/joint.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MODEL DIPTYCH_ROOT "/tests/model"
#define GOLDEN DIPTYCH_ROOT "/tests/golden/embed.json"
#define PICTURES DIPTYCH_ROOT "/assets/pictures/"
#define NPY DIPTYCH_SCRATCH "/out.npy"
#define JSONL DIPTYCH_SCRATCH "/out.jsonl"

enum { WIDTH = 128 };

static struct device *device;
static struct model *model;

#define OK(call) assert_ok(call, &err)

static void assert_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

static int open_model(void **state)
{
    const struct device_options options = {.precision = "f32"};
    struct err err;
    (void)state;
    OK(device_open(&device, &options, &err));
    OK(model_open(&model, MODEL, device, &err));
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    model_free(model);
    device_free(device);
    return 0;
}

/* ---- runs ---------------------------------------------------------------------------------------------- */

/* What a run embeds, and how; `batches` of its steps that count something are allowed, 0: any number. */
struct run {
    struct strings inputs;
    bool texts;
    size_t batch, batches;
    struct embed_options options;
    struct embed_counts counts;
    struct loader_options loading;
    size_t reports;
};

static void add(struct run *run, const char *input)
{
    assert_int_equal(strings_add(&run->inputs, input, strlen(input), NULL), 0);
}

static int end_after(void *context, const char *unit, size_t done, size_t total)
{
    struct run *run = context;
    (void)unit;
    return run->batches && total && done / run->batch >= run->batches;
}

static void count_report(void *context, const struct err *problem)
{
    struct run *run = context;
    assert_true(problem->code);
    run->reports++;
}

static int embed(struct run *run, struct err *err)
{
    const struct job job = {.step = end_after, .report = count_report, .context = run};
    struct encoder *encoder;
    struct loader *loader;
    run->loading.batch = run->batch;
    run->counts = (struct embed_counts){0};
    run->reports = 0;
    assert_int_equal(encoder_open(&encoder, model, run->batch, err), 0);
    assert_int_equal(loader_open(&loader, model_preprocess(model), &run->loading, err), 0);
    const int rc = run->texts
                       ? embed_write_texts(&run->counts, encoder, &run->inputs, &run->options, &job, err)
                       : embed_write_pictures(&run->counts, encoder, loader, &run->loading,
                             &(struct picture_list){.paths = run->inputs}, &run->options, &job, err);
    loader_free(loader);
    encoder_free(encoder);
    return rc;
}

/* ---- files --------------------------------------------------------------------------------------------- */

static char *contents(size_t *size, const char *path)
{
    struct err err;
    char *bytes;
    OK(file_read(&bytes, size, path, 1 << 24, &err));
    return bytes;
}

/* The rows (count, WIDTH) of a .npy as numpy reads it, for free(). */
static void *rows_of(const char *path, size_t count, const char *type)
{
    char expected[128];
    size_t size;
    char *bytes = contents(&size, path);
    const size_t header = 10 + (uint8_t)bytes[8] + 256 * (size_t)(uint8_t)bytes[9],
                 row = WIDTH * (strcmp(type, "<f2") ? 4 : 2);
    assert_memory_equal(bytes, "\x93NUMPY\1\0", 8);
    assert_int_equal(header % 64, 0);
    assert_int_equal(size, header + count * row);
    snprintf(expected, sizeof expected, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, 128), }",
        type, count);
    assert_memory_equal(bytes + 10, expected, strlen(expected));
    void *rows = malloc(count * row + 1);
    memcpy(rows, bytes + header, count * row);
    free(bytes);
    return rows;
}

static void remove_all(void)
{
    static const char *const paths[] = {NPY, JSONL, NPY ".part/state.json", NPY ".part/rows.npy",
        NPY ".part/rows.jsonl", JSONL ".part/state.json", JSONL ".part/rows.jsonl"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        unlink(paths[i]);
    rmdir(NPY ".part");
    rmdir(JSONL ".part");
}

static void expect_same(const char *path, const char *expected, size_t size)
{
    size_t got;
    char *bytes = contents(&got, path);
    assert_int_equal(got, size);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
}

/* ---- numbers ------------------------------------------------------------------------------------------- */

static void add_golden(struct run *run, const json_t *list)
{
    char path[4096];
    const json_t *entry;
    size_t i;
    json_array_foreach(list, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, run->texts ? "text" : "path"));
        snprintf(path, sizeof path, "%s%s", run->texts ? "" : PICTURES, name);
        add(run, path);
    }
}

/* The largest difference of rows to the golden ones, which are raw, as a share of their length. */
static double worst(const float *rows, const json_t *list, bool raw)
{
    double worst = 0;
    const json_t *entry, *value;
    size_t i, k;
    json_array_foreach(list, i, entry)
    {
        double length = 0;
        json_array_foreach(json_object_get(entry, "embedding"), k, value) length +=
            json_real_value(value) * json_real_value(value);
        length = sqrt(length);
        json_array_foreach(json_object_get(entry, "embedding"), k, value)
        {
            const double got = (double)rows[i * WIDTH + k] / (raw ? length : 1);
            worst = fmax(worst, fabs(got - json_real_value(value) / length));
        }
    }
    return worst;
}

static void numbers_are_those_of_transformers(void **state)
{
    (void)state;
    struct err err;
    json_t *golden;
    OK(json_read(&golden, GOLDEN, 1 << 20, &err));
    for (int kind = 0; kind < 4; kind++) {
        struct run run = {.texts = kind & 1, .batch = 3, .options = {.out = NPY, .raw = kind & 2}};
        const json_t *list = json_object_get(golden, run.texts ? "texts" : "pictures");
        remove_all();
        add_golden(&run, list);
        OK(embed(&run, &err));
        assert_int_equal(run.counts.done, json_array_size(list));
        assert_int_equal(run.counts.failed + run.counts.before, 0);
        assert_int_equal(run.counts.truncated, run.texts);
        float *rows = rows_of(NPY, run.counts.done, "<f4");
        assert_true(worst(rows, list, run.options.raw) < 1e-6);
        free(rows);
        strings_release(&run.inputs);
    }
    json_decref(golden);
}

static void add_pictures(struct run *run)
{
    static const char *const names[] = {
        "01.png", "02.png", "broken", "03.jpg", "04.png", "05.jpg", "07.png", "08.png"};
    char path[4096];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s%s", PICTURES, names[i]);
        add(run, path);
    }
}

static void a_batch_changes_nothing(void **state)
{
    (void)state;
    struct err err;
    struct run run = {.batch = 1, .options = {.out = NPY}};
    remove_all();
    add_pictures(&run);
    OK(embed(&run, &err));
    float *one = rows_of(NPY, 8, "<f4");
    run.batch = 8;
    OK(embed(&run, &err));
    float *many = rows_of(NPY, 8, "<f4");
    for (size_t i = 0; i < 8 * WIDTH; i++)
        assert_true(i / WIDTH == 2 ? isnan(one[i]) && isnan(many[i]) : fabsf(one[i] - many[i]) < 1e-6f);
    run.options.half = true;
    OK(embed(&run, &err));
    uint16_t *halves = rows_of(NPY, 8, "<f2");
    for (size_t i = 0; i < 8 * WIDTH; i++)
        assert_int_equal(halves[i], f32_to_f16(many[i]));
    free(halves);
    free(many);
    free(one);
    strings_release(&run.inputs);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static void a_row_is_an_input(void **state)
{
    (void)state;
    struct err err;
    struct run run = {.batch = 3, .options = {.out = NPY}};
    struct strings beside = {0}, lines = {0};
    remove_all();
    add_pictures(&run);
    OK(embed(&run, &err));
    assert_int_equal(run.counts.failed, 1);
    assert_int_equal(run.reports, 1);
    float *rows = rows_of(NPY, 8, "<f4");
    OK(lines_read(&beside, JSONL, 1 << 20, &err));
    run.options = (struct embed_options){.out = JSONL, .format = EMBED_JSONL};
    OK(embed(&run, &err));
    OK(lines_read(&lines, JSONL, 1 << 20, &err));
    assert_int_equal(lines.count, 8);
    assert_int_equal(beside.count, 8);
    for (size_t i = 0; i < 8; i++) {
        json_t *line, *said;
        OK(json_parse(&line, lines.items[i], strlen(lines.items[i]), "line", &err));
        OK(json_parse(&said, beside.items[i], strlen(beside.items[i]), "line", &err));
        assert_string_equal(json_string_value(json_object_get(line, "path")), run.inputs.items[i]);
        const json_t *embedding = json_object_get(line, "embedding"), *why = json_object_get(line, "error");
        assert_true(i == 2 ? why && !embedding : !why && embedding);
        assert_true(isnan(rows[i * WIDTH]) == (i == 2));
        for (size_t k = 0; k < json_array_size(embedding); k++) /* nine digits are the float */
            assert_true((float)json_real_value(json_array_get(embedding, k)) == rows[i * WIDTH + k]);
        json_object_del(line, "embedding");
        assert_true(json_equal(line, said));
        json_decref(said);
        json_decref(line);
    }
    free(rows);
    strings_release(&lines);
    strings_release(&beside);
    strings_release(&run.inputs);
}

static void texts_fail_alone(void **state)
{
    (void)state;
    struct err err;
    struct run run = {.texts = true, .batch = 2, .options = {.out = NPY}};
    remove_all();
    add(&run, "a red heart");
    add(&run, "caf\xE9");
    add(&run, "");
    OK(embed(&run, &err));
    assert_int_equal(run.counts.done, 3);
    assert_int_equal(run.counts.failed, 1);
    float *rows = rows_of(NPY, 3, "<f4");
    assert_false(isnan(rows[0]) || isnan(rows[2 * WIDTH]));
    assert_true(isnan(rows[WIDTH]));
    free(rows);
    strings_release(&run.inputs);
}

static void nothing_is_a_matrix_too(void **state)
{
    (void)state;
    struct err err;
    struct run run = {.batch = 2, .options = {.out = NPY}};
    remove_all();
    OK(embed(&run, &err));
    free(rows_of(NPY, 0, "<f4"));
    assert_false(file_exists(NPY ".part"));
}

static void a_stream_gets_the_same(void **state)
{
    (void)state;
    struct err err;
    size_t size;
    struct run run = {.batch = 3, .options = {.out = NPY}};
    remove_all();
    add_pictures(&run);
    OK(embed(&run, &err));
    char *expected = contents(&size, NPY);
    run.options.out = NULL;
    run.options.stream = fopen(JSONL, "w");
    assert_non_null(run.options.stream);
    OK(embed(&run, &err));
    assert_int_equal(fclose(run.options.stream), 0);
    expect_same(JSONL, expected, size);
    free(expected);
    strings_release(&run.inputs);
}

/* ---- ends ---------------------------------------------------------------------------------------------- */

/* Bytes behind what the state tells of, as a kill leaves them. */
static void append(const char *path)
{
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs("half a row", file);
    assert_int_equal(fclose(file), 0);
}

static void what_was_done_is_kept(void **state)
{
    (void)state;
    struct err err;
    size_t npy_size, lines_size;
    struct run run = {.batch = 2, .options = {.out = NPY}};
    remove_all();
    add_pictures(&run);
    add_pictures(&run);
    add(&run, PICTURES "12.jpg");
    OK(embed(&run, &err));
    char *npy = contents(&npy_size, NPY), *lines = contents(&lines_size, JSONL);
    for (size_t batches = 1; batches < 9; batches++) {
        remove_all();
        run.batches = batches;
        assert_int_equal(embed(&run, &err), ERR_CANCELLED);
        assert_false(file_exists(NPY) || file_exists(JSONL));
        append(NPY ".part/rows.npy");
        append(NPY ".part/rows.jsonl");
        run.batches = 0;
        OK(embed(&run, &err));
        assert_int_equal(run.counts.before, 2 * batches);
        assert_int_equal(run.counts.done, 17);
        assert_int_equal(run.counts.failed, 2); /* those before count too */
        expect_same(NPY, npy, npy_size);
        expect_same(JSONL, lines, lines_size);
        assert_false(file_exists(NPY ".part"));
    }
    free(lines);
    free(npy);
    strings_release(&run.inputs);
}

/* Between the last row and the end: one file has taken its place, and one has not. */
static void an_end_in_the_end_is_made_good(void **state)
{
    (void)state;
    struct err err;
    size_t size;
    struct run run = {.batch = 2, .batches = 2, .options = {.out = NPY}};
    json_t *kept;
    remove_all();
    add_pictures(&run);
    assert_int_equal(embed(&run, &err), ERR_CANCELLED);
    OK(json_read(&kept, NPY ".part/state.json", 1 << 20, &err));
    run.batches = 0;
    OK(embed(&run, &err));
    char *lines = contents(&size, JSONL);
    assert_int_equal(mkdir(NPY ".part", 0777), 0);
    assert_int_equal(rename(JSONL, NPY ".part/rows.jsonl"), 0);
    json_object_set_new(kept, "rows", json_integer(8));
    json_object_set_new(kept, "failed", json_integer(1));
    assert_int_equal(json_dump_file(kept, NPY ".part/state.json", 0), 0);
    OK(embed(&run, &err));
    assert_int_equal(run.counts.before, 8);
    assert_int_equal(run.counts.failed, 1);
    expect_same(JSONL, lines, size);
    free(rows_of(NPY, 8, "<f4"));
    assert_false(file_exists(NPY ".part"));
    free(lines);
    json_decref(kept);
    strings_release(&run.inputs);
}

static void expect_refused(struct run *run, int code, const char *said)
{
    struct err err = {0};
    assert_int_equal(embed(run, &err), code);
    if (!strstr(err.msg, said))
        fail_msg("'%s' does not say '%s'", err.msg, said);
}

static void another_run_does_not_go_on(void **state)
{
    (void)state;
    const char *own = DIPTYCH_SCRATCH "/own.png";
    struct err err;
    struct run run = {.batch = 2, .batches = 1, .options = {.out = NPY}}, other;
    remove_all();
    add_pictures(&run);
    OK(file_copy(own, PICTURES "12.jpg", &err));
    add(&run, own);
    assert_int_equal(embed(&run, &err), ERR_CANCELLED);
    run.batches = 0;

    other = run;
    other.batch = 4;
    expect_refused(&other, ERR_ARGUMENT, "out.npy.part' was begun with another batch: 2, now 4; remove it");
    other = run;
    other.options.half = true;
    expect_refused(&other, ERR_ARGUMENT, "another storage: \"f32\", now \"f16\"");
    other = run;
    other.options.raw = true;
    expect_refused(&other, ERR_ARGUMENT, "another normalize: true, now false");
    other = run;
    other.loading.alpha = ALPHA_BLACK;
    expect_refused(&other, ERR_ARGUMENT, "another alpha");
    other = run;
    other.texts = true;
    expect_refused(&other, ERR_ARGUMENT, "another kind of input: \"pictures\", now \"texts\"");
    other = run;
    other.inputs.count--;
    expect_refused(&other, ERR_ARGUMENT, "another list of inputs");
    const struct timespec times[2] = {{1, 0}, {1, 0}};
    assert_int_equal(utimensat(AT_FDCWD, own, times, 0), 0);
    expect_refused(&run, ERR_ARGUMENT, "another list of inputs");

    const int lock = open(NPY ".part", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    expect_refused(&run, ERR_BUSY, "another process");
    close(lock);
    strings_release(&run.inputs);
}

static void what_is_damaged_does_not_go_on(void **state)
{
    (void)state;
    struct err err;
    struct run run = {.batch = 2, .batches = 1, .options = {.out = NPY}};
    remove_all();
    add_pictures(&run);
    assert_int_equal(embed(&run, &err), ERR_CANCELLED);
    run.batches = 0;
    assert_int_equal(truncate(NPY ".part/rows.npy", 1), 0);
    expect_refused(&run, ERR_FORMAT, "rows.npy' has 1 bytes, and had");
    json_t *kept;
    OK(json_read(&kept, NPY ".part/state.json", 1 << 20, &err));
    json_object_set_new(kept, "rows", json_integer(-1));
    assert_int_equal(json_dump_file(kept, NPY ".part/state.json", 0), 0);
    expect_refused(&run, ERR_FORMAT, "is damaged: remove");
    json_decref(kept);
    strings_release(&run.inputs);
}

static void nothing_of_others_is_replaced(void **state)
{
    (void)state;
    struct run run = {.batch = 2, .options = {.out = NPY}};
    add(&run, PICTURES "01.png");
    remove_all();
    append(JSONL);
    expect_refused(&run, ERR_ARGUMENT, "out.jsonl' would be replaced");
    expect_same(JSONL, "half a row", 10);
    assert_false(file_exists(NPY ".part"));
    run.options.out = DIPTYCH_SCRATCH;
    expect_refused(&run, ERR_IO, "not a regular file");
    run.options.out = DIPTYCH_SCRATCH "/nowhere/out.npy";
    expect_refused(&run, ERR_IO, "nowhere/out.npy.part': No such file");
    run.options.out = JSONL;
    expect_refused(&run, ERR_ARGUMENT, "would be the matrix and the lines");
    strings_release(&run.inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_transformers),
        cmocka_unit_test(a_batch_changes_nothing),
        cmocka_unit_test(a_row_is_an_input),
        cmocka_unit_test(texts_fail_alone),
        cmocka_unit_test(nothing_is_a_matrix_too),
        cmocka_unit_test(a_stream_gets_the_same),
        cmocka_unit_test(what_was_done_is_kept),
        cmocka_unit_test(an_end_in_the_end_is_made_good),
        cmocka_unit_test(another_run_does_not_go_on),
        cmocka_unit_test(what_is_damaged_does_not_go_on),
        cmocka_unit_test(nothing_of_others_is_replaced),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
