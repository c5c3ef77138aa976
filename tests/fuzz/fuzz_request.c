// SPDX-License-Identifier: Apache-2.0
/* Whole requests, from the route to the answer, of a service of the frozen model and a small index; what is left out is
 * the network and libmicrohttpd. An input is
 *
 *   POST /v1/items/1/thumbnail?edge=64      the path without %
 *   Content-Type: application/json          headers, one a line
 *                                           an empty line
 *   {"input": "a"}                          the body
 *
 * The linker leads request_header and its kin here, where they look into these bytes. */
#include "service/service_internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/service/served.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the request in the bytes -------------------------------------------------------------------------- */

enum { HEADERS_MAX = 32 };

/* All in the request's arena. */
static struct {
    char *method, *path, *query;
    struct {
        const char *name, *value;
    } headers[HEADERS_MAX];
    size_t header_count;
} head;

const char *__wrap_request_header(const struct http_request *request, const char *name);
const char *__wrap_request_query(const struct http_request *request, const char *name);
int __wrap_request_each_query(const struct http_request *request, request_visit *visit, void *context);
const char *__wrap_request_cookie(const struct http_request *request, const char *name);
const struct sockaddr *__wrap_request_peer(const struct http_request *request);

const char *__wrap_request_header(const struct http_request *request, const char *name)
{
    (void)request;
    for (size_t i = 0; i < head.header_count; i++)
        if (!strcasecmp(head.headers[i].name, name))
            return head.headers[i].value;
    return NULL;
}

const char *__wrap_request_query(const struct http_request *request, const char *name)
{
    const size_t length = strlen(name);
    const char *at = head.query;
    while (at && (strncmp(at, name, length) || at[length] != '=')) {
        at = strchr(at, '&');
        at = at ? at + 1 : NULL;
    }
    return at ? arena_copy(
                    &((struct http_request *)request)->arena, at + length + 1, strcspn(at + length + 1, "&"))
              : NULL;
}

int __wrap_request_each_query(const struct http_request *request, request_visit *visit, void *context)
{
    struct arena *arena = &((struct http_request *)(uintptr_t)request)->arena;
    int rc = 0;
    for (const char *at = head.query; at && *at && !rc;) {
        const size_t length = strcspn(at, "&"), name = strcspn(at, "=&");
        rc = visit(context, arena_copy(arena, at, name),
            name < length ? arena_copy(arena, at + name + 1, length - name - 1) : NULL);
        at = at[length] ? at + length + 1 : NULL;
    }
    return rc;
}

/* The header is taken for the value of any. */
const char *__wrap_request_cookie(const struct http_request *request, const char *name)
{
    (void)name;
    return __wrap_request_header(request, "Cookie");
}

const struct sockaddr *__wrap_request_peer(const struct http_request *request)
{
    (void)request;
    return NULL;
}

static char *next_line(struct span *rest, struct arena *arena)
{
    const char *end = rest->length ? memchr(rest->data, '\n', rest->length) : NULL;
    if (!end)
        return NULL;
    char *line = arena_copy(arena, rest->data, (size_t)(end - rest->data));
    FUZZ_CHECK(line);
    *rest = span_from(*rest, (size_t)(end - rest->data) + 1);
    return line;
}

/* Ends a string at a separator; what stands behind it, or NULL. */
static char *cut(char *text, const char *separator)
{
    char *at = strstr(text, separator);
    if (!at)
        return NULL;
    *at = '\0';
    return at + strlen(separator);
}

static bool read_head(struct http_request *request, struct span *rest)
{
    char *line = next_line(rest, &request->arena);
    memset(&head, 0, sizeof head);
    head.method = line;
    head.path = line ? cut(line, " ") : NULL;
    if (!head.path)
        return false;
    head.query = cut(head.path, "?");
    while ((line = next_line(rest, &request->arena)) && *line) {
        char *value = cut(line, ": ");
        if (!value || head.header_count == HEADERS_MAX)
            return false;
        head.headers[head.header_count].name = line;
        head.headers[head.header_count++].value = value;
    }
    request->method = head.method;
    request->path = head.path;
    return true;
}

/* ---- the service --------------------------------------------------------------------------------------- */

static struct http_handlers start(void)
{
    static struct http_handlers handlers;
    if (!handlers.begin) {
        FUZZ_CHECK(!system("rm -rf '" DIPTYCH_SCRATCH "' && mkdir -p '" DIPTYCH_SCRATCH "'"));
        served_open(NULL);
        handlers = dispatch_handlers(served.service);
    }
    return handlers;
}

static void check_value(const char *value)
{
    FUZZ_CHECK(value && !strpbrk(value, "\r\n"));
}

/* Whatever comes is answered, and nothing in it makes the service think that it is broken itself. */
static void check_response(const struct http_response *response)
{
    FUZZ_CHECK(response->status >= 200 && response->status < 500);
    for (size_t i = 0; i < response->header_count; i++)
        check_value(response->headers[i].value);
    if (response->type)
        check_value(response->type);
    if (response->file) {
        struct stat st;
        FUZZ_CHECK(!fstat(response->fd, &st));
        FUZZ_CHECK(response->offset + response->size <= (uint64_t)st.st_size);
    }
    if (response->type && !strcmp(response->type, "application/json")) {
        json_t *root = json_loadb(response->body, response->size, JSON_DECODE_ANY, NULL);
        FUZZ_CHECK(root);
        FUZZ_CHECK(response->status < 400 || json_is_object(root));
        json_decref(root);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct http_handlers handlers = start();
    struct http_request request = {.id = "fuzz"};
    struct http_response response = {0};
    struct span rest = {(const char *)data, size};
    size_t limit = 0;
    if (read_head(&request, &rest)) {
        request.body = arena_copy(&request.arena, rest.data, rest.length);
        request.size = rest.length;
        FUZZ_CHECK(request.body);
        handlers.begin(handlers.context, &request, &limit, &response);
        if (!response.status && request.size > limit)
            handlers.refuse(handlers.context, &request, 413, "too large", &response);
        if (!response.status)
            handlers.handle(handlers.context, &request, &response);
        handlers.done(handlers.context, &request, &response, 0);
        check_response(&response);
    }
    if (response.file)
        close(response.fd);
    if (response.stream.read)
        response.stream.free(response.stream.context);
    if (!response.body_static)
        free(response.body);
    arena_release(&request.arena);
    return 0;
}
