// SPDX-License-Identifier: Apache-2.0
/* Several processes at one index, damage, full disks and folders that cannot be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct index_options small = {"tiny", "f00d", 8, INDEX_F16, NULL};

/* An index of pictures 0 to count - 1. */
static void make(const char *path, uint64_t count)
{
    struct err err;
    struct index *index;
    assert_ok(index_create(&index, path, &small, &err));
    for (uint64_t i = 0; i < count; i++)
        add_picture(index, i);
    assert_ok(index_commit(index, &err));
    index_free(index);
}

static struct index *open_as(const char *path, enum index_access access)
{
    struct err err;
    struct index *index;
    assert_ok(index_open(&index, path, access, NULL, &err));
    return index;
}

static char *in_folder(const char *folder, const char *name)
{
    static char path[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Runs body in another process and returns whether it ended well. */
static bool ends_well(void (*body)(const char *path), const char *path)
{
    int status;
    fflush(NULL);
    const pid_t child = fork();
    if (!child) {
        body(path);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status);
}

static void in_child(void (*body)(const char *path), const char *path)
{
    assert_true(ends_well(body, path));
}

/* For another process: cmocka's checks would jump out into the parent's run. */
#define check(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, err.msg);                     \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

static bool said(const struct err *err, const char *text)
{
    return strstr(err->msg, text);
}

/* ---- several at once ----------------------------------------------------------------------------------- */

static void be_the_second_writer(const char *path)
{
    struct err err = {0};
    struct index *index;
    char text[64];
    snprintf(text, sizeof text, "process %ld is changing it", (long)getppid());
    check(index_open(&index, path, INDEX_WRITE, NULL, &err) == ERR_BUSY && said(&err, text));
    check(!index_open(&index, path, INDEX_READ, NULL, &err));
    index_free(index);
}

static void a_second_writer_is_refused_with_the_firsts_pid(void **state)
{
    (void)state;
    struct err err;
    struct index *again;
    const char *path = scratch_path("two.dip");
    make(path, 1);
    struct index *writer = open_as(path, INDEX_WRITE);
    in_child(be_the_second_writer, path);
    char text[64];
    snprintf(text, sizeof text, "process %ld is changing it", (long)getpid());
    assert_err(index_open(&again, path, INDEX_WRITE, NULL, &err), ERR_BUSY, text);
    index_free(writer);
    index_free(open_as(path, INDEX_WRITE));
}

static void be_killed_while_writing(const char *path)
{
    struct err err = {0};
    struct index *index;
    check(!index_open(&index, path, INDEX_WRITE, NULL, &err));
    add_picture(index, 77);
    /* returns and exits without index_free: the lock is the kernel's to release */
}

static void a_dead_writer_holds_nothing(void **state)
{
    (void)state;
    const char *path = scratch_path("dead.dip");
    make(path, 3);
    in_child(be_killed_while_writing, path);
    struct stat st;
    assert_int_equal(stat(in_folder(path, "vectors.f16"), &st), 0);
    assert_int_equal(st.st_size, 4 * 8 * 2); /* a tail */
    verify_clean(path);
    struct index *index = open_as(path, INDEX_WRITE);
    assert_int_equal(index_info(index).images, 3);
    assert_int_equal(stat(in_folder(path, "vectors.f16"), &st), 0);
    assert_int_equal(st.st_size, 3 * 8 * 2);
    index_free(index);
}

static void a_reader_sees_one_state_until_it_refreshes(void **state)
{
    (void)state;
    struct err err;
    struct index_rows rows;
    const char *path = scratch_path("snapshot.dip");
    make(path, 10);
    struct index *reader = open_as(path, INDEX_READ), *writer = open_as(path, INDEX_WRITE);
    assert_ok(index_rows(&rows, reader, NULL, &err));

    for (uint64_t i = 10; i < 500; i++)
        add_picture(writer, i);
    add_picture(writer, 3); /* changed */
    assert_ok(index_remove(writer, find_picture(writer, 4, 4).id, &err));
    assert_ok(index_commit(writer, &err));
    assert_ok(index_compact(writer, NULL, &err));
    assert_false(file_exists(in_folder(path, "vectors.f16")));

    assert_int_equal(rows.count, 10);
    assert_int_equal(index_info(reader).images, 10);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(find_picture(reader, i, i).row, i);
    assert_int_equal(find_picture(reader, 10, 10).row, -1);
    const struct index_filter filter = {.match = "n4 OR n300", .match_syntax = MATCH_FTS5};
    index_rows_release(&rows);
    assert_ok(index_rows(&rows, reader, &filter, &err));
    assert_int_equal(rows.chosen, 1);
    index_rows_release(&rows);

    assert_ok(index_refresh(reader, &err));
    assert_int_equal(index_info(reader).images, 499);
    assert_int_equal(find_picture(reader, 4, 4).row, -1);
    assert_int_equal(find_picture(reader, 3, 3).row, 498);
    assert_ok(index_rows(&rows, reader, &filter, &err));
    assert_int_equal(rows.chosen, 1);
    index_rows_release(&rows);

    assert_ok(index_rows(&rows, reader, NULL, &err));
    const void *data = rows.data;
    assert_ok(index_refresh(reader, &err)); /* nothing new: nothing mapped anew */
    assert_ok(index_rows(&rows, reader, NULL, &err));
    assert_ptr_equal(rows.data, data);
    assert_ok(index_remove(writer, find_picture(writer, 0, 0).id, &err));
    assert_ok(index_commit(writer, &err));
    assert_ok(index_refresh(reader, &err));
    assert_ok(index_rows(&rows, reader, NULL, &err));
    assert_int_equal(rows.chosen, 498);
    assert_int_equal(rows.count, 499);
    assert_non_null(rows.mask);
    assert_int_equal(rows.mask[0] & 1, 0);
    index_rows_release(&rows);
    assert_ok(index_remove(writer, find_picture(writer, 7, 7).id, &err)); /* the counts stay */
    add_picture(writer, 1000);
    assert_ok(index_commit(writer, &err));
    assert_ok(index_refresh(reader, &err));
    assert_ok(index_rows(&rows, reader, NULL, &err));
    assert_int_equal(rows.chosen, 498);
    assert_int_equal(rows.count, 500);
    assert_int_equal(find_picture(reader, 1000, 1000).row, 499);
    assert_int_equal(rows.mask[0] & 1 << 5, 0); /* 7's, since 3 and 4 are gone from there */
    assert_int_equal(rows.mask[499 / 64] >> 499 % 64 & 1, 1);
    index_free(reader);
    index_free(writer);
    verify_clean(path);
}

/* ---- damage -------------------------------------------------------------------------------------------- */

static void flip_bit(const char *path, off_t at, int bit)
{
    char byte;
    const int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 1 << bit);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void no_flipped_bit_is_returned(void **state)
{
    (void)state;
    struct err err;
    struct arena arena = {0};
    const char *path = scratch_path("flip.dip");
    make(path, 6);
    struct index *index = open_as(path, INDEX_READ);
    for (int64_t byte = 0; byte < 16; byte++) { /* each byte of row 2 */
        struct index_item items[3];
        const int64_t rows[3] = {1, 3, 2};
        flip_bit(in_folder(path, "vectors.f16"), 2 * 16 + byte, (int)byte % 8);
        assert_ok(index_fetch(items, index, rows, 2, &arena, &err));
        assert_err(index_fetch(items, index, rows, 3, &arena, &err), ERR_FORMAT,
            "flip.dip/vectors.f16' is damaged: row 2 (item 3) does not match its checksum");
        flip_bit(in_folder(path, "vectors.f16"), 2 * 16 + byte, (int)byte % 8);
        assert_ok(index_fetch(items, index, rows, 3, &arena, &err));
    }
    index_free(index);

    flip_bit(in_folder(path, "vectors.f16"), 2 * 16 + 5, 0);
    flip_bit(in_folder(path, "vectors.f16"), 4 * 16 + 15, 7);
    int64_t defects;
    char *text = verify_text(path, &defects);
    assert_int_equal(defects, 2);
    assert_non_null(strstr(text, "row 2 (item 3)"));
    assert_non_null(strstr(text, "row 4 (item 5)"));
    free(text);

    /* Neither a copy nor a compaction launders it. */
    index = open_as(path, INDEX_WRITE);
    struct index_item copy = {.kind = INDEX_IMAGE, .path = "copy.png"};
    assert_err(index_add_copy(index, &copy, 3, &err), ERR_FORMAT, "row 2 (item 3)");
    assert_ok(index_remove(index, 1, &err));
    assert_ok(index_compact(index, NULL, &err));
    index_free(index);
    text = verify_text(path, &defects);
    assert_int_equal(defects, 2);
    assert_non_null(strstr(text, "row 1 (item 3)"));
    free(text);
    arena_release(&arena);
}

static void a_short_vectors_file_is_named(void **state)
{
    (void)state;
    struct err err;
    struct index *index;
    const char *path = scratch_path("short.dip");
    make(path, 5);
    assert_int_equal(truncate(in_folder(path, "vectors.f16"), 4 * 16 - 1), 0);
    assert_err(index_open(&index, path, INDEX_READ, NULL, &err), ERR_FORMAT,
        "short.dip/vectors.f16' is truncated: 63 bytes, and its 5 rows take 80");
    assert_err(index_open(&index, path, INDEX_WRITE, NULL, &err), ERR_FORMAT, "truncated");
    int64_t defects;
    char *text = verify_text(path, &defects);
    assert_int_equal(defects, 3); /* the file, and rows 3 and 4 */
    assert_non_null(strstr(text, "truncated"));
    assert_non_null(strstr(text, "ends before row 3 (item 4)"));
    free(text);
    assert_int_equal(unlink(in_folder(path, "vectors.f16")), 0);
    assert_err(index_open(&index, path, INDEX_READ, NULL, &err), ERR_FORMAT, "which is missing");
    assert_err(index_open(&index, path, INDEX_WRITE, NULL, &err), ERR_IO, "vectors.f16");
}

/* Statements that another tool might run on the catalog. */
static void tamper(const char *path, const char *sql)
{
    sqlite3 *db;
    char *problem = NULL;
    assert_int_equal(sqlite3_open(in_folder(path, "catalog.sqlite"), &db), SQLITE_OK);
    sqlite3_exec(db, sql, NULL, NULL, &problem);
    if (problem)
        fail_msg("%s", problem);
    sqlite3_close(db);
}

static void verify_finds_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *defect;
    } cases[] = {
        {"UPDATE items SET row = 50 WHERE id = 10", "item 10 in row 50 of 10"},
        {"UPDATE items SET row = -1 WHERE id = 10", "item 10 in row -1 of 10"},
        {"DELETE FROM items WHERE id IN (8, 9); UPDATE items SET row = 8 WHERE id = 7;"
         "UPDATE items SET row = 6 WHERE id = 10; UPDATE meta SET images = 8",
            "item 10 in row 6, not behind row 8"},
        {"DELETE FROM items WHERE id = 4", "counts 10 images and 0 texts and has 9 and 0"},
        {"UPDATE items SET kind = 'text' WHERE id = 4", "counts 10 images and 0 texts and has 9 and 1"},
        {"DROP TRIGGER items_changed; UPDATE items SET caption = 'other' WHERE id = 4",
            "words that are not those of its captions and paths"},
        {"UPDATE items SET crc = crc + 1 WHERE id = 4", "row 3 (item 4) does not match"},
        {"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = 'CREATE INDEX items_picture ON"
         " items(caption) WHERE caption IS NOT NULL' WHERE name = 'items_picture'",
            "damaged: row 1 missing from index items_picture"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch_path("tampered.dip");
        int64_t defects;
        make(path, 10);
        tamper(path, cases[i].sql);
        char *text = verify_text(path, &defects);
        if (!defects || !strstr(text, cases[i].defect))
            fail_msg("%s: %s", cases[i].sql, text);
        free(text);
    }
}

static void verify_finds_files_left_over(void **state)
{
    (void)state;
    const char *path = scratch_path("left.dip");
    int64_t defects;
    make(path, 3);
    close(open(in_folder(path, "vectors-2.f16"), O_CREAT | O_WRONLY, 0666));
    close(open(in_folder(path, "catalog.sqlite.new-journal"), O_CREAT | O_WRONLY, 0666));
    close(open(in_folder(path, "coarse.i8.new"), O_CREAT | O_WRONLY, 0666));
    close(open(in_folder(path, "vectors.txt"), O_CREAT | O_WRONLY, 0666)); /* somebody's notes */
    char *text = verify_text(path, &defects);
    assert_int_equal(defects, 3);
    free(text);
    index_free(open_as(path, INDEX_WRITE));
    verify_clean(path);
    assert_true(file_exists(in_folder(path, "vectors.txt")));
    assert_false(file_exists(in_folder(path, "vectors-2.f16")));
    assert_false(file_exists(in_folder(path, "coarse.i8.new")));
}

static void a_damaged_catalog_is_an_error(void **state)
{
    (void)state;
    struct err err;
    struct index *index;
    int64_t defects;
    const char *path = scratch_path("catalog.dip");
    static const struct {
        const char *sql, *message;
        enum err_code code;
    } cases[] = {
        {"PRAGMA application_id = 1", "is not the catalog of an index", ERR_FORMAT},
        {"PRAGMA user_version = 999",
            "has format version 999, of a later program: this one knows formats up to ", ERR_UNSUPPORTED},
        {"PRAGMA user_version = 0", "has format version 0, which there never was", ERR_FORMAT},
        {"DELETE FROM meta", "does not say what it indexes", ERR_FORMAT},
        {"DROP TABLE meta", "no such table: meta", ERR_FORMAT},
        {"UPDATE meta SET storage = '../x'", "has storage '../x'", ERR_FORMAT},
        {"UPDATE meta SET width = 0", "has width 0", ERR_FORMAT},
        {"UPDATE meta SET width = -1", "has width -1", ERR_FORMAT},
        {"UPDATE meta SET rows = 9223372036854775807", "more than a file can have", ERR_FORMAT},
        {"UPDATE meta SET rows = -3", "in -3 rows", ERR_FORMAT},
        {"UPDATE meta SET rows = 4", "counts 5 images", ERR_FORMAT},
        {"UPDATE meta SET rows = 6", "truncated", ERR_FORMAT},
        {"UPDATE meta SET generation = 4", "names vectors file 4, which is missing", ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scratch_path("catalog.dip");
        make(path, 5);
        tamper(path, cases[i].sql);
        assert_err(index_open(&index, path, INDEX_READ, NULL, &err), cases[i].code, cases[i].message);
    }

    /* Bytes that are no database, none at all, and each page of a good one overwritten. */
    const char *catalog = in_folder(path, "catalog.sqlite");
    FILE *file = fopen(catalog, "wb");
    for (int i = 0; i < 5000; i++)
        fputc(i * 7, file);
    fclose(file);
    assert_err(index_open(&index, path, INDEX_READ, NULL, &err), ERR_FORMAT, "not a database");
    assert_err(index_verify(&defects, path, NULL, &err), ERR_FORMAT, "not a database");
    assert_int_equal(truncate(catalog, 0), 0);
    assert_err(index_open(&index, path, INDEX_WRITE, NULL, &err), ERR_FORMAT, "not the catalog of an index");
    assert_int_equal(unlink(catalog), 0);
    assert_err(index_open(&index, path, INDEX_READ, NULL, &err), ERR_IO, "is not an index");
    assert_err(index_open(&index, "/nonexistent.dip", INDEX_WRITE, NULL, &err), ERR_IO, "is not an index");
}

static int ignore_item(void *context, const struct index_item *item)
{
    (void)context;
    (void)item;
    return 0;
}

/* Uses all there is to use of an index whose catalog may be nonsense. */
static int use(const char *path)
{
    struct err err;
    struct index *index;
    struct index_rows rows;
    int64_t defects;
    int failed = index_verify(&defects, path, NULL, &err) || defects;
    if (index_open(&index, path, INDEX_READ, NULL, &err))
        return 1;
    failed |= index_each(index, NULL, ignore_item, NULL, &err);
    if (index_rows(&rows, index, &(struct index_filter){.match = "n3", .where = "width > 0"}, &err))
        failed = 1;
    else
        index_rows_release(&rows);
    index_free(index);
    return failed;
}

static void no_page_of_garbage_crashes_it(void **state)
{
    (void)state;
    enum { PAGE = 4096 };
    const char *path = scratch_path("pages.dip");
    make(path, 60);
    char *catalog = strdup(in_folder(path, "catalog.sqlite"));
    char *bytes;
    size_t size;
    assert_int_equal(file_read(&bytes, &size, catalog, SIZE_MAX, NULL), 0);
    assert_int_equal(use(path), 0);
    int found = 0;
    for (size_t page = 0; page < size / PAGE; page++) {
        const int fd = open(catalog, O_WRONLY);
        char garbage[PAGE];
        for (size_t i = 0; i < PAGE; i++)
            garbage[i] = (char)(bytes[page * PAGE + i] ^ (i * 31 % 7 == 0 ? 0x55 : 0));
        assert_int_equal(pwrite(fd, garbage, PAGE, (off_t)(page * PAGE)), PAGE);
        found += use(path);
        assert_int_equal(pwrite(fd, bytes + page * PAGE, PAGE, (off_t)(page * PAGE)), PAGE);
        close(fd);
    }
    assert_true(found > (int)(size / PAGE) * 3 / 4); /* the others are free or hold slack */
    assert_int_equal(use(path), 0);
    free(bytes);
    free(catalog);
}

/* ---- full disks ---------------------------------------------------------------------------------------- */

/* Adds until it fails, which it must with this message, and finds the last committed state. */
static void fill(const char *path, size_t width, const char *message)
{
    struct err err = {0};
    struct index *index;
    const struct index_options options = {"m", "f", width, INDEX_F32, NULL};
    check(!index_create(&index, path, &options, &err));
    float *vectors = calloc(10 * width, sizeof *vectors);
    struct index_item items[10];
    int64_t committed = 0;
    int rc = 0;
    bool committing = false;
    for (int i = 0; !rc && i < 100000; i++) {
        for (size_t k = 0; k < 10; k++)
            items[k] = (struct index_item){.kind = INDEX_TEXT, .caption = "the same words again and again"};
        rc = index_add(index, items, vectors, 10, &err);
        committing = !rc;
        if (!rc)
            rc = index_commit(index, &err);
        if (!rc)
            committed = index_info(index).texts;
    }
    check(rc == ERR_IO && said(&err, message) && said(&err, "the index stays as it was last committed"));
    check(committed > 0 && index_info(index).texts == committed && index_info(index).rows == committed);
    /* A failed commit may have been kept all the same: only a new opening can tell. */
    rc = index_add(index, items, vectors, 1, &err);
    check(!committing || (rc == ERR_IO && said(&err, "a commit failed")));
    check(committing == (width == 1));
    index_free(index);
    free(vectors);

    int64_t defects = 0;
    check(!index_open(&index, path, INDEX_READ, NULL, &err));
    check(index_info(index).texts == committed);
    index_free(index);
    check(!index_verify(&defects, path, NULL, &err) && !defects);
}

static void hit_the_file_size_limit(const char *path)
{
    signal(SIGXFSZ, SIG_IGN);
    struct err err = {0};
    struct rlimit limit = {1 << 20, RLIM_INFINITY};
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    fill(path, 4096, "vectors.f32': File too large");
    char other[4200];
    snprintf(other, sizeof other, "%s-2", path);
    fill(other, 1, "catalog.sqlite': ");
}

static void fill_a_small_file_system(const char *path)
{
    struct err err = {0};
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mkdir(path, 0777) ||
        mount(
            "diptych", path, "tmpfs", 0, "size=8m")) { /* three batches of rows, and room for their catalog */
        fprintf(stderr, "no file system may be mounted here: skipped\n");
        return;
    }
    char index[4200];
    snprintf(index, sizeof index, "%s/wide.dip", path);
    fill(index, 65536, "vectors.f32': No space left on device");
    check(!umount(path) && !mount("diptych", path, "tmpfs", 0, "size=2m"));
    snprintf(index, sizeof index, "%s/narrow.dip", path);
    fill(index, 1, "catalog.sqlite': database or disk is full");
}

static void a_full_disk_leaves_the_last_committed_state(void **state)
{
    (void)state;
    scratch_path("limit.dip-2");
    in_child(hit_the_file_size_limit, scratch_path("limit.dip"));
    in_child(fill_a_small_file_system, scratch_path("full"));
}

/* ---- without the right to write ------------------------------------------------------------------------ */

static void become_nobody(void)
{
    struct err err = {0};
    check(getuid() || (!setgid(65534) && !setuid(65534)));
}

static void check_readable(const char *path, int64_t images)
{
    struct err err = {0};
    struct index *index;
    struct index_rows rows;
    int64_t defects;
    check(!index_open(&index, path, INDEX_READ, NULL, &err));
    check(index_info(index).images == images);
    check(!index_rows(&rows, index, &(struct index_filter){.match = "n2"}, &err));
    check(rows.chosen == 1);
    index_rows_release(&rows);
    index_free(index);
    check(!index_verify(&defects, path, NULL, &err) && !defects);
    check(index_open(&index, path, INDEX_WRITE, NULL, &err) == ERR_IO && said(&err, "unable to change"));
}

static void read_without_writing(const char *path)
{
    become_nobody();
    check_readable(path, 5);
}

/* Dies with a log that holds a commit and no checkpoint. */
static void leave_a_log(const char *path)
{
    struct err err = {0};
    struct index *index;
    check(!index_open(&index, path, INDEX_WRITE, NULL, &err));
    add_picture(index, 5);
    check(!index_commit(index, &err));
}

static void read_behind_a_dead_writer(const char *path)
{
    become_nobody();
    check_readable(path, 6);
}

static void fail_to_read_the_log(const char *path)
{
    struct err err = {0};
    struct index *index;
    become_nobody();
    check(index_open(&index, path, INDEX_READ, NULL, &err) == ERR_IO);
    check(said(&err, "an interrupted change must be finished by a user with the right to write"));
}

/* A reader with no locks to share notices the writer that the parent then is. */
static void read_unguarded(const char *path)
{
    struct err err = {0};
    struct index *index;
    struct index_item item;
    struct arena arena = {0};
    int ready[2], changed[2];
    char byte = 0;
    check(!pipe(ready) && !pipe(changed));
    const pid_t writer = fork();
    if (!writer) {
        check(read(ready[0], &byte, 1) == 1 && !index_open(&index, path, INDEX_WRITE, NULL, &err));
        add_picture(index, 8);
        check(!index_commit(index, &err) && write(changed[1], &byte, 1) == 1);
        _exit(0);
    }
    become_nobody();
    check_readable(path, 6);
    check(!index_open(&index, path, INDEX_READ, NULL, &err));
    check(!index_get(&item, index, 2, &arena, &err));
    check(write(ready[1], &byte, 1) == 1 && read(changed[0], &byte, 1) == 1);
    check(index_get(&item, index, 2, &arena, &err) == ERR_IO && said(&err, "it was changed since"));
    check(!index_refresh(index, &err) && index_info(index).images == 7); /* the locks are there now */
    check(!index_get(&item, index, 2, &arena, &err));
    index_free(index);
    arena_release(&arena);
    waitpid(writer, NULL, 0);
}

static void a_read_only_folder_is_read(void **state)
{
    (void)state;
    /* Not in the build folder, which others may have no way into. */
    char folder[] = "/tmp/diptych-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0755), 0);
    snprintf(path, sizeof path, "%s/ro.dip", folder);
    umask(022);
    make(path, 5);
    assert_true(file_exists(in_folder(path, "catalog.sqlite-wal"))); /* where readers find the locks */
    assert_true(file_exists(in_folder(path, "catalog.sqlite-shm")));
    assert_int_equal(chmod(path, 0555), 0);
    if (getuid()) {
        print_message("not root: only the folder itself cannot be written\n");
        in_child(read_without_writing, path);
    } else {
        in_child(read_without_writing, path);
        in_child(leave_a_log, path);
        in_child(read_behind_a_dead_writer, path);
        unlink(in_folder(path, "catalog.sqlite-shm"));
        in_child(fail_to_read_the_log, path);
        index_free(open_as(path, INDEX_WRITE)); /* takes the log in */
        unlink(in_folder(path, "catalog.sqlite-wal"));
        unlink(in_folder(path, "catalog.sqlite-shm"));
        in_child(read_unguarded, path);
    }
    chmod(path, 0755);
    remove_tree(folder);
}

/* Not even root may write here. */
static void read_a_read_only_medium(const char *path)
{
    struct err err = {0};
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mkdir(path, 0777) ||
        mount(
            "diptych", path, "tmpfs", 0, "size=8m")) { /* three batches of rows, and room for their catalog */
        fprintf(stderr, "no file system may be mounted here: skipped\n");
        return;
    }
    char index[4200];
    snprintf(index, sizeof index, "%s/ro.dip", path);
    make(index, 5);
    check(ends_well(leave_a_log, index));
    check(!mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL));
    check_readable(index, 6);
    check(!mount(NULL, path, NULL, MS_REMOUNT, NULL));
    index_free(open_as(index, INDEX_WRITE));
    check(!unlink(in_folder(index, "catalog.sqlite-wal")) && !unlink(in_folder(index, "catalog.sqlite-shm")));
    check(!mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL));
    check_readable(index, 6);
}

static void a_read_only_medium_is_read(void **state)
{
    (void)state;
    in_child(read_a_read_only_medium, scratch_path("medium"));
}

static void a_folder_of_others_is_left_alone(void **state)
{
    (void)state;
    struct err err;
    struct index *index;
    const char *path = scratch_path("pictures");
    assert_int_equal(mkdir(path, 0777), 0);
    close(open(in_folder(path, "cat.png"), O_CREAT | O_WRONLY, 0666));
    assert_err(index_create(&index, path, &small, &err), ERR_ARGUMENT, "the folder has 'cat.png' in it");
    assert_false(file_exists(in_folder(path, "lock")));
    assert_err(index_create(&index, in_folder(path, "cat.png"), &small, &err), ERR_IO, "Not a directory");
    assert_err(index_create(&index, "/nonexistent/x.dip", &small, &err), ERR_IO, "unable to make");
    const struct index_options wide = {"m", "f", 65537, INDEX_F16, NULL},
                               none = {"m", "f", 0, INDEX_F16, NULL};
    assert_err(index_create(&index, path, &wide, &err), ERR_ARGUMENT, "width 65537");
    assert_err(index_create(&index, path, &none, &err), ERR_ARGUMENT, "width 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_writer_is_refused_with_the_firsts_pid),
        cmocka_unit_test(a_dead_writer_holds_nothing),
        cmocka_unit_test(a_reader_sees_one_state_until_it_refreshes),
        cmocka_unit_test(no_flipped_bit_is_returned),
        cmocka_unit_test(a_short_vectors_file_is_named),
        cmocka_unit_test(verify_finds_what_does_not_fit),
        cmocka_unit_test(verify_finds_files_left_over),
        cmocka_unit_test(a_damaged_catalog_is_an_error),
        cmocka_unit_test(no_page_of_garbage_crashes_it),
        cmocka_unit_test(a_full_disk_leaves_the_last_committed_state),
        cmocka_unit_test(a_read_only_folder_is_read),
        cmocka_unit_test(a_read_only_medium_is_read),
        cmocka_unit_test(a_folder_of_others_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
