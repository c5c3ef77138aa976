// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"

#include <string.h>

static size_t size_of(const void *sized)
{
    size_t size;
    memcpy(&size, sized, sizeof size);
    return size;
}

int options_copy(void *out, size_t size, const void *options, const char *name, struct err *err)
{
    const unsigned char *bytes = options;
    memset(out, 0, size);
    if (!options)
        return 0;
    const size_t said = size_of(options);
    if (said < sizeof said)
        return err_set(err, ERR_ARGUMENT, "%s does not begin with its size", name);
    for (size_t i = size; i < said; i++)
        if (bytes[i])
            return err_set(err, ERR_UNSUPPORTED,
                "%s says something at byte %zu, which this version of the library does not know", name, i);
    memcpy(out, options, said < size ? said : size);
    return 0;
}

int info_copy(void *out, const void *info, size_t size, struct err *err)
{
    if (!out)
        return err_set(err, ERR_ARGUMENT, "out is NULL");
    const size_t room = size_of(out);
    if (room < sizeof room)
        return err_set(err, ERR_ARGUMENT, "out does not begin with its size");
    const size_t copied = room < size ? room : size;
    memset((char *)out + sizeof room, 0, room - sizeof room); /* what this version does not know too */
    memcpy((char *)out + sizeof room, (const char *)info + sizeof room, copied - sizeof room);
    return 0;
}

int choose(int *out, const char *text, const char *const *list, const char *option, struct err *err)
{
    char known[256] = "";
    size_t length = 0;
    *out = 0;
    if (!text)
        return 0;
    for (int i = 0; list[i]; i++) {
        if (!strcmp(text, list[i])) {
            *out = i;
            return 0;
        }
        if (length < sizeof known)
            length +=
                (size_t)snprintf(known + length, sizeof known - length, "%s'%s'", i ? ", " : "", list[i]);
    }
    return err_set(err, ERR_ARGUMENT, "%s is one of %s, not '%s'", option, known, text);
}
