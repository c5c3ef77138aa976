// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/output.h"
#include "cli/text.h"

#include <stdio.h>

/* What the command line asks for, and what comes of it. */
struct evaluation {
    struct session session;
    const char *captions, *folder, *split;
    bool allow_missing;
    int format;

    struct caption_set set;
    struct captioned_pictures pictures;
    struct retrieval_evaluation result;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_SPLIT = 0x100, KEY_ALLOW_MISSING };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Captions:", 1},
    {"captions", 'c', "FILE", 0, "What people said of the images, any number of captions an image", 1},
    {"images", 'i', "DIR", 0,
        "Their pictures are below DIR, each by the name that FILE has for it, or by its id", 1},
    {"split", KEY_SPLIT, "NAME", 0, "The split to take of a file of Karpathy's (default: test)", 1},
    {"allow-missing", KEY_ALLOW_MISSING, NULL, 0, "Leave images out that have no picture", 1},
    {"format", 'f', "FORMAT", 0, "table, tsv or json (default: table)", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct evaluation *e = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &e->session;
        state->child_inputs[1] = &e->session.quiet;
        return 0;
    case 'c':
        e->captions = option_input(state, argument);
        return 0;
    case 'i':
        e->folder = argument;
        return 0;
    case 'f':
        e->format = option_choice(state, "format", argument, output_formats);
        return 0;
    case KEY_SPLIT:
        e->split = argument;
        return 0;
    case KEY_ALLOW_MISSING:
        e->allow_missing = true;
        return 0;
    case ARGP_KEY_END:
        if (!e->captions)
            argp_error(state, "no captions: say --captions FILE");
        if (!e->folder)
            argp_error(state, "no pictures: say --images DIR");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "--captions FILE --images DIR",
    .doc =
        "Measure retrieval: every picture asks for its captions among all captions, and every caption for "
        "its picture among all pictures. R@K is the share of them that find one among the K best, with the "
        "numbers of CLIP_benchmark; rank is the place of the first that is right.\n\n"
        "  diptych evaluate retrieval --captions dataset_flickr30k.json \\\n"
        "      --images flickr30k-images\n"
        "  diptych evaluate retrieval -c captions_val2017.json -i val2017 -f json\v"
        "FILE is COCO annotations, "
        "one of Karpathy's splits, clipscore's {\"stem\": [\"caption\"]}, Flickr's tokens (1.jpg#0, a tab, a "
        "caption), CSV with columns image and caption, or text with one caption a line; "
        "gzipped or not. Captions are taken as they are, without a prompt template. What ties with the right "
        "one counts as before it. The model runs in f32 unless --precision says otherwise.\n\n"
        "A picture that cannot be read is reported, and left out with its captions; the numbers are those of "
        "the rest.\n\n"
        "Exit status: 0 evaluated, 1 without some pictures that failed, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- the command --------------------------------------------------------------------------------------- */

static int find_pictures(struct evaluation *e, const struct job *job, struct err *err)
{
    const int rc = captioned_pictures_find(&e->pictures, &e->set, e->folder, e->allow_missing, job, err);
    if (rc == ERR_NOT_FOUND && !e->allow_missing) {
        const struct err problem = *err;
        err_set(err, rc, "%s; --allow-missing leaves them out", problem.msg);
    }
    return rc;
}

static int report(struct evaluation *e, struct err *err)
{
    const struct retrieval_report report = {
        .session = &e->session,
        .scores = e->result.scores,
        .failed = e->result.failed,
        .without_picture = e->pictures.without_picture,
        .without_captions = e->pictures.without_captions,
    };
    progress_clear(&e->session.progress);
    session_say_cut(&e->session, "captions", e->result.truncated);
    return retrieval_print(&report, e->format, err);
}

/* What is quick first: captions and pictures that are not there show at once. */
static int evaluate(struct evaluation *e, struct err *err)
{
    const struct job job = session_job(&e->session);
    int rc = caption_set_read(&e->set, &e->captions, 1, e->split, err);
    if (!rc)
        rc = find_pictures(e, &job, err);
    if (!rc)
        rc = session_open(&e->session, err);
    if (!rc)
        rc = session_loader(&e->session, err);
    if (!rc)
        rc = retrieval_evaluate(
            &e->result, e->session.encoder, e->session.loader, &e->set, &e->pictures, &job, err);
    e->session.done = e->result.pictures;
    e->session.failed = e->result.failed;
    return rc ? rc : report(e, err);
}

int evaluate_retrieval(int argc, char **argv)
{
    struct evaluation e = {
        .split = "test",
        .session = {.model_options = {.device = {.precision = "f32"}}},
    };
    struct err err = {0};
    options_parse(&argp, argc, argv, &e);
    session_begin(&e.session);

    const int rc = evaluate(&e, &err);
    output_flush(); /* so that the summary comes last */
    retrieval_release(&e.result.scores);
    captioned_pictures_release(&e.pictures);
    caption_set_release(&e.set);
    return session_end(&e.session, "evaluate", rc, &err);
}
