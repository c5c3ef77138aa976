// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_import.h"
#include "cli/interrupt.h"
#include "cli/text.h"
#include "joint/joint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct command_line {
    const char *path, *in, *metadata;
    int kind, storage; /* of enum index_kind and index_storage; -1: not said */
    bool quiet;
    struct model_options model;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_METADATA = 0x100, KEY_KIND, KEY_STORAGE };

static const char *const kinds[] = {"image", "text", NULL};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What goes in:", 1},
    {"metadata", KEY_METADATA, "FILE", 0,
        "What the rows are: a .jsonl file, a line a row (default: the one beside IN, where there is one)", 1},
    {"kind", KEY_KIND, "KIND", 0, "What rows are of which nothing says it: image or text (default: image)",
        1},
    {"storage", KEY_STORAGE, "TYPE", 0, "How to keep vectors: f32, f16 or i8 (default: f16)", 1},
    {NULL, 0, NULL, 0, "Output:", 2},
    {"quiet", 'q', NULL, 0, "No progress and no summary on stderr", 2},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct command_line *line = state->input;
    char **more;
    size_t count;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &line->model;
        return 0;
    case KEY_METADATA:
        line->metadata = argument;
        return 0;
    case KEY_KIND:
        line->kind = option_choice(state, "kind", argument, kinds);
        return 0;
    case KEY_STORAGE:
        line->storage = option_choice(state, "storage", argument, index_storages);
        return 0;
    case 'q':
        line->quiet = true;
        return 0;
    case ARGP_KEY_ARGS:
        index_arguments(state, &line->path, &more, &count, 1);
        line->in = count ? more[0] : NULL;
        return 0;
    case ARGP_KEY_END:
        if (!line->in)
            argp_error(state, "name an index and a file or folder to read");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&model_argp, 0, "Model and device:", 3}, {&help_argp, 0, "", -1}, {0}};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "INDEX IN",
    .doc =
        "Put vectors that another program made into an index, which is made where there is none.\v"
        "IN is a numpy matrix of float32 or float16, a faiss IndexFlatIP, or a folder in the layout of "
        "clip-retrieval: img_emb/img_emb_N.npy and text_emb/text_emb_N.npy, with metadata/metadata_N.jsonl, "
        "which pandas makes of its parquet: "
        "pandas.read_parquet('metadata_0.parquet').to_json('metadata_0.jsonl', orient='records', "
        "lines=True)\n\n"
        "The vectors must come from the model of the index, named by --model; only their width is checked. "
        "Those whose length is not 1, to 0.01, get that length.\n\n"
        "A line may have kind, path (or image_path), caption or text, picture, size, mtime, width, height "
        "and hash; all else becomes metadata. Without lines, a row's metadata is its number, {\"row\": 0}. A "
        "picture takes the place of one with the same path.\n\n"
        "All rows go in, or none: they are checked first, and kept at the very end.\n\n"
        "  diptych index import laion.dip img_emb_0.npy --metadata laion.jsonl --model ViT-L-14/",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static int find_parts(struct importer *importer, const struct command_line *line, struct err *err)
{
    struct stat st;
    if (stat(line->in, &st) || !S_ISDIR(st.st_mode))
        return import_file(importer, line->in, line->metadata,
            line->kind < 0 ? INDEX_IMAGE : INDEX_IMAGE + (enum index_kind)line->kind, err);
    if (line->metadata || line->kind >= 0)
        return err_set(
            err, ERR_ARGUMENT, "--metadata and --kind are for a file: a folder has its own places for them");
    return import_folder(importer, line->in, err);
}

static int check_width(const struct importer *importer, const struct model *model, struct err *err)
{
    const size_t width = model_width(model);
    if (importer->width == width)
        return 0;
    return err_set(err, ERR_ARGUMENT, "the rows of '%s' have %zu elements, the embeddings of '%s' %zu",
        importer->parts[0].vectors, importer->width, model_path(model), width);
}

/* ---- importing ----------------------------------------------------------------------------------------- */

static void put_summary(
    const struct importer *importer, const struct index_info *before, const struct index_info *after)
{
    const int64_t more = after->images + after->texts - before->images - before->texts;
    fprintf(stderr, "imported: %" PRId64 " rows\n", importer->rows);
    if (more < importer->rows)
        fprintf(stderr, "pictures that took the place of one with their path: %" PRId64 "\n",
            importer->rows - more);
    if (importer->scaled)
        fprintf(stderr, "vectors of another length, made 1: %" PRId64 "\n", importer->scaled);
}

/* The model says whose vectors these are; nothing is encoded. */
static int import_all(struct importer *importer, struct index **index, const struct command_line *line,
    struct model **model, struct device **device, struct err *err)
{
    struct arena arena = {0};
    const char *directory;
    int rc = find_parts(importer, line, err);
    if (!rc)
        rc = model_directory(&directory, line->model.directory, &arena, err);
    if (!rc)
        rc = device_open(device, &line->model.device, err);
    if (!rc)
        rc = model_open(model, directory, *device, err);
    arena_release(&arena);
    if (!rc)
        rc = check_width(importer, *model, err);
    if (!rc)
        rc = import_read(importer, NULL, err);
    if (!rc)
        rc = index_open_writer(index, line->path, *model, line->storage, true, err);
    if (rc)
        return rc;
    const struct index_info before = index_info(*index);
    rc = import_read(importer, *index, err);
    if (!rc)
        rc = index_commit(*index, err);
    const struct index_info after = index_info(*index);
    if (!rc)
        rc = index_prepare(*index, NULL, err);
    progress_clear(&importer->progress);
    if (!rc && !line->quiet)
        put_summary(importer, &before, &after);
    return rc;
}

int cmd_index_import(int argc, char **argv)
{
    struct command_line line = {.kind = -1, .storage = -1};
    struct importer importer = {0};
    struct index *index = NULL;
    struct model *model = NULL;
    struct device *device = NULL;
    struct err err = {0};
    options_parse(&argp, argc, argv, &line);
    progress_init(&importer.progress, line.quiet);
    interrupt_catch();
    const int rc = import_all(&importer, &index, &line, &model, &device, &err);
    progress_clear(&importer.progress);
    import_release(&importer);
    model_free(model);
    device_free(device);
    const int status = index_end(index, "import", rc, &err);
    interrupt_raise();
    return status;
}
