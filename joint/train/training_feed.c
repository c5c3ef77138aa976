// SPDX-License-Identifier: Apache-2.0
#include "joint/train/training.h"

#include <stdlib.h>
#include <string.h>

/* The loader's list of an epoch, which its threads look at. */
struct epoch {
    size_t *order;                  // (pictures)
    struct picture_source *sources; // (whole batches of pictures), in that order, from `first` on
    size_t first;
    size_t number;
    uint64_t seed;
    struct augmentation augmentation;
};

struct training_feed {
    struct feed_options options;
    struct epoch epoch;
    struct loader *loader;
    struct training_facts *facts; /* NULL: there are none */
    size_t batch, epoch_steps;
    size_t next;    /* the step that the loader is at; SIZE_MAX: none */
    int32_t *ids;   // (B, longest text)
    int32_t *eot;   // (B)
    size_t *groups; // (B): the first row of the batch that has the same text
    size_t *rows;   // (B): the numbers of its pictures
    uint8_t *fits;  // (B, B)
    bool *reported; // (pictures)
    size_t failed;
};

/* A part of the picture, or the square that the model sees otherwise, and what becomes of that. */
static int augment(uint8_t *pixels, const void *context, size_t index, const struct preprocess *preprocess,
    const struct picture *picture, struct err *err)
{
    const struct epoch *epoch = context;
    const struct augmentation *how = &epoch->augmentation;
    const size_t number = epoch->order[epoch->first + index];
    const struct picture_changes changes = training_changes(how, epoch->seed, epoch->number, number);
    const int rc = how->crops ? preprocess_part(pixels, preprocess, picture,
                                    training_crop(how->scale, picture->width, picture->height, epoch->seed,
                                        epoch->number, number),
                                    err)
                              : preprocess_run(pixels, preprocess, picture, err);
    if (!rc)
        pixels_change(pixels, (size_t)preprocess->crop, &changes);
    return rc;
}

int feed_open(struct training_feed **out, const struct feed_options *options, struct err *err)
{
    const size_t pictures = options->set->count, batch = options->loader->batch;
    struct loader_options loader = *options->loader;
    struct training_feed *feed = mem_new(1, sizeof *feed);
    if (!feed)
        return err_memory(err, sizeof *feed);
    *feed = (struct training_feed){.options = *options,
        .batch = batch,
        .epoch_steps = pictures / batch,
        .next = SIZE_MAX,
        .epoch = {.seed = options->seed, .augmentation = *options->augmentation}};
    loader.prepare = augment;
    loader.context = &feed->epoch;
    feed->epoch.order = mem_new(pictures, sizeof *feed->epoch.order);
    feed->epoch.sources = mem_new(pictures, sizeof *feed->epoch.sources);
    feed->ids = mem_new(batch * options->texts->longest, sizeof *feed->ids);
    feed->eot = mem_new(batch, sizeof *feed->eot);
    feed->groups = mem_new(batch, sizeof *feed->groups);
    feed->rows = mem_new(batch, sizeof *feed->rows);
    feed->fits = mem_new(batch * batch, 1);
    feed->reported = mem_new(pictures, sizeof *feed->reported);
    const bool there = feed->epoch.order && feed->epoch.sources && feed->ids && feed->eot && feed->groups &&
                       feed->rows && feed->fits && feed->reported;
    int rc = there ? loader_open(&feed->loader, options->preprocess, &loader, err)
                   : err_memory(err, pictures * sizeof *feed->epoch.sources);
    if (!rc && (options->set->facts || (options->open_kinds && options->open_kinds->count)))
        rc = training_facts_open(&feed->facts, options->set, options->open_kinds, err);
    if (rc)
        feed_free(feed);
    else
        *out = feed;
    return rc;
}

void feed_free(struct training_feed *feed)
{
    if (!feed)
        return;
    loader_free(feed->loader);
    free(feed->epoch.order);
    free(feed->epoch.sources);
    free(feed->ids);
    free(feed->eot);
    free(feed->groups);
    free(feed->rows);
    training_facts_free(feed->facts);
    free(feed->fits);
    free(feed->reported);
    free(feed);
}

size_t feed_epoch_steps(const struct training_feed *feed)
{
    return feed->epoch_steps;
}

size_t feed_failed(const struct training_feed *feed)
{
    return feed->failed;
}

/* From that step to the end of its epoch. */
static void start(struct training_feed *feed, size_t step)
{
    struct epoch *epoch = &feed->epoch;
    const struct training_set *set = feed->options.set;
    loader_start(feed->loader, NULL, 0); /* nobody looks at the epoch before */
    epoch->number = step / feed->epoch_steps;
    epoch->first = step % feed->epoch_steps * feed->batch;
    training_shuffle(epoch->order, set->count, epoch->seed, epoch->number);
    const size_t left = feed->epoch_steps * feed->batch - epoch->first;
    for (size_t i = 0; i < left; i++)
        epoch->sources[i] = set->pictures[epoch->order[epoch->first + i]];
    loader_start(feed->loader, epoch->sources, left);
    feed->next = step;
}

static int load(
    struct loaded_batch *out, struct training_feed *feed, size_t step, const struct job *job, struct err *err)
{
    int rc = 0;
    if (step != feed->next || step % feed->epoch_steps == 0)
        start(feed, step);
    while (!rc && !loader_wait(feed->loader, 0.25))
        rc = job_step(job, "loading pictures", 0, 0, err);
    if (rc)
        return rc;
    loader_next(feed->loader, out);
    feed->next = step + 1;
    return 0;
}

/* What is wrong with a picture, or was in spite of which it was read, is said once. */
static void report(
    struct training_feed *feed, size_t number, const struct err *problem, const struct job *job)
{
    if (!*problem->msg || feed->reported[number])
        return;
    feed->reported[number] = true;
    feed->failed += problem->code != 0;
    job_report(job, problem);
}

/* The text of picture `number` in this epoch, and in that step. */
static size_t text_of(const struct training_feed *feed, size_t number, size_t step)
{
    const struct training_captions *said = &feed->options.set->said[number];
    const size_t by = feed->options.draws_alike ? step : number;
    return said->first + training_choose(said->count, feed->options.seed, feed->epoch.number, by);
}

/* Of a text that a picture was not drawn with: it may be said of the picture's class, too, or state what the picture shows. */
static enum fits compare(const struct training_feed *feed, size_t picture, size_t text)
{
    const struct training_captions *said = &feed->options.set->said[picture];
    if (text >= said->first && text < said->first + said->count)
        return FITS;
    return feed->facts ? training_facts_compare(feed->facts, picture, text) : FITS_NOT;
}

/* Which texts are true of which pictures, where more are than their own; NULL: none are. */
static const uint8_t *share_targets(struct training_feed *feed, size_t count, size_t tokens, size_t step)
{
    const bool compares = feed->facts || feed->options.set->templates;
    bool shared = false;
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        while (
            same < i && memcmp(feed->ids + same * tokens, feed->ids + i * tokens, tokens * sizeof *feed->ids))
            same++;
        feed->groups[i] = same;
        shared |= same < i;
    }
    if (!shared && !compares)
        return NULL;
    fits_of_groups(feed->fits, feed->groups, count);
    for (size_t j = 0; j < count && compares; j++) {
        const size_t text = text_of(feed, feed->rows[j], step);
        for (size_t i = 0; i < count; i++)
            if (!feed->fits[i * count + j])
                feed->fits[i * count + j] = (uint8_t)compare(feed, feed->rows[i], text);
    }
    return feed->fits;
}

int feed_next(struct contrastive_batch *out, struct training_feed *feed, size_t step, const struct job *job,
    struct err *err)
{
    const struct training_texts *texts = feed->options.texts;
    struct loaded_batch loaded;
    int rc = load(&loaded, feed, step, job, err);
    if (rc)
        return rc;
    const size_t *order = feed->epoch.order + feed->epoch.first + loaded.first;
    size_t tokens = 0, good = 0;
    for (size_t i = 0; i < loaded.count; i++) {
        const size_t text = text_of(feed, order[i], step),
                     length = texts->first[text + 1] - texts->first[text];
        report(feed, order[i], &loaded.errs[i], job);
        tokens = !loaded.errs[i].code && length > tokens ? length : tokens;
    }
    for (size_t i = 0; i < loaded.count; i++)
        if (!loaded.errs[i].code) {
            feed->eot[good] =
                training_texts_put(feed->ids + good * tokens, tokens, texts, text_of(feed, order[i], step));
            feed->rows[good++] = order[i];
        }
    if (!good)
        return err_set(
            err, ERR_ARGUMENT, "none of the %zu pictures of step %zu can be read", loaded.count, step + 1);
    *out = (struct contrastive_batch){.count = good,
        .tokens = tokens,
        .pixels = loaded.pixels,
        .ids = feed->ids,
        .eot = feed->eot,
        .fits = share_targets(feed, good, tokens, step),
        .number = step + 1};
    return 0;
}
