// SPDX-License-Identifier: Apache-2.0
#include "tests/joint/collection/stand_in.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the embedder -------------------------------------------------------------------------------------- */

void stand_in_vector(float *vector, const char *bytes, size_t size)
{
    char digits[HASH_SIZE];
    double squares = 0;
    hash_bytes(digits, bytes, size);
    for (size_t e = 0; e < WIDTH; e++) {
        vector[e] = (float)(digits[e] % 16) - 7.5f;
        squares += (double)vector[e] * vector[e];
    }
    for (size_t e = 0; e < WIDTH; e++)
        vector[e] /= (float)sqrt(squares);
}

static bool is_broken(const char *bytes)
{
    return !strncmp(bytes, "broken", 6);
}

static void read_picture(
    struct world *world, struct err *why, float *vector, const struct picture_source *source)
{
    char *bytes;
    size_t size;
    *why = (struct err){0};
    if (picture_source_read(&bytes, &size, source, 1 << 20, why))
        return;
    world->opened++;
    if (is_broken(bytes))
        err_set(why, ERR_FORMAT, "unable to decode '%s': no such picture", source->path);
    else if (!strcmp(bytes, "locked") && !world->unlocked)
        err_set(why, ERR_IO, "unable to decode '%s': the picture is locked", source->path);
    else
        stand_in_vector(vector, bytes, size);
    free(bytes);
}

static int embed_pictures(void *context, const struct picture_source *pictures, size_t count,
    picture_visit *visit, void *visit_context, struct err *err)
{
    struct world *world = context;
    int rc = 0;
    for (size_t first = 0; first < count && !rc; first += BATCH) {
        static struct err errs[BATCH];
        struct picture_size sizes[BATCH];
        float embeddings[BATCH][WIDTH];
        struct loaded_batch batch = {.first = first, .errs = errs, .sizes = sizes};
        for (; batch.count < BATCH && first + batch.count < count; batch.count++) {
            sizes[batch.count] = (struct picture_size){30, 20};
            read_picture(world, &errs[batch.count], embeddings[batch.good], &pictures[first + batch.count]);
            batch.good += !errs[batch.count].code;
        }
        world->pictures += batch.good;
        rc = visit(visit_context, &batch, embeddings[0], err);
    }
    return rc;
}

static int embed_texts(void *context, float *embeddings, struct err *errs, const char *const *texts,
    size_t count, size_t *truncated, const struct job *job, struct err *err)
{
    struct world *world = context;
    (void)job, (void)err;
    *truncated = 0;
    for (size_t i = 0; i < count; i++) {
        errs[i] = (struct err){0};
        if (is_broken(texts[i]))
            err_set(&errs[i], ERR_FORMAT, "no such words");
        else
            stand_in_vector(embeddings + i * WIDTH, texts[i], strlen(texts[i]));
        world->texts += !errs[i].code;
    }
    return 0;
}

/* A query is its first term. */
static int embed_query(void *context, float *embedding, const struct query_term *terms, size_t count,
    size_t *truncated, const struct job *job, struct err *err)
{
    (void)context, (void)count, (void)job, (void)err;
    *truncated = 0;
    stand_in_vector(embedding, terms[0].text, strlen(terms[0].text));
    return 0;
}

/* ---- the job ------------------------------------------------------------------------------------------- */

static int step(void *context, const char *unit, size_t done, size_t total)
{
    struct world *world = context;
    assert_non_null(unit);
    assert_true(done <= total);
    if (world->end_unit && !strcmp(unit, world->end_unit) && done == world->end_done)
        return 1;
    return ++world->steps == world->end_at;
}

static void report(void *context, const struct err *problem)
{
    struct world *world = context;
    assert_int_not_equal(problem->code, 0);
    assert_int_equal(strings_add(&world->reports, problem->msg, strlen(problem->msg), NULL), 0);
}

bool world_reported(const struct world *world, const char *text)
{
    for (size_t i = 0; i < world->reports.count; i++)
        if (strstr(world->reports.items[i], text))
            return true;
    return false;
}

/* ---- the world ----------------------------------------------------------------------------------------- */

void world_init(struct world *world, const char *name)
{
    *world = (struct world){
        .embedder = {.context = world,
            .width = WIDTH,
            .pictures = embed_pictures,
            .texts = embed_texts,
            .query = embed_query},
        .job = {.step = step, .report = report, .context = world, .threads = 2},
    };
    snprintf(world->folder, sizeof world->folder, "%s/%s", DIPTYCH_SCRATCH, name);
    snprintf(world->index, sizeof world->index, "%s/%s.dip", DIPTYCH_SCRATCH, name);
    assert_int_equal(mkdir(world->folder, 0777), 0);
}

void world_open(struct world *world)
{
    struct err err = {0};
    const struct collection_options options = {.access = INDEX_WRITE,
        .make = true,
        .model = "stand-in",
        .fingerprint = "0123456789abcdef0123456789abcdef",
        .width = WIDTH,
        .storage = INDEX_F32};
    if (collection_open(&world->collection, world->index, &options, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(collection_attach(world->collection, &world->embedder, NULL, &err), 0);
}

void world_close(struct world *world)
{
    collection_free(world->collection);
    world->collection = NULL;
}

void world_release(struct world *world)
{
    world_close(world);
    strings_release(&world->reports);
}

int world_sync(struct world *world, const struct sources *sources)
{
    struct err err = {0};
    strings_release(&world->reports);
    world->reports = (struct strings){0};
    world->steps = world->opened = world->pictures = world->texts = 0;
    const int rc = collection_sync(&world->counts, world->collection, sources, &world->job, &err);
    if (rc && rc != ERR_CANCELLED)
        fail_msg("%s", err.msg);
    return rc;
}

const char *world_path(const struct world *world, const char *name)
{
    static char path[8192];
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    return path;
}

void world_write(const struct world *world, const char *name, const char *bytes)
{
    FILE *file = fopen(world_path(world, name), "w");
    assert_non_null(file);
    fputs(bytes, file);
    assert_int_equal(fclose(file), 0);
}

/* ---- items --------------------------------------------------------------------------------------------- */

struct looking {
    const char *path;
    int64_t row;
    size_t count;
};

static int look(void *context, const struct index_item *item)
{
    struct looking *looking = context;
    if (item->path && !strcmp(item->path, looking->path)) {
        looking->row = item->row;
        looking->count++;
    }
    return 0;
}

size_t world_items(struct world *world, const char *path, const char *bytes)
{
    struct looking looking = {.path = path};
    struct index *index = collection_index(world->collection);
    float stored[WIDTH], expected[WIDTH];
    struct err err;
    assert_int_equal(index_each(index, NULL, look, &looking, &err), 0);
    if (looking.count && bytes) {
        assert_int_equal(index_vectors(stored, index, &looking.row, 1, &err), 0);
        stand_in_vector(expected, bytes, strlen(bytes));
        assert_memory_equal(stored, expected, sizeof expected);
    }
    return looking.count;
}

void world_expect_said(struct world *world, const char *name, const char *caption, const char *metadata)
{
    struct arena arena = {0};
    struct index_item item;
    bool found;
    struct index *index = collection_index(world->collection);
    assert_int_equal(
        index_find(&item, &found, index, INDEX_IMAGE, world_path(world, name), NULL, &arena, NULL), 0);
    assert_true(found);
    assert_string_equal(item.caption ? item.caption : "", caption);
    assert_string_equal(item.metadata ? item.metadata : "", metadata);
    arena_release(&arena);
}
