// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_map.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LEAST = 3 /* items that make a map */, SEED = 1 };

struct map {
    bool quiet;
    const char *path, *html;
    struct index_filter filter;
    int format; /* -1: none named */
    struct index_view view;
    float *points; // (count, 2)
    double explained[2];
};

enum { KEY_HTML = 0x100 };

static const struct argp_option options[] = {
    {"html", KEY_HTML, "FILE", 0, "Write the map as a page to look at", 3},
    {"format", 'f', "table|tsv|json", 0,
        "List the points; json is one object (default: table, or nothing with --html)", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct map *m = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &m->filter;
        state->child_inputs[1] = &m->quiet;
        return 0;
    case KEY_HTML:
        m->html = option_page(state, argument);
        return 0;
    default:
        return index_parse(key, argument, state, &m->path, &m->format);
    }
}

static const struct argp_child children[] = {{&filter_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_map_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc = "Map the items of an index: their place in the plane of the two principal components, the "
           "directions in which the embeddings vary most.\n\n"
           "  diptych index map photos.dip --kind image --html map.html\v"
           "The page needs no other file and no "
           "network. \"explained\" is the share of the variance that each component holds: the rest does not "
           "show in the plane. Where an index has pictures and texts, the first component mostly tells the "
           "one from the other; --kind maps one of them.\n\n"
           "tsv has the columns id, kind, x, y and path or text.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- output -------------------------------------------------------------------------------------------- */

static int print_json(const struct map *m, struct err *err)
{
    json_t *points = json_array();
    for (size_t i = 0; i < m->view.count; i++) {
        json_t *point = index_item_name_json(&m->view.items[i]);
        json_object_set_new(point, "x", json_real((double)m->points[2 * i]));
        json_object_set_new(point, "y", json_real((double)m->points[2 * i + 1]));
        json_array_append_new(points, point);
    }
    return json_print("index-map/1",
        json_pack("{s:[f, f], s:o}", "explained", m->explained[0], m->explained[1], "points", points), 0,
        err);
}

static void print_lines(const struct map *m)
{
    if (m->format == OUTPUT_TABLE)
        puts("      x        y        id  kind");
    for (size_t i = 0; i < m->view.count; i++) {
        const struct index_item *item = &m->view.items[i];
        const char *kind = index_kind_names[item->kind];
        const double x = (double)m->points[2 * i], y = (double)m->points[2 * i + 1];
        if (m->format == OUTPUT_TSV)
            printf("%" PRId64 "\t%s\t%.7g\t%.7g\t", item->id, kind, x, y);
        else
            printf("%7.4f  %7.4f  %8" PRId64 "  %-5s  ", x, y, item->id, kind);
        text_escape(stdout, index_item_name(item));
        putchar('\n');
    }
    output_flush();
}

static int print_points(const struct map *m, struct err *err)
{
    if (m->format == OUTPUT_JSON)
        return print_json(m, err);
    if (m->format >= 0)
        print_lines(m);
    if (m->format != OUTPUT_TSV && !m->quiet)
        fprintf(stderr, "%zu items; the plane holds %.1f %% + %.1f %% of their variance\n", m->view.count,
            100 * m->explained[0], 100 * m->explained[1]);
    return 0;
}

static int write_page(const struct map *m, const struct job *job, struct err *err)
{
    const struct map_report report = {m->path, &m->view, m->points, {m->explained[0], m->explained[1]}};
    return map_page(m->html, &report, job, err);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static int find_points(struct map *m, const struct job *job, struct err *err)
{
    m->points = mem_new(m->view.count, 2 * sizeof *m->points);
    if (!m->points)
        return err_memory(err, m->view.count * 2 * sizeof *m->points);
    return embedding_map(
        m->points, m->explained, m->view.vectors, m->view.count, m->view.rows.width, SEED, job, err);
}

int cmd_index_map(int argc, char **argv)
{
    struct map m = {.format = -1};
    struct progress progress;
    struct err err = {0};
    options_parse(&index_map_argp, argc, argv, &m);
    if (m.format < 0 && !m.html)
        m.format = OUTPUT_TABLE;
    progress_init(&progress, m.quiet);
    const struct job job = progress_job(&progress, 0);
    int rc = index_view_open(&m.view, m.path, &m.filter, LEAST, &job, &err);
    if (!rc)
        rc = find_points(&m, &job, &err);
    if (!rc && m.html)
        rc = write_page(&m, &job, &err);
    progress_clear(&progress);
    if (!rc)
        rc = print_points(&m, &err);
    free(m.points);
    index_view_release(&m.view);
    const int status = index_end(NULL, "map", rc, &err);
    interrupt_raise();
    return status;
}
