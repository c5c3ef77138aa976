// SPDX-License-Identifier: Apache-2.0
/*
 * POST /v1/index/update brings the index ?index=NAME up to date with what it was made from; GET follows that, and DELETE
 * ends it. The first two answer with server-sent events (update_events.c). A POST while one runs joins it, and a
 * client that goes away does not end it.
 */
#include "service/service_internal.h"

static int find_writer(struct writer **out, const struct call *call, struct err *err)
{
    struct shelf_index *index;
    const int rc = shelf_find(&index, call_shelf(call), request_query(call->request, "index"), err);
    *out = rc ? NULL : shelf_writer(index);
    return rc;
}

static void stream_events(struct call *call)
{
    call->response->status = 200;
    call->response->type = "text/event-stream";
    response_add_header(call->response, "Cache-Control", "no-store");
    response_add_header(call->response, "X-Accel-Buffering", "no"); /* nginx would gather events */
}

int handle_update_start(struct call *call, struct err *err)
{
    struct writer *writer;
    int rc = find_writer(&writer, call, err);
    if (rc)
        return rc;
    rc = updates_start(&call->response->stream, call->service->updates, writer, &call->request->job, err);
    if (!rc)
        stream_events(call);
    return answer_unwritten(call, rc, err);
}

int handle_update_follow(struct call *call, struct err *err)
{
    struct writer *writer;
    int rc = find_writer(&writer, call, err);
    if (!rc)
        rc = updates_follow(&call->response->stream, call->service->updates, writer, err);
    if (!rc)
        stream_events(call);
    return rc;
}

int handle_update_cancel(struct call *call, struct err *err)
{
    struct writer *writer;
    int rc = find_writer(&writer, call, err);
    if (!rc)
        rc = updates_cancel(call->service->updates, writer, err);
    if (!rc)
        call->answer = json_pack("{s:s, s:b}", "index", writer_name(writer), "cancelled", 1);
    return rc;
}
