// SPDX-License-Identifier: Apache-2.0
/* GET /v1/items/ID, its picture and its thumbnail. */
#include "service/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EDGE_DEFAULT = 320, EDGE_MIN = 16, EDGE_MAX = 2048, MEMBER_MAX = 64 << 20 };

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

/* A file, or what an archive has of a picture. */
struct opened {
    int fd;           /* -1: it is in memory */
    struct span span; /* then, for free() */
    uint64_t size;
    const char
        *tag; /* changes with the file and, for thumbnails, with their size; quoted, as the header has it */
};

static void opened_release(struct opened *opened)
{
    if (opened->fd >= 0)
        close(opened->fd);
    free((char *)opened->span.data);
    *opened = (struct opened){.fd = -1};
}

static int keep_tag(struct opened *out, const char *tag, struct call *call, struct err *err)
{
    out->tag = arena_copy(&call->request->arena, tag, strlen(tag));
    return out->tag ? 0 : err_memory(err, strlen(tag));
}

/* Of an archive only the very bytes that were indexed, whatever lies there by now, and wherever its path may lead. */
static int open_member(
    struct opened *out, const struct index_item *item, size_t edge, struct call *call, struct err *err)
{
    struct err why;
    char tag[HASH_SIZE + 24], *bytes;
    size_t size;
    if (!item->hash)
        return err_set(
            err, ERR_NOT_FOUND, "the picture of item %lld is not known by its content", (long long)item->id);
    const int rc = member_read(&bytes, &size, item->path, item->offset, item->size, item->hash, MEMBER_MAX,
        &call->request->job, &why);
    if (rc)
        return err_set(err, rc == ERR_CANCELLED || rc == ERR_MEMORY || rc == ERR_LIMIT ? rc : ERR_NOT_FOUND,
            "the picture of item %lld cannot be read: %s", (long long)item->id, why.msg);
    *out = (struct opened){.fd = -1, .span = {bytes, size}, .size = size};
    snprintf(tag, sizeof tag, "\"%s-%zx\"", item->hash, edge);
    return keep_tag(out, tag, call, err);
}

/* Its path was resolved when it was indexed, so a link on the way is one that came later: then this is another file, and may
 * be one that nobody meant to show. */
static int open_file(
    struct opened *out, const struct index_item *item, size_t edge, struct call *call, struct err *err)
{
    char link[64], path[4096], tag[96];
    struct stat st;
    const int fd = open(item->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, errno == EMFILE || errno == ENFILE ? ERR_BUSY : ERR_NOT_FOUND,
            "the picture of item %lld cannot be opened: %s", (long long)item->id, strerror(errno));
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || strcmp(path, item->path)) {
        close(fd);
        return err_set(
            err, ERR_NOT_FOUND, "the picture of item %lld is not there any more", (long long)item->id);
    }
    *out = (struct opened){.fd = fd, .size = (uint64_t)st.st_size};
    snprintf(tag, sizeof tag, "\"%llx-%llx-%llx-%zx\"", (unsigned long long)st.st_ino,
        (unsigned long long)st.st_size,
        (unsigned long long)st.st_mtim.tv_sec * 1000000000 + (unsigned long long)st.st_mtim.tv_nsec, edge);
    return keep_tag(out, tag, call, err);
}

/* edge 0: the picture itself. *out is for opened_release, also after an error. */
static int open_picture(
    struct opened *out, const struct index_item *item, size_t edge, struct call *call, struct err *err)
{
    *out = (struct opened){.fd = -1};
    if (item->kind != INDEX_IMAGE || !item->path)
        return err_set(err, ERR_NOT_FOUND, "item %lld has no picture", (long long)item->id);
    return (member_shard(item->path) ? open_member : open_file)(out, item, edge, call, err);
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

/* Takes it over. */
static void send_opened(struct call *call, struct opened *opened)
{
    struct http_response *response = call->response;
    uint64_t first = 0, last = opened->size ? opened->size - 1 : 0;
    bool satisfiable = true;
    char text[80];
    const bool part = read_range(&first, &last, &satisfiable, wanted_range(call, opened->tag), opened->size);
    response_add_header(response, "Accept-Ranges", "bytes");
    if (part && !satisfiable) {
        snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)opened->size);
        response_add_header(response, "Content-Range", arena_copy(&call->request->arena, text, strlen(text)));
        response->status = 416;
        return;
    }
    if (part) {
        snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)first,
            (unsigned long long)last, (unsigned long long)opened->size);
        response_add_header(response, "Content-Range", arena_copy(&call->request->arena, text, strlen(text)));
    }
    response->status = part ? 206 : 200;
    response->size = opened->size ? last - first + 1 : 0;
    if (opened->fd >= 0) {
        response->file = true;
        response->fd = opened->fd;
        response->offset = first;
    } else {
        response->body = memmove((char *)opened->span.data, opened->span.data + first, response->size);
    }
    *opened = (struct opened){.fd = -1};
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* What media type it has, by its first bytes; NULL: none that browsers show. */
static const char *media_type(const struct opened *opened)
{
    uint8_t head[32];
    const ssize_t length = opened->fd < 0 ? 0 : pread(opened->fd, head, sizeof head, 0);
    return opened->fd < 0 ? picture_media_type(span_bytes(opened->span), opened->span.length)
                          : picture_media_type(head, length > 0 ? (size_t)length : 0);
}

int handle_item_image(struct call *call, struct err *err)
{
    struct index_item item;
    struct opened opened = {.fd = -1};
    int rc = find_item(&item, call, err);
    if (!rc)
        rc = open_picture(&opened, &item, 0, call, err);
    if (!rc && !call_not_modified(call, opened.tag)) {
        const char *media = media_type(&opened);
        call->response->type = media ? media : "application/octet-stream";
        send_opened(call, &opened);
    }
    opened_release(&opened);
    return rc;
}

/* A file is named by its descriptor, so that it is the one that was looked at. */
static int shrink(
    struct thumbnail *out, const struct opened *opened, int edge, struct call *call, struct err *err)
{
    char path[64];
    const struct picture_options options = {.min_edge = edge, .truncated = true};
    snprintf(path, sizeof path, "/proc/self/fd/%d", opened->fd);
    const struct picture_source source =
        opened->fd >= 0 ? picture_file(path)
                        : picture_bytes("the item", span_bytes(opened->span), opened->span.length);
    return engine_thumbnail(call_engine(call), out, source, edge, &options, &call->request->job, err);
}

int handle_item_thumbnail(struct call *call, struct err *err)
{
    struct index_item item;
    struct thumbnail thumbnail;
    struct opened opened = {.fd = -1};
    const char *wanted = request_query(call->request, "edge");
    char *end = NULL;
    const long edge = wanted ? strtol(wanted, &end, 10) : EDGE_DEFAULT;
    if (edge < EDGE_MIN || edge > EDGE_MAX || (end && *end))
        return err_set(err, ERR_ARGUMENT, "'edge' is no number from %d to %d", EDGE_MIN, EDGE_MAX);
    int rc = find_item(&item, call, err);
    if (!rc)
        rc = open_picture(&opened, &item, (size_t)edge, call, err);
    const bool wants = !rc && !call_not_modified(call, opened.tag);
    if (wants)
        rc = shrink(&thumbnail, &opened, (int)edge, call, err);
    opened_release(&opened);
    if (rc || !wants)
        return rc;
    call->response->status = 200;
    call->response->type = thumbnail.type;
    call->response->body = (char *)thumbnail.bytes; /* the server's now */
    call->response->size = thumbnail.size;
    return 0;
}
