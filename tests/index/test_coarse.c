// SPDX-License-Identifier: Apache-2.0
/* The file of codes: killed, cut, stale, damaged. Whatever is found there, the codes that are used hold. */
#include "index/coarse.h"
#include "tests/index/scan_data.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct job one = {.threads = 1}, two = {.threads = 2};

enum { WIDTH = 70, COUNT = 5 * COARSE_BLOCK + 100, HEADER = 4096 };

static const char path[] = DIPTYCH_SCRATCH "/codes";
static struct index_rows rows;

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

static struct index_rows first_rows(int64_t count)
{
    struct index_rows some = rows;
    some.count = count;
    return some;
}

static void update(int64_t count, int64_t generation)
{
    const struct index_rows some = first_rows(count);
    struct err err;
    check_ok(coarse_update(path, &some, generation, &two, &err), &err);
}

/* How many blocks an opened file gives; all of them must hold. */
static int64_t blocks(int64_t count, int64_t generation)
{
    const struct index_rows some = first_rows(count);
    struct coarse coarse;
    struct err err;
    check_ok(coarse_open(&coarse, path, &some, generation, &err), &err);
    check_ok(coarse_verify(&coarse, path, &some, NULL, &err), &err);
    const int64_t found = coarse.count;
    coarse_release(&coarse);
    return found;
}

static void poke(long at, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void test_appends(void **state)
{
    char *appended, *at_once;
    size_t appended_size, at_once_size;
    struct err err;
    (void)state;
    assert_int_equal(blocks(COUNT, 1), 0); /* no file */
    update(COARSE_BLOCK - 1, 1);
    assert_int_equal(access(path, F_OK), -1);
    update(COARSE_BLOCK + 7, 1);
    assert_int_equal(blocks(COARSE_BLOCK + 7, 1), 1);
    assert_int_equal(blocks(COUNT, 1), 1); /* rows are ahead of codes */
    update(COUNT, 1);
    assert_int_equal(blocks(COUNT, 1), 5);
    assert_int_equal(blocks(2 * COARSE_BLOCK, 1), 2); /* a writer is ahead of a reader */
    check_ok(file_read(&appended, &appended_size, path, 1 << 24, &err), &err);
    unlink(path);
    update(COUNT, 1);
    check_ok(file_read(&at_once, &at_once_size, path, 1 << 24, &err), &err);
    assert_int_equal(appended_size, at_once_size);
    assert_memory_equal(appended, at_once, at_once_size);
    free(appended);
    free(at_once);
}

static void test_stale(void **state)
{
    (void)state;
    update(COUNT, 1);
    assert_int_equal(blocks(COUNT, 2), 0);
    update(COUNT, 2);
    assert_int_equal(blocks(COUNT, 2), 5);
    update(2 * COARSE_BLOCK, 2); /* rows were taken back: the codes past them are of other rows */
    assert_int_equal(blocks(COUNT, 2), 2);
    update(COUNT, 2);

    struct index_rows other = data_make(INDEX_F32, KIND_OUTLIER, WIDTH, COUNT), narrow = rows;
    struct coarse coarse;
    struct err err;
    check_ok(coarse_open(&coarse, path, &other, 2, &err), &err); /* a generation that lies */
    assert_int_equal(coarse.count, 0);
    coarse_release(&coarse);
    narrow.width = WIDTH - 1;
    check_ok(coarse_open(&coarse, path, &narrow, 2, &err), &err);
    assert_int_equal(coarse.count, 0);
    coarse_release(&coarse);
    data_free(&other);
}

static void test_damage(void **state)
{
    const int64_t many = 1000;
    const uint32_t before = 1;
    const size_t block = coarse_block_bytes(coarse_stride(WIDTH));
    const uint8_t garbage[300] = {0};
    struct stat file;
    struct coarse coarse;
    struct err err;
    (void)state;

    update(COUNT, 1);
    poke(0, "D1PC", 4);
    assert_int_equal(blocks(COUNT, 1), 0);
    update(COUNT, 1);
    poke(24, &many, sizeof many); /* counts blocks that are not there */
    assert_int_equal(blocks(COUNT, 1), 0);
    update(COUNT, 1);
    poke(8, &before, sizeof before); /* a version that is no more */
    assert_int_equal(blocks(COUNT, 1), 0);
    update(COUNT, 1);
    assert_int_equal(blocks(COUNT, 1), 5);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(truncate(path, file.st_size - 1), 0);
    assert_int_equal(blocks(COUNT, 1), 0);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(blocks(COUNT, 1), 0);
    update(COUNT, 1);
    assert_int_equal(blocks(COUNT, 1), 5);

    const long planes = (long)(coarse_stride(WIDTH) * sizeof(float)), row = (long)coarse_stride(WIDTH) / 2;
    poke(HEADER, garbage, sizeof garbage); /* a centre */
    assert_int_equal(blocks(COUNT, 1), 0);
    update(COUNT, 1);
    poke(HEADER + planes, garbage, (size_t)row); /* the first row of a block is one of the sample */
    assert_int_equal(blocks(COUNT, 1), 0);
    update(COUNT, 1);
    poke(HEADER + (long)(3 * block) + planes + 40 * row, garbage, sizeof garbage);
    check_ok(coarse_open(&coarse, path, &rows, 1, &err), &err);
    assert_int_equal(coarse.count, 5);
    assert_int_equal(coarse_verify(&coarse, path, &rows, NULL, &err), ERR_FORMAT);
    assert_string_equal(
        err.msg, "the codes in '" DIPTYCH_SCRATCH "/codes' do not match the vectors: row 3112");
    coarse_release(&coarse);
}

/* A child that may not write past `limit` bytes is killed there by the kernel, or told as by a full disk. */
static void update_limited(rlim_t limit, bool killed)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        const struct rlimit size = {limit, limit}, core = {0, 0};
        setrlimit(RLIMIT_FSIZE, &size);
        setrlimit(RLIMIT_CORE, &core);
        signal(SIGXFSZ, killed ? SIG_DFL : SIG_IGN);
        _exit(coarse_update(path, &rows, 1, &one, NULL) == ERR_IO ? 1 : 3);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (killed)
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
    else
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void test_killed(void **state)
{
    const size_t block = coarse_block_bytes(coarse_stride(WIDTH));
    (void)state;
    for (int held = 0; held < 3; held++)
        for (size_t limit = 1; limit < 5 * block + HEADER; limit += block / 3) {
            if (limit <= held * block + HEADER)
                continue;
            unlink(path);
            if (held)
                update((int64_t)held * COARSE_BLOCK, 1);
            update_limited(limit, limit % 2);
            assert_int_equal(blocks(COUNT, 1), held);
            update(COUNT, 1);
            assert_int_equal(blocks(COUNT, 1), 5);
        }
}

/* Every kind of row gets bounds that hold, and codes that say something where they can. */
static void test_kinds(void **state)
{
    (void)state;
    for (int kind = 0; kind < KIND_COUNT; kind++)
        for (int storage = INDEX_F32; storage <= INDEX_I8; storage++) {
            struct index_rows some =
                data_make((enum index_storage)storage, (enum kind)kind, WIDTH, COARSE_BLOCK);
            struct coarse coarse;
            struct err err;
            check_ok(coarse_update(path, &some, 9 + (int64_t)kind * 3 + (int64_t)storage, &two, &err), &err);
            check_ok(coarse_open(&coarse, path, &some, 9 + (int64_t)kind * 3 + (int64_t)storage, &err), &err);
            assert_int_equal(coarse.count, 1);
            check_ok(coarse_verify(&coarse, path, &some, NULL, &err), &err);
            const struct coarse_block block = coarse_block_at(coarse.blocks, coarse.stride, 0);
            for (size_t i = 0; i < COARSE_BLOCK && kind == KIND_RANDOM; i++) {
                assert_true(block.error[i] < 0.01 * block.norm[i]);
                assert_true(block.high_error[i] < 0.16 * block.norm[i]);
            }
            coarse_release(&coarse);
            data_free(&some);
        }
}

static int fresh(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_appends, fresh),
        cmocka_unit_test_setup(test_stale, fresh),
        cmocka_unit_test_setup(test_damage, fresh),
        cmocka_unit_test_setup(test_killed, fresh),
        cmocka_unit_test_setup(test_kinds, fresh),
    };
    rows = data_make(INDEX_F32, KIND_RANDOM, WIDTH, COUNT);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    data_free(&rows);
    return failed;
}
