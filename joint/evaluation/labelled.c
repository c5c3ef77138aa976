// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/labelled.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- notes --------------------------------------------------------------------------------------------- */

int labelling_class(
    size_t *class, struct labelling *labelling, const char *name, size_t length, struct err *err)
{
    const size_t next = labelling->classes.count;
    size_t *found;
    int rc = string_map_add(&found, &labelling->class_of, name, length, next, err);
    if (rc)
        return rc;
    *class = *found;
    return *found == next ? strings_add(&labelling->classes, name, length, err) : 0;
}

int labelling_mention(struct labelling *labelling, size_t picture, size_t class, struct err *err)
{
    const size_t count = labelling->mention_count;
    const int rc = array_grow(labelling->mentions, &labelling->mention_room, count + 1, err);
    if (rc)
        return rc;
    labelling->mentions[labelling->mention_count++] = (struct label_mention){picture, class};
    return 0;
}

enum { LINE_SIZE = 1024 };

int labelling_note(struct strings *left_out, struct err *err, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return strings_add(left_out, line, strlen(line), err);
}

int labelling_leave_out(struct labelling *labelling, struct err *err, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (labelling->options->allow_missing)
        return strings_add(&labelling->out->left_out, line, strlen(line), err);
    labelling->out->may_go_on = true;
    return err_set(err, ERR_NOT_FOUND, "%s", line);
}

void missing_add(struct missing_names *missing, const char *name)
{
    enum { NAMED = 5, LONGEST = 40 };
    const size_t used = strlen(missing->list);
    const int length = (int)strnlen(name, LONGEST);
    if (missing->count++ < NAMED)
        snprintf(missing->list + used, sizeof missing->list - used, "%s'%.*s%s'", used ? ", " : "", length,
            name, name[length] ? "..." : "");
    else if (missing->count == NAMED + 1)
        snprintf(missing->list + used, sizeof missing->list - used, " ...");
}

/* ---- the result ---------------------------------------------------------------------------------------- */

static int by_picture(const void *a, const void *b)
{
    const struct label_mention *x = a, *y = b;
    if (x->picture != y->picture)
        return x->picture < y->picture ? -1 : 1;
    return (x->class > y->class) - (x->class < y->class);
}

/* Mentions of the rows of labels instead of classes: by picture, each once. */
static void sort_mentions(struct labelling *labelling)
{
    struct label_mention *mentions = labelling->mentions;
    size_t kept = 0;
    for (size_t i = 0; i < labelling->mention_count; i++)
        if (mentions[i].class != CLASS_UNSAID)
            mentions[i].class = labelling->rows[mentions[i].class];
    if (labelling->mention_count)
        qsort(mentions, labelling->mention_count, sizeof *mentions, by_picture);
    for (size_t i = 0; i < labelling->mention_count; i++)
        if (!i || by_picture(&mentions[i - 1], &mentions[i]))
            mentions[kept++] = mentions[i];
    labelling->mention_count = kept;
}

/* Whether a picture has another number of labels than one; those that are unknown count. */
static bool has_several(const struct labelling *labelling)
{
    const struct label_mention *mentions = labelling->mentions;
    if (labelling->mention_count != labelling->out->list.paths.count)
        return true;
    for (size_t i = 0; i < labelling->mention_count; i++)
        if (mentions[i].picture != i)
            return true;
    return false;
}

/* Keeps the labels that are known, and where every picture has one label the pictures that have it. */
static int keep_known(struct labelling *labelling, struct err *err)
{
    struct labelled_pictures *out = labelling->out;
    const size_t listed = out->list.paths.count;
    const struct label_mention *mention = labelling->mentions, *end = mention + labelling->mention_count;
    size_t labels = 0, dropped = 0;
    out->pictures = picture_list_sources(&out->list);
    out->first = mem_new(listed + 1, sizeof *out->first);
    out->truths = mem_new(labelling->mention_count + 1, sizeof *out->truths);
    if (!out->pictures || !out->first || !out->truths)
        return err_memory(err, listed * sizeof *out->pictures);
    for (size_t i = 0; i < listed; i++) {
        const size_t before = labels;
        bool unsaid = false;
        for (; mention < end && mention->picture == i; mention++) {
            unsaid = unsaid || mention->class == CLASS_UNSAID;
            if (mention->class < CLASS_UNSAID)
                out->truths[labels++] = mention->class;
        }
        if (unsaid || (!out->several && labels == before)) {
            dropped++;
            continue;
        }
        out->pictures[out->count] = out->pictures[i];
        out->pictures[out->count].input = false; /* nobody has named it: it is no pipe to wait for */
        out->first[out->count++] = before;
    }
    out->first[out->count] = labels;
    return dropped ? labelling_note(
                         &labelling->out->left_out, err, "%zu pictures without a label are left out", dropped)
                   : 0;
}

/* Of those that a class has: the others are told of already. */
static int note_unseen(struct labelling *labelling, struct err *err)
{
    const struct labelled_pictures *out = labelling->out;
    struct missing_names unseen = {0};
    const bool asked = labelling->options->labels || labelling->options->classes;
    bool *seen = mem_new(out->labels.count, sizeof *seen);
    if (!seen)
        return err_memory(err, out->labels.count);
    for (size_t i = 0; i < out->first[out->count]; i++)
        seen[out->truths[i]] = true;
    for (size_t i = 0; i < out->labels.count; i++)
        if (!seen[i] && (labelling->used[i] || !asked))
            missing_add(&unseen, out->labels.items[i]);
    free(seen);
    return unseen.count ? labelling_note(&labelling->out->left_out, err, "%zu labels have no pictures: %s",
                              unseen.count, unseen.list)
                        : 0;
}

static int no_pictures(const struct labelled_pictures *pictures, struct err *err)
{
    return err_set(err, ERR_ARGUMENT, "no pictures in '%s' to evaluate", pictures->name);
}

static int finish(struct labelling *labelling, struct err *err)
{
    struct labelled_pictures *out = labelling->out;
    if (!out->list.paths.count)
        return no_pictures(out, err);
    sort_mentions(labelling);
    out->several = out->several || has_several(labelling);
    int rc = keep_known(labelling, err);
    if (!rc && !out->count)
        rc = no_pictures(out, err);
    if (!rc)
        rc = note_unseen(labelling, err);
    if (!rc && out->labels.count < 2)
        rc = err_set(err, ERR_ARGUMENT, "one label alone leaves nothing to choose from");
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static int read_place(struct labelling *labelling, const struct labelled_place *place, struct err *err)
{
    switch (place->kind) {
    case LABELLED_FOLDERS:
        return labelled_folders_read(labelling, place->path, err);
    case LABELLED_CSV:
        return labelled_csv_read(labelling, place->path, err);
    default:
        return labelled_shards_read(labelling, &place->shards, err);
    }
}

int labelled_pictures_read(struct labelled_pictures *out, const char *const *paths, size_t count,
    const struct labelled_options *options, const struct job *job, struct err *err)
{
    struct labelling labelling = {.out = out, .options = options, .job = job};
    struct labelled_place place = {.excludes = options->excludes,
        .arena = &out->arena,
        .left_out = &out->left_out,
        .part = options->part};
    int rc = labelled_place_find(&place, paths, count, err);
    const bool whole = !place.in_parts && place.kind != LABELLED_CSV && options->part > DATA_PART_TRAIN;
    out->name = input_name(place.path);
    labelling.folders = place.kind == LABELLED_FOLDERS;
    if (!rc && (place.part_missing || whole))
        rc = data_set_part_missing(out, out->name, options->part, err);
    if (!rc)
        rc = read_place(&labelling, &place, err);
    if (!rc)
        rc = finish(&labelling, err);
    labelled_place_release(&place);
    free(labelling.mentions);
    free(labelling.rows);
    free(labelling.used);
    string_map_release(&labelling.class_of);
    strings_release(&labelling.classes);
    return rc;
}

struct picture_labels labelled_picture(const struct labelled_pictures *pictures, size_t i)
{
    return (struct picture_labels){
        &pictures->truths[pictures->first[i]], pictures->first[i + 1] - pictures->first[i]};
}

void labelled_pictures_release(struct labelled_pictures *pictures)
{
    free(pictures->pictures);
    free(pictures->first);
    free(pictures->truths);
    strings_release(&pictures->labels);
    strings_release(&pictures->templates);
    strings_release(&pictures->left_out);
    picture_list_release(&pictures->list);
    arena_release(&pictures->arena);
    *pictures = (struct labelled_pictures){0};
}

size_t labels_short(char names[LABEL_NAMES], const size_t *counts, const struct strings *labels, size_t least)
{
    enum { NAMED = 5 };
    size_t missing = 0;
    *names = '\0';
    for (size_t k = 0; k < labels->count; k++) {
        const size_t used = strlen(names);
        if (counts[k] < least && missing++ < NAMED)
            snprintf(names + used, LABEL_NAMES - used, "%s'%.40s'", used ? ", " : "", labels->items[k]);
    }
    if (missing > NAMED)
        snprintf(names + strlen(names), LABEL_NAMES - strlen(names), " ...");
    return missing;
}
