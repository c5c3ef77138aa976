// SPDX-License-Identifier: Apache-2.0
/*
 * Times the ranking of pictures and captions for tests/bench/retrieval.py.
 *
 *     bench_retrieval IMAGES CAPTIONS CAPTIONS_AN_IMAGE WIDTH ROUNDS
 *
 * IMAGES and CAPTIONS are raw float32; captions lie image by image. In turn, ROUNDS times: retrieval_compute, and what it
 * stands for, one dot_product a pair on the same threads. One line of JSON a round on stdout, with the ranks of both compared.
 */
#include "joint/evaluation/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct pairs {
    const float *images;   // (image_count, E)
    const float *captions; // (image_count * each, E)
    size_t image_count, each, width;
    size_t *image_of;      // (image_count * each)
    size_t *image_ahead;   // (image_count)
    size_t *caption_ahead; // (image_count * each)
};

static float cosine(const struct pairs *pairs, size_t image, size_t caption)
{
    return dot_product(
        &pairs->images[image * pairs->width], &pairs->captions[caption * pairs->width], pairs->width);
}

static void rank_caption(void *context, size_t caption)
{
    const struct pairs *pairs = context;
    const size_t own = caption / pairs->each;
    const float mark = cosine(pairs, own, caption);
    pairs->caption_ahead[caption] = 0;
    for (size_t image = 0; image < pairs->image_count; image++)
        pairs->caption_ahead[caption] += image != own && cosine(pairs, image, caption) >= mark;
}

static void rank_image(void *context, size_t image)
{
    const struct pairs *pairs = context;
    float mark = -INFINITY;
    for (size_t i = 0; i < pairs->each; i++)
        mark = fmaxf(mark, cosine(pairs, image, image * pairs->each + i));
    pairs->image_ahead[image] = 0;
    for (size_t caption = 0; caption < pairs->image_count * pairs->each; caption++)
        pairs->image_ahead[image] += caption / pairs->each != image && cosine(pairs, image, caption) >= mark;
}

static size_t differences(const struct pairs *pairs, const struct retrieval *retrieval)
{
    size_t count = 0;
    for (size_t i = 0; i < pairs->image_count; i++)
        count += pairs->image_ahead[i] != retrieval->image_ahead[i];
    for (size_t i = 0; i < pairs->image_count * pairs->each; i++)
        count += pairs->caption_ahead[i] != retrieval->caption_ahead[i];
    return count;
}

static int round_run(struct pairs *pairs, struct device *device, struct err *err)
{
    const struct job job = {0};
    const size_t captions = pairs->image_count * pairs->each;
    struct retrieval retrieval;
    const double start = time_now();
    int rc = retrieval_compute(&retrieval, device, pairs->images, pairs->image_count, pairs->captions,
        pairs->image_of, captions, pairs->width, &job, err);
    const double ranked = time_now();
    if (!rc) {
        job_loop(&job, captions, rank_caption, pairs);
        job_loop(&job, pairs->image_count, rank_image, pairs);
        printf("{\"seconds\": %.4f, \"pair_by_pair\": %.4f, \"differences\": %zu, \"R@1\": %.17g}\n",
            ranked - start, time_now() - ranked, differences(pairs, &retrieval),
            retrieval.text_to_image.recall[0]);
        fflush(stdout);
    }
    retrieval_release(&retrieval);
    return rc;
}

static int pairs_open(
    struct pairs *pairs, struct file_map *images, struct file_map *captions, char **argv, struct err *err)
{
    pairs->each = strtoul(argv[3], NULL, 10);
    pairs->width = strtoul(argv[4], NULL, 10);
    int rc = file_map_open(images, argv[1], err);
    if (!rc)
        rc = file_map_open(captions, argv[2], err);
    if (rc)
        return rc;
    pairs->images = (const float *)images->data;
    pairs->captions = (const float *)captions->data;
    pairs->image_count = images->size / sizeof(float) / pairs->width;
    const size_t count = pairs->image_count * pairs->each;
    pairs->image_of = mem_new(count, sizeof *pairs->image_of);
    pairs->caption_ahead = mem_new(count, sizeof *pairs->caption_ahead);
    pairs->image_ahead = mem_new(pairs->image_count, sizeof *pairs->image_ahead);
    if (!pairs->image_of || !pairs->caption_ahead || !pairs->image_ahead)
        return err_memory(err, count * sizeof *pairs->image_of);
    for (size_t i = 0; i < count; i++)
        pairs->image_of[i] = i / pairs->each;
    return 0;
}

int main(int argc, char **argv)
{
    struct pairs pairs = {0};
    struct file_map images = {0}, captions = {0};
    struct device *device = NULL;
    struct err err = {0};
    if (argc != 6) {
        fprintf(stderr, "usage: bench_retrieval IMAGES CAPTIONS CAPTIONS_AN_IMAGE WIDTH ROUNDS\n");
        return 2;
    }
    int rc = pairs_open(&pairs, &images, &captions, argv, &err);
    if (!rc)
        rc = device_open(&device, NULL, &err);
    for (long round = strtol(argv[5], NULL, 10); round > 0 && !rc; round--)
        rc = round_run(&pairs, device, &err);
    if (rc)
        fprintf(stderr, "bench_retrieval: %s\n", err.msg);
    device_free(device);
    free(pairs.image_ahead);
    free(pairs.caption_ahead);
    free(pairs.image_of);
    file_map_release(&captions);
    file_map_release(&images);
    return rc ? 1 : 0;
}
