// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static void errors_carry_context(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, ERR_FORMAT, "tensor '%s' is missing", "proj"), ERR_FORMAT);
    err_wrap(&err, "cannot load '%s'", "model");
    assert_int_equal(err.code, ERR_FORMAT);
    assert_string_equal(err.msg, "cannot load 'model': tensor 'proj' is missing");
    assert_int_equal(err_set(NULL, ERR_IO, "nobody listens"), ERR_IO);
    err_wrap(NULL, "nobody listens");

    char lots[2 * sizeof err.msg];
    memset(lots, 'x', sizeof lots - 1);
    lots[sizeof lots - 1] = '\0';
    err_set(&err, ERR_IO, "%s", lots);
    err_wrap(&err, "%s", lots);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

struct watcher {
    size_t steps, last, reports;
};

static int end_at_three(void *context, const char *unit, size_t done, size_t total)
{
    struct watcher *watcher = context;
    assert_string_equal(unit, "things");
    assert_int_equal(total, 5);
    watcher->steps++;
    watcher->last = done;
    return done == 3;
}

static void count_report(void *context, const struct err *problem)
{
    struct watcher *watcher = context;
    assert_int_equal(problem->code, ERR_FORMAT);
    watcher->reports++;
}

static void jobs_can_be_watched_and_ended(void **state)
{
    (void)state;
    struct err err = {0};
    struct watcher watcher = {0};
    const struct job job = {.step = end_at_three, .report = count_report, .context = &watcher, .threads = 7};
    int rc = 0;
    for (size_t i = 0; i < 5 && !rc; i++)
        rc = job_step(&job, "things", i, 5, &err);
    job_report(&job, &(struct err){.code = ERR_FORMAT});
    assert_int_equal(rc, ERR_CANCELLED);
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_int_equal(watcher.steps, 4);
    assert_int_equal(watcher.last, 3);
    assert_int_equal(watcher.reports, 1);
    assert_int_equal(job_threads(&job), 7);
}

static void nobody_needs_to_watch(void **state)
{
    (void)state;
    const struct job none = {0};
    assert_int_equal(job_step(NULL, "things", 1, 2, NULL), 0);
    assert_int_equal(job_step(&none, "things", 1, 2, NULL), 0);
    job_report(NULL, &(struct err){.code = ERR_FORMAT});
    job_report(&none, &(struct err){.code = ERR_FORMAT});
    assert_int_equal(job_threads(NULL), thread_default());
    assert_int_equal(job_threads(&none), thread_default());
}

static void sizes_do_not_overflow(void **state)
{
    (void)state;
    size_t out;
    assert_true(size_mul(&out, SIZE_MAX / 3, 3));
    assert_false(size_mul(&out, SIZE_MAX / 3 + 1, 3));
    assert_false(size_add(&out, SIZE_MAX, 1));
    assert_null(mem_new(SIZE_MAX / 2, 3));
    assert_null(mem_grow(NULL, SIZE_MAX / 2, 3));
}

static void arena_memory_is_apart_and_zeroed(void **state)
{
    (void)state;
    struct arena arena = {0};
    char *previous = NULL;
    for (size_t size = 1; size < 40000; size = size * 2 + 1) {
        char *memory = arena_alloc(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0x5a, size);
        assert_ptr_not_equal(memory, previous);
        previous = memory;
    }
    assert_string_equal(arena_copy(&arena, "diptych!", 7), "diptych");
    assert_null(arena_alloc(&arena, SIZE_MAX - 3));
    assert_string_equal(path_join(&arena, "a", "b"), "a/b");
    assert_string_equal(path_join(&arena, "a/", "b"), "a/b");
    arena_release(&arena);
    arena_release(NULL);
}

static void lines_lose_their_ends(void **state)
{
    (void)state;
    struct strings lines = {0};
    assert_int_equal(strings_add_lines(&lines, "cat\r\n\ndog\nlast", 14, NULL), 0);
    assert_int_equal(strings_add_lines(&lines, "one\n", 4, NULL), 0);
    assert_int_equal(byte_order_mark("\xEF\xBB\xBF", 3), 3);
    assert_int_equal(byte_order_mark("\xEF\xBB\xBF", 2), 0);
    assert_int_equal(byte_order_mark("text", 4), 0);
    assert_int_equal(lines.count, 5);
    assert_string_equal(lines.items[0], "cat");
    assert_string_equal(lines.items[1], "");
    assert_string_equal(lines.items[3], "last");
    assert_string_equal(lines.items[4], "one");
    strings_release(&lines);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(strings_add(&lines, "many", 4, NULL), 0);
    assert_string_equal(lines.items[9999], "many");
    strings_release(&lines);
}

/* Every half survives the way to float and back, and a float goes to the nearer of the two halves around
 * it. */
static void halves_round_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const float value = f16_to_f32((uint16_t)bits);
        if (isnan(value))
            assert_true(isnan(f16_to_f32(f32_to_f16(value))));
        else
            assert_int_equal(f32_to_f16(value), bits);
    }
    for (uint16_t bits = 0; bits < 0x7bff; bits++) {
        const float low = f16_to_f32(bits), high = f16_to_f32(bits + 1), middle = (low + high) / 2;
        assert_int_equal(f32_to_f16(middle), bits % 2 ? bits + 1 : bits);
        assert_int_equal(f32_to_f16(nextafterf(middle, 0)), bits);
        assert_int_equal(f32_to_f16(nextafterf(middle, INFINITY)), bits + 1);
    }
    assert_int_equal(f32_to_f16(65519.99f), 0x7bff);
    assert_int_equal(f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(f32_to_f16(-INFINITY), 0xfc00);
    assert_float_equal(f16_to_f32(0x3555), 0.33325195f, 0);

    assert_int_equal(f32_to_bf16(1.00390625f), 0x3f80); /* half way: to even */
    assert_int_equal(f32_to_bf16(1.01171875f), 0x3f82);
    assert_true(isnan(bf16_to_f32(f32_to_bf16(NAN))));
    assert_float_equal(bf16_to_f32(f32_to_bf16(-3.140625f)), -3.140625f, 0);
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void files_are_read_whole_or_refused(void **state)
{
    (void)state;
    const char *plain = DIPTYCH_SCRATCH "/plain", *zipped = DIPTYCH_SCRATCH "/zipped.gz";
    char *bytes = NULL;
    size_t size;
    struct err err;

    write_file(plain, "ab\0cd", 5);
    assert_int_equal(file_read(&bytes, &size, plain, 5, &err), 0);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "ab\0cd\0", 6);
    free(bytes);
    assert_int_equal(file_read(&bytes, &size, plain, 4, &err), ERR_LIMIT);

    gzFile gz = gzopen(zipped, "wb");
    for (int i = 0; i < 300000; i++)
        gzputs(gz, "0123456789");
    gzclose(gz);
    assert_int_equal(file_read(&bytes, &size, zipped, 3000000, &err), 0);
    assert_int_equal(size, 3000000);
    assert_memory_equal(bytes + 2999990, "0123456789", 11);
    free(bytes);
    assert_int_equal(file_read(&bytes, &size, zipped, 2999999, &err), ERR_LIMIT);

    struct stat st;
    assert_int_equal(stat(zipped, &st), 0);
    assert_int_equal(truncate(zipped, st.st_size / 2), 0);
    assert_int_equal(file_read(&bytes, &size, zipped, 3000000, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, zipped));

    assert_int_equal(file_read(&bytes, &size, DIPTYCH_SCRATCH "/missing", 10, &err), ERR_IO);
    assert_non_null(strstr(err.msg, "missing': No such file"));
    assert_int_equal(file_read(&bytes, &size, DIPTYCH_SCRATCH, 10, &err), ERR_IO);
    assert_non_null(strstr(err.msg, "is a folder"));

    struct file_map map;
    assert_int_equal(file_map_open(&map, plain, &err), 0);
    assert_int_equal(map.size, 5);
    file_map_release(&map);
    write_file(plain, "", 0);
    assert_int_equal(file_map_open(&map, plain, &err), 0);
    assert_int_equal(map.size, 0);
    file_map_release(&map);
}

static void a_file_that_is_held_tells_whether_it_was_written_over(void **state)
{
    const char *path = DIPTYCH_SCRATCH "/held", *other = DIPTYCH_SCRATCH "/other";
    struct file_map map;
    struct err err;
    (void)state;
    write_file(path, "12345", 5);
    write_file(other, "123", 3);
    assert_int_equal(file_map_hold(&map, path, &err), 0);
    assert_false(file_map_written_over(&map));
    assert_int_equal(rename(other, path), 0); /* another file has its name now */
    assert_false(file_map_written_over(&map));
    assert_memory_equal(map.data, "12345", 5);
    file_map_release(&map);

    assert_int_equal(file_map_hold(&map, path, &err), 0);
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_true(file_map_written_over(&map)); /* of the same length, but at another time */
    file_map_release(&map);

    assert_int_equal(file_map_hold(&map, path, &err), 0);
    assert_int_equal(truncate(path, 1), 0);
    assert_true(file_map_written_over(&map));
    file_map_release(&map);
}

struct seen {
    char text[4096];
    int problems;
};

static int note(void *context, const char *path, const struct err *problem)
{
    struct seen *seen = context;
    strcat(seen->text, path + strlen(DIPTYCH_SCRATCH));
    strcat(seen->text, problem ? "! " : " ");
    seen->problems += problem != NULL;
    return 0;
}

static void folders_are_walked_in_order(void **state)
{
    (void)state;
    const char *root = DIPTYCH_SCRATCH "/walk";
    mkdir(root, 0755);
    mkdir(DIPTYCH_SCRATCH "/walk/b", 0755);
    mkdir(DIPTYCH_SCRATCH "/walk/.hidden", 0755);
    write_file(DIPTYCH_SCRATCH "/walk/.hidden/x", "", 0);
    write_file(DIPTYCH_SCRATCH "/walk/.dot", "", 0);
    write_file(DIPTYCH_SCRATCH "/walk/c", "", 0);
    write_file(DIPTYCH_SCRATCH "/walk/a", "", 0);
    write_file(DIPTYCH_SCRATCH "/walk/b/z", "", 0);
    unlink(DIPTYCH_SCRATCH "/walk/b/loop");
    assert_int_equal(symlink(root, DIPTYCH_SCRATCH "/walk/b/loop"), 0);
    unlink(DIPTYCH_SCRATCH "/walk/d");
    assert_int_equal(symlink("nowhere", DIPTYCH_SCRATCH "/walk/d"), 0);

    struct seen seen = {.text = ""};
    assert_int_equal(file_walk(root, note, &seen, NULL), 0);
    assert_string_equal(seen.text, "/walk/a /walk/b/z /walk/c /walk/d! ");

    seen = (struct seen){.text = ""};
    assert_int_equal(file_walk(DIPTYCH_SCRATCH "/walk/.dot", note, &seen, NULL), 0);
    assert_int_equal(file_walk(DIPTYCH_SCRATCH "/walk/none", note, &seen, NULL), 0);
    assert_string_equal(seen.text, "/walk/.dot /walk/none! ");
}

/* The digests are those that FIPS 180-2 gives for its examples. */
static void hashes_are_sha_256(void **state)
{
    (void)state;
    const char *path = DIPTYCH_SCRATCH "/abc";
    char hash[HASH_SIZE];
    struct err err;
    hash_bytes(hash, "", 0);
    assert_string_equal(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    write_file(path, "abc", 3);
    assert_int_equal(hash_file(hash, path, &err), 0);
    assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    write_file(path, "", 0);
    assert_int_equal(hash_file(hash, path, &err), 0);
    assert_string_equal(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(hash_file(hash, DIPTYCH_SCRATCH, &err), ERR_IO);
}

static void json_errors_say_where(void **state)
{
    (void)state;
    struct err err;
    json_t *root = NULL;
    const char *bad = "{\"a\": 1,\n \"b\": }";
    assert_int_equal(json_parse(&root, bad, strlen(bad), "config.json", &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "'config.json'"));
    assert_non_null(strstr(err.msg, "line 2"));
    assert_int_equal(json_parse(&root, "[1]", 3, "list.json", &err), ERR_FORMAT);
    assert_int_equal(json_parse(&root, "{\"a\": 1, \"a\": 2}", 16, "twice.json", &err), ERR_FORMAT);

    char *deep = malloc(100001);
    memset(deep, '[', 100000);
    assert_int_equal(json_parse(&root, deep, 100000, "deep.json", &err), ERR_FORMAT);
    free(deep);

    assert_int_equal(json_parse(&root, "{\"a\": 1}", 8, "good.json", &err), 0);
    json_decref(root);
}

static void count_up(void *context, size_t i)
{
    atomic_fetch_add((atomic_int *)context + i, 1);
}

static void every_index_runs_once(void **state)
{
    (void)state;
    static atomic_int counts[1000];
    parallel_for(1000, 4, count_up, counts);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(counts[i], 1);
    parallel_for(0, 4, count_up, counts);
    assert_true(thread_default() >= 1);
}

static void large_memory_begins_at_a_page(void **state)
{
    static const size_t sizes[] = {0, 1, 4096, (2u << 20) - 1, 2u << 20, (5u << 20) + 3};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *memory = mem_large(sizes[i]);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 4096, 0);
        memset(memory, 1, sizes[i]);
        free(memory);
    }
}

/* A shell may stand in a folder that another removed. */
static void a_folder_that_is_gone_has_no_top(void **state)
{
    (void)state;
    struct arena arena = {0};
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(mkdir(DIPTYCH_SCRATCH "/gone", 0777), 0);
    assert_int_equal(chdir(DIPTYCH_SCRATCH "/gone"), 0);
    assert_int_equal(rmdir(DIPTYCH_SCRATCH "/gone"), 0);
    assert_string_equal(path_absolute(&arena, "a.png", NULL), "./a.png");
    assert_int_equal(chdir(before), 0);
    assert_string_equal(path_absolute(&arena, "/nowhere//", NULL), "/nowhere");
    assert_true(path_below("/a/b", "/a"));
    assert_false(path_below("/ab", "/a"));
    assert_true(path_below("/a", "/"));
    arena_release(&arena);
}

static void folders_can_be_made_where_their_parents_can_be_written(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(DIPTYCH_SCRATCH), 0);
    assert_true(folder_can_be_written("not/there"));
    assert_true(folder_can_be_written("not-there"));
    assert_true(folder_can_be_written(""));
    assert_true(folder_can_be_written(DIPTYCH_SCRATCH "/not/there/"));
    assert_int_equal(folder_can_be_written("/not-there"), folder_can_be_written("/"));
    assert_false(folder_can_be_written("/proc/not/there"));
    assert_int_equal(chdir(before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_can_be_made_where_their_parents_can_be_written),
        cmocka_unit_test(a_folder_that_is_gone_has_no_top),
        cmocka_unit_test(large_memory_begins_at_a_page),
        cmocka_unit_test(errors_carry_context),
        cmocka_unit_test(jobs_can_be_watched_and_ended),
        cmocka_unit_test(nobody_needs_to_watch),
        cmocka_unit_test(sizes_do_not_overflow),
        cmocka_unit_test(arena_memory_is_apart_and_zeroed),
        cmocka_unit_test(lines_lose_their_ends),
        cmocka_unit_test(halves_round_to_nearest_even),
        cmocka_unit_test(files_are_read_whole_or_refused),
        cmocka_unit_test(a_file_that_is_held_tells_whether_it_was_written_over),
        cmocka_unit_test(folders_are_walked_in_order),
        cmocka_unit_test(hashes_are_sha_256),
        cmocka_unit_test(json_errors_say_where),
        cmocka_unit_test(every_index_runs_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
