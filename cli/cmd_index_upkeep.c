// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <inttypes.h>

struct check {
    const char *path;
    bool quiet;
    struct progress progress;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct check *check = state->input;
    char **none;
    size_t count;
    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &check->quiet;
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        index_arguments(state, &check->path, &none, &count, 0);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, "", -1}, {0}};
const struct argp index_verify_argp = {
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc = "Check every part of an index: the catalog, every vector against its checksum, counts, and rows "
           "without items. Each defect is a line on stdout.\v"
           "Exit status: 0 the index is sound, 1 it has defects, 2 it cannot be checked.",
    .children = children,
    .help_filter = options_help_filter,
};

const struct argp index_compact_argp = {
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc = "Give the room of removed items back: writes the vectors without dead rows to a new file, which "
           "takes the place of the old one. Searches go on meanwhile.",
    .children = children,
    .help_filter = options_help_filter,
};

static struct job begin(struct check *check, const struct argp *argp, int argc, char **argv)
{
    options_parse(argp, argc, argv, check);
    progress_init(&check->progress, check->quiet);
    return progress_job(&check->progress, 0);
}

/* The job's report of a defect: what is asked for, and no message. */
static void put_defect(void *progress, const struct err *defect)
{
    progress_clear(progress);
    text_escape(stdout, defect->msg);
    putchar('\n');
}

int cmd_index_verify(int argc, char **argv)
{
    struct check check = {0};
    struct err err = {0};
    int64_t defects;
    struct job job = begin(&check, &index_verify_argp, argc, argv);
    job.report = put_defect;
    const int rc = index_verify(&defects, check.path, &job, &err);
    progress_clear(&check.progress);
    interrupt_raise();
    if (!rc && !check.quiet)
        message("'%s' has %" PRId64 " defect%s", check.path, defects, plural((uint64_t)defects));
    const int status = index_end(NULL, "verify", rc, &err);
    return status ? status : defects ? STATUS_SOME_FAILED : STATUS_DONE;
}

int cmd_index_compact(int argc, char **argv)
{
    struct check check = {0};
    struct index *index = NULL;
    struct err err = {0};
    const struct job job = begin(&check, &index_compact_argp, argc, argv);
    int rc = index_open(&index, check.path, INDEX_WRITE, NULL, &err);
    const int64_t before = rc ? 0 : index_info(index).rows;
    if (!rc)
        rc = index_compact(index, &job, &err);
    if (!rc)
        rc = index_prepare(index, &job, &err);
    progress_clear(&check.progress);
    if (!rc && !check.quiet)
        message("'%s' has %" PRId64 " row%s, %" PRId64 " fewer", check.path, index_info(index).rows,
            plural((uint64_t)index_info(index).rows), before - index_info(index).rows);
    const int status = index_end(index, "compact", rc == ERR_CANCELLED ? 0 : rc, &err);
    interrupt_raise();
    return status;
}
