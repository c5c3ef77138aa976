// SPDX-License-Identifier: Apache-2.0
/* Items whose pictures lie in archives: their bytes are served, and nothing else that has come to their place. */
#include "tests/service/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/shard.h"
#include "tests/support/shard_writer.h"

#define SHARD DIPTYCH_SCRATCH "/a.tar"
#define COMPRESSED DIPTYCH_SCRATCH "/b.tar.gz"

/* Two of the pictures, of which each item is the first. */
static char *bytes[2];
static size_t sizes[2];
enum { PLAIN, IN_GZIP, NAMELESS, HASHLESS, ITEMS };
static int64_t ids[ITEMS];

static void write_shard(const char *path, int first)
{
    struct archive *archive = shard_writer_open(path);
    assert_non_null(archive);
    for (int i = 0; i < 2; i++) {
        const int which = i ? !first : first;
        assert_int_equal(
            shard_writer_add(archive, i ? "2.jpg" : "1.jpg", bytes[which], sizes[which], 1700000000), 0);
    }
    assert_int_equal(shard_writer_close(archive), 0);
}

static int64_t first_offset(const char *path)
{
    struct shard *shard;
    struct shard_entry entry;
    bool found;
    assert_int_equal(shard_open(&shard, path, NULL), 0);
    assert_int_equal(shard_next(&found, &entry, shard, NULL), 0);
    shard_close(shard);
    return entry.member.offset;
}

/* What else an index may say: a name that leads out, and a picture that it does not know by content. */
static void add_items(void)
{
    struct index *index;
    char hash[HASH_SIZE];
    hash_bytes(hash, bytes[0], sizes[0]);
    const int64_t size = (int64_t)sizes[0];
    struct index_item items[ITEMS] = {
        [PLAIN] = {.path = SHARD "!/1.jpg", .hash = hash, .offset = first_offset(SHARD)},
        [IN_GZIP] = {.path = COMPRESSED "!/1.jpg", .hash = hash},
        [NAMELESS] = {.path = SHARD "!/../../../../../../../../etc/passwd", .hash = hash},
        [HASHLESS] = {.path = SHARD "!/2.jpg", .offset = 1024},
    };
    float vectors[ITEMS][WIDTH];
    for (size_t i = 0; i < ITEMS; i++) {
        items[i].kind = INDEX_IMAGE;
        items[i].size = size;
        memcpy(vectors[i], served.pictures[0], sizeof vectors[i]);
    }
    assert_int_equal(index_open(&index, INDEX, INDEX_WRITE, NULL, NULL), 0);
    assert_int_equal(index_add(index, items, vectors[0], ITEMS, NULL), 0);
    assert_int_equal(index_commit(index, NULL), 0);
    index_free(index);
    for (size_t i = 0; i < ITEMS; i++)
        ids[i] = items[i].id;
}

static int open_all(void **state)
{
    const int failed = served_open(state);
    if (failed)
        return failed;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(file_read(&bytes[i], &sizes[i], served.paths[i], 1 << 24, NULL), 0);
    write_shard(SHARD, 0);
    write_shard(COMPRESSED, 0);
    add_items();
    struct answer answer = client_once(served.port, "POST", "/v1/reload", NULL, NULL);
    assert_int_equal(answer.status, 200);
    answer_release(&answer);
    return 0;
}

static int close_all(void **state)
{
    free(bytes[0]);
    free(bytes[1]);
    return served_close(state);
}

static struct answer ask(int item, const char *what, const char *header)
{
    char path[128];
    snprintf(path, sizeof path, "/v1/items/%lld/%s", (long long)ids[item], what);
    return client_once(served.port, "GET", path, header, NULL);
}

static void expect_status(int item, const char *what, int status)
{
    struct answer answer = ask(item, what, NULL);
    if (answer.status != status)
        fail_msg("item %d, %s: %d, expected %d: %s", item, what, answer.status, status, answer.body);
    answer_release(&answer);
}

/* ---- what is served ------------------------------------------------------------------------------------ */

static void members_are_served_whole_and_in_part(void **state)
{
    (void)state;
    for (int item = PLAIN; item <= IN_GZIP; item++) {
        char text[128];
        struct answer answer = ask(item, "image", NULL);
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.size, sizes[0]);
        assert_memory_equal(answer.body, bytes[0], sizes[0]);
        assert_string_equal(answer_header(&answer, "Content-Type", text, sizeof text), "image/png");
        answer_release(&answer);
        answer = ask(item, "image", "Range: bytes=5-14\r\n");
        assert_int_equal(answer.status, 206);
        assert_int_equal(answer.size, 10);
        assert_memory_equal(answer.body, bytes[0] + 5, 10);
        answer_release(&answer);
        answer = ask(item, "image", "Range: bytes=999999999-\r\n");
        assert_int_equal(answer.status, 416);
        answer_release(&answer);
    }
}

static void their_tags_and_thumbnails_are_as_those_of_files(void **state)
{
    (void)state;
    static const char *const whats[] = {"image", "thumbnail?edge=40"};
    for (int item = PLAIN; item <= IN_GZIP; item++)
        for (size_t i = 0; i < 2; i++) {
            char tag[128], header[256];
            struct answer answer = ask(item, whats[i], NULL);
            assert_int_equal(answer.status, 200);
            snprintf(header, sizeof header, "If-None-Match: %s\r\n",
                answer_header(&answer, "ETag", tag, sizeof tag));
            answer_release(&answer);
            answer = ask(item, whats[i], header);
            assert_int_equal(answer.status, 304);
            answer_release(&answer);
        }
}

/* ---- what is not --------------------------------------------------------------------------------------- */

static void what_has_taken_their_place_is_not_served(void **state)
{
    (void)state;
    static const char *const shards[] = {SHARD, COMPRESSED};
    for (int item = PLAIN; item <= IN_GZIP; item++) {
        const char *shard = shards[item];
        expect_status(item, "image", 200);
        write_shard(shard, 1); /* the other picture has the name and the place */
        expect_status(item, "image", 404);
        expect_status(item, "thumbnail", 404);
        assert_int_equal(unlink(shard), 0);
        expect_status(item, "image", 404);
        assert_int_equal(symlink(served.paths[1], shard), 0); /* a file that is no archive */
        expect_status(item, "image", 404);
        assert_int_equal(unlink(shard), 0);
        assert_int_equal(mkfifo(shard, 0600), 0); /* nobody waits at a pipe */
        expect_status(item, "image", 404);
        assert_int_equal(unlink(shard), 0);
        write_shard(shard, 0);
        expect_status(item, "image", 200);
    }
}

static void names_lead_nowhere(void **state)
{
    (void)state;
    expect_status(NAMELESS, "image", 404);
    expect_status(NAMELESS, "thumbnail", 404);
    expect_status(HASHLESS, "image", 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_served_whole_and_in_part),
        cmocka_unit_test(their_tags_and_thumbnails_are_as_those_of_files),
        cmocka_unit_test(what_has_taken_their_place_is_not_served),
        cmocka_unit_test(names_lead_nowhere),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
