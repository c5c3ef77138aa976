// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "joint/collection/collection.h"

#include <stdio.h>

struct relocate {
    const char *path;
    char **places; /* old and new */
    size_t place_count;
    bool any, quiet;
    struct arena arena;
};

enum { KEY_ANY = 0x100 };

static const struct argp_option options[] = {
    {"any", KEY_ANY, NULL, 0,
        "Change the paths even where files are missing at the new place, or others: the next update takes "
        "them "
        "for gone or changed",
        1},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct relocate *r = state->input;
    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->quiet;
        return 0;
    case KEY_ANY:
        r->any = true;
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        index_arguments(state, &r->path, &r->places, &r->place_count, 2);
        return 0;
    case ARGP_KEY_END:
        if (r->place_count != 2)
            argp_error(state, "name the old place and the new one");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, "", -1}, {0}};
const struct argp index_relocate_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX] OLD NEW",
    .doc = "Tell an index that what lay at OLD lies at NEW now, a folder or a file. Nothing is encoded.\n\n"
           "  mv /photos /mnt/photos\n"
           "  diptych index relocate photos.dip /photos /mnt/photos\v"
           "Every picture must be at the new place, the same by size and time or by content; else nothing is "
           "changed. An index that is moved or copied together with the folder it lies in, and the pictures "
           "below that, finds them there without this.\n\n"
           "Exit status: 0 done, 2 the files do not fit, or it cannot be done.",
    .children = children,
    .help_filter = options_help_filter,
};

static int relocate(struct relocate_counts *counts, struct collection *collection, struct relocate *r,
    const struct job *job, struct err *err)
{
    const char *from = path_absolute(&r->arena, r->places[0], err);
    const char *to = from ? path_absolute(&r->arena, r->places[1], err) : NULL;
    return to ? collection_relocate(counts, collection, from, to, r->any, job, err) : ERR_MEMORY;
}

int cmd_index_relocate(int argc, char **argv)
{
    const struct collection_options how = {.access = INDEX_WRITE, .storage = -1};
    struct relocate r = {0};
    struct relocate_counts counts = {0};
    struct collection *collection = NULL;
    struct progress progress;
    struct err err = {0};
    options_parse(&index_relocate_argp, argc, argv, &r);
    progress_init(&progress, r.quiet);
    const struct job job = progress_job(&progress, 0);
    int rc = collection_open(&collection, r.path, &how, &err);
    if (!rc)
        rc = relocate(&counts, collection, &r, &job, &err);
    progress_clear(&progress);
    if (!rc && !r.quiet)
        fprintf(stderr, "moved: %zu picture%s, %zu text%s, %zu source%s; missing: %zu, others: %zu\n",
            counts.pictures, plural(counts.pictures), counts.texts, plural(counts.texts), counts.sources,
            plural(counts.sources), counts.missing, counts.different);
    collection_free(collection);
    arena_release(&r.arena);
    interrupt_raise();
    return index_end(NULL, "relocate", rc, &err);
}
