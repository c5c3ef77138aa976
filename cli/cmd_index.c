// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/text.h"
#include "joint/collection/collection.h"

#include <stdio.h>
#include <string.h>

const struct command index_commands[] = {
    {"build", cmd_index_build, "make an index of pictures and texts, or go on making it", &index_build_argp,
        NULL},
    {"update", cmd_index_update, "bring an index up to date with its folders", &index_update_argp, NULL},
    {"watch", cmd_index_watch, "keep an index up to date with its folders", &index_watch_argp, NULL},
    {"prepare", cmd_index_prepare, "prepare pictures in another way, and encode those that it changes",
        &index_prepare_argp, NULL},
    {"merge", cmd_index_merge, "join the shards of an index", &index_merge_argp, NULL},
    {"import", cmd_index_import, "put in vectors that another program made", &index_import_argp, NULL},
    {"export", cmd_index_export, "write the vectors for other programs", &index_export_argp, NULL},
    {"list", cmd_index_list, "list what an index holds", &index_list_argp, NULL},
    {"info", cmd_index_info, "show counts, sizes and the model of an index", &index_info_argp, NULL},
    {"remove", cmd_index_remove, "take pictures and texts out of an index", &index_remove_argp, NULL},
    {"relocate", cmd_index_relocate, "tell an index where its pictures lie now", &index_relocate_argp, NULL},
    {"verify", cmd_index_verify, "check every part of an index", &index_verify_argp, NULL},
    {"compact", cmd_index_compact, "give the room of removed items back", &index_compact_argp, NULL},
    {"duplicates", cmd_index_duplicates, "list items that are the same, or nearly so", &index_duplicates_argp,
        NULL},
    {"outliers", cmd_index_outliers, "list items that are unlike the rest", &index_outliers_argp, NULL},
    {"map", cmd_index_map, "map the items of an index in a plane", &index_map_argp, NULL},
    {"cluster", cmd_index_cluster, "put the items of an index into clusters, and label them",
        &index_cluster_argp, NULL},
    {0},
};

/* ---- what they share ----------------------------------------------------------------------------------- */

const char *index_default(void)
{
    static struct arena arena; /* for as long as the program runs */
    static const char *path;
    if (!path && collection_default(&path, &arena, NULL))
        path = NULL;
    return path;
}

bool index_is_default(const char *path)
{
    const char *none = index_default();
    return none && !strcmp(path, none);
}

int index_default_make(const char *path, struct err *err)
{
    return index_is_default(path) ? folders_make(path, err) : 0;
}

static const char *take_default(const struct argp_state *state, bool make)
{
    const char *path = index_default();
    if (!path)
        argp_error(state, "no index: name one");
    else if (!make && !index_is_there(path))
        argp_error(state,
            "no index: name one; there is no default one, '%s', yet, which 'diptych index build PATH...' "
            "makes",
            path);
    return path;
}

static void take_arguments(
    struct argp_state *state, const char **path, char ***more, size_t *count, size_t max, bool make)
{
    char **arguments = state->argv + state->next;
    const size_t all = (size_t)(state->argc - state->next);
    const bool named = all && (!max || collection_is_named(arguments[0]));
    *more = arguments + named;
    *count = all - named;
    if (*count > max)
        argp_error(state, "too many arguments");
    *path = named ? arguments[0] : take_default(state, make);
}

void index_arguments(struct argp_state *state, const char **path, char ***more, size_t *count, size_t max)
{
    take_arguments(state, path, more, count, max, false);
}

void index_arguments_to_make(
    struct argp_state *state, const char **path, char ***more, size_t *count, size_t max)
{
    take_arguments(state, path, more, count, max, true);
}

error_t index_parse(int key, char *argument, struct argp_state *state, const char **path, int *format)
{
    char **none;
    size_t count;
    switch (key) {
    case 'f':
        *format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        index_arguments(state, path, &none, &count, 0);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

enum { KEY_WHERE = 0x3000, KEY_MATCH, KEY_MATCH_SYNTAX, KEY_KIND };

static error_t parse_words_filter(int key, char *argument, struct argp_state *state)
{
    struct index_filter *filter = state->input;
    switch (key) {
    case KEY_WHERE:
        filter->where = argument;
        return 0;
    case KEY_MATCH:
        filter->match = argument;
        return 0;
    case KEY_MATCH_SYNTAX:
        filter->match_syntax = (enum match_syntax)option_choice(state, "match-syntax", argument);
        return 0;
    case ARGP_KEY_END:
        if (filter->match_syntax == MATCH_FTS5 && !filter->match)
            argp_error(state, "--match-syntax is of --match");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_filter(int key, char *argument, struct argp_state *state)
{
    struct index_filter *filter = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = filter;
        return 0;
    case KEY_KIND:
        filter->kind = (enum index_kind)option_choice(state, "kind", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option words_filter_options[] = {
    {NULL, 0, NULL, 0, "Which items:", 2},
    {"where", KEY_WHERE, "EXPR", 0,
        "Those for which an SQL expression holds, over id, kind, path, size, mtime, date (the file's), "
        "taken, camera, lens, lat, lon, width, height, caption, picture and metadata: \"width >= 1024 and "
        "taken >= "
        "'2024-06' and camera like 'Canon%'\"",
        2},
    {"match", KEY_MATCH, "WORDS", 0,
        "Those with all these words in path or caption: 'kite sea*', '\"red kite\"', IMG-2024", 2},
    {"match-syntax", KEY_MATCH_SYNTAX, "words|fts5", 0,
        "words, or fts5 for SQLite's query language: 'kite NOT (sea OR path: beach)' (default: words)", 2},
    {0},
};
const struct argp words_filter_argp = {.options = words_filter_options, .parser = parse_words_filter};

static const struct argp_option filter_options[] = {
    {"kind", KEY_KIND, "any|image|text", 0, "Those of a kind (default: any)", 2},
    {0},
};
static const struct argp_child filter_children[] = {{&words_filter_argp, 0, NULL, 0}, {0}};
const struct argp filter_argp = {
    .options = filter_options, .parser = parse_filter, .children = filter_children};

void message_nothing(const char *path, const struct index *index, const struct index_filter *filter)
{
    const struct index_info info = index_info(index);
    const char *const options[] = {filter->where ? "--where" : NULL, filter->match ? "--match" : NULL,
        filter->kind != INDEX_ANY ? "--kind" : NULL};
    char list[64] = "";
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i]) {
            const size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", used ? " with " : "", options[i]);
        }
    if (*list && info.images + info.texts)
        message("nothing in '%s' fits %s", path, list);
    else
        message("there is nothing in '%s'", path);
}

int session_open_for(struct session *session, const struct index *index, struct err *err)
{
    struct collection_model model;
    const int rc = collection_model(&model, index, session->model_options.directory,
        &session->model_options.adapters.all, &session->arena, err);
    if (rc)
        return rc;
    session->directory = model.directory;
    session->adapters = model.adapters;
    const int wrong = session_prepare_as(session, model.alpha, index_info(index).path, err);
    return wrong ? wrong : session_open(session, err);
}

int index_end(struct index *index, const char *verb, int rc, const struct err *err)
{
    index_free(index);
    if (rc)
        message("cannot %s: %s", verb, err->msg);
    return rc ? STATUS_CANNOT : STATUS_DONE;
}

const struct argp index_argp =
    COMMAND_GROUP("SUBCOMMAND INDEX ...", "Keep the embeddings of pictures and texts on disk, in a folder "
                                          "INDEX, NAME.dip. Where none is named it is "
                                          "diptych/default.dip in $XDG_DATA_HOME or ~/.local/share.\v");

int cmd_index(int argc, char **argv)
{
    return command_run_group(index_commands, &index_argp, argc, argv);
}
