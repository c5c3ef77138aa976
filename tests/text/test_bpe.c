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
    *bpe = (struct bpe){0};
    assert_int_equal(bpe_init(bpe, MERGES, NULL), 0);
    for (int32_t i = 0; i < LETTERS; i++) {
        bpe->byte_ids['a' + i] = i;
        bpe->last_ids['a' + i] = LETTERS + i;
    }
    for (int32_t i = 0; i < MERGES; i++) {
        const uint32_t known = (uint32_t)(2 * LETTERS + i / 2); /* a merge may come before what it needs */
        const struct bpe_merge merge = {
            (int32_t)(next_random(&seed) % known), (int32_t)(next_random(&seed) % known), 2 * LETTERS + i};
        bpe_add(bpe, merge);
    }
}

/* The last merge of a pair counts. */
static size_t rank_of(const struct bpe *bpe, int32_t left, int32_t right)
{
    for (size_t i = bpe->count; i-- > 0;)
        if (bpe->merges[i].left == left && bpe->merges[i].right == right)
            return i;
    return SIZE_MAX;
}

static size_t naive(const struct bpe *bpe, struct span word, int32_t ids[MOST])
{
    size_t count = word.length;
    for (size_t i = 0; i < count; i++)
        ids[i] = (i + 1 < count ? bpe->byte_ids : bpe->last_ids)[(unsigned char)word.data[i]];
    for (;;) {
        size_t best = SIZE_MAX, at = 0;
        for (size_t i = 0; i + 1 < count; i++)
            if (rank_of(bpe, ids[i], ids[i + 1]) < best) {
                best = rank_of(bpe, ids[i], ids[i + 1]);
                at = i;
            }
        if (best == SIZE_MAX)
            return count;
        ids[at] = bpe->merges[best].merged;
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
        char word[MOST];
        int32_t expected[MOST], got[MOST];
        make_bpe(&bpe, round);
        const size_t length = 1 + next_random(&seed) % MOST;
        for (size_t i = 0; i < length; i++)
            word[i] = (char)('a' + next_random(&seed) % LETTERS);

        const struct span text = {word, length};
        const size_t count = naive(&bpe, text, expected);
        size_t counted;
        assert_int_equal(bpe_encode(&bpe, text, got, MOST, &counted, &work, &arena, NULL), 0);
        assert_int_equal(counted, count);
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
    struct bpe bpe = {.byte_ids = {['a'] = 0, ['b'] = 1}, .last_ids = {['a'] = 2}};
    struct bpe_work work = {0};
    struct arena arena = {0};
    int32_t ids[3];
    size_t count;
    assert_int_equal(bpe_init(&bpe, 3, NULL), 0);
    bpe_add(&bpe, (struct bpe_merge){0, 1, 3}); /* a b */
    bpe_add(&bpe, (struct bpe_merge){1, 2, 4}); /* b a</w> */
    bpe_add(&bpe, (struct bpe_merge){0, 1, 5}); /* a b again, now after it */
    assert_int_equal(bpe_encode(&bpe, (struct span){"aba", 3}, ids, 3, &count, &work, &arena, NULL), 0);
    assert_int_equal(count, 2);
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
