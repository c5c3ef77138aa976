// SPDX-License-Identifier: Apache-2.0
/* builder: a text that grows in an arena. Begin with {.arena = arena, .err = err}; what fails stays failed, and the
 * caller looks once, at its end. */
#ifndef DIPTYCH_TEXT_BUILDER_H
#define DIPTYCH_TEXT_BUILDER_H

#include "base/base.h"

struct builder {
    struct arena *arena;
    char *bytes;
    size_t length, room;
    int rc; /* of the first failure: ERR_MEMORY, or ERR_LIMIT beyond BUILDER_MAX bytes */
    struct err *err;
};

enum { BUILDER_MAX = 64 << 20 };

void builder_add(struct builder *builder, struct span text);
int builder_end(struct span *out, const struct builder *builder);

#endif
