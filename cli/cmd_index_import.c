// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "joint/collection/collection.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct command_line {
    const char *path, *in, *metadata, *columns;
    int kind, storage; /* of enum index_kind and index_storage; -1: not said */
    bool skip_bad, quiet;
    struct model_options model;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_METADATA = 0x100, KEY_COLUMNS, KEY_KIND, KEY_SKIP_BAD, KEY_STORAGE };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What goes in:", 1},
    {"columns", KEY_COLUMNS, "NAMES", 0,
        "All columns of a COPY, in their order, as path,caption,embedding (default: those of 'index export')",
        1},
    {"metadata", KEY_METADATA, "FILE", 0,
        "What the rows are: a .jsonl file, a line a row (default: the one beside IN, where there is one)", 1},
    {"kind", KEY_KIND, "image|text", 0, "What rows are of which nothing says it (default: image)", 1},
    {"skip-bad", KEY_SKIP_BAD, NULL, 0, "Name rows that are zero or not finite, and leave them out", 1},
    {"storage", KEY_STORAGE, "f32|f16|i8", 0, "How to keep vectors (default: f16)", 1},
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
        state->child_inputs[1] = &line->quiet;
        return 0;
    case KEY_COLUMNS:
        line->columns = argument;
        return 0;
    case KEY_METADATA:
        line->metadata = argument;
        return 0;
    case KEY_KIND:
        line->kind = option_choice(state, "kind", argument);
        return 0;
    case KEY_SKIP_BAD:
        line->skip_bad = true;
        return 0;
    case KEY_STORAGE:
        line->storage = option_choice(state, "storage", argument);
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        index_arguments_to_make(state, &line->path, &more, &count, 1);
        line->in = count ? more[0] : NULL;
        return 0;
    case ARGP_KEY_END:
        if (!line->in)
            argp_error(state, "name a file or folder to read");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&model_argp, 0, "Model and device:", 3}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_import_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX] IN",
    .doc = "Put vectors that another program made into an index, which is made where there is none.\n\n"
           "  diptych index import laion.dip img_emb_0.npy --metadata laion.jsonl \\\n"
           "      --model ViT-L-14/\v"
           "IN is a numpy matrix of float16, float32 or float64; an index of faiss that has the vectors "
           "themselves, which IndexFlatIP, IndexFlatL2, IndexHNSWFlat and IndexIDMap of these have; one of "
           "usearch, whose rows come by key; a binary COPY of PostgreSQL with one column of pgvector's "
           "vector or "
           "halfvec; or a folder in the layout of clip-retrieval: "
           "img_emb/img_emb_N.npy and text_emb/text_emb_N.npy, with "
           "metadata/metadata_N.jsonl, which pandas makes of its parquet: "
           "pandas.read_parquet('metadata_0.parquet').to_json('metadata_0.jsonl', orient='records', "
           "lines=True)\n\n"
           "The vectors must come from the model of the index, which --model names for a new one; only their "
           "width is checked. Those whose length is not 1, to 0.01, get that length.\n\n"
           "A line may have kind, path (or image_path), caption or text, picture, size, mtime, width, height "
           "and hash; all else becomes metadata. Without lines, a row's metadata is its id or key in the "
           "file, {\"id\": 7}, or else its number, {\"row\": 0}. A picture takes the place of one with the "
           "same path.\n\n"
           "A COPY does not name its columns: --columns does, where they are not those of 'index export', "
           "which are "
           "id, kind, path, size, mtime_ns, width, height, caption, picture, hash, taken, camera, lens, lat, "
           "lon, "
           "metadata and embedding, of the types there; all else goes into metadata: COPY (SELECT path, "
           "to_jsonb(t) - 'path' - 'embedding', embedding FROM t) TO '/tmp/t.pgvector' (FORMAT binary) takes "
           "--columns path,metadata,embedding\n\n"
           "All rows go in, or none: they are checked first, and kept at the very end.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- importing ----------------------------------------------------------------------------------------- */

static void put_summary(const struct index_imported *done)
{
    fprintf(stderr, "imported: %" PRId64 " row%s\n", done->rows, plural((uint64_t)done->rows));
    if (done->skipped)
        fprintf(stderr, "left out: %" PRId64 " row%s that %s zero or not finite\n", done->skipped,
            plural((uint64_t)done->skipped), done->skipped == 1 ? "is" : "are");
    if (done->replaced)
        fprintf(stderr, "pictures that took the place of one with their path: %" PRId64 "\n", done->replaced);
    if (done->scaled)
        fprintf(stderr, "vectors of another length, made 1: %" PRId64 "\n", done->scaled);
}

/* Whose vectors these are; strings in the arena. */
struct origin {
    const char *model, *fingerprint;
    size_t width;
};

/* The index's model need not be there: nothing is encoded. */
static int origin_of_index(
    struct origin *out, const struct index *index, struct arena *arena, struct err *err)
{
    const struct index_info info = index_info(index);
    *out = (struct origin){arena_copy(arena, info.model, strlen(info.model)),
        arena_copy(arena, info.fingerprint, strlen(info.fingerprint)), info.width};
    return out->model && out->fingerprint ? 0 : err_memory(err, strlen(info.model));
}

static int origin_of_model(struct origin *out, const struct index *index, const struct model_options *named,
    struct arena *arena, struct err *err)
{
    struct collection_model model;
    struct model_config config;
    int rc = collection_model(&model, index, named->directory, &named->adapters.all, arena, err);
    if (!rc)
        rc = model_config_read(&config, model.directory, err);
    if (rc)
        return rc;
    *out = (struct origin){model.reference, arena_copy(arena, model.fingerprint, FINGERPRINT_SIZE - 1),
        config.vision.embed_width};
    return out->fingerprint ? 0 : err_memory(err, FINGERPRINT_SIZE);
}

static int find_origin(
    struct origin *out, const struct command_line *line, struct arena *arena, struct err *err)
{
    struct index *index = NULL;
    int rc = index_is_there(line->path) ? index_open(&index, line->path, INDEX_READ, NULL, err) : 0;
    if (!rc && index && index_info(index).findable && !line->model.directory &&
        !line->model.adapters.all.count)
        rc = origin_of_index(out, index, arena, err);
    else if (!rc)
        rc = origin_of_model(out, index, &line->model, arena, err);
    index_free(index);
    return rc;
}

static int import_all(
    struct index_imported *done, const struct command_line *line, const struct job *job, struct err *err)
{
    struct arena arena = {0};
    struct origin origin = {0};
    struct index_import what = {.from = line->in,
        .metadata = line->metadata,
        .columns = line->columns,
        .kind = line->kind < 0 ? INDEX_ANY : INDEX_IMAGE + (enum index_kind)line->kind,
        .options = {.storage = line->storage < 0 ? INDEX_F16 : (enum index_storage)line->storage},
        .any_storage = line->storage < 0,
        .skip_bad = line->skip_bad};
    int rc = find_origin(&origin, line, &arena, err);
    what.options.model = origin.model;
    what.options.fingerprint = origin.fingerprint;
    what.options.width = origin.width;
    what.options.preparation = alpha_names[ALPHA_MODEL]; /* of a new index: the best guess there is */
    if (!rc)
        rc = index_default_make(line->path, err);
    if (!rc)
        rc = index_import(done, line->path, &what, job, err);
    arena_release(&arena);
    return rc;
}

int cmd_index_import(int argc, char **argv)
{
    struct command_line line = {.kind = -1, .storage = -1};
    struct progress progress;
    struct index_imported done;
    struct err err = {0};
    options_parse(&index_import_argp, argc, argv, &line);
    progress_init(&progress, line.quiet);
    const struct job job = progress_job(&progress, 0);
    const int rc = import_all(&done, &line, &job, &err);
    progress_clear(&progress);
    if (!rc && !line.quiet)
        put_summary(&done);
    const int status = index_end(NULL, "import", rc, &err);
    interrupt_raise();
    return status;
}
