// SPDX-License-Identifier: Apache-2.0
/*
 * The edits of TER (Snover et al. 2006) as sacreBLEU 2.6 counts them, which follows tercom: the edit distance after
 * shifts of runs of words, where each round makes the shift that lowers the distance the most.
 *
 * The distance is Levenshtein's, computed only near the diagonal: row i, of the hypothesis' first i words, has the
 * columns, of the reference's first j words, within `beam` of i * reference / hypothesis.
 */
#include "text/captions/metric_sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BEAM = 25,
    SHIFT_WORDS = 10,       /* in a run, at most */
    SHIFT_DISTANCE = 50,    /* between a run's places in hypothesis and reference */
    SHIFT_CANDIDATES = 1000 /* tried, about, before the search ends */
};

#define FAR (UINT32_MAX / 2) /* the distance of cells outside the beam */

enum edit { EDIT_NONE, EDIT_KEEP, EDIT_REPLACE, EDIT_DELETE, EDIT_INSERT };

/* Columns first to end - 1 of a row: distances, and for a way back the last edit of each. */
struct row {
    size_t first, end;
    uint32_t *costs;
    uint8_t *edits; /* NULL: not kept */
};

struct search {
    const uint32_t *reference;
    size_t reference_count, count; /* words of the reference, and of the hypothesis */
    uint32_t *words, *shifted;     // (count): the hypothesis after the shifts so far, and with one to try
    struct row *rows;              // (count + 1): of `words`
    struct row turns[2];           /* two rows of `shifted`, one after the other */
    double slope;                  /* words of the reference to one of the hypothesis */
    size_t beam;
    size_t tried;

    int64_t *align; // (reference_count): the word of the hypothesis at, or before, each of the reference
    bool *wrong, *wrong_ref; // (count), (reference_count): words that an edit touches
    struct arena arena;
};

/* ---- distance ------------------------------------------------------------------------------------------ */

static uint32_t cost_at(const struct row *row, size_t column)
{
    return column >= row->first && column < row->end ? row->costs[column - row->first] : FAR;
}

/* The columns of row i. */
static void row_place(struct row *row, const struct search *s, size_t i)
{
    const size_t all = s->reference_count + 1, middle = (size_t)floor((double)i * s->slope);
    row->first = middle > s->beam ? middle - s->beam : 0;
    row->end = i == s->count || middle + s->beam > all ? all : middle + s->beam;
}

/* Row i from the one above, for the hypothesis' word i - 1. Of equal ways the first of keep or replace, delete,
 * insert is taken. */
static void row_fill(
    struct row *row, const struct row *above, const struct search *s, size_t i, uint32_t word)
{
    row_place(row, s, i);
    for (size_t j = row->first; j < row->end; j++) {
        const bool same = j > 0 && s->reference[j - 1] == word;
        uint32_t cost = FAR;
        enum edit edit = EDIT_NONE;
        if (j > 0 && cost_at(above, j - 1) + !same < cost) {
            cost = cost_at(above, j - 1) + !same;
            edit = same ? EDIT_KEEP : EDIT_REPLACE;
        }
        if (cost_at(above, j) + 1 < cost) {
            cost = cost_at(above, j) + 1;
            edit = EDIT_DELETE;
        }
        if (j > row->first && row->costs[j - 1 - row->first] + 1 < cost) {
            cost = row->costs[j - 1 - row->first] + 1;
            edit = EDIT_INSERT;
        }
        row->costs[j - row->first] = cost;
        if (row->edits)
            row->edits[j - row->first] = (uint8_t)edit;
    }
}

static uint32_t distance(const struct search *s, const struct row *last)
{
    return cost_at(last, s->reference_count);
}

/* All rows of s->words. */
static void fill_rows(struct search *s)
{
    for (size_t i = 1; i <= s->count; i++)
        row_fill(&s->rows[i], &s->rows[i - 1], s, i, s->words[i - 1]);
}

/* The distance of s->shifted, whose first `same` words are those of s->words. */
static uint32_t distance_shifted(struct search *s, size_t same)
{
    const struct row *above = &s->rows[same];
    for (size_t i = same + 1; i <= s->count; i++) {
        struct row *row = &s->turns[i % 2];
        row_fill(row, above, s, i, s->shifted[i - 1]);
        above = row;
    }
    return distance(s, above);
}

/* Which words the edits touch, and where the reference's words are in the hypothesis: the way back through the rows. */
static void trace(struct search *s)
{
    size_t i = s->count, j = s->reference_count;
    while (i > 0 || j > 0) {
        const enum edit edit = i ? s->rows[i].edits[j - s->rows[i].first] : EDIT_INSERT;
        if (edit != EDIT_INSERT)
            s->wrong[--i] = edit != EDIT_KEEP;
        if (edit != EDIT_DELETE) {
            s->wrong_ref[--j] = edit != EDIT_KEEP;
            s->align[j] = edit == EDIT_INSERT ? (int64_t)i - 1 : (int64_t)i;
        }
    }
}

/* ---- shifts -------------------------------------------------------------------------------------------- */

/* The run of words from `start` on, put before the word that is at `target`, or so many words on where that is inside
 * the run. */
struct shift {
    int64_t gain; /* by how much the distance is lower */
    size_t start, length, target;
};

/* More gain first, then the longer run, then the earlier, then the earlier target. */
static bool is_better(const struct shift *a, const struct shift *b)
{
    if (a->gain != b->gain)
        return a->gain > b->gain;
    if (a->length != b->length)
        return a->length > b->length;
    return a->start != b->start ? a->start < b->start : a->target < b->target;
}

/* s->shifted = s->words with the shift; returns how many words at the front are as they were. */
static size_t shift_words(struct search *s, const struct shift *shift)
{
    const size_t start = shift->start, end = start + shift->length;
    size_t target = shift->target; /* where the run goes, of the words without it */
    if (target > end)
        target -= shift->length;
    else if (target > s->count - shift->length)
        target = s->count - shift->length;
    memcpy(s->shifted, s->words, start * sizeof *s->words);
    memcpy(s->shifted + start, s->words + end, (s->count - end) * sizeof *s->words);
    memmove(s->shifted + target + shift->length, s->shifted + target,
        (s->count - shift->length - target) * sizeof *s->words);
    memcpy(s->shifted + target, s->words + start, shift->length * sizeof *s->words);
    return target < start ? target : start;
}

static bool any(const bool *flags, size_t count)
{
    return memchr(flags, true, count);
}

/* Tries all places around `start_ref` in the reference for a run that is there too. */
static void try_run(struct search *s, struct shift *best, size_t start, size_t start_ref, size_t length)
{
    int64_t last = -1;
    if (!any(&s->wrong[start], length) || !any(&s->wrong_ref[start_ref], length))
        return;
    if (s->align[start_ref] >= (int64_t)start && s->align[start_ref] < (int64_t)(start + length))
        return; /* it is there already */
    for (size_t place = start_ref; place <= start_ref + length && place <= s->reference_count; place++) {
        const int64_t target = place ? s->align[place - 1] + 1 : 0;
        if (target == last)
            continue;
        last = target;
        struct shift shift = {.start = start, .length = length, .target = (size_t)target};
        const size_t same = shift_words(s, &shift);
        shift.gain = (int64_t)distance(s, &s->rows[s->count]) - (int64_t)distance_shifted(s, same);
        s->tried++;
        if (!best->length || is_better(&shift, best))
            *best = shift;
    }
}

static struct shift best_shift(struct search *s)
{
    struct shift best = {0};
    for (size_t start = 0; start < s->count; start++) {
        const size_t first = start > SHIFT_DISTANCE ? start - SHIFT_DISTANCE : 0;
        for (size_t ref = first; ref < s->reference_count && ref <= start + SHIFT_DISTANCE; ref++)
            for (size_t n = 0; n < SHIFT_WORDS && start + n < s->count && ref + n < s->reference_count &&
                               s->words[start + n] == s->reference[ref + n];
                 n++) {
                try_run(s, &best, start, ref, n + 1);
                if (s->tried >= SHIFT_CANDIDATES)
                    return best;
            }
    }
    return best;
}

/* ---- the search ---------------------------------------------------------------------------------------- */

static bool row_alloc(struct row *row, const struct search *s, size_t width, bool edits)
{
    struct arena *arena = (struct arena *)&s->arena;
    row->costs = arena_alloc(arena, width * sizeof *row->costs);
    row->edits = edits ? arena_alloc(arena, width) : NULL;
    return row->costs && (row->edits || !edits);
}

/* Rows are no wider than the beam on both sides, but for the first, which has all columns, and the last. */
static bool search_init(struct search *s, const uint32_t *hypothesis)
{
    const size_t n = s->count, all = s->reference_count + 1;
    const double half = (s->slope = n ? (double)s->reference_count / (double)n : 1) / 2;
    s->beam = BEAM < half ? (size_t)ceil(half + BEAM) : BEAM;
    const size_t width = 2 * s->beam + 2 < all ? 2 * s->beam + 2 : all;
    s->words = arena_alloc(&s->arena, (n + 1) * sizeof *s->words);
    s->shifted = arena_alloc(&s->arena, (n + 1) * sizeof *s->shifted);
    s->rows = arena_alloc(&s->arena, (n + 1) * sizeof *s->rows);
    s->align = arena_alloc(&s->arena, all * sizeof *s->align);
    s->wrong = arena_alloc(&s->arena, n + 1);
    s->wrong_ref = arena_alloc(&s->arena, all);
    bool ok = s->words && s->shifted && s->rows && s->align && s->wrong && s->wrong_ref &&
              row_alloc(&s->turns[0], s, width, false) && row_alloc(&s->turns[1], s, width, false) &&
              row_alloc(&s->rows[0], s, all, false);
    for (size_t i = 1; ok && i <= n; i++)
        ok = row_alloc(&s->rows[i], s, width, true);
    if (!ok)
        return false;
    memcpy(s->words, hypothesis, n * sizeof *hypothesis);
    s->rows[0].end = all;
    for (size_t j = 0; j < all; j++)
        s->rows[0].costs[j] = (uint32_t)j;
    return true;
}

bool ter_edits(size_t *edits, const uint32_t *hypothesis, size_t hypothesis_count, const uint32_t *reference,
    size_t reference_count)
{
    struct search s = {.reference = reference, .reference_count = reference_count, .count = hypothesis_count};
    *edits = hypothesis_count;
    if (!reference_count)
        return true;
    if (!search_init(&s, hypothesis)) {
        arena_release(&s.arena);
        return false;
    }
    size_t shifts = 0;
    for (;;) {
        fill_rows(&s);
        trace(&s);
        const struct shift best = best_shift(&s);
        if (s.tried >= SHIFT_CANDIDATES || best.gain <= 0)
            break;
        shift_words(&s, &best);
        memcpy(s.words, s.shifted, s.count * sizeof *s.words);
        shifts++;
    }
    *edits = shifts + distance(&s, &s.rows[s.count]);
    arena_release(&s.arena);
    return true;
}
