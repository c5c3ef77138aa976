// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <pthread.h>

static locale_t plain; /* never freed: threads may be in it until the process ends */

static void plain_make(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t locale_plain(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, plain_make);
    return uselocale(plain); /* (locale_t)0, where there was no memory, changes nothing */
}
