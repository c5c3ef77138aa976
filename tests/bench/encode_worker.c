// SPDX-License-Identifier: Apache-2.0
/*
 * Diptych in the comparison of encoders: what tests/bench/encoders.py runs beside the peers of peers.py, and
 * tells what to do one line of JSON at a time; each is answered with one.
 *
 *   bench_encode_worker MODEL PRECISION BATCH      at first it says what it is
 *
 *   {"prepare": "pictures", "input": FILE, "count": N, "output": FILE}
 *       takes N pictures as encoder_pixels does, or with "texts" N rows of ids (N, context) int32, each up to its
 *       largest id, or all of it where padding is part of a text, from a file that may hold more; writes their
 *       embeddings (N, E) float32
 *   {"run": SECONDS}
 *       encodes the same again until that time is over, and at least once -> {"seconds": [one a batch]}
 *
 * How many threads the device runs is up to its own environment variables, which encoders.py sets.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "joint/joint.h"

struct worker {
    struct device *device;
    struct model *model;
    struct encoder *encoder;

    /* What was prepared. */
    struct file_map input; // pixels or ids (N, context) int32
    bool texts;
    size_t count;
    size_t *lengths;   // (N), of texts
    float *embeddings; // (N, E)
};

/* ---- what it is ---------------------------------------------------------------------------------------- */

static int open_worker(struct worker *worker, char **argv, struct err *err)
{
    const struct device_options options = {.gemm = argv[4], .precision = argv[2]};
    int rc = device_open(&worker->device, &options, err);
    if (!rc)
        rc = model_open(&worker->model, argv[1], worker->device, err);
    return rc ? rc : encoder_open(&worker->encoder, worker->model, (size_t)atoi(argv[3]), err);
}

/* The operations in one picture, and in one text of 1, 2, ... tokens: peers do the same work. */
static json_t *describe(const struct worker *worker)
{
    const struct model_config *config = model_config(worker->model);
    json_t *texts = json_array();
    for (size_t tokens = 1; tokens <= config->text.context; tokens++)
        json_array_append_new(texts, json_real(text_flops(&config->text, tokens) / 1e9));
    return json_pack("{s:s, s:s, s:s, s:f, s:o}", "device", device_name(worker->device), "gemm",
        device_gemm(worker->device), "precision", precision_name(device_precision(worker->device)),
        "picture_gflop", vit_flops(&config->vision) / 1e9, "text_gflop", texts);
}

/* ---- work ---------------------------------------------------------------------------------------------- */

static int encode(struct worker *worker, struct err *err)
{
    const void *input = worker->input.data;
    return worker->texts ? encoder_ids(worker->encoder, worker->embeddings, input, worker->lengths,
                               worker->count, NULL, err)
                         : encoder_pixels(worker->encoder, worker->embeddings, input, worker->count, err);
}

/* How many of a row of ids take part; more than the context where the row has no end. */
static size_t text_length(const struct text_config *config, const int32_t *ids)
{
    const int32_t end = (int32_t)config->vocab - 1;
    size_t length = 1;
    if (text_shows_padding(config))
        return config->context;
    while (length <= config->context && ids[length - 1] != end)
        length++;
    return length;
}

static int find_lengths(struct worker *worker, struct err *err)
{
    const struct text_config *config = &model_config(worker->model)->text;
    const int32_t *ids = (const void *)worker->input.data;
    worker->lengths = mem_new(worker->count, sizeof *worker->lengths);
    if (!worker->lengths)
        return err_memory(err, worker->count * sizeof *worker->lengths);
    for (size_t i = 0; i < worker->count; i++) {
        worker->lengths[i] = text_length(config, ids + i * config->context);
        if (worker->lengths[i] > config->context)
            return err_set(err, ERR_FORMAT, "text %zu has no end", i);
    }
    return 0;
}

static int write_embeddings(const struct worker *worker, const char *path, struct err *err)
{
    const size_t count = worker->count * model_width(worker->model);
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(worker->embeddings, sizeof *worker->embeddings, count, file) == count;
    good = file && !fclose(file) && good;
    return good ? 0 : err_set(err, ERR_IO, "cannot write '%s'", path);
}

static void drop_work(struct worker *worker)
{
    file_map_release(&worker->input);
    free(worker->lengths);
    free(worker->embeddings);
    worker->lengths = NULL;
    worker->embeddings = NULL;
}

static int prepare(struct worker *worker, const char *kind, const char *input, const char *output,
    size_t count, struct err *err)
{
    const struct model_config *config = model_config(worker->model);
    const size_t width = config->vision.embed_width,
                 picture = preprocess_bytes(model_preprocess(worker->model));
    drop_work(worker);
    worker->texts = !strcmp(kind, "texts");
    worker->count = count;
    const size_t bytes = worker->texts ? config->text.context * sizeof(int32_t) : picture;
    int rc = file_map_open(&worker->input, input, err);
    if (rc)
        return rc;
    if (worker->input.size / bytes < count)
        return err_set(err, ERR_FORMAT, "'%s' holds fewer than %zu %s", input, count, kind);
    worker->embeddings = mem_new(count, width * sizeof *worker->embeddings);
    if (!worker->embeddings)
        return err_memory(err, count * width * sizeof *worker->embeddings);
    if ((worker->texts && (rc = find_lengths(worker, err))) || (rc = encode(worker, err)))
        return rc;
    return write_embeddings(worker, output, err);
}

static int run(struct worker *worker, double limit, json_t *seconds, struct err *err)
{
    if (!worker->embeddings)
        return err_set(err, ERR_ARGUMENT, "nothing is prepared");
    const double start = time_now();
    double before = start;
    do {
        int rc = encode(worker, err);
        if (rc)
            return rc;
        const double after = time_now();
        json_array_append_new(seconds, json_real(after - before));
        before = after;
    } while (before - start < limit);
    return 0;
}

/* ---- the conversation ---------------------------------------------------------------------------------- */

static json_t *answer(struct worker *worker, json_t *request, struct err *err)
{
    const char *kind, *input, *output;
    json_int_t count;
    double limit;
    if (!json_unpack(request, "{s:s, s:s, s:I, s:s}", "prepare", &kind, "input", &input, "count", &count,
            "output", &output))
        return prepare(worker, kind, input, output, (size_t)count, err) ? NULL : json_object();
    if (json_unpack(request, "{s:F}", "run", &limit)) {
        err_set(err, ERR_ARGUMENT, "not a request");
        return NULL;
    }
    json_t *seconds = json_array();
    if (!run(worker, limit, seconds, err))
        return json_pack("{s:o}", "seconds", seconds);
    json_decref(seconds);
    return NULL;
}

/* Prints the answer, or the error where there is none. */
static void say(json_t *reply, const struct err *err)
{
    if (!reply)
        reply = json_pack("{s:s}", "error", err->msg);
    json_dumpf(reply, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(reply);
}

int main(int argc, char **argv)
{
    struct worker worker = {0};
    struct err err = {0};
    char *line = NULL;
    size_t room = 0;
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: bench_encode_worker MODEL PRECISION BATCH [GEMM]\n");
        return 2;
    }
    const int rc = open_worker(&worker, argv, &err);
    say(rc ? NULL : describe(&worker), &err);
    while (!rc && getline(&line, &room, stdin) > 0) {
        json_t *request = json_loads(line, 0, NULL);
        say(answer(&worker, request, &err), &err);
        json_decref(request);
    }
    free(line);
    drop_work(&worker);
    encoder_free(worker.encoder);
    model_free(worker.model);
    device_free(worker.device);
    return rc ? 2 : 0;
}
