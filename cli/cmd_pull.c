// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "joint/joint.h"

#include <stdio.h>

struct pull {
    const char *name;
    bool quiet;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct pull *pull = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &pull->quiet;
        return 0;
    case ARGP_KEY_ARG:
        if (pull->name)
            argp_error(state, "'%s' is one argument too many", argument);
        pull->name = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no model: name one");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, "", -1}, {0}};
const struct argp pull_argp = {
    .parser = parse,
    .args_doc = "NAME[@REVISION]",
    .doc =
        "Download a model: its configuration, tokenizer and one file of weights. Prints the folder that it "
        "lies "
        "in.\v"
        "NAME is one of open_clip's, ViT-B-32/laion2b_s34b_b79k, also written as immich does, "
        "ViT-B-32__laion2b_s34b_b79k; or a repository of the Hugging Face hub, openai/clip-vit-base-patch32. "
        "--model and DIPTYCH_MODEL take the same names.\n\n"
        "Files go to the cache that Python's huggingface_hub has too: HF_HUB_CACHE, HF_HOME/hub or "
        "~/.cache/huggingface/hub. Those that are there already are not downloaded again, and one that was "
        "cut goes on where it ended. HF_TOKEN is sent to the hub, for models that need one; HF_ENDPOINT "
        "names "
        "another hub, https_proxy a proxy; HF_HUB_OFFLINE=1 forbids downloads.\n\n"
        "Exit status: 0 done, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

static void put_summary(const struct hub_pulled *pulled, double seconds)
{
    const double came = (double)pulled->received / 1e6;
    message("%zu file%s, %.1f MB; downloaded %.1f MB in %.1f s", pulled->files, plural(pulled->files),
        (double)pulled->size / 1e6, came, seconds);
}

int cmd_pull(int argc, char **argv)
{
    struct pull pull = {0};
    struct arena arena = {0};
    struct err err = {0};
    struct hub_pulled pulled;
    struct progress progress;
    options_parse(&pull_argp, argc, argv, &pull);
    progress_init(&progress, pull.quiet);
    const struct job job = progress_job(&progress, 0);
    const double begun = time_now();
    const int rc = model_pull(&pulled, pull.name, &arena, &job, &err);
    progress_clear(&progress);
    if (!rc) {
        text_escape(stdout, pulled.directory);
        putchar('\n');
        if (!pull.quiet)
            put_summary(&pulled, time_now() - begun);
    } else if (rc == ERR_CANCELLED) {
        message("interrupted: the same command goes on from here");
    } else {
        message("cannot pull: %s", err.msg);
    }
    arena_release(&arena);
    interrupt_raise();
    return rc ? STATUS_CANNOT : STATUS_DONE;
}
