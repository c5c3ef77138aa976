// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_work.h"
#include "cli/interrupt.h"
#include "cli/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum source_kind { SOURCE_TEXTS, SOURCE_CAPTIONS, SOURCE_METADATA, SOURCE_KINDS };

struct build {
    struct session session;
    bool update; /* the index must be there */
    const char *path;
    char **pictures;
    size_t picture_count;
    int storage; /* -1: not said */
    struct strings sources[SOURCE_KINDS];
    struct scan scan;
    struct work work;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_TEXTS = 0x100, KEY_CAPTIONS, KEY_METADATA, KEY_STORAGE };

static const char *const storages[] = {"f32", "f16", "i8", NULL}; /* enum index_storage */

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

static void add_source(struct argp_state *state, struct build *b, enum source_kind kind, const char *path)
{
    struct err err;
    if (strings_add(&b->sources[kind], path, strlen(path), &err))
        argp_error(state, "%s", err.msg);
}

static void check_arguments(const struct argp_state *state, const struct build *b)
{
    if (!b->path)
        argp_error(state, "no index: name one");
    if (!b->picture_count && !b->sources[SOURCE_TEXTS].count && !b->sources[SOURCE_CAPTIONS].count &&
        !b->sources[SOURCE_METADATA].count)
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
        b->storage = option_choice(state, "storage", argument, storages);
        return 0;
    case ARGP_KEY_ARGS:
        index_arguments(state, &b->path, &b->pictures, &b->picture_count, SIZE_MAX);
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
    "is done, and so does any other end; the same command goes on from there.\n\n"                           \
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
    .args_doc = "INDEX PATH...",
    .doc = "Bring an index up to date with folders and files: as 'index build', but the index must be "
           "there.\v" GOES_ON,
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

/* All that can be seen before the model is there. */
static int look(struct build *b, struct err *err)
{
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < b->sources[kind].count; i++)
            if (access(b->sources[kind].items[i], R_OK))
                return err_set(
                    err, ERR_IO, "unable to open '%s': %s", b->sources[kind].items[i], strerror(errno));
    progress_note(&b->session.progress, "looking for pictures");
    for (size_t i = 0; i < b->picture_count && !rc; i++)
        rc = scan_path(&b->scan, b->pictures[i], err);
    return rc;
}

static int create(struct build *b, const char *fingerprint, struct err *err)
{
    const struct index_options made = {
        .model = model_path(b->session.model),
        .fingerprint = fingerprint,
        .width = model_config(b->session.model)->vision.embed_width,
        .storage = b->storage < 0 ? INDEX_F16 : (enum index_storage)b->storage,
    };
    return index_create(&b->work.index, b->path, &made, err);
}

static int open_index(struct build *b, struct err *err)
{
    struct arena arena = {0};
    char fingerprint[FINGERPRINT_SIZE];
    const char *catalog = path_join(&arena, b->path, "catalog.sqlite");
    int rc = catalog ? model_fingerprint(fingerprint, b->session.model, err) : err_memory(err, 0);
    if (!rc && !b->update && !file_exists(catalog))
        rc = create(b, fingerprint, err);
    else if (!rc)
        rc = index_open(&b->work.index, b->path, INDEX_WRITE, fingerprint, err);
    arena_release(&arena);
    if (rc || b->storage < 0 || index_info(b->work.index).storage == (enum index_storage)b->storage)
        return rc;
    return err_set(err, ERR_ARGUMENT, "'%s' keeps its vectors as %s, not as %s", b->path,
        index_storage_names[index_info(b->work.index).storage], storages[b->storage]);
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

static int add_sources(struct build *b, struct err *err)
{
    static int (*const add[SOURCE_KINDS])(struct work *, const char *, struct err *) = {
        [SOURCE_TEXTS] = add_texts,
        [SOURCE_CAPTIONS] = work_captions,
        [SOURCE_METADATA] = work_metadata,
    };
    struct arena arena = {0};
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < b->sources[kind].count && !rc && !work_ended(); i++) {
            const char *path = path_absolute(&arena, b->sources[kind].items[i], err);
            rc = path ? add[kind](&b->work, path, err) : ERR_MEMORY;
        }
    arena_release(&arena);
    return rc;
}

static int build_all(struct build *b, struct err *err)
{
    int rc = look(b, err);
    if (!rc)
        rc = session_open(&b->session, err);
    if (!rc)
        rc = open_index(b, err);
    progress_note(&b->session.progress, "looking for changes");
    if (!rc)
        rc = scan_plan(&b->scan, b->work.index, b->session.loader_options.threads, err);
    if (!rc)
        rc = work_pictures(&b->work, &b->scan, err);
    return rc ? rc : add_sources(b, err);
}

static void put_summary(struct build *b, double start)
{
    const struct work *w = &b->work;
    progress_clear(&b->session.progress);
    fprintf(stderr,
        "pictures: %zu new, %zu changed, %zu copied, %zu moved, %zu gone, %zu unchanged, %zu failed\n",
        w->pictures.new, w->pictures.changed, w->pictures.copied, w->pictures.moved, w->pictures.gone,
        w->pictures.unchanged, w->pictures.failed);
    if (b->sources[SOURCE_TEXTS].count || b->sources[SOURCE_CAPTIONS].count || w->texts.gone)
        fprintf(stderr, "texts: %zu new, %zu copied, %zu gone, %zu unchanged, %zu failed\n", w->texts.new,
            w->texts.copied, w->texts.gone, w->texts.unchanged, w->texts.failed);
    if (w->described)
        fprintf(stderr, "new captions or metadata: %zu\n", w->described);
    if (w->texts.truncated)
        fprintf(stderr, "texts cut at the model's %zu tokens: %zu\n",
            model_config(b->session.model)->text.context, w->texts.truncated);
    if (b->scan.skipped)
        fprintf(stderr, "other files, not looked at: %zu\n", b->scan.skipped);
    b->session.progress.start = start;
    fprintf(stderr, "encoded: %zu", w->encoded);
    session_put_rate(&b->session, w->encoded, "items");
}

/* What makes searches fast; an interrupted run goes on later, and ends with it. */
static int prepare(struct build *b, struct err *err)
{
    const int threads = b->session.loader_options.threads;
    progress_clear(&b->session.progress);
    return interrupt_seen() ? 0 : index_prepare(b->work.index, threads ? threads : thread_default(), err);
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
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        strings_release(&b.sources[kind]);
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
