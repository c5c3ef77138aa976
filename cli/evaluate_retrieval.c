// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/evaluate.h"
#include "joint/collection/collection.h"

/* What the command line asks for. */
struct request {
    struct measuring measuring;
    const char *folder;
    const char **paths; // (path_count): an index, or archives in the place of captions and folder
    size_t path_count;
    bool indexed; /* it is an index */
};

/* ---- options ------------------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {"images", 'i', "DIR", 0,
        "Their pictures are below DIR, each by the name that FILE has for it, or by its id", 1},
    {0},
};

static void check_pictures(const struct request *r, struct argp_state *state)
{
    const struct measuring *m = &r->measuring;
    if (r->path_count && (m->captions || r->folder))
        argp_error(
            state, "'%s' has captions and pictures: --captions and --images are for others", r->paths[0]);
    if (r->path_count && m->split)
        argp_error(state, "--split is of a file of --captions, not of '%s'", r->paths[0]);
    if (!r->path_count && !m->captions && !r->folder)
        argp_error(
            state, "no pictures: name archives with captions, or say --captions FILE and --images DIR");
    if (!r->path_count && !m->captions)
        argp_error(state, "no captions: say --captions FILE");
    if (!r->path_count && !r->folder)
        argp_error(state, "no pictures: say --images DIR, or name an index");
    if (m->session.model_options.variant && m->common.models.count > 1)
        argp_error(state, "--variant is of one model, not of several");
}

static void check_index(const struct request *r, struct argp_state *state)
{
    const struct measuring *m = &r->measuring;
    if (r->path_count > 1)
        argp_error(
            state, "'%s' is an index, which is measured by itself, without '%s'", r->paths[0], r->paths[1]);
    if (r->folder)
        argp_error(state, "'%s' is an index, which has the vectors of its pictures: --images is for others",
            r->paths[0]);
    if (!m->captions)
        argp_error(state, "no captions: say --captions FILE");
    if (m->common.models.count > 1)
        argp_error(state, "'%s' has the vectors of one model, not of several", r->paths[0]);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->measuring;
        state->child_inputs[1] = &r->measuring.session;
        state->child_inputs[2] = &r->measuring.session.quiet;
        return 0;
    case 'i':
        r->folder = argument;
        return 0;
    case ARGP_KEY_ARGS:
        r->paths = (const char **)state->argv + state->next;
        r->path_count = (size_t)(state->argc - state->next);
        r->indexed = collection_is_named(r->paths[0]);
        return 0;
    case ARGP_KEY_END:
        (r->indexed ? check_index : check_pictures)(r, state);
        r->measuring.place = r->path_count ? r->paths[0] : r->folder;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&measuring_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp evaluate_retrieval_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "--captions FILE --images DIR\n--captions FILE INDEX\nDIR|TAR...",
    .doc =
        "Measure retrieval: every picture asks for its captions among all captions, and every caption for "
        "its picture among all pictures. R@K is the share of them that find one among the K best, with "
        "the numbers of CLIP_benchmark; rank is the place of the first that is right.\n\n"
        "  diptych evaluate retrieval --captions dataset_flickr30k.json \\\n"
        "      --images flickr30k-images\n"
        "  diptych evaluate retrieval -c captions_val2017.json -i val2017 -f json\n"
        "  diptych evaluate retrieval -c captions_val2017.json val2017.dip\n"
        "  diptych evaluate retrieval shards/{00..03}.tar\n"
        "  diptych evaluate retrieval wds_flickr8k/\v" HELP_CAPTION_FILES " TAR "
        "are WebDataset's archives of pictures, each with a .txt "
        "beside it that has one caption a line; DIR has them, or is CLIP_benchmark's layout, of which "
        "test is taken. Empty lines there are no captions. " HELP_RANKS "; with --model again the models are "
        "measured on the same ones, and the others' differences from the first have intervals and p. The "
        "model runs in f32 unless --precision says otherwise.\n\n"
        "Of an INDEX no picture is encoded, and captions are by its model. " HELP_INDEXED "\n\n"
        "A picture that cannot be read is reported, and left out with its captions; the numbers are those "
        "of the rest.\n\n"
        "Exit status: 0 evaluated, 1 without some pictures that failed, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- the command --------------------------------------------------------------------------------------- */

static int find_pictures(struct request *r, const struct job *job, struct err *err)
{
    struct measuring *m = &r->measuring;
    int rc;
    if (r->path_count) {
        rc = captioned_shards_read(&m->pictures, &m->set, r->paths, r->path_count, DATA_PART_MEASURED, NULL,
            m->allow_missing, job, err);
    } else {
        rc = measuring_captions(m, err);
        if (!rc)
            rc = captioned_pictures_find(&m->pictures, &m->set, r->folder, m->allow_missing, job, err);
    }
    return measuring_found(m, rc, err);
}

static int evaluate_model(struct measuring *m, size_t model, const struct job *job, struct err *err)
{
    struct session *session = &m->session;
    struct retrieval_evaluation result = {0};
    int rc = evaluate_open(session, &m->common, model, err);
    if (!rc)
        rc = retrieval_evaluate(&result, session->encoder, session->loader, &m->set, &m->pictures, job, err);
    m->scores[model] = result.scores;
    session->done += result.pictures;
    session->failed += result.failed;
    return rc ? rc : measuring_take(m, model, &result, err);
}

/* What is quick first: captions and pictures that are not there show at once. */
static int evaluate_pictures(struct request *r, const struct job *job, struct err *err)
{
    struct measuring *m = &r->measuring;
    int rc = find_pictures(r, job, err);
    for (size_t model = 0; model < m->models && !rc; model++)
        rc = evaluate_model(m, model, job, err);
    return rc ? rc : measuring_report(m, job, err);
}

static int evaluate_index(struct request *r, const struct job *job, struct err *err)
{
    struct measuring *m = &r->measuring;
    struct index *index = NULL;
    int rc = index_open(&index, m->place, INDEX_READ, NULL, err);
    if (!rc)
        rc = measuring_captions(m, err);
    if (!rc) {
        const struct indexed_pictures from = {.indexes = &index,
            .before = &(int64_t){0},
            .count = 1,
            .width = index_info(index).width,
            .place = m->place};
        rc = measuring_indexes(m, &from, index, NULL, job, err);
    }
    index_free(index);
    return rc;
}

int evaluate_retrieval(int argc, char **argv)
{
    struct request r = {.measuring = MEASURING};
    struct measuring *m = &r.measuring;
    struct err err = {0};
    options_parse(&evaluate_retrieval_argp, argc, argv, &r);
    int rc = measuring_begin(m, &err);
    const struct job job = session_job(&m->session);
    if (!rc)
        rc = (r.indexed ? evaluate_index : evaluate_pictures)(&r, &job, &err);
    return measuring_end(m, rc, &err);
}
