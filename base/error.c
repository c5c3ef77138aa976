// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->msg, sizeof err->msg, format, args);
        va_end(args);
        err->code = code;
    }
    return code;
}

void err_wrap(struct err *err, const char *format, ...)
{
    if (!err)
        return;
    char inner[sizeof err->msg];
    memcpy(inner, err->msg, sizeof inner);

    va_list args;
    va_start(args, format);
    vsnprintf(err->msg, sizeof err->msg, format, args);
    va_end(args);
    const size_t used = strlen(err->msg);
    const int whole = snprintf(err->msg + used, sizeof err->msg - used, ": %s", inner);
    (void)whole; /* too much context is cut off at the end */
}

int err_memory(struct err *err, size_t bytes)
{
    return err_set(err, ERR_MEMORY, "out of memory for %zu bytes", bytes);
}
