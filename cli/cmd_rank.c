// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/output.h"
#include "cli/requests.h"
#include "cli/session.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

/* What the command line asks for, and what is opened to do it. */
struct rank {
    struct session session;
    char **arguments; /* a picture and its captions */
    size_t argument_count;
    const char *file;
    int format;

    struct requests requests;
    size_t taken, printed;  /* requests that are encoded, and printed too */
    struct strings paths;   /* of the good requests */
    struct token_rows rows; /* the captions of a batch */
    float *texts;           // (rows, E)
    struct output output;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_FILE = 0x100 };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Captions:", 1},
    {"file", KEY_FILE, "FILE", 0,
        "Rank for many pictures: a line of FILE, or of stdin for -, is {\"path\": ..., \"captions\": [...]}",
        1},
    {"format", 'f', "FORMAT", 0, "table, tsv or json, one object a line (default: table)", GROUP_OUTPUT},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct rank *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->session;
        return 0;
    case KEY_FILE:
        r->file = argument;
        return 0;
    case 'f':
        r->format = option_choice(state, "format", argument, output_formats);
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

static const struct argp_child children[] = {{&session_argp, 0, NULL, 0}, {&help_argp, 0, "", -1}, {0}};

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "IMAGE CAPTION...\n--file FILE",
    .doc =
        "Order captions by how well they fit a picture, best first. Captions are taken as they are, without "
        "a prompt template.\v"
        "Each caption has its share (the softmax of logit scale x cosine over the picture's captions), its "
        "cosine, and the probability that it wins against the next one alone, exp(a) / (exp(a) + exp(b)) of "
        "the two logits; json has that for every two.\n\n"
        "With --file a picture or line that cannot be read is reported and does not stop the others; in json "
        "it has a line with an \"error\", otherwise the reason is on stderr.\n\n"
        "Exit status: 0 all pictures are ranked, 1 some failed, 2 cannot start.\n\n"
        "  diptych rank photo.jpg \"a dog on a beach\" \"a cat on a sofa\"\n"
        "  diptych rank --file captions.jsonl -f json",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

/* The work first, the device after: a file that is not there shows at once. */
static int open_all(struct rank *r, struct err *err)
{
    int rc = r->file
                 ? requests_read(&r->requests, r->file, err)
                 : requests_add(&r->requests, r->arguments[0], r->arguments + 1, r->argument_count - 1, err);
    for (size_t i = 0; i < r->requests.count && !rc; i++) {
        const struct request *request = &r->requests.items[i];
        if (!request->error)
            rc = strings_add(&r->paths, request->path, strlen(request->path), err);
    }
    return rc ? rc : session_open(&r->session, err);
}

/* ---- ranking ------------------------------------------------------------------------------------------- */

/* Adds the request's captions to those of the batch; one that cannot be encoded makes it fail. */
static int add_captions(struct rank *r, struct request *request, struct err *err)
{
    const size_t first = r->rows.count;
    struct err problem;
    for (size_t i = 0; i < request->count; i++) {
        int rc = token_rows_add(&r->rows, r->session.model, request->captions[i], &problem);
        if (rc == ERR_MEMORY)
            return err_set(err, rc, "%s", problem.msg);
        if (rc) {
            err_wrap(&problem, "caption %zu of '%s'", i + 1, request->path);
            r->rows.count = first;
            return request_fail(&r->requests, request, problem.msg, err);
        }
    }
    return 0;
}

/* Takes the requests of the batch's pictures and encodes their captions. */
static int take_batch(
    struct rank *r, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    const size_t width = model_width(r->session.model);
    int rc = 0;
    r->rows.count = 0;
    for (size_t i = 0; i < batch->count && !rc; i++) {
        while (r->requests.items[r->taken].error)
            r->taken++;
        struct request *request = &r->requests.items[r->taken++];
        if (batch->errs[i].code) {
            rc = request_fail(&r->requests, request, batch->errs[i].msg, err);
        } else {
            request->embedding = embeddings;
            embeddings += width;
            rc = add_captions(r, request, err);
        }
    }
    if (rc || !r->rows.count)
        return rc;
    float *texts = mem_grow(r->texts, r->rows.count, width * sizeof *texts);
    if (!texts)
        return err_memory(err, r->rows.count * width * sizeof *texts);
    r->texts = texts;
    return encoder_ids(r->session.encoder, texts, r->rows.ids, r->rows.lengths, r->rows.count, err);
}

/* Prints a request that failed, or else ranks its captions, texts (count, E). */
static int print_request(struct rank *r, const struct request *request, const float *texts, struct err *err)
{
    struct prediction best[CAPTIONS_MAX];
    const struct model *model = r->session.model;
    r->session.done++;
    if (request->error) {
        r->session.failed++;
        return output_failure(&r->output, request->path, request->error, err);
    }
    rank_rows(best, request->count, request->embedding, texts, request->count, model_width(model),
        model_logit_scale(model));
    const struct caption_ranking ranking = {
        .path = request->path,
        .captions = request->captions,
        .best = best,
        .count = request->count,
        .scale = model_logit_scale(model),
    };
    return output_captions(&r->output, &ranking, err);
}

static int print_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct rank *r = context;
    int rc = take_batch(r, batch, embeddings, err);
    const float *texts = r->texts;
    for (; r->printed < r->taken && !rc; r->printed++) {
        const struct request *request = &r->requests.items[r->printed];
        rc = print_request(r, request, texts, err);
        if (!request->error)
            texts += request->count * model_width(r->session.model);
    }
    return rc;
}

static int rank_all(struct rank *r, struct err *err)
{
    output_init(&r->output, r->format);
    int rc = session_pictures(&r->session, &r->paths, r->requests.count, print_batch, r, err);
    progress_clear(&r->session.progress);
    for (; !rc && r->printed < r->requests.count && r->requests.items[r->printed].error; r->printed++)
        rc = print_request(r, &r->requests.items[r->printed], NULL, err); /* bad lines behind all pictures */
    if (!rc && r->rows.truncated)
        message("%zu captions are longer than the model's %zu tokens and were cut", r->rows.truncated,
            model_config(r->session.model)->text.context);
    return rc;
}

int cmd_rank(int argc, char **argv)
{
    struct rank r = {0};
    struct err err = {0};
    options_parse(&argp, argc, argv, &r);
    session_begin(&r.session);

    int rc = open_all(&r, &err);
    if (!rc)
        rc = rank_all(&r, &err);
    free(r.texts);
    token_rows_release(&r.rows);
    strings_release(&r.paths);
    requests_release(&r.requests);
    return session_end(&r.session, "rank", rc, &err);
}
