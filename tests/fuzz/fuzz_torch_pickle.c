// SPDX-License-Identifier: Apache-2.0
/* The pickle of a file whose archive is good, with three storages for it to view: no fuzzer would find its way through
 * a zip directory to it. */
#include "compute/weights/internal.h"
#include "compute/weights/torch_file.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/zip_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char zeros[96];
    const struct zip_part parts[] = {
        {"f/data.pkl", {(const char *)data, size}},
        {"f/data/0", {zeros, sizeof zeros}},
        {"f/data/1", {zeros, 4}},
        {"f/data/2", {zeros, 0}},
    };
    struct arena arena = {0};
    struct weight *tensors = NULL;
    size_t count = 0, length;
    bool script;
    struct err err = {0};
    char *bytes = zip_write(&length, parts, sizeof parts / sizeof *parts);
    if (torch_file_parse(&tensors, &count, &script, &arena, (struct span){bytes, length}, "fuzz", &err))
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0] && !tensors);
    for (size_t i = 0; tensors && i < count; i++)
        for (size_t at = 0; at < weight_bytes(&tensors[i]); at++)
            FUZZ_CHECK(!tensors[i].data[at]); /* of the storages, and of nothing else */
    free(tensors);
    arena_release(&arena);
    free(bytes);
    return 0;
}
