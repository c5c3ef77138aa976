// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <stdio.h>

struct command_line {
    const char *path;
    struct index_export what;
    bool quiet;
};

enum { KEY_METADATA = 0x100, KEY_HALF };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Output:", 3},
    {"half", KEY_HALF, NULL, 0, "pgvector: embeddings as halfvec, which it has from 0.7 on", 3},
    {"metadata", KEY_METADATA, "FILE", 0,
        "Where the lines of a matrix go (default: beside OUT, by the same name with .jsonl at its end)", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct command_line *line = state->input;
    char **more;
    size_t count;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &line->what.filter;
        state->child_inputs[1] = &line->quiet;
        return 0;
    case KEY_HALF:
        line->what.half = true;
        return 0;
    case KEY_METADATA:
        line->what.metadata = argument;
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        index_arguments(state, &line->path, &more, &count, 1);
        line->what.to = count ? more[0] : NULL;
        return 0;
    case ARGP_KEY_END:
        if (!line->what.to || !*line->what.to)
            argp_error(state, "name a file or folder to write");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&filter_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_export_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX] OUT",
    .doc =
        "Write the vectors of an index for other programs, in order of id, with all that the index knows of "
        "each.\n\n"
        "  diptych index export photos.dip photos.npy --kind image\n"
        "  diptych index export photos.dip photos.faiss --where \"width >= 1024\"\n"
        "  diptych index export photos.dip photos.pgvector\v"
        "OUT is a numpy matrix, "
        "NAME.npy, or a faiss IndexFlatIP, NAME.faiss, with a line of JSON for each row; a table of "
        "PostgreSQL "
        "with pgvector, NAME.pgvector, for its binary COPY, with NAME.sql, which makes the table NAME and "
        "fills "
        "it, by psql -1 -f NAME.sql DATABASE; points of Qdrant, NAME.qdrant, "
        "each line the body of PUT /collections/COLLECTION/points; or a new folder, NAME/, in the layout of "
        "clip-retrieval: img_emb/img_emb_0.npy with metadata/metadata_0.jsonl for pictures, "
        "text_emb/text_emb_0.npy with text_metadata/text_metadata_0.jsonl for texts.\n\n"
        "npy keeps f16 as float16; all else is float32. Vectors are those that the index keeps, bit for "
        "bit (i8: code times scale). A file that is there already is replaced once the new one is whole.\n\n"
        "clip-retrieval reads metadata as parquet, which pandas makes: "
        "pandas.read_json('metadata_0.jsonl', lines=True).to_parquet('metadata_0.parquet')",
    .children = children,
    .help_filter = options_help_filter,
};

int cmd_index_export(int argc, char **argv)
{
    struct command_line line = {0};
    struct progress progress;
    struct index *index = NULL;
    struct index_exported done = {0};
    struct err err = {0};
    options_parse(&index_export_argp, argc, argv, &line);
    progress_init(&progress, line.quiet);
    const struct job job = progress_job(&progress, 0);
    int rc = index_open(&index, line.path, INDEX_READ, NULL, &err);
    if (!rc)
        rc = index_export(&done, index, &line.what, &job, &err);
    progress_clear(&progress);
    if (!rc && done.lossy)
        message("items with strings that are not UTF-8, and have U+FFFD there: %zu", done.lossy);
    if (!rc && !line.quiet)
        fprintf(stderr, "exported: %zu item%s\n", done.items, plural(done.items));
    const int status = index_end(index, "export", rc, &err);
    interrupt_raise();
    return status ? status : done.lossy ? STATUS_SOME_FAILED : STATUS_DONE;
}
