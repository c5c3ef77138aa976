// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <inttypes.h>

struct merge {
    const char *path;
    char **parts; // (count)
    size_t count;
    bool quiet;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct merge *m = state->input;
    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &m->quiet;
        return 0;
    case ARGP_KEY_ARGS:
        m->path = state->argv[state->next];
        m->parts = state->argv + state->next + 1;
        m->count = (size_t)(state->argc - state->next) - 1;
        return 0;
    case ARGP_KEY_END:
        if (!m->path || !m->count)
            argp_error(state, "name the index to make, and all of its shards");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, "", -1}, {0}};
const struct argp index_merge_argp = {
    .options = NULL,
    .parser = parse,
    .args_doc = "INDEX SHARD...",
    .doc = "Join the shards of an index that 'diptych index build --shard' has made. Nothing is encoded.\n\n"
           "  diptych index merge laion.dip laion-*-of-00008.dip\v"
           "The index is, byte for byte in its vectors and codes, the one that a run over all of the input "
           "would have "
           "made, where all shards were made on machines of one kind (and a picture's place in a batch does "
           "not tell in the last bit, as "
           "it may with AVX2); its items have the same ids. It needs "
           "none of "
           "the pictures, and little memory. Shards of another model, of other inputs, one that is there "
           "twice or not at "
           "all, or whose files are not as they were made, are named, and no index is made. It is there "
           "whole or "
           "not at all; the shards stay, for you to remove.\n\n"
           "Exit status: 0 done, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

static void put_merged(const struct merge *m, const struct index_merged *merged)
{
    message("'%s' has %" PRId64 " picture%s of %zu shard%s", m->path, merged->images,
        plural((uint64_t)merged->images), m->count, plural(m->count));
    if (*merged->other)
        message("shards were made in %s and in %s: the vectors are close to, but not byte for byte those of "
                "one run",
            merged->precision, merged->other);
    if (merged->failed)
        message("%" PRId64
                " could not be read when the shards were made: 'diptych index list %s --failed' says which",
            merged->failed, m->path);
}

int cmd_index_merge(int argc, char **argv)
{
    struct merge m = {0};
    struct index_merged merged;
    struct progress progress;
    struct err err = {0};
    options_parse(&index_merge_argp, argc, argv, &m);
    progress_init(&progress, m.quiet);
    const struct job job = progress_job(&progress, 0);
    const int rc = index_merge(&merged, m.path, m.parts, m.count, &job, &err);
    progress_clear(&progress);
    if (!rc && !m.quiet)
        put_merged(&m, &merged);
    interrupt_raise();
    return index_end(NULL, "merge", rc, &err);
}
