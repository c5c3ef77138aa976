// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/text.h"
#include "joint/collection/collection.h"

#include <string.h>

struct doctor {
    struct model_options model;
    int format;
    enum finding_state worst;
    json_t *findings;
};

/* By enum finding_state: of one thing, and of all. */
static const struct {
    const char *name, *all, *summary;
} states[] = {
    [FINDING_WELL] = {"well", "well", "All is well."},
    [FINDING_POOR] = {"poor", "works", "Diptych works, but not all of it."},
    [FINDING_BAD] = {"bad", "cannot work", "Diptych cannot work until this is mended."},
};

static const struct argp_option options[] = {
    {"format", 'f', "table|json", 0, "How to print it (default: table)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct doctor *doctor = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &doctor->model;
        return 0;
    case 'f':
        doctor->format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is one argument too many", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&model_argp, 0, "What a command would ask for:", 1}, {&common_argp, 0, "", -1}, {0}};

const struct argp doctor_argp = {
    .options = options,
    .parser = parse,
    .doc = "Find out whether all that Diptych needs is there: the device, and whether it computes right; the "
           "model that is used, and those that were downloaded; the folders that are written to; the formats "
           "of pictures and what decodes them. Says what to install or to change where it is not.\v"
           "Nothing is changed, but for kernels that are compiled on the way.\n\n"
           "Exit status: 0 all is well, 1 something does not work and the rest does, 2 nothing works.",
    .children = children,
    .help_filter = options_help_filter,
};

static void put_line(const struct finding *finding)
{
    printf("%-4s  %-10s  ", states[finding->state].name, finding->subject);
    text_escape(stdout, finding->text);
    if (*finding->advice) {
        printf("\n%18s-> ", "");
        text_escape(stdout, finding->advice);
    }
    putchar('\n');
}

static int found(void *context, const struct finding *finding, struct err *err)
{
    struct doctor *doctor = context;
    if (finding->state > doctor->worst)
        doctor->worst = finding->state;
    if (!doctor->findings) {
        put_line(finding);
        fflush(stdout); /* opening the model may take a while */
        return 0;
    }
    json_t *object = json_pack("{s:s, s:s, s:o}", "subject", finding->subject, "state",
        states[finding->state].name, "text", json_text(finding->text));
    if (object && *finding->advice)
        json_object_set_new(object, "advice", json_text(finding->advice));
    return json_array_append_new(doctor->findings, object) ? err_memory(err, 0) : 0;
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor doctor = {0};
    struct arena arena = {0};
    struct err err = {0};
    options_parse(&doctor_argp, argc, argv, &doctor);

    struct examination examination = {.device = doctor.model.device,
        .model = doctor.model.directory,
        .adapters = &doctor.model.adapters.all};
    if (collection_default(&examination.index, &arena, NULL))
        examination.index = NULL;
    if (doctor.format)
        doctor.findings = json_array();
    int rc = installation_examine(&examination, found, &doctor, &err);
    if (!rc && doctor.format)
        rc = json_print("doctor/1",
            json_pack("{s:s, s:s, s:O}", "version", DIPTYCH_VERSION, "state", states[doctor.worst].all,
                "findings", doctor.findings),
            JSON_INDENT(2), &err);
    else if (!rc)
        puts(states[doctor.worst].summary);
    if (rc)
        message("cannot examine: %s", err.msg);
    json_decref(doctor.findings);
    arena_release(&arena);
    return rc ? STATUS_CANNOT : (int)doctor.worst; /* an enum exit_status too */
}
