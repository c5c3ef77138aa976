// SPDX-License-Identifier: Apache-2.0
#include "joint/train/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "joint/internal.h"

static int make_room(struct training_set *out, size_t pictures, struct err *err)
{
    out->pictures = mem_new(pictures, sizeof *out->pictures);
    out->said = mem_new(pictures, sizeof *out->said);
    return out->pictures && out->said ? 0 : err_memory(err, pictures * sizeof *out->pictures);
}

static void add_picture(
    struct training_set *out, struct picture_source picture, struct training_captions said)
{
    out->pictures[out->count] = picture;
    out->said[out->count++] = said;
}

/* ---- captions ------------------------------------------------------------------------------------------ */

/* Of one image those that have a word. */
static int add_captions(struct training_set *out, const struct captioned_image *image, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < image->count && !rc; i++) {
        const size_t length = strlen(image->captions[i]);
        if (!span_trimmed(span_of(image->captions[i])).length) {
            out->empty++;
            continue;
        }
        rc = strings_add(&out->texts, image->captions[i], length, err);
        if (!rc && image->facts && !(rc = array_grow(out->facts, &out->facts_room, out->texts.count, err)))
            out->facts[out->texts.count - 1] = image->facts[i];
    }
    return rc;
}

static int take_captioned(struct training_set *out, struct err *err)
{
    const struct captioned_pictures *from = &out->captioned;
    int rc = make_room(out, from->count, err);
    for (size_t i = 0; i < from->count && !rc; i++) {
        const size_t first = out->texts.count;
        rc = add_captions(out, &out->captions.images[from->images[i]], err);
        const size_t count = out->texts.count - first;
        if (!rc && count)
            add_picture(out, from->sources[i], (struct training_captions){first, count});
    }
    out->failed = from->failed;
    if (!rc && !out->count)
        rc = err_set(err, ERR_ARGUMENT, "no caption of '%s' has a word", out->name);
    return rc;
}

static int read_captions(
    struct training_set *out, const struct training_source *source, const struct job *job, struct err *err)
{
    const bool allow = source->labelled.allow_missing;
    int rc = caption_set_read(&out->captions, &source->captions, 1, source->split, err);
    out->name = source->captions;
    if (!rc)
        rc = captioned_pictures_find(
            &out->captioned, &out->captions, source->labelled.folder, allow, job, err);
    out->may_go_on = rc == ERR_NOT_FOUND && !allow;
    return rc ? rc : take_captioned(out, err);
}

static int read_captioned_shards(
    struct training_set *out, const struct training_source *source, const struct job *job, struct err *err)
{
    const bool allow = source->labelled.allow_missing;
    const int rc = captioned_shards_read(&out->captioned, &out->captions, source->paths, source->path_count,
        source->part, source->labelled.excludes, allow, job, err);
    out->may_go_on = rc == ERR_NOT_FOUND && out->captioned.without_picture && !allow;
    return rc ? rc : take_captioned(out, err);
}

/* ---- classes ------------------------------------------------------------------------------------------- */

/* The templates of every class, one class after the other. */
static int add_prompts(struct training_set *out, const struct strings *templates, struct err *err)
{
    int rc = templates_check(templates, err);
    for (size_t i = 0; i < out->labelled.labels.count; i++)
        for (size_t t = 0; t < templates->count && !rc; t++)
            rc = prompt_add(&out->texts, templates->items[t], out->labelled.labels.items[i], err);
    return rc;
}

static int take_labelled(struct training_set *out, const struct training_source *source, struct err *err)
{
    const struct labelled_pictures *from = &out->labelled;
    const struct strings *named = source->templates && source->templates->count ? source->templates : NULL,
                         *own = from->templates.count ? &from->templates : NULL;
    struct strings otherwise = {0};
    int rc = strings_add(&otherwise, source->template, strlen(source->template), err);
    const struct strings *templates = named ? named : own ? own : &otherwise;
    if (!rc && !(rc = add_prompts(out, templates, err)))
        rc = make_room(out, from->count, err);
    out->templates = templates->count;
    for (size_t i = 0; i < from->count && !rc; i++)
        add_picture(out, from->pictures[i],
            (struct training_captions){
                labelled_picture(from, i).rows[0] * templates->count, templates->count});
    out->failed = from->list.failed;
    strings_release(&otherwise);
    return rc;
}

static int read_labelled(
    struct training_set *out, const struct training_source *source, const struct job *job, struct err *err)
{
    const int rc = labelled_pictures_read(
        &out->labelled, source->paths, source->path_count, &source->labelled, job, err);
    out->may_go_on = out->labelled.may_go_on;
    if (!rc && out->labelled.several)
        return err_set(err, ERR_UNSUPPORTED,
            "pictures of '%s' have several labels: --captions takes what is said of each", out->name);
    return rc ? rc : take_labelled(out, source, err);
}

/* ---- either -------------------------------------------------------------------------------------------- */

static int read_paths(
    struct training_set *out, const struct training_source *source, const struct job *job, struct err *err)
{
    struct training_source part = *source;
    enum labelled_kind kind;
    part.labelled.part = source->part;
    out->name = source->paths[0];
    if (input_is_pipe(out->name))
        return err_set(err, ERR_ARGUMENT, "%s can be read only once: it takes a file", input_name(out->name));
    const int rc = labelled_kind_find(
        &kind, source->paths, source->path_count, source->part, source->labelled.excludes, err);
    if (rc)
        return rc;
    return kind == LABELLED_SHARDS && !source->by_class ? read_captioned_shards(out, source, job, err)
                                                        : read_labelled(out, &part, job, err);
}

static int gather_left_out(struct training_set *out, struct err *err)
{
    const struct strings *const from[] = {&out->captioned.left_out, &out->labelled.left_out};
    int rc = 0;
    for (size_t k = 0; k < sizeof from / sizeof *from; k++)
        for (size_t i = 0; i < from[k]->count && !rc; i++)
            rc = strings_add(&out->left_out, from[k]->items[i], strlen(from[k]->items[i]), err);
    return rc;
}

/* What they are called, one after the other. */
static int hash(struct training_set *set, struct err *err)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return err_memory(err, 0);
    for (size_t i = 0; i < set->count; i++)
        fprintf(stream, "%s\n%zu %zu\n", picture_source_name(&set->pictures[i]), set->said[i].first,
            set->said[i].count);
    for (size_t i = 0; i < set->texts.count; i++)
        fprintf(stream, "%s\n%s", set->texts.items[i], set->facts && set->facts[i] ? set->facts[i] : "");
    const bool whole = !fclose(stream);
    if (whole)
        hash_bytes(set->hash, text, size);
    free(text);
    return whole ? 0 : err_memory(err, 0);
}

int training_set_read(
    struct training_set *out, const struct training_source *source, const struct job *job, struct err *err)
{
    int rc = source->captions ? read_captions(out, source, job, err) : read_paths(out, source, job, err);
    if (!rc)
        rc = gather_left_out(out, err);
    return rc ? rc : hash(out, err);
}

/* ---- a part that is held out --------------------------------------------------------------------------- */

/* With its captions, or all texts of classes. */
static int hold(struct training_set *held, const struct training_set *set, size_t picture, struct err *err)
{
    const struct training_captions said = set->said[picture];
    const size_t first = held->texts.count;
    int rc = 0;
    for (size_t i = 0; i < said.count && !rc && !set->templates; i++) {
        const char *text = set->texts.items[said.first + i];
        rc = strings_add(&held->texts, text, strlen(text), err);
    }
    add_picture(
        held, set->pictures[picture], set->templates ? said : (struct training_captions){first, said.count});
    return rc;
}

static int copy_texts(struct strings *to, const struct strings *from, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < from->count && !rc; i++)
        rc = strings_add(to, from->items[i], strlen(from->items[i]), err);
    return rc;
}

int training_set_hold_out(
    struct training_set *held, struct training_set *set, double share, uint64_t seed, struct err *err)
{
    const size_t count = set->count, rounded = (size_t)rint(share * (double)count),
                 taken = rounded ? rounded : 1;
    if (taken >= count)
        return err_set(
            err, ERR_ARGUMENT, "holding %zu of %zu pictures out leaves none to learn from", taken, count);
    size_t *order = mem_new(count, sizeof *order);
    bool *out = mem_new(count, sizeof *out);
    int rc = order && out ? make_room(held, taken, err) : err_memory(err, count * sizeof *order);
    held->templates = set->templates;
    held->name = set->name;
    if (!rc && set->templates)
        rc = copy_texts(&held->texts, &set->texts, err);
    if (!rc)
        training_shuffle(order, count, seed, SIZE_MAX); /* as no epoch's */
    for (size_t i = 0; i < taken && !rc; i++)
        out[order[i]] = true;
    set->count = rc ? count : 0;
    for (size_t i = 0; i < count && !rc; i++) {
        if (out[i])
            rc = hold(held, set, i, err);
        else
            add_picture(set, set->pictures[i], set->said[i]);
    }
    free(order);
    free(out);
    if (!rc)
        rc = hash(held, err);
    return rc ? rc : hash(set, err);
}

size_t training_set_short(char names[LABEL_NAMES], const struct training_set *set, size_t least)
{
    const struct strings *labels = &set->labelled.labels;
    size_t *counts = set->templates ? mem_new(labels->count, sizeof *counts) : NULL, missing = 0;
    *names = '\0';
    for (size_t i = 0; i < set->count && counts; i++)
        counts[set->said[i].first / set->templates]++;
    if (counts)
        missing = labels_short(names, counts, labels, least);
    free(counts);
    return missing;
}

int training_set_shared(
    size_t *out, const struct training_set *set, const struct training_set *other, struct err *err)
{
    struct string_map names = {0};
    size_t *at;
    int rc = 0;
    *out = 0;
    for (size_t i = 0; i < other->count && !rc; i++) {
        const char *name = picture_source_name(&other->pictures[i]);
        rc = string_map_add(&at, &names, name, strlen(name), i, err);
    }
    for (size_t i = 0; i < set->count && !rc; i++) {
        const char *name = picture_source_name(&set->pictures[i]);
        *out += string_map_find(&names, name, strlen(name)) != NULL;
    }
    string_map_release(&names);
    return rc;
}

void training_set_release(struct training_set *set)
{
    free(set->pictures);
    free(set->said);
    strings_release(&set->texts);
    free(set->facts);
    strings_release(&set->left_out);
    labelled_pictures_release(&set->labelled);
    captioned_pictures_release(&set->captioned);
    caption_set_release(&set->captions);
    *set = (struct training_set){0};
}
