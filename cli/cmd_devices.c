// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/text.h"

#include <stdlib.h>

struct devices {
    struct device_options device_options;
    int format;
};

static const struct argp_option options[] = {
    {"format", 'f', "table|json", 0, "How to print them (default: table)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct devices *devices = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &devices->device_options;
        return 0;
    case 'f':
        devices->format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is one argument too many", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&device_argp, 0, "What a command would ask for:", 1}, {&common_argp, 0, "", -1}, {0}};

const struct argp devices_argp = {
    .options = options,
    .parser = parse,
    .doc = "List the OpenCL devices of every platform, and the one that the other commands use with the "
           "same options.\v"
           "Names in front are what --device takes. \"native\" lists the precisions that a device "
           "multiplies in; in the others it multiplies float32 with rounded operands.",
    .children = children,
    .help_filter = options_help_filter,
};

static json_t *device_report(const struct device_info *info)
{
    char name[32];
    snprintf(name, sizeof name, "%d:%d", info->platform_index, info->device_index);
    json_t *native = json_array();
    for (int precision = 0; precision < PRECISION_COUNT; precision++)
        if (info->native[precision])
            json_array_append_new(native, json_string(precision_name((enum precision)precision)));
    return json_pack("{s:s, s:b, s:s, s:s, s:s, s:o, s:i, s:f, s:o, s:o, s:o}", "id", name, "chosen",
        info->chosen, "kind", info->kind, "gemm", info->gemm, "precision", precision_name(info->precision),
        "native", native, "units", (int)info->compute_units, "memory_gib", (double)info->memory / 0x1p30,
        "device", json_text(info->name), "platform", json_text(info->platform), "version",
        json_text(info->version));
}

int cmd_devices(int argc, char **argv)
{
    struct devices devices = {0};
    struct device_info *infos = NULL;
    struct err err = {0};
    size_t count = 0;
    options_parse(&devices_argp, argc, argv, &devices);

    int rc = device_list(&infos, &count, &devices.device_options, &err);
    if (!rc) {
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(list, device_report(&infos[i]));
        rc = report_print("devices/1", json_pack("{s:o}", "devices", list), devices.format, &err);
    }
    if (rc)
        message("cannot list devices: %s", err.msg);
    free(infos);
    return rc ? STATUS_CANNOT : STATUS_DONE;
}
