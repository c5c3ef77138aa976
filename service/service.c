// SPDX-License-Identifier: Apache-2.0
#include "service/service_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ------------------------------------------------------------------------------------------- */

static void tell(void *context, const char *line)
{
    struct service *service = context;
    if (!service->options.tell)
        return;
    pthread_mutex_lock(&service->log_lock);
    service->options.tell(service->options.context, line);
    pthread_mutex_unlock(&service->log_lock);
}

static int load(struct service *service, struct err *err)
{
    const struct service_options *options = &service->options;
    const struct engine_options engine = {.directory = options->model,
        .adapters = options->adapters,
        .device = options->device,
        .picture = options->picture,
        .text_batch = options->batch,
        .picture_batch = options->batch,
        .idle_seconds = options->idle_unload,
        .queue = options->batch * ((size_t)options->requests + 1),
        .tell = tell,
        .context = service};
    int rc = engine_open(&service->engine, &engine, err);
    if (!rc)
        rc = classes_open(&service->classes, options->probe, service->engine, err);
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
    rc = shelf_open(&service->shelf, &shelf, err);
    if (!rc)
        rc = updates_open(&service->updates, service->engine, err);
    const struct keepers_options keepers = {.engine = service->engine,
        .shelf = service->shelf,
        .paths = options->index_paths,
        .tell = tell,
        .context = service};
    return rc || !options->watch ? rc : keepers_open(&service->keepers, &keepers, err);
}

static void *load_thread(void *context)
{
    struct service *service = context;
    const int rc = load(service, &service->problem);
    mem_trim(); /* weights were packed in passing */
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
    options->base_path = options->base_path ? options->base_path : "";
    options->address = options->address ? options->address : "127.0.0.1";
    options->batch = options->batch ? options->batch : 32;
    options->requests = options->requests ? options->requests : 64;
    options->waiting = options->waiting ? options->waiting : 256;
    options->connections = options->connections ? options->connections : 4096;
    options->body_bytes = options->body_bytes ? options->body_bytes : 64 << 20;
    options->seconds = options->seconds > 0 ? options->seconds : 60;
}

/* It stands in a cookie and in a redirection, and is compared with paths as they are decoded. */
static int check_base_path(const char *path, struct err *err)
{
    enum { LIMIT = 200 };
    const size_t length = strlen(path);
    bool good = !length || (*path == '/' && path[length - 1] != '/' && length <= LIMIT);
    for (size_t i = 0; i < length; i++)
        good = good && (isalnum((unsigned char)path[i]) || strchr("/-._~", path[i])) &&
               !(path[i] == '/' && path[i + 1] == '/');
    return good ? 0
                : err_set(err, ERR_ARGUMENT,
                      "'%s' is no base path: it begins with '/', ends without, and has letters, "
                      "digits, '-', '.', '_' and '~'",
                      path);
}

static bool is_utf8(const char *text)
{
    char *valid = text_utf8(text);
    const bool is = valid && !strcmp(valid, text);
    free(valid);
    return is;
}

/* Requests and metrics tell indexes apart by their names alone, which stand in JSON. */
static int check_index_names(const struct service_options *options, struct err *err)
{
    for (size_t i = 0; i < options->index_count; i++) {
        if (!is_utf8(options->index_names[i]))
            return err_set(err, ERR_ARGUMENT, "the name of '%s' is not UTF-8: give it another, NAME=FOLDER",
                options->index_paths[i]);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(options->index_names[i], options->index_names[j]))
                return err_set(err, ERR_ARGUMENT,
                    "'%s' and '%s' are both called '%s': give one another name, NAME=FOLDER",
                    options->index_paths[j], options->index_paths[i], options->index_names[i]);
    }
    return 0;
}

/* In UTF-8, as JSON takes it: a folder may be called anything. NULL when out of memory. */
static const char *model_name_of(const struct service_options *options, struct arena *arena)
{
    const char *name = options->model_name ? options->model_name : path_last(arena, options->model);
    char *valid = name ? text_utf8(name) : NULL;
    const char *out = valid ? arena_copy(arena, valid, strlen(valid)) : NULL;
    free(valid);
    return out;
}

static int open_http(struct service *service, struct err *err)
{
    enum { BODIES = 8 /* of the largest, together */ };
    const struct service_options *options = &service->options;
    const struct http_handlers handlers = dispatch_handlers(service);
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
        .idle_seconds = 30,
        .silent_seconds = 1,
        .unread_seconds = 10};
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
    service->model_name = model_name_of(options, &service->arena);
    int rc = service->model_name ? metrics_open(&service->metrics, err) : err_memory(err, 0);
    if (!rc)
        rc = check_base_path(service->options.base_path, err);
    if (!rc)
        rc = check_index_names(&service->options, err);
    if (!rc)
        rc = access_open(&service->access, &service->options, err);
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

int service_reload(struct service *service, struct err *err)
{
    const int rc = access_reload(service->access, err);
    const int shelf = shelf_reload(service->shelf, rc ? NULL : err);
    if (rc || shelf)
        return rc ? rc : shelf;
    return service->keepers ? keepers_resume(service->keepers, err) : 0;
}

int service_port(const struct service *service)
{
    return server_port(service->http);
}

void service_close(struct service *service, double seconds)
{
    if (!service)
        return;
    if (service_ready(service)) {
        keepers_stop(service->keepers);
        updates_stop(service->updates); /* those who follow one get to know */
    }
    server_close(service->http, seconds);
    if (service->loading)
        pthread_join(service->loader, NULL);
    keepers_stop(service->keepers);
    keepers_free(service->keepers);
    updates_stop(service->updates);
    updates_free(service->updates);
    shelf_free(service->shelf);
    classes_free(service->classes);
    engine_free(service->engine);
    access_free(service->access);
    metrics_free(service->metrics);
    pthread_cond_destroy(&service->loaded);
    pthread_mutex_destroy(&service->log_lock);
    pthread_mutex_destroy(&service->lock);
    arena_release(&service->arena);
    free(service);
}
