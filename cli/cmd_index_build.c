// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_sources.h"
#include "cli/index_work.h"
#include "cli/interrupt.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

struct build {
    struct session session;
    bool update; /* the index must be there */
    const char *path;
    int storage; /* -1: not said */
    bool named;  /* the sources, on the command line */
    struct sources sources;
    struct arena arena;
    struct scan scan;
    struct work work;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_TEXTS = 0x100, KEY_CAPTIONS, KEY_METADATA, KEY_STORAGE };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What goes in:", 1},
    {"texts", KEY_TEXTS, "FILE", 0,
        "Texts: a .txt file with one a line, a .jsonl file of {\"text\": ...}, or a .csv file with a column "
        "text or caption; other keys and columns become metadata. May be given more than once",
        1},
    {"captions", KEY_CAPTIONS, "FILE", 0,
        "Texts that describe pictures of the index: captions in COCO's, Karpathy's or CLIPScore's JSON. A "
        "picture's first becomes its caption. May be given more than once",
        1},
    {"metadata", KEY_METADATA, "FILE", 0,
        "What else is to be known of pictures: a .jsonl file of {\"path\": ..., ...}. May be given more than "
        "once",
        1},
    {"storage", KEY_STORAGE, "TYPE", 0, "How to keep vectors: f32, f16 or i8 (default: f16)", 1},
    {0},
};

static void add_source(struct argp_state *state, struct build *b, enum source_kind kind, const char *argument)
{
    struct err err;
    const char *path = path_absolute(&b->arena, argument, &err);
    if (!path || strings_add(&b->sources.paths[kind], path, strlen(path), &err))
        argp_error(state, "%s", err.msg);
}

static void add_arguments(struct argp_state *state, struct build *b)
{
    char **pictures;
    size_t count;
    index_arguments(state, &b->path, &pictures, &count, SIZE_MAX);
    for (size_t i = 0; i < count; i++)
        add_source(state, b, SOURCE_PICTURES, pictures[i]);
}

static void check_arguments(const struct argp_state *state, const struct build *b)
{
    if (!b->path)
        argp_error(state, "no index: name one");
    if (!b->update && !sources_any(&b->sources))
        argp_error(state, "nothing to put in: name pictures, folders, or --texts FILE");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct build *b = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &b->session;
        return 0;
    case KEY_TEXTS:
        add_source(state, b, SOURCE_TEXTS, argument);
        return 0;
    case KEY_CAPTIONS:
        add_source(state, b, SOURCE_CAPTIONS, argument);
        return 0;
    case KEY_METADATA:
        add_source(state, b, SOURCE_METADATA, argument);
        return 0;
    case KEY_STORAGE:
        b->storage = option_choice(state, "storage", argument, index_storage_names);
        return 0;
    case ARGP_KEY_ARGS:
        add_arguments(state, b);
        return 0;
    case ARGP_KEY_END:
        check_arguments(state, b);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define GOES_ON                                                                                              \
    "PATH is a picture, or a folder with all pictures below it (hidden files are skipped). Those that did "  \
    "not change, by size and time, are passed over; those that were renamed keep their vectors, and copies " \
    "share them; what is gone below the given paths leaves the index. The same holds for the texts of a "    \
    "file.\n\n"                                                                                              \
    "A picture that cannot be read is reported, left out, and tried again the next time. Ctrl-C keeps what " \
    "is done, and so does any other end; the same command goes on from there. The index remembers the "      \
    "paths and files for 'diptych index update INDEX'.\n\n"                                                  \
    "Exit status: 0 all is in the index, 1 some pictures or texts failed, 2 cannot start or go on."

static const struct argp_child children[] = {{&session_argp, 0, NULL, 0}, {&help_argp, 0, "", -1}, {0}};

static const struct argp build_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "INDEX PATH...",
    .doc = "Put pictures and texts into an index, which is made where there is none.\v" GOES_ON "\n\n"
           "  diptych index build photos.dip ~/Pictures\n"
           "  diptych index build coco.dip val2017/ --captions captions_val2017.json --storage f32",
    .children = children,
    .help_filter = options_help_filter,
};

static const struct argp update_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "INDEX [PATH...]",
    .doc = "Bring an index up to date with folders and files: those that are named, or else all that it was "
           "made from.\v" GOES_ON,
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

/* What an update goes by that names nothing: what the index was made from. */
static int recall(struct build *b, struct err *err)
{
    struct index *index;
    int rc = index_open(&index, b->path, INDEX_READ, NULL, err);
    if (rc)
        return rc;
    rc = sources_recall(&b->sources, index, err);
    index_free(index);
    return rc;
}

/* All that can be seen before the model is there. */
static int look(struct build *b, struct err *err)
{
    const struct strings *pictures = &b->sources.paths[SOURCE_PICTURES];
    b->named = sources_any(&b->sources);
    int rc = b->named ? 0 : recall(b, err);
    if (!rc)
        rc = sources_check(&b->sources, !b->named, &b->session.failed, err);
    progress_note(&b->session.progress, "looking for pictures");
    for (size_t i = 0; i < pictures->count && !rc; i++)
        rc = scan_path(&b->scan, pictures->items[i], err);
    return rc;
}

/* ---- building ------------------------------------------------------------------------------------------ */

static int add_texts(struct work *work, const char *path, struct err *err)
{
    struct text_list list = {0};
    int rc = texts_read(&list, path, err);
    if (!rc)
        rc = work_texts(work, path, &list, err);
    text_list_release(&list);
    return rc;
}

/* A file that was named by mistake must not end the updates to come, which go by what is remembered. */
static int add_file(struct build *b, int kind, const char *path, struct err *err)
{
    static int (*const add[SOURCE_KINDS])(struct work *, const char *, struct err *) = {
        [SOURCE_TEXTS] = add_texts,
        [SOURCE_CAPTIONS] = work_captions,
        [SOURCE_METADATA] = work_metadata,
    };
    const int rc = add[kind](&b->work, path, err);
    if (!rc || rc == ERR_IO || rc == ERR_MEMORY || !b->named)
        return rc;
    if (!index_source_remove(b->work.index, source_names[kind], path, NULL))
        index_commit(b->work.index, NULL);
    return rc;
}

static int add_sources(struct build *b, struct err *err)
{
    int rc = 0;
    for (int kind = SOURCE_TEXTS; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < b->sources.paths[kind].count && !rc && !work_ended(); i++)
            rc = add_file(b, kind, b->sources.paths[kind].items[i], err);
    return rc;
}

static int build_all(struct build *b, struct err *err)
{
    int rc = look(b, err);
    if (!rc)
        rc = session_open(&b->session, err);
    if (!rc)
        rc = index_open_writer(&b->work.index, b->path, b->session.model, b->storage, !b->update, err);
    if (!rc)
        rc = sources_remember(&b->sources, b->work.index, err);
    progress_note(&b->session.progress, "looking for changes");
    if (!rc)
        rc = scan_plan(&b->scan, b->work.index, b->session.loader_options.threads, &b->session.progress, err);
    if (!rc)
        rc = work_pictures(&b->work, &b->scan, err);
    return rc ? rc : add_sources(b, err);
}

static void put_summary(struct build *b, double start)
{
    progress_clear(&b->session.progress);
    work_put_summary(&b->work);
    if (b->scan.skipped)
        fprintf(stderr, "other files, not looked at: %zu\n", b->scan.skipped);
    b->session.progress.start = start;
    fprintf(stderr, "encoded: %zu", b->work.encoded);
    session_put_rate(&b->session, b->work.encoded, "items");
}

/* What makes searches fast; an interrupted run goes on later, and ends with it. */
static int prepare(struct build *b, struct err *err)
{
    const struct job job = {.threads = b->session.loader_options.threads};
    progress_clear(&b->session.progress);
    return interrupt_seen() ? 0 : index_prepare(b->work.index, &job, err);
}

static int run(const struct argp *argp, bool update, int argc, char **argv)
{
    struct build b = {.update = update, .storage = -1};
    struct err err = {0};
    options_parse(argp, argc, argv, &b);
    session_begin(&b.session);
    b.work.session = &b.session;
    const double start = b.work.committed = time_now();

    int rc = build_all(&b, &err);
    if (!rc)
        rc = prepare(&b, &err);
    if (!rc && !b.session.quiet)
        put_summary(&b, start);
    index_free(b.work.index);
    scan_release(&b.scan);
    arena_release(&b.arena);
    sources_release(&b.sources);
    return session_close(&b.session, update ? "update" : "build", rc, &err);
}

int cmd_index_build(int argc, char **argv)
{
    return run(&build_argp, false, argc, argv);
}

int cmd_index_update(int argc, char **argv)
{
    return run(&update_argp, true, argc, argv);
}
