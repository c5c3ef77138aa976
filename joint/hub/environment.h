// SPDX-License-Identifier: Apache-2.0
/* What the environment says of the hub, private to joint/hub; hub.h lists the variables. */
#ifndef DIPTYCH_HUB_ENVIRONMENT_H
#define DIPTYCH_HUB_ENVIRONMENT_H

#include "base/base.h"

struct hub_environment {
    const char *cache;
    const char *endpoint; /* without a slash at its end */
    const char *token;    /* NULL: none */
    bool offline;
};

/* All in the arena. ERR_ARGUMENT: what a variable has cannot be; ERR_IO: a token's file cannot be read. */
int hub_environment_read(struct hub_environment *out, struct arena *arena, struct err *err);

#endif
