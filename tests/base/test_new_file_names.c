// SPDX-License-Identifier: Apache-2.0
/*
 * New files from several writers, and from writers that are killed: names never meet, and nothing is left. Each test
 * runs twice, the second time as on a file system that has no files without a name.
 */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER DIPTYCH_SCRATCH "/files"
#define PATH FOLDER "/file"

static atomic_bool all_have_names;

/* What open() is called with 64-bit offsets, caught between new_file.c and libc. */
__attribute__((visibility("default"))) int open64(const char *path, int flags, ...);

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if ((flags & O_TMPFILE) == O_TMPFILE && all_have_names) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return openat(AT_FDCWD, path, flags, mode);
}

/* Between a file's opening and its locking others have time to come in between. */
__attribute__((visibility("default"))) int flock(int fd, int operation)
{
    static atomic_uint calls;
    if (all_have_names)
        usleep(random_at(1, calls++) % 200);
    return (int)syscall(SYS_flock, fd, operation);
}

static struct err err;

static void check_ok(int rc)
{
    if (rc)
        fail_msg("%s", err.msg);
}

/* How many files the folder holds, and the name of one of them. */
static size_t list(char name[256])
{
    DIR *folder = opendir(FOLDER);
    size_t count = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            snprintf(name, 256, "%s", entry->d_name);
            count++;
        }
    closedir(folder);
    return count;
}

static void check_only(const char *path, const char *content)
{
    char name[256], *bytes;
    size_t size;
    assert_int_equal(list(name), 1);
    assert_string_equal(name, strrchr(path, '/') + 1);
    check_ok(file_read(&bytes, &size, path, 1 << 20, &err));
    assert_string_equal(bytes, content);
    free(bytes);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int empty_folder(void **state)
{
    (void)state;
    nftw(FOLDER, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return mkdir(FOLDER, 0777);
}

static int named(void **state)
{
    all_have_names = true;
    return empty_folder(state);
}

static int unnamed(void **state)
{
    all_have_names = false;
    const int fd = open(DIPTYCH_SCRATCH, O_WRONLY | O_TMPFILE, 0600);
    all_have_names = fd < 0; /* then there is only the other way to test */
    close(fd);
    return empty_folder(state);
}

/* ---- several writers ----------------------------------------------------------------------------------- */

static void the_last_wins(void **state)
{
    (void)state;
    struct new_file first, second, dropped;
    check_ok(new_file_open(&first, PATH, &err));
    check_ok(new_file_open(&second, PATH, &err));
    check_ok(new_file_open(&dropped, PATH, &err));
    fputs("first", first.stream);
    fputs("second", second.stream);
    fputs("dropped", dropped.stream);
    check_ok(new_file_close(&second, true, &err));
    check_ok(new_file_close(&dropped, false, &err));
    char *bytes;
    size_t size;
    check_ok(file_read(&bytes, &size, PATH, 100, &err));
    assert_string_equal(bytes, "second");
    free(bytes);
    check_ok(new_file_close(&first, true, &err));
    check_only(PATH, "first");
}

enum { THREADS = 4, ROUNDS = 100, LINES = 500 };

static void *write_often(void *argument)
{
    const int digit = *(const int *)argument;
    for (int round = 0; round < ROUNDS; round++) {
        struct new_file file;
        struct err problem;
        if (new_file_open(&file, PATH, &problem))
            return strdup(problem.msg);
        for (int i = 0; i < LINES; i++)
            fprintf(file.stream, "%d", digit);
        if (new_file_close(&file, round % 3, &problem))
            return strdup(problem.msg);
    }
    return NULL;
}

static void threads_do_not_meet(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    static const int digits[THREADS] = {1, 2, 3, 4};
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, write_often, (void *)&digits[t]), 0);
    for (int t = 0; t < THREADS; t++) {
        void *problem;
        pthread_join(threads[t], &problem);
        if (problem)
            fail_msg("%s", (char *)problem);
    }
    char expected[LINES + 1] = "", *bytes;
    size_t size;
    check_ok(file_read(&bytes, &size, PATH, 1 << 20, &err));
    assert_in_range(bytes[0], '1', '4');
    memset(expected, bytes[0], LINES);
    free(bytes);
    check_only(PATH, expected);
}

/* ---- killed writers ------------------------------------------------------------------------------------ */

static void write_half_a_file(const char *path)
{
    struct new_file file;
    check_ok(new_file_open(&file, path, &err));
    fputs("half of it", file.stream);
    fflush(file.stream);
}

/* A process that is in the middle of writing the path. */
static pid_t start_writer(const char *path, void (*write_half)(const char *path))
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        write_half(path);
        if (write(ready[1], "", 1) == 1)
            sleep(20); /* not forever, should the test fail before it kills this process */
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void kill_writer(pid_t child)
{
    int status;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void write_file(const char *path, const char *content)
{
    struct new_file file;
    check_ok(new_file_open(&file, path, &err));
    fputs(content, file.stream);
    check_ok(new_file_close(&file, true, &err));
}

static void a_killed_writer_leaves_nothing(void **state)
{
    (void)state;
    char name[256];
    kill_writer(start_writer(PATH, write_half_a_file));
    if (!all_have_names)
        assert_int_equal(list(name), 0);
    write_file(PATH, "whole");
    check_only(PATH, "whole");
}

static void what_is_being_written_stays(void **state)
{
    (void)state;
    char name[256];
    const pid_t killed = start_writer(PATH, write_half_a_file),
                living = start_writer(PATH, write_half_a_file);
    const size_t both = list(name);
    assert_int_equal(both, all_have_names ? 2 : 0);
    kill_writer(killed);
    write_file(FOLDER "/other", "whole");
    assert_int_equal(list(name), 1 + both / 2);
    kill_writer(living);
    write_file(FOLDER "/other", "whole again");
    check_only(FOLDER "/other", "whole again");
}

/* ---- folders ------------------------------------------------------------------------------------------- */

/* With a file in it, and one in a folder of it. */
static void fill(const struct new_folder *folder)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/file", folder->beside);
    write_file(path, "in a folder");
    snprintf(path, sizeof path, "%s/deeper", folder->beside);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof path, "%s/deeper/file", folder->beside);
    write_file(path, "in a folder of the folder");
}

static void remove_folder(void)
{
    assert_int_equal(unlink(PATH "/deeper/file"), 0);
    assert_int_equal(rmdir(PATH "/deeper"), 0);
    assert_int_equal(unlink(PATH "/file"), 0);
    assert_int_equal(rmdir(PATH), 0);
}

static void folders_take_their_place_whole(void **state)
{
    (void)state;
    char name[256];
    struct new_folder first, second, dropped;
    check_ok(new_folder_open(&first, PATH "//", &err));
    check_ok(new_folder_open(&second, PATH, &err));
    check_ok(new_folder_open(&dropped, PATH, &err));
    assert_int_equal(list(name), 3);
    fill(&first);
    fill(&second);
    fill(&dropped);
    check_ok(new_folder_close(&dropped, false, &err));
    check_ok(new_folder_close(&first, true, &err));
    assert_true(file_exists(PATH "/deeper/file"));
    assert_int_equal(new_folder_close(&second, true, &err), ERR_IO); /* there is something already */
    assert_non_null(strstr(err.msg, "unable to write '" PATH "'"));
    assert_int_equal(new_folder_close(&second, true, &err), 0);
    assert_int_equal(list(name), 1);
    remove_folder();

    assert_int_equal(mkdir(PATH, 0777), 0);
    check_ok(new_folder_open(&first, PATH, &err));
    fill(&first);
    check_ok(new_folder_close(&first, true, &err)); /* in place of an empty one */
    remove_folder();
    assert_int_equal(new_folder_open(&first, FOLDER "/no/folder", &err), ERR_IO);
}

static void write_half_a_folder(const char *path)
{
    struct new_folder folder;
    check_ok(new_folder_open(&folder, path, &err));
    fill(&folder);
}

static void a_killed_writers_folder_is_removed(void **state)
{
    (void)state;
    char name[256];
    const pid_t killed = start_writer(PATH, write_half_a_folder),
                living = start_writer(PATH, write_half_a_folder);
    assert_int_equal(list(name), 2);
    kill_writer(killed);
    struct new_folder folder;
    check_ok(new_folder_open(&folder, FOLDER "/other", &err));
    check_ok(new_folder_close(&folder, false, &err));
    assert_int_equal(list(name), 1);
    kill_writer(living);
    check_ok(new_folder_open(&folder, FOLDER "/other", &err));
    check_ok(new_folder_close(&folder, false, &err));
    assert_int_equal(list(name), 0);
}

/* ---- as any file --------------------------------------------------------------------------------------- */

static void has_the_rights_of_any_file(void **state)
{
    (void)state;
    struct stat there;
    const mode_t before = umask(027);
    write_file(PATH, "a");
    umask(before);
    assert_int_equal(stat(PATH, &there), 0);
    assert_int_equal(there.st_mode, S_IFREG | 0640);
    assert_int_equal(there.st_nlink, 1);
}

static void a_name_may_be_as_long_as_any(void **state)
{
    (void)state;
    char path[sizeof FOLDER + 300];
    struct new_file file;
    const int start = sprintf(path, FOLDER "/");
    memset(path + start, 'n', 256);
    path[start + 256] = '\0';
    assert_int_equal(new_file_open(&file, path, &err), ERR_IO);
    path[start + 255] = '\0';
    write_file(path, "long");
    check_only(path, "long");
}

static void a_folder_must_be_there(void **state)
{
    (void)state;
    struct new_file file;
    assert_int_equal(new_file_open(&file, FOLDER "/no/file", &err), ERR_IO);
    assert_string_equal(err.msg, "unable to write '" FOLDER "/no/file': No such file or directory");
    assert_int_equal(new_file_close(&file, true, &err), 0);
}

int main(void)
{
#define BOTH(test)                                                                                           \
    {#test, test, unnamed, NULL, NULL},                                                                      \
    {                                                                                                        \
#test " (named)", test, named, NULL, NULL                                                            \
    }
    const struct CMUnitTest tests[] = {
        BOTH(the_last_wins),
        BOTH(threads_do_not_meet),
        BOTH(a_killed_writer_leaves_nothing),
        BOTH(what_is_being_written_stays),
        cmocka_unit_test_setup(folders_take_their_place_whole, unnamed),
        cmocka_unit_test_setup(a_killed_writers_folder_is_removed, named),
        BOTH(has_the_rights_of_any_file),
        BOTH(a_name_may_be_as_long_as_any),
        BOTH(a_folder_must_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
