// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/name.h"
#include "joint/hub/hub.h"
#include "open_clip_names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { COLUMNS = 5, REPO_MAX = 96, REVISION_MAX = 255 };

/* A line of open_clip's names: its columns. */
struct row {
    struct span architecture, tag, repo, weights, kind;
};

static bool next_row(struct lines *lines, struct row *out)
{
    while (lines_next(lines)) {
        struct span columns[COLUMNS] = {{0}}, rest = lines->line;
        if (rest.length && rest.data[0] == '#')
            continue;
        for (size_t i = 0; i < COLUMNS; i++) {
            const char *tab = memchr(rest.data, '\t', rest.length);
            columns[i] = (struct span){rest.data, tab ? (size_t)(tab - rest.data) : rest.length};
            rest = span_from(rest, tab ? columns[i].length + 1 : rest.length);
        }
        *out = (struct row){columns[0], columns[1], columns[2], columns[3], columns[4]};
        return true;
    }
    return false;
}

static struct lines all_rows(void)
{
    return (struct lines){.rest = span_of(open_clip_names[0].text)};
}

/* ---- open_clip's names --------------------------------------------------------------------------------- */

/* open_clip takes a tag in upper case and with '-' for '_' too. */
static bool tag_equal(struct span tag, struct span given)
{
    if (tag.length != given.length)
        return false;
    for (size_t i = 0; i < tag.length; i++) {
        const char c = given.data[i];
        if (tag.data[i] != (c == '-' ? '_' : (char)tolower((unsigned char)c)))
            return false;
    }
    return true;
}

/* "ARCHITECTURE/TAG" or "ARCHITECTURE__TAG" in two. */
static bool split_tag(struct span *architecture, struct span *tag, const char *text)
{
    const char *slash = strchr(text, '/'), *bars = strstr(text, "__");
    const char *end = slash ? slash : bars;
    if (!end)
        return false;
    *architecture = (struct span){text, (size_t)(end - text)};
    *tag = span_of(slash ? end + 1 : end + 2);
    return true;
}

static bool find_row(struct row *out, const char *text)
{
    struct lines lines = all_rows();
    struct span architecture, tag;
    if (!split_tag(&architecture, &tag, text))
        return false;
    while (next_row(&lines, out)) {
        if (span_equal(out->architecture, architecture) && tag_equal(out->tag, tag))
            return true;
    }
    return false;
}

/* A name with an architecture of open_clip's, cases apart, is meant as one of its names: no organisation is called so. */
static bool has_architecture(const char *text)
{
    struct lines lines = all_rows();
    struct span architecture, tag;
    struct row row;
    if (!split_tag(&architecture, &tag, text))
        return false;
    while (next_row(&lines, &row)) {
        if (row.architecture.length == architecture.length &&
            !strncasecmp(row.architecture.data, architecture.data, architecture.length))
            return true;
    }
    return false;
}

bool hub_known_name(char *name, size_t size, size_t i)
{
    struct lines lines = all_rows();
    struct row row;
    while (next_row(&lines, &row))
        if (span_equal(row.kind, span_of("runs")) && !i--) {
            snprintf(name, size, "%.*s/%.*s", (int)row.architecture.length, row.architecture.data,
                (int)row.tag.length, row.tag.data);
            return true;
        }
    return false;
}

/* ---- names of repositories ----------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

bool hub_repo_valid(const char *text)
{
    const size_t length = strlen(text);
    size_t slashes = 0;
    if (!length || length > REPO_MAX || strstr(text, "--") || strstr(text, ".."))
        return false;
    if (length > 4 && !strcmp(text + length - 4, ".git"))
        return false;
    for (size_t i = 0; i < length; i++) {
        const bool at_end = !i || text[i - 1] == '/' || i + 1 == length || text[i + 1] == '/';
        slashes += text[i] == '/';
        if (!is_word(text[i]) && (at_end || !strchr("/-.", text[i])))
            return false;
    }
    return slashes <= 1;
}

bool hub_revision_valid(const char *text)
{
    const size_t length = strlen(text);
    if (!length || length > REVISION_MAX || text[0] == '/' || text[length - 1] == '/' || strstr(text, "//"))
        return false;
    for (const char *part = text; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        if (part[0] == '.' || part[0] == '-')
            return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] <= ' ' || strchr("~^:?*[\\\177", text[i]))
            return false; /* git has no such names either */
    }
    return true;
}

bool hub_commit_valid(const char *text)
{
    return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

/* ---- what was meant ------------------------------------------------------------------------------------ */

enum { NEAREST = 3, NAME_MAX_COMPARED = 128 };

/* How many letters to put in, take out or change to come from one name to the other, cases apart (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_COMPARED + 1];
    const size_t length = strnlen(b, NAME_MAX_COMPARED);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            const bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
            const size_t change = diagonal + !same, less = row[j] + 1, more = row[j + 1] + 1;
            diagonal = row[j + 1];
            row[j + 1] = change < less ? change : less;
            if (more < row[j + 1])
                row[j + 1] = more;
        }
    }
    return row[length];
}

struct nearest {
    char names[NEAREST][NAME_MAX_COMPARED];
    size_t far[NEAREST], count;
};

static void consider(struct nearest *best, const char *name, size_t far)
{
    size_t at = best->count;
    while (at && best->far[at - 1] > far)
        at--;
    if (at == NEAREST)
        return;
    const size_t after = (best->count < NEAREST ? best->count : NEAREST - 1) - at;
    memmove(best->names[at + 1], best->names[at], after * sizeof *best->names);
    memmove(&best->far[at + 1], &best->far[at], after * sizeof *best->far);
    snprintf(best->names[at], sizeof best->names[at], "%s", name);
    best->far[at] = far;
    best->count += best->count < NEAREST;
}

/* Those of open_clip's names that could have been meant: the tags of an architecture, or what is spelt alike. Only
 * of what runs. */
static void find_nearest(struct nearest *best, const char *text)
{
    struct lines lines = all_rows();
    struct row row;
    char name[NAME_MAX_COMPARED];
    while (next_row(&lines, &row)) {
        if (!span_equal(row.kind, span_of("runs")))
            continue;
        snprintf(name, sizeof name, "%.*s/%.*s", (int)row.architecture.length, row.architecture.data,
            (int)row.tag.length, row.tag.data);
        const bool same = span_equal(row.architecture, span_of(text));
        const size_t far = same ? 0 : distance(name, text);
        if (same || far <= 2 + strlen(text) / 4)
            consider(best, name, far);
    }
}

static int not_a_name(const char *text, struct err *err)
{
    struct nearest best = {.count = 0};
    find_nearest(&best, text);
    char list[NEAREST * (NAME_MAX_COMPARED + 8)] = "";
    for (size_t i = 0; i < best.count; i++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s'%s'",
            !i                   ? "; did you mean "
            : i + 1 < best.count ? ", "
                                 : " or ",
            best.names[i]);
    }
    return err_set(err, ERR_NOT_FOUND, "'%s' is no folder, no name of open_clip's and no repository's%s",
        text, *list ? list : ", which are written ORGANISATION/NAME");
}

/* ---- parsing ------------------------------------------------------------------------------------------- */

static const char *copy_span(struct arena *arena, struct span span)
{
    return arena_copy(arena, span.data, span.length);
}

static void take_row(struct hub_name *out, const struct row *row, struct arena *arena)
{
    out->repo = copy_span(arena, row->repo);
    if (!span_equal(row->kind, span_of("runs")))
        out->kind = copy_span(arena, row->kind);
    if (!span_equal(row->weights, span_of("-")))
        out->weights = copy_span(arena, row->weights);
}

int hub_name_parse(struct hub_name *out, const char *text, struct arena *arena, struct err *err)
{
    static const char prefix[] = "hf-hub:";
    const char *at = strrchr(text, '@');
    const bool on_hub = !strncmp(text, prefix, sizeof prefix - 1);
    struct row row;
    *out = (struct hub_name){.revision = at ? at + 1 : "main"};
    if (!hub_revision_valid(out->revision))
        return err_set(err, ERR_ARGUMENT, "'%s' can be no revision, in '%s'", out->revision, text);
    out->text = arena_copy(arena, text, at ? (size_t)(at - text) : strlen(text));
    out->revision = arena_copy(arena, out->revision, strlen(out->revision));
    if (!out->text || !out->revision)
        return err_memory(err, strlen(text));
    out->repo = on_hub ? out->text + sizeof prefix - 1 : out->text;
    if (!on_hub && find_row(&row, out->text))
        take_row(out, &row, arena);
    else if (!hub_repo_valid(out->repo) ||
             (!on_hub && (!strchr(out->repo, '/') || has_architecture(out->text))))
        return not_a_name(out->text, err);
    return out->repo ? 0 : err_memory(err, strlen(text));
}
