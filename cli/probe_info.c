// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/probe.h"
#include "cli/text.h"

#include <string.h>

struct info {
    const char *path;
    int format;
};

static const struct argp_option options[] = {
    {"format", 'f', "table|json", 0, "How to print it (default: table)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct info *info = state->input;
    switch (key) {
    case 'f':
        info->format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARG:
        if (info->path)
            argp_error(state, "'%s' is one argument too many", argument);
        info->path = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no probe: name a file of 'diptych probe fit'");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, "", -1}, {0}};
const struct argp probe_info_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE",
    .doc = "Show what a probe knows and how it was made. Needs no model and no OpenCL device.",
    .children = children,
    .help_filter = options_help_filter,
};

static int print(const char *path, const struct probe *probe, int format, struct err *err)
{
    json_t *made = NULL, *labels = json_array();
    int rc = json_parse(&made, probe->made, strlen(probe->made), "made", err);
    for (size_t i = 0; i < probe->labels.count; i++)
        json_array_append_new(labels, json_text(probe->labels.items[i]));
    json_t *report =
        json_pack("{s:o, s:o, s:s, s:I, s:f, s:s, s:o}", "probe", json_text(path), "labels", labels, "score",
            score_names[probe->several ? SCORE_SIGMOID : SCORE_SOFTMAX], "width", (json_int_t)probe->width,
            "temperature", probe->temperature, "fingerprint", probe->model, "made", rc ? json_null() : made);
    if (rc) {
        json_decref(report);
        return rc;
    }
    return report_print("probe-info/1", report, format, err);
}

int probe_info_command(int argc, char **argv)
{
    struct info info = {0};
    struct probe probe = {0};
    struct err err = {0};
    options_parse(&probe_info_argp, argc, argv, &info);
    int rc = probe_load(&probe, info.path, &err);
    if (!rc)
        rc = print(info.path, &probe, info.format, &err);
    probe_release(&probe);
    if (rc)
        message("%s", err.msg);
    return rc ? STATUS_CANNOT : STATUS_DONE;
}
