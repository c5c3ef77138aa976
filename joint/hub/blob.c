// SPDX-License-Identifier: Apache-2.0
/*
 * A file comes into the cache in steps that leave it whole at any moment:
 *
 *   1. HEAD tells its checksum (the etag), its size and where it is.
 *   2. .locks/.../ETAG.lock is taken, which huggingface_hub takes too: one of all that want it downloads.
 *   3. blobs/ETAG.incomplete grows. Cut anywhere, it stays, and the next download asks for the rest.
 *   4. It has the size and the checksum: it is synced, and renamed to blobs/ETAG.
 *   5. snapshots/COMMIT/NAME becomes a link to it.
 *
 * Where files cannot be locked two may download at once; they write the same bytes to the same places then, and what
 * they have in the end is checked.
 */
#include "joint/hub/blob.h"
#include "joint/hub/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const double lock_seconds = 0.2; /* between two looks whether another is done */

static int cannot(const char *what, const char *path, struct err *err)
{
    return err_set(err, ERR_IO, "unable to %s '%s': %s", what, path, strerror(errno));
}

/* What the hub says of a file. */
struct metadata {
    const char *etag, *url;
    uint64_t size;
};

/* All of a blob's paths, and what is said of it in messages. */
struct blob {
    const struct hub_fetch *fetch;
    struct metadata is;
    const char *subject, *path, *incomplete, *lock, *link;
    int fd;
    struct arena arena;
};

/* ---- metadata ------------------------------------------------------------------------------------------ */

/* An etag without its quotes and the W/ in front, as blobs are called. NULL: it is no checksum. */
static const char *checksum_of(const char *etag, struct arena *arena)
{
    if (!etag)
        return NULL;
    etag += strncmp(etag, "W/", 2) ? 0 : 2;
    etag += *etag == '"';
    const size_t length = strspn(etag, "0123456789abcdef");
    const char *out = arena_copy(arena, etag, length);
    const bool ended = !etag[length] || etag[length] == '"';
    return out && ended && digest_known(out) ? out : NULL;
}

static int read_metadata(struct blob *blob, const struct hub_file *file, struct err *err)
{
    struct http *http = blob->fetch->http;
    struct arena *arena = &blob->arena;
    const char *commit = http_header(http, "X-Repo-Commit", arena);
    const char *linked = http_header(http, "X-Linked-Etag", arena),
               *size = http_header(http, "X-Linked-Size", arena);
    blob->is.url = http_location(http, arena);
    blob->is.etag = checksum_of(linked ? linked : http_header(http, "ETag", arena), arena);
    if (!size && !http_header(http, "Location", arena)) /* a redirect has a length of its own */
        size = http_header(http, "Content-Length", arena);
    blob->is.size = size ? strtoull(size, NULL, 10) : file->size;
    if (!blob->is.url)
        return err_memory(err, 0);
    if (!commit || !blob->is.etag)
        return err_set(err, ERR_FORMAT, "cannot download %s: '%s' does not answer like a hub, it gives no %s",
            blob->subject, http->environment->endpoint, commit ? "checksum" : "commit");
    if (strcmp(commit, blob->fetch->commit) || blob->is.size != file->size)
        return err_set(err, ERR_FORMAT,
            "cannot download %s: the hub lists %llu bytes at %s and has %llu at %s", blob->subject,
            (unsigned long long)file->size, blob->fetch->commit, (unsigned long long)blob->is.size, commit);
    return 0;
}

/* "ENDPOINT/REPO/resolve/COMMIT/NAME" */
static int ask_metadata(struct blob *blob, const struct hub_file *file, struct err *err)
{
    const struct hub_fetch *fetch = blob->fetch;
    const char *name = http_escape(fetch->http, file->name, &blob->arena);
    const char *url = name ? hub_path(&blob->arena, fetch->http->environment->endpoint,
                                 fetch->http->name->repo, "resolve", fetch->commit, name, NULL)
                           : NULL;
    struct http_request request = {.url = url, .subject = blob->subject, .head = true};
    int rc = url ? http_send(fetch->http, &request, err) : err_memory(err, 0);
    return rc ? rc : read_metadata(blob, file, err);
}

/* ---- the lock ------------------------------------------------------------------------------------------ */

/* Waits for the lock, which whoever gives it back may remove: then there is another of that name. */
static int take_lock(int *out, struct blob *blob, struct err *err)
{
    struct stat opened, named;
    for (;;) {
        const int fd = open(blob->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
        if (fd < 0)
            return cannot("open", blob->lock, err);
        int busy;
        while ((busy = flock(fd, LOCK_EX | LOCK_NB)) && errno == EWOULDBLOCK) {
            int rc = http_wait(blob->fetch->http, lock_seconds, err);
            if (rc) {
                close(fd);
                return rc;
            }
        }
        if (busy || (!fstat(fd, &opened) && !stat(blob->lock, &named) && opened.st_ino == named.st_ino)) {
            *out = fd;
            return 0;
        }
        close(fd);
    }
}

/* ---- the download -------------------------------------------------------------------------------------- */

static int take_bytes(struct http_request *request, const void *bytes, size_t size, struct err *err)
{
    const struct blob *blob = request->context;
    const char *from = bytes;
    if (size > blob->is.size - request->offset || request->offset > blob->is.size)
        return err_set(err, ERR_FORMAT, "cannot download %s: more comes than the %llu bytes that it has",
            blob->subject, (unsigned long long)blob->is.size);
    for (size_t done = 0; done < size;) {
        const ssize_t written = pwrite(blob->fd, from + done, size - done, (off_t)(request->offset + done));
        if (written < 0 && errno != EINTR)
            return cannot("write", blob->incomplete, err);
        done += written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* All of it in the file, if it was not. */
static int receive(uint64_t *received, struct blob *blob, struct err *err)
{
    struct stat st;
    if (fstat(blob->fd, &st))
        return cannot("read", blob->incomplete, err);
    const uint64_t here = (uint64_t)st.st_size <= blob->is.size ? (uint64_t)st.st_size : 0;
    struct http_request request = {
        .url = blob->is.url,
        .subject = blob->subject,
        .counts = true,
        .take = take_bytes,
        .context = blob,
        .offset = here,
    };
    int rc = here < blob->is.size ? http_send(blob->fetch->http, &request, err) : 0;
    *received += request.offset >= here ? request.offset - here : request.offset;
    if (!rc && request.offset != blob->is.size)
        rc = err_set(err, ERR_FORMAT, "cannot download %s: %llu bytes came of %llu", blob->subject,
            (unsigned long long)request.offset, (unsigned long long)blob->is.size);
    if (!rc && ftruncate(blob->fd, (off_t)blob->is.size))
        rc = cannot("write", blob->incomplete, err);
    return rc;
}

static int check(struct blob *blob, struct err *err)
{
    char is[DIGEST_SIZE];
    int rc = digest_file(is, blob->is.etag, blob->fd, blob->is.size, blob->fetch->http, err);
    if (rc) {
        err_wrap(err, "unable to read '%s'", blob->incomplete);
        return rc;
    }
    if (!strcmp(is, blob->is.etag))
        return 0;
    unlink(blob->incomplete); /* nothing of it can be trusted */
    return err_set(err, ERR_FORMAT, "cannot download %s: its checksum is %s, and the hub says %s; try again",
        blob->subject, is, blob->is.etag);
}

/* Downloads, checks and renames, with the lock held. */
static int fill(uint64_t *received, struct blob *blob, struct err *err)
{
    struct stat st;
    if (!stat(blob->path, &st) && (uint64_t)st.st_size == blob->is.size)
        return 0;
    unlink(blob->path); /* a link that leads nowhere any more, or a file that was cut or overwritten */
    blob->fd = open(blob->incomplete, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (blob->fd < 0)
        return cannot("write", blob->incomplete, err);
    int rc = receive(received, blob, err);
    if (!rc)
        rc = check(blob, err);
    if (!rc && fsync(blob->fd))
        rc = cannot("write", blob->incomplete, err);
    if (!rc && rename(blob->incomplete, blob->path))
        rc = cannot("write", blob->path, err);
    close(blob->fd);
    return rc;
}

/* "../../blobs/ETAG"; or the file itself where there are no links, as on FAT. */
static int place_link(struct blob *blob, struct err *err)
{
    const char *to = hub_path(&blob->arena, "../../blobs", blob->is.etag, NULL);
    if (!to)
        return err_memory(err, 0);
    unlink(blob->link);
    if (!symlink(to, blob->link) || errno == EEXIST) /* another has made it just now */
        return 0;
    return errno == EPERM && !rename(blob->path, blob->link) ? 0 : cannot("make", blob->link, err);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

/* What a blob is called while it grows, in the arena; NULL when out of memory. */
static const char *incomplete_path(struct arena *arena, const char *path)
{
    static const char end[] = ".incomplete";
    char *out = arena_alloc(arena, strlen(path) + sizeof end);
    if (out)
        sprintf(out, "%s%s", path, end);
    return out;
}

static int find_paths(struct blob *blob, const struct hub_file *file, struct err *err)
{
    const struct hub_fetch *fetch = blob->fetch;
    struct arena *arena = &blob->arena;
    char name[sizeof ".lock" + DIGEST_SIZE];
    blob->path = hub_path(arena, fetch->place.repo, "blobs", blob->is.etag, NULL);
    blob->incomplete = blob->path ? incomplete_path(arena, blob->path) : NULL;
    snprintf(name, sizeof name, "%s.lock", blob->is.etag);
    blob->lock = hub_path(arena, fetch->place.locks, name, NULL);
    blob->link = hub_path(arena, fetch->snapshot, file->name, NULL);
    if (!blob->path || !blob->incomplete || !blob->lock || !blob->link)
        return err_memory(err, 0);
    int rc = folders_make(blob->path, err);
    if (!rc)
        rc = folders_make(blob->lock, err);
    return rc ? rc : folders_make(blob->link, err);
}

/* Whether the snapshot has it already, as large as it should be. */
static bool is_here(const struct hub_fetch *fetch, const struct hub_file *file)
{
    struct arena arena = {0};
    struct stat st;
    const char *link = hub_path(&arena, fetch->snapshot, file->name, NULL);
    const bool here = link && !stat(link, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size == file->size;
    arena_release(&arena);
    return here;
}

/* The size of a file, at most `most`; 0: it is not there. */
static uint64_t size_here(const char *path, uint64_t most)
{
    struct stat st;
    if (!path || stat(path, &st) || !S_ISREG(st.st_mode))
        return 0;
    return (uint64_t)st.st_size < most ? (uint64_t)st.st_size : most;
}

uint64_t hub_blob_missing(const struct hub_fetch *fetch, const struct hub_file *file)
{
    struct arena arena = {0};
    uint64_t here = is_here(fetch, file) ? file->size : 0;
    const char *path =
        file->checksum ? hub_path(&arena, fetch->place.repo, "blobs", file->checksum, NULL) : NULL;
    if (path && !here)
        here = size_here(path, file->size);
    if (path && !here)
        here = size_here(incomplete_path(&arena, path), file->size);
    arena_release(&arena);
    return file->size - here;
}

int hub_blob_get(
    uint64_t *received, const struct hub_fetch *fetch, const struct hub_file *file, struct err *err)
{
    struct blob blob = {.fetch = fetch};
    char subject[512];
    int lock = -1;
    if (is_here(fetch, file))
        return 0;
    snprintf(subject, sizeof subject, "'%s' of '%s'", file->name, fetch->http->name->repo);
    blob.subject = subject;
    int rc = ask_metadata(&blob, file, err);
    if (!rc)
        rc = find_paths(&blob, file, err);
    if (!rc)
        rc = take_lock(&lock, &blob, err);
    if (!rc)
        rc = fill(received, &blob, err);
    if (!rc)
        rc = place_link(&blob, err);
    if (lock >= 0)
        close(lock);
    arena_release(&blob.arena);
    return rc;
}
