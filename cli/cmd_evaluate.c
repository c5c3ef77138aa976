// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/json.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

const struct command evaluate_commands[] = {
    {"retrieval", evaluate_retrieval, "do pictures find their captions, and captions their pictures",
        &evaluate_retrieval_argp, NULL},
    {"classify", evaluate_classify, "do pictures in folders of their classes get the right label",
        &evaluate_classify_argp, NULL},
    {0},
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_SAMPLES = 0x3000, KEY_SEED };

static const struct argp_option options[] = {
    {"format", 'f', "table|tsv|json|clip-benchmark", 0,
        "How to print it; clip-benchmark is the JSON that 'clip_benchmark build' makes its table of "
        "(default: table)",
        3},
    {"samples", KEY_SAMPLES, "N", 0, "Samples of the bootstrap that intervals are from (default: 1000)", 3},
    {"seed", KEY_SEED, "N", 0, "Seed of the samples (default: 12345)", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct evaluate_options *o = state->input;
    switch (key) {
    case 'f':
        o->format = option_choice(state, "format", argument);
        return 0;
    case KEY_SAMPLES:
        o->samples = option_number(state, "samples", argument, 1, 1000000);
        return 0;
    case KEY_SEED:
        o->seed = option_number(state, "seed", argument, 0, SIZE_MAX);
        return 0;
    case ARGP_KEY_END:
        if (o->format == EVALUATE_CLIP_BENCHMARK && o->models.count > 1)
            argp_error(state, "-f clip-benchmark is a file of one model, not of several");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp evaluate_options_argp = {.options = options, .parser = parse};

/* ---- models -------------------------------------------------------------------------------------------- */

size_t evaluate_models(const struct evaluate_options *chosen)
{
    return chosen->models.count ? chosen->models.count : 1;
}

int evaluate_open(
    struct session *session, const struct evaluate_options *chosen, size_t model, struct err *err)
{
    int rc;
    if (model > 0)
        session_close_model(session);
    if (chosen->models.count > 1)
        session->model_options.directory = chosen->models.items[model];
    rc = session_open(session, err);
    if (!rc)
        rc = session_loader(session, err);
    return rc;
}

json_t *evaluate_json(const struct session *session)
{
    const size_t outside = encoder_outside_count(session->encoder);
    return json_pack("{s:o, s:o, s:s, s:o*}", "model", json_model(session->directory, &session->adapters),
        "tokenizer", json_tokenizer_rule(model_tokenizer(session->model)), "precision",
        precision_name(device_precision(session->device)), "outside",
        outside ? json_integer((json_int_t)outside) : NULL);
}

/* ---- the command --------------------------------------------------------------------------------------- */

/* evaluate --reproduce NAME DATASET --data DIR ... is evaluate classify --reproduce NAME --labels @DATASET DIR ... */
static int reproduce(int argc, char **argv)
{
    char title[] = "diptych evaluate classify", reproduce[] = "--reproduce", labels[] = "--labels", set[64];
    if (argc < 6 || strcmp(argv[4], "--data") != 0) {
        message("--reproduce takes the names of a model and of a data set, and its folder: "
                "'diptych evaluate --reproduce ViT-B-32/openai imagenet --data DIR'");
        return STATUS_CANNOT;
    }
    char **arguments = mem_new((size_t)argc + 2, sizeof *arguments);
    if (!arguments)
        return STATUS_CANNOT;
    snprintf(set, sizeof set, "@%s", argv[3]);
    char *const first[] = {title, reproduce, argv[2], labels, set};
    memcpy(arguments, first, sizeof first);
    memcpy(arguments + 5, argv + 5, (size_t)(argc - 5) * sizeof *arguments); /* DIR and what follows */
    const int status = evaluate_classify(argc, arguments);
    free(arguments);
    return status;
}

const struct argp evaluate_argp = COMMAND_GROUP("SUBCOMMAND ...\n--reproduce MODEL DATASET --data DIR ...",
    "Measure how good a model is on pictures whose captions or classes are known. --reproduce measures a "
    "model on a data "
    "set, and compares it with what was published.\v");

int cmd_evaluate(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--reproduce"))
        return reproduce(argc, argv);
    return command_run_group(evaluate_commands, &evaluate_argp, argc, argv);
}
