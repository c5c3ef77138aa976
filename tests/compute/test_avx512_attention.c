// SPDX-License-Identifier: Apache-2.0
/* Attention on AVX-512 by either kind of word, of which a device takes the one that its CPU is faster with. */
#include "compute/gemm/avx512.h"
#include "tests/compute/native_checks.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void attention_in_floats_matches(void **state)
{
    static const struct attention_kernel kernel = {avx512_attention_bytes, avx512_attend};
    (void)state;
    if (!avx512_serves(PRECISION_INT8))
        skip();
    check_attention(&kernel);
}

static void attention_in_pairs_matches(void **state)
{
    static const struct attention_kernel kernel = {avx512_attention_bytes, avx512_attend_pairs};
    (void)state;
    if (!avx512_serves(PRECISION_BF16))
        skip();
    check_attention(&kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_in_floats_matches),
        cmocka_unit_test(attention_in_pairs_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
