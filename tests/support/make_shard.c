// SPDX-License-Identifier: Apache-2.0
/* make_shard ARCHIVE NAME=FILE...: for scripts, an archive of files under other names. */
#include "base/base.h"
#include "tests/support/shard_writer.h"

#include <string.h>

static int add(struct archive *archive, char *argument)
{
    char *file = strchr(argument, '=');
    struct file_map map = {0};
    struct err err;
    if (!file)
        return 1;
    *file++ = '\0';
    if (file_map_open(&map, file, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    const int failed = shard_writer_add(archive, argument, map.data, map.size, 1700000000);
    file_map_release(&map);
    return failed;
}

int main(int argc, char **argv)
{
    struct archive *archive = argc > 1 ? shard_writer_open(argv[1]) : NULL;
    int failed = !archive;
    for (int i = 2; i < argc && !failed; i++)
        failed = add(archive, argv[i]);
    return !archive || shard_writer_close(archive) || failed;
}
