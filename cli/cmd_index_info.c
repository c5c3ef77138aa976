// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/json.h"
#include "joint/collection/collection.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct info {
    const char *path;
    int format;
};

static const struct argp_option options[] = {
    {"format", 'f', "table|json", 0, "How to print it (default: table)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct info *info = state->input;
    return index_parse(key, argument, state, &info->path, &info->format);
}

static const struct argp_child children[] = {{&common_argp, 0, "", -1}, {0}};
const struct argp index_info_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc = "Show counts, sizes and the model of an index.\v"
           "Dead rows are those of removed items: 'diptych index compact' gives their room back.",
    .children = children,
    .help_filter = options_help_filter,
};

/* When the files of the index last changed, and their bytes together. */
static void look_at_files(const char *const *paths, size_t count, int64_t *bytes, char changed[32])
{
    time_t last = 0;
    struct tm tm;
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        if (!paths[i] || stat(paths[i], &st))
            continue;
        *bytes += st.st_size;
        if (st.st_mtime > last)
            last = st.st_mtime;
    }
    strftime(changed, 32, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&last, &tm));
}

/* Whether the rules of any source are more than none. */
static bool has_rules(const struct sources *sources)
{
    for (size_t i = 0; i < sources->rules.count; i++)
        if (*sources->rules.items[i])
            return true;
    return false;
}

/* {"kind", "path"} of a source, and its "rules" where any has some. */
static json_t *source_json(const struct sources *sources, int kind, size_t i)
{
    const char *rules = kind == SOURCE_PICTURES ? sources->rules.items[i] : "";
    json_t *row =
        json_pack("{s:s, s:o}", "kind", source_names[kind], "path", json_text(sources->paths[kind].items[i]));
    if (row && has_rules(sources))
        json_object_set_new(row, "rules", *rules ? json_text(rules) : json_null());
    return row;
}

/* What the index was made from; NULL on an error. */
static json_t *list_sources(struct index *index, struct err *err)
{
    struct sources sources = {0};
    json_t *rows = json_array();
    int rc = rows ? sources_recall(&sources, index, err) : err_memory(err, 0);
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < sources.paths[kind].count && !rc; i++)
            if (json_array_append_new(rows, source_json(&sources, kind, i)))
                rc = err_memory(err, 0);
    sources_release(&sources);
    if (!rc)
        return rows;
    json_decref(rows);
    return NULL;
}

static size_t count_failures(const struct index_reasons *reasons)
{
    size_t files = 0;
    for (size_t i = 0; i < reasons->count; i++)
        files += reasons->items[i].files;
    return files;
}

static int print_info(struct index *index, int format, struct err *err)
{
    const struct index_info info = index_info(index);
    struct arena arena = {0};
    const char *const paths[] = {info.vectors, path_join(&arena, info.path, "catalog.sqlite"),
        path_join(&arena, info.path, "catalog.sqlite-wal")};
    int64_t vector_bytes, catalog_bytes;
    char changed[32];
    look_at_files(paths, 1, &vector_bytes, changed);
    look_at_files(paths + 1, 2, &catalog_bytes, changed);
    arena_release(&arena);
    enum alpha_rule alpha;
    struct index_reasons reasons = {0};
    const int rc = index_reasons(&reasons, index, err);
    const size_t failed = count_failures(&reasons);
    index_reasons_release(&reasons);
    json_t *made_from = rc || collection_alpha(&alpha, index, err) ? NULL : list_sources(index, err);
    if (!made_from)
        return err->code;
    return report_print("index-info/1",
        json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:o, s:s, s:s, s:s, s:o}", "index",
            json_text(info.path), "pictures", (json_int_t)info.images, "texts", (json_int_t)info.texts,
            "failed", (json_int_t)failed, "rows", (json_int_t)info.rows, "dead_rows",
            (json_int_t)(info.rows - info.images - info.texts), "storage", index_storage_names[info.storage],
            "width", (json_int_t)info.width, "vector_bytes", (json_int_t)vector_bytes, "catalog_bytes",
            (json_int_t)catalog_bytes, "model", json_text(info.model), "fingerprint", info.fingerprint,
            "alpha", alpha_names[alpha], "changed", changed, "made_from", made_from),
        format, err);
}

int cmd_index_info(int argc, char **argv)
{
    struct info arguments = {0};
    struct index *index = NULL;
    struct err err = {0};
    options_parse(&index_info_argp, argc, argv, &arguments);
    int rc = index_open(&index, arguments.path, INDEX_READ, NULL, &err);
    if (!rc)
        rc = print_info(index, arguments.format, &err);
    return index_end(index, "show the index", rc, &err);
}
