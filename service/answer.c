// SPDX-License-Identifier: Apache-2.0
/* Answers in JSON, and what an error is to a client. */
#include "service/service_internal.h"

#include <string.h>

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

static enum manners manners_of(const struct route *route)
{
    return route ? route->manners : MANNERS_OPENAI;
}

int error_status(const struct route *route, int code)
{
    const struct problem *problem = problem_of(code);
    switch (manners_of(route)) {
    case MANNERS_TEI:
        return problem->tei_status;
    case MANNERS_DETAIL:
        return problem->detail_status;
    default:
        return problem->status;
    }
}

void answer_json(struct http_response *response, json_t *value)
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
    switch (manners_of(call->route)) {
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
    answer_json(call->response, body);
    if (status == 409 || status == 429 || status == 503)
        response_add_header(call->response, "Retry-After", "1");
    if (status == 401)
        response_add_header(call->response, "WWW-Authenticate", "Bearer");
}

int answer_unwritten(struct call *call, int rc, const struct err *err)
{
    if (rc != ERR_BUSY && rc != ERR_IO)
        return rc;
    answer_error(call, rc == ERR_BUSY ? 409 : 507, err);
    return 0;
}

/* An error that is no library's. */
void answer_status(struct call *call, int status, int code, const char *why)
{
    struct err err = {0};
    err_set(&err, (enum err_code)code, "%s", why);
    answer_error(call, status, &err);
}
