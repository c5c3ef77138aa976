// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/output.h"
#include "cli/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_MINUS = 0x100, KEY_QUERIES, KEY_MIN_SCORE, KEY_NEAR_COPIES, KEY_SORT, KEY_HTML };

static const char *const near_copies[] = {"show", "hide", NULL};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Queries:", 1},
    {"text", 't', "TEXT", 0, "Look for this; the same as TEXT without an option", 1},
    {"minus", KEY_MINUS, "TEXT", 0, "And for the opposite of this", 1},
    {"image", 'i', "FILE[:WEIGHT]", 0, "And for what looks like this picture; it counts WEIGHT times a text",
        1},
    {"queries", KEY_QUERIES, "FILE", 0, "Many queries: a text a line; blank lines do not count", 1},
    {"format", 'f', "FORMAT", 0, "table, tsv or json, one object a line (default: table)", GROUP_OUTPUT},
    {"top", 'k', "K", 0, "Show the K best (default: 10)", GROUP_OUTPUT},
    {"min-score", KEY_MIN_SCORE, "X", 0, "Show nothing below this cosine", GROUP_OUTPUT},
    {"near-copies", KEY_NEAR_COPIES, "show|hide", 0,
        "Show near copies, or only the first of pictures whose cosine is at least 0.95, with the number of "
        "the others "
        "(default: show)",
        GROUP_OUTPUT},
    {"sort", KEY_SORT, "ORDER", 0, "score, date (the newest first) or path (default: score)", GROUP_OUTPUT},
    {"html", KEY_HTML, "FILE", 0, "Write a page with small pictures too", GROUP_OUTPUT},
    {0},
};

static void add_term(struct search_request *s, const char *text, const char *picture, float weight)
{
    s->terms[s->term_count++] = (struct query_term){text, picture_file(picture), weight};
}

/* FILE, or FILE:WEIGHT where no file has that whole name. */
static void add_picture(struct search_request *s, struct argp_state *state, char *argument)
{
    struct stat st;
    char *colon = strrchr(argument, ':'), *end = NULL;
    const double weight = colon ? strtod(colon + 1, &end) : 1;
    if (!colon || end == colon + 1 || *end || !stat(argument, &st)) {
        add_term(s, NULL, argument, 1);
        return;
    }
    if (!isfinite(weight) || weight == 0 || fabs(weight) > 1e6)
        argp_error(state, "--image takes a weight that is not 0, not '%s'", colon + 1);
    *colon = '\0';
    add_term(s, NULL, argument, (float)weight);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct search_request *s = state->input;
    char *end;
    switch (key) {
    case ARGP_KEY_INIT:
        s->terms = arena_alloc(&s->arena, (size_t)state->argc * sizeof *s->terms);
        if (!s->terms)
            argp_failure(state, STATUS_CANNOT, 0, "out of memory");
        state->child_inputs[0] = &s->filter;
        state->child_inputs[1] = &s->session;
        return 0;
    case 't':
        add_term(s, argument, NULL, 1);
        return 0;
    case KEY_MINUS:
        add_term(s, argument, NULL, -1);
        return 0;
    case 'i':
        add_picture(s, state, argument);
        return 0;
    case KEY_QUERIES:
        s->queries_path = argument;
        return 0;
    case 'f':
        s->format = option_choice(state, "format", argument, output_formats);
        return 0;
    case 'k':
        s->wanted.top = option_number(state, "top", argument, 1, SIZE_MAX);
        return 0;
    case KEY_MIN_SCORE:
        s->wanted.min_score = strtod(argument, &end);
        if (end == argument || *end || isnan(s->wanted.min_score))
            argp_error(state, "--min-score takes a number, not '%s'", argument);
        return 0;
    case KEY_NEAR_COPIES:
        s->hide_copies = option_choice(state, "near-copies", argument, near_copies);
        return 0;
    case KEY_SORT:
        s->wanted.order = (enum index_order)option_choice(state, "sort", argument, index_order_names);
        return 0;
    case KEY_HTML:
        s->html = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (s->path)
            add_term(s, argument, NULL, 1);
        else
            s->path = argument;
        return 0;
    case ARGP_KEY_END:
        if (!s->path)
            argp_error(state, "no index: name one");
        if (!s->term_count && !s->queries_path)
            argp_error(state, "nothing to look for: name a text, --image or --queries");
        if (s->term_count && s->queries_path)
            argp_error(state, "--queries is instead of other queries");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&filter_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&help_argp, 0, "", -1}, {0}};

const struct argp search_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "INDEX TEXT...",
    .doc =
        "Find the pictures and texts of an index that are closest to a text, a picture, or several of both: "
        "their embeddings are added up.\v"
        "Scores are cosines with the query, highest first. The search is exact.\n\n"
        "tsv has the columns query, score, id, kind, path and text (of a picture: its caption), and with "
        "--near-copies hide the number of copies; json has those that are known, \"picture\" (that a text "
        "describes), \"metadata\" and \"copies\", the ids of up to 100 of \"copy_count\".\n\n"
        "Exit status: 0 searched, 2 cannot.\n\n"
        "  diptych search photos.dip \"a red kite over the sea\"\n"
        "  diptych search photos.dip \"a beach\" --minus people --image sea.jpg:0.5 --top 20\n"
        "  diptych search photos.dip sunset --where \"width >= 1024 and date >= '2024'\" --html sunset.html",
    .children = children,
    .help_filter = options_help_filter,
};
