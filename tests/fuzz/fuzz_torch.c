// SPDX-License-Identifier: Apache-2.0
#include "compute/weights/internal.h"
#include "compute/weights/torch_file.h"
#include "tests/fuzz/fuzz.h"

/* Whatever is accepted can be read to its last byte. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct weight *tensors = NULL;
    size_t count = 0;
    size_t sum = 0, bytes_read = 0;
    bool script;
    struct err err = {0};
    const struct span bytes = {(const char *)data, size};
    if (torch_file_parse(&tensors, &count, &script, &arena, bytes, "fuzz", &err))
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0] && !tensors);
    for (size_t i = 0; tensors && i < count; i++) {
        FUZZ_CHECK(tensors[i].name && tensors[i].rank >= 0 && tensors[i].rank <= WEIGHT_RANK_MAX);
        FUZZ_CHECK(type_bits(tensors[i].type) >= 8);
        for (size_t at = 0; at < weight_bytes(&tensors[i]); at++, bytes_read++)
            sum += tensors[i].data[at]; /* is there to be read */
    }
    FUZZ_CHECK(sum <= 255 * bytes_read);
    free(tensors);
    arena_release(&arena);
    return 0;
}
