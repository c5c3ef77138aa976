// SPDX-License-Identifier: Apache-2.0
#include "base/shard.h"
#include "cli/command.h"
#include "cli/complete.h"
#include "cli/preview.h"
#include "cli/text.h"
#include "vision/vision.h"

#include <stdio.h>
#include <string.h>

/* Which formats of pictures this build reads, and which it would with libraries that were not there. */
static void put_formats(bool read)
{
    struct picture_format format = {0};
    const char *before = read ? "reads " : "was built without what reads ";
    while (picture_format_next(&format)) {
        if (format.is_read != read)
            continue;
        printf("%s%s", before, format.name);
        if (format.library)
            printf(" (%s)", format.library);
        before = ", ";
    }
    if (!strcmp(before, ", "))
        putchar('\n');
}

static void put_version(void)
{
    const char *library = shard_library();
    puts("diptych " DIPTYCH_VERSION);
    put_formats(true);
    put_formats(false);
    if (library)
        printf("reads tar and zip archives of pictures (%s)\n", library);
    else
        puts("was built without what reads tar and zip archives (libarchive)");
    printf("previews by %s\n", preview_protocols());
}

int main(int argc, char **argv)
{
    command_begin();
    if (argc < 2) {
        command_help(stderr);
        return STATUS_CANNOT;
    }
    if (!strcmp(argv[1], "--version")) {
        put_version();
        return STATUS_DONE;
    }
    if (!strcmp(argv[1], "__complete"))
        return complete(argc - 2, argv + 2);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        argv[1] = "help";
    return command_run(commands, "diptych", argc - 1, argv + 1);
}
