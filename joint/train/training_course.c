// SPDX-License-Identifier: Apache-2.0
/* Whether a run that knew something has come to guess. */
#include "joint/train/training.h"

#include <math.h>

/* What the loss of a batch is where all logits are equal, of the sigmoid the best such ones, and the least that its targets let it be:
 * where all pictures are of one class, these are the same. */
struct bounds {
    double guessing, least;
};

/* Of a picture or a text, how many of its pairs are right, and how many are compared at all. */
struct matches {
    double right, compared;
};

/* Every step-th pair from `first` on; without fits one of them is right. */
static struct matches count_matches(const uint8_t *fits, size_t count, size_t first, size_t step)
{
    struct matches out = {fits ? 0 : 1, fits ? 0 : (double)count};
    for (size_t i = 0; i < count && fits; i++) {
        const uint8_t is = fits[first + i * step];
        out.right += is == FITS ? 1 : 0;
        out.compared += is != FITS_UNKNOWN ? 1 : 0;
    }
    return out;
}

static double entropy_of(double share)
{
    return share > 0 ? -share * log(share) : 0;
}

/* The mean of each picture among texts and each text among pictures, where what is right shares what smoothing leaves. */
static struct bounds bounds_of_softmax(const uint8_t *fits, size_t count, double smoothing)
{
    const double weight = 0.5 / (double)count;
    struct bounds out = {0};
    for (size_t i = 0; i < 2 * count; i++) {
        const struct matches of = i < count ? count_matches(fits, count, i * count, 1)
                                            : count_matches(fits, count, i - count, count);
        const double wrong = smoothing / of.compared, right = wrong + (1 - smoothing) / of.right;
        out.guessing += weight * log(of.compared);
        out.least += weight * (of.right * entropy_of(right) + (of.compared - of.right) * entropy_of(wrong));
    }
    return out;
}

/* Guessing knows only what share of all pairs is right. */
static struct bounds bounds_of_sigmoid(const uint8_t *fits, size_t count)
{
    struct matches all = {0};
    for (size_t i = 0; i < count; i++) {
        const struct matches row = count_matches(fits, count, i * count, 1);
        all.right += row.right;
        all.compared += row.compared;
    }
    const double right = all.right / all.compared;
    return (struct bounds){all.compared / (double)count * (entropy_of(right) + entropy_of(1 - right)), 0};
}

static struct bounds bounds_of(
    enum contrastive_loss kind, const uint8_t *fits, size_t count, double smoothing)
{
    return kind == LOSS_SIGMOID ? bounds_of_sigmoid(fits, count) : bounds_of_softmax(fits, count, smoothing);
}

/* The mean over a batch's texts of each number, as its loss is. */
static struct bounds bounds_of_batch(
    const struct contrastive_batch *batch, enum contrastive_loss kind, double smoothing)
{
    struct bounds out = {0};
    for (size_t i = 0; i < batch->each; i++) {
        const struct bounds one = bounds_of(kind, batch->texts[i].fits, batch->count, smoothing);
        out.guessing += one.guessing / (double)batch->each;
        out.least += one.least / (double)batch->each;
    }
    return out;
}

/* A model that knew what belongs together, and now takes everything for the same, does not come back. A batch that leaves little to know,
 * as one of a single picture, or of a single class, says nothing of that. */
int course_take(struct course *course, double loss, const struct contrastive_batch *batch,
    enum contrastive_loss kind, double smoothing, struct err *err)
{
    static const double slow = 0.9, knew = 0.5, forgot = 0.95, little = 0.1;
    const struct bounds bounds = bounds_of_batch(batch, kind, smoothing);
    const double above = loss - bounds.least, room = bounds.guessing - bounds.least,
                 usual = bounds_of(kind, NULL, batch->count, 0).guessing;
    if (room <= little * usual)
        return 0;
    if (!course->begun)
        *course = (struct course){true, above, room, above / room};
    course->above = slow * course->above + (1 - slow) * above;
    course->room = slow * course->room + (1 - slow) * room;
    const double share = course->above / course->room;
    course->best = fmin(course->best, share);
    if (course->best > knew || share < forgot)
        return 0;
    return err_set(err, ERR_LIMIT,
        "step %zu: the loss is that of guessing, %.2f, and was %.1f: " TRAINING_WHAT_TO_TRY,
        (size_t)batch->number, bounds.guessing, bounds.least + course->best * room);
}
