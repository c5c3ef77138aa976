// SPDX-License-Identifier: Apache-2.0
/* Archives of samples as WebDataset has them: members of one key are one sample, its picture and its label. That is a .cls, or
 * in CLIP_benchmark's data sets of several labels an .npy: a vector with a number above 0 for each label that it shows. */
#include "joint/evaluation/labelled.h"

#include <stdlib.h>
#include <string.h>

enum { LABEL_MAX = 4096, VECTOR_MAX = 16 << 20 }; /* bytes of a .cls and of an .npy */

struct sample {
    size_t first, count; /* of reading.shown */
    bool pictured;
    const char *label; /* the path of its label, in the arena; NULL: it has none */
};

struct reading {
    struct labelling *labelling;
    struct sample *samples; // (count)
    size_t count, room;
    size_t *shown; // (shown_count): classes, sample by sample
    size_t shown_count, shown_room;
    size_t *sample_of; // (pictures listed)
    size_t sample_room;
    bool vectors; /* labels are .npy */
    size_t width; /* of those that have come; 0: none has */
    struct arena arena;

    const char *path;       /* of the archive that is read */
    struct string_map keys; /* of its samples */
};

/* ---- members ------------------------------------------------------------------------------------------- */

static int find_sample(size_t *sample, struct reading *reading, struct span key, struct err *err)
{
    size_t *found;
    int rc = array_grow(reading->samples, &reading->room, reading->count + 1, err);
    if (!rc)
        rc = string_map_add(&found, &reading->keys, key.data, key.length, reading->count, err);
    if (rc)
        return rc;
    *sample = *found;
    if (*sample == reading->count)
        reading->samples[reading->count++] = (struct sample){0};
    return 0;
}

static int see_picture(struct reading *reading, size_t sample, size_t picture, struct err *err)
{
    const int rc = array_grow(reading->sample_of, &reading->sample_room, picture + 1, err);
    if (rc)
        return rc;
    reading->sample_of[picture] = sample;
    reading->samples[sample].pictured = true;
    return 0;
}

static int add_shown(struct reading *reading, size_t class, struct err *err)
{
    const int rc = array_grow(reading->shown, &reading->shown_room, reading->shown_count + 1, err);
    if (!rc)
        reading->shown[reading->shown_count++] = class;
    return rc;
}

/* The number or the name that the member holds. */
static int read_label(struct reading *reading, struct span text, struct err *err)
{
    const size_t before = reading->labelling->classes.count;
    size_t class;
    text = span_trimmed(text);
    if (!text.length || memchr(text.data, '\0', text.length))
        return err_set(err, ERR_FORMAT, text.length ? "it is no text" : "it is empty");
    int rc = labelling_class(&class, reading->labelling, text.data, text.length, err);
    if (!rc && class == before)
        rc = list_check_utf8(reading->labelling->classes.items[class], "line", 1, err);
    return rc ? rc : add_shown(reading, class, err);
}

static int read_vector(struct reading *reading, struct span file, struct err *err)
{
    bool *flags = NULL;
    size_t width, class;
    int rc = npy_flags_read(&flags, &width, file, err);
    if (!rc && reading->width && width != reading->width)
        rc = err_set(err, ERR_FORMAT, "%zu numbers, and %zu in those before it", width, reading->width);
    for (size_t i = 0; i < width && !rc; i++) {
        char number[24];
        const int length = snprintf(number, sizeof number, "%zu", i);
        if (!flags[i])
            continue;
        rc = labelling_class(&class, reading->labelling, number, (size_t)length, err);
        if (!rc)
            rc = add_shown(reading, class, err);
    }
    free(flags);
    reading->width = width;
    return rc;
}

static int see_label(struct reading *reading, struct shard *shard, const struct shard_entry *entry,
    struct sample *sample, struct err *err)
{
    struct span bytes;
    sample->first = reading->shown_count;
    sample->label = member_path(&reading->arena, reading->path, entry->name, err);
    int rc = sample->label ? shard_bytes(&bytes, shard, reading->vectors ? VECTOR_MAX : LABEL_MAX, err)
                           : ERR_MEMORY;
    if (!rc)
        rc = (reading->vectors ? read_vector : read_label)(reading, bytes, err);
    sample->count = reading->shown_count - sample->first;
    if (rc && sample->label)
        err_wrap(err, "unable to read '%s'", sample->label);
    return rc;
}

static const char *label_suffix(const struct reading *reading)
{
    return reading->vectors ? ".npy" : ".cls";
}

static int see_member(void *context, bool *taken, struct shard *shard, const struct shard_entry *entry,
    size_t picture, struct err *err)
{
    struct reading *reading = context;
    const char *suffix;
    const struct span key = member_key(&suffix, entry->name);
    size_t sample;
    *taken = picture != SIZE_MAX || !strcmp(suffix, label_suffix(reading));
    if (!*taken)
        return 0;
    const int rc = find_sample(&sample, reading, key, err);
    if (rc)
        return rc;
    return picture != SIZE_MAX ? see_picture(reading, sample, picture, err)
                               : see_label(reading, shard, entry, &reading->samples[sample], err);
}

/* ---- what belongs to what ------------------------------------------------------------------------------ */

static int mention_labels(struct reading *reading, struct err *err)
{
    const struct strings *paths = &reading->labelling->out->list.paths;
    struct missing_names bare = {0}, alone = {0};
    int rc = 0;
    for (size_t i = 0; i < paths->count && !rc; i++) {
        const struct sample *sample = &reading->samples[reading->sample_of[i]];
        if (!sample->label) {
            missing_add(&bare, paths->items[i]);
            rc = labelling_mention(reading->labelling, i, CLASS_UNSAID, err);
        }
        for (size_t j = 0; j < sample->count && !rc; j++)
            rc = labelling_mention(reading->labelling, i, reading->shown[sample->first + j], err);
    }
    for (size_t i = 0; i < reading->count; i++)
        if (!reading->samples[i].pictured)
            missing_add(&alone, reading->samples[i].label);
    if (!rc && bare.count)
        rc = labelling_leave_out(reading->labelling, err, "%zu pictures have no %s beside them: %s",
            bare.count, label_suffix(reading), bare.list);
    if (!rc && alone.count)
        rc = labelling_note(&reading->labelling->out->left_out, err,
            "%zu labels have no picture beside them: %s", alone.count, alone.list);
    return rc;
}

/* Numbers of vectors are those of labels only where there are as many. */
static int check_width(const struct reading *reading, struct err *err)
{
    const struct labelled_pictures *out = reading->labelling->out;
    if (!reading->vectors || reading->width == out->labels.count)
        return 0;
    return err_set(err, ERR_ARGUMENT, "the .npy in '%s' have %zu numbers, and there are %zu labels",
        out->name, reading->width, out->labels.count);
}

/* ---- CLIP_benchmark's files ---------------------------------------------------------------------------- */

/* Adds its lines, trimmed: the number of each is that of a class, so none is passed over. */
static int read_lines(struct strings *out, const char *path, struct err *err)
{
    enum { LIMIT = 64 << 20 };
    struct strings lines = {0};
    int rc = lines_read(&lines, path, LIMIT, err);
    for (size_t i = 0; i < lines.count && !rc; i++) {
        const struct span line = span_trimmed(span_of(lines.items[i]));
        rc = line.length ? strings_add(out, line.data, line.length, err)
                         : err_set(err, ERR_FORMAT, "unable to read '%s': line %zu is empty", path, i + 1);
        if (!rc && (rc = list_check_utf8(out->items[i], "line", i + 1, err)) == ERR_FORMAT)
            err_wrap(err, "unable to read '%s'", path);
    }
    strings_release(&lines);
    return rc;
}

/* What there is without the file is for classification. */
static int read_type(struct reading *reading, const char *archive, struct err *err)
{
    struct labelled_pictures *out = reading->labelling->out;
    const char *type, *path;
    const int rc = data_set_type_read(&type, &path, &out->arena, archive, err);
    if (rc || !type)
        return rc;
    reading->vectors = out->several = !strcmp(type, "multilabel");
    return reading->vectors || !strcmp(type, "classification")
               ? 0
               : err_set(err, ERR_UNSUPPORTED, "'%s' says that this is a data set for %s", path, type);
}

static int read_files(struct reading *reading, const char *archive, struct err *err)
{
    struct labelling *labelling = reading->labelling;
    struct labelled_pictures *out = labelling->out;
    const char *templates = NULL;
    int rc = read_type(reading, archive, err);
    if (!rc)
        rc = beside_shard_find(&labelling->class_file, &out->arena, archive, "classnames.txt", err);
    if (!rc && labelling->class_file)
        rc = read_lines(&out->labels, labelling->class_file, err);
    if (!rc)
        rc =
            beside_shard_find(&templates, &out->arena, archive, "zeroshot_classification_templates.txt", err);
    return rc || !templates ? rc : read_lines(&out->templates, templates, err);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static int read_shard(struct reading *reading, const char *path, struct err *err)
{
    reading->path = path;
    const int rc = picture_list_shard(&reading->labelling->out->list, path,
        reading->labelling->options->excludes, see_member, reading, reading->labelling->job, err);
    string_map_release(&reading->keys);
    return rc;
}

int labelled_shards_read(struct labelling *labelling, const struct strings *paths, struct err *err)
{
    struct reading reading = {.labelling = labelling};
    int rc = read_files(&reading, paths->items[0], err);
    for (size_t i = 0; i < paths->count && !rc; i++)
        rc = read_shard(&reading, paths->items[i], err);
    if (!rc && !labelling->out->list.paths.count)
        rc = err_set(err, ERR_ARGUMENT, "no pictures in '%s' to evaluate", labelling->out->name);
    if (!rc)
        rc = mention_labels(&reading, err);
    if (!rc)
        rc = labelling_match(labelling, err);
    if (!rc)
        rc = check_width(&reading, err);
    free(reading.samples);
    free(reading.shown);
    free(reading.sample_of);
    arena_release(&reading.arena);
    return rc;
}
