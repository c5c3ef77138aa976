// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "joint/joint.h"

#include <stdio.h>

struct convert {
    const char *in, *out;
    bool quiet, typed;
    struct adapter_options adapters;
    enum dtype dtype;
};

static const struct argp_option options[] = {
    {"dtype", 'd', "f32|bf16|f16", 0,
        "Type of the weights (default: as they are, where all are of one of these; else f32)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct convert *convert = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &convert->adapters;
        state->child_inputs[1] = &convert->quiet;
        return 0;
    case 'd':
        convert->dtype = (enum dtype)option_choice(state, "dtype", argument);
        convert->typed = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "'%s' is one argument too many", argument);
        *(state->arg_num ? &convert->out : &convert->in) = argument;
        return 0;
    case ARGP_KEY_END:
        if (!convert->out)
            argp_error(state, "no model, or no folder to write it to");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&adapter_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp convert_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "MODEL OUT",
    .doc =
        "Write a model as a new folder of safetensors that transformers and open_clip load: PyTorch's "
        "files, OpenAI's "
        "ViT-B-32.pt, training checkpoints, and models of the other layout. Needs no OpenCL device.\v"
        "MODEL is a model directory or a file of weights. OUT has Hugging Face's layout where transformers' "
        "CLIP is such a model; any other, a SigLIP or one of its kin, keeps the layout that it has. OUT "
        "appears "
        "whole or not at all, and must not be there before.\n\n"
        "With --lora the adapters are in the weights, as after peft's merge_and_unload. Without, the weights "
        "are the same, and "
        "so are embeddings. But a model of another layout prepares pictures "
        "and cleans "
        "texts as that layout does: pictures with transparency or a palette, and texts with curly quotes "
        "or HTML, "
        "may come out otherwise. An index knows a model by names and order of its tensors, too, so one "
        "that was made "
        "with MODEL does not take OUT for the same.",
    .children = children,
    .help_filter = options_help_filter,
};

int cmd_convert(int argc, char **argv)
{
    struct convert convert = {0};
    struct model_conversion conversion;
    struct arena arena = {0};
    struct progress progress;
    struct err err = {0};
    const char *model;
    options_parse(&convert_argp, argc, argv, &convert);
    progress_init(&progress, convert.quiet);
    const struct job job = progress_job(&progress, 0);
    int rc = model_directory(&model, convert.in, &arena, &err);
    if (!rc)
        rc = model_convert(&conversion, convert.out, model, &convert.adapters.all,
            convert.typed ? &convert.dtype : NULL, &job, &err);
    progress_clear(&progress);
    if (rc && rc != ERR_CANCELLED)
        message("cannot convert: %s", err.msg);
    else if (!rc && !convert.quiet)
        message("'%s' has the %s layout and %zu parameters in %s", convert.out,
            layout_name(conversion.layout), conversion.parameters, dtype_name(conversion.dtype));
    arena_release(&arena);
    interrupt_raise();
    return rc ? STATUS_CANNOT : STATUS_DONE;
}
