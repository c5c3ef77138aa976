// SPDX-License-Identifier: Apache-2.0
/* Fits a linear probe for probe.py, which makes the files and compares the weights.
 *
 *     bench_probe FILE COUNT WIDTH CLASSES C TOLERANCE THREADS OUT
 *
 * FILE has embeddings (COUNT, WIDTH) float32 and labels (COUNT) uint32; OUT gets weights (CLASSES, WIDTH) and intercepts
 * (CLASSES), float32. Prints seconds, iterations, evaluations and the objective. */
#include "joint/probe/probe.h"

#include <stdlib.h>

enum { ARGUMENTS = 9 };

static bool load(struct examples *examples, const char *path)
{
    const size_t count = examples->count, numbers = count * examples->width;
    uint32_t *labels = mem_new(count, sizeof *labels);
    FILE *file = fopen(path, "rb");
    examples->embeddings = mem_new(numbers, sizeof(float));
    examples->first = mem_new(count + 1, sizeof(size_t));
    examples->labels = mem_new(count, sizeof(size_t));
    const bool read = file && labels && examples->embeddings && examples->first && examples->labels &&
                      fread(examples->embeddings, sizeof(float), numbers, file) == numbers &&
                      fread(labels, sizeof *labels, count, file) == count;
    for (size_t i = 0; read && i < count; i++) {
        examples->labels[i] = labels[i];
        examples->first[i + 1] = i + 1;
    }
    if (file)
        fclose(file);
    free(labels);
    return read;
}

static bool save(const struct probe_fitted *fitted, const struct examples *examples, const char *path)
{
    FILE *file = fopen(path, "wb");
    const size_t numbers = examples->classes * examples->width;
    const bool written =
        file && fwrite(fitted->weights, sizeof(float), numbers, file) == numbers &&
        fwrite(fitted->intercepts, sizeof(float), examples->classes, file) == examples->classes;
    return file && !fclose(file) && written;
}

int main(int argc, char **argv)
{
    struct probe_fit_options options = PROBE_FIT_OPTIONS;
    struct examples examples = {0};
    struct probe_fitted fitted;
    struct err err = {0};
    if (argc != ARGUMENTS) {
        fputs("usage: bench_probe FILE COUNT WIDTH CLASSES C TOLERANCE THREADS OUT\n", stderr);
        return 2;
    }
    examples.count = strtoul(argv[2], NULL, 10);
    examples.width = strtoul(argv[3], NULL, 10);
    examples.classes = strtoul(argv[4], NULL, 10);
    options.c = strtod(argv[5], NULL);
    options.tolerance = strtod(argv[6], NULL);
    const struct job job = {.threads = (int)strtol(argv[7], NULL, 10)};
    const struct example_set all = {&examples, NULL, examples.count};
    if (!load(&examples, argv[1])) {
        fprintf(stderr, "cannot read '%s'\n", argv[1]);
        return 2;
    }
    const double begun = time_now();
    const int rc = probe_fit(&fitted, &all, &options, &job, &err);
    const double seconds = time_now() - begun;
    if (rc)
        fprintf(stderr, "%s\n", err.msg);
    else
        printf("%.6f %zu %zu %.12f\n", seconds, fitted.iterations, fitted.evaluations, fitted.objective);
    const bool saved = !rc && save(&fitted, &examples, argv[8]);
    probe_fitted_release(&fitted);
    examples_release(&examples);
    return saved ? 0 : 2;
}
