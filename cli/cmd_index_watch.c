// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_sync.h"
#include "cli/text.h"
#include "joint/collection/collection.h"

#include <stdio.h>

struct watch {
    struct session session;
    const char *path;
    double rescan;
    struct collection_model model;
    struct embedder embedder;
    bool began;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_RESCAN = 0x100 };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "When to look:", 1},
    {"rescan", KEY_RESCAN, "TIME", 0,
        "Look at everything so often, 90s or 5m, where changes are not told: on network drives, and beyond "
        "the "
        "number "
        "of folders that the system lets a user watch (default: 60s)",
        1},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct watch *w = state->input;
    char **none;
    size_t count;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &w->session;
        state->child_inputs[1] = &w->session.quiet;
        return 0;
    case KEY_RESCAN:
        w->rescan = option_seconds(state, "rescan", argument);
        if (w->rescan <= 0)
            argp_error(state, "--rescan takes a time above 0, not '%s'", argument);
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        index_arguments(state, &w->path, &none, &count, 0);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_watch_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc =
        "Keep an index up to date with all that it was made from, until Ctrl-C: 'diptych index update' once, "
        "and then whatever changes, as it changes.\n\n"
        "  diptych index build photos.dip ~/Pictures\n"
        "  diptych index watch photos.dip\v"
        "A new picture is found by 'diptych search' within two seconds. A file is looked at when the program "
        "that writes it closes it, or leaves it alone for half a second. What is gone leaves the index by "
        "the "
        "rules of 'diptych index update': a drive that is not mounted loses nothing. Other programs may "
        "change "
        "the index meanwhile; a second 'watch' of it is refused.\n\n"
        "Exit status: 0 it was ended by Ctrl-C or SIGTERM, 2 cannot start or go on.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- turns --------------------------------------------------------------------------------------------- */

static int take(void *context, struct collection **out, const struct job *job, struct err *err)
{
    const struct watch *w = context;
    const struct collection_options how = {
        .access = INDEX_WRITE, .fingerprint = w->model.fingerprint, .storage = -1};
    enum alpha_rule alpha;
    int rc = collection_open(out, w->path, &how, err);
    (void)job;
    if (rc)
        return rc;
    rc = collection_alpha(&alpha, collection_index(*out), err);
    if (!rc && (int)alpha != w->model.alpha)
        rc = err_set(err, ERR_ARGUMENT, "the pictures of '%s' are prepared in another way by now", w->path);
    if (!rc)
        rc = collection_attach(*out, &w->embedder, NULL, err);
    if (rc)
        collection_free(*out);
    return rc;
}

static void give(void *context, struct collection *collection)
{
    (void)context;
    collection_free(collection);
}

static void done(void *context, const struct sync_counts *counts, size_t folders)
{
    struct watch *w = context;
    struct session *session = &w->session;
    progress_clear(&session->progress);
    if (!session->quiet)
        sync_counts_put(counts, session->model);
    if (!session->quiet && !w->began)
        fprintf(stderr, "watching %zu folder%s\n", folders, plural(folders));
    w->began = true;
    session->progress.unit = NULL; /* its line is drawn anew */
}

/* ---- watching ------------------------------------------------------------------------------------------ */

static int open_all(struct watch *w, struct err *err)
{
    struct session *session = &w->session;
    int rc = collection_model_at(&w->model, w->path, false, session->model_options.directory,
        &session->model_options.adapters.all, &session->arena, err);
    session->directory = w->model.directory;
    session->adapters = w->model.adapters;
    if (!rc)
        rc = session_prepare_as(session, w->model.alpha, w->path, err);
    if (!rc)
        rc = session_open(session, err);
    return rc ? rc : session_loader(session, err);
}

int cmd_index_watch(int argc, char **argv)
{
    struct watch w = {0};
    struct err err = {0};
    options_parse(&index_watch_argp, argc, argv, &w);
    session_begin(&w.session);

    int rc = open_all(&w, &err);
    if (!rc) {
        struct encoder_embedder encoder = {w.session.encoder, w.session.loader};
        const struct watch_options how = {
            .path = w.path, .take = take, .give = give, .done = done, .context = &w, .rescan = w.rescan};
        const struct job job =
            progress_job(&w.session.progress, w.session.loader_options.threads); /* Ctrl-C, from now on */
        w.embedder = embedder_of(&encoder);
        rc = collection_watch(&how, &job, &err);
    }
    return session_release(&w.session, "watch", rc, &err);
}
