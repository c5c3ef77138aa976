// SPDX-License-Identifier: Apache-2.0
/* What the service says of itself. */
#include "service/service_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- health -------------------------------------------------------------------------------------------- */

/* What hinders loading, where something does. */
static int check_loading(struct service *service, struct err *err)
{
    pthread_mutex_lock(&service->lock);
    const bool failed = service->state == SERVICE_FAILED;
    pthread_mutex_unlock(&service->lock);
    return failed ? err_set(err, ERR_DEVICE, "%s", service->problem.msg) : 0;
}

int handle_health(struct call *call, struct err *err)
{
    struct service *service = call->service;
    int rc = check_loading(service, err);
    if (!rc && service_ready(service))
        rc = engine_check(service->engine, service->options.seconds, &call->request->job, err);
    if (rc)
        return rc;
    call->answer = json_pack("{s:s, s:s}", "status", "ok", "version", DIPTYCH_VERSION);
    return 0;
}

int handle_ready(struct call *call, struct err *err)
{
    const int rc = check_loading(call->service, err);
    if (rc)
        return rc;
    if (!service_ready(call->service))
        return err_set(err, ERR_DEVICE, "the model is being loaded");
    call->answer = json_pack("{s:s}", "status", "ready");
    return 0;
}

/* Whatever is wrong with a file is none of the client's faults. */
int handle_reload(struct call *call, struct err *err)
{
    struct err problem;
    if (service_reload(call->service, &problem))
        return err_set(err, ERR_IO, "%s", problem.msg);
    call->answer = json_pack("{s:s}", "status", "reloaded");
    return 0;
}

/* ---- models -------------------------------------------------------------------------------------------- */

/* OpenAI's list of models, each with what a client wants to know before it sends anything. */
int handle_models(struct call *call, struct err *err)
{
    const struct engine *engine = call_engine(call);
    const struct model_config *config = engine_config(engine);
    const struct shelf *shelf = call_shelf(call);
    json_t *indexes = json_array();
    int rc = 0;
    for (size_t i = 0; i < shelf_count(shelf) && !rc; i++) {
        struct shelf_index *index;
        struct index_info info;
        rc = shelf_find(&index, shelf, shelf_name(shelf, i), err);
        if (!rc)
            rc = shelf_info(&info, index, &call->request->arena, err);
        if (rc == ERR_NOT_FOUND)
            rc = 0; /* one that has been taken away; it may come back */
        else if (!rc)
            json_array_append_new(
                indexes, json_pack("{s:s, s:I, s:I, s:s}", "name", shelf_name(shelf, i), "images",
                             (json_int_t)info.images, "texts", (json_int_t)info.texts, "storage",
                             index_storage_names[info.storage]));
    }
    call->answer = json_pack("{s:s, s:[{s:s, s:s, s:s, s:I, s:I, s:I, s:s}], s:o}", "object", "list", "data",
        "id", call_model(call), "object", "model", "owned_by", "diptych", "dimensions",
        (json_int_t)engine_width(engine), "context", (json_int_t)config->text.context, "image_size",
        (json_int_t)config->vision.image_size, "fingerprint", engine_fingerprint(engine), "indexes", indexes);
    return rc;
}

/* ---- metrics ------------------------------------------------------------------------------------------- */

static void print_gauge(FILE *out, const char *name, const char *help, double value)
{
    fprintf(out, "# HELP diptych_%s %s\n# TYPE diptych_%s gauge\ndiptych_%s %.17g\n", name, help, name, name,
        value);
}

static void print_batches(FILE *out, const char *kind, struct batcher_counts counts)
{
    fprintf(out, "diptych_batches_total{kind=\"%s\"} %llu\n", kind, (unsigned long long)counts.batches);
    fprintf(out, "diptych_batch_items_total{kind=\"%s\"} %llu\n", kind, (unsigned long long)counts.items);
    fprintf(out, "diptych_queue_items{kind=\"%s\"} %zu\n", kind, counts.waiting);
}

static void print_queues(FILE *out, struct service *service)
{
    const struct engine_counts counts = engine_counts(service->engine);
    fputs("# TYPE diptych_batches_total counter\n# TYPE diptych_batch_items_total counter\n"
          "# TYPE diptych_queue_items gauge\n",
        out);
    print_batches(out, "texts", counts.texts);
    print_batches(out, "pictures", counts.pictures);
    for (size_t i = 0; i < shelf_count(service->shelf); i++) {
        struct shelf_index *index;
        char kind[128];
        snprintf(kind, sizeof kind, "search of %.100s", shelf_name(service->shelf, i));
        if (!shelf_find(&index, service->shelf, shelf_name(service->shelf, i), NULL))
            print_batches(out, kind, shelf_counts(index));
    }
}

int handle_metrics(struct call *call, struct err *err)
{
    struct service *service = call->service;
    const struct http_counts counts = server_counts(service->http);
    FILE *out = open_memstream(&call->response->body, &call->response->size);
    if (!out)
        return err_memory(err, 0);
    metrics_print(service->metrics, out);
    print_gauge(out, "connections", "Open connections.", (double)counts.connections);
    print_gauge(out, "requests_handled", "Requests being handled.", (double)counts.handling);
    print_gauge(out, "requests_waiting", "Requests that wait to be handled.", (double)counts.waiting);
    print_gauge(out, "body_bytes", "Memory that bodies of requests take.", (double)counts.body_bytes);
    if (service_ready(service)) {
        print_gauge(out, "model_loaded", "Whether the model is in memory.", engine_loaded(service->engine));
        print_queues(out, service);
    }
    if (fclose(out))
        return err_memory(err, 0);
    call->response->status = 200;
    call->response->type = "text/plain; version=0.0.4";
    return 0;
}
