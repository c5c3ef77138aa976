// SPDX-License-Identifier: Apache-2.0
#include "index/matrix.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

/* The reader maps files, so that the bytes go into one that is only memory. What is accepted can be read
 * whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    char path[64];
    struct matrix_file matrix;
    struct err err = {0};
    FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (matrix_file_open(&matrix, path, &err)) {
        FUZZ_CHECK(err.code && err.msg[0] && !matrix.map.data);
    } else {
        float *row = malloc(matrix.width * sizeof *row);
        FUZZ_CHECK(row && matrix.width > 0);
        for (int64_t i = 0; i < matrix.count; i++)
            matrix_file_rows(row, &matrix, i, 1);
        free(row);
        matrix_file_release(&matrix);
    }
    close(fd);
    return 0;
}
