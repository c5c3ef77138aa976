// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "joint/joint.h"

#include <stdlib.h>

#define DEFAULT_TEMPLATE "a photo of a {}."

enum { DEFAULT_TOP = 5, DEFAULT_BATCH = 32, BATCH_MAX = 4096, THREADS_MAX = 1024 };

/* What the command line asks for, and what is opened to do it. */
struct classify {
    char **arguments; /* pictures, folders, "-" */
    size_t argument_count;
    const char *labels, *templates;
    struct model_options model;
    struct loader_options loader_options;
    size_t top;
    int format;
    char separator; /* of paths on stdin */
    bool quiet;

    struct arena arena;
    struct strings paths;
    struct device *device;
    struct model *loaded;
    struct encoder *encoder;
    struct classifier *classifier;
    struct progress progress;
    size_t done, failed;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_NO_EXIF = 0x100, KEY_MAX_PIXELS, KEY_MAX_BYTES };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Labels:", 1},
    {"labels", 'l', "LIST|FILE", 0,
        "The labels to choose from: cat,dog,\"traffic light\" or a text file with one a line, where blank "
        "lines and lines that begin with # do not count. A value without commas that has a / or ends in "
        ".txt is always a file",
        1},
    {"templates", 't', "SET|TEXT|FILE", 0,
        "Prompts that a label is put into and averaged over: imagenet (80), simple (7), a text with {} for "
        "the label, or a text file with one a line (default: \"" DEFAULT_TEMPLATE "\")",
        1},
    {NULL, 0, NULL, 0, "Pictures:", 2},
    {"null", '0', NULL, 0, "Paths on stdin end with a NUL byte, as find -print0 writes them", 2},
    {"no-exif", KEY_NO_EXIF, NULL, 0, "Do not turn pictures the way their EXIF data says", 2},
    {"max-pixels", KEY_MAX_PIXELS, "N", 0, "Refuse pictures of more pixels (default: 200 million)", 2},
    {"max-bytes", KEY_MAX_BYTES, "N", 0, "Refuse larger picture files (default: 256 MiB)", 2},
    {"threads", 'j', "N", 0, "Decode on N threads (default: as many as CPUs)", 2},
    {"batch", 'b', "N", 0, "Encode N pictures at a time (default: 32)", 2},
    {NULL, 0, NULL, 0, "Output:", 3},
    {"top", 'k', "K", 0, "Show the K best labels of a picture (default: 5)", 3},
    {"format", 'f', "FORMAT", 0, "table, tsv or json, one object a line (default: table)", 3},
    {"quiet", 'q', NULL, 0, "No progress and no summary on stderr", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct classify *c = state->input;
    struct picture_options *picture = &c->loader_options.picture;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->model;
        return 0;
    case 'l':
        c->labels = argument;
        return 0;
    case 't':
        c->templates = argument;
        return 0;
    case 'k':
        c->top = option_number(state, "top", argument, 1, SIZE_MAX);
        return 0;
    case 'f':
        c->format = option_choice(state, "format", argument, output_formats);
        return 0;
    case '0':
        c->separator = '\0';
        return 0;
    case 'b':
        c->loader_options.batch = option_number(state, "batch", argument, 1, BATCH_MAX);
        return 0;
    case 'j':
        c->loader_options.threads = (int)option_number(state, "threads", argument, 1, THREADS_MAX);
        return 0;
    case KEY_NO_EXIF:
        picture->ignore_exif = true;
        return 0;
    case KEY_MAX_PIXELS:
        picture->max_pixels = option_number(state, "max-pixels", argument, 1, SIZE_MAX);
        return 0;
    case KEY_MAX_BYTES:
        picture->max_bytes = option_number(state, "max-bytes", argument, 1, SIZE_MAX);
        return 0;
    case 'q':
        c->quiet = true;
        return 0;
    case ARGP_KEY_ARGS:
        c->arguments = state->argv + state->next;
        c->argument_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        if (!c->argument_count)
            argp_error(state, "no pictures: name files, folders, or - for a list on stdin");
        if (!c->labels)
            argp_error(state, "no labels: say --labels cat,dog or --labels FILE");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&model_argp, 0, "Model and device:", 4}, {&help_argp, 0, "", -1}, {0}};

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "PATH... --labels LIST|FILE",
    .doc = "Say what pictures show, without training: every label becomes a text, and the picture's "
           "embedding is compared with the texts'. PATH is a picture, a folder (with all below it; hidden "
           "files are skipped), or - for a list of paths on stdin, one a line.\v"
           "Pictures come out in the order they went in. One that cannot be read is reported and does not "
           "stop the others; in json its line has an \"error\", otherwise the reason is on stderr.\n\n"
           "Exit status: 0 all pictures have labels, 1 some failed, 2 cannot start.\n\n"
           "  diptych classify holiday/ --labels cat,dog,\"traffic light\"\n"
           "  find . -name '*.jpg' -print0 | diptych classify -0 - -l labels.txt -f json",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static int open_model(struct classify *c, struct err *err)
{
    const char *directory;
    progress_note(&c->progress, "opening the model");
    int rc = model_directory(&directory, c->model.directory, &c->arena, err);
    if (!rc)
        rc = device_open(&c->device, &c->model.device, err);
    if (!rc)
        rc = model_open(&c->loaded, directory, c->device, err);
    return rc ? rc : encoder_open(&c->encoder, c->loaded, c->loader_options.batch, err);
}

static int open_classifier(
    struct classify *c, const struct strings *labels, const struct strings *templates, struct err *err)
{
    progress_note(&c->progress, "encoding the labels");
    int rc = classifier_open(&c->classifier, c->encoder, labels, templates, err);
    if (!rc && classifier_truncated(c->classifier)) {
        progress_clear(&c->progress);
        message("%zu prompts are longer than the model's %zu tokens and were cut",
            classifier_truncated(c->classifier), model_config(c->loaded)->text.context);
    }
    return rc;
}

/* Lists first, device after: a file that is not there shows at once. */
static int open_all(struct classify *c, struct err *err)
{
    struct strings labels = {0}, templates = {0};
    int rc = input_labels(&labels, c->labels, err);
    if (!rc)
        rc = input_templates(&templates, c->templates, err);
    for (size_t i = 0; i < c->argument_count && !rc; i++)
        rc = input_pictures(&c->paths, c->arguments[i], c->separator, err);
    if (!rc)
        rc = open_model(c, err);
    if (!rc)
        rc = open_classifier(c, &labels, &templates, err);
    strings_release(&templates);
    strings_release(&labels);
    return rc;
}

/* ---- classifying --------------------------------------------------------------------------------------- */

static int print_batch(struct classify *c, const struct output *output, const struct loaded_batch *batch,
    const float *embeddings, struct prediction *best, struct err *err)
{
    const size_t width = model_config(c->loaded)->vision.embed_width;
    int rc = 0;
    progress_clear(&c->progress);
    for (size_t i = 0; i < batch->count && !rc; i++) {
        const char *path = c->paths.items[batch->first + i];
        if (batch->errs[i].code) {
            fflush(stdout); /* so that messages on a terminal stand between the right lines */
            rc = output_failure(output, path, batch->errs[i].msg, err);
            c->failed++;
        } else {
            classifier_rank(c->classifier, best, output->top, embeddings);
            rc = output_picture(output, path, best, err);
            embeddings += width;
        }
        c->done++;
    }
    fflush(stdout);
    progress_draw(&c->progress, c->done);
    return rc;
}

static int classify_batches(struct classify *c, struct loader *loader, const struct output *output,
    float *embeddings, struct prediction *best, struct err *err)
{
    int rc = 0;
    for (struct loaded_batch batch;
         !rc && !interrupt_seen() && !ferror(stdout) && loader_next(loader, &batch);) {
        if (batch.good)
            rc = encoder_pixels(c->encoder, embeddings, batch.pixels, batch.good, err);
        if (!rc)
            rc = print_batch(c, output, &batch, embeddings, best, err);
    }
    return rc;
}

static int classify_all(struct classify *c, struct err *err)
{
    const size_t labels = classifier_labels(c->classifier), batch = c->loader_options.batch;
    struct output output;
    output_init(&output, c->format, c->classifier, c->top < labels ? c->top : labels);

    struct loader *loader = NULL;
    float *embeddings = mem_new(batch, model_config(c->loaded)->vision.embed_width * sizeof *embeddings);
    struct prediction *best = mem_new(output.top, sizeof *best);
    int rc = embeddings && best ? 0 : err_memory(err, output.top * sizeof *best);
    if (!rc)
        rc = loader_open(&loader, model_preprocess(c->loaded), (const char *const *)c->paths.items,
            c->paths.count, &c->loader_options, err);
    if (!rc) {
        interrupt_catch();
        progress_start(&c->progress, c->paths.count);
        rc = classify_batches(c, loader, &output, embeddings, best, err);
    }
    loader_free(loader);
    free(best);
    free(embeddings);
    return rc;
}

static void put_summary(const struct classify *c)
{
    const double seconds = time_now() - c->progress.start;
    fprintf(stderr, "%zu pictures, %zu failed%s: %.1f s, %.1f pictures/s on %s (%s, %s)\n", c->done,
        c->failed, interrupt_seen() ? ", interrupted" : "", seconds,
        seconds > 0 ? (double)c->done / seconds : 0, device_name(c->device), device_gemm(c->device),
        precision_name(device_precision(c->device)));
}

static void classify_release(struct classify *c)
{
    classifier_free(c->classifier);
    encoder_free(c->encoder);
    model_free(c->loaded);
    device_free(c->device);
    strings_release(&c->paths);
    arena_release(&c->arena);
}

int cmd_classify(int argc, char **argv)
{
    struct classify c = {
        .templates = DEFAULT_TEMPLATE,
        .top = DEFAULT_TOP,
        .separator = '\n',
        .loader_options = {.batch = DEFAULT_BATCH},
    };
    struct err err = {0};
    options_parse(&argp, argc, argv, &c);
    progress_init(&c.progress, c.quiet);

    int rc = open_all(&c, &err);
    if (!rc)
        rc = classify_all(&c, &err);
    progress_clear(&c.progress);
    if (rc)
        message("cannot classify: %s", err.msg);
    else if (!c.quiet)
        put_summary(&c);
    classify_release(&c);
    interrupt_raise();
    return rc ? STATUS_CANNOT : c.failed ? STATUS_SOME_FAILED : STATUS_DONE;
}
