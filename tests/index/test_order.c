// SPDX-License-Identifier: Apache-2.0
/*
 * The order in which files are written, synced and removed: what keeps an index whole when the power goes,
 * which killing a process cannot show. The calls of the store and of SQLite are caught here, between them and
 * libc, and written down as letters:
 *
 *     v  a vectors file is written      V  synced
 *     w  the catalog's log is written   W  synced
 *                                       F  the folder is synced      U  a vectors file is removed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

#include <sys/syscall.h>
#include <unistd.h>

static char seen[4096];

static void note(char letter)
{
    const size_t length = strlen(seen);
    if (length + 1 < sizeof seen && (!length || seen[length - 1] != letter)) /* a run is written as one */
        seen[length] = letter;
}

static void note_file(int fd, const char *letters)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return;
    path[length] = '\0';
    const char *name = strrchr(path, '/') + 1;
    if (!strncmp(name, "vectors", 7))
        note(letters[0]);
    else if (!strcmp(name, "catalog.sqlite-wal"))
        note(letters[1]);
    else if (strstr(name, ".dip") && letters[2])
        note(letters[2]);
}

/* What callers of pwrite with 64-bit offsets call. SQLite finds these only if they are visible. */
#define CAUGHT __attribute__((visibility("default")))
CAUGHT ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset);

CAUGHT ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    note_file(fd, "vw");
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

CAUGHT int fdatasync(int fd)
{
    note_file(fd, "VWF");
    return (int)syscall(SYS_fdatasync, fd);
}

CAUGHT int fsync(int fd)
{
    note_file(fd, "VWF");
    return (int)syscall(SYS_fsync, fd);
}

CAUGHT int unlink(const char *path)
{
    if (strstr(path, "/vectors"))
        note('U');
    return (int)syscall(SYS_unlinkat, -100 /* AT_FDCWD */, path, 0);
}

static void rows_are_synced_before_they_are_counted(void **state)
{
    (void)state;
    struct err err;
    struct index *index;
    const struct index_options options = {"m", "f", 8, INDEX_F16, NULL};
    assert_ok(index_create(&index, scratch_path("order.dip"), &options, &err));
    add_picture(index, 0);
    assert_ok(index_commit(index, &err)); /* the first one begins SQLite's log */

    memset(seen, 0, sizeof seen);
    for (uint64_t i = 0; i < 10; i++)
        add_picture(index, i);
    assert_string_equal(seen, "v");
    assert_ok(index_commit(index, &err));
    assert_string_equal(seen, "vVwW");

    memset(seen, 0, sizeof seen);
    assert_ok(index_compact(index, NULL, &err));
    assert_string_equal(seen, "vVFwWU");
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_synced_before_they_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
