// SPDX-License-Identifier: Apache-2.0
#include "vision/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int capture_file_open(struct capture_file *out, struct picture_source source, struct err *err)
{
    struct stat st;
    *out = (struct capture_file){
        .fd = -1, .size = source.size, .bytes = (uint8_t *)(uintptr_t)source.bytes, .filled = source.size};
    if (!source.path)
        return 0;
    out->size = out->filled = 0;
    out->bytes = mem_new(CAPTURE_WINDOW, 1);
    if (!out->bytes)
        return err_memory(err, CAPTURE_WINDOW);
    out->fd = open(source.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (out->fd < 0 || fstat(out->fd, &st) || !S_ISREG(st.st_mode)) {
        err_set(err, ERR_IO, "unable to read '%s': %s", source.path,
            out->fd < 0 ? strerror(errno) : "not a regular file");
        if (out->fd < 0)
            free(out->bytes);
        capture_file_close(out);
        return ERR_IO;
    }
    out->size = (uint64_t)st.st_size;
    return 0;
}

void capture_file_close(struct capture_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
        free(file->bytes);
    }
    *file = (struct capture_file){.fd = -1};
}

static bool fill(struct capture_file *file, uint64_t at)
{
    file->first = at;
    file->filled = 0;
    while (file->filled < CAPTURE_WINDOW) {
        const ssize_t got = pread(
            file->fd, file->bytes + file->filled, CAPTURE_WINDOW - file->filled, (off_t)(at + file->filled));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        file->filled += (uint64_t)got;
    }
    return file->filled > 0;
}

static bool holds(const struct capture_file *file, uint64_t at, size_t length)
{
    return at >= file->first && length <= file->filled && at - file->first <= file->filled - length;
}

const uint8_t *capture_bytes(struct capture_file *file, uint64_t at, size_t length)
{
    if (length > file->size || at > file->size - length)
        return NULL;
    if (!holds(file, at, length) && (file->fd < 0 || !fill(file, at) || !holds(file, at, length)))
        return NULL;
    return file->bytes + (at - file->first);
}

uint64_t cursor_take(struct cursor *cursor, size_t bytes)
{
    uint64_t value = 0;
    if (!bytes)
        return 0;
    const bool there = !cursor->bad && cursor->at <= cursor->end && bytes <= cursor->end - cursor->at;
    const uint8_t *from = there ? capture_bytes(cursor->file, cursor->at, bytes) : NULL;
    if (!from) {
        cursor->bad = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | from[cursor->little ? bytes - 1 - i : i];
    cursor->at += bytes;
    return value;
}
