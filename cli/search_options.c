// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/item_format.h"
#include "cli/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- queries ------------------------------------------------------------------------------------------- */

enum {
    KEY_PLUS = 0x100,
    KEY_MINUS,
    KEY_SEARCH_KIND,
    KEY_QUERIES,
    KEY_MIN_SCORE,
    KEY_NEAR_COPIES,
    KEY_SORT,
    KEY_HTML
};

static const struct argp_option query_options[] = {
    {NULL, 0, NULL, 0, "Queries:", 1},
    {"plus", KEY_PLUS, "TEXT", 0, "And for this: its embedding is added to that of the words", 1},
    {"minus", KEY_MINUS, "TEXT", 0, "And for the opposite of this", 1},
    {"image", 'i', "FILE[:WEIGHT]", 0, "And for what looks like this picture; it counts WEIGHT times a text",
        1},
    {"queries", KEY_QUERIES, "FILE", 0,
        "Many queries: a text a line; blank lines do not count. - answers the lines of standard input one by "
        "one, "
        "each at once",
        1},
    {"kind", KEY_SEARCH_KIND, "any|image|text", 0,
        "image or text: items of one kind; any: both in turns, each by score (default: pictures before "
        "texts)",
        2},
    {NULL, 0, NULL, 0, "Output:", GROUP_OUTPUT},
    {"top", 'k', "K", 0, "Show the K best (default: 10)", GROUP_OUTPUT},
    {"min-score", KEY_MIN_SCORE, "X", 0, "Show nothing below this cosine", GROUP_OUTPUT},
    {0},
};

static void add_term(struct search_request *s, const char *text, const char *picture, float weight)
{
    s->terms[s->term_count++] = (struct query_term){text, picture_input(picture), weight};
}

static void add_text(struct search_request *s, struct argp_state *state, const char *text, float weight)
{
    if (!text[strspn(text, " \t\r\n")])
        argp_error(state, "an empty text is nothing to look for");
    add_term(s, text, NULL, weight);
}

/* Words without an option are one text, in quotes or not, and the first term. */
static void add_words(struct search_request *s, struct argp_state *state, char **words, size_t count)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(words[i]) + 1;
    char *text = arena_alloc(&s->arena, size), *end = text;
    if (!text)
        argp_failure(state, STATUS_CANNOT, 0, "out of memory");
    for (size_t i = 0; i < count; i++)
        end += sprintf(end, "%s%s", i ? " " : "", words[i]);
    add_text(s, state, text, 1);
    const struct query_term first = s->terms[s->term_count - 1];
    memmove(s->terms + 1, s->terms, (s->term_count - 1) * sizeof first);
    s->terms[0] = first;
}

/* FILE, or FILE:WEIGHT where no file has that whole name. */
static void add_picture(struct search_request *s, struct argp_state *state, char *argument)
{
    struct stat st;
    char *colon = strrchr(argument, ':'), *end = NULL;
    const double weight = colon ? strtod(colon + 1, &end) : 1;
    if (!colon || end == colon + 1 || *end || !stat(argument, &st)) {
        add_term(s, NULL, option_input(state, argument), 1);
        return;
    }
    if (!isfinite(weight) || weight == 0 || fabs(weight) > 1e6)
        argp_error(state, "--image takes a weight that is not 0, not '%s'", colon + 1);
    *colon = '\0';
    add_term(s, NULL, option_input(state, argument), (float)weight);
}

void search_queries_from(
    struct search_request *s, struct argp_state *state, const char *option, const char *path)
{
    if (s->queries_path && strcmp(s->queries_option, option))
        argp_error(state, "--%s is instead of --%s", option, s->queries_option);
    s->queries_path = path;
    s->queries_option = option;
}

static error_t parse_queries(int key, char *argument, struct argp_state *state)
{
    struct search_request *s = state->input;
    char *end, **words;
    size_t count;
    switch (key) {
    case ARGP_KEY_INIT:
        s->terms = arena_alloc(&s->arena, (size_t)state->argc * sizeof *s->terms);
        if (!s->terms)
            argp_failure(state, STATUS_CANNOT, 0, "out of memory");
        state->child_inputs[0] = &s->filter;
        state->child_inputs[1] = &s->format;
        state->child_inputs[2] = &s->preview;
        return 0;
    case KEY_PLUS:
        add_text(s, state, argument, 1);
        return 0;
    case KEY_MINUS:
        add_text(s, state, argument, -1);
        return 0;
    case KEY_SEARCH_KIND:
        s->filter.kind = (enum index_kind)option_choice(state, "kind", argument);
        s->wanted.in_turns = s->filter.kind == INDEX_ANY;
        return 0;
    case 'i':
        add_picture(s, state, argument);
        return 0;
    case KEY_QUERIES:
        search_queries_from(s, state, "queries", option_input(state, argument));
        return 0;
    case 'k':
        s->wanted.top = option_number(state, "top", argument, 1, SIZE_MAX);
        return 0;
    case KEY_MIN_SCORE:
        s->wanted.min_score = strtod(argument, &end);
        if (end == argument || *end || isnan(s->wanted.min_score))
            argp_error(state, "--min-score takes a number, not '%s'", argument);
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        index_arguments(state, &s->path, &words, &count, SIZE_MAX);
        if (count)
            add_words(s, state, words, count);
        return 0;
    case ARGP_KEY_END:
        if (!s->term_count && !s->queries_path)
            argp_error(state, "nothing to look for: name a text, --image or --queries");
        if (s->term_count && s->queries_path)
            argp_error(state, "--%s is instead of other queries", s->queries_option);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child query_children[] = {{&words_filter_argp, 0, NULL, 0},
    {&item_format_argp, 0, NULL, GROUP_OUTPUT}, {&preview_argp, 0, NULL, GROUP_OUTPUT}, {0}};
const struct argp queries_argp = {
    .options = query_options, .parser = parse_queries, .children = query_children};

/* ---- of one index -------------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {"near-copies", KEY_NEAR_COPIES, "show|hide", 0,
        "Show near copies, or only the first of pictures whose cosine is at least 0.95, with the number of "
        "the others "
        "(default: show)",
        GROUP_OUTPUT},
    {"sort", KEY_SORT, "score|date|taken|path", 0,
        "What comes first: date is the file's, taken when the picture was, the newest first (default: score)",
        GROUP_OUTPUT},
    {"html", KEY_HTML, "FILE", 0, "Write a page with small pictures too", GROUP_OUTPUT},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct search_request *s = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = s;
        state->child_inputs[1] = &s->session;
        state->child_inputs[2] = &s->session.quiet;
        return 0;
    case KEY_NEAR_COPIES:
        s->hide_copies = option_choice(state, "near-copies", argument);
        return 0;
    case KEY_SORT:
        s->wanted.order = (enum index_order)option_choice(state, "sort", argument);
        return 0;
    case KEY_HTML:
        s->html = option_page(state, argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&queries_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
const struct argp search_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX] [WORD...]",
    .doc =
        "Find the pictures and texts of an index that are closest to a text, a picture, or several of "
        "both. The words are one text; what --plus, --minus and --image name is added to it.\n\n"
        "  diptych search a red kite over the sea\n"
        "  diptych search photos.dip a red kite over the sea\n"
        "  diptych search photos.dip a beach --minus people --image sea.jpg:0.5 \\\n"
        "      --top 20\n"
        "  diptych search photos.dip sunset \\\n"
        "      --where \"width >= 1024 and date >= '2024'\" --html sunset.html\v"
        "The first word is the index if it ends in .dip, or an index is there; else it is the default one: "
        "'diptych help index'.\n\n"
        "Scores are cosines with "
        "the query, highest first, of pictures and then of texts: texts lie closer to a text than any "
        "picture does. The search is exact.\n\n"
        "tsv has the columns query, score, id, kind, path and text (of a picture: its caption), and with "
        "--near-copies hide the number of copies; json has those that are known, \"picture\" (that a text "
        "describes), \"metadata\" and \"copies\", the ids of up to 100 of \"copy_count\".\n\n"
        "With --queries - another program can hold the conversation, a line to a line: in json an answer is "
        "one line, {\"query\": ..., \"hits\": [...]}, or {\"query\": ..., \"error\": ...}; in the "
        "other formats an empty line (or path, with -0) ends it. The end of standard input is the end.\n\n"
        "Exit status: 0 searched, 1 some lines are no queries, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};
