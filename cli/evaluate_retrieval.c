// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/interrupt.h"
#include "cli/picture_names.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

/* What the command line asks for, and what comes of it. An image counts from when its picture is encoded:
 * image r of the evaluation is set.images[kept[r]]. */
struct evaluation {
    struct session session;
    const char *captions, *folder, *split;
    bool allow_missing;
    int format;

    struct caption_set set;
    struct strings paths;   // of the images that have a picture
    size_t *with_picture;   // (paths.count): which image of the set
    size_t *kept;           // (count), of up to paths.count
    float *images, *texts;  // (count, E), (rows.count, E)
    size_t *image_of;       // (rows.count)
    struct token_rows rows; // of the captions
    size_t count;
    struct retrieval_report report;
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
        return 0;
    case 'c':
        e->captions = argument;
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

static const struct argp_child children[] = {{&session_argp, 0, NULL, 0}, {&help_argp, 0, "", -1}, {0}};

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "--captions FILE --images DIR",
    .doc =
        "Measure retrieval: every picture asks for its captions among all captions, and every caption for "
        "its picture among all pictures. R@K is the share of them that find one among the K best, with the "
        "numbers of CLIP_benchmark; rank is the place of the first that is right.\v"
        "FILE is COCO annotations, one of Karpathy's splits, clipscore's {\"stem\": [\"caption\"]}, or text "
        "with one caption a line; gzipped or not. Captions are taken as they are, without a prompt template. "
        "What ties with the right one counts as before it. The model runs in f32 unless --precision says "
        "otherwise.\n\n"
        "A picture that cannot be read is reported, and left out with its captions; the numbers are those of "
        "the rest.\n\n"
        "Exit status: 0 evaluated, 1 without some pictures that failed, 2 cannot.\n\n"
        "  diptych evaluate retrieval --captions dataset_flickr30k.json --images flickr30k-images\n"
        "  diptych evaluate retrieval -c captions_val2017.json -i val2017 -f json",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- pictures of images -------------------------------------------------------------------------------- */

struct walk {
    struct picture_names names;
    const char *folder;
    size_t pictures;
    struct err *err;
};

static int see_picture(void *context, const char *path, const struct err *problem)
{
    struct walk *walk = context;
    if (problem && !strcmp(path, walk->folder))
        return err_set(walk->err, problem->code, "%s", problem->msg);
    if (problem)
        message("%s", problem->msg);
    if (problem || !picture_suffix(path))
        return 0;
    walk->pictures++;
    return picture_names_add(&walk->names, path, walk->err);
}

/* Takes the image if it has a picture. */
static int take_image(struct evaluation *e, const struct walk *walk, size_t i, struct err *err)
{
    const struct captioned_image *image = &e->set.images[i];
    const char *path;
    struct err problem;
    int rc = picture_names_find(&path, &walk->names, image->id, image->file, e->folder, &problem);
    if (!rc) {
        e->with_picture[e->paths.count] = i;
        return strings_add(&e->paths, path, strlen(path), err);
    }
    if (rc != ERR_IO)
        return err_set(err, rc, "%s", problem.msg);
    if (!e->report.without_picture++) /* the first is the one to name */
        err_set(err, rc, "%s", problem.msg);
    return 0;
}

static int find_pictures(struct evaluation *e, struct err *err)
{
    struct walk walk = {.folder = e->folder, .err = err};
    e->with_picture = mem_new(e->set.count + 1, sizeof *e->with_picture);
    int rc = e->with_picture ? file_walk(e->folder, see_picture, &walk, err) : err_memory(err, e->set.count);
    for (size_t i = 0; i < e->set.count && !rc; i++)
        rc = take_image(e, &walk, i, err);
    picture_names_release(&walk.names);
    if (rc)
        return rc;
    const size_t missing = e->report.without_picture;
    e->report.without_captions = walk.pictures > e->paths.count ? walk.pictures - e->paths.count : 0;
    if (missing && (!e->allow_missing || !e->paths.count)) {
        const struct err first = *err;
        return err_set(err, ERR_ARGUMENT, "%s, nor of %zu others of %zu%s", first.msg, missing - 1,
            e->set.count, e->allow_missing ? "" : "; --allow-missing leaves them out");
    }
    return 0;
}

/* ---- embeddings ---------------------------------------------------------------------------------------- */

static int keep_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct evaluation *e = context;
    const size_t width = model_width(e->session.model);
    (void)err;
    memcpy(&e->images[e->count * width], embeddings, batch->good * width * sizeof *embeddings);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->errs[i].code) {
            message("%s", batch->errs[i].msg);
            e->session.failed++;
        } else {
            e->kept[e->count++] = e->with_picture[batch->first + i];
        }
        e->session.done++;
    }
    return 0;
}

static int encode_pictures(struct evaluation *e, struct err *err)
{
    const size_t row = model_width(e->session.model) * sizeof *e->images;
    e->images = mem_new(e->paths.count, row);
    e->kept = mem_new(e->paths.count, sizeof *e->kept);
    if (!e->images || !e->kept)
        return err_memory(err, e->paths.count * row);
    return session_pictures(&e->session, &e->paths, e->paths.count, keep_batch, e, err);
}

static int add_captions(struct evaluation *e, size_t image, struct err *err)
{
    const struct captioned_image *captioned = &e->set.images[e->kept[image]];
    for (size_t i = 0; i < captioned->count; i++) {
        e->image_of[e->rows.count] = image;
        int rc = token_rows_add(&e->rows, e->session.model, captioned->captions[i], err);
        if (rc) {
            err_wrap(err, "caption %zu of image '%s'", i + 1, captioned->id);
            return rc;
        }
    }
    return 0;
}

static int add_all_captions(struct evaluation *e, struct err *err)
{
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < e->count; i++)
        count += e->set.images[e->kept[i]].count;
    e->image_of = mem_new(count, sizeof *e->image_of);
    if (!e->image_of)
        return err_memory(err, count * sizeof *e->image_of);
    for (size_t i = 0; i < e->count && !rc; i++)
        rc = add_captions(e, i, err);
    if (!rc && e->rows.truncated)
        message("%zu captions are longer than the model's %zu tokens and were cut", e->rows.truncated,
            model_config(e->session.model)->text.context);
    return rc;
}

/* Some thousand at a time, for the encoder sorts them by length, and the user may want to interrupt. */
static int encode_captions(struct evaluation *e, struct err *err)
{
    enum { AT_ONCE = 4096 };
    const size_t width = model_width(e->session.model);
    const size_t context = model_config(e->session.model)->text.context;
    int rc = add_all_captions(e, err);
    if (rc)
        return rc;
    e->texts = mem_new(e->rows.count, width * sizeof *e->texts);
    if (!e->texts)
        return err_memory(err, e->rows.count * width * sizeof *e->texts);
    progress_note(&e->session.progress, "encoding the captions");
    for (size_t first = 0; first < e->rows.count && !rc && !interrupt_seen(); first += AT_ONCE) {
        const size_t left = e->rows.count - first;
        rc = encoder_ids(e->session.encoder, &e->texts[first * width], &e->rows.ids[first * context],
            &e->rows.lengths[first], left < AT_ONCE ? left : AT_ONCE, err);
    }
    return rc;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static int evaluate(struct evaluation *e, struct err *err)
{
    int rc = caption_set_read(&e->set, &e->captions, 1, e->split, err);
    if (!rc)
        rc = find_pictures(e, err);
    if (!rc)
        rc = session_open(&e->session, err);
    if (!rc)
        rc = encode_pictures(e, err);
    if (rc || interrupt_seen())
        return rc;
    if (!e->count)
        return err_set(err, ERR_ARGUMENT, "no picture with captions could be read");
    rc = encode_captions(e, err);
    if (rc || interrupt_seen())
        return rc;
    rc = retrieval_compute(&e->report.scores, e->images, e->count, e->texts, e->image_of, e->rows.count,
        model_width(e->session.model), thread_default(), err);
    progress_clear(&e->session.progress);
    e->report.failed = e->session.failed;
    return rc ? rc : retrieval_print(&e->report, e->format, err);
}

int evaluate_retrieval(int argc, char **argv)
{
    struct evaluation e = {
        .split = "test",
        .session = {.model_options = {.device = {.precision = "f32"}}},
        .report = {.session = &e.session},
    };
    struct err err = {0};
    options_parse(&argp, argc, argv, &e);
    session_begin(&e.session);

    const int rc = evaluate(&e, &err);
    fflush(stdout); /* so that the summary comes last */
    token_rows_release(&e.rows);
    free(e.image_of);
    free(e.texts);
    free(e.images);
    free(e.kept);
    free(e.with_picture);
    strings_release(&e.paths);
    caption_set_release(&e.set);
    return session_end(&e.session, "evaluate", rc, &err);
}
