// SPDX-License-Identifier: Apache-2.0
/* What every fuzzer of this folder is made of: an entry point under libFuzzer's name, and a check that stays
 * on in release builds, where assert() is off. */
#ifndef DIPTYCH_FUZZ_H
#define DIPTYCH_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(holds) ((holds) ? (void)0 : fuzz_fail(#holds, __FILE__, __LINE__))

static inline void fuzz_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

#endif
