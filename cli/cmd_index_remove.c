// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_scan.h"
#include "cli/index_sources.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct remove {
    const char *path;
    char **arguments;
    size_t argument_count;
    bool quiet;
    struct index_filter filter;
    struct strings roots; /* the paths given, from the top of the file system */
    bool *used;           /* (roots.count) */
    int64_t *ids;         /* given, and of what was found */
    size_t count, room;
    struct err err;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_ID = 0x100 };

static const struct argp_option options[] = {
    {"id", KEY_ID, "N", 0, "The item with this number, as 'index list' has it. May be given more than once",
        2},
    {NULL, 0, NULL, 0, "Output:", 3},
    {"quiet", 'q', NULL, 0, "No summary on stderr", 3},
    {0},
};

static int add_id(struct remove *r, int64_t id)
{
    if (r->count == r->room) {
        const size_t room = r->room ? 2 * r->room : 64;
        int64_t *ids = mem_grow(r->ids, room, sizeof *ids);
        if (!ids)
            return err_memory(&r->err, room * sizeof *ids);
        r->ids = ids;
        r->room = room;
    }
    r->ids[r->count++] = id;
    return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct remove *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->filter;
        return 0;
    case KEY_ID:
        if (add_id(r, (int64_t)option_number(state, "id", argument, 1, INT64_MAX)))
            argp_error(state, "%s", r->err.msg);
        return 0;
    case 'q':
        r->quiet = true;
        return 0;
    case ARGP_KEY_ARGS:
        index_arguments(state, &r->path, &r->arguments, &r->argument_count, SIZE_MAX);
        return 0;
    case ARGP_KEY_END:
        if (!r->path)
            argp_error(state, "no index: name one");
        if (!r->argument_count && !r->count && !r->filter.where && !r->filter.match && !r->filter.kind)
            argp_error(state, "nothing to remove: name paths, or say --id, --where, --match or --kind");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&filter_argp, 0, NULL, 0}, {&help_argp, 0, "", -1}, {0}};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "INDEX [PATH...]",
    .doc =
        "Take pictures and texts out of an index; files stay.\v"
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

/* A text counts by its file and by the picture that it describes. */
static bool below(struct remove *r, const struct index_item *item)
{
    bool any = !r->roots.count;
    for (size_t i = 0; i < r->roots.count; i++) {
        const char *root = r->roots.items[i];
        const bool hit = (item->path && path_below(item->path, root)) ||
                         (item->picture && path_below(item->picture, root));
        r->used[i] |= hit;
        any |= hit;
    }
    return any;
}

static int visit(void *context, const struct index_item *item)
{
    struct remove *r = context;
    return below(r, item) ? add_id(r, item->id) : 0;
}

static int find_paths(struct remove *r, struct err *err)
{
    struct arena arena = {0};
    int rc = 0;
    for (size_t i = 0; i < r->argument_count && !rc; i++) {
        const char *root = path_absolute(&arena, r->arguments[i], err);
        rc = root ? strings_add(&r->roots, root, strlen(root), err) : ERR_MEMORY;
    }
    arena_release(&arena);
    r->used = mem_new(r->argument_count + 1, sizeof *r->used);
    return rc || r->used ? rc : err_memory(err, r->argument_count);
}

/* One commit: all of it, or nothing. *missing counts ids that are not there. */
static int remove_ids(
    size_t *removed, size_t *missing, struct remove *r, struct index *index, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < r->count && !rc; i++) {
        rc = index_remove(index, r->ids[i], err);
        if (rc == ERR_NOT_FOUND) {
            message("%s", err->msg);
            ++*missing;
            rc = 0;
        } else {
            ++*removed;
        }
    }
    return rc ? rc : index_commit(index, err);
}

/* The paths given that are among the index's sources of a kind. */
static int forget_kind(struct remove *r, struct index *index, const char *kind, struct err *err)
{
    struct strings known = {0};
    int rc = index_sources(&known, index, kind, err);
    for (size_t i = 0; i < r->roots.count * known.count && !rc; i++) {
        const size_t root = i / known.count;
        if (strcmp(r->roots.items[root], known.items[i % known.count]))
            continue;
        r->used[root] = true;
        rc = index_source_remove(index, kind, r->roots.items[root], err);
    }
    strings_release(&known);
    return rc;
}

/* A folder that is removed whole does not come back with the next update. */
static int forget_sources(struct remove *r, struct index *index, struct err *err)
{
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS && !rc; kind++)
        rc = forget_kind(r, index, source_names[kind], err);
    return rc;
}

static size_t report_unused(const struct remove *r)
{
    size_t unused = 0;
    for (size_t i = 0; i < r->roots.count; i++) {
        if (r->used[i])
            continue;
        message("'%s' has nothing of '%s'", r->path, r->roots.items[i]);
        unused++;
    }
    return unused;
}

int cmd_index_remove(int argc, char **argv)
{
    struct remove r = {0};
    struct index *index = NULL;
    size_t removed = 0, missing = 0;
    options_parse(&argp, argc, argv, &r);
    const bool filtered = r.filter.where || r.filter.match || r.filter.kind;
    int rc = find_paths(&r, &r.err);
    if (!rc)
        rc = index_open(&index, r.path, INDEX_WRITE, NULL, &r.err);
    if (!rc && (r.roots.count || filtered))
        rc = index_each(index, &r.filter, visit, &r, &r.err);
    if (!rc && !filtered)
        rc = forget_sources(&r, index, &r.err);
    if (!rc)
        rc = remove_ids(&removed, &missing, &r, index, &r.err);
    if (!rc)
        missing += report_unused(&r);
    if (!rc && !r.quiet)
        message("%zu item%s removed from '%s'", removed, removed == 1 ? "" : "s", r.path);
    const int status = index_end(index, "remove", rc, &r.err);
    strings_release(&r.roots);
    free(r.used);
    free(r.ids);
    return status ? status : missing ? STATUS_SOME_FAILED : STATUS_DONE;
}
