// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/json.h"

static const struct command subcommands[] = {
    {"retrieval", evaluate_retrieval, "do pictures find their captions, and captions their pictures"},
    {"classify", evaluate_classify, "do pictures in folders of their classes get the right label"},
    {0},
};

json_t *evaluate_json(const struct session *session)
{
    const size_t outside = encoder_outside_count(session->encoder);
    return json_pack("{s:o, s:o, s:s, s:o*}", "model", json_model(session->model_options.directory),
        "tokenizer", json_tokenizer_rule(model_tokenizer(session->model)), "precision",
        precision_name(device_precision(session->device)), "outside",
        outside ? json_integer((json_int_t)outside) : NULL);
}

int cmd_evaluate(int argc, char **argv)
{
    return command_run_group(subcommands, "SUBCOMMAND ...",
        "Measure how good a model is on pictures whose captions or classes are known.\v", argc, argv);
}
