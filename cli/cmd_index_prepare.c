// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/session.h"
#include "cli/text.h"
#include "joint/collection/collection.h"

#include <stdio.h>

struct prepare {
    struct session session;
    const char *path;
    struct collection *collection;
    struct prepare_counts counts;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct prepare *p = state->input;
    char **none;
    size_t count;
    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &p->session;
        state->child_inputs[1] = &p->session.quiet;
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        index_arguments(state, &p->path, &none, &count, 0);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_prepare_argp = {
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc =
        "Prepare the pictures of an index as --alpha says from now on, by default as the model's own "
        "reference "
        "does, and encode anew those that it changes: pictures with transparency, palettes and the like. All "
        "others keep their vectors. For indexes from before there was a choice, whose pictures were prepared "
        "with --alpha drop: 'diptych index info' shows it.\v"
        "Every picture is read once. All of it happens, or nothing: while a picture cannot be read, or is "
        "another than the index knows, the index stays as it was.\n\n"
        "Exit status: 0 the index is prepared so, 1 some pictures could not be read, 2 cannot start or go "
        "on.",
    .children = children,
    .help_filter = options_help_filter,
};

static int open_all(struct prepare *p, struct err *err)
{
    struct session *session = &p->session;
    struct collection_model model = {0};
    struct collection_options how = {.access = INDEX_WRITE, .storage = -1};
    int rc = collection_model_at(&model, p->path, false, session->model_options.directory,
        &session->model_options.adapters.all, &session->arena, err);
    session->directory = model.directory;
    session->adapters = model.adapters;
    if (!rc)
        rc = session_open(session, err);
    if (!rc)
        rc = session_loader(session, err);
    if (rc)
        return rc;
    how.model = model.reference;
    how.fingerprint = model.fingerprint;
    how.width = model_width(session->model);
    return collection_open(&p->collection, p->path, &how, err);
}

static int prepare(struct prepare *p, struct err *err)
{
    struct session *session = &p->session;
    const struct job job = session_job(session);
    struct encoder_embedder encoder = {session->encoder, session->loader};
    const struct embedder embedder = embedder_of(&encoder);
    struct preprocess preprocess = *model_preprocess(session->model);
    preprocess.alpha = session->loader_options.alpha;
    int rc = collection_attach(p->collection, &embedder, NULL, err);
    if (!rc)
        rc = collection_prepare(
            &p->counts, p->collection, &preprocess, &session->loader_options.picture, &job, err);
    session->failed = p->counts.failed;
    return rc;
}

static void put_summary(const struct prepare *p)
{
    const struct prepare_counts *c = &p->counts;
    fprintf(stderr, "pictures: %zu looked at, %zu failed; encoded: %zu", c->looked_at, c->failed, c->encoded);
    session_put_rate(&p->session, c->encoded, "items");
}

int cmd_index_prepare(int argc, char **argv)
{
    struct prepare p = {0};
    struct err err = {0};
    options_parse(&index_prepare_argp, argc, argv, &p);
    session_begin(&p.session);

    int rc = open_all(&p, &err);
    if (!rc) {
        rc = prepare(&p, &err);
        progress_clear(&p.session.progress);
        if (!rc && !p.session.quiet)
            put_summary(&p);
        if (p.counts.failed || rc == ERR_CANCELLED)
            message("'%s' stays as it was", p.path);
    }
    collection_free(p.collection);
    return session_close(&p.session, "prepare", rc, &err);
}
