// SPDX-License-Identifier: Apache-2.0
/* Steps of contrastive training on made up weights and batches, for train.py to time beside PyTorch.
 *
 *     bench_train CONFIG_FOLDER BATCH TOKENS STEPS [GEMM [PRECISION [CHUNK [recompute|keep [WHAT [RANK]]]]]]
 *
 * says seconds a step, after one to warm up, and where they went. */
#include "joint/train/trained_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int fail(const struct err *err)
{
    fprintf(stderr, "bench_train: %s\n", err->msg);
    return 1;
}

/* Any pictures, and texts of all the tokens. */
static struct contrastive_batch made_up(const struct model_config *config, size_t count, size_t tokens)
{
    const size_t size = config->vision.image_size, bytes = count * size * size * 3;
    uint8_t *pixels = malloc(bytes);
    int32_t *ids = malloc(count * tokens * sizeof *ids), *eot = malloc(count * sizeof *eot);
    struct batch_texts *texts = malloc(sizeof *texts);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)random_at(1, i);
    for (size_t i = 0; i < count * tokens; i++)
        ids[i] = (int32_t)(random_at(2, i) % config->text.vocab);
    for (size_t i = 0; i < count; i++)
        eot[i] = (int32_t)tokens - 1;
    *texts = (struct batch_texts){.tokens = tokens, .ids = ids, .eot = eot};
    return (struct contrastive_batch){
        .count = count, .pixels = pixels, .texts = texts, .each = 1, .number = 1};
}

static void say_profile(struct stream *stream, size_t steps)
{
    struct profile_row rows[PROFILE_ROWS_MAX];
    const size_t count = stream_profile_rows(stream, rows);
    for (size_t i = 0; i < count; i++)
        printf("  %-28s %5zu %9.1f ms %8.0f GFLOP/s\n", rows[i].kind, rows[i].launches / steps,
            rows[i].seconds * 1e3 / (double)steps, rows[i].flops / rows[i].seconds / 1e9);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return fprintf(stderr, "bench_train CONFIG_FOLDER BATCH TOKENS STEPS [GEMM [PRECISION [CHUNK "
                               "[recompute|keep [WHAT "
                               "[RANK]]]]]]\n"),
               2;
    const size_t count = strtoul(argv[2], NULL, 10), tokens = strtoul(argv[3], NULL, 10),
                 steps = strtoul(argv[4], NULL, 10), chunk = argc > 7 ? strtoul(argv[7], NULL, 10) : 0;
    const bool recomputes = argc > 8 && !strcmp(argv[8], "recompute");
    const char *gemm = argc > 5 && strcmp(argv[5], "auto") ? argv[5] : NULL;
    enum trained_what what = TRAINED_ALL;
    while (argc > 9 && what < TRAINED_COUNT - 1 && strcmp(trained_what_is[what].name, argv[9]))
        what++;
    const size_t rank = argc > 10 ? strtoul(argv[10], NULL, 10) : 16;
    const struct device_options on = {.gemm = gemm, .precision = argc > 6 ? argv[6] : "f32"};
    struct adamw_options options = {
        .rate = 1e-4, .beta_1 = 0.9, .beta_2 = 0.98, .eps = 1e-6, .decay = 0.2, .clip = 1};
    struct model_config config;
    struct device *device;
    struct weights *weights;
    struct trained_model *model;
    struct loss_report report;
    struct rusage usage;
    struct err err;
    double norm, began = 0;
    if (model_config_read(&config, argv[1], &err) || device_open(&device, &on, &err) ||
        weights_random(&weights, 1, &err))
        return fail(&err);
    const struct preprocess preprocess = preprocess_default((int)config.vision.image_size);
    const struct trained_model_options sizes = {.loss = LOSS_SOFTMAX,
        .batch = count,
        .chunk = chunk ? chunk : count,
        .tokens = tokens,
        .recomputes = recomputes,
        .what = what,
        .lora = {.rank = rank, .alpha = (double)rank, .targets = (1u << LORA_TARGETS) - 1, .seed = 1}};
    if (trained_model_open(&model, &config, &preprocess, weights, device, &sizes, &err))
        return fail(&err);
    const struct contrastive_batch batch = made_up(&config, count, tokens);
    for (size_t step = 0; step <= steps; step++) {
        options.step = step + 1;
        if (step == 1)
            began = now();
        if (trained_model_learn(model, &report, &batch, &err) ||
            trained_model_step(model, &options, &norm, &err))
            return fail(&err);
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%.3f s a step, loss %.4f, %.2f GB on the device, %.2f GB at most\n",
        (now() - began) / (double)steps, report.loss, (double)trained_model_bytes(model) / 1e9,
        (double)usage.ru_maxrss / 1e6);
    if (stream_profile(trained_model_stream(model), &err) ||
        trained_model_learn(model, &report, &batch, &err) || trained_model_step(model, &options, &norm, &err))
        return fail(&err);
    say_profile(trained_model_stream(model), 1);
    return 0;
}
