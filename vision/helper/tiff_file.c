// SPDX-License-Identifier: Apache-2.0
#include "vision/helper/tiff_file.h"
#include "vision/helper/decoders.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static tmsize_t bytes_read(thandle_t handle, void *out, tmsize_t size)
{
    struct tiff_file *file = handle;
    if (size < 0)
        return 0;
    const size_t left = file->at < file->bytes.length ? file->bytes.length - file->at : 0;
    const size_t count = (size_t)size < left ? (size_t)size : left;
    if (count)
        memcpy(out, file->bytes.data + file->at, count);
    file->at += count;
    if (!file->padded || count == (size_t)size)
        return (tmsize_t)count;
    memset((uint8_t *)out + count, 0, (size_t)size - count);
    file->at += (size_t)size - count;
    file->ended = true;
    return size;
}

static tmsize_t bytes_write(thandle_t handle, void *bytes, tmsize_t size)
{
    (void)handle, (void)bytes, (void)size;
    return 0;
}

static toff_t bytes_seek(thandle_t handle, toff_t offset, int whence)
{
    struct tiff_file *file = handle;
    if (whence == SEEK_CUR)
        offset += file->at;
    else if (whence == SEEK_END)
        offset += file->bytes.length;
    return file->at = offset;
}

static int bytes_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t bytes_size(thandle_t handle)
{
    return ((struct tiff_file *)handle)->bytes.length;
}

static void note_failure(thandle_t handle, const char *module, const char *format, va_list arguments)
{
    struct tiff_file *file = handle;
    (void)module;
    if (file && !file->failure[0])
        vsnprintf(file->failure, sizeof file->failure, format, arguments);
}

void tiff_prepare(void)
{
    TIFFSetErrorHandler(NULL); /* which would print */
    TIFFSetWarningHandler(NULL);
    TIFFSetErrorHandlerExt(note_failure);
}

TIFF *tiff_file_open(struct tiff_file *file)
{
    return TIFFClientOpen(
        "", "rm", file, bytes_read, bytes_write, bytes_seek, bytes_close, bytes_size, NULL, NULL);
}

int tiff_file_fail(const struct tiff_file *file, struct err *err)
{
    return err_set(err, ERR_FORMAT, "libtiff says '%s'", file->failure[0] ? file->failure : "nothing");
}
