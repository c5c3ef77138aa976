// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/text.h"

#include <stdlib.h>

/* What the command line asks for, and what comes of it. */
struct evaluation {
    struct session session;
    const char *captions, *folder, *split;
    const char **paths; // (path_count): archives, in the place of captions and folder
    size_t path_count;
    bool allow_missing;
    struct evaluate_options common;

    struct caption_set set;
    struct captioned_pictures pictures;
    size_t models, failed;
    struct retrieval *scores;     // (models)
    json_t **about;               // (models)
    struct bootstrap_score *sure; // (models, RETRIEVAL_RATES)
    double *values;               // likewise
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
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct evaluation *e = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &e->common;
        state->child_inputs[1] = &e->session;
        state->child_inputs[2] = &e->session.quiet;
        return 0;
    case 'c':
        e->captions = option_input(state, argument);
        return 0;
    case 'i':
        e->folder = argument;
        return 0;
    case KEY_SPLIT:
        e->split = argument;
        return 0;
    case KEY_ALLOW_MISSING:
        e->allow_missing = true;
        return 0;
    case ARGP_KEY_ARGS:
        e->paths = (const char **)state->argv + state->next;
        e->path_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        if (e->path_count && (e->captions || e->folder))
            argp_error(
                state, "'%s' has captions and pictures: --captions and --images are for others", e->paths[0]);
        if (e->path_count && e->split)
            argp_error(state, "--split is of a file of --captions, not of '%s'", e->paths[0]);
        if (!e->path_count && !e->captions && !e->folder)
            argp_error(
                state, "no pictures: name archives with captions, or say --captions FILE and --images DIR");
        if (!e->path_count && !e->captions)
            argp_error(state, "no captions: say --captions FILE");
        if (!e->path_count && !e->folder)
            argp_error(state, "no pictures: say --images DIR");
        if (e->session.model_options.variant && e->common.models.count > 1)
            argp_error(state, "--variant is of one model, not of several");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&evaluate_options_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp evaluate_retrieval_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "--captions FILE --images DIR\nDIR|TAR...",
    .doc = "Measure retrieval: every picture asks for its captions among all captions, and every caption for "
           "its picture among all pictures. R@K is the share of them that find one among the K best, with "
           "the numbers of CLIP_benchmark; rank is the place of the first that is right.\n\n"
           "  diptych evaluate retrieval --captions dataset_flickr30k.json \\\n"
           "      --images flickr30k-images\n"
           "  diptych evaluate retrieval -c captions_val2017.json -i val2017 -f json\n"
           "  diptych evaluate retrieval shards/{00..03}.tar\n"
           "  diptych evaluate retrieval wds_flickr8k/\v"
           "FILE is COCO annotations, one of Karpathy's splits, clipscore's {\"stem\": [\"caption\"]}, "
           "Flickr's tokens (1.jpg#0, a tab, a caption), CSV with columns image and caption or, as "
           "open_clip's with tabs, filepath and title, or text with one caption a line; gzipped or not. TAR "
           "are WebDataset's archives of pictures, each with a .txt "
           "beside it that has one caption a line; DIR has them, or is CLIP_benchmark's layout, of which "
           "test is taken. Empty lines there are no captions. Captions are taken as they are, without a "
           "prompt template. What ties with the right one counts as before it. Intervals are 95 % of "
           "bootstrap samples of the pictures, each with its captions; with --model again the models are "
           "measured on the same ones, and the others' differences from the first have intervals and p. The "
           "model runs in f32 unless --precision says otherwise.\n\n"
           "A picture that cannot be read is reported, and left out with its captions; the numbers are those "
           "of the rest.\n\n"
           "Exit status: 0 evaluated, 1 without some pictures that failed, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- the command --------------------------------------------------------------------------------------- */

static int read_files(struct evaluation *e, const struct job *job, struct err *err)
{
    const int rc = caption_set_read(&e->set, &e->captions, 1, e->split ? e->split : "test", err);
    return rc ? rc : captioned_pictures_find(&e->pictures, &e->set, e->folder, e->allow_missing, job, err);
}

static int find_pictures(struct evaluation *e, const struct job *job, struct err *err)
{
    const int rc = e->path_count ? captioned_shards_read(&e->pictures, &e->set, e->paths, e->path_count,
                                       DATA_PART_MEASURED, e->allow_missing, job, err)
                                 : read_files(e, job, err);
    if (rc == ERR_NOT_FOUND && !e->allow_missing) {
        const struct err problem = *err;
        err_set(err, rc, "%s; --allow-missing leaves them out", problem.msg);
    }
    if (e->session.quiet || rc)
        return rc;
    progress_clear(&e->session.progress);
    for (size_t i = 0; i < e->pictures.left_out.count; i++)
        message("%s", e->pictures.left_out.items[i]);
    return 0;
}

static const char *const titles[RETRIEVAL_RATES] = {"image to text R@1", "image to text R@5",
    "image to text R@10", "text to image R@1", "text to image R@5", "text to image R@10"};
static const char *const keys[RETRIEVAL_RATES] = {"image_to_text_R@1", "image_to_text_R@5",
    "image_to_text_R@10", "text_to_image_R@1", "text_to_image_R@5", "text_to_image_R@10"};

static int report(struct evaluation *e, struct err *err)
{
    const char *const *names = (const char *const *)e->common.models.items;
    const struct rates rates = {titles, keys, RETRIEVAL_RATES, e->models,
        names ? names : &e->session.directory, e->values, e->sure, e->common.samples, e->common.seed};
    const struct retrieval_report report = {
        .scores = e->scores,
        .about = e->about,
        .rates = &rates,
        .directory = e->path_count ? e->paths[0] : e->folder,
        .failed = e->failed + e->pictures.failed,
        .without_picture = e->pictures.without_picture,
        .without_captions = e->pictures.without_captions,
    };
    progress_clear(&e->session.progress);
    const int rc = retrieval_print(&report, e->common.format, err);
    output_flush(); /* so that the summary comes last */
    if (!e->session.quiet)
        passed_over_put(&e->pictures.list.passed);
    return rc;
}

static int evaluate_model(struct evaluation *e, size_t model, const struct job *job, struct err *err)
{
    struct retrieval_evaluation result = {0};
    int rc = evaluate_open(&e->session, &e->common, model, err);
    if (!rc)
        rc = retrieval_evaluate(
            &result, e->session.encoder, e->session.loader, &e->set, &e->pictures, job, err);
    e->scores[model] = result.scores;
    e->failed = result.failed;
    e->session.done += result.pictures;
    e->session.failed += result.failed;
    if (rc)
        return rc;
    progress_clear(&e->session.progress);
    session_say_cut(&e->session, "captions", result.truncated);
    retrieval_rates(&e->values[model * RETRIEVAL_RATES], &result.scores);
    e->about[model] = evaluate_json(&e->session);
    return e->about[model] ? 0 : err_memory(err, 0);
}

static int make_room(struct evaluation *e, struct err *err)
{
    e->models = evaluate_models(&e->common);
    e->scores = mem_new(e->models, sizeof *e->scores);
    e->about = mem_new(e->models, sizeof(json_t *));
    e->sure = mem_new(e->models * RETRIEVAL_RATES, sizeof *e->sure);
    e->values = mem_new(e->models * RETRIEVAL_RATES, sizeof *e->values);
    return e->scores && e->about && e->sure && e->values ? 0 : err_memory(err, e->models * sizeof *e->scores);
}

/* What is quick first: captions and pictures that are not there show at once. */
static int evaluate(struct evaluation *e, struct err *err)
{
    const struct job job = session_job(&e->session);
    int rc = find_pictures(e, &job, err);
    e->session.failed = e->pictures.failed;
    if (!rc)
        rc = make_room(e, err);
    for (size_t model = 0; model < e->models && !rc; model++)
        rc = evaluate_model(e, model, &job, err);
    if (!rc)
        rc = retrieval_bootstrap(e->sure, e->scores, e->models, e->common.samples, e->common.seed, &job, err);
    return rc ? rc : report(e, err);
}

int evaluate_retrieval(int argc, char **argv)
{
    struct evaluation e = {
        .session = {.model_options = {.device = {.precision = "f32"}}},
        .common = EVALUATE_OPTIONS,
    };
    struct err err = {0};
    e.session.model_options.all = &e.common.models;
    options_parse(&evaluate_retrieval_argp, argc, argv, &e);
    session_begin(&e.session);

    const int rc = evaluate(&e, &err);
    for (size_t model = 0; model < e.models; model++) {
        if (e.about)
            json_decref(e.about[model]);
        if (e.scores)
            retrieval_release(&e.scores[model]);
    }
    free(e.values);
    free(e.sure);
    free(e.about);
    free(e.scores);
    strings_release(&e.common.models);
    captioned_pictures_release(&e.pictures);
    caption_set_release(&e.set);
    return session_end(&e.session, "evaluate", rc, &err);
}
