// SPDX-License-Identifier: Apache-2.0
/* Parts of an index joined: nothing but what one index of all would have, or nothing at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARTS = 3, MANY = 18000 /* more than an index has codes for */ };

static const struct index_options small = {"tiny", "f00d", 8, INDEX_F16, "model"};
static struct err err;

/* ---- making -------------------------------------------------------------------------------------------- */

/* What a sync of pictures [from, to) would put in. The folder of captions lies across all parts. */
static void fill(struct index *index, int64_t from, int64_t to)
{
    assert_ok(index_source_add(index, "pictures", "/all", &err));
    assert_ok(index_source_keep_rules(index, "pictures", "/all", "exclude raw", &err));
    for (int64_t i = from; i < to; i++)
        add_picture(index, (uint64_t)i);
    char path[64];
    for (int64_t i = (from + 999) / 1000 * 1000; i < to; i += 1000) {
        snprintf(path, sizeof path, "/all/%05" PRId64, i);
        assert_ok(index_failure_keep(index,
            &(struct index_failure){.path = path, .size = i, .mtime_ns = 7, .why = "it is broken"}, &err));
        assert_ok(index_passed_over_keep(index,
            &(struct index_passed_over){.path = path, .size = i, .mtime_ns = 8, .kind = "text"}, &err));
        const struct index_container archive = {.path = path, .stamp = i, .pictures = 3};
        assert_ok(index_container_keep(index, &archive, &err));
    }
    const struct index_container folder = {.path = "/all", .stamp = 5, .pictures = to - from};
    assert_ok(index_container_keep(index, &folder, &err));
    assert_ok(index_commit(index, &err));
    assert_ok(index_prepare(index, NULL, &err));
}

static struct index_part part_of(size_t number, size_t from, size_t to, size_t inputs)
{
    struct index_part part = {.number = number,
        .count = PARTS,
        .inputs = inputs,
        .from = from,
        .to = to,
        .failed = 1,
        .precision = "f32"};
    hash_bytes(part.inputs_hash, "inputs", 6);
    hash_bytes(part.named_hash, "named", 5);
    return part;
}

static void make_part(
    const char *path, const struct index_part *part, const struct index_options *options, struct err *why)
{
    struct index *index;
    char work[4096];
    snprintf(work, sizeof work, "%s", scratch_path("work.dip"));
    assert_ok(index_create(&index, work, options, &err));
    fill(index, (int64_t)part->from, (int64_t)part->to);
    const int rc = index_part_publish(index, path, part, NULL, why);
    assert_int_equal(rc, why->code);
    index_free(index);
}

static const char *const names[PARTS] = {"p-0.dip", "p-1.dip", "p-2.dip"};
static const size_t cuts[PARTS + 1] = {0, 3, 3, 10}; /* one has nothing */
static char paths[PARTS][4096];
static char *all[PARTS];

static void path_of(char out[4096], const char *name)
{
    snprintf(out, 4096, "%s", scratch_path(name));
}

static void make_small(size_t i)
{
    struct err why = {0};
    const struct index_part part = part_of(i, cuts[i], cuts[i + 1], cuts[PARTS]);
    path_of(paths[i], names[i]);
    all[i] = paths[i];
    make_part(paths[i], &part, &small, &why);
}

static int make_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < PARTS; i++)
        make_small(i);
    return 0;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

/* All tables but those that SQLite keeps words in, in the order of their columns. */
static char *dump(const char *index)
{
    static const char *const tables[] = {"meta ORDER BY 1", "sources ORDER BY 1, 2", "items ORDER BY 1",
        "removed ORDER BY 1, 2", "failures ORDER BY 1", "containers ORDER BY 1", "passed_over ORDER BY 1",
        "sqlite_sequence ORDER BY 1", "items_fts('png') ORDER BY rowid"};
    char path[4200], *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/catalog.sqlite", index);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        char sql[128];
        sqlite3_stmt *stmt;
        snprintf(sql, sizeof sql, "SELECT * FROM %s", tables[t]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            fprintf(out, "\n%s", tables[t]);
            for (int c = 0; c < sqlite3_column_count(stmt); c++)
                fprintf(out, "|%s",
                    sqlite3_column_text(stmt, c) ? (const char *)sqlite3_column_text(stmt, c) : "NULL");
        }
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
    fclose(out);
    return text;
}

static void expect_same_file(const char *a, const char *b, const char *name)
{
    char path[4200], first[HASH_SIZE], second[HASH_SIZE];
    snprintf(path, sizeof path, "%s/%s", a, name);
    assert_ok(hash_file(first, path, &err));
    snprintf(path, sizeof path, "%s/%s", b, name);
    assert_ok(hash_file(second, path, &err));
    assert_string_equal(first, second);
}

static void expect_same(const char *a, const char *b)
{
    char *first = dump(a), *second = dump(b);
    assert_string_equal(first, second);
    free(first);
    free(second);
    expect_same_file(a, b, "vectors.f16");
    verify_clean(a);
}

/* The catalog is one with a log by its header, and the log is not there yet. */
static void expect_log(const char *index)
{
    static const char *const beside[] = {"-wal", "-shm", "-journal"};
    enum { WRITE_VERSION = 18, READ_VERSION, LOG = 2 };
    char path[4200], *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/catalog.sqlite", index);
    assert_ok(file_read(&bytes, &size, path, 1 << 24, &err));
    assert_int_equal(bytes[WRITE_VERSION], LOG);
    assert_int_equal(bytes[READ_VERSION], LOG);
    free(bytes);
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        snprintf(path, sizeof path, "%s/catalog.sqlite%s", index, beside[i]);
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

static void parts_make_the_index_of_one_run(void **state)
{
    (void)state;
    struct index *index, *reader;
    struct index_merged merged;
    char whole[4096], joined[4096];
    path_of(whole, "whole.dip");
    path_of(joined, "joined.dip");
    assert_ok(index_create(&index, whole, &small, &err));
    fill(index, 0, 10);
    index_free(index);
    assert_ok(index_merge(&merged, joined, all, PARTS, NULL, &err));
    assert_int_equal(merged.images, 10);
    assert_int_equal(merged.failed, PARTS);
    expect_log(joined);
    expect_same(whole, joined);

    /* And it is an index as any: a writer adds to it, whoever reads it. */
    assert_ok(index_open(&reader, joined, INDEX_READ, "f00d", &err));
    assert_ok(index_open(&index, joined, INDEX_WRITE, "f00d", &err));
    add_picture(index, 77);
    assert_int_equal(find_picture(index, 77, 77).id, 11);
    assert_ok(index_commit(index, &err));
    index_free(index);
    assert_int_equal(index_info(reader).rows, 10);
    assert_ok(index_refresh(reader, &err));
    assert_int_equal(index_info(reader).rows, 11);
    index_free(reader);
    verify_clean(joined);
}

/* At cuts that are none of the codes' blocks. */
static void codes_are_those_of_one_run(void **state)
{
    (void)state;
    static const size_t many[PARTS + 1] = {0, 7000, 17000, MANY};
    struct index *index;
    struct index_merged merged;
    struct err why = {0};
    char whole[4096], joined[4096], part_paths[PARTS][4096];
    char *parts[PARTS];
    path_of(whole, "many.dip");
    path_of(joined, "many-joined.dip");
    assert_ok(index_create(&index, whole, &small, &err));
    fill(index, 0, MANY);
    index_free(index);
    for (size_t i = 0; i < PARTS; i++) {
        const struct index_part part = part_of(i, many[i], many[i + 1], MANY);
        char name[32];
        snprintf(name, sizeof name, "many-%zu.dip", i);
        path_of(part_paths[i], name);
        parts[PARTS - 1 - i] = part_paths[i]; /* whatever order they are named in */
        make_part(part_paths[i], &part, &small, &why);
    }
    assert_ok(index_merge(&merged, joined, parts, PARTS, NULL, &err));
    expect_same(whole, joined);
    expect_same_file(whole, joined, "coarse.i8");
}

/* ---- refusing ------------------------------------------------------------------------------------------ */

/* No index is made, and nothing is left of the attempt. */
static void refuse(char *const *parts, size_t count, enum err_code code, const char *text)
{
    struct index_merged merged;
    char joined[4096], pattern[4200];
    glob_t found;
    path_of(joined, "refused.dip");
    assert_err(index_merge(&merged, joined, parts, count, NULL, &err), code, text);
    snprintf(pattern, sizeof pattern, "%s*", joined);
    assert_int_equal(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
}

static void wrong_numbers_are_named(void **state)
{
    (void)state;
    char *two[] = {all[0], all[2]}, *twice[] = {all[0], all[2], all[1], all[2]},
         *none[] = {all[0], "nowhere"};
    refuse(two, 2, ERR_ARGUMENT, "shard 1 of 3 is missing");
    refuse(two, 1, ERR_ARGUMENT, "shard 1 of 3 is missing, and others");
    refuse(twice, 4, ERR_ARGUMENT, "are both shard 2 of 3");
    refuse(none, 2, ERR_NOT_FOUND, "'nowhere' is no shard of an index");
    struct index_merged merged;
    assert_err(index_merge(&merged, all[0], all, PARTS, NULL, &err), ERR_ARGUMENT, "it is an index already");
}

static void parts_of_others_are_named(void **state)
{
    (void)state;
    struct index_options other[4] = {small, small, small, small};
    static const char *const says[] = {
        "another model made it", "elements, not 8", "as f32, not as f16", "prepared in another way"};
    other[0].fingerprint = "beef";
    other[1].width = 16;
    other[2].storage = INDEX_F32;
    other[3].preparation = "white";
    struct index_part part = part_of(2, 3, 10, 10);
    char path[4096];
    char *parts[] = {all[0], all[1], path};
    struct err why = {0};
    for (size_t i = 0; i < 4; i++) {
        path_of(path, "other.dip");
        struct index *index;
        char work[4096];
        path_of(work, "work.dip");
        assert_ok(index_create(&index, work, &other[i], &err));
        assert_ok(index_part_publish(index, path, &part, NULL, &err));
        index_free(index);
        refuse(parts, PARTS, ERR_ARGUMENT, says[i]);
        assert_non_null(strstr(err.msg, "shard 2 ('"));
    }
    path_of(path, "other.dip");
    part.count = 4;
    make_part(path, &part, &small, &why);
    refuse(parts, PARTS, ERR_ARGUMENT, "one of 4 shards, not of 3");
    path_of(path, "other.dip");
    part.count = PARTS;
    hash_bytes(part.inputs_hash, "else", 4);
    make_part(path, &part, &small, &why);
    refuse(parts, PARTS, ERR_ARGUMENT, "its list of inputs is another");
    path_of(path, "other.dip");
    part = part_of(2, 4, 10, 10);
    make_part(path, &part, &small, &why);
    refuse(parts, PARTS, ERR_FORMAT, "has not the stretch of inputs");
}

static void damaged_parts_are_named(void **state)
{
    (void)state;
    char path[4200];
    snprintf(path, sizeof path, "%s/vectors.f16", paths[2]);
    assert_int_equal(truncate(path, 50), 0);
    refuse(all, PARTS, ERR_FORMAT, "shard 2 of 3: ");
    assert_non_null(strstr(err.msg, "vectors.f16' has 50 bytes, and had 112"));
    remove_tree(paths[2]);
    make_small(2);
    snprintf(path, sizeof path, "%s/catalog.sqlite", paths[2]);
    const int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 5000), 1);
    close(fd);
    refuse(all, PARTS, ERR_FORMAT, "catalog.sqlite' is not as it was made");
    assert_int_equal(unlink(path), 0);
    refuse(all, PARTS, ERR_IO, "No such file");
    snprintf(path, sizeof path, "%s/shard.json", paths[2]);
    assert_int_equal(truncate(path, 20), 0);
    refuse(all, PARTS, ERR_FORMAT, "shard.json");
    remove_tree(paths[2]);
    make_small(2);
}

/* ---- publishing ---------------------------------------------------------------------------------------- */

static void a_part_is_there_once(void **state)
{
    (void)state;
    struct err why = {.code = ERR_IO};
    const struct index_part part = part_of(0, 0, 3, 10);
    char before[HASH_SIZE], after[HASH_SIZE], manifest[4200], left[4200];
    glob_t found;
    snprintf(manifest, sizeof manifest, "%s/shard.json", paths[0]);
    assert_ok(hash_file(before, manifest, &err));
    make_part(paths[0], &part, &small, &why);
    assert_ok(hash_file(after, manifest, &err));
    assert_string_equal(before, after);
    snprintf(left, sizeof left, "%s.tmp-*", paths[0]);
    assert_int_equal(glob(left, 0, NULL, &found), GLOB_NOMATCH);

    /* What a killed one has left goes with the next that is whole; its log is in the catalog. */
    remove_tree(paths[0]);
    snprintf(left, sizeof left, "%s.tmp-0123456789abcdef", paths[0]);
    assert_int_equal(mkdir(left, 0777), 0);
    make_small(0);
    assert_int_not_equal(access(left, F_OK), 0);
    snprintf(left, sizeof left, "%s/catalog.sqlite-wal", paths[0]);
    assert_int_not_equal(access(left, F_OK), 0);
    verify_clean(paths[0]);
}

static void names_tell_parts(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(index_part_path(&arena, "a/b.dip/", 3, 8, &err), "a/b-00003-of-00008.dip");
    assert_string_equal(index_part_path(&arena, "b", 0, 100000, &err), "b-00000-of-100000.dip");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_make_the_index_of_one_run),
        cmocka_unit_test(codes_are_those_of_one_run),
        cmocka_unit_test(wrong_numbers_are_named),
        cmocka_unit_test(parts_of_others_are_named),
        cmocka_unit_test(damaged_parts_are_named),
        cmocka_unit_test(a_part_is_there_once),
        cmocka_unit_test(names_tell_parts),
    };
    return cmocka_run_group_tests(tests, make_all, NULL);
}
