// SPDX-License-Identifier: Apache-2.0
/*
 * A file is whole on the disk before it takes its place: what keeps the one that was there when the power goes,
 * which killing a process cannot show. The calls are caught here, between new_file.c and libc, and written down:
 *
 *     S  the new file is synced, whole     s  before all is written     R  it takes its place
 */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH DIPTYCH_SCRATCH "/file"

enum { BYTES = 100000 }; /* more than a stream holds back */

static char seen[16];
static struct stat synced;
static bool disk_fails;

static void note(char letter)
{
    const size_t length = strlen(seen);
    if (length + 1 < sizeof seen)
        seen[length] = letter;
}

#define CAUGHT __attribute__((visibility("default")))

CAUGHT int fsync(int fd)
{
    if (fstat(fd, &synced) || synced.st_size != BYTES)
        note('s');
    else
        note('S');
    errno = EIO;
    return disk_fails ? -1 : (int)syscall(SYS_fsync, fd);
}

CAUGHT int fdatasync(int fd)
{
    return fsync(fd);
}

CAUGHT int rename(const char *from, const char *to)
{
    struct stat file;
    assert_string_equal(to, PATH);
    assert_int_equal(stat(from, &file), 0);
    if (seen[0])
        assert_true(file.st_dev == synced.st_dev && file.st_ino == synced.st_ino); /* it, not another */
    note('R');
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void expect_content(char byte)
{
    char *text;
    size_t size;
    assert_int_equal(file_read(&text, &size, PATH, SIZE_MAX, NULL), 0);
    assert_int_equal(size, BYTES);
    for (size_t i = 0; i < size; i++)
        if (text[i] != byte)
            fail_msg("byte %zu is '%c', not '%c'", i, text[i], byte);
    free(text);
}

/* Writes the file anew, of this byte throughout. */
static int write_file(char byte, bool keep, struct err *err)
{
    struct new_file file;
    memset(seen, 0, sizeof seen);
    assert_int_equal(new_file_open(&file, PATH, err), 0);
    for (size_t i = 0; i < BYTES; i++)
        putc(byte, file.stream);
    assert_string_equal(seen, "");
    return new_file_close(&file, keep, err);
}

static void a_file_is_whole_on_the_disk_before_it_takes_its_place(void **state)
{
    struct err err;
    (void)state;
    for (char byte = 'a'; byte <= 'b'; byte++) { /* where there is none, and where there is one */
        assert_int_equal(write_file(byte, true, &err), 0);
        assert_string_equal(seen, "SR");
        expect_content(byte);
    }
}

static void what_is_thrown_away_takes_no_place(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(write_file('c', true, &err), 0);
    assert_int_equal(write_file('d', false, &err), 0);
    assert_null(strchr(seen, 'R'));
    expect_content('c');
}

static void what_is_not_on_the_disk_takes_no_place(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(write_file('e', true, &err), 0);
    disk_fails = true;
    assert_int_equal(write_file('f', true, &err), ERR_IO);
    disk_fails = false;
    assert_string_equal(err.msg, "unable to write '" PATH "': Input/output error");
    assert_string_equal(seen, "S");
    expect_content('e');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_whole_on_the_disk_before_it_takes_its_place),
        cmocka_unit_test(what_is_thrown_away_takes_no_place),
        cmocka_unit_test(what_is_not_on_the_disk_takes_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
