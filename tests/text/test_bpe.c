// SPDX-License-Identifier: Apache-2.0
/* bpe against the definition: look at all pairs, merge the leftmost of lowest rank, again. */
#include "text/bpe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Letters a, b, c are the ids 0 to 2, and 3 to 5 at the end of a word; the merges join pairs of what there is
 * by then, in a made-up order, so that ids of merges are 6 and up. */
enum { LETTERS = 3, MERGES = 60, MOST = 200 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void make_bpe(struct bpe *bpe, uint32_t seed)
{
    const int32_t ties = 1 + (int32_t)(seed % 3); /* merges of one rank */
    *bpe = (struct bpe){0};
    assert_int_equal(bpe_init(bpe, MERGES, NULL), 0);
    for (int32_t i = 0; i < MERGES; i++) {
        const uint32_t known = (uint32_t)(2 * LETTERS + i / 2); /* a merge may come before what it needs */
        const struct bpe_merge merge = {(int32_t)(next_random(&seed) % known),
            (int32_t)(next_random(&seed) % known), 2 * LETTERS + i, (uint32_t)(i / ties)};
        bpe_add(bpe, merge);
    }
}

/* The last merge of a pair counts. */
static const struct bpe_merge *merge_of(const struct bpe *bpe, int32_t left, int32_t right)
{
    for (size_t i = bpe->count; i-- > 0;)
        if (bpe->merges[i].left == left && bpe->merges[i].right == right)
            return &bpe->merges[i];
    return NULL;
}

static size_t naive(const struct bpe *bpe, int32_t ids[MOST], size_t count)
{
    for (;;) {
        const struct bpe_merge *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            const struct bpe_merge *merge = merge_of(bpe, ids[i], ids[i + 1]);
            if (merge && (!best || merge->rank < best->rank)) {
                best = merge;
                at = i;
            }
        }
        if (!best)
            return count;
        ids[at] = best->merged;
        for (size_t i = at + 1; i + 1 < count; i++)
            ids[i] = ids[i + 1];
        count--;
    }
}

static void merges_are_those_of_the_definition(void **state)
{
    (void)state;
    struct bpe_work work = {0}; /* grows, and is dirty after the first word */
    struct arena arena = {0};
    uint32_t seed = 1;
    size_t shortened = 0;
    for (uint32_t round = 0; round < 2000; round++) {
        struct bpe bpe;
        int32_t expected[MOST], got[MOST];
        make_bpe(&bpe, round);
        const size_t length = 1 + next_random(&seed) % MOST;
        assert_int_equal(bpe_reserve(&work, length, &arena, NULL), 0);
        for (size_t i = 0; i < length; i++) {
            const uint32_t letter = next_random(&seed) % LETTERS;
            expected[i] = work.symbols[i].id = (int32_t)(i + 1 < length ? letter : LETTERS + letter);
        }
        const size_t count = naive(&bpe, expected, length);
        assert_int_equal(bpe_encode(&bpe, &work, length, got, MOST), count);
        assert_memory_equal(got, expected, count * sizeof *got);
        shortened += length - count;
        bpe_release(&bpe);
    }
    arena_release(&arena);
    assert_true(shortened > 10000); /* merges did happen */
}

static void a_pair_added_twice_has_its_last_rank(void **state)
{
    (void)state;
    struct bpe bpe = {0};
    struct bpe_work work = {0};
    struct arena arena = {0};
    int32_t ids[3];
    assert_int_equal(bpe_init(&bpe, 3, NULL), 0);
    bpe_add(&bpe, (struct bpe_merge){0, 1, 3, 0}); /* a b */
    bpe_add(&bpe, (struct bpe_merge){1, 2, 4, 1}); /* b a</w> */
    bpe_add(&bpe, (struct bpe_merge){0, 1, 5, 2}); /* a b again, now after it */
    assert_int_equal(bpe_reserve(&work, 3, &arena, NULL), 0);
    for (int32_t i = 0; i < 3; i++)
        work.symbols[i].id = i; /* a b a</w> */
    assert_int_equal(bpe_encode(&bpe, &work, 3, ids, 3), 2);
    assert_int_equal(ids[0], 0);
    assert_int_equal(ids[1], 4);
    arena_release(&arena);
    bpe_release(&bpe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_are_those_of_the_definition),
        cmocka_unit_test(a_pair_added_twice_has_its_last_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
