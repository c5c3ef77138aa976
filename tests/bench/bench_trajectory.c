// SPDX-License-Identifier: Apache-2.0
/* Takes the steps of tests/golden/train.py, for trajectory.py to hold against PyTorch's.
 *
 *     bench_trajectory NAME softmax|sigmoid BATCH FOLDER [PRECISION]
 *
 * says the loss of each step, and leaves the weights after it in FOLDER/STEP.safetensors. */
#include "tests/joint/golden_training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 5)
        return fprintf(stderr, "bench_trajectory NAME softmax|sigmoid BATCH FOLDER [PRECISION]\n"), 2;
    struct golden golden = {.name = argv[1],
        .loss = strcmp(argv[2], "sigmoid") ? LOSS_SOFTMAX : LOSS_SIGMOID,
        .batch = strtoul(argv[3], NULL, 10)};
    const struct device_options on = {.precision = argc > 5 ? argv[5] : "f32"};
    struct device *device;
    struct err err;
    golden_open(&golden);
    OK(device_open(&device, &on, &err));
    const struct trained_model_options options = options_of(&golden);
    struct trained_model *model = model_of(&golden, device, &options);
    for (size_t step = 0; step < STEPS; step++) {
        char path[512];
        double loss, norm;
        step_take(model, &loss, &norm, &golden, step);
        printf("%zu %.9g\n", step + 1, loss);
        snprintf(path, sizeof path, "%s/%zu.safetensors", argv[4], step + 1);
        save_weights(model, PARAMETERS_VALUES, path);
    }
    trained_model_free(model);
    device_free(device);
    golden_release(&golden);
    return 0;
}
