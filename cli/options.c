// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"
#include "cli/command.h"
#include "cli/session.h"
#include "cli/suggest.h"
#include "cli/text.h"
#include "joint/joint.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { KEY_USAGE = 0x1000, KEY_DEVICE, KEY_GEMM, KEY_PRECISION, KEY_MODEL, KEY_VARIANT, KEY_LORA };

void option_error(const struct argp_state *state, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!(state->flags & ARGP_NO_EXIT))
        argp_error(state, "%s", text);
    message("%s: %s", state->argv[0], text);
    exit(STATUS_CANNOT);
}

/* What most commands share: `diptych help options` shows these. */
static bool is_shared(const struct argp *argp)
{
    return argp == &session_argp || argp == &model_argp;
}

static char *add_shared(int key, const char *text, void *input)
{
    static const char where[] = "Options of pictures, model and device: 'diptych help options'.";
    return key == ARGP_KEY_HELP_EXTRA ? strdup(where) : options_help_filter(key, text, input);
}

static const struct argp_child shared_children[] = {
    {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
static const struct argp shared_argp = {
    .doc =
        "What commands share: all of it those that encode pictures, model and device the others that encode.",
    .children = shared_children,
    .help_filter = options_help_filter,
};

/* The help of a command without what it shares with others. */
static void show_help(const struct argp_state *state)
{
    enum { CHILDREN = 8 };
    static char whole[1 << 16]; /* so that what fails is output_flush, which keeps errno */
    struct argp_child children[CHILDREN] = {0};
    struct argp own = *state->root_argp;
    struct argp_state of_own = *state;
    size_t count = 0, shared = 0;
    for (const struct argp_child *child = own.children; child && child->argp && count + 1 < CHILDREN; child++)
        if (is_shared(child->argp))
            shared++;
        else
            children[count++] = *child;
    setvbuf(stdout, whole, _IOFBF, sizeof whole);
    own.children = children;
    own.help_filter = add_shared;
    of_own.root_argp = &own;
    argp_state_help(shared && state->root_argp != &shared_argp ? &of_own : state, stdout, ARGP_HELP_STD_HELP);
}

static error_t parse_help(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    switch (key) {
    case 'h':
        show_help(state);
        return 0;
    case KEY_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option help_options[] = {
    {"help", 'h', NULL, 0, "Show this help", -1},
    {"usage", KEY_USAGE, NULL, 0, "Show a short usage message", -1},
    {0},
};
const struct argp help_argp = {.options = help_options, .parser = parse_help};

static error_t parse_quiet(int key, char *argument, struct argp_state *state)
{
    bool *quiet = state->input;
    (void)argument;
    if (key != 'q')
        return ARGP_ERR_UNKNOWN;
    if (quiet)
        *quiet = true;
    return 0;
}

static const struct argp_option quiet_options[] = {
    {"quiet", 'q', NULL, 0, "No progress and no summary on stderr", -1},
    {0},
};
static const struct argp_child quiet_children[] = {{&help_argp, 0, NULL, 0}, {0}};
const struct argp common_argp = {.options = quiet_options, .parser = parse_quiet, .children = quiet_children};

static error_t parse_device(int key, char *argument, struct argp_state *state)
{
    struct device_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        options->weights_in_file =
            true; /* commands are short and begin with it; the service lives long with it */
        return 0;
    case KEY_DEVICE:
        options->device = argument;
        return 0;
    case KEY_GEMM:
        options->gemm = argument;
        return 0;
    case KEY_PRECISION:
        options->precision = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option device_options_table[] = {
    {"device", KEY_DEVICE, "DEVICE", 0,
        "OpenCL device: gpu, cpu, PLATFORM:DEVICE as numbers, or part of a name (default: DIPTYCH_DEVICE, "
        "or the best there is)",
        0},
    {"gemm", KEY_GEMM, "auto|amx|avx512|avx2|clblast|onednn", 0,
        "Provider of matrix products (default: auto, the fastest)", 0},
    {"precision", KEY_PRECISION, "auto|f32|bf16|f16|int8", 0,
        "Operands of matrix products (default: auto, the fastest the device does well, never int8)", 0},
    {0},
};
const struct argp device_argp = {.options = device_options_table, .parser = parse_device};

/* A file of weights is as good a name of a model as its directory. */
static void find_variant(struct model_options *options)
{
    struct arena arena = {0};
    struct err err = {0};
    const char *directory, *file = NULL;
    int rc = model_directory(&directory, options->directory, &arena, &err);
    if (!rc)
        rc = model_variant(&file, directory, options->variant, &arena, &err);
    if (!rc && (size_t)snprintf(options->file, sizeof options->file, "%s", file) >= sizeof options->file)
        rc = err_set(&err, ERR_LIMIT, "a path of more than %zu bytes", sizeof options->file - 1);
    if (rc)
        message("cannot find the model: %s", err.msg);
    options->directory = options->file;
    arena_release(&arena);
    if (rc)
        exit(STATUS_CANNOT);
}

/* Those of a weaker source than the last are forgotten. */
static error_t parse_adapter(int key, char *argument, struct argp_state *state)
{
    struct adapter_options *options = state->input;
    const enum settings_source source = options && options->source ? *options->source : SETTINGS_COMMAND_LINE;
    if (key != KEY_LORA)
        return ARGP_ERR_UNKNOWN;
    if (options->from < source)
        options->all.count = 0;
    if (options->all.count == ADAPTERS_MAX)
        option_error(state, "--lora may be given %d times", ADAPTERS_MAX);
    options->from = source;
    options->names[options->all.count++] = argument;
    options->all.names = options->names;
    return 0;
}

static const struct argp_option adapter_options[] = {
    {"lora", KEY_LORA, "DIR[:WEIGHT]", OPTION_AGAIN,
        "Merge an adapter that peft has saved into the weights of the model, by so much (default: 1); may be "
        "given again",
        0},
    {0},
};
const struct argp adapter_argp = {.options = adapter_options, .parser = parse_adapter};

static error_t parse_model(int key, char *argument, struct argp_state *state)
{
    struct model_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->adapters;
        state->child_inputs[1] = &options->device;
        return 0;
    case KEY_MODEL:
        options->directory = argument;
        return options->all && strings_add(options->all, argument, strlen(argument), NULL) ? ENOMEM : 0;
    case KEY_VARIANT:
        options->variant = argument;
        return 0;
    case ARGP_KEY_END:
        if (options->variant && !(state->flags & ARGP_NO_EXIT)) /* there is more to come */
            find_variant(options);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option model_options[] = {
    {"model", KEY_MODEL, "MODEL", OPTION_NO_ENVIRONMENT /* DIPTYCH_MODEL comes after the index's */,
        "Model directory, as Hugging Face or open_clip lay it out, the name of a model that 'diptych pull' "
        "has downloaded, or 'default', the model that comes with diptych (without it: that which the index "
        "was made with, else DIPTYCH_MODEL, else the default)",
        0},
    {"variant", KEY_VARIANT, "NAME", 0,
        "Take weights that transformers has saved under a name: fp16 is model.fp16.safetensors (--model may "
        "be the path of a file of weights, too)",
        0},
    {0},
};
static const struct argp_child model_children[] = {
    {&adapter_argp, 0, NULL, 0}, {&device_argp, 0, NULL, 0}, {0}};
const struct argp model_argp = {.options = model_options, .parser = parse_model, .children = model_children};

char *options_help_filter(int key, const char *text, void *input)
{
    (void)input;
    return key == ARGP_KEY_HELP_DUP_ARGS_NOTE ? NULL : (char *)text;
}

static void parse_all(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
    argp_err_exit_status = STATUS_CANNOT;
    suggest_options(argp, argc, argv, flags & ARGP_IN_ORDER);
    if (argp_parse(argp, argc, argv, ARGP_NO_HELP | flags, NULL, input))
        exit(STATUS_CANNOT);
}

void options_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    parse_all(argp, argc, argv, 0, input);
}

void options_parse_in_order(const struct argp *argp, int argc, char **argv, void *input)
{
    parse_all(argp, argc, argv, ARGP_IN_ORDER, input);
}

void options_show_shared(void)
{
    char program[] = "diptych COMMAND", help[] = "--help";
    struct session session = {0};
    options_parse(&shared_argp, 2, (char *[]){program, help, NULL}, &session);
}

size_t option_number(
    struct argp_state *state, const char *option, const char *argument, size_t min, size_t max)
{
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(argument, &end, 10);
    if (!isdigit((unsigned char)*argument) || *end || errno || number < min || number > max)
        max == SIZE_MAX
            ? option_error(state, "--%s takes a number from %zu on, not '%s'", option, min, argument)
            : option_error(
                  state, "--%s takes a number from %zu to %zu, not '%s'", option, min, max, argument);
    return (size_t)number;
}

double option_real(struct argp_state *state, const char *option, const char *argument, double min, double max)
{
    char *end;
    const double number = strtod(argument, &end);
    if (end == argument || *end || !(number >= min && number <= max))
        option_error(state, "--%s takes a number from %g to %g, not '%s'", option, min, max, argument);
    return number;
}

int option_choice(const struct argp_state *state, const char *option, const char *argument)
{
    const struct argp_option *row = option_find(state->root_argp, span_of(option));
    const char *rest = row->arg;
    struct span choice;
    char list[256] = "";
    for (int i = 0; option_next_choice(&choice, &rest); i++) {
        if (strlen(argument) == choice.length && !memcmp(argument, choice.data, choice.length))
            return i;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%.*s", i ? ", " : "", (int)choice.length, choice.data);
    }
    option_error(state, "--%s takes one of %s, not '%s'", option, list, argument);
    return 0;
}

bool option_bool(const struct argp_state *state, const char *option, const char *argument)
{
    const bool yes = !argument || !strcmp(argument, "yes");
    if (!yes && strcmp(argument, "no"))
        option_error(state, "--%s takes yes or no, not '%s'", option, argument);
    return yes;
}

double option_seconds(const struct argp_state *state, const char *option, const char *argument)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    char *end;
    const double number = strtod(argument, &end);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (isdigit((unsigned char)*argument) && number <= 1e6 && !strcmp(end, units[i].name))
            return number * units[i].seconds;
    option_error(state, "--%s takes a time such as 90s, 5m or 2h, not '%s'", option, argument);
    return 0;
}

const char *option_input(struct argp_state *state, const char *argument)
{
    static const char *taken; /* there is one standard input, whatever the table of options */
    if (!input_is_standard(argument))
        return argument;
    if (taken)
        argp_error(state, "standard input can be read once: '%s' and '%s' are both that", taken, argument);
    return taken = argument;
}

const char *option_page(struct argp_state *state, const char *path)
{
    static const char page[] = "<!DOCTYPE html";
    char begin[sizeof page] = "";
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode) || !st.st_size)
        return path;
    FILE *file = fopen(path, "rb");
    const size_t length = file ? fread(begin, 1, sizeof page - 1, file) : 0;
    if (file)
        fclose(file);
    if (length < sizeof page - 1 || strcasecmp(begin, page))
        argp_failure(state, STATUS_CANNOT, 0, "--html would replace '%s', which is no page", path);
    return path;
}
