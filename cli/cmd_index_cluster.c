// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_cluster.h"
#include "cli/input.h"
#include "cli/labels.h"
#include "cli/output.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>

enum {
    CLUSTERS_MAX = 50 /* where no number is named */,
    STARTS = 5,
    STARTS_ITEMS = 10000 /* with more, one is all */,
    DEFAULT_TOP = 5,
    DEFAULT_SEED = 1
};

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
    size_t *of;                    // (count): each item's cluster
    size_t *order;                 // (count): cluster after cluster, the nearest to its centroid first
    double *cosines;               // (count)
    float *centroids;              // (k, E)
    struct cluster *clusters;      // (k)
    double similarity;
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
    {"format", 'f', "FORMAT", 0,
        "table, tsv with one item a line, or json with one cluster a line (default: table, or nothing with "
        "--html)",
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
        c->html = argument;
        return 0;
    default:
        return index_parse(key, argument, state, &c->path, &c->format, output_formats);
    }
}

static const struct argp_child children[] = {{&label_argp, 0, NULL, 0}, {&filter_argp, 0, NULL, 0},
    {&session_argp, 0, NULL, 0}, {&help_argp, 0, "", -1}, {0}};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "INDEX",
    .doc =
        "Put the items of an index into clusters of what is alike, by spherical k-means (the best of five "
        "runs), the largest "
        "first. "
        "With --labels, each has the label whose text is closest to its centre.\v"
        "Numbers are cosines with the centre of the cluster. Texts and pictures have low cosines even where "
        "they fit well: what counts is which label has the highest. An index with pictures and texts mostly "
        "has clusters of the one or the other; --kind takes one of them. Without --labels no model is "
        "needed.\n\n"
        "tsv has the columns cluster, label, id, path or text, cosine.\n\n"
        "  diptych index cluster photos.dip --kind image --clusters 20 --labels labels.txt --html page.html",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- clusters ------------------------------------------------------------------------------------------ */

static size_t default_clusters(size_t count)
{
    const double k = round(sqrt((double)count / 2));
    return k < 1 ? 1 : k > CLUSTERS_MAX ? CLUSTERS_MAX : (size_t)k;
}

static int by_cluster(const void *a, const void *b, void *context)
{
    const struct clustering *c = context;
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    if (c->of[x] != c->of[y])
        return c->of[x] < c->of[y] ? -1 : 1;
    if (c->cosines[x] < c->cosines[y] || c->cosines[x] > c->cosines[y])
        return c->cosines[x] > c->cosines[y] ? -1 : 1;
    return x < y ? -1 : 1;
}

/* Orders the items of each cluster, and says how near they are. */
static void describe(struct clustering *c)
{
    const size_t width = c->view.rows.width;
    for (size_t i = 0; i < c->view.count; i++) {
        const float *centroid = c->centroids + c->of[i] * width, *vector = c->view.vectors + i * width;
        for (size_t e = 0; e < width; e++)
            c->cosines[i] += (double)vector[e] * (double)centroid[e];
        c->order[i] = i;
        c->clusters[c->of[i]].size++;
        c->clusters[c->of[i]].cosine += c->cosines[i];
    }
    qsort_r(c->order, c->view.count, sizeof *c->order, by_cluster, c);
    const size_t *items = c->order;
    for (size_t k = 0; k < c->k; k++) {
        c->clusters[k].items = items;
        c->clusters[k].cosine /= (double)c->clusters[k].size;
        items += c->clusters[k].size;
    }
}

static int run(struct clustering *c, size_t start, struct err *err)
{
    return embedding_clusters(c->of, c->centroids, &c->similarity, c->view.vectors, c->view.count,
        c->view.rows.width, c->k, random_at(c->seed, start), &c->job, err);
}

/* k-means ends in the optimum next to where it starts: the best of several, which is made again if it was not
 * the last. */
static int run_best(struct clustering *c, struct err *err)
{
    const size_t starts = c->view.count <= STARTS_ITEMS ? STARTS : 1;
    double most = -INFINITY;
    size_t best = 0;
    for (size_t start = 0; start < starts; start++) {
        const int rc = run(c, start, err);
        if (rc)
            return rc;
        if (c->similarity > most) {
            most = c->similarity;
            best = start;
        }
    }
    return best + 1 == starts ? 0 : run(c, best, err);
}

static int find_clusters(struct clustering *c, struct err *err)
{
    const size_t count = c->view.count, width = c->view.rows.width;
    if (!c->k)
        c->k = default_clusters(count);
    if (c->k > count)
        return err_set(err, ERR_ARGUMENT, "%zu items do not make %zu clusters", count, c->k);
    c->of = mem_new(count, sizeof *c->of);
    c->order = mem_new(count, sizeof *c->order);
    c->cosines = mem_new(count, sizeof *c->cosines);
    c->centroids = mem_new(c->k, width * sizeof *c->centroids);
    c->clusters = mem_new(c->k, sizeof *c->clusters);
    if (!c->of || !c->order || !c->cosines || !c->centroids || !c->clusters)
        return err_memory(err, count * sizeof *c->of + c->k * width * sizeof *c->centroids);
    const int rc = run_best(c, err);
    if (!rc)
        describe(c);
    return rc;
}

static int find_labels(
    struct clustering *c, const struct strings *labels, const struct strings *templates, struct err *err)
{
    int rc = session_open_for(&c->session, c->view.index, err);
    if (!rc)
        rc = labels_encode(&c->classifier, &c->session, labels, templates, err);
    for (size_t k = 0; k < c->k && !rc; k++) {
        struct prediction best;
        classifier_rank(c->classifier, &best, 1, c->centroids + k * c->view.rows.width);
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
    int rc = c->labels.labels ? input_labels(&labels, c->labels.labels, err) : 0;
    if (!rc)
        rc = input_templates(&templates, c->labels.templates, err);
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
    const struct cluster_report report = {
        c->path, &c->view, c->cosines, c->clusters, c->k, c->similarity, &c->session.loader_options.picture};
    int rc = 0;
    if (c->html) {
        rc = cluster_page(c->html, &report, &c->job, err);
        progress_clear(&c->session.progress);
    }
    if (!rc && c->format >= 0)
        rc = cluster_print(&report, c->format, c->top, err);
    if (!rc && !c->session.quiet)
        fprintf(stderr, "%zu items in %zu clusters; their mean cosine with the centre is %.4f\n",
            c->view.count, c->k, c->similarity);
    return rc;
}

int cmd_index_cluster(int argc, char **argv)
{
    struct clustering c = {.seed = DEFAULT_SEED, .top = DEFAULT_TOP, .format = -1};
    struct err err = {0};
    options_parse(&argp, argc, argv, &c);
    if (c.format < 0 && !c.html)
        c.format = OUTPUT_TABLE;
    session_begin(&c.session);
    c.job = progress_job(&c.session.progress, c.session.loader_options.threads);
    int rc = cluster(&c, &err);
    if (!rc)
        rc = show(&c, &err);
    free(c.clusters);
    free(c.centroids);
    free(c.cosines);
    free(c.order);
    free(c.of);
    classifier_free(c.classifier);
    index_view_release(&c.view);
    return session_close(&c.session, "cluster", rc, &err);
}
