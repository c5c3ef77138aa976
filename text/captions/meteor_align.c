// SPDX-License-Identifier: Apache-2.0
/*
 * The alignment of METEOR 1.5: of the matches of two captions, those that no word has two of, as many as there can be, in
 * the fewest chunks, at the least distance. A beam of 40 goes along the reference; at each word a path takes one of the
 * matches that begin there, or none. Matches that compete with no other are settled before.
 *
 * Three ways of meteor-1.5.jar decide between alignments that are nearly as good, and are kept: matches other than exact
 * count half a word, rounded down, so that one of a single word counts nothing; a path is charged not with the distance
 * of the match that it takes, but with those of the matches that were tried at that word before; and sorting is stable.
 */
#include "text/captions/metric_meteor.h"

#include <stdlib.h>
#include <string.h>

enum { BEAM = 40 };
#define NO_CHUNK UINT32_MAX

/* One path's way through the matches: the last that it took, and where the way goes on. */
struct turn {
    const struct meteor_match *match;
    uint32_t before; /* in `turns`; 0: none */
};

struct path {
    uint32_t matched, chunks, distance; /* what paths are compared by */
    uint32_t next;                      /* word of the reference behind the last match, or where it is */
    uint32_t chunk_end;                 /* word of the candidate behind the last match, or NO_CHUNK */
    uint32_t turn;
    const struct meteor_match *taken; /* by this step, of a path not yet made */
    size_t parent;
};

struct beam {
    struct path paths[BEAM];
    uint64_t *used; // (BEAM, set_words): words of the candidate, then of the reference
    size_t count;
};

struct search {
    const struct meteor_matches *matches;
    struct meteor_text candidate, reference;
    const struct meteor_match **settled; // (reference.count)
    size_t set_words;                    /* 64-bit words of a set of words of both captions */
    struct beam beams[2], *now, *then;
    struct turn *turns;
    size_t turn_count, turn_room;
};

/* ---- words in use -------------------------------------------------------------------------------------- */

static bool in_use(const uint64_t *used, size_t word)
{
    return used[word / 64] >> word % 64 & 1;
}

static bool any_in_use(const struct search *s, const uint64_t *used, const struct meteor_match *match)
{
    for (size_t i = 0; i < match->candidate_length; i++)
        if (in_use(used, match->candidate + i))
            return true;
    for (size_t i = 0; i < match->reference_length; i++)
        if (in_use(used, s->candidate.count + match->reference + i))
            return true;
    return false;
}

static void use(const struct search *s, uint64_t *used, const struct meteor_match *match)
{
    for (size_t i = match->candidate; i < match->candidate + match->candidate_length; i++)
        used[i / 64] |= UINT64_C(1) << i % 64;
    for (size_t i = 0; i < match->reference_length; i++) {
        const size_t word = s->candidate.count + match->reference + i;
        used[word / 64] |= UINT64_C(1) << word % 64;
    }
}

static uint64_t *used_of(const struct search *s, const struct beam *beam, size_t path)
{
    return beam->used + path * s->set_words;
}

/* ---- steps --------------------------------------------------------------------------------------------- */

static bool better(const struct path *a, const struct path *b)
{
    if (a->matched != b->matched)
        return a->matched > b->matched;
    if (a->chunks != b->chunks)
        return a->chunks < b->chunks;
    return a->distance < b->distance;
}

/* Keeps a step if it is among the best; of equals those that came first. */
static void offer(struct beam *beam, const struct path *step)
{
    size_t at = beam->count;
    if (at == BEAM && !better(step, &beam->paths[BEAM - 1]))
        return;
    if (at == BEAM)
        at--;
    else
        beam->count++;
    for (; at > 0 && better(step, &beam->paths[at - 1]); at--)
        beam->paths[at] = beam->paths[at - 1];
    beam->paths[at] = *step;
}

static uint32_t distance_of(const struct meteor_match *match)
{
    return match->candidate > match->reference ? match->candidate - match->reference
                                               : match->reference - match->candidate;
}

static void take(struct path *path, const struct meteor_match *match)
{
    const uint32_t share = match->module == METEOR_EXACT ? 1 : 2;
    path->matched += match->candidate_length / share + match->reference_length / share;
    path->chunks += path->chunk_end != NO_CHUNK && path->chunk_end != match->candidate;
    path->next = match->reference + match->reference_length;
    path->chunk_end = match->candidate + match->candidate_length;
    path->taken = match;
}

static void close_chunk(struct path *path)
{
    path->chunks += path->chunk_end != NO_CHUNK;
    path->chunk_end = NO_CHUNK;
}

/* All that a path can do at a word of the reference. */
static void step(struct search *s, size_t parent, uint32_t word)
{
    const uint64_t *used = used_of(s, s->now, parent);
    struct path path = s->now->paths[parent];
    path.parent = parent;
    path.taken = NULL;
    if (in_use(used, s->candidate.count + word)) {
        if (word >= path.next) { /* a settled match begins */
            take(&path, s->settled[word]);
            path.distance += distance_of(path.taken);
        }
        offer(s->then, &path);
        return;
    }
    for (size_t i = s->matches->firsts[word]; i < s->matches->firsts[word + 1]; i++) {
        const struct meteor_match *match = &s->matches->items[i];
        if (any_in_use(s, used, match))
            continue;
        struct path taking = path;
        take(&taking, match);
        offer(s->then, &taking);
        path.distance += distance_of(match);
    }
    close_chunk(&path);
    path.next++;
    offer(s->then, &path);
}

/* Makes the steps paths: their words in use, and the turns they took. */
static int make_paths(struct search *s, struct err *err)
{
    for (size_t i = 0; i < s->then->count; i++) {
        struct path *path = &s->then->paths[i];
        uint64_t *used = used_of(s, s->then, i);
        memcpy(used, used_of(s, s->now, path->parent), s->set_words * sizeof *used);
        if (!path->taken)
            continue;
        const int rc = array_grow(s->turns, &s->turn_room, s->turn_count + 1, err);
        if (rc)
            return rc;
        use(s, used, path->taken);
        s->turns[s->turn_count] = (struct turn){path->taken, path->turn};
        path->turn = (uint32_t)s->turn_count++;
    }
    return 0;
}

static int walk(struct search *s, struct err *err)
{
    int rc = 0;
    for (uint32_t word = 0; word < s->reference.count && !rc; word++) {
        s->then->count = 0;
        for (size_t i = 0; i < s->now->count; i++)
            step(s, i, word);
        rc = make_paths(s, err);
        struct beam *then = s->then;
        s->then = s->now;
        s->now = then;
    }
    return rc;
}

/* ---- the search ---------------------------------------------------------------------------------------- */

/* How many matches cover each word: of the candidate, then of the reference. */
static void count_cover(uint32_t *cover, const struct search *s)
{
    for (size_t i = 0; i < s->matches->count; i++) {
        const struct meteor_match *match = &s->matches->items[i];
        for (size_t w = 0; w < match->candidate_length; w++)
            cover[match->candidate + w]++;
        for (size_t w = 0; w < match->reference_length; w++)
            cover[s->candidate.count + match->reference + w]++;
    }
}

static bool is_alone(const struct search *s, const uint32_t *cover, const struct meteor_match *match)
{
    for (size_t w = 0; w < match->candidate_length; w++)
        if (cover[match->candidate + w] != 1)
            return false;
    for (size_t w = 0; w < match->reference_length; w++)
        if (cover[s->candidate.count + match->reference + w] != 1)
            return false;
    return true;
}

static void settle(struct search *s, const uint32_t *cover)
{
    const size_t *firsts = s->matches->firsts;
    for (size_t word = 0; word < s->reference.count; word++) {
        if (firsts[word + 1] - firsts[word] != 1 || !is_alone(s, cover, &s->matches->items[firsts[word]]))
            continue;
        s->settled[word] = &s->matches->items[firsts[word]];
        use(s, s->now->used, s->settled[word]);
    }
}

static int search_init(struct search *s, struct arena *arena, struct err *err)
{
    const size_t words = s->candidate.count + s->reference.count;
    uint32_t *cover = arena_alloc(arena, (words + 1) * sizeof *cover);
    s->set_words = words / 64 + 1;
    s->settled = arena_alloc(arena, (s->reference.count + 1) * sizeof *s->settled);
    for (int i = 0; i < 2; i++)
        s->beams[i].used = arena_alloc(arena, BEAM * s->set_words * sizeof(uint64_t));
    if (!cover || !s->settled || !s->beams[0].used || !s->beams[1].used ||
        array_grow(s->turns, &s->turn_room, 1, NULL))
        return err_memory(err, BEAM * s->set_words * sizeof(uint64_t));
    s->now = &s->beams[0];
    s->then = &s->beams[1];
    s->now->count = 1;
    s->now->paths[0] = (struct path){.chunk_end = NO_CHUNK};
    s->turn_count = 1; /* none */
    count_cover(cover, s);
    settle(s, cover);
    return 0;
}

/* The best path, its last chunk closed. */
static const struct path *best_path(struct search *s)
{
    struct path *best = s->now->paths;
    for (size_t i = 0; i < s->now->count; i++) {
        close_chunk(&s->now->paths[i]);
        if (better(&s->now->paths[i], best))
            best = &s->now->paths[i];
    }
    return best;
}

int meteor_align(const struct meteor_match **chosen, const struct meteor_matches *matches,
    struct meteor_text candidate, struct meteor_text reference, struct err *err)
{
    struct search s = {.matches = matches, .candidate = candidate, .reference = reference};
    struct arena arena = {0};
    int rc = search_init(&s, &arena, err);
    if (!rc)
        rc = walk(&s, err);
    if (!rc) {
        memset(chosen, 0, reference.count * sizeof(struct meteor_match *));
        for (uint32_t turn = best_path(&s)->turn; turn; turn = s.turns[turn].before)
            chosen[s.turns[turn].match->reference] = s.turns[turn].match;
    }
    free(s.turns);
    arena_release(&arena);
    return rc;
}
