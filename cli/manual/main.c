// SPDX-License-Identifier: Apache-2.0
#include "cli/manual/manual.h"
#include "cli/mpi/mpi.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

struct manual {
    const char *examples, *folder, *date;
};

static void write_page(const struct manual *manual, struct page page)
{
    struct arena arena = {0};
    char name[128];
    snprintf(name, sizeof name, "%s.1", page.title);
    for (char *c = name; *c; c++)
        *c = *c == ' ' ? '-' : *c;
    const char *path = path_join(&arena, manual->folder, name);
    page.out = path ? fopen(path, "w") : NULL;
    page.date = manual->date;
    page.examples = examples_find(manual->examples, page.title);
    if (page.out)
        page_put(&page);
    if (!page.out || ferror(page.out) || fclose(page.out)) {
        message("cannot write '%s/%s'", manual->folder, name);
        exit(STATUS_CANNOT);
    }
    arena_release(&arena);
}

static void write_pages(const struct manual *manual, const struct command *table, const char *group)
{
    for (const struct command *command = table; command->name; command++) {
        char title[64];
        if (!command->argp)
            continue;
        snprintf(title, sizeof title, "%s %s", group, command->name);
        write_page(manual, (struct page){.title = title,
                               .argp = command->argp,
                               .subcommands = command->subcommands,
                               .summary = command->summary,
                               .related = group});
        if (command->subcommands)
            write_pages(manual, command->subcommands, title);
    }
}

int main(int argc, char **argv)
{
    char *text = NULL;
    size_t size;
    struct err err = {0};
    if (argc != 4)
        return STATUS_CANNOT;
    if (file_read_text(&text, &size, argv[1], 1 << 20, &err)) {
        message("%s", err.msg);
        return STATUS_CANNOT;
    }
    const struct manual manual = {text, argv[2], argv[3]};
    const bool good = examples_check(text);
    write_page(&manual, (struct page){.title = "diptych",
                            .subcommands = commands,
                            .summary = "CLIP without Python, on any OpenCL device"});
    write_pages(&manual, commands, "diptych");
#ifdef DIPTYCH_MPI
    write_page(&manual, (struct page){.title = "diptych-mpi",
                            .subcommands = mpi_commands,
                            .summary = "search with many machines, by MPI"});
    write_pages(&manual, mpi_commands, "diptych-mpi");
#endif
    free(text);
    return good ? STATUS_DONE : STATUS_CANNOT;
}
