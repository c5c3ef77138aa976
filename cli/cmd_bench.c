// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/text.h"
#include "joint/joint.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_BATCH = 16, DEFAULT_ROUNDS = 5, WARM_UP = 2, BATCH_MAX = 4096, ROUNDS_MAX = 10000 };

struct bench {
    const char *work, *shape;
    struct model_options model;
    size_t batch, rounds;
    bool profile;
    int format;

    struct arena arena;
    struct device *device;
    struct model *loaded;
    struct encoder *encoder;
};

/* ---- options ------------------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {"shape", 's', "SHAPE", 0,
        "A published model's shape with random weights, vit-b-32 for one; an unknown SHAPE lists them", 0},
    {"batch", 'b', "N", 0, "Pictures or texts in a batch (default: 16)", 0},
    {"rounds", 'r', "N", 0, "Batches to take the median of (default: 5)", 0},
    {"profile", 'p', NULL, 0, "Also say what a batch's time is spent on; taking the times costs some", 0},
    {"format", 'f', "table|json", 0, "How to print it (default: table)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct bench *bench = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &bench->model;
        return 0;
    case 's':
        bench->shape = argument;
        return 0;
    case 'b':
        bench->batch = option_number(state, "batch", argument, 1, BATCH_MAX);
        return 0;
    case 'r':
        bench->rounds = option_number(state, "rounds", argument, 1, ROUNDS_MAX);
        return 0;
    case 'p':
        bench->profile = true;
        return 0;
    case 'f':
        bench->format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num)
            argp_error(state, "'%s' is one argument too many", argument);
        bench->work = argument;
        return 0;
    case ARGP_KEY_END:
        if (!bench->work || strcmp(bench->work, "encode"))
            argp_error(state, "say what to measure: encode");
        if (bench->shape && (bench->model.directory || bench->model.adapters.all.count))
            argp_error(
                state, "--shape and --%s exclude each other", bench->model.directory ? "model" : "lora");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&model_argp, 0, "Model and device:", 4}, {&common_argp, 0, "", -1}, {0}};

const struct argp bench_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "encode",
    .doc = "Measure how many pictures and texts a second the device encodes: the median of some batches, "
           "after a warm-up. Decoding is not part of it. Texts are as long as the model takes.\n\n"
           "  diptych bench encode --shape vit-b-32 --batch 16\v",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static const struct model_config *find_shape(const char *name, struct err *err)
{
    char names[512] = "";
    for (const struct model_shape *shape = model_shapes; shape->name; shape++) {
        if (!strcmp(shape->name, name))
            return &shape->config;
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, " %s", shape->name);
    }
    err_set(err, ERR_ARGUMENT, "no shape '%s'; there are%s", name, names);
    return NULL;
}

static int open_model(struct bench *bench, struct err *err)
{
    enum { SEED = 1 };
    const char *directory;
    if (bench->shape) {
        const struct model_config *config = find_shape(bench->shape, err);
        int rc = config ? device_open(&bench->device, &bench->model.device, err) : ERR_ARGUMENT;
        return rc ? rc : model_random(&bench->loaded, config, SEED, bench->device, err);
    }
    int rc = model_directory(&directory, bench->model.directory, &bench->arena, err);
    if (!rc)
        rc = device_open(&bench->device, &bench->model.device, err);
    bench->shape = directory;
    return rc ? rc
              : model_open_adapted(&bench->loaded, directory, &bench->model.adapters.all, bench->device, err);
}

/* ---- measuring ----------------------------------------------------------------------------------------- */

static int encode_pixels(struct bench *bench, const void *pixels, float *embeddings, struct err *err)
{
    return encoder_pixels(bench->encoder, embeddings, pixels, bench->batch, err);
}

struct texts {
    int32_t *ids;    // (batch, context)
    size_t *lengths; // (batch), all context
};

static int encode_texts(struct bench *bench, const void *texts, float *embeddings, struct err *err)
{
    const struct texts *t = texts;
    return encoder_ids(bench->encoder, embeddings, t->ids, t->lengths, bench->batch, NULL, err);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What the batches since the last call were spent on, by kind of work in the order of a forward pass; times
 * and launches of one batch. */
static json_t *profile_report(struct bench *bench)
{
    struct profile_row rows[PROFILE_ROWS_MAX];
    const size_t count = stream_profile_rows(encoder_stream(bench->encoder), rows);
    json_t *list = json_array();
    double whole = 0;
    for (size_t i = 0; i < count; i++)
        whole += rows[i].seconds;
    for (size_t i = 0; i < count; i++) {
        const struct profile_row *row = &rows[i];
        const double speed = row->seconds > 0 ? row->flops / row->seconds / 1e9 : 0;
        json_array_append_new(list,
            json_pack("{s:s, s:I, s:f, s:f, s:f}", "kind", row->kind, "launches",
                (json_int_t)(row->launches / bench->rounds), "ms", 1e3 * row->seconds / (double)bench->rounds,
                "share", row->seconds / whole, "gflop_per_second", speed));
    }
    return list;
}

/* The median seconds of a batch, and what follows from them. flops is of one item. */
static int measure(json_t **out, struct bench *bench,
    int (*encode)(struct bench *, const void *, float *, struct err *), const void *batch, double flops,
    struct err *err)
{
    float *embeddings = mem_new(bench->batch, model_width(bench->loaded) * sizeof *embeddings);
    double *seconds = mem_new(bench->rounds, sizeof *seconds);
    int rc = embeddings && seconds ? 0 : err_memory(err, bench->rounds * sizeof *seconds);
    for (size_t round = 0; round < WARM_UP + bench->rounds && !rc; round++) {
        if (round == WARM_UP)
            json_decref(profile_report(bench)); /* of the warm-up */
        const double start = time_now();
        rc = encode(bench, batch, embeddings, err);
        if (round >= WARM_UP)
            seconds[round - WARM_UP] = time_now() - start;
    }
    if (!rc) {
        qsort(seconds, bench->rounds, sizeof *seconds, by_value);
        const size_t middle = bench->rounds / 2;
        const double median =
            bench->rounds % 2 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
        const double rate = (double)bench->batch / median;
        *out = json_pack("{s:f, s:f, s:f, s:f, s:f}", "per_second", rate, "gflop_per_second",
            flops * rate / 1e9, "batch_ms", 1e3 * median, "batch_ms_min", 1e3 * seconds[0], "batch_ms_max",
            1e3 * seconds[bench->rounds - 1]);
        if (bench->profile)
            json_object_set_new(*out, "profile", profile_report(bench));
    }
    free(seconds);
    free(embeddings);
    return rc;
}

/* Any bytes are pixels; these never repeat within a picture's row. */
static int measure_pictures(json_t **out, struct bench *bench, struct err *err)
{
    const struct vit_config *config = &model_config(bench->loaded)->vision;
    const struct preprocess *preprocess = model_preprocess(bench->loaded);
    const size_t bytes = preprocess_bytes(preprocess);
    uint8_t *pixels = mem_new(bench->batch, bytes);
    if (!pixels)
        return err_memory(err, bench->batch * bytes);
    for (size_t i = 0; i < bench->batch * bytes; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 16);
    for (size_t i = 0; i < bench->batch; i++)
        preprocess_blank(pixels + i * bytes, preprocess);
    int rc = measure(out, bench, encode_pixels, pixels, vit_flops(config), err);
    free(pixels);
    return rc;
}

/* Texts of any ids but the one that ends a text, which stands last: all tokens count. */
static int measure_texts(json_t **out, struct bench *bench, struct err *err)
{
    const struct text_config *config = &model_config(bench->loaded)->text;
    const size_t context = config->context;
    const size_t end = config->eot_rule == EOT_FIRST ? (size_t)config->eot_id : config->vocab - 1;
    struct texts texts = {.ids = mem_new(bench->batch, context * sizeof *texts.ids),
        .lengths = mem_new(bench->batch, sizeof *texts.lengths)};
    int rc = texts.ids && texts.lengths ? 0 : err_memory(err, bench->batch * context * sizeof *texts.ids);
    for (size_t i = 0; i < bench->batch && !rc; i++) {
        texts.lengths[i] = context;
        for (size_t t = 0; t < context; t++) {
            const size_t word = (i * context + t) * 7919 % (config->vocab - 1);
            texts.ids[i * context + t] = (int32_t)(word < end ? word : word + 1);
        }
        texts.ids[(i + 1) * context - 1] = (int32_t)end;
    }
    if (!rc)
        rc = measure(out, bench, encode_texts, &texts, text_flops(config, context), err);
    free(texts.lengths);
    free(texts.ids);
    return rc;
}

static int bench_run(struct bench *bench, struct err *err)
{
    json_t *pictures = NULL, *texts = NULL;
    int rc = open_model(bench, err);
    if (!rc)
        rc = encoder_open(&bench->encoder, bench->loaded, bench->batch, err);
    if (!rc && bench->profile)
        rc = stream_profile(encoder_stream(bench->encoder), err);
    if (!rc)
        rc = measure_pictures(&pictures, bench, err);
    if (!rc)
        rc = measure_texts(&texts, bench, err);
    if (rc) {
        json_decref(pictures);
        return rc;
    }
    return report_print("bench/1",
        json_pack("{s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "model", json_text(bench->shape), "device",
            device_name(bench->device), "gemm", device_gemm(bench->device), "precision",
            precision_name(device_precision(bench->device)), "batch", (json_int_t)bench->batch, "rounds",
            (json_int_t)bench->rounds, "tokens", (json_int_t)model_config(bench->loaded)->text.context,
            "pictures", pictures, "texts", texts),
        bench->format, err);
}

int cmd_bench(int argc, char **argv)
{
    struct bench bench = {.batch = DEFAULT_BATCH, .rounds = DEFAULT_ROUNDS};
    struct err err = {0};
    options_parse(&bench_argp, argc, argv, &bench);

    int rc = bench_run(&bench, &err);
    if (rc)
        message("cannot measure: %s", err.msg);
    encoder_free(bench.encoder);
    model_free(bench.loaded);
    device_free(bench.device);
    arena_release(&bench.arena);
    return rc ? STATUS_CANNOT : STATUS_DONE;
}
