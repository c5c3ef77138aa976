// SPDX-License-Identifier: Apache-2.0
/* Feeds every file below the folders named on the command line to a fuzzer's entry point. */
#include "base/base.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each input ends flush against a page that cannot be read, so that reading one byte too many stops the
 * program even in a build without sanitizers. */
static void run_guarded(const uint8_t *data, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t readable = (size + page - 1) / page * page;
    uint8_t *pages = mmap(NULL, readable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + readable, page, PROT_NONE)) {
        perror("mmap");
        abort();
    }
    uint8_t *input = pages + readable - size;
    if (size)
        memcpy(input, data, size);
    LLVMFuzzerTestOneInput(input, size);
    munmap(pages, readable + page);
}

static int replay_file(void *context, const char *path, const struct err *problem)
{
    size_t *count = context;
    struct file_map map = {0};
    struct err err = {0};

    if (problem || file_map_open(&map, path, &err)) {
        fprintf(stderr, "%s\n", problem ? problem->msg : err.msg);
        return -1;
    }
    run_guarded(map.data, map.size);
    file_map_release(&map);
    ++*count;
    return 0;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    struct err err = {0};

    for (int i = 1; i < argc; i++)
        if (file_walk(argv[i], replay_file, &count, &err)) {
            fprintf(stderr, "%s\n", err.msg);
            return 1;
        }
    printf("%zu inputs replayed\n", count);
    return count == 0; /* an empty corpus is a mistake in the path */
}
