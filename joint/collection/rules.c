// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/rules.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char *const pairs_names[] = {"each", "one", NULL};

/* ---- as text ------------------------------------------------------------------------------------------- */

static int read_patterns(struct strings *out, const json_t *list, struct err *err)
{
    size_t i;
    const json_t *value;
    int rc = 0;
    json_array_foreach(list, i, value)
    {
        const char *pattern = json_string_value(value);
        if (!pattern)
            return err_set(err, ERR_FORMAT, "a pattern of what is excluded is no text");
        if (!rc)
            rc = strings_add(out, pattern, strlen(pattern), err);
    }
    return rc;
}

int folder_rules_parse(struct folder_rules *out, const char *text, struct err *err)
{
    json_t *root = NULL;
    *out = (struct folder_rules){0};
    if (!text || !*text)
        return 0;
    int rc = json_parse(&root, text, strlen(text), "rules of a source", err);
    if (!rc)
        rc = read_patterns(&out->excludes.patterns, json_object_get(root, "exclude"), err);
    if (!rc)
        out->excludes.no_defaults = json_is_false(json_object_get(root, "default_excludes"));
    const char *pairs = json_string_value(json_object_get(root, "pairs"));
    if (pairs && !strcmp(pairs, pairs_names[PAIRS_ONE - PAIRS_EACH]))
        out->pairs = PAIRS_ONE;
    json_decref(root);
    return rc;
}

int folder_rules_text(
    const char **out, const struct folder_rules *rules, struct arena *arena, struct err *err)
{
    const struct excludes *excludes = &rules->excludes;
    json_t *root = json_object(), *list = json_array();
    int failed = !root || !list;
    for (size_t i = 0; i < excludes->patterns.count && !failed; i++)
        failed = json_array_append_new(list, json_text(excludes->patterns.items[i]));
    if (!failed && excludes->patterns.count)
        failed = json_object_set(root, "exclude", list);
    if (!failed && excludes->no_defaults)
        failed = json_object_set_new(root, "default_excludes", json_false());
    if (!failed && rules->pairs == PAIRS_ONE)
        failed = json_object_set_new(root, "pairs", json_string(pairs_names[PAIRS_ONE - PAIRS_EACH]));
    char *text = failed ? NULL : json_dumps(root, 0);
    *out = text && json_object_size(root) ? arena_copy(arena, text, strlen(text)) : text ? "" : NULL;
    free(text);
    json_decref(list);
    json_decref(root);
    return *out ? 0 : err_memory(err, 0);
}

void folder_rules_release(struct folder_rules *rules)
{
    strings_release(&rules->excludes.patterns);
    *rules = (struct folder_rules){0};
}

/* ---- of an index --------------------------------------------------------------------------------------- */

static int say_excludes(struct folder_rules *rules, const struct sources *said, struct err *err)
{
    const struct strings *patterns = &said->excludes.patterns;
    int rc = 0;
    strings_release(&rules->excludes.patterns);
    rules->excludes.no_defaults = said->excludes.no_defaults;
    for (size_t i = 0; i < patterns->count && !rc; i++)
        rc = strings_add(&rules->excludes.patterns, patterns->items[i], strlen(patterns->items[i]), err);
    return rc;
}

static int keep(const struct sources *said, const char *path, struct index *index, struct err *err)
{
    struct arena arena = {0};
    struct folder_rules rules = {0};
    const char *text, *kind = source_names[SOURCE_PICTURES];
    int rc = index_source_rules(&text, index, kind, path, &arena, err);
    if (!rc)
        rc = folder_rules_parse(&rules, text, err);
    if (!rc && said->excludes_said)
        rc = say_excludes(&rules, said, err);
    if (said->pairs != PAIRS_AS_BEFORE)
        rules.pairs = said->pairs;
    if (!rc)
        rc = folder_rules_text(&text, &rules, &arena, err);
    if (!rc)
        rc = index_source_keep_rules(index, kind, path, text, err);
    folder_rules_release(&rules);
    arena_release(&arena);
    return rc;
}

int sources_keep_rules(
    const struct sources *said, const struct strings *paths, struct index *index, struct err *err)
{
    int rc = 0;
    if (!said->excludes_said && said->pairs == PAIRS_AS_BEFORE)
        return 0;
    for (size_t i = 0; i < paths->count && !rc; i++)
        rc = keep(said, paths->items[i], index, err);
    return rc ? rc : index_commit(index, err);
}

/* ---- of sources ---------------------------------------------------------------------------------------- */

int source_rules_open(struct source_rules *out, const struct sources *sources, struct err *err)
{
    const struct strings *paths = &sources->paths[SOURCE_PICTURES];
    *out = (struct source_rules){.rules = mem_new(paths->count + 1, sizeof *out->rules)};
    int rc = out->rules ? 0 : err_memory(err, paths->count * sizeof *out->rules);
    for (size_t i = 0; i < paths->count && !rc; i++) {
        size_t *number;
        rc = string_map_add(&number, &out->numbers, paths->items[i], strlen(paths->items[i]), i, err);
        if (!rc)
            rc = folder_rules_parse(&out->rules[i], sources->rules.items[i], err);
        out->count = i + 1;
    }
    return rc;
}

void source_rules_release(struct source_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        folder_rules_release(&rules->rules[i]);
    free(rules->rules);
    string_map_release(&rules->numbers);
    *rules = (struct source_rules){0};
}

size_t source_rules_holder(const struct source_rules *rules, const struct folder_rules **out,
    const char *path, size_t length, bool folder)
{
    for (; length; length = path_above(path, length)) {
        const size_t *number = string_map_find(&rules->numbers, path, length);
        *out = number ? &rules->rules[*number] : NULL;
        const char *within = path + length + strspn(path + length, "/");
        if (number && (!*within || !excludes_cover(&(*out)->excludes, within, folder)))
            return length;
    }
    return 0;
}
