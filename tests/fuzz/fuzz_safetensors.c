// SPDX-License-Identifier: Apache-2.0
#include "compute/weights/safetensors.h"
#include "tests/fuzz/fuzz.h"

/* Whatever is accepted lies inside the file, tensor after tensor. */
static void check_tensors(const struct weight *tensors, size_t count, const uint8_t *data, size_t size)
{
    const uint8_t *end = data;
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(tensors[i].name && tensors[i].type);
        FUZZ_CHECK(tensors[i].rank >= 0 && tensors[i].rank <= WEIGHT_RANK_MAX);
        FUZZ_CHECK(tensors[i].data >= end && tensors[i].data <= data + size);
        FUZZ_CHECK(tensors[i].count / 2 <= (size_t)(data + size - tensors[i].data)); /* 4 bits at least */
        for (end = tensors[i].data; end < data + size && end < tensors[i].data + tensors[i].count / 2; end++)
            sum += *end; /* is there to be read */
    }
    FUZZ_CHECK(sum <= 255 * size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct weight *tensors = NULL;
    size_t count;
    struct err err = {0};
    if (safetensors_parse(&tensors, &count, &arena, data, size, "fuzz", &err)) {
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
        FUZZ_CHECK(!tensors);
    } else {
        check_tensors(tensors, count, data, size);
    }
    free(tensors);
    arena_release(&arena);
    return 0;
}
