// SPDX-License-Identifier: Apache-2.0
/*
 * Synonyms of METEOR: words that share a set of synonyms of WordNet 3.0, which its files index.noun and so on list:
 *
 *     abandon v 5 4 @ ~ $ + 5 5 02228049 02227759 02076694 00613411 00614075
 *
 * word, part of speech, number of sets, number of kinds of pointers, those, two counts, the sets. A set's number is where
 * it stands in data.noun and so on. METEOR keeps the number without the part of speech, so that the few sets of two parts
 * that have one number are one to it. Debian's package has mended a line of data.verb and one of data.adj, whose
 * successors stand further down than in Princeton's files, which METEOR has: `shifts` takes them back.
 *
 * noun.exc and so on list irregular forms: "abetted abet". Lines of all files are sorted by their first word.
 */
#include "text/captions/metric_meteor.h"

#include <stdlib.h>
#include <string.h>

static const char *const parts[WORDNET_PARTS] = {"noun", "verb", "adj", "adv"};

/* Sets of Debian's files from `from` up to `to` stand `by` bytes further down; Princeton's have no set at `from`. */
static const struct {
    uint32_t from, to, by;
} shifts[WORDNET_PARTS] = {{0}, {613036, 2422967, 18}, {1681478, UINT32_MAX, 1}, {0}};

/* ---- lines --------------------------------------------------------------------------------------------- */

static struct span line_at(struct span lines, size_t at)
{
    const char *end = memchr(lines.data + at, '\n', lines.length - at);
    return (struct span){lines.data + at, end ? (size_t)(end - lines.data) - at : lines.length - at};
}

/* What stands before the next blank, off the front of a line. */
static struct span take_field(struct span *line)
{
    while (line->length && *line->data == ' ')
        *line = span_from(*line, 1);
    const char *blank = line->length ? memchr(line->data, ' ', line->length) : NULL;
    const struct span field = {line->data, blank ? (size_t)(blank - line->data) : line->length};
    *line = span_from(*line, field.length);
    return field;
}

static int compare(struct span a, struct span b)
{
    const size_t common = a.length < b.length ? a.length : b.length;
    const int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* The line whose first word that is: what follows the word. False where there is none. */
static bool find_line(struct span *rest, struct span lines, struct span word)
{
    size_t low = 0, high = lines.length; /* both where a line begins, or the end */
    while (low < high) {
        size_t at = low + (high - low) / 2;
        while (at > low && lines.data[at - 1] != '\n')
            at--;
        struct span line = line_at(lines, at);
        const size_t next = at + line.length < lines.length ? at + line.length + 1 : lines.length;
        const int order = compare(word, take_field(&line));
        if (!order) {
            *rest = line;
            return true;
        }
        if (order < 0)
            high = at;
        else
            low = next;
    }
    return false;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

const char *wordnet_folder(const char *folder)
{
    const char *set = getenv("WNSEARCHDIR"); /* WordNet's own variable */
    return folder ? folder : set && *set ? set : METEOR_WORDNET;
}

static int open_file(
    struct wordnet_file *out, const char *folder, const char *name, struct arena *arena, struct err *err)
{
    out->name = path_join(arena, folder, name);
    if (!out->name)
        return err_memory(err, 0);
    const int rc = file_map_open(&out->map, out->name, err);
    out->lines = (struct span){(const char *)out->map.data, out->map.size};
    return rc;
}

static int open_index(struct wordnet_file *file, struct err *err)
{
    static const char version[] = "WordNet 3.0 ";
    struct span lines = file->lines;
    bool known = false;
    while (lines.length && *lines.data == ' ') { /* the licence */
        const struct span line = line_at(lines, 0);
        known |= memmem(line.data, line.length, version, sizeof version - 1) != NULL;
        lines = span_from(lines, line.length < lines.length ? line.length + 1 : line.length);
    }
    file->lines = lines;
    return known ? 0
                 : err_set(err, ERR_UNSUPPORTED, "'%s' is not of WordNet 3.0, which METEOR 1.5 takes",
                       file->name);
}

static bool has_set(struct span lines, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof text, " %08u ", (unsigned)number);
    return lines.length && memmem(lines.data, lines.length, text, strlen(text));
}

static int open_part(struct wordnet *out, size_t part, const char *folder, struct err *err)
{
    char index[16], exceptions[16];
    snprintf(index, sizeof index, "index.%s", parts[part]);
    snprintf(exceptions, sizeof exceptions, "%s.exc", parts[part]);
    int rc = open_file(&out->index[part], folder, index, &out->names, err);
    if (!rc)
        rc = open_index(&out->index[part], err);
    if (!rc)
        rc = open_file(&out->exceptions[part], folder, exceptions, &out->names, err);
    if (!rc && shifts[part].by)
        out->shifted[part] = has_set(out->index[part].lines, shifts[part].from);
    return rc;
}

int wordnet_open(struct wordnet *out, const char *folder, struct err *err)
{
    int rc = 0;
    *out = (struct wordnet){0};
    for (size_t part = 0; part < WORDNET_PARTS && !rc; part++)
        rc = open_part(out, part, wordnet_folder(folder), err);
    if (rc) {
        err_wrap(err, "METEOR takes synonyms from WordNet 3.0 (Debian's wordnet-base, or WNSEARCHDIR)");
        wordnet_release(out);
    }
    return rc;
}

void wordnet_release(struct wordnet *wordnet)
{
    if (!wordnet)
        return;
    for (size_t part = 0; part < WORDNET_PARTS; part++) {
        file_map_release(&wordnet->index[part].map);
        file_map_release(&wordnet->exceptions[part].map);
    }
    arena_release(&wordnet->names);
    *wordnet = (struct wordnet){0};
}

/* ---- sets of synonyms ---------------------------------------------------------------------------------- */

/* Ascending numbers, each once. */
static int add_set(struct synsets *out, uint32_t number, struct err *err)
{
    size_t at = out->count;
    while (at && out->items[at - 1] > number)
        at--;
    if (at && out->items[at - 1] == number)
        return 0;
    const int rc = array_grow(out->items, &out->room, out->count + 1, err);
    if (rc)
        return rc;
    memmove(out->items + at + 1, out->items + at, (out->count - at) * sizeof *out->items);
    out->items[at] = number;
    out->count++;
    return 0;
}

/* Digits with zeros before them. */
static bool read_offset(uint32_t *out, struct span field)
{
    uint64_t number = 0;
    for (size_t i = 0; i < field.length; i++) {
        if (field.data[i] < '0' || field.data[i] > '9' || field.length > 9)
            return false;
        number = number * 10 + (uint64_t)(field.data[i] - '0');
    }
    *out = (uint32_t)number;
    return field.length;
}

/* What follows the word in a line of an index: the sets are its last fields. */
static bool take_sets_count(uint32_t *sets, struct span *line)
{
    uint32_t pointers;
    take_field(line); /* the part of speech */
    if (!read_offset(sets, take_field(line)) || !read_offset(&pointers, take_field(line)))
        return false;
    for (uint32_t i = 0; i < pointers && line->length; i++)
        take_field(line);
    take_field(line);
    take_field(line);
    return line->length;
}

static int add_part(
    struct synsets *out, const struct wordnet *wordnet, size_t part, struct span word, struct err *err)
{
    const struct wordnet_file *file = &wordnet->index[part];
    struct span line;
    uint32_t sets, set;
    if (!find_line(&line, file->lines, word))
        return 0;
    bool good = take_sets_count(&sets, &line);
    for (uint32_t i = 0; i < sets && good; i++) {
        good = read_offset(&set, take_field(&line));
        if (good && wordnet->shifted[part] && set >= shifts[part].from && set < shifts[part].to)
            set -= shifts[part].by;
        const int rc = good ? add_set(out, set, err) : 0;
        if (rc)
            return rc;
    }
    return good ? 0
                : err_set(err, ERR_FORMAT, "unable to read '%s': the line of '%.*s' is no line of an index",
                      file->name, (int)(word.length < 60 ? word.length : 60), word.data);
}

static int add_word(struct synsets *out, const struct wordnet *wordnet, struct span word, struct err *err)
{
    int rc = 0;
    for (size_t part = 0; part < WORDNET_PARTS && !rc; part++)
        rc = add_part(out, wordnet, part, word, err);
    return rc;
}

static bool has_word(const struct wordnet *wordnet, struct span word)
{
    struct span line;
    for (size_t part = 0; part < WORDNET_PARTS; part++)
        if (find_line(&line, wordnet->index[part].lines, word))
            return true;
    return false;
}

/* ---- base forms ---------------------------------------------------------------------------------------- */

/* The base forms of an irregular one; *found: there are any. */
static int add_irregular(
    bool *found, struct synsets *out, const struct wordnet *wordnet, struct span word, struct err *err)
{
    struct span line, base;
    *found = false;
    for (size_t part = 0; part < WORDNET_PARTS; part++) {
        if (!find_line(&line, wordnet->exceptions[part].lines, word))
            continue;
        while ((base = take_field(&line)).length) {
            const int rc = add_word(out, wordnet, base, err);
            if (rc)
                return rc;
            *found = true;
        }
    }
    return 0;
}

static bool ends_with(struct span word, const char *ending)
{
    const size_t length = strlen(ending);
    return word.length >= length && !memcmp(word.data + word.length - length, ending, length);
}

/* WordNet's endings, of nouns, verbs and adjectives; the first base form that WordNet has is the one. */
static int add_regular(struct synsets *out, const struct wordnet *wordnet, struct span word, struct err *err)
{
    static const char *const endings[][2] = {{"s", ""}, {"ses", "s"}, {"xes", "x"}, {"zes", "z"},
        {"ches", "ch"}, {"shes", "sh"}, {"men", "man"}, {"ies", "y"}, {"s", ""}, {"ies", "y"}, {"es", "e"},
        {"es", ""}, {"ed", "e"}, {"ed", ""}, {"ing", "e"}, {"ing", ""}, {"er", ""}, {"est", ""}, {"er", "e"},
        {"est", "e"}};
    char base[80]; /* no word of WordNet is as long */
    if (word.length <= 2 || word.length >= sizeof base - 1 || ends_with(word, "ss"))
        return 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (!ends_with(word, endings[i][0]))
            continue;
        const size_t kept = word.length - strlen(endings[i][0]);
        memcpy(base, word.data, kept);
        strcpy(base + kept, endings[i][1]);
        if (has_word(wordnet, span_of(base)))
            return add_word(out, wordnet, span_of(base), err);
    }
    return 0;
}

int wordnet_synsets(struct synsets *out, const struct wordnet *wordnet, struct span word, struct err *err)
{
    bool irregular;
    int rc = add_word(out, wordnet, word, err);
    if (!rc)
        rc = add_irregular(&irregular, out, wordnet, word, err);
    return rc || irregular ? rc : add_regular(out, wordnet, word, err);
}
