// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEFAULT_BATCH = 32, BATCH_MAX = 4096, THREADS_MAX = 1024 };

/* A run of so many seconds has the few that keeping its kernels takes, once for all. */
enum { LONG_RUN = 20 };

/* ---- options ------------------------------------------------------------------------------------------- */

enum {
    KEY_NO_EXIF = 0x2000,
    KEY_MAX_PIXELS,
    KEY_MAX_BYTES,
    KEY_FAST_DECODE,
    KEY_ALPHA,
    KEY_STRICT,
    KEY_TRUNCATED
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Pictures:", GROUP_PICTURES},
    {"no-exif", KEY_NO_EXIF, NULL, 0, "Do not turn pictures the way their EXIF data says", GROUP_PICTURES},
    {"max-pixels", KEY_MAX_PIXELS, "N", 0, "Refuse pictures of more pixels (default: 200 million)",
        GROUP_PICTURES},
    {"max-bytes", KEY_MAX_BYTES, "N", 0, "Refuse larger picture files (default: 256 MiB)", GROUP_PICTURES},
    {"strict", KEY_STRICT, NULL, 0,
        "Refuse damaged JPEGs that can be read all the same; without it they are read as Pillow reads them, "
        "with a warning",
        GROUP_PICTURES},
    {"truncated", KEY_TRUNCATED, NULL, 0,
        "Read pictures whose end is missing as far as they go, as Pillow does with LOAD_TRUNCATED_IMAGES: "
        "JPEG, PNG, GIF, BMP, PNM, PSD, TGA, ICO, and TIFF that is not compressed; other formats are refused "
        "then as always",
        GROUP_PICTURES},
    {"fast-decode", KEY_FAST_DECODE, NULL, 0,
        "Decode less where the model needs no more: JPEG and JPEG 2000 at a half, a quarter and so on of "
        "their size, of HEIC, TIFF and many cameras' JPEG a smaller picture of the same shape inside. "
        "Embeddings have cosines of 0.997 to 1 to the exact ones",
        GROUP_PICTURES},
    {"alpha", KEY_ALPHA, "model|white|black|drop", 0,
        "What becomes of transparency: model (what the model's own reference does: transformers lays it on "
        "white, open_clip resizes it and drops it), white, black, or drop (default: model)",
        GROUP_PICTURES},
    {"threads", 'j', "N", 0, "Use N threads of the host (default: as many as CPUs)", GROUP_PICTURES},
    {"batch", 'b', "N", 0, "Encode N pictures at a time (default: 32)", GROUP_PICTURES},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct session *session = state->input;
    struct loader_options *loader = &session->loader_options;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &session->model_options;
        loader->batch = DEFAULT_BATCH;
        return 0;
    case 'b':
        loader->batch = option_number(state, "batch", argument, 1, BATCH_MAX);
        return 0;
    case 'j':
        loader->threads = (int)option_number(state, "threads", argument, 1, THREADS_MAX);
        return 0;
    case KEY_NO_EXIF:
        loader->picture.ignore_exif = true;
        return 0;
    case KEY_MAX_PIXELS:
        loader->picture.max_pixels = option_number(state, "max-pixels", argument, 1, SIZE_MAX);
        return 0;
    case KEY_MAX_BYTES:
        loader->picture.max_bytes = option_number(state, "max-bytes", argument, 1, SIZE_MAX);
        return 0;
    case KEY_STRICT:
        loader->picture.strict = true;
        return 0;
    case KEY_TRUNCATED:
        loader->picture.truncated = true;
        return 0;
    case KEY_FAST_DECODE:
        loader->fast_decode = true;
        return 0;
    case KEY_ALPHA:
        loader->alpha = (enum alpha_rule)option_choice(state, "alpha", argument);
        session->alpha_said = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&model_argp, 0, "Model and device:", GROUP_MODEL}, {0}};
const struct argp session_argp = {.options = options, .parser = parse, .children = children};

/* ---- the run ------------------------------------------------------------------------------------------- */

void session_begin(struct session *session)
{
    progress_init(&session->progress, session->quiet);
}

static int find_model(struct session *session, struct err *err)
{
    if (session->directory)
        return 0;
    session->adapters = session->model_options.adapters.all;
    return model_directory(&session->directory, session->model_options.directory, &session->arena, err);
}

int session_prepare_as(struct session *session, int alpha, const char *index, struct err *err)
{
    enum alpha_rule *own = &session->loader_options.alpha;
    if (alpha < 0)
        return 0;
    if (session->alpha_said && *own != (enum alpha_rule)alpha)
        return err_set(err, ERR_ARGUMENT,
            "the pictures of '%s' are prepared with --alpha %s, not %s: 'diptych index prepare' changes that",
            index, alpha_names[alpha], alpha_names[*own]);
    *own = (enum alpha_rule)alpha;
    return 0;
}

int session_open(struct session *session, struct err *err)
{
    progress_note(&session->progress, "opening the model");
    session->opened = time_now();
    int rc = find_model(session, err);
    if (!rc)
        rc = model_open_with_device(&session->device, &session->model, session->directory, &session->adapters,
            &session->model_options.device, err);
    if (!rc)
        rc = encoder_open(&session->encoder, session->model, session->loader_options.batch, err);
    return rc;
}

int session_loader(struct session *session, struct err *err)
{
    const struct preprocess *preprocess = model_preprocess(session->model);
    if (session->loader)
        return 0;
    if (!preprocess->source && !session->quiet) {
        progress_clear(&session->progress);
        message("'%s' has no file that says how to prepare pictures: %s's own way is assumed",
            model_path(session->model), model_config(session->model)->family->name);
    }
    return loader_open(&session->loader, preprocess, &session->loader_options, err);
}

struct job session_job(struct session *session)
{
    return progress_job_later(&session->progress, session->loader_options.threads);
}

/* A visit whose output stands above the progress line. */
struct printing {
    struct session *session;
    struct job job;
    size_t total;
    picture_visit *visit;
    void *context;
};

static int print_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    const struct printing *printing = context;
    bool failed = false;
    for (size_t i = 0; i < batch->count; i++)
        failed = failed || *batch->errs[i].msg; /* or has a warning */
    (failed ? progress_clear : progress_clear_for_output)(&printing->session->progress);
    const int rc = printing->visit(printing->context, batch, embeddings, err);
    return rc ? rc : job_step(&printing->job, "pictures", printing->session->done, printing->total, err);
}

int session_pictures(struct session *session, const struct picture_list *pictures, size_t total,
    picture_visit *visit, void *context, struct err *err)
{
    struct printing printing = {session, session_job(session), total, visit, context};
    const size_t count = pictures->paths.count;
    struct picture_source *sources = picture_list_sources(pictures);
    int rc = sources ? session_loader(session, err) : err_memory(err, count * sizeof *sources);
    if (!rc)
        rc = job_step(&printing.job, "pictures", 0, total, err);
    if (!rc)
        rc = encode_pictures(session->encoder, session->loader, sources, count, print_batch, &printing, err);
    free(sources);
    return rc;
}

static int look_at_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    (void)context, (void)batch, (void)embeddings;
    return interrupt_seen() ? err_set(err, ERR_CANCELLED, "interrupted") : 0;
}

int session_look(struct session *session, const struct strings *paths, struct err *err)
{
    const size_t count = paths->count < SESSION_LOOK ? paths->count : SESSION_LOOK;
    if (session->quiet || !model_scope(session->model) || !count)
        return 0;
    struct picture_source *pictures = picture_files((const char *const *)paths->items, count);
    int rc = pictures ? session_loader(session, err) : err_memory(err, count * sizeof *pictures);
    if (!rc)
        rc = encode_pictures(session->encoder, session->loader, pictures, count, look_at_batch, NULL, err);
    free(pictures);
    return rc;
}

void session_say_cut(const struct session *session, const char *texts, size_t count)
{
    if (count)
        message("%s cut at the model's %zu tokens: %zu", texts, model_context(session->model), count);
}

void session_say_score(struct session *session, enum score_kind kind, const char *text)
{
    static const char *const how[] = {[SCORE_SIGMOID] = "with sigmoid(scale x cosine + bias)",
        [SCORE_INDEPENDENT] = "against '" LABEL_NEUTRAL "' in the same prompts"};
    if ((kind != SCORE_SIGMOID && kind != SCORE_INDEPENDENT) || session->quiet)
        return;
    progress_clear(&session->progress);
    message("each %s is scored by itself, %s: none or several may fit", text, how[kind]);
}

/* A model answers about such pictures as firmly as about any other. */
static void say_outside(const struct session *session)
{
    const size_t count = session->encoder ? encoder_outside_count(session->encoder) : 0;
    char line[OUTSIDE_LINE_SIZE];
    if (!count || session->quiet)
        return;
    encoder_outside_line(line, session->encoder, count);
    message("%s", line);
}

static void free_model(struct session *session)
{
    loader_free(session->loader);
    encoder_free(session->encoder);
    model_free(session->model);
    device_free(session->device);
}

void session_close_model(struct session *session)
{
    progress_clear(&session->progress);
    say_outside(session);
    free_model(session);
    session->loader = NULL;
    session->encoder = NULL;
    session->model = NULL;
    session->device = NULL;
    session->directory = NULL;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

void session_put_rate(const struct session *s, size_t count, const char *unit)
{
    const double seconds = s->progress.begun ? time_now() - s->progress.begun : 0;
    fprintf(stderr, "%s: %.1f s, %.1f %s/s (%s, %s)\n", interrupt_seen() ? ", interrupted" : "", seconds,
        seconds > 0 ? (double)count / seconds : 0, unit, device_gemm(s->device),
        precision_name(device_precision(s->device)));
}

int session_release(struct session *session, const char *verb, int rc, const struct err *err)
{
    if (!rc && session->device && time_now() - session->opened >= LONG_RUN) {
        progress_note(&session->progress, "keeping the kernels for the next start");
        device_keep_programs(session->device);
    }
    progress_clear(&session->progress);
    if (rc == ERR_CANCELLED)
        rc = 0; /* what was done counts; the signal, or the output that failed, says the rest */
    say_outside(session);
    if (rc)
        message("cannot %s: %s", verb, err->msg);
    free_model(session);
    arena_release(&session->arena);
    return rc ? STATUS_CANNOT : session->failed ? STATUS_SOME_FAILED : STATUS_DONE;
}

int session_close(struct session *session, const char *verb, int rc, const struct err *err)
{
    const int status = session_release(session, verb, rc, err);
    interrupt_raise();
    return status;
}

int session_end(struct session *session, const char *verb, int rc, const struct err *err)
{
    progress_clear(&session->progress);
    if ((!rc || rc == ERR_CANCELLED) && session->device && !session->quiet) {
        fprintf(stderr, "%zu picture%s, %zu failed", session->done, plural(session->done), session->failed);
        session_put_rate(session, session->done, "pictures");
    }
    return session_close(session, verb, rc, err);
}
