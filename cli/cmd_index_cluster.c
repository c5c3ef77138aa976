// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_cluster.h"
#include "cli/labels.h"
#include "cli/output.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TOP = 5, DEFAULT_SEED = 1 };

struct clustering {
    const char *path, *html;
    struct index_filter filter;
    struct session session;
    struct label_options labels;
    size_t k; /* 0: not named */
    size_t seed, top;
    int format; /* -1: none named */

    struct index_view view;
    struct classifier *classifier; /* NULL without labels */
    struct embedding_groups groups;
    struct cluster *clusters; // (groups.count)
    struct job job;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_HTML = 0x100, KEY_SEED };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Clusters:", 3},
    {"clusters", 'c', "K", 0,
        "Make K clusters (default: the square root of half the number of items, at most 50)", 3},
    {"seed", KEY_SEED, "N", 0, "Start from other items (default: 1)", 3},
    {"html", KEY_HTML, "FILE", 0, "Write a page with the items nearest to the centre of each cluster",
        GROUP_OUTPUT},
    {"top", 'k', "N", 0, "Show the N items nearest to the centre of a cluster (default: 5)", GROUP_OUTPUT},
    {"format", 'f', "table|tsv|json", 0,
        "How to print them: tsv with one item a line, json with one cluster a line (default: table, or "
        "nothing with --html)",
        GROUP_OUTPUT},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct clustering *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->labels;
        state->child_inputs[1] = &c->filter;
        state->child_inputs[2] = &c->session;
        state->child_inputs[3] = &c->session.quiet;
        return 0;
    case 'c':
        c->k = option_number(state, "clusters", argument, 1, SIZE_MAX);
        return 0;
    case 'k':
        c->top = option_number(state, "top", argument, 0, SIZE_MAX);
        return 0;
    case KEY_SEED:
        c->seed = option_number(state, "seed", argument, 0, SIZE_MAX);
        return 0;
    case KEY_HTML:
        c->html = option_page(state, argument);
        return 0;
    default:
        return index_parse(key, argument, state, &c->path, &c->format);
    }
}

static const struct argp_child children[] = {{&label_argp, 0, NULL, 0}, {&filter_argp, 0, NULL, 0},
    {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_cluster_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc =
        "Put the items of an index into clusters of what is alike, by spherical k-means (the best of five "
        "runs), the largest first. With --labels, each has the label whose text is closest to its centre.\n\n"
        "  diptych index cluster photos.dip --kind image --clusters 20 \\\n"
        "      --labels labels.txt --html page.html\v"
        "Numbers are cosines with the centre of the cluster. "
        "Texts and pictures have low cosines even where they fit well: what counts is which label has the "
        "highest. An index with pictures and texts mostly has clusters of the one or the other; --kind takes "
        "one of them. Without --labels no model is needed.\n\n"
        "tsv has the columns cluster, label, id, path or text, cosine.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- clusters ------------------------------------------------------------------------------------------ */

static int find_clusters(struct clustering *c, struct err *err)
{
    struct embedding_groups *groups = &c->groups;
    const int rc = embedding_groups_find(
        groups, c->view.vectors, c->view.count, c->view.rows.width, c->k, c->seed, &c->job, err);
    if (rc)
        return rc;
    c->clusters = mem_new(groups->count, sizeof *c->clusters);
    if (!c->clusters)
        return err_memory(err, groups->count * sizeof *c->clusters);
    for (size_t k = 0; k < groups->count; k++) {
        const size_t begin = k ? groups->ends[k - 1] : 0;
        c->clusters[k] = (struct cluster){
            .items = groups->order + begin, .size = groups->ends[k] - begin, .cosine = groups->means[k]};
    }
    return 0;
}

/* Labels of pictures that the model was not made for mean nothing. */
static int look(struct clustering *c, struct err *err)
{
    struct strings paths = {0};
    int rc = 0;
    for (size_t i = 0; i < c->view.count && paths.count < SESSION_LOOK && !rc; i++)
        if (c->view.items[i].kind == INDEX_IMAGE && c->view.items[i].path)
            rc = strings_add(&paths, c->view.items[i].path, strlen(c->view.items[i].path), err);
    if (!rc)
        rc = session_look(&c->session, &paths, err);
    strings_release(&paths);
    return rc;
}

static int find_labels(
    struct clustering *c, const struct strings *labels, struct strings *templates, struct err *err)
{
    int rc = session_open_for(&c->session, c->view.index, err);
    if (!rc)
        rc = labels_encode(&c->classifier, &c->session, labels, templates, LABEL_SCORES_OF_MODEL, err);
    if (!rc)
        rc = look(c, err);
    for (size_t k = 0; k < c->groups.count && !rc; k++) {
        struct prediction best;
        classifier_rank(c->classifier, &best, 1, c->groups.centroids + k * c->view.rows.width);
        c->clusters[k].label = classifier_label(c->classifier, best.label);
        c->clusters[k].label_cosine = (double)best.cosine;
    }
    return rc;
}

/* ---- the command --------------------------------------------------------------------------------------- */

/* What is quick first: a list that is not there shows at once. */
static int cluster(struct clustering *c, struct err *err)
{
    struct strings labels = {0}, templates = {0};
    int rc = labels_read(&labels, &templates, &c->labels, &c->job, err);
    if (!rc)
        rc = index_view_open(&c->view, c->path, &c->filter, 1, &c->job, err);
    if (!rc)
        rc = find_clusters(c, err);
    if (!rc && c->labels.labels)
        rc = find_labels(c, &labels, &templates, err);
    progress_clear(&c->session.progress);
    strings_release(&templates);
    strings_release(&labels);
    return rc;
}

static int show(struct clustering *c, struct err *err)
{
    const struct cluster_report report = {c->path, &c->view, c->groups.cosines, c->clusters, c->groups.count,
        c->groups.similarity, &c->session.loader_options.picture};
    int rc = 0;
    if (c->html) {
        rc = cluster_page(c->html, &report, &c->job, err);
        progress_clear(&c->session.progress);
    }
    if (!rc && c->format >= 0)
        rc = cluster_print(&report, c->format, c->top, err);
    if (!rc && !c->session.quiet)
        fprintf(stderr, "%zu item%s in %zu cluster%s; their mean cosine with the centre is %.4f\n",
            c->view.count, plural(c->view.count), c->groups.count, plural(c->groups.count),
            c->groups.similarity);
    return rc;
}

int cmd_index_cluster(int argc, char **argv)
{
    struct clustering c = {.seed = DEFAULT_SEED, .top = DEFAULT_TOP, .format = -1};
    struct err err = {0};
    options_parse(&index_cluster_argp, argc, argv, &c);
    if (c.format < 0 && !c.html)
        c.format = OUTPUT_TABLE;
    session_begin(&c.session);
    c.job = progress_job(&c.session.progress, c.session.loader_options.threads);
    int rc = cluster(&c, &err);
    if (!rc)
        rc = show(&c, &err);
    free(c.clusters);
    embedding_groups_release(&c.groups);
    classifier_free(c.classifier);
    index_view_release(&c.view);
    return session_close(&c.session, "cluster", rc, &err);
}
