// SPDX-License-Identifier: Apache-2.0
/* Embeddings of many inputs, a batch after the other; see embed_part.c for how a run goes on. */
#include "joint/embed.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct embedding {
    struct encoder *encoder;
    const struct embed_options *options;
    const struct job *job;
    const struct strings *inputs;
    const char *key, *unit; /* of lines and of progress */
    struct embed_part part;
    struct embed_counts *counts; /* the part's */
    struct embed_sink sink;
};

/* ---- what a run is ------------------------------------------------------------------------------------- */

/* Goes on with a hash of hashes: *chain of what came before and this. */
static int chain(char hash[HASH_SIZE], const char *text, const struct stat *st, struct err *err)
{
    char *link;
    const int length = asprintf(&link, "%s%lld %lld.%09ld %s", hash, (long long)st->st_size,
        (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, text);
    if (length < 0)
        return err_memory(err, strlen(text));
    hash_bytes(hash, link, (size_t)length);
    free(link);
    return 0;
}

/* Size and time of a picture's file, or of its archive; zeroed where there is none. */
static struct stat look_at(const char *path)
{
    struct stat st;
    const size_t length = member_shard(path);
    char *file = strndup(path, length ? length : strlen(path));
    const bool there = file && !stat(file, &st);
    free(file);
    return there ? st : (struct stat){0};
}

/* Of texts, and of pictures by path, size and time. */
static int hash_inputs(char hash[HASH_SIZE], const struct embedding *e, bool files, struct err *err)
{
    int rc = 0;
    hash[0] = '\0';
    for (size_t i = 0; i < e->inputs->count && !rc; i++) {
        const struct stat st = files ? look_at(e->inputs->items[i]) : (struct stat){0};
        rc = i % 1024 ? 0 : job_step(e->job, "looking at the inputs", 0, 0, err);
        if (!rc)
            rc = chain(hash, e->inputs->items[i], &st, err);
    }
    return rc;
}

/* All that the bytes of the result depend on, by the names that users have for it. */
static json_t *describe(const struct embedding *e, const char *fingerprint, const char *inputs,
    const struct loader_options *loading)
{
    const struct device *device = model_device(encoder_model(e->encoder));
    json_t *run =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:I}", "model", fingerprint, "kind of input",
            e->unit, "list of inputs", inputs, "format", e->options->format == EMBED_NPY ? "npy" : "json",
            "storage", e->options->half ? "f16" : "f32", "normalize", !e->options->raw, "device",
            device_name(device), "gemm", device_gemm(device), "precision",
            precision_name(device_precision(device)), "batch", (json_int_t)encoder_batch(e->encoder));
    if (!run || !loading)
        return run;
    json_t *pictures = json_pack("{s:s, s:b, s:b, s:b, s:b, s:I, s:I}", "alpha", alpha_names[loading->alpha],
        "no-exif", loading->picture.ignore_exif, "strict", loading->picture.strict, "truncated",
        loading->picture.truncated, "fast-decode", loading->fast_decode, "max-pixels",
        (json_int_t)loading->picture.max_pixels, "max-bytes", (json_int_t)loading->picture.max_bytes);
    if (json_object_update_new(run, pictures)) {
        json_decref(run);
        return NULL;
    }
    return run;
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static int open_part(struct embedding *e, const struct loader_options *loading, struct err *err)
{
    char fingerprint[FINGERPRINT_SIZE], inputs[HASH_SIZE];
    int rc = model_fingerprint(fingerprint, encoder_model(e->encoder), err);
    if (!rc)
        rc = hash_inputs(inputs, e, loading, err);
    if (!rc)
        rc = embed_part_open(
            &e->part, e->options, describe(e, fingerprint, inputs, loading), e->inputs->count, err);
    return rc;
}

/* Opens what rows go to; those of an earlier run are there. */
static int begin(struct embedding *e, const struct loader_options *loading, struct err *err)
{
    const struct embed_options *options = e->options;
    const bool npy = options->format == EMBED_NPY;
    const size_t width = model_width(encoder_model(e->encoder));
    e->counts = &e->part.counts;
    e->part.lock = -1;
    e->sink = (struct embed_sink){
        .embeddings = !npy, .half = options->half, .width = width, .no_row = mem_new(width, sizeof(float))};
    if (!e->sink.no_row)
        return err_memory(err, width);
    for (size_t i = 0; i < width; i++)
        e->sink.no_row[i] = NAN;
    const int rc = options->out ? open_part(e, loading, err) : 0;
    if (rc)
        return rc;
    FILE *first = options->out ? e->part.files[0].stream : options->stream;
    e->sink.vectors = npy ? first : NULL;
    e->sink.lines = !npy ? first : options->out ? e->part.files[1].stream : NULL;
    if (e->sink.vectors && !e->counts->done)
        npy_put_header(e->sink.vectors, (int64_t)e->inputs->count, width, options->half);
    encoder_normalize(e->encoder, !options->raw);
    return job_step(e->job, e->unit, e->counts->done, e->inputs->count, err);
}

static bool is_finite(const float *embedding, size_t width)
{
    for (size_t i = 0; i < width; i++)
        if (!isfinite(embedding[i]))
            return false;
    return true;
}

/* The next row: an embedding, or why there is none. A problem without a code is a warning. */
static int put(
    struct embedding *e, const float *embedding, bool outside, const struct err *problem, struct err *err)
{
    struct err infinite;
    const struct err *why = problem->code ? problem : NULL;
    struct embed_row row = {.key = e->key,
        .name = e->inputs->items[e->counts->done],
        .embedding = embedding,
        .warning = !why && *problem->msg ? problem->msg : NULL,
        .outside = outside};
    if (row.warning)
        job_report(e->job, problem);
    if (!why && !is_finite(embedding, e->sink.width)) {
        err_set(&infinite, ERR_UNSUPPORTED, "the model has no finite numbers for '%.200s'", row.name);
        why = &infinite;
    }
    if (why) {
        job_report(e->job, why);
        row.embedding = NULL;
        row.outside = false;
        row.warning = NULL;
        row.error = why->msg;
        e->counts->failed++;
    }
    e->counts->done++;
    return embed_put(&e->sink, &row, err);
}

static int end_batch(struct embedding *e, struct err *err)
{
    const int rc = e->options->out ? embed_part_commit(&e->part, err) : 0;
    return rc ? rc : job_step(e->job, e->unit, e->counts->done, e->inputs->count, err);
}

static int end(struct embedding *e, int rc, struct embed_counts *counts, struct err *err)
{
    encoder_normalize(e->encoder, true);
    if (!rc && e->options->out)
        rc = embed_part_finish(&e->part, err);
    *counts = *e->counts;
    if (e->options->out)
        embed_part_close(&e->part);
    free(e->sink.no_row);
    return rc;
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static int put_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct embedding *e = context;
    const bool *outside = encoder_outside(e->encoder);
    int rc = 0;
    for (size_t i = 0; i < batch->count && !rc; i++) {
        const bool good = !batch->errs[i].code;
        rc = put(e, embeddings, good && *outside, &batch->errs[i], err);
        embeddings += good ? e->sink.width : 0;
        outside += good;
    }
    return rc ? rc : end_batch(e, err);
}

int embed_write_pictures(struct embed_counts *counts, struct encoder *encoder, struct loader *loader,
    const struct loader_options *loading, const struct picture_list *pictures,
    const struct embed_options *options, const struct job *job, struct err *err)
{
    const size_t count = pictures->paths.count;
    struct embedding e = {.encoder = encoder,
        .options = options,
        .job = job,
        .inputs = &pictures->paths,
        .key = "path",
        .unit = "pictures"};
    struct picture_source *sources = picture_list_sources(pictures);
    int rc = sources ? begin(&e, loading, err) : err_memory(err, count * sizeof *sources);
    const size_t first = e.part.counts.done;
    if (!rc && first < count)
        rc = encode_pictures(encoder, loader, sources + first, count - first, put_batch, &e, err);
    free(sources);
    return e.counts ? end(&e, rc, counts, err) : rc;
}

/* ---- texts --------------------------------------------------------------------------------------------- */

/* So many texts are sorted by length together: some batches. */
static size_t texts_at_once(const struct embedding *e)
{
    enum { BATCHES = 8 };
    return BATCHES * encoder_batch(e->encoder);
}

/* Texts (count) from the first that has no row yet; what cannot be tokenized fails alone. */
static int embed_chunk(
    struct embedding *e, float *embeddings, struct err *errs, size_t count, struct err *err)
{
    const struct model *model = encoder_model(e->encoder);
    const char *const *texts = (const char *const *)e->inputs->items + e->counts->done;
    struct token_rows rows = {0};
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        errs[i] = (struct err){0};
        rc = token_rows_add(&rows, model, texts[i], &errs[i]) == ERR_MEMORY ? err_memory(err, 0) : 0;
    }
    if (!rc && rows.count)
        rc = encoder_ids(e->encoder, embeddings, rows.ids, rows.lengths, rows.count, e->job, err);
    e->counts->truncated += rc ? 0 : rows.truncated;
    for (size_t i = 0; i < count && !rc; i++) {
        rc = put(e, embeddings, false, &errs[i], err);
        embeddings += errs[i].code ? 0 : e->sink.width;
    }
    token_rows_release(&rows);
    return rc ? rc : end_batch(e, err);
}

int embed_write_texts(struct embed_counts *counts, struct encoder *encoder, const struct strings *texts,
    const struct embed_options *options, const struct job *job, struct err *err)
{
    struct embedding e = {
        .encoder = encoder, .options = options, .job = job, .inputs = texts, .key = "text", .unit = "texts"};
    const size_t most = texts_at_once(&e), width = model_width(encoder_model(encoder));
    float *embeddings = mem_new(most * width, sizeof *embeddings); // (most, E)
    struct err *errs = mem_new(most, sizeof *errs);
    int rc = embeddings && errs ? begin(&e, NULL, err) : err_memory(err, most * sizeof *errs);
    while (!rc && e.counts->done < texts->count) {
        const size_t left = texts->count - e.counts->done;
        rc = embed_chunk(&e, embeddings, errs, left < most ? left : most, err);
    }
    free(embeddings);
    free(errs);
    return e.counts ? end(&e, rc, counts, err) : rc;
}
