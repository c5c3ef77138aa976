// SPDX-License-Identifier: Apache-2.0
/* Compiled programs kept in files: that they are used, that nothing else is, and that none of it is an error. */
#include "compute/compute.h"
#include "compute/pocl_cache.h"

#include <dirent.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FOLDER DIPTYCH_SCRATCH "/diptych"

/* Two programs of one kernel that tell which of them runs. */
static const struct kernel_source one = {
    "one.cl", "kernel void answer(global float *x, ulong at) { x[at + get_global_id(0)] = 1; }\n"};
static const struct kernel_source two = {
    "two.cl", "kernel void answer(global float *x, ulong at) { x[at + get_global_id(0)] = 2; }\n"};

/* Whether answer() ends as a long run does. */
static bool keep_programs;

/* What the kernel of a source answers on a device that is opened for it alone. */
static int answer(float *out, const struct kernel_source *source, struct err *err)
{
    const struct device_options options = {.precision = "f32"};
    const struct launch launch = {.source = source, .kernel = "answer", .groups = {1}, .local = 1};
    struct device *device = NULL;
    struct stream *stream = NULL;
    struct tensor x;
    int rc;
    if (!(rc = device_open(&device, &options, err)) && !(rc = stream_open(&stream, device, 4096, err)) &&
        !(rc = tensor_new(&x, stream, DTYPE_F32, SHAPE(1), err)) &&
        !(rc = KERNEL_RUN(stream, &launch, err, ARG_TENSOR(x))))
        rc = tensor_read(stream, out, x, 1, err);
    if (!rc && keep_programs)
        device_keep_programs(device);
    stream_free(stream);
    device_free(device);
    return rc;
}

static void check_answer(const struct kernel_source *source, float want)
{
    float got = 0;
    struct err err;
    if (answer(&got, source, &err))
        fail_msg("%s", err.msg);
    assert_float_equal(got, want, 0);
}

/* ---- files --------------------------------------------------------------------------------------------- */

/* The paths in FOLDER; how many. */
static size_t files(char paths[8][512])
{
    DIR *listing = opendir(FOLDER);
    size_t count = 0;
    if (!listing)
        return 0;
    for (const struct dirent *entry; count < 8 && (entry = readdir(listing));)
        if (entry->d_name[0] != '.')
            snprintf(paths[count++], 512, FOLDER "/%.255s", entry->d_name);
    closedir(listing);
    return count;
}

static void clear(void)
{
    char paths[8][512];
    for (size_t count = files(paths); count > 0; count--)
        unlink(paths[count - 1]);
    rmdir(FOLDER);
    setenv("DIPTYCH_KERNEL_CACHE", FOLDER, 1);
}

/* Compiles a source and finds the one file that came of it; `other` is what was there before. */
static void keep(char path[512], const struct kernel_source *source, float want, const char *other)
{
    char paths[8][512];
    check_answer(source, want);
    const size_t count = files(paths);
    assert_int_equal(count, other ? 2 : 1);
    snprintf(path, 512, "%s", other && !strcmp(paths[0], other) ? paths[1] : paths[0]);
}

static char *read_all(size_t *size, const char *path)
{
    char *bytes;
    struct err err;
    if (file_read(&bytes, size, path, SIZE_MAX, &err))
        fail_msg("%s", err.msg);
    return bytes;
}

static void write_all(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* A file's lines are: what it is, the key, the hash of the binary. */
static size_t line_end(const char *bytes, int lines)
{
    const char *at = bytes;
    while (lines--)
        at = strchr(at, '\n') + 1;
    return (size_t)(at - bytes);
}

static ino_t inode(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

/* ---- tests --------------------------------------------------------------------------------------------- */

/* The binary of the second program, under the name and key of the first, answers in its place: so the file is
 * what runs. */
static void test_used(void **state)
{
    char first[512], second[512];
    size_t first_size, second_size;
    (void)state;
    clear();
    keep(first, &one, 1, NULL);
    keep(second, &two, 2, first);
    char *a = read_all(&first_size, first), *b = read_all(&second_size, second);
    memcpy(b, a, line_end(a, 2));
    write_all(first, b, second_size);
    const ino_t written = inode(first);
    check_answer(&one, 2);
    assert_int_equal(inode(first), written);
    free(a);
    free(b);
}

/* After damage the program is compiled anew, answers the same, and the file is whole again. */
static void check_rebuilt(
    const char *path, const char *bytes, size_t size, const char *damaged, size_t length)
{
    write_all(path, damaged, length);
    const ino_t before = inode(path);
    check_answer(&one, 1);
    const ino_t after = inode(path);
    assert_int_not_equal(after, before);
    check_answer(&one, 1);
    assert_int_equal(inode(path), after);
    write_all(path, bytes, size);
}

static void test_damaged(void **state)
{
    char path[512];
    size_t size;
    (void)state;
    clear();
    keep(path, &one, 1, NULL);
    char *bytes = read_all(&size, path), *damaged = malloc(size);
    const size_t at[] = {
        0, line_end(bytes, 1) - 2, line_end(bytes, 1), line_end(bytes, 2), line_end(bytes, 3), size - 1};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        memcpy(damaged, bytes, size);
        damaged[at[i]] ^= 1;
        check_rebuilt(path, bytes, size, damaged, size);
    }
    check_rebuilt(path, bytes, size, bytes, 0);
    check_rebuilt(path, bytes, size, bytes, line_end(bytes, 3));
    check_rebuilt(path, bytes, size, bytes, size / 2);
    free(damaged);
    free(bytes);
}

/* A whole file that the driver does not take. */
static void test_refused(void **state)
{
    char path[512], hash[HASH_SIZE], refused[512] = "";
    size_t size;
    (void)state;
    clear();
    keep(path, &one, 1, NULL);
    char *bytes = read_all(&size, path);
    const size_t head = line_end(bytes, 2);
    hash_bytes(hash, "no program", 10);
    memcpy(refused, bytes, head);
    snprintf(refused + head, sizeof refused - head, "%s\nno program", hash);
    check_rebuilt(path, bytes, size, refused, strlen(refused));
    free(bytes);
}

/* The file of another program is not taken for this one's, whatever it is called. */
static void test_other_key(void **state)
{
    char first[512], second[512];
    size_t first_size, second_size;
    (void)state;
    clear();
    keep(first, &one, 1, NULL);
    keep(second, &two, 2, first);
    char *a = read_all(&first_size, first), *b = read_all(&second_size, second);
    check_rebuilt(first, a, first_size, b, second_size);
    free(a);
    free(b);
}

static void test_nowhere(void **state)
{
    char paths[8][512];
    (void)state;
    clear();
    write_all(FOLDER, "", 0);
    check_answer(&one, 1);
    setenv("DIPTYCH_KERNEL_CACHE", FOLDER "/below", 1);
    check_answer(&one, 1);
    assert_int_equal(unlink(FOLDER), 0);
    setenv("DIPTYCH_KERNEL_CACHE", FOLDER "/not/there", 1);
    check_answer(&one, 1);
    assert_int_equal(files(paths), 0);
}

static void test_off(void **state)
{
    char paths[8][512];
    (void)state;
    clear();
    setenv("DIPTYCH_KERNEL_CACHE", "off", 1);
    check_answer(&one, 1);
    assert_int_equal(files(paths), 0);
    assert_int_equal(access("off", F_OK), -1);
}

static bool platform_is_pocl(void)
{
    struct device_info *devices;
    size_t count;
    assert_int_equal(device_list(&devices, &count, &(struct device_options){0}, NULL), 0);
    const bool pocl = !strcmp(devices[0].platform, POCL_PLATFORM);
    free(devices);
    return pocl;
}

/* PoCL's programs are kept when a long run ends, and others at once. */
static void test_later(void **state)
{
    char paths[8][512];
    (void)state;
    clear();
    const bool pocl = platform_is_pocl();
    unsetenv("DIPTYCH_KERNEL_CACHE");
    setenv("XDG_CACHE_HOME", DIPTYCH_SCRATCH, 1);
    check_answer(&one, 1);
    assert_int_equal(files(paths), !pocl);
    keep_programs = true;
    check_answer(&one, 1);
    keep_programs = false;
    assert_int_equal(files(paths), 1);
    char path[512];
    snprintf(path, sizeof path, "%s", paths[0]);
    const ino_t written = inode(path);
    keep_programs = true; /* what was read is not written again */
    check_answer(&one, 1);
    keep_programs = false;
    assert_int_equal(inode(path), written);
}

/* PoCL is not asked for its files while somebody else may be writing there. */
static void test_folder_held(void **state)
{
    char paths[8][512];
    (void)state;
    clear();
    const bool pocl = platform_is_pocl();
    const int held = pocl_cache_hold();
    assert_true(held >= 0);
    check_answer(&one, 1);
    assert_int_equal(files(paths), !pocl);
    assert_true(pocl_cache_take(held)); /* the device has let go of it */
    pocl_cache_share(held);
    pocl_cache_release(held);
    check_answer(&one, 1);
    assert_int_equal(files(paths), 1);
}

/* Who does not get it alone goes on holding it. */
static void test_folder_shared(void **state)
{
    (void)state;
    clear();
    platform_is_pocl();
    const int one_hand = pocl_cache_hold(), other = pocl_cache_hold();
    assert_true(one_hand >= 0 && other >= 0);
    assert_false(pocl_cache_take(one_hand));
    assert_false(pocl_cache_take(other));
    pocl_cache_release(one_hand);
    assert_true(pocl_cache_take(other));
    pocl_cache_release(other);
}

static void test_two_processes(void **state)
{
    enum { PROCESSES = 2 };
    char paths[8][512];
    pid_t children[PROCESSES];
    (void)state;
    clear();
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(posix_spawn(&children[i], "/proc/self/exe", NULL, NULL,
                             (char *[]){(char[]){"child"}, (char[]){"child"}, NULL}, environ),
            0);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    check_answer(&one, 1); /* where neither had PoCL's folder alone, this keeps the program */
    assert_int_equal(files(paths), 1);
    const ino_t written = inode(paths[0]);
    check_answer(&one, 1);
    assert_int_equal(inode(paths[0]), written);
}

int main(int argc, char **argv)
{
    float got = 0;
    (void)argv;
    if (argc > 1)
        return answer(&got, &one, NULL) || got < 1 || got > 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_used),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_other_key),
        cmocka_unit_test(test_nowhere),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_folder_held),
        cmocka_unit_test(test_folder_shared),
        cmocka_unit_test(test_two_processes),
    };
    mkdir(DIPTYCH_SCRATCH "/pocl", 0777);
    setenv("POCL_CACHE_DIR", DIPTYCH_SCRATCH "/pocl", 1); /* which other tests do not hold */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
