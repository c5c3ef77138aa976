// SPDX-License-Identifier: Apache-2.0
#include "joint/probe/probe.h"

#include <stdlib.h>
#include <string.h>

static const enum data_part data_parts[LESSON_PARTS] = {
    DATA_PART_TRAIN, DATA_PART_VALIDATION, DATA_PART_TEST};

/* ---- pictures ------------------------------------------------------------------------------------------ */

static int check_shown(
    const size_t *counts, const struct strings *labels, const char *of_what, struct err *err)
{
    char names[LABEL_NAMES];
    const size_t missing = labels_short(names, counts, labels, 1);
    return !missing ? 0
                    : err_set(err, ERR_ARGUMENT, "%zu of %zu labels have no %s to learn from: %s", missing,
                          labels->count, of_what, names);
}

static int check_pictures(const struct labelled_pictures *pictures, struct err *err)
{
    size_t *counts = mem_new(pictures->labels.count, sizeof *counts);
    if (!counts)
        return err_memory(err, pictures->labels.count * sizeof *counts);
    for (size_t i = 0; i < pictures->first[pictures->count]; i++)
        counts[pictures->truths[i]]++;
    const int rc = check_shown(counts, &pictures->labels, "pictures", err);
    free(counts);
    return rc;
}

/* One part, from a place of its own if it has one. That there is none is no error but of the training part. */
static int read_part(struct lesson *lesson, int part, const char *const *paths, size_t count,
    const struct lesson_options *options, const struct job *job, struct err *err)
{
    const char *const places[] = {NULL, options->validation, options->test};
    struct labelled_pictures *out = &lesson->parts[part];
    struct labelled_options own = options->labelled;
    own.part = places[part] ? DATA_PART_MEASURED : data_parts[part];
    own.names = part && !own.labels ? lesson->labels : NULL;
    int rc = labelled_pictures_read(
        out, places[part] ? &places[part] : paths, places[part] ? 1 : count, &own, job, err);
    if (rc == ERR_NOT_FOUND && out->no_part && part) {
        labelled_pictures_release(out);
        return 0;
    }
    if (!rc && out->several && !lesson->parts[LESSON_TRAIN].several)
        rc = err_set(
            err, ERR_ARGUMENT, "its pictures have several labels, and those to learn from have one each");
    if (rc && part)
        err_wrap(err, "%s part", data_part_names[data_parts[part]]);
    return rc;
}

int lesson_read(struct lesson *lesson, const char *const *paths, size_t count,
    const struct lesson_options *options, const struct job *job, struct err *err)
{
    int rc = input_is_pipe(paths[0]) ? err_set(err, ERR_ARGUMENT, "%s can be read only once: it takes a file",
                                           input_name(paths[0]))
                                     : 0;
    for (int part = 0; part < LESSON_PARTS && !rc; part++) {
        rc = read_part(lesson, part, paths, count, options, job, err);
        lesson->labels = &lesson->parts[LESSON_TRAIN].labels;
        if (!rc && part == LESSON_TRAIN)
            rc = check_pictures(&lesson->parts[part], err);
    }
    return rc;
}

/* ---- examples ------------------------------------------------------------------------------------------ */

struct example_set lesson_set(const struct lesson *lesson, int part)
{
    return (struct example_set){&lesson->examples, lesson->rows[part], lesson->counts[part]};
}

static int encode_part(struct lesson *lesson, int part, struct encoder *encoder, struct loader *loader,
    size_t *seen, size_t total, const struct job *job, struct err *err)
{
    struct examples *examples = &lesson->examples;
    const size_t first = examples->count, failed = examples->failed;
    if (!lesson->parts[part].count)
        return 0;
    const int rc = examples_add(examples, encoder, loader, &lesson->parts[part], seen, total, job, err);
    if (rc)
        return rc;
    const size_t count = examples->count - first;
    lesson->failed[part] = examples->failed - failed;
    if (!count)
        return err_set(
            err, ERR_ARGUMENT, "no picture of the %s part could be read", data_part_names[data_parts[part]]);
    lesson->rows[part] = mem_new(count, sizeof(size_t));
    if (!lesson->rows[part])
        return err_memory(err, count * sizeof(size_t));
    for (size_t i = 0; i < count; i++)
        lesson->rows[part][i] = first + i;
    lesson->counts[part] = count;
    return 0;
}

static int check_examples(const struct lesson *lesson, struct err *err)
{
    const struct example_set set = lesson_set(lesson, LESSON_TRAIN);
    size_t *counts = mem_new(lesson->labels->count, sizeof *counts);
    if (!counts)
        return err_memory(err, lesson->labels->count * sizeof *counts);
    example_counts(counts, &set);
    const int rc = check_shown(counts, lesson->labels, "picture that can be read", err);
    free(counts);
    return rc;
}

size_t lesson_short(char names[LABEL_NAMES], const struct lesson *lesson, int part, size_t least)
{
    const struct example_set set = lesson_set(lesson, part);
    size_t *counts = mem_new(lesson->labels->count, sizeof *counts), missing = 0;
    *names = '\0';
    if (counts) {
        example_counts(counts, &set);
        missing = labels_short(names, counts, lesson->labels, least);
    }
    free(counts);
    return missing;
}

/* Nothing is held out where each label has one example. */
static int hold_out_some(struct lesson *lesson, double share, uint64_t seed, struct err *err)
{
    const struct example_set all = lesson_set(lesson, LESSON_TRAIN);
    size_t *taken, *left, taken_count, left_count;
    const int rc = examples_draw(&taken, &taken_count, &left, &left_count, &all, 0, share, seed, err);
    if (rc)
        return rc;
    free(lesson->rows[LESSON_TRAIN]);
    lesson->rows[LESSON_TRAIN] = left;
    lesson->counts[LESSON_TRAIN] = left_count;
    lesson->rows[LESSON_VALIDATION] = taken;
    lesson->counts[LESSON_VALIDATION] = taken_count;
    lesson->held_out = taken_count;
    return 0;
}

int lesson_encode(struct lesson *lesson, struct encoder *encoder, struct loader *loader, double hold_out,
    uint64_t seed, const struct job *job, struct err *err)
{
    size_t seen = 0, total = 0;
    for (int part = 0; part < LESSON_PARTS; part++)
        total += lesson->parts[part].count;
    int rc = job_step(job, "pictures", 0, total, err);
    for (int part = 0; part < LESSON_PARTS && !rc; part++)
        rc = encode_part(lesson, part, encoder, loader, &seen, total, job, err);
    if (!rc)
        rc = check_examples(lesson, err);
    if (!rc && hold_out > 0 && !lesson->counts[LESSON_VALIDATION])
        rc = hold_out_some(lesson, hold_out, seed, err);
    return rc;
}

void lesson_release(struct lesson *lesson)
{
    examples_release(&lesson->examples);
    for (int part = 0; part < LESSON_PARTS; part++) {
        labelled_pictures_release(&lesson->parts[part]);
        free(lesson->rows[part]);
    }
    *lesson = (struct lesson){0};
}
