// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/text.h"
#include "joint/joint.h"

#include <inttypes.h>
#include <string.h>

/* ---- the list ------------------------------------------------------------------------------------------ */

static const struct argp_option options[] = {
    {"format", 'f', "table|tsv|json", 0, "How to print; json is one object a line (default: table)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    int *format = state->input;
    switch (key) {
    case 'f':
        *format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is neither an option nor 'remove'", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, "", -1}, {0}};
const struct argp models_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "\nremove MODEL[@REVISION]...",
    .doc = "List the models in the cache that diptych shares with Python's huggingface_hub, with their "
           "sizes, and "
           "whether they run; or remove some.\v"
           "tsv has the columns name, commit, revisions with commas between, bytes, runs (yes or no), why "
           "not, and the folder.",
    .children = children,
    .help_filter = options_help_filter,
};

static void put_refs(const struct strings *refs)
{
    for (size_t i = 0; i < refs->count; i++)
        printf("%s%s", i ? "," : "", refs->items[i]);
}

static json_t *refs_json(const struct strings *refs)
{
    json_t *list = json_array();
    for (size_t i = 0; i < refs->count; i++)
        json_array_append_new(list, json_text(refs->items[i]));
    return list;
}

static int put_json(const struct hub_model *model, const char *why_not, struct err *err)
{
    json_t *object = json_pack("{s:o, s:s, s:o, s:I, s:b, s:o}", "name", json_text(model->repo), "commit",
        model->commit, "revisions", refs_json(model->refs), "bytes", (json_int_t)model->size, "runs",
        !why_not, "directory", json_text(model->directory));
    if (why_not)
        json_object_set_new(object, "why_not", json_text(why_not));
    return json_print("models/1", object, 0, err);
}

static void put_tsv(const struct hub_model *model, const char *why_not)
{
    printf("%s\t%s\t", model->repo, model->commit);
    put_refs(model->refs);
    printf("\t%" PRIu64 "\t%s\t", model->size, why_not ? "no" : "yes");
    text_escape(stdout, why_not ? why_not : "");
    putchar('\t');
    text_escape(stdout, model->directory);
    putchar('\n');
}

/* A snapshot is known by one of its revisions, or by its commit. */
static void put_table(const struct hub_model *model, const char *why_not)
{
    const char *revision = model->refs->count ? model->refs->items[0] : model->commit;
    printf("%-40s  %-16.16s  %9.1f MB  %s", model->repo, revision, (double)model->size / 1e6,
        why_not ? "does not run: " : "runs");
    text_escape(stdout, why_not ? why_not : "");
    putchar('\n');
}

static int put_model(void *context, const struct hub_model *model, struct err *err)
{
    const int *format = context;
    struct err problem = {0};
    const char *why_not = model_installed_check(model, &problem) ? problem.msg : NULL;
    if (*format == OUTPUT_JSON)
        return put_json(model, why_not, err);
    (*format == OUTPUT_TSV ? put_tsv : put_table)(model, why_not);
    return 0;
}

static int list(int argc, char **argv)
{
    struct err err = {0};
    int format = OUTPUT_TABLE;
    options_parse(&models_argp, argc, argv, &format);
    const int rc = hub_each(put_model, &format, &err);
    if (rc)
        message("cannot list models: %s", err.msg);
    return rc ? STATUS_CANNOT : STATUS_DONE;
}

/* ---- remove -------------------------------------------------------------------------------------------- */

static error_t parse_remove(int key, char *argument, struct argp_state *state)
{
    struct strings *names = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (strings_add(names, argument, strlen(argument), NULL))
            argp_error(state, "out of memory");
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no model: name one");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp models_remove_argp = {
    .parser = parse_remove,
    .args_doc = "MODEL[@REVISION]...",
    .doc = "Remove models from the cache that diptych shares with Python's huggingface_hub: with a revision "
           "that one, "
           "without all of them.\v"
           "Nothing is asked. Files that another revision needs stay.\n\n"
           "Exit status: 0 done, 1 a model was not there, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

static int remove_one(const char *text, struct err *err)
{
    struct arena arena = {0};
    struct hub_name name;
    uint64_t freed;
    int rc = hub_name_parse(&name, text, &arena, err);
    if (!rc)
        rc = hub_remove(&freed, &name, strchr(text, '@'), err);
    if (!rc)
        message("'%s' removed: %.1f MB are free again", text, (double)freed / 1e6);
    else
        message("cannot remove: %s", err->msg);
    arena_release(&arena);
    return rc;
}

static int cmd_remove(int argc, char **argv)
{
    struct strings names = {0};
    struct err err = {0};
    int status = STATUS_DONE;
    options_parse(&models_remove_argp, argc, argv, &names);
    for (size_t i = 0; i < names.count && status != STATUS_CANNOT; i++) {
        const int rc = remove_one(names.items[i], &err);
        if (rc)
            status = rc == ERR_NOT_FOUND ? STATUS_SOME_FAILED : STATUS_CANNOT;
    }
    strings_release(&names);
    return status;
}

const struct command models_commands[] = {
    {"remove", cmd_remove, "remove models from the cache", &models_remove_argp, NULL},
    {0},
};

int cmd_models(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], models_commands[0].name))
        return command_run(models_commands, argv[0], argc - 1, argv + 1);
    return list(argc, argv);
}
