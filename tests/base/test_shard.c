// SPDX-License-Identifier: Apache-2.0
/* Archives as libarchive writes them, whole, damaged and cut. */
#include "base/shard.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/shard_writer.h"

enum { MEMBERS = 200, LIMIT = 1 << 20, TIME = 1700000000 };

static const char *const kinds[] = {
    "all.tar", "all.tar.gz", "all.tar.zst", "all.tar.xz", "all.zip", "all.stored.zip"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const char *in_scratch(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", DIPTYCH_SCRATCH, name);
    return path;
}

/* Of the offsets of its members: where they lie as they are, or deflated, or none. */
static int sign_of(const char *kind)
{
    return !strcmp(kind, "all.tar") || !strcmp(kind, "all.stored.zip") ? 1 : -!strcmp(kind, "all.zip");
}

/* Member i: its size and its bytes, which zlib makes nothing of. */
static size_t fill(char bytes[4096], size_t i)
{
    const size_t size = 1 + random_at(1, i) % 4095;
    for (size_t at = 0; at < size; at++)
        bytes[at] = (char)random_at(i + 2, at);
    return size;
}

static void write_all(const char *kind)
{
    char bytes[4096], name[64];
    struct archive *archive = shard_writer_open(in_scratch(kind));
    assert_non_null(archive);
    for (size_t i = 0; i < MEMBERS; i++) {
        snprintf(name, sizeof name, "./%09zu.jpg", i);
        const size_t size = fill(bytes, i);
        assert_int_equal(shard_writer_add(archive, name, bytes, size, TIME + (time_t)i), 0);
    }
    assert_int_equal(shard_writer_close(archive), 0);
}

static int make(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++)
        write_all(kinds[k]);
    return 0;
}

/* ---- names --------------------------------------------------------------------------------------------- */

static void archives_and_members_are_told_by_their_names(void **state)
{
    (void)state;
    assert_true(
        shard_named("a.tar") && shard_named("b/A.TAR.GZ") && shard_named("c.tgz") && shard_named("d.zip"));
    assert_false(
        shard_named("a.tar.jpg") || shard_named(".tar") || shard_named("tar") || shard_named("a.gz"));
    assert_int_equal(member_shard("x/a.tar!/b.jpg"), 7);
    assert_int_equal(member_shard("x!/a.zip!/b!/c.jpg"), 8);
    assert_int_equal(member_shard("a.tar!/b.zip!/c.jpg"), 5); /* no archive in an archive */
    assert_int_equal(member_shard("a.tar!/"), 0);
    assert_int_equal(member_shard("a.tar/b.jpg"), 0);
    assert_int_equal(member_shard("wow!/b.jpg"), 0);
    struct arena arena = {0};
    assert_string_equal(member_path(&arena, "x/a.tar", "d/b.jpg", NULL), "x/a.tar!/d/b.jpg");
    arena_release(&arena);
}

static void expect_paths(const char *pattern, const char *expected)
{
    struct strings paths = {0};
    char all[512] = "";
    assert_int_equal(braces_expand(&paths, pattern, NULL), 0);
    for (size_t i = 0; i < paths.count; i++) {
        strcat(all, i ? " " : "");
        strcat(all, paths.items[i]);
    }
    assert_string_equal(all, expected);
    strings_release(&paths);
}

static void braces_are_expanded(void **state)
{
    (void)state;
    expect_paths("s/{00008..00011}.tar", "s/00008.tar s/00009.tar s/00010.tar s/00011.tar");
    expect_paths("{8..11}", "8 9 10 11");
    expect_paths("{08..6}", "08 07 06");
    expect_paths("{a,b}/{0..1}.tar", "a/0.tar a/1.tar b/0.tar b/1.tar");
    expect_paths("x{,.old}", "x x.old");
    expect_paths("{a}.tar", "{a}.tar"); /* as the shell */
    expect_paths("{0..}{..1}{a..c}{", "{0..}{..1}{a..c}{");
    expect_paths("{{1,2}}", "{1} {2}");
    struct strings paths = {0};
    struct err err;
    assert_int_equal(braces_expand(&paths, "{0..999}{0..999}{0..9}", &err), ERR_LIMIT);
    strings_release(&paths);

    FILE *file = fopen(in_scratch("{1,2}.tar"), "w");
    assert_int_equal(fclose(file), 0);
    char path[512];
    strcpy(path, in_scratch("{1,2}.tar"));
    expect_paths(path, path);
    unlink(path);
}

/* ---- whole --------------------------------------------------------------------------------------------- */

static void expect_entry(struct shard *shard, size_t i, int sign, const char *path)
{
    struct shard_entry entry;
    struct span bytes;
    char expected[4096], name[64], *at_place;
    size_t size;
    bool found;
    assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
    assert_true(found);
    snprintf(name, sizeof name, "%09zu.jpg", i);
    assert_string_equal(entry.name, name);
    assert_null(entry.why);
    assert_int_equal(entry.member.number, i);
    assert_int_equal(entry.member.size, fill(expected, i));
    assert_int_equal(entry.member.mtime_ns, (TIME + (int64_t)i) * 1000000000);
    assert_int_equal((entry.member.offset > 0) - (entry.member.offset < 0), sign);
    assert_int_equal(shard_bytes(&bytes, shard, (size_t)entry.member.size - 1, NULL), ERR_LIMIT);
    for (size_t head = 1; i % 2 && head < 10000; head *= 11) { /* of every second one */
        assert_int_equal(shard_head(&bytes, shard, head, NULL), 0);
        assert_int_equal(bytes.length, head < (size_t)entry.member.size ? head : (size_t)entry.member.size);
        assert_memory_equal(bytes.data, expected, bytes.length);
    }
    assert_int_equal(shard_bytes(&bytes, shard, LIMIT, NULL), 0);
    assert_int_equal(bytes.length, entry.member.size);
    assert_memory_equal(bytes.data, expected, bytes.length);
    if (!sign)
        return;
    assert_int_equal(shard_stream_read(&at_place, &size, NULL, path, &entry.member, LIMIT, NULL), 0);
    assert_int_equal(size, bytes.length);
    assert_memory_equal(at_place, expected, size);
    free(at_place);
}

static void members_come_in_order(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct shard *shard;
        struct shard_entry entry;
        struct arena arena = {0};
        bool found;
        const char *path = member_path(&arena, in_scratch(kinds[k]), "any", NULL);
        assert_int_equal(shard_open(&shard, in_scratch(kinds[k]), NULL), 0);
        for (size_t i = 0; i < MEMBERS; i++)
            expect_entry(shard, i, sign_of(kinds[k]), path);
        assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
        assert_false(found);
        shard_close(shard);
        arena_release(&arena);
    }
}

/* ---- many threads -------------------------------------------------------------------------------------- */

struct reading {
    struct shard_stream *stream;
    const char *path;
    const size_t *order; // (count)
    size_t count;
    bool wrong[MEMBERS];
};

static void read_one(void *context, size_t i)
{
    struct reading *reading = context;
    const struct member member = {.size = -1, .number = reading->order[i]};
    char expected[4096], *bytes = NULL;
    size_t size = 0;
    const size_t wanted = fill(expected, member.number);
    const int rc = shard_stream_read(&bytes, &size, reading->stream, reading->path, &member, LIMIT, NULL);
    reading->wrong[i] = rc || size != wanted || memcmp(bytes, expected, size) != 0;
    free(bytes);
}

static void read_in(struct reading *reading, int threads)
{
    parallel_for(reading->count, threads, read_one, reading);
    for (size_t i = 0; i < reading->count; i++)
        assert_false(reading->wrong[i]);
}

static void members_are_read_by_many_threads_and_in_any_order(void **state)
{
    (void)state;
    size_t rising[MEMBERS], falling[MEMBERS];
    for (size_t i = 0; i < MEMBERS; i++) {
        rising[i] = i;
        falling[MEMBERS - 1 - i] = i;
    }
    for (size_t k = 0; k < KINDS; k++) {
        struct reading reading = {.path = "x.tar!/y", .order = rising, .count = MEMBERS};
        assert_int_equal(shard_stream_open(&reading.stream, in_scratch(kinds[k]), NULL), 0);
        read_in(&reading, 8);
        reading.order = falling;
        reading.count = 40;
        read_in(&reading, 1);
        const struct member none = {.number = MEMBERS};
        struct err err;
        char *bytes;
        size_t size;
        assert_int_equal(shard_stream_read(&bytes, &size, reading.stream, reading.path, &none, LIMIT, &err),
            ERR_NOT_FOUND);
        assert_string_equal(err.msg, "unable to read 'x.tar!/y': it is not there any more");
        shard_stream_free(reading.stream);
    }
}

/* ---- one by name --------------------------------------------------------------------------------------- */

static void one_is_read_by_its_path(void **state)
{
    (void)state;
    char expected[4096], hash[HASH_SIZE], *bytes;
    const size_t wanted = fill(expected, 77);
    size_t size;
    struct err err;
    hash_bytes(hash, expected, wanted);
    for (size_t k = 0; k < KINDS; k++) {
        struct arena arena = {0};
        const char *path = member_path(&arena, in_scratch(kinds[k]), "000000077.jpg", NULL);
        assert_int_equal(member_read(&bytes, &size, path, 0, 0, hash, LIMIT, NULL, NULL), 0);
        assert_int_equal(size, wanted);
        assert_memory_equal(bytes, expected, size);
        free(bytes);
        path = member_path(&arena, in_scratch(kinds[k]), "0.jpg", NULL);
        assert_int_equal(member_read(&bytes, &size, path, 0, 0, NULL, LIMIT, NULL, &err), ERR_NOT_FOUND);
        assert_non_null(strstr(err.msg, "0.jpg': the archive has no such member"));
        arena_release(&arena);
    }
}

static void expect_at_cursor(struct shard_cursor *cursor, const char *kind, size_t i)
{
    char name[64], expected[4096], *bytes;
    struct arena arena = {0};
    struct member member;
    size_t size;
    const size_t wanted = fill(expected, i);
    snprintf(name, sizeof name, "%09zu.jpg", i);
    const char *path = member_path(&arena, in_scratch(kind), name, NULL);
    assert_int_equal(shard_cursor_read(&bytes, &size, &member, cursor, path, NULL, LIMIT, NULL, NULL), 0);
    assert_int_equal(member.number, i);
    assert_int_equal(size, wanted);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
    arena_release(&arena);
}

/* In order, from one archive to the next, and back; what is not there ends nothing. */
static void names_are_found_one_after_the_other(void **state)
{
    (void)state;
    struct shard_cursor cursor = {0};
    struct arena arena = {0};
    struct member member;
    struct err err;
    char *bytes;
    size_t size;
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i < MEMBERS; i += 7)
            expect_at_cursor(&cursor, kinds[k], i);
    expect_at_cursor(&cursor, kinds[1], 50);
    struct shard *open = cursor.shard;
    expect_at_cursor(&cursor, kinds[1], 51); /* goes on */
    assert_ptr_equal(cursor.shard, open);
    expect_at_cursor(&cursor, kinds[1], 3);
    expect_at_cursor(&cursor, kinds[1], 3); /* the same once more */
    const char *path = member_path(&arena, in_scratch(kinds[1]), "none", NULL);
    assert_int_equal(
        shard_cursor_read(&bytes, &size, &member, &cursor, path, NULL, LIMIT, NULL, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "none': the archive has no such member"));
    path = member_path(&arena, in_scratch("none.tar"), "none", NULL);
    assert_int_equal(
        shard_cursor_read(&bytes, &size, &member, &cursor, path, NULL, LIMIT, NULL, &err), ERR_IO);
    expect_at_cursor(&cursor, kinds[1], 3);
    path = member_path(&arena, in_scratch(kinds[1]), "000000004.jpg", NULL);
    assert_int_equal(shard_cursor_read(&bytes, &size, &member, &cursor, path, "another", LIMIT, NULL, &err),
        ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "the archive has changed"));
    shard_cursor_release(&cursor);
    arena_release(&arena);
}

/* The place may be another's by now, or none. */
static void what_took_its_place_is_not_taken_for_it(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct err err;
    char other[HASH_SIZE], *bytes;
    size_t size;
    const char *path = member_path(&arena, in_scratch("all.tar"), "000000000.jpg", NULL);
    hash_bytes(other, "another", 7);
    assert_int_equal(member_read(&bytes, &size, path, 1024, 100, other, LIMIT, NULL, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "the archive has changed"));
    assert_int_equal(member_read(&bytes, &size, path, 1 << 30, 100, other, LIMIT, NULL, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "the archive ends before it"));
    assert_int_equal(member_read(&bytes, &size, path, 1024, LIMIT + 1, other, LIMIT, NULL, &err), ERR_LIMIT);
    path = member_path(&arena, in_scratch("none.tar"), "a.jpg", NULL);
    assert_int_equal(member_read(&bytes, &size, path, 1024, 100, other, LIMIT, NULL, &err), ERR_IO);
    assert_int_equal(member_read(&bytes, &size, path, 0, 0, other, LIMIT, NULL, &err), ERR_IO);
    arena_release(&arena);
}

/* What is not where it was, or not as long, is no picture; nothing is read beyond the file or into more than was said. */
/* Changes a byte of the file. */
static void spoil(const char *path, int64_t at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    const int byte = getc(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(putc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

/* Into the header of the first member, from behind it, as most programs have it. */
static void move_checksum(const char *path, const struct member *member)
{
    enum { FLAGS = 6, CRC = 14 };
    char crc[4];
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)(member->offset + member->size + 4), SEEK_SET), 0);
    assert_int_equal(fread(crc, 1, sizeof crc, file), sizeof crc);
    assert_int_equal(fseek(file, FLAGS, SEEK_SET), 0);
    assert_int_equal(putc(0, file), 0);
    assert_int_equal(fseek(file, CRC, SEEK_SET), 0);
    assert_int_equal(fwrite(crc, 1, sizeof crc, file), sizeof crc);
    assert_int_equal(fclose(file), 0);
}

/* zlib would read it: it stores what it cannot make smaller. */
static void what_has_not_its_checksum_is_damaged(void **state)
{
    (void)state;
    static const char *const zips[] = {"bad.zip", "bad.stored.zip", "front.stored.zip"};
    for (size_t i = 0; i < 3; i++) {
        struct arena arena = {0};
        struct shard *shard;
        struct shard_entry entry;
        struct span bytes;
        struct err err;
        bool found;
        char *member;
        size_t size;
        const char *path = member_path(&arena, in_scratch(zips[i]), "000000000.jpg", NULL);
        write_all(zips[i]);
        assert_int_equal(shard_open(&shard, in_scratch(zips[i]), NULL), 0);
        assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
        const struct member at = entry.member;
        assert_int_equal(shard_bytes(&bytes, shard, LIMIT, NULL), 0);
        shard_close(shard);
        if (i == 2)
            move_checksum(in_scratch(zips[i]), &at);
        assert_int_equal(member_read(&member, &size, path, at.offset, at.size, NULL, LIMIT, NULL, NULL), 0);
        free(member);
        spoil(in_scratch(zips[i]), llabs(at.offset) + 100);
        assert_int_equal(
            member_read(&member, &size, path, at.offset, at.size, NULL, LIMIT, NULL, &err), ERR_FORMAT);
        assert_non_null(strstr(err.msg, "000000000.jpg': damaged in its archive: it has not the checksum"));
        assert_int_equal(shard_open(&shard, in_scratch(zips[i]), NULL), 0);
        assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
        assert_int_equal(shard_bytes(&bytes, shard, LIMIT, &err), ERR_FORMAT);
        assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
        assert_int_equal(shard_bytes(&bytes, shard, LIMIT, &err), 0);
        shard_close(shard);
        arena_release(&arena);
    }
}

static void what_is_deflated_is_read_as_it_was_said_or_not(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct shard *shard;
    struct shard_entry entry;
    struct err err;
    bool found;
    char *bytes;
    size_t size;
    const char *path = member_path(&arena, in_scratch("all.zip"), "000000000.jpg", NULL);
    assert_int_equal(shard_open(&shard, in_scratch("all.zip"), NULL), 0);
    assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
    const int64_t at = entry.member.offset, long_size = entry.member.size;
    shard_close(shard);
    assert_int_equal(member_read(&bytes, &size, path, at, long_size, NULL, LIMIT, NULL, NULL), 0);
    free(bytes);
    for (int64_t other = 0; other < 2 * long_size; other += 1 + other / 8) {
        if (other == long_size)
            continue;
        assert_int_equal(member_read(&bytes, &size, path, at, other, NULL, LIMIT, NULL, &err), ERR_FORMAT);
        assert_non_null(strstr(err.msg, "000000000.jpg': damaged in its archive: "));
    }
    for (int64_t off = 1; off < 400; off++) {
        const int rc = member_read(&bytes, &size, path, at - off, long_size, NULL, LIMIT, NULL, NULL);
        assert_true(rc == ERR_FORMAT || rc == ERR_NOT_FOUND);
    }
    assert_int_equal(
        member_read(&bytes, &size, path, -(1 << 30), long_size, NULL, LIMIT, NULL, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "the archive ends before it"));
    arena_release(&arena);
}

/* ---- names that none may have -------------------------------------------------------------------------- */

static void names_are_bounded_and_lead_nowhere(void **state)
{
    (void)state;
    static const struct {
        const char *name, *shown, *why;
    } cases[] = {
        {"/abs.jpg", "abs.jpg", NULL}, {".//./x/a.jpg", "x/a.jpg", NULL}, {"..a/b..jpg", "..a/b..jpg", NULL},
        {"../a.jpg", "../a.jpg", "its name leads out of the archive"},
        {"a/../../b.jpg", "a/../../b.jpg", "its name leads out of the archive"},
        {"a/..", "a/..", "its name leads out of the archive"},
        {"\xE6\x9D\xB1\xE4\xBA\xAC.jpg", "\xE6\x9D\xB1\xE4\xBA\xAC.jpg", NULL}, /* in the C locale too */
    };
    enum { CASES = sizeof cases / sizeof *cases, LONG = 5000 };
    char *name = malloc(LONG + 1);
    struct shard *shard;
    struct shard_entry entry;
    bool found;
    memset(name, 'n', LONG);
    name[LONG] = '\0';
    setlocale(LC_CTYPE, "C.UTF-8"); /* libarchive 3.6 writes no such name in the C locale */
    struct archive *archive = shard_writer_open(in_scratch("names.tar"));
    for (size_t i = 0; i < CASES; i++)
        assert_int_equal(shard_writer_add(archive, cases[i].name, "x", 1, TIME), 0);
    assert_int_equal(shard_writer_add(archive, name, "x", 1, TIME), 0);
    assert_int_equal(shard_writer_link(archive, "link.jpg", "/etc/passwd"), 0);
    assert_int_equal(shard_writer_close(archive), 0);

    setlocale(LC_CTYPE, "C");
    assert_int_equal(shard_open(&shard, in_scratch("names.tar"), NULL), 0);
    for (size_t i = 0; i < CASES; i++) {
        assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
        assert_string_equal(entry.name, cases[i].shown);
        assert_true(cases[i].why ? entry.why && !strcmp(entry.why, cases[i].why) : !entry.why);
    }
    assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
    assert_string_equal(entry.why, "its name is too long");
    assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
    assert_string_equal(entry.name, "link.jpg");
    assert_string_equal(entry.why, "it is a link");
    shard_close(shard);
    free(name);
}

/* ---- other writers ------------------------------------------------------------------------------------- */

/* Seeds of the fuzzer: what GNU tar writes, and archives in an archive, which are members as others. */
static void archives_of_other_writers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t members, good;
    } cases[] = {
        {"gnu_long.tar", 1, 1},
        {"gnu_sparse_links.tar", 4, 2},
        {"long_name.tar", 3, 2},
        {"nested.tar", 2, 2},
        {"v7.tar", 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        struct shard *shard;
        struct shard_entry entry;
        size_t members = 0, good = 0;
        bool found;
        snprintf(path, sizeof path, DIPTYCH_ROOT "/tests/fuzz/corpus/shard/%s", cases[i].file);
        assert_int_equal(shard_open(&shard, path, NULL), 0);
        for (; !shard_next(&found, &entry, shard, NULL) && found; members++) {
            struct span bytes;
            if (!entry.why)
                assert_int_equal(shard_bytes(&bytes, shard, LIMIT, NULL), 0);
            good += !entry.why;
            if (!strcmp(entry.name, "s")) /* 100 KiB of which one byte is there */
                assert_true(bytes.length == 102401 && bytes.data[102400] == 'x' && !entry.member.offset);
        }
        assert_int_equal(members, cases[i].members);
        assert_int_equal(good, cases[i].good);
        shard_close(shard);
    }
}

static void what_is_compressed_twice_is_refused(void **state)
{
    (void)state;
    struct shard *shard;
    struct err err;
    const int rc = shard_open(&shard, DIPTYCH_ROOT "/tests/fuzz/corpus/shard/twice.tar.gz", &err);
    assert_int_equal(rc, ERR_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "twice.tar.gz': it is compressed more than once"));
}

/* ---- damage -------------------------------------------------------------------------------------------- */

/* How many members an archive has, as far as they can be read; *rc: how it ended. `lost` of them may be missing behind the
 * first. */
static size_t count_good(int *rc, struct err *err, const uint8_t *bytes, size_t size, size_t lost)
{
    struct shard *shard = NULL;
    struct shard_entry entry;
    struct span span;
    size_t good = 0;
    bool found = true;
    *err = (struct err){0};
    *rc = shard_open_bytes(&shard, bytes, size, "cut.tar", err);
    while (!*rc && !(*rc = shard_next(&found, &entry, shard, err)) && found) {
        char expected[4096];
        if (!entry.name) {
            assert_int_equal(lost, 1);
            assert_string_equal(entry.why, "damaged behind '000000000.jpg'");
            continue;
        }
        if (shard_bytes(&span, shard, LIMIT, NULL))
            continue;
        assert_int_equal(span.length, fill(expected, good ? good + lost : 0));
        assert_memory_equal(span.data, expected, span.length);
        good++;
    }
    shard_close(shard);
    return good;
}

static void archives_may_end_anywhere(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct file_map map;
        struct err err;
        int rc;
        assert_int_equal(file_map_open(&map, in_scratch(kinds[k]), NULL), 0);
        assert_int_equal(count_good(&rc, &err, map.data, map.size, 0), MEMBERS);
        assert_int_equal(rc, 0);
        const bool zip = strstr(kinds[k], "zip");
        for (size_t size = 0; size < map.size; size += 1 + map.size / 30) {
            const size_t good = count_good(&rc, &err, map.data, size, 0);
            assert_true(good <= MEMBERS);
            if (zip && size + 1000 < map.size)
                assert_int_equal(rc, ERR_FORMAT); /* its directory is at its end */
            if (rc)
                assert_true(rc == ERR_FORMAT && *err.msg);
        }
        file_map_release(&map);
    }
}

/* An archive that another program writes over while it is read: an error, and not the end of the program. */
static void archives_may_be_cut_while_they_are_read(void **state)
{
    (void)state;
    enum { LARGE = 300000, PARTS = 4 };
    char *bytes = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (char)random_at(3, i);
    struct archive *archive = shard_writer_open(in_scratch("large.tar"));
    assert_non_null(archive);
    for (int i = 0; i < PARTS; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        assert_int_equal(shard_writer_add(archive, name, bytes, LARGE, TIME), 0);
    }
    assert_int_equal(shard_writer_close(archive), 0);

    struct shard *shard = NULL;
    struct shard_entry entry;
    struct span read;
    struct err err = {0};
    bool found;
    int rc;
    assert_int_equal(shard_open(&shard, in_scratch("large.tar"), &err), 0);
    assert_int_equal(shard_next(&found, &entry, shard, &err), 0);
    assert_int_equal(entry.member.offset, 512);
    assert_int_equal(shard_bytes(&read, shard, LARGE, &err), 0);
    assert_int_equal(read.length, LARGE);
    assert_memory_equal(read.data, bytes, LARGE);
    assert_int_equal(truncate(in_scratch("large.tar"), 700), 0);
    size_t more = 0;
    while (!(rc = shard_next(&found, &entry, shard, &err)) && found)
        more += !shard_bytes(&read, shard, LARGE, NULL);
    assert_int_equal(rc, ERR_FORMAT);
    assert_true(more < PARTS - 1);
    shard_close(shard);
    free(bytes);
}

static void damage_is_told_by_place(void **state)
{
    (void)state;
    struct file_map map;
    struct err err;
    int rc;
    assert_int_equal(file_map_open(&map, in_scratch("all.tar"), NULL), 0);
    uint8_t *bytes = malloc(map.size);
    char expected[4096];
    memcpy(bytes, map.data, map.size);
    size_t at = 512 + (fill(expected, 0) + 511) / 512 * 512; /* the header of the second */
    memset(bytes + at, 'x', 512);
    assert_int_equal(count_good(&rc, &err, bytes, map.size, 1), MEMBERS - 1);
    assert_int_equal(rc, 0);
    assert_int_equal(count_good(&rc, &err, bytes, at + 1, 0), 1);
    assert_int_equal(rc, ERR_FORMAT);
    assert_non_null(strstr(err.msg, "unable to read on in 'cut.tar' behind '000000000.jpg': "));
    assert_int_equal(count_good(&rc, &err, (const uint8_t *)"no archive at all", 17, 0), 0);
    assert_int_equal(rc, ERR_FORMAT);
    free(bytes);
    file_map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(archives_and_members_are_told_by_their_names),
        cmocka_unit_test(braces_are_expanded),
        cmocka_unit_test(members_come_in_order),
        cmocka_unit_test(members_are_read_by_many_threads_and_in_any_order),
        cmocka_unit_test(one_is_read_by_its_path),
        cmocka_unit_test(names_are_found_one_after_the_other),
        cmocka_unit_test(what_took_its_place_is_not_taken_for_it),
        cmocka_unit_test(what_has_not_its_checksum_is_damaged),
        cmocka_unit_test(what_is_deflated_is_read_as_it_was_said_or_not),
        cmocka_unit_test(names_are_bounded_and_lead_nowhere),
        cmocka_unit_test(archives_of_other_writers_are_read),
        cmocka_unit_test(what_is_compressed_twice_is_refused),
        cmocka_unit_test(archives_may_end_anywhere),
        cmocka_unit_test(archives_may_be_cut_while_they_are_read),
        cmocka_unit_test(damage_is_told_by_place),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
