// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/probe.h"

const struct command probe_commands[] = {
    {"fit", probe_fit_command, "learn labels from pictures that have them", &probe_fit_argp, NULL},
    {"info", probe_info_command, "show what a probe knows and how it was made", &probe_info_argp, NULL},
    {0},
};

const struct argp probe_argp =
    COMMAND_GROUP("SUBCOMMAND ...", "Learn labels from pictures: a linear classifier of the model's "
                                    "embeddings, in a small file that 'diptych classify "
                                    "--probe' and 'diptych evaluate classify --probe' take.\v");

int cmd_probe(int argc, char **argv)
{
    return command_run_group(probe_commands, &probe_argp, argc, argv);
}

int probe_open(struct classifier **out, const struct session *session, const struct probe *probe,
    const char *path, struct err *err)
{
    char fingerprint[FINGERPRINT_SIZE];
    int rc = model_fingerprint(fingerprint, session->model, err);
    if (!rc)
        rc = probe_check(probe, path, model_path(session->model), fingerprint, err);
    return rc ? rc : probe_classifier(out, probe, err);
}
