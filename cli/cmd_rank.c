// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/text.h"

#include <stdio.h>

/* What the command line asks for, and what is opened to do it. */
struct rank {
    struct session session;
    char **arguments; /* a picture and its captions */
    size_t argument_count;
    const char *file;
    int format;

    struct rank_requests requests;
    struct output output;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_FILE = 0x100 };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Captions:", 1},
    {"file", KEY_FILE, "FILE", 0,
        "Rank for many pictures: a line of FILE, or of standard input for -, is {\"path\": ..., "
        "\"captions\": [...]}",
        1},
    {"format", 'f', "table|tsv|json", 0, "How to print; json is one object a line (default: table)",
        GROUP_OUTPUT},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct rank *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->session;
        state->child_inputs[1] = &r->session.quiet;
        return 0;
    case KEY_FILE:
        r->file = option_input(state, argument);
        return 0;
    case 'f':
        r->format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARGS:
        r->arguments = state->argv + state->next;
        r->argument_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        if (r->file && r->argument_count)
            argp_error(
                state, "pictures and captions come from --file or from the command line, not from both");
        if (!r->file && !r->argument_count)
            argp_error(state, "no picture: name one, or say --file");
        if (!r->file && r->argument_count == 1)
            argp_error(state, "no captions: they come after the picture");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp rank_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "IMAGE CAPTION...\n--file FILE",
    .doc =
        "Order captions by how well they fit a picture, best first. Captions are taken as they are, without "
        "a prompt template.\n\n"
        "  diptych rank photo.jpg \"a dog on a beach\" \"a cat on a sofa\"\n"
        "  diptych rank --file captions.jsonl -f json\v"
        "Each caption has its probability, its cosine, and the probability that it wins against the next one "
        "alone, exp(a) / (exp(a) + exp(b)) of the two logits, scale x cosine; json has that for every two. "
        "Its "
        "probability is the softmax of the logits over the picture's captions; of SigLIP's kind of models it "
        "is "
        "sigmoid(scale x cosine + bias), for each caption by itself: none or several may fit. json names "
        "which, as "
        "\"score\".\n\n"
        "With --file a picture or line that cannot be read is reported and does not stop the others; in json "
        "it has a line with an \"error\", otherwise the reason is on stderr.\n\n"
        "Exit status: 0 all pictures are ranked, 1 some failed, 2 cannot start.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

/* The work first, the device after: a file that is not there shows at once. */
static int open_all(struct rank *r, struct err *err)
{
    const char *const *captions = (const char *const *)r->arguments + 1;
    const struct job job = session_job(&r->session);
    int rc = r->file ? rank_requests_read(&r->requests, r->file, &job, err)
                     : rank_requests_add(&r->requests, picture_input(r->arguments[0]), captions,
                           r->argument_count - 1, err);
    if (!rc)
        rc = session_open(&r->session, err);
    return rc ? rc : session_loader(&r->session, err);
}

/* ---- ranking ------------------------------------------------------------------------------------------- */

static int print_request(
    void *context, const struct rank_request *request, const struct prediction *best, struct err *err)
{
    struct rank *r = context;
    progress_clear(&r->session.progress);
    r->session.done++;
    if (request->error) {
        r->session.failed++;
        return output_failure(&r->output, "rank/1", request->picture.path, request->error, err);
    }
    const struct caption_ranking ranking = {
        .path = request->picture.path,
        .captions = request->captions,
        .best = best,
        .count = request->count,
        .score = model_score(r->session.model),
        .outside = request->outside,
        .warning = request->warning ? request->warning : "",
    };
    return output_captions(&r->output, &ranking, err);
}

static int rank_all(struct rank *r, struct err *err)
{
    const struct job job = session_job(&r->session);
    size_t truncated;
    session_say_score(&r->session, model_score(r->session.model).kind, "caption");
    output_init(&r->output, r->format);
    const int rc = rank_requests_run(
        &r->requests, &truncated, r->session.encoder, r->session.loader, print_request, r, &job, err);
    progress_clear(&r->session.progress);
    if (!rc)
        session_say_cut(&r->session, "captions", truncated);
    return rc;
}

int cmd_rank(int argc, char **argv)
{
    struct rank r = {0};
    struct err err = {0};
    options_parse(&rank_argp, argc, argv, &r);
    session_begin(&r.session);

    int rc = open_all(&r, &err);
    if (!rc)
        rc = rank_all(&r, &err);
    rank_requests_release(&r.requests);
    return session_end(&r.session, "rank", rc, &err);
}
