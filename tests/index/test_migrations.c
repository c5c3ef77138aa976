// SPDX-License-Identifier: Apache-2.0
/*
 * How an index of format 1 becomes one of format 5, which is not the program's: the table of migrations
 * is this test's own, in place of the library's, and begins with its statements. Read without being written to;
 * brought to the latest when it is opened for writing, whole or not at all, wherever that is killed or fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/migrations.h"
#include "index/store.h"
#include "tests/index/kept.h"
#include "tests/index/synthetic.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A column that is filled, a view that shows it, and a table whose limit an index may go beyond. */
const char *const catalog_migrations[] = {
    TO_FORMAT_2,
    TO_FORMAT_3 TO_FORMAT_6 TO_FORMAT_7 TO_FORMAT_8 TO_FORMAT_9 TO_FORMAT_10,
    "ALTER TABLE items ADD COLUMN stars INTEGER;"
    "UPDATE items SET stars = metadata ->> 'stars';"
    "DROP VIEW search_items;"
    "CREATE VIEW search_items AS SELECT id, row, kind, path, width, height, caption, metadata, stars FROM "
    "items;",
    "CREATE TABLE sizes (kind TEXT PRIMARY KEY, sum INTEGER CHECK (sum < 1000000));"
    "INSERT INTO sizes SELECT kind, sum(size) FROM items GROUP BY kind;",
    NULL,
};

static struct err err;

static struct index *open_as(const char *path, enum index_access access)
{
    struct index *index;
    assert_ok(index_open(&index, path, access, NULL, &err));
    return index;
}

static void check_latest(struct index *index)
{
    struct index_rows rows;
    kept_check(index);
    assert_ok(index_rows(&rows, index, &(struct index_filter){.where = "stars = 3"}, &err));
    assert_int_equal(rows.mask[0], 1);
    index_rows_release(&rows);
}

static void file_hash(char hash[HASH_SIZE], const char *path)
{
    char catalog[4200];
    snprintf(catalog, sizeof catalog, "%s/catalog.sqlite", path);
    assert_ok(hash_file(hash, catalog, &err));
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static void an_earlier_format_is_read_without_writing(void **state)
{
    (void)state;
    char before[HASH_SIZE], after[HASH_SIZE], *path = kept_copy(1, "reads.dip");
    file_hash(before, path);
    struct index *index = open_as(path, INDEX_READ);
    check_latest(index);
    const sqlite3 *copy = index->db;
    assert_ok(index_refresh(index, &err));
    assert_ptr_equal(index->db, copy); /* nothing has changed: it is not copied again */
    check_latest(index);
    index_free(index);
    verify_clean(path);
    file_hash(after, path);
    assert_string_equal(after, before);
    assert_int_equal(kept_number(path, "PRAGMA user_version"), 1);
    free(path);
}

/* In another process, which gives up its right to write. */
static void read_as_nobody(const char *path)
{
    struct index *index;
    if (!getuid() && (setgid(65534) || setuid(65534)))
        _exit(2);
    if (index_open(&index, path, INDEX_READ, NULL, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        _exit(1);
    }
    check_latest(index);
    if (index_refresh(index, &err))
        _exit(3);
    check_latest(index);
    index_free(index);
    _exit(0);
}

static void an_earlier_format_is_read_where_nothing_may_be_written(void **state)
{
    (void)state;
    int status;
    char *path = kept_copy(1, "frozen.dip"), name[4200];
    static const char *const names[] = {"catalog.sqlite", "vectors.f16"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/%s", path, names[i]);
        assert_int_equal(chmod(name, 0444), 0);
    }
    assert_int_equal(chmod(path, 0555), 0);
    fflush(NULL);
    const pid_t child = fork();
    if (!child)
        read_as_nobody(path);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(path, 0777), 0);
    struct strings files = {0};
    assert_ok(folder_list(&files, path, &err));
    assert_int_equal(files.count, 2);
    strings_release(&files);
    free(path);
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void a_writer_makes_it_one_of_the_latest(void **state)
{
    (void)state;
    char *path = kept_copy(1, "writes.dip");
    struct index *reader = open_as(path, INDEX_READ), *writer = open_as(path, INDEX_WRITE);
    assert_int_equal(kept_number(path, "PRAGMA user_version"), 5);
    assert_int_equal(kept_number(path, "SELECT sum FROM sizes WHERE kind = 'image'"), 4000);
    check_latest(writer);
    check_latest(reader);
    add_text(writer, "one more", 7);
    assert_ok(index_commit(writer, &err));
    check_latest(reader); /* of what it opened */
    assert_ok(index_refresh(reader, &err));
    assert_int_equal(index_info(reader).texts, 3);
    assert_false(reader->copied);
    assert_ok(index_compact(writer, NULL, &err));
    assert_ok(index_refresh(reader, &err));
    assert_int_equal(index_info(reader).rows, 6);
    index_free(reader);
    index_free(writer);
    verify_clean(path);
    free(path);
}

static void a_reader_follows_a_change_of_the_same_format(void **state)
{
    (void)state;
    char *path = kept_copy(1, "follows.dip");
    struct index *reader = open_as(path, INDEX_READ);
    kept_run(path, "UPDATE items SET caption = 'blue' WHERE id = 3"); /* as the program of that format may */
    check_latest(reader);
    assert_ok(index_refresh(reader, &err));
    struct arena arena = {0};
    struct index_item item;
    assert_ok(index_get(&item, reader, 3, &arena, &err));
    assert_string_equal(item.caption, "blue");
    arena_release(&arena);
    index_free(reader);
    free(path);
}

static void formats_that_are_unknown_are_refused(void **state)
{
    (void)state;
    char *path = kept_copy(1, "unknown.dip");
    struct index *index;
    kept_run(path, "PRAGMA user_version = 6");
    assert_err(index_open(&index, path, INDEX_READ, NULL, &err), ERR_UNSUPPORTED,
        "has format version 6, of a later program: this one knows formats up to 5");
    assert_err(index_open(&index, path, INDEX_WRITE, NULL, &err), ERR_UNSUPPORTED, "has format version 6");
    kept_run(path, "PRAGMA user_version = 0");
    assert_err(index_open(&index, path, INDEX_WRITE, NULL, &err), ERR_FORMAT,
        "has format version 0, which there never was");
    free(path);
}

/* ---- ends before its time ------------------------------------------------------------------------------ */

static void a_migration_that_fails_leaves_all_as_it_was(void **state)
{
    (void)state;
    char before[HASH_SIZE], after[HASH_SIZE], *path = kept_copy(1, "fails.dip");
    struct index *index;
    kept_run(path, "UPDATE items SET size = 1000000 WHERE id = 1; PRAGMA wal_checkpoint(TRUNCATE)");
    file_hash(before, path);
    for (int access = INDEX_READ; access <= INDEX_WRITE; access++)
        assert_err(index_open(&index, path, (enum index_access)access, NULL, &err), ERR_FORMAT,
            "catalog.sqlite': CHECK constraint failed");
    assert_non_null(strstr(err.msg, "unable to change format 1 to 5 of '"));
    file_hash(after, path);
    assert_string_equal(after, before);
    kept_run(path, "UPDATE items SET size = 1000 WHERE id = 1");
    index = open_as(path, INDEX_WRITE);
    check_latest(index);
    index_free(index);
    free(path);
}

/* SQLite's calls of the system for writing, counted, and the last of them not made. */
static sqlite3_syscall_ptr real_write, real_pwrite, real_ftruncate, real_fdatasync;
static int calls_left;
static bool kills;

static bool ends_here(void)
{
    if (calls_left-- > 0)
        return false;
    if (kills)
        _exit(9);
    errno = ENOSPC;
    return true;
}

static ssize_t some_write(int fd, const void *bytes, size_t size)
{
    return ends_here() ? -1 : ((ssize_t(*)(int, const void *, size_t))real_write)(fd, bytes, size);
}

static ssize_t some_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    if (ends_here())
        return -1;
    return ((ssize_t(*)(int, const void *, size_t, off_t))real_pwrite)(fd, bytes, size, at);
}

static int some_ftruncate(int fd, off_t size)
{
    return ends_here() ? -1 : ((int (*)(int, off_t))real_ftruncate)(fd, size);
}

static int some_fdatasync(int fd)
{
    return ends_here() ? -1 : ((int (*)(int))real_fdatasync)(fd);
}

static void watch_calls(int calls, bool kill)
{
    static const struct {
        const char *name;
        sqlite3_syscall_ptr call, *real;
    } replaced[] = {
        {"write", (sqlite3_syscall_ptr)some_write, &real_write},
        {"pwrite", (sqlite3_syscall_ptr)some_pwrite, &real_pwrite},
        {"pwrite64", (sqlite3_syscall_ptr)some_pwrite, &real_pwrite},
        {"ftruncate", (sqlite3_syscall_ptr)some_ftruncate, &real_ftruncate},
        {"fdatasync", (sqlite3_syscall_ptr)some_fdatasync, &real_fdatasync},
    };
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    calls_left = calls;
    kills = kill;
    for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++) {
        sqlite3_syscall_ptr real = vfs->xGetSystemCall(vfs, replaced[i].name);
        if (real && !vfs->xSetSystemCall(vfs, replaced[i].name, replaced[i].call))
            *replaced[i].real = real;
    }
}

/* Opens it for writing in another process, whose n-th call is its last or fails; whether it came through. */
static bool comes_through(const char *path, int n, bool kill)
{
    int status;
    fflush(NULL);
    const pid_t child = fork();
    if (!child) {
        struct index *index;
        watch_calls(n, kill);
        const int rc = index_open(&index, path, INDEX_WRITE, NULL, &err);
        _exit(rc && rc != ERR_IO ? 3 : rc ? 9 : calls_left < 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) < 2 || WEXITSTATUS(status) == 9));
    return WEXITSTATUS(status) == 0;
}

/* After every call that it may end at, the index is of the one format or the other, and complete. */
static void whole_wherever_it_ends(bool kill, const char *name)
{
    int ended = 0, old = 0;
    for (int n = 0;; n++) {
        char *path = kept_copy(1, name);
        const bool through = comes_through(path, n, kill);
        const int64_t format = kept_number(path, "PRAGMA user_version");
        assert_true(format == 1 || format == 5);
        assert_int_equal(
            kept_number(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'sizes'"), format == 5);
        assert_int_equal(
            kept_number(path, "SELECT count(*) FROM pragma_table_info('items') WHERE name = 'stars'"),
            format == 5);
        struct index *index = open_as(path, INDEX_READ);
        check_latest(index);
        index_free(index);
        verify_clean(path);
        index = open_as(path, INDEX_WRITE);
        check_latest(index);
        index_free(index);
        assert_int_equal(kept_number(path, "PRAGMA user_version"), 5);
        free(path);
        ended += !through;
        old += format == 1;
        if (through)
            break;
    }
    assert_true(ended > 5 && old > 3);
}

static void a_migration_that_is_killed_happens_whole_or_not_at_all(void **state)
{
    (void)state;
    whole_wherever_it_ends(true, "killed.dip");
}

static void a_disk_that_is_full_leaves_it_whole(void **state)
{
    (void)state;
    whole_wherever_it_ends(false, "full.dip");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_earlier_format_is_read_without_writing),
        cmocka_unit_test(an_earlier_format_is_read_where_nothing_may_be_written),
        cmocka_unit_test(a_writer_makes_it_one_of_the_latest),
        cmocka_unit_test(a_reader_follows_a_change_of_the_same_format),
        cmocka_unit_test(formats_that_are_unknown_are_refused),
        cmocka_unit_test(a_migration_that_fails_leaves_all_as_it_was),
        cmocka_unit_test(a_migration_that_is_killed_happens_whole_or_not_at_all),
        cmocka_unit_test(a_disk_that_is_full_leaves_it_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
