// SPDX-License-Identifier: Apache-2.0
#include "tests/joint/hub/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

const char server_commit[] = "1111111111111111111111111111111111111111";
const char server_commit_of_v1[] = "2222222222222222222222222222222222222222";

enum { REQUEST_MAX = 1 << 14, REPLY_MAX = 1 << 18 };

/* ---- files --------------------------------------------------------------------------------------------- */

static void put_hex(char *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void server_add(struct server *server, const char *path, const char *bytes, size_t size, bool large)
{
    struct server_file *file = &server->files[server->file_count++];
    struct sha1_ctx sha1;
    struct sha256_ctx sha256;
    uint8_t digest[SHA256_DIGEST_SIZE];
    char head[32];
    *file = (struct server_file){.path = path, .bytes = bytes, .size = size, .large = large};
    const int length = snprintf(head, sizeof head, "blob %zu", size);
    sha1_init(&sha1);
    sha1_update(&sha1, (size_t)length + 1, (const uint8_t *)head);
    sha1_update(&sha1, size, (const uint8_t *)bytes);
    sha1_digest(&sha1, SHA1_DIGEST_SIZE, digest);
    put_hex(file->sha1, digest, SHA1_DIGEST_SIZE);
    sha256_init(&sha256);
    sha256_update(&sha256, size, (const uint8_t *)bytes);
    sha256_digest(&sha256, SHA256_DIGEST_SIZE, digest);
    put_hex(file->sha256, digest, SHA256_DIGEST_SIZE);
}

/* ---- replies ------------------------------------------------------------------------------------------- */

struct request {
    struct server *server;
    int socket;
    bool head, away;
    char text[REQUEST_MAX], path[2048];
};

static void send_all(int socket, const char *bytes, size_t size)
{
    while (size) {
        const ssize_t sent = send(socket, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* A reply with its headers, each with a line end, and its length. */
static void reply(const struct request *request, int status, const char *headers, const char *body)
{
    char head[4096];
    const int length = snprintf(head, sizeof head,
        "HTTP/1.1 %d Status\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n", status, headers,
        strlen(body));
    send_all(request->socket, head, (size_t)length);
    if (!request->head)
        send_all(request->socket, body, strlen(body));
}

static const char *header(const struct request *request, const char *name, char *out, size_t size)
{
    const char *at = strcasestr(request->text, name);
    if (!at)
        return NULL;
    at += strlen(name);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
    return out;
}

static void append(char *out, const char *format, ...)
{
    const size_t used = strlen(out);
    va_list args;
    va_start(args, format);
    vsnprintf(out + used, REPLY_MAX - used, format, args);
    va_end(args);
}

/* ---- the hub's answers --------------------------------------------------------------------------------- */

static void send_tree(const struct request *request, const char *commit)
{
    struct server *server = request->server;
    const char *cursor = strstr(request->path, "cursor=");
    const size_t first = cursor ? strtoul(cursor + 7, NULL, 10) : 0,
                 page = server->page ? server->page : SERVER_FILES_MAX;
    char *body = calloc(1, REPLY_MAX), link[256] = "";
    append(body, "[");
    for (size_t i = first; i < server->file_count && i < first + page; i++) {
        const struct server_file *file = &server->files[i];
        append(body, "%s{\"type\":\"file\",\"path\":\"%s\",\"size\":%zu,\"oid\":\"%s\"", i > first ? "," : "",
            file->path, file->size, file->sha1);
        if (file->large)
            append(
                body, ",\"lfs\":{\"oid\":\"%s\",\"size\":%zu,\"pointerSize\":130}", file->sha256, file->size);
        append(body, "}");
    }
    append(body, "]");
    if (first + page < server->file_count)
        snprintf(link, sizeof link,
            "Link: <http://127.0.0.1:%d/api/models/%s/tree/%s?cursor=%zu>; rel=\"next\"\r\n",
            server->ports[0], server->repo, commit, first + page);
    reply(request, 200, link, server->list ? server->list : body);
    free(body);
}

static void send_revision(const struct request *request, const char *commit)
{
    char body[256];
    snprintf(
        body, sizeof body, "{\"id\":\"%s\",\"sha\":\"%s\",\"siblings\":[]}", request->server->repo, commit);
    reply(request, 200, "Content-Type: application/json\r\n", body);
}

static void send_small(const struct request *request, const struct server_file *file, const char *commit)
{
    char head[1024];
    uint8_t *packed = NULL;
    const char *bytes = file->bytes;
    size_t size = file->size;
    const bool gzip = request->server->gzip && !request->head;
    int length = snprintf(head, sizeof head,
        "HTTP/1.1 200 OK\r\nX-Repo-Commit: %s\r\nETag: W/\"%s\"\r\nConnection: close\r\n", commit,
        file->sha1);
    if (gzip) {
        z_stream stream = {0};
        packed = malloc(size + 1024);
        deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
        stream.next_in = (uint8_t *)bytes, stream.avail_in = (unsigned)size;
        stream.next_out = packed, stream.avail_out = (unsigned)size + 1024;
        deflate(&stream, Z_FINISH);
        bytes = (const char *)packed, size = stream.total_out;
        deflateEnd(&stream);
    }
    length += gzip ? sprintf(head + length, "Content-Encoding: gzip\r\n\r\n")
                   : sprintf(head + length, "Content-Length: %zu\r\n\r\n", size);
    send_all(request->socket, head, (size_t)length);
    if (!request->head)
        send_all(request->socket, bytes, size);
    free(packed);
}

static void send_file(const struct request *request, const char *name, const char *commit)
{
    const struct server *server = request->server;
    char headers[1024];
    for (size_t i = 0; i < server->file_count; i++) {
        const struct server_file *file = &server->files[i];
        if (strcmp(file->path, name))
            continue;
        if (!file->large) {
            send_small(request, file, commit);
            return;
        }
        snprintf(headers, sizeof headers,
            "X-Repo-Commit: %s\r\nX-Linked-Etag: \"%s\"\r\nX-Linked-Size: %zu\r\nETag: \"%s\"\r\n"
            "Location: http://127.0.0.1:%d/blob/%s\r\n",
            commit, file->sha256, file->size, file->sha1, server->ports[1], file->sha256);
        reply(request, 302, headers, "Found. Redirecting to another place");
        return;
    }
    snprintf(headers, sizeof headers, "X-Error-Code: EntryNotFound\r\nX-Repo-Commit: %s\r\n", commit);
    reply(request, 404, headers, "Entry not found");
}

/* A revision in a path, up to the next '/' or '?': the commit that it is; NULL: there is none. */
static const char *commit_of(const char *text)
{
    static const struct {
        const char *name, *commit;
    } revisions[] = {{"main", server_commit}, {"v1", server_commit_of_v1},
        {"refs%2Fpr%2F1", server_commit_of_v1}, {server_commit, server_commit},
        {server_commit_of_v1, server_commit_of_v1}};
    const size_t length = strcspn(text, "/?");
    for (size_t i = 0; i < sizeof revisions / sizeof *revisions; i++) {
        if (strlen(revisions[i].name) == length && !strncmp(revisions[i].name, text, length))
            return revisions[i].commit;
    }
    return NULL;
}

/* What follows "PREFIX/REPO/WORD/" in a path; NULL: it does not begin so. */
static const char *after(const char *path, const char *prefix, const char *repo, const char *word)
{
    char begin[512];
    snprintf(begin, sizeof begin, "%s/%s/%s/", prefix, repo, word);
    return strncmp(path, begin, strlen(begin)) ? NULL : path + strlen(begin);
}

static bool lead_on(const struct request *request)
{
    const struct server *server = request->server;
    const char *at = server->renamed ? strstr(request->path, server->renamed) : NULL;
    char headers[4096];
    if (!at)
        return false;
    snprintf(headers, sizeof headers, "Location: %.*s%s%s\r\n", (int)(at - request->path), request->path,
        server->repo, at + strlen(server->renamed));
    reply(request, 307, headers, "Temporary Redirect");
    return true;
}

static bool may_read(const struct request *request)
{
    const struct server *server = request->server;
    char token[256];
    if (!server->token)
        return true;
    const char *is = header(request, "\r\nAuthorization: Bearer ", token, sizeof token);
    return is && !strcmp(is, server->token);
}

static void answer_hub(const struct request *request)
{
    const struct server *server = request->server;
    const char *revision = after(request->path, "/api/models", server->repo, "revision");
    const char *tree = after(request->path, "/api/models", server->repo, "tree");
    const char *file = after(request->path, "", server->repo, "resolve");
    const char *given = revision ? revision : tree ? tree : file, *commit = given ? commit_of(given) : NULL;
    if (lead_on(request))
        return;
    if (server->gated && file)
        reply(request, 403, "X-Error-Code: GatedRepo\r\nX-Error-Message: Access is restricted\r\n", "");
    else if (!may_read(request))
        reply(request, 401, "", "Invalid username or password.");
    else if (server->missing || !given)
        reply(request, 404, "X-Error-Code: RepoNotFound\r\nX-Error-Message: Repository not found\r\n", "");
    else if (!commit)
        reply(request, 404, "X-Error-Code: RevisionNotFound\r\n", "");
    else if (revision)
        send_revision(request, commit);
    else if (tree)
        send_tree(request, commit);
    else
        send_file(request, file + strcspn(file, "/") + 1, commit);
}

/* ---- the other place ----------------------------------------------------------------------------------- */

static size_t take_cut(struct server *server, size_t size)
{
    pthread_mutex_lock(&server->lock);
    const bool cut = server->cuts > 0 && server->cut_at < size;
    server->cuts -= cut;
    pthread_mutex_unlock(&server->lock);
    return cut ? server->cut_at : size;
}

static void send_blob(const struct request *request, const struct server_file *file)
{
    struct server *server = request->server;
    char range[64] = "", head[512];
    const size_t whole = file->size + (size_t)server->longer;
    size_t from = 0;
    const bool asked = header(request, "\r\nRange: ", range, sizeof range) && !server->no_ranges;
    pthread_mutex_lock(&server->lock);
    server->blobs++;
    snprintf(server->last_range, sizeof server->last_range, "%s", range);
    pthread_mutex_unlock(&server->lock);
    if (server->on_blob)
        server->on_blob(server->context);
    if (asked && sscanf(range, "bytes=%zu-", &from) == 1 && from >= whole) {
        reply(request, 416, "", "");
        return;
    }
    char *bytes = calloc(1, whole + 1);
    memcpy(bytes, file->bytes, whole < file->size ? whole : file->size);
    if (server->alters)
        bytes[file->size / 2] ^= 1;
    int length =
        snprintf(head, sizeof head, "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\nConnection: close\r\n",
            asked ? 206 : 200, whole - from);
    if (asked)
        length += snprintf(head + length, sizeof head - (size_t)length,
            "Content-Range: bytes %zu-%zu/%zu\r\n", from, whole - 1, whole);
    length += snprintf(head + length, sizeof head - (size_t)length, "\r\n");
    send_all(request->socket, head, (size_t)length);
    send_all(request->socket, bytes + from, take_cut(server, whole - from));
    free(bytes);
}

static void answer_away(const struct request *request)
{
    struct server *server = request->server;
    char token[256];
    if (header(request, "\r\nAuthorization:", token, sizeof token))
        server->token_away = true;
    for (size_t i = 0; i < server->file_count; i++) {
        if (server->files[i].large && !strncmp(request->path, "/blob/", 6) &&
            !strcmp(request->path + 6, server->files[i].sha256)) {
            send_blob(request, &server->files[i]);
            return;
        }
    }
    reply(request, 404, "", "");
}

/* ---- connections --------------------------------------------------------------------------------------- */

static bool take_failure(const struct request *request)
{
    struct server *server = request->server;
    char headers[128] = "";
    pthread_mutex_lock(&server->lock);
    const bool fails = server->fails > 0 && strstr(request->path, server->fail_on);
    server->fails -= fails;
    server->requests++;
    pthread_mutex_unlock(&server->lock);
    if (!fails)
        return false;
    if (server->retry_after)
        snprintf(headers, sizeof headers, "Retry-After: %s\r\n", server->retry_after);
    reply(request, server->fail_status, headers, "not now");
    return true;
}

static void *answer(void *context)
{
    struct request *request = context;
    struct server *server = request->server;
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size + 1 < REQUEST_MAX && !strstr(request->text, "\r\n\r\n")) {
        got = recv(request->socket, request->text + size, REQUEST_MAX - 1 - size, 0);
        size += got > 0 ? (size_t)got : 0;
    }
    char method[16];
    /* A proxy is asked for the whole address; this one answers itself for any host. */
    const bool proxied = sscanf(request->text, "%15s http://%*[^/]%2047s", method, request->path) == 2;
    pthread_mutex_lock(&server->lock);
    server->proxied += proxied;
    pthread_mutex_unlock(&server->lock);
    if (!proxied && sscanf(request->text, "%15s %2047s", method, request->path) != 2)
        method[0] = '\0';
    if (method[0] && !take_failure(request)) {
        request->head = !strcmp(method, "HEAD");
        (request->away ? answer_away : answer_hub)(request);
    }
    shutdown(request->socket, SHUT_WR);
    while (recv(request->socket, request->text, REQUEST_MAX, 0) > 0) /* so that what was sent arrives */
        ;
    close(request->socket);
    free(request);
    pthread_mutex_lock(&server->lock);
    if (!--server->active)
        pthread_cond_signal(&server->idle);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void *accept_all(void *context)
{
    const struct server_port *side = context;
    struct server *server = side->server;
    for (int socket; (socket = accept(server->sockets[side->away], NULL, NULL)) >= 0;) {
        struct request *request = calloc(1, sizeof *request);
        pthread_t thread;
        *request = (struct request){.server = server, .socket = socket, .away = side->away};
        pthread_mutex_lock(&server->lock);
        server->active++;
        pthread_mutex_unlock(&server->lock);
        pthread_create(&thread, NULL, answer, request);
        pthread_detach(thread);
    }
    return NULL;
}

bool server_start(struct server *server)
{
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->idle, NULL);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof address;
        server->sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(server->sockets[i], (struct sockaddr *)&address, length) || listen(server->sockets[i], 64) ||
            getsockname(server->sockets[i], (struct sockaddr *)&address, &length))
            return false;
        server->ports[i] = ntohs(address.sin_port);
        server->sides[i] = (struct server_port){server, i};
        pthread_create(&server->threads[i], NULL, accept_all, &server->sides[i]);
    }
    return true;
}

void server_stop(struct server *server)
{
    for (int i = 0; i < 2; i++) {
        shutdown(server->sockets[i], SHUT_RDWR);
        pthread_join(server->threads[i], NULL);
        close(server->sockets[i]);
    }
    pthread_mutex_lock(&server->lock);
    while (server->active)
        pthread_cond_wait(&server->idle, &server->lock);
    pthread_mutex_unlock(&server->lock);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->idle);
}
