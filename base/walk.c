// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

struct walk {
    FTS *tree;
    const struct excludes *excludes;
    const char *top;
    walk_enter *enter;
    walk_visit *visit;
    void *context;
};

static int visit_problem(const struct walk *walk, const FTSENT *entry, const char *why)
{
    struct err problem;
    err_set(&problem, ERR_IO, "unable to read '%s': %s", entry->fts_path, why);
    return walk->visit(walk->context, entry->fts_path, &problem);
}

static bool is_folder(const FTSENT *entry)
{
    return entry->fts_info == FTS_D || entry->fts_info == FTS_DC || entry->fts_info == FTS_DNR;
}

static int visit_entry(const struct walk *walk, FTSENT *entry)
{
    if (entry->fts_info == FTS_DP)
        return 0;
    if (entry->fts_level > FTS_ROOTLEVEL &&
        excludes_match(walk->excludes, path_within(entry->fts_path, walk->top), is_folder(entry))) {
        fts_set(walk->tree, entry, FTS_SKIP);
        return 0;
    }
    switch (entry->fts_info) {
    case FTS_F:
        return walk->visit(walk->context, entry->fts_path, NULL);
    case FTS_D: /* fts opens it with the next step */
        return walk->enter ? walk->enter(walk->context, entry->fts_path) : 0;
    case FTS_DC:
        return 0; /* a link back to a folder above: everything in it is visited there */
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return visit_problem(walk, entry, strerror(entry->fts_errno));
    case FTS_SLNONE:
        return visit_problem(walk, entry, "the link points nowhere");
    case FTS_DEFAULT: /* below a folder, sockets and devices are passed over: nobody has named them */
        return entry->fts_level > FTS_ROOTLEVEL ? 0 : visit_problem(walk, entry, "not a regular file");
    default:
        return 0;
    }
}

int folder_walk(const char *root, const struct excludes *excludes, const char *top, walk_enter *enter,
    walk_visit *visit, void *context, struct err *err)
{
    char *const roots[] = {(char *)root, NULL}; /* fts does not write to it */
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!tree)
        return err_set(err, ERR_IO, "unable to read '%s': %s", root, strerror(errno));
    const struct walk walk = {tree, excludes, top, enter, visit, context};
    int rc = 0;
    FTSENT *entry;
    while (!rc && (errno = 0, entry = fts_read(tree)))
        rc = visit_entry(&walk, entry);
    if (!rc && errno) /* not at the end: a list cut short would pass for a whole one */
        rc = err_set(err, ERR_IO, "unable to read on in '%s': %s", root, strerror(errno));
    fts_close(tree);
    return rc;
}

int file_walk(const char *root, walk_visit *visit, void *context, struct err *err)
{
    return folder_walk(root, NULL, root, NULL, visit, context, err);
}
