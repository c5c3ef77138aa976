// SPDX-License-Identifier: Apache-2.0
/* Archives of pictures with captions as WebDataset has them: members of one key are one sample, its picture and its captions, a
 * .txt with one a line.
 *
 * CLIP_benchmark 1.6.2 (build_wds_dataset) takes these by str.splitlines, so that there an empty line is a caption without a
 * word, which asks for its picture as any other does. Here it is none: nobody has said anything. */
#include "joint/evaluation/labelled.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = -1 };

struct sample {
    ptrdiff_t picture; /* of the list; NONE */
    ptrdiff_t image;   /* of the set: its captions; NONE */
    bool failed;       /* they are there and cannot be read */
};

struct reading {
    struct captioned_pictures *out;
    struct caption_set *set;
    const struct excludes *excludes;
    const struct job *job;
    struct sample *samples; // (count)
    size_t count, room;
    bool labels; /* some sample has one */

    const char *path;       /* of the archive that is read */
    struct string_map keys; /* of its samples */
};

/* ---- members ------------------------------------------------------------------------------------------- */

static int find_sample(struct sample **sample, struct reading *reading, struct span key, struct err *err)
{
    size_t *found;
    int rc = array_grow(reading->samples, &reading->room, reading->count + 1, err);
    if (!rc)
        rc = string_map_add(&found, &reading->keys, key.data, key.length, reading->count, err);
    if (rc)
        return rc;
    *sample = &reading->samples[*found];
    if (*found == reading->count)
        reading->samples[reading->count++] = (struct sample){NONE, NONE, false};
    return 0;
}

static int see_picture(const struct reading *reading, struct sample *sample, size_t picture, struct err *err)
{
    const struct strings *paths = &reading->out->list.paths;
    if (sample->picture != NONE)
        return err_set(err, ERR_ARGUMENT, "'%s' and '%s' have the same captions",
            paths->items[sample->picture], paths->items[picture]);
    sample->picture = (ptrdiff_t)picture;
    return 0;
}

static size_t count_captions(struct span text)
{
    struct lines lines = {.rest = text};
    size_t count = 0;
    while (lines_next(&lines))
        count += span_trimmed(lines.line).length > 0;
    return count;
}

/* Adds the lines of the text to those of the image. ERR_FORMAT: one is not UTF-8. */
static int add_captions(struct captioned_image *image, struct arena *arena, struct span text, struct err *err)
{
    struct lines lines = {.rest = text};
    int rc = 0;
    while (!rc && lines_next(&lines)) {
        if (!span_trimmed(lines.line).length)
            continue;
        const char *caption = arena_copy(arena, lines.line.data, lines.line.length);
        rc = caption ? list_check_utf8(caption, "line", lines.number, err)
                     : err_memory(err, lines.line.length);
        image->captions[image->count++] = caption;
    }
    return rc;
}

/* Of a text without captions nothing is added. */
static int read_captions(
    struct reading *reading, const char *path, struct span text, ptrdiff_t *number, struct err *err)
{
    struct caption_set *set = reading->set;
    if (memchr(text.data, '\0', text.length))
        return err_set(err, ERR_FORMAT, "it is no text");
    text = span_from(text, byte_order_mark(text.data, text.length));
    const size_t count = count_captions(text);
    int rc = count ? array_grow(set->images, &set->room, set->count + 1, err) : 0;
    if (rc || !count)
        return rc;
    struct captioned_image image = {.id = arena_copy(&set->arena, path, strlen(path)),
        .captions = arena_alloc(&set->arena, count * sizeof *image.captions)};
    if (!image.id || !image.captions)
        return err_memory(err, text.length);
    rc = add_captions(&image, &set->arena, text, err);
    if (rc)
        return rc;
    *number = (ptrdiff_t)set->count;
    set->images[set->count++] = image;
    return 0;
}

/* Captions that cannot be read are reported, and their picture counts as one that failed. */
static int see_captions(struct reading *reading, struct shard *shard, const struct shard_entry *entry,
    struct sample *sample, struct err *err)
{
    struct arena arena = {0};
    struct err problem = {0};
    struct span text;
    const char *path = member_path(&arena, reading->path, entry->name, err);
    if (!path)
        return ERR_MEMORY;
    int rc = sample->image == NONE ? shard_bytes(&text, shard, CAPTION_MAX, &problem)
                                   : err_set(&problem, ERR_FORMAT, "another of this name came before it");
    if (!rc)
        rc = read_captions(reading, path, text, &sample->image, &problem);
    if (rc == ERR_MEMORY) {
        err_set(err, rc, "%s", problem.msg);
    } else if (rc) {
        job_reportf(reading->job, rc, "unable to read '%s': %s", path, problem.msg);
        sample->failed = true;
        rc = 0;
    }
    arena_release(&arena);
    return rc;
}

static bool is_label(const char *suffix)
{
    return !strcmp(suffix, ".cls") || !strcmp(suffix, ".npy");
}

static int see_member(void *context, bool *taken, struct shard *shard, const struct shard_entry *entry,
    size_t picture, struct err *err)
{
    struct reading *reading = context;
    const char *suffix;
    const struct span key = member_key(&suffix, entry->name);
    struct sample *sample;
    reading->labels = reading->labels || is_label(suffix);
    *taken = picture != SIZE_MAX || !strcmp(suffix, ".txt");
    if (!*taken)
        return 0;
    const int rc = find_sample(&sample, reading, key, err);
    if (rc)
        return rc;
    return picture != SIZE_MAX ? see_picture(reading, sample, picture, err)
                               : see_captions(reading, shard, entry, sample, err);
}

/* ---- what belongs to what ------------------------------------------------------------------------------ */

static int by_picture(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    if (x->picture != y->picture)
        return x->picture < y->picture ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

static void take_sample(struct captioned_pictures *out, const struct sample *sample)
{
    if (sample->failed) {
        out->failed++;
    } else if (sample->picture == NONE) {
        out->without_picture += sample->image != NONE;
    } else if (sample->image == NONE) {
        out->without_captions++;
    } else {
        out->sources[out->count] = out->sources[sample->picture];
        out->sources[out->count].input = false; /* nobody has named it: it is no pipe to wait for */
        out->images[out->count++] = (size_t)sample->image;
    }
}

/* Those that have both, in the order of their pictures. */
static int take_samples(struct reading *reading, struct err *err)
{
    struct captioned_pictures *out = reading->out;
    const size_t listed = out->list.paths.count;
    out->sources = picture_list_sources(&out->list);
    out->images = mem_new(listed + 1, sizeof *out->images);
    if (!out->sources || !out->images)
        return err_memory(err, listed * sizeof *out->sources);
    if (reading->count)
        qsort(reading->samples, reading->count, sizeof *reading->samples, by_picture);
    for (size_t i = 0; i < reading->count; i++)
        take_sample(out, &reading->samples[i]);
    out->failed += out->list.failed;
    return 0;
}

/* The first captions that have no picture. */
static const char *first_alone(const struct reading *reading)
{
    size_t i = 0;
    while (reading->samples[i].failed || reading->samples[i].image == NONE)
        i++;
    return reading->set->images[reading->samples[i].image].id;
}

/* What failed, and was reported, may be the pictures that are missing. */
static int check_samples(const struct reading *reading, bool allow_missing, struct err *err)
{
    const struct captioned_pictures *out = reading->out;
    const char *name = reading->set->name;
    if (out->without_picture && !allow_missing && !out->failed)
        return err_set(err, ERR_NOT_FOUND, "no picture beside '%s' (%zu of %zu without one)",
            first_alone(reading), out->without_picture, reading->set->count);
    if (out->count)
        return 0;
    if (out->failed)
        return err_set(err, ERR_ARGUMENT, "no picture with captions could be read");
    if (reading->labels)
        return err_set(err, ERR_UNSUPPORTED,
            "'%s' has labels beside its pictures and no captions: it is a data set for classification", name);
    return err_set(err, ERR_ARGUMENT, "no pictures in '%s' that have captions beside them, in .txt", name);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static int read_type(struct caption_set *set, const char *archive, struct err *err)
{
    const char *type, *path;
    const int rc = data_set_type_read(&type, &path, &set->arena, archive, err);
    return rc || !type || !strcmp(type, "retrieval")
               ? rc
               : err_set(err, ERR_UNSUPPORTED, "'%s' says that this is a data set for %s", path, type);
}

static int read_shards(struct reading *reading, const struct strings *paths, struct err *err)
{
    int rc = read_type(reading->set, paths->items[0], err);
    for (size_t i = 0; i < paths->count && !rc; i++) {
        reading->path = paths->items[i];
        rc = picture_list_shard(
            &reading->out->list, reading->path, reading->excludes, see_member, reading, reading->job, err);
        string_map_release(&reading->keys);
    }
    return rc ? rc : take_samples(reading, err);
}

int captioned_shards_read(struct captioned_pictures *out, struct caption_set *set, const char *const *paths,
    size_t count, enum data_part part, const struct excludes *excludes, bool allow_missing,
    const struct job *job, struct err *err)
{
    *out = (struct captioned_pictures){0};
    *set = (struct caption_set){0};
    struct reading reading = {.out = out, .set = set, .excludes = excludes, .job = job};
    struct labelled_place place = {.excludes = excludes,
        .only_shards = true,
        .arena = &set->arena,
        .left_out = &out->left_out,
        .part = part};
    int rc = labelled_place_find(&place, paths, count, err);
    set->name = place.path;
    if (!rc && place.part_missing)
        rc = err_set(err, ERR_NOT_FOUND, "'%s' has no %s part", place.path, data_part_names[part]);
    if (!rc)
        rc = read_shards(&reading, &place.shards, err);
    if (!rc)
        rc = check_samples(&reading, allow_missing, err);
    labelled_place_release(&place);
    free(reading.samples);
    return rc;
}
