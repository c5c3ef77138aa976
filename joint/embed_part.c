// SPDX-License-Identifier: Apache-2.0
#include "joint/embed.h"
#include "joint/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot_write(const char *path, struct err *err)
{
    return err_set(err, ERR_IO, "unable to write '%s': %s", path, strerror(errno));
}

/* ---- names --------------------------------------------------------------------------------------------- */

/* A path with another end, from `cut` on. */
static const char *with_end(struct arena *arena, const char *path, size_t cut, const char *end)
{
    char *out = arena_alloc(arena, cut + strlen(end) + 1);
    if (out)
        memcpy(mempcpy(out, path, cut), end, strlen(end) + 1);
    return out;
}

/* Where the point of a name's suffix is, or its end. */
static size_t suffix_at(const char *path)
{
    const char *point = strrchr(path, '.');
    return point && !strchr(point, '/') ? (size_t)(point - path) : strlen(path);
}

static int name_all(struct embed_part *part, const struct embed_options *options, struct err *err)
{
    const char *out = options->out;
    const bool npy = options->format == EMBED_NPY;
    part->folder = with_end(&part->arena, out, strlen(out), ".part");
    part->state = with_end(&part->arena, out, strlen(out), ".part/state.json");
    struct embed_file *lines = &part->files[npy];
    part->files[0] =
        (struct embed_file){with_end(&part->arena, out, strlen(out), ".part/rows.npy"), out, NULL};
    *lines = (struct embed_file){with_end(&part->arena, out, strlen(out), ".part/rows.jsonl"),
        npy ? with_end(&part->arena, out, suffix_at(out), ".jsonl") : out, NULL};
    part->file_count = npy ? 2 : 1;
    if (!part->folder || !part->state || !part->files[0].path || !lines->path || !lines->final)
        return err_memory(err, strlen(out));
    if (npy && !strcmp(lines->final, out))
        return err_set(err, ERR_ARGUMENT, "'%s' would be the matrix and the lines beside it", out);
    return 0;
}

/* ---- the folder ---------------------------------------------------------------------------------------- */

/* Nothing that is no run's may be replaced. */
static int check_free(const struct embed_part *part, struct err *err)
{
    struct stat st;
    for (size_t i = 0; i < part->file_count; i++)
        if (!stat(part->files[i].final, &st) && !S_ISREG(st.st_mode))
            return err_set(err, ERR_IO, "unable to write '%s': not a regular file", part->files[i].final);
    if (part->file_count == 2 && file_exists(part->files[1].final) && !file_exists(part->files[0].final))
        return err_set(err, ERR_ARGUMENT,
            "'%s' would be replaced, and without '%s' it is not of an earlier run", part->files[1].final,
            part->files[0].final);
    return 0;
}

static int open_folder(struct embed_part *part, struct err *err)
{
    if (mkdir(part->folder, 0777) && errno != EEXIST)
        return cannot_write(part->folder, err);
    part->lock = open(part->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (part->lock < 0)
        return cannot_write(part->folder, err);
    if (flock(part->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return err_set(err, ERR_BUSY, "another process is writing '%s'", part->folder);
    return 0;
}

/* ---- the state ----------------------------------------------------------------------------------------- */

static int write_state(struct embed_part *part, struct err *err)
{
    json_t *bytes = json_array();
    for (size_t i = 0; i < part->file_count; i++)
        json_array_append_new(bytes, json_integer(ftello(part->files[i].stream)));
    json_t *state = json_pack("{s:I, s:I, s:I, s:o, s:O}", "rows", (json_int_t)part->counts.done, "failed",
        (json_int_t)part->counts.failed, "truncated", (json_int_t)part->counts.truncated, "bytes", bytes,
        "run", part->run);
    if (!state)
        return err_memory(err, 0);
    struct new_file file;
    int rc = new_file_open(&file, part->state, err);
    if (!rc) {
        json_dumpf(state, file.stream, JSON_INDENT(1));
        rc = new_file_close(&file, true, err);
    }
    json_decref(state);
    return rc;
}

static int read_count(size_t *out, const json_t *value)
{
    *out = (size_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0 ? 0 : -1;
}

/* Cuts off what came behind the state. */
static int open_again(struct embed_file *file, const json_t *length, struct err *err)
{
    struct stat st;
    size_t bytes;
    if (read_count(&bytes, length))
        return err_set(err, ERR_FORMAT, "no length of '%s' in the state beside it", file->path);
    file->stream = fopen(file->path, "r+be");
    if (!file->stream || fstat(fileno(file->stream), &st))
        return err_set(err, ERR_IO, "unable to open '%s': %s", file->path, strerror(errno));
    if ((size_t)st.st_size < bytes)
        return err_set(
            err, ERR_FORMAT, "'%s' has %zu bytes, and had %zu", file->path, (size_t)st.st_size, bytes);
    if (ftruncate(fileno(file->stream), (off_t)bytes) || fseeko(file->stream, (off_t)bytes, SEEK_SET))
        return cannot_write(file->path, err);
    return 0;
}

static int go_on(struct embed_part *part, const json_t *state, struct err *err)
{
    struct embed_counts *counts = &part->counts;
    int rc = same_run_check(part->run, json_object_get(state, "run"), part->folder, err);
    if (rc)
        return rc;
    if (read_count(&counts->done, json_object_get(state, "rows")) ||
        read_count(&counts->failed, json_object_get(state, "failed")) ||
        read_count(&counts->truncated, json_object_get(state, "truncated")) || counts->done > part->total)
        return err_set(
            err, ERR_FORMAT, "'%s' is damaged: remove '%s' to begin anew", part->state, part->folder);
    counts->before = counts->done;
    for (size_t i = 0; i < part->file_count && !rc && counts->done < part->total; i++)
        rc = open_again(&part->files[i], json_array_get(json_object_get(state, "bytes"), i), err);
    return rc;
}

static int begin(struct embed_part *part, struct err *err)
{
    for (size_t i = 0; i < part->file_count; i++) {
        part->files[i].stream = fopen(part->files[i].path, "wbe");
        if (!part->files[i].stream)
            return cannot_write(part->files[i].path, err);
    }
    return 0;
}

int embed_part_open(
    struct embed_part *part, const struct embed_options *options, json_t *run, size_t total, struct err *err)
{
    enum { STATE_MAX = 1 << 20 };
    json_t *state = NULL;
    *part = (struct embed_part){.lock = -1, .run = run, .total = total, .committed = time_now()};
    int rc = run ? name_all(part, options, err) : err_memory(err, 0);
    const bool goes_on = !rc && file_exists(part->state);
    if (!rc && !goes_on)
        rc = check_free(part, err);
    if (!rc)
        rc = open_folder(part, err);
    if (!rc && goes_on)
        rc = json_read(&state, part->state, STATE_MAX, err);
    if (!rc)
        rc = state ? go_on(part, state, err) : begin(part, err);
    part->open = !rc;
    json_decref(state);
    return rc;
}

/* ---- keeping ------------------------------------------------------------------------------------------- */

static int keep(struct embed_part *part, struct err *err)
{
    for (size_t i = 0; i < part->file_count; i++) {
        FILE *stream = part->files[i].stream;
        if (fflush(stream) || ferror(stream) || fdatasync(fileno(stream)))
            return cannot_write(part->files[i].path, err);
    }
    return write_state(part, err);
}

int embed_part_commit(struct embed_part *part, struct err *err)
{
    enum { SHARE = 20, SECONDS_MAX = 2 };
    const double now = time_now(), wait = SHARE * part->commit_time;
    part->batch_end = part->counts.done;
    if (now - part->committed < (wait < SECONDS_MAX ? wait : SECONDS_MAX))
        return 0;
    const int rc = keep(part, err);
    part->committed = time_now();
    part->commit_time = part->committed - now;
    return rc;
}

/* A run that ended between two of these steps does the rest of them. */
int embed_part_finish(struct embed_part *part, struct err *err)
{
    const int rc = part->files[0].stream ? keep(part, err) : 0; /* an earlier run had all rows */
    for (size_t i = 0; i < part->file_count && !rc; i++)
        if (rename(part->files[i].path, part->files[i].final) && errno != ENOENT)
            return err_set(err, ERR_IO, "unable to replace '%s': %s", part->files[i].final, strerror(errno));
    if (rc)
        return rc;
    unlink(part->state);
    rmdir(part->folder);
    return 0;
}

/* What cannot be kept is as after a kill. */
void embed_part_close(struct embed_part *part)
{
    const size_t done = part->counts.done;
    if (part->open && done > part->counts.before && done < part->total && done == part->batch_end)
        keep(part, NULL);
    for (size_t i = 0; i < part->file_count; i++)
        if (part->files[i].stream)
            fclose(part->files[i].stream);
    if (part->open && !file_exists(part->state)) { /* nothing was kept */
        for (size_t i = 0; i < part->file_count; i++)
            unlink(part->files[i].path);
        rmdir(part->folder);
    }
    if (part->lock >= 0)
        close(part->lock);
    json_decref(part->run);
    arena_release(&part->arena);
}
