// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "joint/collection/collection.h"

#include <stdlib.h>
#include <string.h>

struct remove {
    const char *path;
    char **arguments;
    size_t argument_count;
    bool quiet;
    struct index_filter filter;
    struct strings paths; /* from the top of the file system */
    int64_t *ids;         // (count)
    size_t count, room;
    struct err err;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_ID = 0x100 };

static const struct argp_option options[] = {
    {"id", KEY_ID, "N", 0, "The item with this number, as 'index list' has it. May be given more than once",
        2},
    {0},
};

static int add_id(struct remove *r, int64_t id)
{
    int rc = array_grow(r->ids, &r->room, r->count + 1, &r->err);
    if (!rc)
        r->ids[r->count++] = id;
    return rc;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct remove *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->filter;
        state->child_inputs[1] = &r->quiet;
        return 0;
    case KEY_ID:
        if (add_id(r, (int64_t)option_number(state, "id", argument, 1, INT64_MAX)))
            argp_error(state, "%s", r->err.msg);
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        index_arguments(state, &r->path, &r->arguments, &r->argument_count, SIZE_MAX);
        return 0;
    case ARGP_KEY_END:
        if (!r->argument_count && !r->count && !r->filter.where && !r->filter.match && !r->filter.kind)
            argp_error(state, "nothing to remove: name paths, or say --id, --where, --match or --kind");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&filter_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_remove_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX] [PATH...]",
    .doc =
        "Take pictures and texts out of an index; files stay, but for those in its own folder, which were "
        "posted to a "
        "service.\v"
        "PATH is a picture, a folder that pictures lie below, or a file that texts came from; with --where, "
        "--match or --kind only those go that fit these too. A picture's texts go with it.\n\n"
        "A file that stays below a folder that the index was made from comes back with the next update; "
        "what is removed by the path that it was made from does not. Rows keep their room until 'diptych "
        "index compact'.\n\n"
        "Exit status: 0 done, 1 the index has nothing of a path and was not made from it, or has no such id, "
        "2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- removing ------------------------------------------------------------------------------------------ */

static int find_paths(struct remove *r, struct err *err)
{
    struct arena arena = {0};
    int rc = 0;
    for (size_t i = 0; i < r->argument_count && !rc; i++) {
        const char *path = path_absolute(&arena, r->arguments[i], err);
        rc = path ? strings_add(&r->paths, path, strlen(path), err) : ERR_MEMORY;
    }
    arena_release(&arena);
    return rc;
}

static int remove_all(struct remove *r, size_t *missing, struct err *err)
{
    const struct collection_options how = {.access = INDEX_WRITE, .storage = -1};
    const struct removal removal = {&r->paths, r->ids, r->count, r->filter};
    struct collection *collection = NULL;
    struct progress progress;
    size_t removed;
    progress_init(&progress, r->quiet);
    const struct job job = progress_job(&progress, 0);
    int rc = find_paths(r, err);
    if (!rc)
        rc = collection_open(&collection, r->path, &how, err);
    if (!rc)
        rc = collection_remove(&removed, missing, collection, &removal, &job, err);
    progress_clear(&progress);
    if (!rc && !r->quiet)
        message("%zu item%s removed from '%s'", removed, plural(removed), r->path);
    collection_free(collection);
    return rc;
}

int cmd_index_remove(int argc, char **argv)
{
    struct remove r = {0};
    size_t missing = 0;
    options_parse(&index_remove_argp, argc, argv, &r);
    const int rc = remove_all(&r, &missing, &r.err);
    const int status = index_end(NULL, "remove", rc == ERR_CANCELLED ? 0 : rc, &r.err);
    interrupt_raise();
    strings_release(&r.paths);
    free(r.ids);
    return status ? status : missing ? STATUS_SOME_FAILED : STATUS_DONE;
}
