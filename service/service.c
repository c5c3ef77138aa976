// SPDX-License-Identifier: Apache-2.0
#include "service/service_internal.h"

#include <nettle/memops.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- errors -------------------------------------------------------------------------------------------- */

/* What an error code is to a client: a status and OpenAI's word for it; the status that TEI's router has for its own
 * word (router/src/http/server.rs); and FastAPI's, whose 422 is a body that is not what the route takes. */
static const struct problem {
    int code, status;
    const char *type;
    int tei_status;
    const char *tei_type;
    int detail_status;
} problems[] = {
    {ERR_ARGUMENT, 400, "invalid_request_error", 422, "Validation", 400},
    {ERR_FORMAT, 400, "invalid_request_error", 422, "Validation", 422},
    {ERR_UNSUPPORTED, 415, "invalid_request_error", 422, "Validation", 415},
    {ERR_LIMIT, 413, "invalid_request_error", 422, "Validation", 413},
    {ERR_NOT_FOUND, 404, "not_found_error", 422, "Validation", 404},
    {ERR_BUSY, 429, "overloaded_error", 429, "Overloaded", 429},
    {ERR_CANCELLED, 504, "timeout_error", 424, "Backend", 504},
    {ERR_DEVICE, 503, "server_error", 503, "Unhealthy", 503},
    {ERR_MEMORY, 503, "server_error", 503, "Unhealthy", 503},
    {ERR_IO, 500, "server_error", 424, "Backend", 500},
};

static const struct problem *problem_of(int code)
{
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        if (problems[i].code == code)
            return &problems[i];
    return &problems[sizeof problems / sizeof *problems - 1];
}

static enum manners manners_of(const struct call *call)
{
    return call->route ? call->route->manners : MANNERS_OPENAI;
}

static int error_status(const struct call *call, int code)
{
    const struct problem *problem = problem_of(code);
    switch (manners_of(call)) {
    case MANNERS_TEI:
        return problem->tei_status;
    case MANNERS_DETAIL:
        return problem->detail_status;
    default:
        return problem->status;
    }
}

static void set_json(struct http_response *response, json_t *value)
{
    response->body = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    response->size = response->body ? strlen(response->body) : 0;
    response->type = "application/json";
    json_decref(value);
}

void answer_error(struct call *call, int status, const struct err *err)
{
    const struct problem *problem = problem_of(err->code);
    json_t *message = json_text(err->msg), *body = NULL;
    switch (manners_of(call)) {
    case MANNERS_OPENAI:
        body = json_pack("{s:{s:o, s:s, s:n, s:i}}", "error", "message", message, "type", problem->type,
            "param", "code", status);
        break;
    case MANNERS_TEI:
        body = json_pack("{s:o, s:s}", "error", message, "error_type", problem->tei_type);
        break;
    case MANNERS_DETAIL:
        body = json_pack("{s:o}", "detail", message);
        break;
    case MANNERS_PLAIN:
        body = json_pack("{s:o}", "error", message);
        break;
    case MANNERS_MESSAGE:
        body = json_pack("{s:o}", "message", message);
        break;
    }
    call->response->status = status;
    set_json(call->response, body);
    if (status == 429 || status == 503)
        response_add_header(call->response, "Retry-After", "1");
    if (status == 401)
        response_add_header(call->response, "WWW-Authenticate", "Bearer");
}

/* An error that is no library's. */
static void answer_status(struct call *call, int status, int code, const char *why)
{
    struct err err = {0};
    err_set(&err, (enum err_code)code, "%s", why);
    answer_error(call, status, &err);
}

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

/* The route of a request. *path_known: there is one of another method. HEAD is a GET whose body stays here. */
static const struct route *find_route(const char **id, bool *path_known, struct http_request *request)
{
    const char *method = strcmp(request->method, "HEAD") ? request->method : "GET";
    *path_known = false;
    for (const struct route *route = routes; route->method; route++) {
        if (!fits(id, route->path, request->path, &request->arena))
            continue;
        if (!strcmp(route->method, method))
            return route;
        *path_known = true;
    }
    return NULL;
}

/* ---- who may ask --------------------------------------------------------------------------------------- */

static bool is_loopback(const char *address)
{
    return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

/* Whether only programs of this machine reach the service, as far as it knows: who hands it a socket knows better. A
 * browser reaches no socket that is a file, so there any name will do. */
static bool is_private(const struct service_options *options)
{
    return !options->socket && !options->unix_path && is_loopback(options->address);
}

/* The name in a Host header, without its port. */
static struct span host_name(const char *host)
{
    const char *end = *host == '[' ? strchr(host, ']') : NULL;
    const size_t length = end ? (size_t)(end - host) + 1 : strcspn(host, ":");
    return (struct span){host, length};
}

/* Letters of either case are the same in names of hosts. */
static bool is_among(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (name.length == strlen(names[i]) && !strncasecmp(name.data, names[i], name.length))
            return true;
    return false;
}

/* A page of another site can make a browser send requests here, under a name that it lets point to this machine. The
 * name that the browser was given tells; with a token, which such a page cannot know, any name will do. */
static bool host_allowed(const struct service *service, const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const struct service_options *options = &service->options;
    const struct span name = host_name(host ? host : "");
    if (options->token || !is_private(options))
        return true;
    return is_among(name, names, sizeof names / sizeof *names) ||
           is_among(name, options->hosts, options->host_count);
}

/* Browsers say which site a request comes from: none, or this one. */
static bool origin_allowed(const char *origin, const char *host)
{
    const char *name = origin ? strstr(origin, "://") : NULL;
    return !origin || (name && host && !strcasecmp(name + 3, host));
}

static bool token_right(const struct service *service, const char *header)
{
    const char *token = service->options.token;
    if (!token)
        return true;
    if (!header || strncasecmp(header, "Bearer ", 7))
        return false;
    const char *given = header + 7;
    const size_t length = strlen(token);
    return strlen(given) == length && memeql_sec(given, token, length);
}

/* Whether a Content-Type, NULL where there is none, is one of the route's. */
static bool type_fits(const struct route *route, const char *type)
{
    const char *const json = "application/json";
    const size_t length = strlen(json);
    if (route->body == BODY_NONE || route->body == BODY_ANY || (route->body == BODY_UNNAMED && !type))
        return true;
    return type && !strncasecmp(type, json, length) && strchr("; \t", type[length]);
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

static void check_head(struct call *call)
{
    struct http_request *request = call->request;
    const char *host = request_header(request, "Host");
    bool path_known;
    call->route = find_route(&call->id, &path_known, request);
    if (!host_allowed(call->service, host))
        answer_status(call, 403, ERR_ARGUMENT, "this name is none of this machine's");
    else if (!origin_allowed(request_header(request, "Origin"), host))
        answer_status(call, 403, ERR_ARGUMENT, "requests of other sites' pages are not answered");
    else if (!(call->route && call->route->open) &&
             !token_right(call->service, request_header(request, "Authorization")))
        answer_status(call, 401, ERR_ARGUMENT, "the token is missing or wrong");
    else if (!call->route && path_known)
        answer_status(call, 405, ERR_ARGUMENT, "this path is not for this method");
    else if (!call->route)
        answer_status(call, 404, ERR_NOT_FOUND, "there is no such path here");
    else if (!type_fits(call->route, request_header(request, "Content-Type")))
        answer_status(
            call, 415, ERR_UNSUPPORTED, "the body must be JSON: send 'Content-Type: application/json'");
    else if (!call->route->early && !service_ready(call->service))
        answer_status(call, 503, ERR_DEVICE, "the model is not loaded");
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
    int rc = 0;
    if (call->route->body == BODY_JSON || call->route->body == BODY_UNNAMED)
        rc = json_parse(&call->body, call->request->body, call->request->size, "the body", err);
    return rc ? rc : call->route->handle(call, err);
}

static void handle(void *context, struct http_request *request, struct http_response *response)
{
    struct call *call = request->context;
    struct err err = {0};
    (void)context;
    call->response = response;
    const int rc = run(call, &err);
    if (rc) {
        json_decref(call->answer);
        answer_error(call, error_status(call, rc), &err);
    } else if (!response->status) {
        set_json(response, call->answer);
        response->status = response->body ? 200 : 503;
    }
    json_decref(call->body);
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

bool call_not_modified(struct call *call, const char *tag)
{
    const char *known = request_header(call->request, "If-None-Match");
    response_add_header(call->response, "ETag", tag);
    response_add_header(call->response, "Cache-Control", "private, no-cache");
    if (!known || (!strstr(known, tag) && strcmp(known, "*")))
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

/* ---- loading ------------------------------------------------------------------------------------------- */

static int load(struct service *service, struct err *err)
{
    const struct service_options *options = &service->options;
    const struct engine_options engine = {.directory = options->model,
        .device = options->device,
        .picture = options->picture,
        .text_batch = options->batch,
        .picture_batch = options->batch,
        .queue = options->batch * ((size_t)options->requests + 1)};
    int rc = classes_open(&service->classes, err);
    if (!rc)
        rc = engine_open(&service->engine, &engine, err);
    if (rc)
        return rc;
    const struct shelf_options shelf = {.names = options->index_names,
        .paths = options->index_paths,
        .count = options->index_count,
        .fingerprint = engine_fingerprint(service->engine),
        .width = engine_width(service->engine),
        .device = engine_device(service->engine),
        .batch = options->batch,
        .queue = (size_t)options->requests + options->batch};
    return shelf_open(&service->shelf, &shelf, err);
}

static void *load_thread(void *context)
{
    struct service *service = context;
    const int rc = load(service, &service->problem);
    pthread_mutex_lock(&service->lock);
    service->state = rc ? SERVICE_FAILED : SERVICE_READY;
    pthread_cond_broadcast(&service->loaded);
    pthread_mutex_unlock(&service->lock);
    return NULL;
}

bool service_ready(struct service *service)
{
    pthread_mutex_lock(&service->lock);
    const bool ready = service->state == SERVICE_READY;
    pthread_mutex_unlock(&service->lock);
    return ready;
}

int service_wait(struct service *service, struct err *err)
{
    pthread_mutex_lock(&service->lock);
    while (service->state == SERVICE_LOADING)
        pthread_cond_wait(&service->loaded, &service->lock);
    const bool failed = service->state == SERVICE_FAILED;
    pthread_mutex_unlock(&service->lock);
    return failed ? err_set(err, service->problem.code, "%s", service->problem.msg) : 0;
}

/* ---- opening and closing ------------------------------------------------------------------------------- */

static void fill_in(struct service_options *options)
{
    options->address = options->address ? options->address : "127.0.0.1";
    options->batch = options->batch ? options->batch : 32;
    options->requests = options->requests ? options->requests : 64;
    options->waiting = options->waiting ? options->waiting : 256;
    options->connections = options->connections ? options->connections : 1024;
    options->body_bytes = options->body_bytes ? options->body_bytes : 64 << 20;
    options->seconds = options->seconds > 0 ? options->seconds : 60;
}

static int open_http(struct service *service, struct err *err)
{
    enum { BODIES = 8 /* of the largest, together */ };
    const struct service_options *options = &service->options;
    const struct http_handlers handlers = {begin, handle, refuse, done, service};
    const struct http_options http = {.address = options->address,
        .port = options->port,
        .unix_path = options->unix_path,
        .socket = options->socket ? options->socket : -1,
        .threads = options->requests,
        .waiting = options->waiting,
        .connections = options->connections,
        .body_bytes = options->body_bytes * BODIES,
        .head_seconds = 10,
        .body_seconds = 60,
        .seconds = options->seconds,
        .idle_seconds = 30};
    if (!options->socket && !options->unix_path && !is_loopback(options->address) && !options->token &&
        !options->insecure)
        return err_set(err, ERR_ARGUMENT,
            "'%s' can be reached from other machines: that takes a token, or --insecure", options->address);
    return server_open(&service->http, &http, &handlers, err);
}

int service_open(struct service **out, const struct service_options *options, struct err *err)
{
    struct service *service = mem_new(1, sizeof *service);
    if (!service)
        return err_memory(err, sizeof *service);
    service->options = *options;
    service->started = time_now();
    fill_in(&service->options);
    pthread_mutex_init(&service->lock, NULL);
    pthread_mutex_init(&service->log_lock, NULL);
    pthread_cond_init(&service->loaded, NULL);
    service->model_name =
        options->model_name ? options->model_name : path_last(&service->arena, options->model);
    int rc = service->model_name ? metrics_open(&service->metrics, err) : err_memory(err, 0);
    if (!rc)
        rc = open_http(service, err);
    service->loading = !rc && !pthread_create(&service->loader, NULL, load_thread, service);
    if (!rc && !service->loading)
        rc = err_set(err, ERR_LIMIT, "no thread to load the model: the system gives no more");
    if (rc)
        service_close(service, 0);
    else
        *out = service;
    return rc;
}

int service_port(const struct service *service)
{
    return server_port(service->http);
}

void service_close(struct service *service, double seconds)
{
    if (!service)
        return;
    server_close(service->http, seconds);
    if (service->loading)
        pthread_join(service->loader, NULL);
    shelf_free(service->shelf);
    classes_free(service->classes);
    engine_free(service->engine);
    metrics_free(service->metrics);
    pthread_cond_destroy(&service->loaded);
    pthread_mutex_destroy(&service->log_lock);
    pthread_mutex_destroy(&service->lock);
    arena_release(&service->arena);
    free(service);
}
