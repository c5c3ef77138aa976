// SPDX-License-Identifier: Apache-2.0
/* GET /v1/items/ID, its picture and its thumbnail. */
#include "service/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EDGE_DEFAULT = 320, EDGE_MIN = 16, EDGE_MAX = 2048 };

/* ---- the item ------------------------------------------------------------------------------------------ */

int call_item_id(int64_t *out, const struct call *call, struct err *err)
{
    const char *text = call->id;
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (*text < '1' || *text > '9' || *end || errno)
        return err_set(err, ERR_NOT_FOUND, "'%.40s' is no number of an item", text);
    return 0;
}

static int find_item(struct index_item *out, struct call *call, struct err *err)
{
    struct shelf_index *index;
    int64_t id;
    int rc = call_item_id(&id, call, err);
    if (!rc)
        rc = shelf_find(&index, call_shelf(call), request_query(call->request, "index"), err);
    return rc ? rc : shelf_item(out, NULL, index, id, &call->request->arena, err);
}

int handle_item(struct call *call, struct err *err)
{
    struct index_item item;
    const int rc = find_item(&item, call, err);
    if (!rc)
        call->answer = index_item_json(&item);
    return rc;
}

/* ---- its file ------------------------------------------------------------------------------------------ */

/* Opens the item's picture. Its path was resolved when it was indexed, so a link on the way is one that came later:
 * then this is another file, and may be one that nobody meant to show. */
static int open_picture(int *out, struct stat *st, const struct index_item *item, struct err *err)
{
    char link[64], path[4096];
    if (item->kind != INDEX_IMAGE || !item->path)
        return err_set(err, ERR_NOT_FOUND, "item %lld has no picture", (long long)item->id);
    const int fd = open(item->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, errno == EMFILE || errno == ENFILE ? ERR_BUSY : ERR_NOT_FOUND,
            "the picture of item %lld cannot be opened: %s", (long long)item->id, strerror(errno));
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    if (fstat(fd, st) || !S_ISREG(st->st_mode) || strcmp(path, item->path)) {
        close(fd);
        return err_set(
            err, ERR_NOT_FOUND, "the picture of item %lld is not there any more", (long long)item->id);
    }
    *out = fd;
    return 0;
}

/* Changes with the file and, for thumbnails, with their size. Quoted, as the header has it. */
static const char *entity_tag(const struct call *call, const struct stat *st, size_t edge)
{
    char tag[96];
    const int length = snprintf(tag, sizeof tag, "\"%llx-%llx-%llx-%zx\"", (unsigned long long)st->st_ino,
        (unsigned long long)st->st_size,
        (unsigned long long)st->st_mtim.tv_sec * 1000000000 + (unsigned long long)st->st_mtim.tv_nsec, edge);
    return arena_copy(&call->request->arena, tag, (size_t)length);
}

/* ---- ranges -------------------------------------------------------------------------------------------- */

/* "bytes=A-B", "bytes=A-" or "bytes=-N" of a file; false: no such header, or one that is not understood, which
 * counts as none (RFC 9110, 14.2). *satisfiable says whether the file has such bytes. */
static bool read_range(uint64_t *first, uint64_t *last, bool *satisfiable, const char *text, uint64_t size)
{
    char *end;
    if (!text || strncmp(text, "bytes=", 6) || strchr(text, ','))
        return false;
    const char *dash = strchr(text += 6, '-');
    if (!dash || (!(*text >= '0' && *text <= '9') && text != dash) || (text == dash && !dash[1]))
        return false;
    const uint64_t from = strtoull(text, &end, 10);
    if (text != dash && end != dash)
        return false;
    const uint64_t to = dash[1] ? strtoull(dash + 1, &end, 10) : UINT64_MAX;
    if (dash[1] && (*end || !(dash[1] >= '0' && dash[1] <= '9')))
        return false;
    const bool suffix = text == dash; /* the last `to` bytes */
    if (!suffix && from > to)
        return false;
    *first = suffix ? (to < size ? size - to : 0) : from;
    *last = suffix || to >= size ? size - 1 : to;
    *satisfiable = size && (suffix ? to > 0 : from < size);
    return true;
}

/* The part that a client asks for; NULL where it wants all, or has the parts of another file than that of the tag. */
static const char *wanted_range(const struct call *call, const char *tag)
{
    const char *known = request_header(call->request, "If-Range");
    return known && strcmp(known, tag) ? NULL : request_header(call->request, "Range");
}

static void send_file(struct call *call, int fd, uint64_t size, const char *tag)
{
    struct http_response *response = call->response;
    uint64_t first = 0, last = size ? size - 1 : 0;
    bool satisfiable = true;
    char text[80];
    const bool part = read_range(&first, &last, &satisfiable, wanted_range(call, tag), size);
    response_add_header(response, "Accept-Ranges", "bytes");
    if (part && !satisfiable) {
        snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)size);
        response_add_header(response, "Content-Range", arena_copy(&call->request->arena, text, strlen(text)));
        response->status = 416;
        close(fd);
        return;
    }
    if (part) {
        snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)first,
            (unsigned long long)last, (unsigned long long)size);
        response_add_header(response, "Content-Range", arena_copy(&call->request->arena, text, strlen(text)));
    }
    response->status = part ? 206 : 200;
    response->file = true;
    response->fd = fd;
    response->offset = first;
    response->size = size ? last - first + 1 : 0;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

int handle_item_image(struct call *call, struct err *err)
{
    struct index_item item;
    struct stat st;
    uint8_t head[32];
    int fd;
    int rc = find_item(&item, call, err);
    if (!rc)
        rc = open_picture(&fd, &st, &item, err);
    if (rc)
        return rc;
    const char *tag = entity_tag(call, &st, 0);
    if (!tag || call_not_modified(call, tag)) {
        close(fd);
        return tag ? 0 : err_memory(err, 0);
    }
    const ssize_t length = pread(fd, head, sizeof head, 0);
    const char *media = picture_media_type(head, length > 0 ? (size_t)length : 0);
    call->response->type = media ? media : "application/octet-stream";
    send_file(call, fd, (uint64_t)st.st_size, tag);
    return 0;
}

/* Named by its descriptor, so that it is the file that was looked at. */
int handle_item_thumbnail(struct call *call, struct err *err)
{
    struct index_item item;
    struct thumbnail thumbnail;
    struct stat st;
    char path[64];
    const char *wanted = request_query(call->request, "edge");
    char *end = NULL;
    const long edge = wanted ? strtol(wanted, &end, 10) : EDGE_DEFAULT;
    int fd;
    if (edge < EDGE_MIN || edge > EDGE_MAX || (end && *end))
        return err_set(err, ERR_ARGUMENT, "'edge' is no number from %d to %d", EDGE_MIN, EDGE_MAX);
    int rc = find_item(&item, call, err);
    if (!rc)
        rc = open_picture(&fd, &st, &item, err);
    if (rc)
        return rc;
    const char *tag = entity_tag(call, &st, (size_t)edge);
    if (!tag || call_not_modified(call, tag)) {
        close(fd);
        return tag ? 0 : err_memory(err, 0);
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const struct picture_options options = {.min_edge = (int)edge};
    rc = engine_thumbnail(
        call_engine(call), &thumbnail, picture_file(path), (int)edge, &options, &call->request->job, err);
    close(fd);
    if (rc)
        return rc;
    call->response->status = 200;
    call->response->type = thumbnail.type;
    call->response->body = (char *)thumbnail.bytes; /* the server's now */
    call->response->size = thumbnail.size;
    return 0;
}
