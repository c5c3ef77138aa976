// SPDX-License-Identifier: Apache-2.0
#include "base/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names --------------------------------------------------------------------------------------------- */

bool input_is_standard(const char *path)
{
    static const char *const names[] = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(path, names[i]))
            return true;
    return false;
}

const char *input_name(const char *path)
{
    return strcmp(path, "-") ? path : "standard input";
}

bool input_is_pipe(const char *path)
{
    struct stat st;
    return !strcmp(path, "-") || (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

/* Opening waits where a FIFO has no writer yet, as every program's does that is given one. */
static int open_input(int *out, size_t *size, const char *path, struct err *err)
{
    const int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC)
                                     : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        const int why = errno;
        if (fd >= 0)
            close(fd);
        return err_set(err, ERR_IO, "unable to open '%s': %s", input_name(path), strerror(why));
    }
    if (S_ISDIR(st.st_mode)) {
        close(fd);
        return err_set(err, ERR_IO, "unable to open '%s': is a folder", input_name(path));
    }
    *out = fd;
    *size = S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
    return 0;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

int input_read(char **out, size_t *size, const char *path, size_t limit, struct err *err)
{
    int fd;
    size_t on_disk;
    const int rc = open_input(&fd, &on_disk, path, err);
    return rc ? rc : descriptor_read(out, size, fd, input_name(path), on_disk, limit, err);
}

int input_lines(struct strings *out, const char *path, size_t limit, struct err *err)
{
    char *bytes;
    size_t size;
    int rc = input_read(&bytes, &size, path, limit, err);
    if (!rc)
        rc = text_check(&bytes, &size, input_name(path), err);
    if (rc)
        return rc;
    rc = strings_add_lines(out, bytes, size, err);
    free(bytes);
    return rc;
}

/* ---- line by line -------------------------------------------------------------------------------------- */

int line_reader_open(struct line_reader *out, const char *path, char end, struct err *err)
{
    size_t size;
    *out = (struct line_reader){.name = input_name(path), .fd = -1, .end = end};
    return open_input(&out->fd, &size, path, err);
}

/* Reads what there is, at least a byte, or finds the end. What came first makes room for it. */
static int fill(struct line_reader *reader, struct err *err)
{
    enum { CHUNK = 1 << 16 };
    if (reader->first)
        memmove(reader->bytes, reader->bytes + reader->first, reader->used - reader->first);
    reader->used -= reader->first;
    reader->searched -= reader->first;
    reader->first = 0;
    if (reader->used > INPUT_LINE_MAX)
        return err_set(err, ERR_LIMIT, "unable to read '%s': line %zu has more than %d bytes", reader->name,
            reader->number + 1, INPUT_LINE_MAX);
    const int rc = array_grow(reader->bytes, &reader->room, reader->used + CHUNK + 1, err); /* and a NUL */
    if (rc)
        return rc;
    const ssize_t got = read(reader->fd, reader->bytes + reader->used, CHUNK);
    if (got < 0 && errno != EINTR && errno != EAGAIN)
        return err_set(err, ERR_IO, "unable to read '%s': %s", reader->name, strerror(errno));
    reader->over = !got;
    reader->used += got > 0 ? (size_t)got : 0;
    return 0;
}

/* Until there is something to read, with a look at the job meanwhile. */
static int await(const struct line_reader *reader, const char *unit, const struct job *job, struct err *err)
{
    enum { LOOK_MS = 250 };
    struct pollfd waiting = {.fd = reader->fd, .events = POLLIN};
    int ready, rc = job_step(job, unit, 0, 0, err);
    while (!rc && (!(ready = poll(&waiting, 1, LOOK_MS)) || (ready < 0 && errno == EINTR)))
        rc = job_step(job, unit, 0, 0, err);
    return rc;
}

bool line_reader_ready(struct line_reader *reader)
{
    if (!reader->bytes || reader->line_end)
        return reader->line_end;
    const size_t from = reader->searched < reader->first ? reader->first : reader->searched;
    char *end = memchr(reader->bytes + from, reader->end, reader->used - from);
    reader->searched = reader->used;
    reader->line_end = end;
    return end;
}

/* The bytes up to `end` are the next line. */
static struct span take(struct line_reader *reader, size_t end, size_t behind)
{
    struct span line = {reader->bytes + reader->first, end - reader->first};
    reader->first = behind;
    reader->line_end = NULL;
    reader->searched = behind;
    if (!reader->number++ && reader->end)
        line = span_from(line, byte_order_mark(line.data, line.length));
    if (reader->end && line.length && line.data[line.length - 1] == '\r')
        line.length--;
    ((char *)line.data)[line.length] = '\0';
    return line;
}

int line_reader_next(bool *found, struct span *line, struct line_reader *reader, const char *unit,
    const struct job *job, struct err *err)
{
    int rc = 0;
    while (!rc && !reader->over && !line_reader_ready(reader)) {
        rc = await(reader, unit, job, err);
        if (!rc)
            rc = fill(reader, err);
    }
    if (rc)
        return rc;
    *found = true;
    if (line_reader_ready(reader)) {
        const size_t end = (size_t)(reader->line_end - reader->bytes);
        *line = take(reader, end, end + 1);
    } else if (reader->first < reader->used) { /* the last, without an end of its own */
        *line = take(reader, reader->used, reader->used);
    } else {
        *found = false;
    }
    return 0;
}

void line_reader_close(struct line_reader *reader)
{
    if (!reader || !reader->name)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->bytes);
    *reader = (struct line_reader){0};
}
