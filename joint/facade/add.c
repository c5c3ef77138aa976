// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/index.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Additions on their way into the index. Arrays are (count) unless they say otherwise. */
struct adding {
    struct diptych_index *index;
    const struct diptych_addition *additions;
    size_t count;
    struct diptych_outcomes *outcomes;
    const struct job *job;
    int alpha;

    struct picture_source *sources; /* in memory, of images that could be read */
    struct picture_size *sizes;
    float *embeddings;  // (count, E)
    struct arena arena; /* of files' bytes and names */
};

static bool good(const struct adding *a, size_t i)
{
    return !a->outcomes->items[i].code;
}

/* ---- inputs -------------------------------------------------------------------------------------------- */

static bool has_image(const struct diptych_addition *addition)
{
    return addition->image.path || addition->image.bytes || addition->image.pixels;
}

/* What the index keeps of plain pixels. */
static int write_png(struct picture_source *source, struct arena *arena,
    const struct picture_options *options, struct err *err)
{
    struct picture picture;
    uint8_t *png;
    size_t size;
    int rc = picture_decode(&picture, source->bytes, source->size, options, err);
    if (rc)
        return rc;
    rc = picture_write_png(&png, &size, &picture, err);
    picture_release(&picture);
    if (rc)
        return rc;
    const char *kept = arena_copy(arena, (const char *)png, size);
    free(png);
    if (!kept)
        return err_memory(err, size);
    *source = picture_bytes(source->name, (const uint8_t *)kept, size);
    return 0;
}

/* The bytes of a file, which both model and index take. */
static int read_file(struct picture_source *source, struct arena *arena, size_t max_bytes, struct err *err)
{
    enum { DEFAULT_BYTES = 256 << 20 };
    const char *path = source->path;
    char *bytes;
    size_t size;
    const int rc = picture_source_read(&bytes, &size, source, max_bytes ? max_bytes : DEFAULT_BYTES, err);
    if (rc)
        return rc;
    const char *kept = arena_copy(arena, bytes, size);
    free(bytes);
    if (!kept)
        return err_memory(err, size);
    *source = picture_bytes(path, (const uint8_t *)kept, size);
    return 0;
}

static int check_metadata(const char *metadata, struct err *err)
{
    json_t *json;
    if (!metadata)
        return 0;
    const int rc = json_parse(&json, metadata, strlen(metadata), "metadata", err);
    if (!rc)
        json_decref(json);
    return rc;
}

/* The call makes no sense where an addition is not one of the two; else what is wrong with one is its outcome. */
static int read_addition(struct adding *a, size_t i, struct err *err)
{
    const struct diptych_addition *addition = &a->additions[i];
    const struct diptych_image *image = &addition->image;
    struct picture_source *source = NULL;
    struct err problem = {0};
    if (has_image(addition) == (addition->text != NULL))
        return err_set(err, ERR_ARGUMENT, "addition %zu has not one of image and text", i);
    int rc = check_metadata(addition->metadata, &problem);
    if (has_image(addition)) {
        const int wrong = sources_of(&source, &a->arena, image, 1, err);
        if (wrong) {
            err_wrap(err, "addition %zu", i);
            return wrong;
        }
        a->sources[i] = *source;
        if (!rc && image->pixels)
            rc = write_png(&a->sources[i], &a->arena, &a->index->model->loading.picture, &problem);
        else if (!rc && !image->bytes)
            rc = read_file(&a->sources[i], &a->arena, a->index->model->loading.picture.max_bytes, &problem);
    } else if (!rc && !*addition->text) {
        rc = err_set(&problem, ERR_ARGUMENT, "the text is empty");
    }
    return rc ? outcomes_note(a->outcomes, i, &problem, a->job, err) : 0;
}

/* ---- vectors ------------------------------------------------------------------------------------------- */

/* Those of the additions that the model has to see, of one kind. */
struct part {
    struct adding *adding;
    size_t *of; // (count): which addition
    size_t count;
    struct diptych_outcomes *outcomes;
};

static int part_open(struct part *part, struct adding *a, bool images, struct err *err)
{
    *part = (struct part){.adding = a, .of = mem_new(a->count + 1, sizeof *part->of)};
    if (!part->of)
        return err_memory(err, a->count * sizeof *part->of);
    for (size_t i = 0; i < a->count; i++)
        if (good(a, i) && !a->additions[i].embedding && has_image(&a->additions[i]) == images)
            part->of[part->count++] = i;
    return outcomes_new(&part->outcomes, part->count, err);
}

/* The outcomes of a part are those of its additions; their job has been told of them. */
static int part_close(struct part *part, int rc, struct err *err)
{
    for (size_t k = 0; k < part->count && !rc; k++) {
        const struct outcome_of *one = &part->outcomes->items[k];
        struct outcome_of *whole = &part->adding->outcomes->items[part->of[k]];
        whole->outside = one->outside;
        whole->truncated = one->truncated;
        if (one->message) {
            struct err problem = {0};
            err_set(&problem, (enum err_code)one->code, "%s", one->message);
            rc = outcomes_note(part->adding->outcomes, part->of[k], &problem, NULL, err);
        }
    }
    diptych_outcomes_free(part->outcomes);
    free(part->of);
    return rc;
}

static size_t width_of(const struct adding *a)
{
    return model_width(a->index->model->model);
}

static int keep_row(void *context, size_t k, const float *embedding, struct err *err)
{
    const struct part *part = context;
    const size_t width = width_of(part->adding);
    (void)err;
    if (embedding)
        memcpy(part->adding->embeddings + part->of[k] * width, embedding, width * sizeof *embedding);
    return 0;
}

static int encode_images(struct adding *a, struct lane *lane, struct err *err)
{
    struct picture_source *sources = mem_new(a->count + 1, sizeof *sources);
    struct picture_size *sizes = mem_new(a->count + 1, sizeof *sizes);
    struct part part = {0};
    int rc = sources && sizes ? part_open(&part, a, true, err) : err_memory(err, a->count * sizeof *sources);
    const struct picture_work work = {sources, part.count, part.outcomes, sizes, keep_row, &part};
    for (size_t k = 0; k < part.count; k++)
        sources[k] = a->sources[part.of[k]];
    if (!rc)
        rc = pictures_encode(&work, lane, a->job, err);
    for (size_t k = 0; k < part.count && !rc; k++)
        a->sizes[part.of[k]] = sizes[k];
    rc = part_close(&part, rc, err);
    free(sources);
    free(sizes);
    return rc;
}

static int encode_texts(struct adding *a, struct lane *lane, struct err *err)
{
    const size_t width = width_of(a);
    const char **texts = mem_new(a->count + 1, sizeof *texts);
    struct part part = {0};
    int rc = texts ? part_open(&part, a, false, err) : err_memory(err, a->count * sizeof *texts);
    float *rows = rc ? NULL : mem_new(part.count + 1, width * sizeof *rows); // (part.count, E)
    if (!rc && !rows)
        rc = err_memory(err, part.count * width * sizeof *rows);
    for (size_t k = 0; k < part.count; k++)
        texts[k] = a->additions[part.of[k]].text;
    if (!rc)
        rc = texts_encode(rows, lane, texts, part.count, part.outcomes, a->job, err);
    for (size_t k = 0; k < part.count && !rc; k++)
        rc = keep_row(&part, k, rows + k * width, err);
    rc = part_close(&part, rc, err);
    free(rows);
    free(texts);
    return rc;
}

static int encode(struct adding *a, struct err *err)
{
    struct lane *lane = NULL;
    int rc = lane_take(&lane, a->index->model, true, a->alpha, a->job, err);
    if (!rc)
        rc = encode_images(a, lane, err);
    if (!rc)
        rc = encode_texts(a, lane, err);
    lane_give(a->index->model, lane);
    return rc;
}

/* ---- into the index ------------------------------------------------------------------------------------ */

static struct addition addition_of(const struct adding *a, size_t i)
{
    const struct diptych_addition *said = &a->additions[i];
    return (struct addition){
        .picture = a->sources[i].bytes,
        .size = a->sources[i].size,
        .width = a->sizes[i].width,
        .height = a->sizes[i].height,
        .text = said->text,
        .caption = said->caption,
        .metadata = said->metadata,
        .embedding = said->embedding ? said->embedding : a->embeddings + i * width_of(a),
    };
}

static int write_all(struct adding *a, int64_t *ids, struct err *err)
{
    struct addition *additions = mem_new(a->count + 1, sizeof *additions);
    size_t kept = 0;
    if (!additions)
        return err_memory(err, a->count * sizeof *additions);
    for (size_t i = 0; i < a->count; i++)
        if (good(a, i))
            additions[kept++] = addition_of(a, i);
    int rc = kept ? index_take(a->index, a->job, err) : 0;
    if (!rc && kept) {
        rc = collection_add(a->index->collection, additions, kept, (enum alpha_rule)a->alpha, err);
        index_give(a->index);
    }
    kept = 0;
    for (size_t i = 0; i < a->count && !rc; i++)
        ids[i] = good(a, i) ? additions[kept++].id : -1;
    free(additions);
    return rc;
}

static int add(struct adding *a, int64_t *ids, struct err *err)
{
    const size_t row = width_of(a) * sizeof *a->embeddings;
    a->sources = mem_new(a->count + 1, sizeof *a->sources);
    a->sizes = mem_new(a->count + 1, sizeof *a->sizes);
    a->embeddings = mem_new(a->count + 1, row);
    int rc = a->sources && a->sizes && a->embeddings ? 0 : err_memory(err, a->count * row);
    for (size_t i = 0; i < a->count && !rc; i++)
        if (!(rc = read_addition(a, i, err)))
            rc = job_step(a->job, "additions", i + 1, a->count, err);
    if (!rc)
        rc = index_alpha(&a->alpha, a->index, a->job, err);
    if (!rc)
        rc = encode(a, err);
    return rc ? rc : write_all(a, ids, err);
}

int diptych_index_add(struct diptych_index *index, int64_t *ids, const struct diptych_addition *additions,
    size_t count, struct diptych_outcomes **wanted, struct diptych_job *job, struct diptych_error *error)
{
    struct adding a = {.index = index, .additions = additions, .count = count};
    struct err err;
    const locale_t host = facade_begin();
    int rc = index_need(index, true, true, &err);
    if (wanted)
        *wanted = NULL;
    if (!rc && count && !(rc = need(ids, "ids", &err)))
        rc = need(additions, "additions", &err);
    if (!rc)
        rc = outcomes_new(&a.outcomes, count, &err);
    if (!rc) {
        const struct job work = facade_job(job, index->model->threads, host);
        a.job = &work;
        rc = add(&a, ids, &err);
    }
    outcomes_end(wanted, a.outcomes, rc);
    free(a.sources);
    free(a.sizes);
    free(a.embeddings);
    arena_release(&a.arena);
    return facade_end(error, rc, &err, host);
}
