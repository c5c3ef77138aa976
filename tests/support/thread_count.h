// SPDX-License-Identifier: Apache-2.0
#ifndef DIPTYCH_TESTS_SUPPORT_THREAD_COUNT_H
#define DIPTYCH_TESTS_SUPPORT_THREAD_COUNT_H

#include <stddef.h>

/* How many threads this process has. */
size_t thread_count(void);

/* The same once it is `expected`, or after a second: Linux shows a thread for a moment after it is joined. */
size_t thread_count_settled(size_t expected);

#endif
