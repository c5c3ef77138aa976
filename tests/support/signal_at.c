// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded into a program that is to end amid its work, at a place and not at a time: before its n-th rename to a name with that in
 * it, it gets a signal. The environment says which:
 *
 *   SIGNAL_AT="checkpoint.safetensors 2 9" LD_PRELOAD=.../libsignal_at.so diptych train ...
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((visibility("default"))) int rename(const char *from, const char *to)
{
    static int count;
    const char *where = getenv("SIGNAL_AT");
    char name[100];
    int at, signal_number;
    if (where && sscanf(where, "%99s %d %d", name, &at, &signal_number) == 3 && strstr(to, name) &&
        ++count == at)
        raise(signal_number);
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}
