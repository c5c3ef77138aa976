// SPDX-License-Identifier: Apache-2.0
/* From a request to the function of its route, and from what that returns to an answer. */
#include "service/service_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- routing ------------------------------------------------------------------------------------------- */

/* Whether a path is what a pattern says; *id is what stands in place of its star, in the arena. */
static bool fits(const char **id, const char *pattern, const char *path, struct arena *arena)
{
    const char *star = strchr(pattern, '*');
    if (!star)
        return !strcmp(pattern, path);
    const size_t before = (size_t)(star - pattern);
    if (strncmp(pattern, path, before))
        return false;
    const size_t length = strcspn(path + before, "/");
    if (!length || strcmp(path + before + length, star + 1))
        return false;
    *id = arena_copy(arena, path + before, length);
    return *id != NULL;
}

/* The route of a request. HEAD is a GET whose body stays here. */
static const struct route *find_route(struct call *call)
{
    const struct http_request *request = call->request;
    const char *method = strcmp(request->method, "HEAD") ? request->method : "GET";
    for (const struct route *route = routes; route->method; route++)
        if (!strcmp(route->method, method) && fits(&call->id, route->path, call->path, &call->request->arena))
            return route;
    return NULL;
}

/* The methods that a path has, as the header Allow lists them; NULL where there is no such path. */
static const char *methods_of_path(const struct call *call)
{
    char list[64];
    size_t used = 0;
    const char *id;
    struct arena *arena = &call->request->arena;
    for (const struct route *route = routes; route->method && used < sizeof list; route++)
        if (fits(&id, route->path, call->path, arena))
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s%s", used ? ", " : "",
                route->method, strcmp(route->method, "GET") ? "" : ", HEAD");
    return used && used < sizeof list ? arena_copy(arena, list, used) : NULL;
}

/* The path below the service's; NULL where the request's lies elsewhere. */
static const char *path_here(const struct service *service, const char *path)
{
    const char *base = service->options.base_path;
    const size_t length = strlen(base);
    return !strncmp(path, base, length) && path[length] == '/' ? path + length : NULL;
}

/* ---- the head of a request ----------------------------------------------------------------------------- */

/* What a handler of http.h gets its call from; it lies in the request's memory. */
static struct call *call_new(
    struct service *service, struct http_request *request, struct http_response *response)
{
    struct call *call = arena_alloc(&request->arena, sizeof *call);
    if (call)
        *call = (struct call){.service = service, .request = request, .response = response};
    request->context = call;
    return call;
}

/* Whether the request has the right to its route; otherwise the answer says why not. */
static bool check_access(struct call *call)
{
    struct access *access = call->service->access;
    const struct route *route = call->route;
    const enum access_level needed = route && route->writes ? ACCESS_WRITE : ACCESS_READ;
    int status;
    const char *why;
    call->access = access_level(access, call->request, &status, &why);
    if ((route && route->open) || call->access >= needed ||
        (route && route->networks && access_from_network(access, call->request)))
        return true;
    answer_status(call, status, ERR_ARGUMENT, why);
    return false;
}

/* "/diptych" is answered "/diptych/", below which what the page asks for lies. */
static bool leads_below(struct call *call)
{
    const char *base = call->service->options.base_path;
    if (!*base || strcmp(call->request->path, base))
        return false;
    char place[512];
    const int length = snprintf(place, sizeof place, "%s/", base);
    const char *copy = arena_copy(&call->request->arena, place, (size_t)length);
    response_add_header(call->response, "Location", copy ? copy : "/");
    call->response->status = 308;
    return true;
}

static void check_head(struct call *call)
{
    struct http_request *request = call->request;
    const char *host = request_header(request, "Host");
    call->path = path_here(call->service, request->path);
    call->route = call->path ? find_route(call) : NULL;
    const char *methods = !call->path || call->route ? NULL : methods_of_path(call);
    if (!access_host_allowed(call->service->access, host))
        answer_status(call, 403, ERR_ARGUMENT, "this name is none of this machine's");
    else if (!access_origin_allowed(request_header(request, "Origin"), host))
        answer_status(call, 403, ERR_ARGUMENT, "requests of other sites' pages are not answered");
    else if (leads_below(call) || !check_access(call))
        return;
    else if (methods)
        answer_status(call, 405, ERR_ARGUMENT, "this path is not for this method");
    else if (!call->route)
        answer_status(call, 404, ERR_NOT_FOUND, "there is no such path here");
    else if (!body_type_fits(call->route, request_header(request, "Content-Type")))
        answer_status(call, 415, ERR_UNSUPPORTED,
            call->route->picture ? "the body must be JSON, a form or a picture: send 'Content-Type: "
                                   "application/json', 'multipart/form-data' or 'image/...'"
                                 : "the body must be JSON: send 'Content-Type: application/json'");
    else if (!call->route->early && !service_ready(call->service))
        answer_status(call, 503, ERR_DEVICE, "the model is not loaded");
    if (call->response->status == 405)
        response_add_header(call->response, "Allow", methods);
}

static void begin(
    void *context, struct http_request *request, size_t *body_limit, struct http_response *response)
{
    struct service *service = context;
    struct call *call = call_new(service, request, response);
    if (!call) {
        response->status = 503;
        response->body_static = true;
        return;
    }
    check_head(call);
    *body_limit = call->route && call->route->body != BODY_NONE ? service->options.body_bytes : 0;
    response_add_header(response, "X-Content-Type-Options", "nosniff");
}

static void refuse(
    void *context, struct http_request *request, int status, const char *why, struct http_response *response)
{
    struct call *call = request->context;
    (void)context, (void)response;
    answer_status(call, status, status == 429 ? ERR_BUSY : status == 503 ? ERR_DEVICE : ERR_LIMIT, why);
}

/* ---- the whole request --------------------------------------------------------------------------------- */

static int run(struct call *call, struct err *err)
{
    const bool read = call->route->body == BODY_JSON || call->route->body == BODY_UNNAMED;
    int rc =
        call->route->queries && !body_in_query(call) ? queries_known(call, call->route->queries, err) : 0;
    if (!rc && read)
        rc = body_read(call, err);
    return rc ? rc : call->route->handle(call, err);
}

static void handle(void *context, struct http_request *request, struct http_response *response)
{
    struct call *call = request->context;
    struct err err = {0};
    (void)context;
    call->response = response;
    const size_t headers = response->header_count;
    const int rc = run(call, &err);
    if (rc) {
        json_decref(call->answer);
        response->header_count = headers; /* its ETag was that of the answer that did not come to be */
        answer_error(call, error_status(call->route, rc), &err);
    } else if (!response->status) {
        answer_json(response, call->answer);
        response->status = response->body ? 200 : 503;
    }
    json_decref(call->body);
    compress_answer(request, response);
}

static void done(
    void *context, const struct http_request *request, const struct http_response *response, double seconds)
{
    struct service *service = context;
    const struct call *call = request->context;
    metrics_count(service->metrics, call ? call->route : NULL, response->status, seconds);
    if (!service->options.log)
        return;
    json_t *path = json_text(request->path);
    json_t *line = json_pack("{s:s, s:s, s:o, s:i, s:I, s:f}", "id", request->id, "method", request->method,
        "path", path, "status", response->status, "bytes", (json_int_t)response->size, "seconds", seconds);
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    pthread_mutex_lock(&service->log_lock);
    if (text)
        service->options.log(service->options.context, text);
    pthread_mutex_unlock(&service->log_lock);
    free(text);
    json_decref(line);
}

/* ---- what functions share ------------------------------------------------------------------------------ */

struct engine *call_engine(const struct call *call)
{
    return call->service->engine;
}

struct shelf *call_shelf(const struct call *call)
{
    return call->service->shelf;
}

struct classes *call_classes(const struct call *call)
{
    return call->service->classes;
}

const char *call_model(const struct call *call)
{
    return call->service->model_name;
}

int call_check_model(const struct call *call, struct err *err)
{
    const char *name = NULL;
    const int rc = field_text(&name, call->body, "model", err);
    if (!rc && name && strcmp(name, call_model(call)))
        return err_set(err, ERR_NOT_FOUND, "the model '%.100s' is not here, '%s' is", name, call_model(call));
    return rc;
}

const char *call_content_tag(const struct call *call, const void *bytes, size_t size)
{
    char hash[HASH_SIZE], tag[HASH_SIZE + 4];
    hash_bytes(hash, bytes, size);
    const int length = snprintf(tag, sizeof tag, "W/\"%s\"", hash);
    return arena_copy(&call->request->arena, tag, (size_t)length);
}

bool call_not_modified(struct call *call, const char *tag)
{
    const char *known = request_header(call->request, "If-None-Match"),
               *opaque = strncmp(tag, "W/", 2) ? tag : tag + 2; /* RFC 9110, 8.8.3.2: weak comparison */
    response_add_header(call->response, "ETag", tag);
    response_add_header(call->response, "Cache-Control", "private, no-cache");
    if (!known || (!strstr(known, opaque) && strcmp(known, "*")))
        return false;
    call->response->status = 304;
    return true;
}

int call_alloc(void *out, const struct call *call, size_t count, size_t size, struct err *err)
{
    size_t bytes;
    void *memory = size_mul(&bytes, count, size) ? arena_alloc(&call->request->arena, bytes + 1) : NULL;
    memcpy(out, &memory, sizeof memory);
    return memory ? 0 : err_memory(err, count);
}

struct http_handlers dispatch_handlers(struct service *service)
{
    return (struct http_handlers){begin, handle, refuse, done, service};
}
