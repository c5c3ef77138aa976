// SPDX-License-Identifier: Apache-2.0
/* When, where and with what pictures were taken comes into an index as they do, and into one of before without encoding. */
#include "tests/joint/collection/stand_in.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/capture/"

static struct err err;

static void put(const struct world *w, const char *name, const char *golden)
{
    char from[4096];
    snprintf(from, sizeof from, GOLDEN "%s", golden);
    assert_int_equal(file_copy(world_path(w, name), from, &err), 0);
}

static struct index_item item_at(struct world *w, const char *name, struct arena *arena)
{
    struct index_item item;
    bool found;
    assert_int_equal(index_find(&item, &found, collection_index(w->collection), INDEX_IMAGE,
                         world_path(w, name), NULL, arena, &err),
        0);
    assert_true(found);
    return item;
}

/* "" or "...": as in tests/golden/capture/values.tsv */
static void expect(struct world *w, const char *name, const char *taken, const char *camera, double lat)
{
    struct arena arena = {0};
    const struct index_item item = item_at(w, name, &arena);
    assert_true(item.examined);
    assert_string_equal(item.taken ? item.taken : "", taken);
    assert_string_equal(item.camera ? item.camera : "", camera);
    assert_true(item.lat == lat);
    arena_release(&arena);
}

static void expect_all(struct world *w)
{
    expect(w, "full.jpg", "2024-06-01 09:30:15.12+02:00", "Canon EOS R5", 48.8583667);
    expect(w, "again.jpg", "2024-06-01 09:30:15.12+02:00", "Canon EOS R5", 48.8583667);
    expect(w, "none.jpg", "", "", 0);
}

static void open_with_pictures(struct world *w, struct sources *sources, const char *name)
{
    world_init(w, name);
    assert_int_equal(sources_add(sources, SOURCE_PICTURES, w->folder, NULL), 0);
    put(w, "full.jpg", "full.jpg");
    put(w, "again.jpg", "full.jpg"); /* its vector is copied */
    put(w, "none.jpg", "none.jpg");
    world_open(w);
    assert_int_equal(world_sync(w, sources), 0);
}

static void new_pictures_say_it(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    open_with_pictures(&w, &sources, "captures");
    assert_int_equal(w.counts.encoded, 2);
    assert_int_equal(w.counts.examined, 0);
    expect_all(&w);

    put(&w, "none.jpg", "big.jpg"); /* another picture by that name */
    char full[8192];
    snprintf(full, sizeof full, "%s", world_path(&w, "full.jpg"));
    assert_int_equal(rename(full, world_path(&w, "moved.jpg")), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.changed, 1);
    assert_int_equal(w.counts.pictures.moved, 1);
    expect(&w, "none.jpg", "1999-12-31 23:59:59", "NIKON Z 6", -22.9513333);
    expect(&w, "moved.jpg", "2024-06-01 09:30:15.12+02:00", "Canon EOS R5", 48.8583667);
    sources_release(&sources);
    world_release(&w);
}

/* As it comes from an earlier format, with a picture that has changed meanwhile and one that is gone. */
static void forget(const struct world *w)
{
    char catalog[8192];
    sqlite3 *db;
    snprintf(catalog, sizeof catalog, "%s/catalog.sqlite", w->index);
    assert_int_equal(sqlite3_open(catalog, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                         "UPDATE items SET taken = NULL, camera = NULL, lens = NULL, lat = NULL, lon = NULL, "
                         "examined = 0",
                         NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
}

static void pictures_of_before_are_asked_once(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    open_with_pictures(&w, &sources, "before");
    world_close(&w);
    forget(&w);
    world_open(&w);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.examined, 3);
    assert_int_equal(w.counts.encoded, 0);
    assert_int_equal(w.opened, 0);
    expect_all(&w);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.examined, 0);
    sources_release(&sources);
    world_release(&w);
}

static void an_end_meanwhile_keeps_what_was_read(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    open_with_pictures(&w, &sources, "ended");
    world_close(&w);
    forget(&w);
    world_open(&w);
    w.end_unit = "dates read";
    w.end_done = 3;
    assert_int_equal(world_sync(&w, NULL), ERR_CANCELLED);
    w.end_unit = NULL;
    expect_all(&w);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.examined, 0);
    sources_release(&sources);
    world_release(&w);
}

static void what_is_not_as_it_was_is_left_alone(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    const float vector[WIDTH] = {1};
    world_init(&w, "others");
    world_open(&w);
    struct index *index = collection_index(w.collection);
    put(&w, "full.jpg", "full.jpg");
    put(&w, "other.jpg", "full.jpg");
    struct index_item items[] = {
        {.kind = INDEX_IMAGE, .path = world_path(&w, "full.jpg"), .lens = "imported"}, /* of unknown size */
    };
    assert_int_equal(index_add(index, items, vector, 1, &err), 0);
    struct index_item other = {.kind = INDEX_IMAGE, .path = world_path(&w, "other.jpg"), .size = 7};
    assert_int_equal(index_add(index, &other, vector, 1, &err), 0);
    struct index_item gone = {.kind = INDEX_IMAGE, .path = world_path(&w, "gone.jpg"), .camera = "kept"};
    assert_int_equal(index_add(index, &gone, vector, 1, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.examined, 1);
    expect(&w, "full.jpg", "2024-06-01 09:30:15.12+02:00", "Canon EOS R5", 48.8583667);
    assert_false(item_at(&w, "other.jpg", &arena).examined);
    assert_string_equal(item_at(&w, "gone.jpg", &arena).camera, "kept");
    arena_release(&arena);
    world_release(&w);
}

#define XMP(date)                                                                                            \
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"  \
    "<rdf:Description xmlns:exif='http://ns.adobe.com/exif/1.0/' exif:DateTimeOriginal='" date "'/>"         \
    "</rdf:RDF></x:xmpmeta>"

/* What comes to lie beside a picture of the index, or changes there, counts at the next update; the picture is not opened by the
 * model. */
static void files_beside_may_come_later(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    struct arena arena = {0};
    open_with_pictures(&w, &sources, "later");
    world_write(&w, "none.xmp", XMP("1999-05-06T07:08:09"));
    world_write(&w, "full.xmp", XMP("1901-01-01")); /* EXIF knows better */
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.described, 1);
    expect(&w, "none.jpg", "1999-05-06 07:08:09", "", 0);
    expect(&w, "full.jpg", "2024-06-01 09:30:15.12+02:00", "Canon EOS R5", 48.8583667);

    world_write(&w, "none.xmp", XMP("2001-02-03")); /* of another size */
    world_write(&w, "none.txt", "what it shows");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.described, 2);
    expect(&w, "none.jpg", "2001-02-03", "", 0);
    assert_string_equal(item_at(&w, "none.jpg", &arena).caption, "what it shows");

    assert_int_equal(
        unlink(world_path(&w, "none.xmp")), 0); /* what they said stays, and Takeout's comes after it */
    world_write(&w, "none.jpg.supplemental-metadata.json",
        "{\"photoTakenTime\": {\"timestamp\": \"1700000000\"}, \"geoData\": {\"latitude\": 1.5, "
        "\"longitude\": 2}}");
    assert_int_equal(world_sync(&w, NULL), 0);
    expect(&w, "none.jpg", "2023-11-14 22:13:20+00:00", "", 1.5);
    world_write(&w, "none.json", "{\"mood\": 1}");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.described, 1);
    assert_string_equal(item_at(&w, "none.jpg", &arena).metadata, "{\"mood\":1}");
    assert_int_equal(w.opened, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(world_sync(&w, NULL), 0);
        assert_int_equal(w.counts.described + w.counts.examined + w.counts.encoded, 0);
        assert_int_equal(w.counts.pictures.unchanged, 3);
    }
    arena_release(&arena);
    sources_release(&sources);
    world_release(&w);
}

/* And at once where only they are looked at. */
static void files_beside_may_be_parts(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    static const struct {
        const char *name, *bytes, *taken;
    } files[] = {{"none.xmp", XMP("1999-05-06"), "1999-05-06"},
        {"none.jpg.suppl(1).json", "{}", "1999-05-06"},    /* of nothing */
        {"none.jpg.xmp", XMP("1998-05-06"), "1999-05-06"}, /* the other comes first */
        {"none.xmp", XMP("1997"), "1997"}};
    open_with_pictures(&w, &sources, "beside-parts");
    w.opened = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct strings parts = {0};
        world_write(&w, files[i].name, files[i].bytes);
        const char *path = world_path(&w, files[i].name);
        assert_int_equal(strings_add(&parts, path, strlen(path), &err), 0);
        assert_int_equal(collection_sync_parts(&w.counts, w.collection, &parts, &w.job, &err), 0);
        expect(&w, "none.jpg", files[i].taken, "", 0);
        strings_release(&parts);
    }
    assert_int_equal(w.opened, 0);
    sources_release(&sources);
    world_release(&w);
}

static void uploads_say_it_too(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    struct index_item item;
    const float vector[WIDTH] = {1};
    char *bytes;
    struct addition upload = {.width = 16, .height = 16, .embedding = vector};
    assert_int_equal(file_read(&bytes, &upload.size, GOLDEN "full.jpg", 1 << 20, &err), 0);
    upload.picture = (uint8_t *)bytes;
    world_init(&w, "uploads");
    world_open(&w);
    assert_int_equal(collection_add(w.collection, &upload, 1, ALPHA_MODEL, &err), 0);
    assert_int_equal(index_get(&item, collection_index(w.collection), upload.id, &arena, &err), 0);
    assert_string_equal(item.camera, "Canon EOS R5");
    assert_true(item.examined);
    free(bytes);
    arena_release(&arena);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_pictures_say_it),
        cmocka_unit_test(pictures_of_before_are_asked_once),
        cmocka_unit_test(an_end_meanwhile_keeps_what_was_read),
        cmocka_unit_test(what_is_not_as_it_was_is_left_alone),
        cmocka_unit_test(files_beside_may_come_later),
        cmocka_unit_test(files_beside_may_be_parts),
        cmocka_unit_test(uploads_say_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
