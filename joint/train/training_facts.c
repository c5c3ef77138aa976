// SPDX-License-Identifier: Apache-2.0
/* Which captions are true of which pictures, where captions tell what they state. All that a picture's own captions state is true of
 * it; a caption of another picture is true of it where it has all that the caption states. */
#include "joint/train/training.h"

#include <stdlib.h>
#include <string.h>

struct training_facts {
    struct string_map kinds, values; /* by name; of a value "KIND\tVALUE" */
    struct arena arena;              /* these names */
    size_t *kind_of;                 // (values): of each fact
    const char **lines;              // (values): "KIND\tVALUE"
    size_t kind_room, line_room;
    size_t *stated; // (first[texts]): the facts of each text
    size_t stated_room;
    size_t *first;  // (texts + 1)
    size_t *known;  // (pictures, kinds): 1 + the fact, or 0
    bool *is_open;  // (kinds)
    bool *together; // (values, values): some picture has both; NULL: no kinds are open
};

/* The number of a fact, a line of captioned_image.facts, which is new where it was not there. */
static int number_fact(size_t *out, struct training_facts *facts, struct span line, struct err *err)
{
    const size_t kind_length = (size_t)((const char *)memchr(line.data, '\t', line.length) - line.data);
    const char *name = arena_copy(&facts->arena, line.data, line.length);
    size_t *kind, *value;
    if (!name)
        return err_memory(err, line.length);
    int rc = string_map_add(&kind, &facts->kinds, name, kind_length, facts->kinds.count, err);
    const size_t kind_number = rc ? 0 : *kind;
    if (!rc)
        rc = string_map_add(&value, &facts->values, name, line.length, facts->values.count, err);
    if (rc)
        return rc;
    *out = *value;
    if ((rc = array_grow(facts->kind_of, &facts->kind_room, facts->values.count, err)) ||
        (rc = array_grow(facts->lines, &facts->line_room, facts->values.count, err)))
        return rc;
    facts->kind_of[*out] = kind_number;
    facts->lines[*out] = name;
    return 0;
}

static int read_text(struct training_facts *facts, size_t text, const char *lines, struct err *err)
{
    size_t count = facts->first[text];
    int rc = 0;
    for (struct span line; lines && *lines && !rc; lines += line.length + 1) {
        line = (struct span){lines, strcspn(lines, "\n")};
        rc = array_grow(facts->stated, &facts->stated_room, count + 1, err);
        if (!rc)
            rc = number_fact(&facts->stated[count++], facts, line, err);
    }
    facts->first[text + 1] = count;
    return rc;
}

static const size_t *row_of(const struct training_facts *facts, size_t picture)
{
    return facts->known + picture * facts->kinds.count;
}

/* Two facts of one kind, stated of one picture: whichever of them were known, captions with the other would be held to be wrong. */
static int contradict(const struct training_facts *facts, const struct picture_source *picture, size_t before,
    size_t fact, struct err *err)
{
    const char *one = facts->lines[before], *other = facts->lines[fact];
    const int kind = (int)strcspn(other, "\t");
    return err_set(err, ERR_FORMAT, "captions of '%s' contradict each other: '%.*s' is '%s' and '%s'",
        picture_source_name(picture), kind, other, one + kind + 1, other + kind + 1);
}

static int know_picture(
    struct training_facts *facts, const struct training_set *set, size_t picture, struct err *err)
{
    size_t *row = facts->known + picture * facts->kinds.count;
    const struct training_captions *said = &set->said[picture];
    for (size_t k = facts->first[said->first]; k < facts->first[said->first + said->count]; k++) {
        const size_t fact = facts->stated[k];
        size_t *known = &row[facts->kind_of[fact]];
        if (*known && *known != 1 + fact)
            return contradict(facts, &set->pictures[picture], *known - 1, fact, err);
        *known = 1 + fact;
    }
    return 0;
}

static void see_together(struct training_facts *facts, size_t pictures)
{
    const size_t kinds = facts->kinds.count, values = facts->values.count;
    for (size_t i = 0; i < pictures; i++)
        for (size_t a = 0; a < kinds; a++)
            for (size_t b = 0; b < kinds; b++) {
                const size_t *row = row_of(facts, i);
                if (facts->is_open[a] && facts->is_open[b] && row[a] && row[b])
                    facts->together[(row[a] - 1) * values + row[b] - 1] = true;
            }
}

static int open_kinds(struct training_facts *facts, const struct strings *kinds, struct err *err)
{
    for (size_t i = 0; kinds && i < kinds->count; i++) {
        const size_t *kind = string_map_find(&facts->kinds, kinds->items[i], strlen(kinds->items[i]));
        if (!kind)
            return err_set(err, ERR_ARGUMENT, "no caption states a fact of the kind '%s'", kinds->items[i]);
        facts->is_open[*kind] = true;
    }
    return 0;
}

static int read_texts(struct training_facts *facts, const struct training_set *set, struct err *err)
{
    const size_t texts = set->texts.count;
    int rc = 0;
    if (!(facts->first = mem_new(texts + 1, sizeof *facts->first)))
        return err_memory(err, (texts + 1) * sizeof *facts->first);
    for (size_t i = 0; i < texts && !rc; i++)
        rc = read_text(facts, i, set->facts ? set->facts[i] : NULL, err);
    return rc;
}

/* Room for what pictures show, and for what they show together, where kinds are open. */
static int make_room(struct training_facts *facts, size_t pictures, bool opens, struct err *err)
{
    const size_t kinds = facts->kinds.count, values = facts->values.count;
    if (!(facts->known = mem_new(pictures * kinds, sizeof *facts->known)))
        return err_memory(err, pictures * kinds * sizeof *facts->known);
    if (!(facts->is_open = mem_new(kinds, sizeof *facts->is_open)))
        return err_memory(err, kinds * sizeof *facts->is_open);
    if (opens && !(facts->together = mem_new(values, values * sizeof *facts->together)))
        return err_memory(err, values * values * sizeof *facts->together);
    return 0;
}

int training_facts_open(
    struct training_facts **out, const struct training_set *set, const struct strings *kinds, struct err *err)
{
    const bool opens = kinds && kinds->count;
    struct training_facts *facts = mem_new(1, sizeof *facts);
    if (!facts)
        return err_memory(err, sizeof *facts);
    int rc = read_texts(facts, set, err);
    if (!rc && !(rc = make_room(facts, set->count, opens, err)))
        rc = open_kinds(facts, kinds, err);
    for (size_t i = 0; i < set->count && !rc; i++)
        rc = know_picture(facts, set, i, err);
    if (rc) {
        training_facts_free(facts);
        return rc;
    }
    if (opens)
        see_together(facts, set->count);
    *out = facts;
    return 0;
}

void training_facts_free(struct training_facts *facts)
{
    if (!facts)
        return;
    string_map_release(&facts->kinds);
    string_map_release(&facts->values);
    arena_release(&facts->arena);
    free(facts->kind_of);
    free(facts->lines);
    free(facts->stated);
    free(facts->first);
    free(facts->known);
    free(facts->is_open);
    free(facts->together);
    free(facts);
}

/* Whether the fact makes a pair with one of the picture's, of another open kind, that no picture shows. */
static bool is_unseen(const struct training_facts *facts, const size_t *row, size_t fact)
{
    const size_t own = facts->kind_of[fact];
    bool unseen = false;
    for (size_t kind = 0; kind < facts->kinds.count && facts->is_open[own]; kind++)
        unseen |= kind != own && facts->is_open[kind] && row[kind] &&
                  !facts->together[fact * facts->values.count + row[kind] - 1];
    return unseen;
}

enum fits training_facts_compare(const struct training_facts *facts, size_t picture, size_t text)
{
    const size_t *row = row_of(facts, picture), begin = facts->first[text], end = facts->first[text + 1];
    bool agrees = begin < end, unseen = false;
    for (size_t i = begin; i < end; i++) {
        const size_t fact = facts->stated[i];
        agrees &= row[facts->kind_of[fact]] == 1 + fact;
        unseen |= is_unseen(facts, row, fact);
    }
    return agrees ? FITS : unseen ? FITS_UNKNOWN : FITS_NOT;
}
