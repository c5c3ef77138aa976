// SPDX-License-Identifier: Apache-2.0
/* Pictures and texts that are in no folder: that nothing but their removal takes them out, and that it is all or
 * nothing. */
#include "tests/joint/collection/stand_in.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PNG "\x89PNG\r\n\x1a\n"

static struct err err;

/* ---- additions ----------------------------------------------------------------------------------------- */

/* Good for some more. */
static const float *vector_of(const char *bytes)
{
    static float vectors[8][WIDTH];
    static size_t next;
    float *vector = vectors[next++ % 8];
    stand_in_vector(vector, bytes, strlen(bytes));
    return vector;
}

static struct addition picture(const char *bytes)
{
    return (struct addition){.picture = (const uint8_t *)bytes,
        .size = strlen(bytes),
        .width = 30,
        .height = 20,
        .embedding = vector_of(bytes)};
}

static struct addition text(const char *words)
{
    return (struct addition){.text = words, .embedding = vector_of(words)};
}

static int add_some(struct world *world, struct addition *additions, size_t count)
{
    return collection_add(world->collection, additions, count, ALPHA_MODEL, &err);
}

static int64_t add(struct world *world, struct addition addition)
{
    if (add_some(world, &addition, 1))
        fail_msg("%s", err.msg);
    return addition.id;
}

static struct index_item item_of(struct world *world, int64_t id, struct arena *arena)
{
    struct index_item item;
    if (index_get(&item, collection_index(world->collection), id, arena, &err))
        fail_msg("%s", err.msg);
    return item;
}

static int64_t count_items(struct world *world)
{
    const struct index_info info = index_info(collection_index(world->collection));
    return info.images + info.texts;
}

/* Files in the index's own folder, but for those whose names begin with a dot. */
static size_t count_files(const struct world *world)
{
    char path[8192];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/uploads", world->index);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += *entry->d_name != '.';
    if (folder)
        closedir(folder);
    return count;
}

static bool is_settled(const struct world *world)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/uploads/.unsettled", world->index);
    return access(path, F_OK) && errno == ENOENT;
}

/* ---- what is added stays ------------------------------------------------------------------------------- */

static void an_addition_is_an_item_with_a_file(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    char expected[8192], hash[HASH_SIZE], *bytes;
    size_t size;
    world_init(&w, "added");
    world_open(&w);
    struct addition one = picture(PNG "one");
    one.caption = "a kite";
    one.metadata = "{\"by\":\"me\"}";
    const struct index_item item = item_of(&w, add(&w, one), &arena);
    hash_bytes(hash, PNG "one", strlen(PNG "one"));
    snprintf(expected, sizeof expected, "%s/uploads/%s.png", w.index, hash);
    assert_string_equal(item.path, expected);
    assert_string_equal(item.hash, hash);
    assert_string_equal(item.caption, "a kite");
    assert_string_equal(item.metadata, "{\"by\":\"me\"}");
    assert_int_equal(item.width, 30);
    assert_int_equal(item.size, strlen(PNG "one"));
    assert_true(item.mtime_ns > 0);
    assert_int_equal(file_read(&bytes, &size, item.path, 1 << 20, &err), 0);
    assert_string_equal(bytes, PNG "one");
    assert_int_equal(world_items(&w, item.path, PNG "one"), 1);
    const struct index_item words = item_of(&w, add(&w, text("a red kite")), &arena);
    assert_int_equal(words.kind, INDEX_TEXT);
    assert_string_equal(words.caption, "a red kite");
    assert_null(words.path);
    assert_true(is_settled(&w));
    free(bytes);
    arena_release(&arena);
    world_release(&w);
}

/* The index lies in a folder that it is made from; the folder comes and goes. */
static void no_sync_takes_additions_out(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0}, gone = {.gone = true};
    struct arena arena = {0};
    world_init(&w, "sources");
    snprintf(w.index, sizeof w.index, DIPTYCH_SCRATCH "/sources/inside.dip");
    world_write(&w, "a.png", PNG "of the folder");
    world_open(&w);
    const int64_t same = add(&w, picture(PNG "of the folder")), other = add(&w, picture(PNG "other")),
                  words = add(&w, text("words"));
    assert_int_equal(sources_add(&sources, SOURCE_PICTURES, w.folder, NULL), 0);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.copied, 1); /* both stay: each has a life of its own */
    assert_int_equal(w.counts.encoded + w.counts.pictures.unchanged + w.counts.pictures.gone, 0);
    assert_int_equal(count_items(&w), 4);
    unlink(world_path(&w, "a.png"));
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(world_sync(&w, &gone), 0);
    assert_int_equal(w.counts.pictures.missing, 0);
    assert_int_equal(count_items(&w), 3);
    assert_int_equal(count_files(&w), 2);
    item_of(&w, same, &arena);
    item_of(&w, other, &arena);
    item_of(&w, words, &arena);
    arena_release(&arena);
    sources_release(&sources);
    world_release(&w);
}

static void what_is_known_keeps_its_id(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    world_init(&w, "again");
    world_open(&w);
    struct addition first = picture(PNG "one"), again = first;
    first.caption = "before";
    first.metadata = "{\"n\":1}";
    const int64_t id = add(&w, first);
    assert_int_equal(add(&w, again), id);
    assert_string_equal(item_of(&w, id, &arena).caption, "before");
    again.caption = "after";
    struct addition both[] = {again, again, text("words"), text("words")};
    assert_int_equal(add_some(&w, both, 4), 0);
    assert_true(both[0].known && both[1].known && !both[2].known && both[3].known);
    assert_int_equal(both[1].id, id);
    assert_int_equal(both[3].id, both[2].id);
    assert_string_equal(item_of(&w, id, &arena).caption, "after");
    assert_string_equal(item_of(&w, id, &arena).metadata, "{\"n\":1}");
    assert_int_equal(count_items(&w), 2);
    assert_int_equal(count_files(&w), 1);
    arena_release(&arena);
    world_release(&w);
}

/* A text of a file with the same words is another item, and goes with its file. */
static void a_text_is_not_that_of_a_file(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    struct arena arena = {0};
    world_init(&w, "words");
    world_write(&w, "words.txt", "words\n");
    world_open(&w);
    assert_int_equal(sources_add(&sources, SOURCE_TEXTS, world_path(&w, "words.txt"), NULL), 0);
    assert_int_equal(world_sync(&w, &sources), 0);
    struct addition words = text("words");
    assert_int_equal(add_some(&w, &words, 1), 0);
    assert_false(words.known);
    world_write(&w, "words.txt", "others\n");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(count_items(&w), 2);
    assert_string_equal(item_of(&w, words.id, &arena).caption, "words");
    arena_release(&arena);
    sources_release(&sources);
    world_release(&w);
}

/* ---- removal ------------------------------------------------------------------------------------------- */

static void removal_takes_the_file_too(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    const struct strings none = {0};
    size_t removed, missing;
    world_init(&w, "removed");
    world_open(&w);
    const int64_t ids[] = {add(&w, picture(PNG "one")), add(&w, text("words")), 77};
    const int64_t stays = add(&w, picture("no known format"));
    const struct removal removal = {.paths = &none, .ids = ids, .id_count = 3};
    assert_int_equal(count_files(&w), 2);
    assert_int_equal(collection_remove(&removed, &missing, w.collection, &removal, &w.job, &err), 0);
    assert_int_equal(removed, 2);
    assert_int_equal(missing, 1);
    assert_int_equal(count_files(&w), 1);
    assert_true(file_exists(item_of(&w, stays, &arena).path));
    assert_true(is_settled(&w));
    assert_true(add(&w, picture(PNG "one")) > stays); /* ids are never used twice */
    assert_int_equal(count_files(&w), 2);
    arena_release(&arena);
    world_release(&w);
}

/* ---- faults -------------------------------------------------------------------------------------------- */

static void a_bad_one_keeps_all_out(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "all_or_none");
    world_open(&w);
    add(&w, picture(PNG "there"));
    struct addition three[] = {picture(PNG "one"), picture(PNG "two"), text("words")};
    three[1].metadata = "[]";
    assert_int_equal(add_some(&w, three, 3), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "input 1: "));
    assert_int_equal(count_items(&w), 1);
    assert_int_equal(count_files(&w), 1);
    assert_true(is_settled(&w));
    three[1].metadata = "{}";
    assert_int_equal(add_some(&w, three, 3), 0);
    assert_int_equal(count_items(&w), 4);
    world_release(&w);
}

static void a_full_disk_keeps_all_out(void **state)
{
    (void)state;
    struct world w;
    struct rlimit before, small;
    char *large = mem_new(200001, 1);
    memset(large, 'x', 200000);
    world_init(&w, "full");
    world_open(&w);
    add(&w, picture(PNG "there"));
    struct addition two[] = {picture(PNG "one"), picture(large)};
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){100000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const int rc = add_some(&w, two, 2);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(err.msg, "input 1: "));
    assert_int_equal(count_items(&w), 1);
    assert_int_equal(count_files(&w), 1);
    assert_int_equal(add_some(&w, two, 2), 0);
    assert_int_equal(count_items(&w), 3);
    free(large);
    world_release(&w);
}

static void another_preparation_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct addition one = picture(PNG "one");
    world_init(&w, "prepared");
    world_open(&w);
    assert_int_equal(collection_add(w.collection, &one, 1, ALPHA_BLACK, &err), ERR_BUSY);
    assert_int_equal(count_items(&w), 0);
    world_release(&w);
}

/* A writer that is killed between the file and the commit; what else lies in the folder is somebody's. */
static void what_a_killed_writer_left_goes(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    char foreign[8192];
    int status;
    world_init(&w, "killed");
    world_open(&w);
    add(&w, picture(PNG "there"));
    world_close(&w);
    snprintf(foreign, sizeof foreign, "%s/uploads/holiday.png", w.index);
    fclose(fopen(foreign, "w"));
    const pid_t child = fork();
    if (!child) {
        char hash[HASH_SIZE];
        hash_bytes(hash, "left", 4);
        world_open(&w);
        struct index *index = collection_index(w.collection);
        const char *path = index_file_path(index, hash, ".png", &arena, &err);
        _exit(index_keep_file(index, path, "left", 4, &err));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count_files(&w), 3);
    assert_false(is_settled(&w));
    world_open(&w);
    assert_int_equal(count_files(&w), 2);
    assert_true(file_exists(foreign));
    assert_true(is_settled(&w));
    assert_int_equal(count_items(&w), 1);
    world_release(&w);
}

static void changes_that_are_not_committed_leave_no_file(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    char hash[HASH_SIZE];
    world_init(&w, "uncommitted");
    world_open(&w);
    const int64_t id = add(&w, picture(PNG "there"));
    struct index *index = collection_index(w.collection);
    hash_bytes(hash, "left", 4);
    const char *path = index_file_path(index, hash, ".png", &arena, &err);
    assert_int_equal(index_keep_file(index, path, "left", 4, &err), 0);
    assert_int_equal(index_remove(index, id, &err), 0);
    world_close(&w);
    assert_int_equal(count_files(&w), 1);
    world_open(&w);
    assert_true(file_exists(item_of(&w, id, &arena).path));
    arena_release(&arena);
    world_release(&w);
}

/* Its files lie elsewhere then, and its next writer says so. */
static void a_moved_index_finds_its_files(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    char elsewhere[4096];
    world_init(&w, "moved");
    world_open(&w);
    const int64_t id = add(&w, picture(PNG "one"));
    world_close(&w);
    snprintf(elsewhere, sizeof elsewhere, DIPTYCH_SCRATCH "/elsewhere.dip");
    assert_int_equal(rename(w.index, elsewhere), 0);
    memcpy(w.index, elsewhere, sizeof elsewhere);
    world_open(&w);
    const struct index_item item = item_of(&w, id, &arena);
    assert_true(path_below(item.path, elsewhere));
    assert_true(file_exists(item.path));
    assert_int_equal(add(&w, picture(PNG "one")), id);
    arena_release(&arena);
    world_release(&w);
}

static void count_report(void *context, const struct err *problem)
{
    (void)problem;
    ++*(size_t *)context;
}

static void verifying_sees_damaged_files(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    int64_t defects;
    size_t reports = 0;
    const struct job job = {.report = count_report, .context = &reports};
    world_init(&w, "verified");
    world_open(&w);
    const char *one = item_of(&w, add(&w, picture(PNG "one")), &arena).path,
               *two = item_of(&w, add(&w, picture(PNG "two")), &arena).path;
    add(&w, picture(PNG "three"));
    world_close(&w);
    assert_int_equal(index_verify(&defects, w.index, &job, &err), 0);
    assert_int_equal(defects, 0);
    assert_int_equal(unlink(one), 0);
    FILE *file = fopen(two, "a");
    fputc('!', file);
    fclose(file);
    assert_int_equal(index_verify(&defects, w.index, &job, &err), 0);
    assert_int_equal(defects, 2);
    assert_int_equal(reports, 2);
    arena_release(&arena);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_addition_is_an_item_with_a_file),
        cmocka_unit_test(no_sync_takes_additions_out),
        cmocka_unit_test(what_is_known_keeps_its_id),
        cmocka_unit_test(a_text_is_not_that_of_a_file),
        cmocka_unit_test(removal_takes_the_file_too),
        cmocka_unit_test(a_bad_one_keeps_all_out),
        cmocka_unit_test(a_full_disk_keeps_all_out),
        cmocka_unit_test(another_preparation_is_refused),
        cmocka_unit_test(what_a_killed_writer_left_goes),
        cmocka_unit_test(changes_that_are_not_committed_leave_no_file),
        cmocka_unit_test(a_moved_index_finds_its_files),
        cmocka_unit_test(verifying_sees_damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
