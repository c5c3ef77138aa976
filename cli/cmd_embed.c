// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/pictures.h"
#include "cli/session.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct embed {
    struct session session;
    struct picture_arguments pictures;
    const char *texts; /* a file of them; NULL: pictures */
    int format;        /* of enum embed_format; -1: what the name of the file says */
    bool storage_said;
    struct embed_options options;

    struct picture_list list;
    struct strings lines; /* texts */
    struct embed_counts counts;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_TEXTS = 0x100, KEY_STORAGE, KEY_NORMALIZE, KEY_NO_NORMALIZE };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What is embedded:", 1},
    {"texts", KEY_TEXTS, "FILE", 0,
        "Texts instead of pictures: a text file with one a line, - for standard input; an empty line is a "
        "text too",
        1},
    {OPTION_NULL, 1},
    {NULL, 0, NULL, 0, "Output:", GROUP_OUTPUT},
    {"out", 'o', "FILE", 0, "Where to: NAME.npy, NAME.jsonl, or - for standard output (default: -)",
        GROUP_OUTPUT},
    {"format", 'f', "npy|json", 0,
        "npy, numpy's matrix; or json, one object a line (default: by the name of FILE; json on standard "
        "output)",
        GROUP_OUTPUT},
    {"storage", KEY_STORAGE, "f32|f16", 0, "The numbers of npy (default: f32)", GROUP_OUTPUT},
    {"normalize", KEY_NORMALIZE, NULL, 0, "Give embeddings the length 1, as is the default", GROUP_OUTPUT},
    {"no-normalize", KEY_NO_NORMALIZE, NULL, 0, "Leave them the length that the model gives them",
        GROUP_OUTPUT},
    {0},
};

static bool ends_in(const char *path, const char *suffix)
{
    const size_t length = strlen(path), end = strlen(suffix);
    return length >= end && !strcmp(path + length - end, suffix);
}

static void check_arguments(struct argp_state *state, struct embed *e)
{
    const char *out = e->options.out;
    if (!e->pictures.count && !e->texts)
        argp_error(state, "nothing to embed: name pictures, folders, - for a list of them, or --texts FILE");
    if (e->pictures.count && e->texts)
        argp_error(state, "pictures or --texts, not both: their rows would not be told apart");
    if (e->texts && e->pictures.exclude.said)
        argp_error(state, "--exclude and --no-default-excludes are of pictures, not of --texts");
    if (e->format < 0 && out && !ends_in(out, ".npy") && !ends_in(out, ".jsonl"))
        argp_error(state, "'%s' ends neither in .npy nor in .jsonl: say --format", out);
    if (e->format < 0)
        e->format = out && ends_in(out, ".npy") ? EMBED_NPY : EMBED_JSONL;
    e->options.format = (enum embed_format)e->format;
    if (e->storage_said && e->format != EMBED_NPY)
        argp_error(state, "--storage is for npy");
    if (!out && e->format == EMBED_NPY && isatty(STDOUT_FILENO))
        argp_error(state, "npy is not for a terminal: name a file with --out");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct embed *e = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &e->pictures.exclude;
        state->child_inputs[1] = &e->session;
        state->child_inputs[2] = &e->session.quiet;
        return 0;
    case KEY_TEXTS:
        e->texts = option_input(state, argument);
        return 0;
    case '0':
        e->pictures.null = true;
        return 0;
    case 'o':
        e->options.out = strcmp(argument, "-") ? argument : NULL;
        return 0;
    case 'f':
        e->format = option_choice(state, "format", argument);
        return 0;
    case KEY_STORAGE:
        e->options.half = option_choice(state, "storage", argument);
        e->storage_said = true;
        return 0;
    case KEY_NORMALIZE:
    case KEY_NO_NORMALIZE:
        e->options.raw = key == KEY_NO_NORMALIZE;
        return 0;
    case ARGP_KEY_ARGS:
        picture_arguments_take(&e->pictures, state);
        return 0;
    case ARGP_KEY_END:
        check_arguments(state, e);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&exclude_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp embed_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "PATH...\n--texts FILE",
    .doc =
        "Write the embeddings of pictures or texts, without an index. PATH is a picture, a folder with all "
        "pictures below it, whatever they are called, or - for a list of paths on standard input, one a "
        "line.\n\n"
        "  diptych embed holiday/ -o holiday.npy\n"
        "  diptych embed 'shards/{00000..00012}.tar' -o shards.npy\n"
        "  diptych embed --texts captions.txt -o captions.npy --storage f16\n"
        "  find . -name '*.jpg' -print0 | diptych embed -0 - | jq -c .embedding\v" HELP_SHARDS
        "\n\nRow i is input i, in the order they came. One that cannot be read is reported and has a row all "
        "the "
        "same: "
        "NaN in npy, an \"error\" in json. Beside NAME.npy, NAME.jsonl says what each row is, {\"path\": "
        "...} or "
        "{\"text\": ...}; 'diptych index import' takes the two where none failed.\n\n"
        "Embeddings have the length 1, as those of an index have, so that their products are cosines; "
        "--no-normalize keeps what transformers' get_image_features and open_clip's encode_image give.\n\n"
        "A run that ended early, killed too, leaves what it had done in FILE.part. The same command goes on "
        "from "
        "there, and the files become those of a run without the end, byte for byte; where inputs, model or "
        "options are others, it says which. They take their places when they are whole.\n\n"
        "Exit status: 0 all are embedded, 1 some failed, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- embedding ----------------------------------------------------------------------------------------- */

/* Lists first, device after: a file that is not there shows at once. */
static int list_inputs(struct embed *e, const struct job *job, struct err *err)
{
    const size_t limit = (size_t)4 << 30;
    return e->texts ? input_lines(&e->lines, e->texts, limit, err)
                    : picture_arguments_list(&e->list, &e->pictures, job, err);
}

static int embed(struct embed *e, struct err *err)
{
    struct session *session = &e->session;
    const struct job job = session_job(session);
    int rc = list_inputs(e, &job, err);
    if (!rc)
        rc = session_open(session, err);
    if (!rc && e->texts)
        return embed_write_texts(&e->counts, session->encoder, &e->lines, &e->options, &job, err);
    if (!rc)
        rc = session_loader(session, err);
    return rc ? rc
              : embed_write_pictures(&e->counts, session->encoder, session->loader, &session->loader_options,
                    &e->list, &e->options, &job, err);
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void put_summary(struct embed *e, int rc)
{
    const struct embed_counts *c = &e->counts;
    const char *unit = e->texts ? "texts" : "pictures";
    if (c->before)
        fprintf(stderr, "rows that an earlier run had done: %zu\n", c->before);
    passed_over_put(&e->list.passed);
    fprintf(stderr, "%s: %zu of %zu, %zu failed", unit, c->done,
        e->texts ? e->lines.count : e->list.paths.count, c->failed);
    session_put_rate(&e->session, c->done - c->before, unit);
    if (rc && c->done && e->options.out)
        message("the same command goes on from what is in '%s.part'", e->options.out);
}

int cmd_embed(int argc, char **argv)
{
    struct embed e = {.format = -1, .options = {.stream = stdout}};
    struct err err = {0};
    options_parse(&embed_argp, argc, argv, &e);
    session_begin(&e.session);
    if (!e.options.out && isatty(STDOUT_FILENO))
        e.session.progress.shown = false; /* rows would go through it */

    const int rc = embed(&e, &err);
    progress_clear(&e.session.progress);
    e.session.failed = e.counts.failed + e.list.failed;
    if ((!rc || rc == ERR_CANCELLED) && e.session.model) {
        session_say_cut(&e.session, "texts", e.counts.truncated);
        if (!e.session.quiet)
            put_summary(&e, rc);
    }
    picture_list_release(&e.list);
    strings_release(&e.lines);
    strings_release(&e.pictures.exclude.excludes.patterns);
    return session_close(&e.session, "embed", rc, &err);
}
