// SPDX-License-Identifier: Apache-2.0
/* Which shapes a test takes. Under a checker that interprets kernels (.ci/check-kernels) the small ones have
 * to do: the environment's DIPTYCH_TEST_WORK is the most work a shape may be, in what its inner loop does:
 * multiplications, or elements where nothing is multiplied. Without it every shape is taken. */
#ifndef DIPTYCH_TESTS_WORK_H
#define DIPTYCH_TESTS_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static inline bool work_fits(size_t work)
{
    const char *most = getenv("DIPTYCH_TEST_WORK");
    return !most || work <= strtoull(most, NULL, 10);
}

#endif
