// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/command.h"
#include "cli/search.h"

/* What is quick first: a mistake in a path or an expression shows at once. */
static int open_all(struct searching *s, struct err *err)
{
    const struct collection_options options = {.access = INDEX_READ, .storage = -1};
    const struct job job = session_job(&s->request.session);
    int rc = collection_open(&s->collection, s->request.path, &options, err);
    if (!rc)
        rc = index_prepare_reader(collection_index(s->collection), &job, err);
    if (!rc)
        rc = search_rows_open(
            &s->rows, collection_index(s->collection), &s->request.filter, s->request.hide_copies, err);
    return rc ? rc : session_open_for(&s->request.session, collection_index(s->collection), err);
}

int cmd_search(int argc, char **argv)
{
    struct searching s = {.request = SEARCH_REQUEST};
    struct err err = {0};
    options_parse(&search_argp, argc, argv, &s.request);
    int rc = searching_begin(&s, &err);
    if (!rc)
        rc = open_all(&s, &err);
    if (!rc)
        rc = searching_run(&s, &err);
    return searching_end(&s, rc, &err);
}
