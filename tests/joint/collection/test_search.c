// SPDX-License-Identifier: Apache-2.0
/* Queries of a collection, what is taken out of it, and which models it takes. */
#include "tests/joint/collection/stand_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct device *device;

static int open_device(void **state)
{
    (void)state;
    struct err err;
    if (device_open(&device, &(struct device_options){0}, &err))
        fail_msg("%s", err.msg);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    device_free(device);
    return 0;
}

/* Three pictures and two texts, and all that a search takes. */
static void world_fill(struct world *w, const char *name)
{
    struct sources sources = {0};
    world_init(w, name);
    world_write(w, "dog.png", "dog");
    world_write(w, "cat.png", "cat");
    world_write(w, "bird.png", "bird");
    world_write(w, "t.txt", "fish\nworm\n");
    assert_int_equal(sources_add(&sources, SOURCE_PICTURES, w->folder, NULL), 0);
    assert_int_equal(sources_add(&sources, SOURCE_TEXTS, world_path(w, "t.txt"), NULL), 0);
    world_open(w);
    assert_int_equal(world_sync(w, &sources), 0);
    assert_int_equal(collection_attach(w->collection, &w->embedder, device, NULL), 0);
    sources_release(&sources);
}

static void a_query_finds_items_with_all_that_is_known(void **state)
{
    (void)state;
    struct world w;
    struct search_rows rows;
    struct search_results results;
    world_fill(&w, "query");
    assert_int_equal(search_rows_open(&rows, collection_index(w.collection), NULL, false, NULL), 0);
    const struct query_term terms[] = {{.text = "cat", .weight = 1}, {.text = "dog", .weight = -0.5f}};
    const struct search search = {
        .rows = &rows, .terms = terms, .term_count = 2, .wanted = {.top = 10, .min_score = -INFINITY}};
    assert_int_equal(collection_search(&results, w.collection, &search, &w.job, NULL), 0);
    assert_int_equal(results.count, 1);
    assert_int_equal(results.lists[0].count, 5);
    assert_string_equal(results.lists[0].query, "cat - dog:0.5");
    assert_string_equal(results.lists[0].items[0].path, world_path(&w, "cat.png"));
    assert_true(fabs(results.lists[0].hits[0].score - 1) < 1e-6);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(results.lists[0].items[i].kind, i < 3 ? INDEX_IMAGE : INDEX_TEXT);
    for (size_t i = 1; i < 5; i++)
        assert_true(i == 3 || results.lists[0].hits[i].score <= results.lists[0].hits[i - 1].score);
    search_results_release(&results);
    search_rows_release(&rows);
    world_release(&w);
}

static void texts_are_a_query_each(void **state)
{
    (void)state;
    struct world w;
    struct search_rows rows;
    struct search_results results;
    world_fill(&w, "texts");
    const struct index_filter pictures = {.kind = INDEX_IMAGE};
    assert_int_equal(search_rows_open(&rows, collection_index(w.collection), &pictures, false, NULL), 0);
    const char *const texts[] = {"bird", "dog", "fish"};
    const struct search search = {
        .rows = &rows, .texts = texts, .text_count = 3, .wanted = {.top = 2, .min_score = 0.999}};
    assert_int_equal(collection_search(&results, w.collection, &search, NULL, NULL), 0);
    assert_int_equal(results.count, 3);
    assert_int_equal(results.lists[0].count, 1); /* the others score less than the least */
    assert_string_equal(results.lists[0].query, "bird");
    assert_string_equal(results.lists[0].items[0].path, world_path(&w, "bird.png"));
    assert_string_equal(results.lists[1].items[0].path, world_path(&w, "dog.png"));
    assert_int_equal(results.lists[2].count, 0); /* a text, which the rows leave out */
    search_results_release(&results);

    const char *const broken[] = {"bird", "broken"};
    const struct search none = {.rows = &rows, .texts = broken, .text_count = 2, .wanted = {.top = 2}};
    struct err err;
    assert_int_equal(collection_search(&results, w.collection, &none, NULL, &err), ERR_FORMAT);
    assert_string_equal(err.msg, "no such words");
    search_rows_release(&rows);
    world_release(&w);
}

/* A service keeps its collection while another process writes. */
static void a_reader_sees_what_is_added_after_a_refresh(void **state)
{
    (void)state;
    struct world w;
    struct collection *reader;
    struct search_rows rows;
    struct search_results results;
    const struct collection_options options = {.access = INDEX_READ, .storage = -1};
    world_fill(&w, "refresh");
    assert_int_equal(collection_open(&reader, w.index, &options, NULL), 0);
    assert_int_equal(collection_attach(reader, &w.embedder, device, NULL), 0);
    world_write(&w, "horse.png", "horse");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(index_refresh(collection_index(reader), NULL), 0);
    assert_int_equal(search_rows_open(&rows, collection_index(reader), NULL, false, NULL), 0);
    const char *const text = "horse";
    const struct search search = {
        .rows = &rows, .texts = &text, .text_count = 1, .wanted = {.top = 1, .min_score = 0.999}};
    assert_int_equal(collection_search(&results, reader, &search, NULL, NULL), 0);
    assert_int_equal(results.lists[0].count, 1);
    search_results_release(&results);
    search_rows_release(&rows);
    collection_free(reader);
    world_release(&w);
}

/* ---- taking out ---------------------------------------------------------------------------------------- */

static void what_is_removed_by_its_source_does_not_come_back(void **state)
{
    (void)state;
    struct world w;
    struct strings paths = {0};
    size_t removed, missing;
    world_fill(&w, "remove");
    const int64_t ids[] = {4711};
    const char *const names[] = {w.folder, "/nowhere/at/all"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(strings_add(&paths, names[i], strlen(names[i]), NULL), 0);
    const struct removal removal = {.paths = &paths, .ids = ids, .id_count = 1};
    assert_int_equal(collection_remove(&removed, &missing, w.collection, &removal, &w.job, NULL), 0);
    assert_int_equal(removed, 5);
    assert_int_equal(missing, 2);
    assert_true(world_reported(&w, "has no item 4711"));
    assert_true(world_reported(&w, "/nowhere/at/all"));
    assert_int_equal(world_sync(&w, NULL), 0); /* the folder is forgotten, the file of texts is not */
    assert_int_equal(w.counts.pictures.new, 0);
    assert_int_equal(w.counts.texts.copied, 2);
    strings_release(&paths);
    world_release(&w);
}

static void a_filter_keeps_the_source(void **state)
{
    (void)state;
    struct world w;
    struct strings paths = {0};
    size_t removed, missing;
    world_fill(&w, "filter");
    const struct removal removal = {.paths = &paths, .filter = {.where = "path like '%cat.png'"}};
    assert_int_equal(collection_remove(&removed, &missing, w.collection, &removal, &w.job, NULL), 0);
    assert_int_equal(removed, 1);
    assert_int_equal(missing, 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.copied, 1); /* it comes back */
    world_release(&w);
}

/* ---- models -------------------------------------------------------------------------------------------- */

static void another_model_is_refused_in_words(void **state)
{
    (void)state;
    struct world w;
    struct collection *collection;
    struct err err;
    const char *const other = "ffffffffffffffffffffffffffffffff";
    world_fill(&w, "model");
    struct collection_options options = {.access = INDEX_READ, .fingerprint = other, .storage = -1};
    assert_int_equal(collection_open(&collection, w.index, &options, &err), ERR_ARGUMENT);
    options = (struct collection_options){.access = INDEX_READ, .storage = INDEX_I8};
    assert_int_equal(collection_open(&collection, w.index, &options, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "keeps its vectors as f32, not as i8"));
    options = (struct collection_options){.access = INDEX_WRITE, .storage = -1};
    assert_int_equal(collection_open(&collection, w.index, &options, &err), ERR_BUSY);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_finds_items_with_all_that_is_known),
        cmocka_unit_test(texts_are_a_query_each),
        cmocka_unit_test(a_reader_sees_what_is_added_after_a_refresh),
        cmocka_unit_test(what_is_removed_by_its_source_does_not_come_back),
        cmocka_unit_test(a_filter_keeps_the_source),
        cmocka_unit_test(another_model_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
