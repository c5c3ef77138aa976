// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_sync.h"
#include "cli/pictures.h"
#include "cli/session.h"
#include "cli/shard_option.h"
#include "cli/text.h"
#include "joint/collection/collection.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct build {
    struct session session;
    bool update; /* the index must be there */
    const char *path;
    bool list;      /* of pictures, on standard input */
    char separator; /* of its paths */
    int storage;    /* -1: not said */
    struct exclude_options exclude;
    struct sources sources; /* none: those that the index remembers */
    struct collection_model model;
    struct collection *collection;
    struct sync_counts counts;
    struct shard_options shard_options;
    struct collection_shard shard;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_TEXTS = 0x100, KEY_CAPTIONS, KEY_METADATA, KEY_STORAGE, KEY_PAIRS, KEY_GONE, KEY_RETRY };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What goes in:", 1},
    {OPTION_NULL, 1},
    {"texts", KEY_TEXTS, "FILE", 0,
        "Texts: a .txt file with one a line, a .jsonl file of {\"text\": ...} or {\"caption\": ...}, or a "
        ".csv file with a column "
        "text or caption; other keys and columns become metadata. May be given more than once",
        1},
    {"captions", KEY_CAPTIONS, "FILE", 0,
        "Texts that describe pictures of the index: captions in COCO's, Karpathy's or CLIPScore's JSON, "
        "Flickr's tokens, CSV with columns image and caption, or lines of JSON with file_name and text. A "
        "picture's first becomes its caption. May be given more than once",
        1},
    {"metadata", KEY_METADATA, "FILE", 0,
        "What else is to be known of pictures: a .jsonl file of {\"path\": ..., ...}. May be given more than "
        "once",
        1},
    {"storage", KEY_STORAGE, "f32|f16|i8", 0, "How to keep vectors (default: f16)", 1},
    {"pairs", KEY_PAIRS, "each|one", 0,
        "one: of a photo that lies there twice or more, as IMG_1.CR2, IMG_1.HEIC and IMG_1.JPG in one "
        "folder, only the "
        "JPEG goes in, or else the HEIC. each: all do (default: as before, else each)",
        1},
    {"gone", KEY_GONE, NULL, 0,
        "What is missing is gone: take pictures out of the index even where their whole folder is not there "
        "or empty, "
        "or more than half of them (and 50) are missing at once. Without it these stay, for a drive that is "
        "not "
        "mounted looks like that",
        1},
    {"retry-failed", KEY_RETRY, NULL, 0,
        "Try pictures that could not be read before, even if they did not change: for a diptych that reads "
        "more "
        "formats",
        1},
    {0},
};

static void add_source(struct argp_state *state, struct build *b, enum source_kind kind, const char *argument)
{
    struct err err;
    if (sources_add(&b->sources, kind, argument, &err))
        argp_error(state, "%s", err.msg);
}

static void add_arguments(struct argp_state *state, struct build *b)
{
    char **pictures;
    size_t count;
    (b->update ? index_arguments : index_arguments_to_make)(state, &b->path, &pictures, &count, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(option_input(state, pictures[i]), "-"))
            add_source(state, b, SOURCE_PICTURES, pictures[i]);
        else
            b->list = true;
    }
}

static void check_arguments(const struct argp_state *state, const struct build *b)
{
    if (!b->update && !sources_any(&b->sources) && !b->list)
        argp_error(state, "nothing to put in: name pictures, folders, - for a list of them, or --texts FILE");
    if (b->shard_options.scratch && !b->shard_options.count)
        argp_error(state, "--scratch is for a shard");
    if (b->shard_options.count && (b->sources.gone || b->sources.retry))
        argp_error(
            state, "a shard is made from nothing: --gone and --retry-failed are for an index that is there");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct build *b = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &b->exclude;
        state->child_inputs[1] = &b->session;
        state->child_inputs[2] = &b->session.quiet;
        if (!b->update)
            state->child_inputs[3] = &b->shard_options;
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
    case '0':
        b->separator = '\0';
        return 0;
    case KEY_STORAGE:
        b->storage = option_choice(state, "storage", argument);
        return 0;
    case KEY_PAIRS:
        b->sources.pairs = PAIRS_EACH + option_choice(state, "pairs", argument);
        return 0;
    case KEY_GONE:
        b->sources.gone = true;
        return 0;
    case KEY_RETRY:
        b->sources.retry = true;
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        add_arguments(state, b);
        return 0;
    case ARGP_KEY_END:
        b->sources.excludes = b->exclude.excludes;
        b->sources.excludes_said = b->exclude.said;
        check_arguments(state, b);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define GOES_ON                                                                                              \
    "The first argument is the index if it ends in .dip, or an index is there; else it is a PATH, and goes " \
    "into the default index.\n\n"                                                                            \
    "PATH is a picture, or a folder with all pictures below it. What is one its first bytes say, whatever "  \
    "it is called; other files are passed over. Pictures that did not change, by size and time, are not "    \
    "read again; those that were renamed keep their vectors, and copies share them; what is gone below "     \
    "the given paths leaves the index. The same holds for the texts of a "                                   \
    "file.\n\n" HELP_SHARDS                                                                                  \
    " Archives below folders are passed over. One that did not change, by size and time, is not read "       \
    "again; in one that did, pictures are compared by content.\n\n"                                          \
    "KEY.txt beside KEY.jpg is the picture's caption and KEY.json its metadata, in folders and archives "    \
    "alike, as img2dataset writes them.\n\n"                                                                 \
    "--exclude, --no-default-excludes and --pairs are remembered with the PATHs, or with all where none "    \
    "is named, until they are said anew (--exclude '' takes them back); what is in the index and left out "  \
    "by them leaves it.\n\n"                                                                                 \
    "PATH can be - for a list of paths on standard input, one a line. A list is not remembered: what it "    \
    "names goes in and stays until 'diptych index remove', and 'index update' without the list does not "    \
    "look at it; the same list again brings it up to date.\n\n"                                              \
    "A picture that cannot be read is reported once and left out until its size or time changes; 'diptych "  \
    "index list INDEX --failed' says which ones, and why. Ctrl-C keeps what is done, and so does any other " \
    "end; the same command goes on from there. The index remembers the paths and files for 'diptych index "  \
    "update INDEX'.\n\n"                                                                                     \
    "Exit status: 0 done, 1 some pictures or texts failed that were not known to, 2 cannot start or go on."

#define HELP_SHARD                                                                                           \
    "With --shard, INDEX is not made but one part of it, beside it: INDEX laion.dip has the shards "         \
    "laion-00000-of-00008.dip to laion-00007-of-00008.dip, which 'diptych index merge' joins, so that the "  \
    "index is the same as of one run. The inputs are the archives and files that are named or lie below "    \
    "folders, in order of their paths; each shard takes an equal stretch of them, and an archive is never "  \
    "cut. Each is made in the scratch folder and comes to its place whole. One that is finished is not "     \
    "made again; "                                                                                           \
    "after a kill the same command begins it anew. Something that is named and is not there ends it."

static const struct argp_child build_children[] = {{&exclude_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0},
    {&common_argp, 0, "", -1}, {&shard_argp, 0, NULL, 0}, {0}};
static const struct argp_child children[] = {
    {&exclude_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp index_build_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX] PATH...",
    .doc =
        "Put pictures and texts into an index, which is made where there is none.\n\n"
        "  diptych index build ~/Pictures\n"
        "  diptych index build photos.dip ~/Pictures\n"
        "  diptych index build laion.dip 'shards/{00000..00012}.tar'\n"
        "  find . -name '*.jpg' -size +100k -print0 | diptych index build big.dip -0 -\n"
        "  diptych index build coco.dip val2017/ --captions captions_val2017.json \\\n"
        "      --storage f32\n"
        "  diptych index build laion.dip --shard 3/8 'shards/{00000..00012}.tar'\v" GOES_ON "\n\n" HELP_SHARD,
    .children = build_children,
    .help_filter = options_help_filter,
};

const struct argp index_update_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX] [PATH...]",
    .doc = "Bring an index up to date with folders and files: those that are named, or else all that it was "
           "made from.\v" GOES_ON,
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- building ------------------------------------------------------------------------------------------ */

static int begin_shard(struct build *b, const struct collection_options *how, struct err *err)
{
    b->shard.path = b->path;
    b->shard.number = b->shard_options.number;
    b->shard.count = b->shard_options.count;
    b->shard.scratch = b->shard_options.scratch;
    b->sources.share.number = b->shard.number;
    b->sources.share.count = b->shard.count;
    return collection_shard_begin(&b->shard, &b->sources, how, err);
}

/* What is quick first: a file that is not there, and an index of another model, show at once. */
static int open_all(struct build *b, struct err *err)
{
    struct session *session = &b->session;
    const struct job job = session_job(session);
    struct collection_options how = {.access = INDEX_WRITE, .make = !b->update, .storage = b->storage};
    int rc = b->list ? sources_add_list(&b->sources, "-", b->separator, &job, err) : 0;
    if (!rc)
        rc = sources_check(&b->sources, !b->update && !index_is_there(b->path), err);
    if (!rc)
        rc = collection_model_at(&b->model, b->path, !b->update, session->model_options.directory,
            &session->model_options.adapters.all, &session->arena, err);
    session->directory = b->model.directory;
    session->adapters = b->model.adapters;
    if (!rc)
        rc = session_prepare_as(session, b->model.alpha, b->path, err);
    how.model = b->model.reference;
    how.fingerprint = b->model.fingerprint;
    how.alpha = session->loader_options.alpha;
    if (!rc && b->shard_options.count)
        rc = begin_shard(b, &how, err);
    if (rc || b->shard.finished)
        return rc;
    rc = session_open(session, err);
    if (!rc)
        rc = session_loader(session, err);
    if (rc)
        return rc;
    how.width = model_width(session->model);
    rc = b->update ? 0 : index_default_make(b->path, err);
    return rc ? rc : collection_open(&b->collection, b->shard.work ? b->shard.work : b->path, &how, err);
}

static int build(struct build *b, struct err *err)
{
    struct session *session = &b->session;
    const struct job job = session_job(session);
    struct encoder_embedder encoder = {session->encoder, session->loader};
    const struct embedder embedder = embedder_of(&encoder);
    int rc = collection_attach(b->collection, &embedder, NULL, err);
    if (!rc)
        rc = collection_sync(&b->counts, b->collection, &b->sources, &job, err);
    b->session.failed = b->counts.failed;
    return rc || !b->shard.count ? rc
                                 : collection_shard_publish(&b->shard, b->collection, &b->counts,
                                       precision_name(device_precision(session->device)), &job, err);
}

static void put_shard(const struct collection_shard *shard, const struct share_cut *share)
{
    if (shard->finished)
        message("shard %zu of %zu: '%s' is finished, with %" PRId64 " picture%s; remove it to make it anew",
            shard->number, shard->count, shard->part, shard->pictures, plural((uint64_t)shard->pictures));
    else if (shard->beaten)
        message("shard %zu of %zu: another process has made '%s' meanwhile, and it stays", shard->number,
            shard->count, shard->part);
    else
        message("shard %zu of %zu: '%s', %zu of %zu inputs", shard->number, shard->count, shard->part,
            share->to - share->from, share->inputs);
}

static void put_summary(struct build *b, double start)
{
    progress_clear(&b->session.progress);
    if (index_is_default(b->path))
        fprintf(stderr, "index: %s\n", b->path);
    sync_counts_put(&b->counts, b->session.model);
    b->session.progress.begun = start;
    fprintf(stderr, "encoded: %zu", b->counts.encoded);
    session_put_rate(&b->session, b->counts.encoded, "items");
}

static int run(const struct argp *argp, bool update, int argc, char **argv)
{
    struct build b = {.update = update, .separator = '\n', .storage = -1};
    struct err err = {0};
    options_parse(argp, argc, argv, &b);
    session_begin(&b.session);
    const double start = time_now();

    int rc = open_all(&b, &err);
    if (!rc && !b.shard.finished) {
        rc = build(&b, &err);
        if ((!rc || rc == ERR_CANCELLED) && !b.session.quiet)
            put_summary(&b, start);
    }
    if (!rc && b.shard.count && !b.session.quiet)
        put_shard(&b.shard, &b.counts.share);
    if (rc && rc != ERR_CANCELLED && b.shard_options.count)
        err_wrap(&err, "shard %zu of %zu", b.shard_options.number, b.shard_options.count);
    collection_free(b.collection);
    collection_shard_end(&b.shard);
    sources_release(&b.sources);
    return session_close(&b.session, update ? "update" : "build", rc, &err);
}

int cmd_index_build(int argc, char **argv)
{
    return run(&index_build_argp, false, argc, argv);
}

int cmd_index_update(int argc, char **argv)
{
    return run(&index_update_argp, true, argc, argv);
}
