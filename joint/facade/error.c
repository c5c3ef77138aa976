// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"

#include <assert.h>
#include <string.h>

/* The codes of base by their names here. */
static const char *const names[] = {
    [DIPTYCH_OK] = "ok",
    [DIPTYCH_ERROR_ARGUMENT] = "argument",
    [DIPTYCH_ERROR_MEMORY] = "memory",
    [DIPTYCH_ERROR_IO] = "io",
    [DIPTYCH_ERROR_FORMAT] = "format",
    [DIPTYCH_ERROR_LIMIT] = "limit",
    [DIPTYCH_ERROR_UNSUPPORTED] = "unsupported",
    [DIPTYCH_ERROR_DEVICE] = "device",
    [DIPTYCH_ERROR_NOT_FOUND] = "not found",
    [DIPTYCH_ERROR_BUSY] = "busy",
    [DIPTYCH_ERROR_CANCELLED] = "cancelled",
    [DIPTYCH_ERROR_MODEL] = "model",
};

#define SAME(name) static_assert((int)DIPTYCH_ERROR_##name == (int)ERR_##name, #name " has its own number")
SAME(ARGUMENT);
SAME(MEMORY);
SAME(IO);
SAME(FORMAT);
SAME(LIMIT);
SAME(UNSUPPORTED);
SAME(DEVICE);
SAME(NOT_FOUND);
SAME(BUSY);
SAME(CANCELLED);

const char *diptych_code_name(int32_t code)
{
    return code >= 0 && (size_t)code < sizeof names / sizeof *names ? names[code] : NULL;
}

const char *diptych_version(void)
{
    return DIPTYCH_VERSION;
}

/* As much of a text as there is room for, and no part of a character. */
static void copy_message(char *out, size_t room, const char *text)
{
    static const char dots[] = "...";
    size_t length = strlen(text);
    if (length < room) {
        memcpy(out, text, length + 1);
        return;
    }
    length = room - sizeof dots;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    memcpy(out, text, length);
    memcpy(out + length, dots, sizeof dots);
}

locale_t facade_begin(void)
{
    return locale_plain();
}

int facade_end(struct diptych_error *error, int rc, const struct err *err, locale_t host)
{
    uselocale(host);
    if (!error)
        return rc;
    error->code = rc;
    copy_message(error->message, sizeof error->message, rc ? err->msg : "");
    return rc;
}

int need(const void *pointer, const char *name, struct err *err)
{
    return pointer ? 0 : err_set(err, ERR_ARGUMENT, "%s is NULL", name);
}
