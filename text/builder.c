// SPDX-License-Identifier: Apache-2.0
#include "text/builder.h"

#include <string.h>

static int grow(struct builder *builder, size_t length)
{
    if (length > BUILDER_MAX - builder->length)
        return err_set(builder->err, ERR_LIMIT, "text grows beyond %d bytes", BUILDER_MAX);
    const size_t room = 2 * (builder->length + length) + 64;
    char *bytes = arena_alloc(builder->arena, room);
    if (!bytes)
        return err_memory(builder->err, room);
    if (builder->length)
        memcpy(bytes, builder->bytes, builder->length);
    builder->bytes = bytes;
    builder->room = room;
    return 0;
}

void builder_add(struct builder *builder, struct span text)
{
    if (!builder->rc && text.length > builder->room - builder->length)
        builder->rc = grow(builder, text.length);
    if (builder->rc || !text.length)
        return;
    memcpy(builder->bytes + builder->length, text.data, text.length);
    builder->length += text.length;
}

int builder_end(struct span *out, const struct builder *builder)
{
    *out = (struct span){builder->bytes ? builder->bytes : "", builder->length};
    return builder->rc;
}
