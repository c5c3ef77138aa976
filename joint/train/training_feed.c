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
    size_t next;               /* the step that the loader is at; SIZE_MAX: none */
    struct batch_texts *texts; // (each)
    int32_t *ids;              // (each, B, longest text)
    int32_t *eot;              // (each, B)
    uint8_t *fits;             // (each, B, B)
    size_t *chosen;            // (B, each): which texts its pictures have
    size_t *groups;            // (B): the first row of the batch that has the same text
    size_t *rows;              // (B): the numbers of its pictures
    bool *reported;            // (pictures)
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
    const size_t pictures = options->set->count, batch = options->loader->batch, each = options->each;
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
    feed->texts = mem_new(each, sizeof *feed->texts);
    feed->ids = mem_new(each * batch * options->texts->longest, sizeof *feed->ids);
    feed->eot = mem_new(each * batch, sizeof *feed->eot);
    feed->fits = mem_new(each * batch * batch, 1);
    feed->chosen = mem_new(batch * each, sizeof *feed->chosen);
    feed->groups = mem_new(batch, sizeof *feed->groups);
    feed->rows = mem_new(batch, sizeof *feed->rows);
    feed->reported = mem_new(pictures, sizeof *feed->reported);
    const bool there = feed->epoch.order && feed->epoch.sources && feed->texts && feed->ids && feed->eot &&
                       feed->fits && feed->chosen && feed->groups && feed->rows && feed->reported;
    int rc = there ? loader_open(&feed->loader, options->preprocess, &loader, err)
                   : err_memory(err, pictures * sizeof *feed->epoch.sources + each * batch * batch);
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
    free(feed->texts);
    free(feed->ids);
    free(feed->eot);
    free(feed->fits);
    free(feed->chosen);
    free(feed->groups);
    free(feed->rows);
    training_facts_free(feed->facts);
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

/* Which texts picture `number` has in this epoch, and in that step: texts (each). */
static void choose_texts(size_t *texts, const struct training_feed *feed, size_t number, size_t step)
{
    const struct feed_options *options = &feed->options;
    const struct training_captions *said = &options->set->said[number];
    training_choose(texts, options->each, said->count, options->seed, feed->epoch.number,
        options->draws_alike ? step : number);
    for (size_t i = 0; i < options->each; i++)
        texts[i] += said->first;
}

/* Of a text that a picture was not drawn with: it may be said of the picture's class, too, or state what the picture shows. */
static enum fits compare(const struct training_feed *feed, size_t picture, size_t text)
{
    const struct training_captions *said = &feed->options.set->said[picture];
    if (text >= said->first && text < said->first + said->count)
        return FITS;
    return feed->facts ? training_facts_compare(feed->facts, picture, text) : FITS_NOT;
}

/* Which texts of number `which` are true of which pictures, where more are than their own; NULL: none are. */
static const uint8_t *share_targets(
    struct training_feed *feed, const struct batch_texts *texts, size_t count, size_t which)
{
    const bool compares = feed->facts || feed->options.set->templates;
    const size_t each = feed->options.each, row = texts->tokens * sizeof *texts->ids;
    uint8_t *fits = feed->fits + which * feed->batch * feed->batch;
    bool shared = false;
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        while (
            same < i && memcmp(texts->ids + same * texts->tokens, texts->ids + i * texts->tokens, row) != 0)
            same++;
        feed->groups[i] = same;
        shared |= same < i;
    }
    if (!shared && !compares)
        return NULL;
    fits_of_groups(fits, feed->groups, count);
    for (size_t j = 0; j < count && compares; j++)
        for (size_t i = 0; i < count; i++)
            if (!fits[i * count + j])
                fits[i * count + j] = (uint8_t)compare(feed, feed->rows[i], feed->chosen[j * each + which]);
    return fits;
}

/* The texts of number `which` of all pictures, `count`. */
static struct batch_texts texts_of(struct training_feed *feed, size_t count, size_t which)
{
    const struct training_texts *texts = feed->options.texts;
    const size_t *chosen = feed->chosen + which, each = feed->options.each;
    int32_t *ids = feed->ids + which * feed->batch * texts->longest, *eot = feed->eot + which * feed->batch;
    size_t tokens = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t text = chosen[i * each], length = texts->first[text + 1] - texts->first[text];
        tokens = length > tokens ? length : tokens;
    }
    for (size_t i = 0; i < count; i++)
        eot[i] = training_texts_put(ids + i * tokens, tokens, texts, chosen[i * each]);
    struct batch_texts out = {.tokens = tokens, .ids = ids, .eot = eot};
    out.fits = share_targets(feed, &out, count, which);
    return out;
}

int feed_next(struct contrastive_batch *out, struct training_feed *feed, size_t step, const struct job *job,
    struct err *err)
{
    const size_t each = feed->options.each;
    struct loaded_batch loaded;
    int rc = load(&loaded, feed, step, job, err);
    if (rc)
        return rc;
    const size_t *order = feed->epoch.order + feed->epoch.first + loaded.first;
    size_t good = 0;
    for (size_t i = 0; i < loaded.count; i++) {
        report(feed, order[i], &loaded.errs[i], job);
        if (loaded.errs[i].code)
            continue;
        choose_texts(feed->chosen + good * each, feed, order[i], step);
        feed->rows[good++] = order[i];
    }
    if (!good)
        return err_set(
            err, ERR_ARGUMENT, "none of the %zu pictures of step %zu can be read", loaded.count, step + 1);
    for (size_t i = 0; i < each; i++)
        feed->texts[i] = texts_of(feed, good, i);
    *out = (struct contrastive_batch){
        .count = good, .pixels = loaded.pixels, .texts = feed->texts, .each = each, .number = step + 1};
    return 0;
}
