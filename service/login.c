// SPDX-License-Identifier: Apache-2.0
/* GET and POST /v1/login, POST /v1/logout: a page shows its token once, and then has a cookie (access.h). */
#include "service/service_internal.h"

static json_t *describe(enum access_level level)
{
    return json_pack("{s:s}", "access", access_names[level]);
}

/* {"access": "read" or "write"}: what whoever asks may do; one that may not even read is answered 401. */
int handle_login_state(struct call *call, struct err *err)
{
    (void)err;
    response_add_header(call->response, "Cache-Control", "no-store");
    call->answer = describe(call->access);
    return 0;
}

/* {"token": "..."}: the same, and the cookie; a wrong one is answered 401. */
int handle_login(struct call *call, struct err *err)
{
    static const char *const names[] = {"token", NULL};
    struct access *access = call->service->access;
    const char *token = NULL, *cookie;
    int rc = fields_known(call->body, names, err);
    if (!rc)
        rc = field_text(&token, call->body, "token", err);
    if (!rc && !token)
        rc = err_set(err, ERR_ARGUMENT, "'token' is missing");
    if (rc)
        return rc;
    enum access_level level;
    response_add_header(call->response, "Cache-Control", "no-store");
    rc = access_log_in(&cookie, &level, access, call->request, token, err);
    if (rc)
        return rc;
    if (!level) {
        answer_status(call, 401, ERR_ARGUMENT, "this is none of the service's tokens");
        return 0;
    }
    response_add_header(call->response, "Set-Cookie", cookie);
    call->answer = describe(level);
    return 0;
}

/* 204, also where nobody was logged in. */
int handle_logout(struct call *call, struct err *err)
{
    const char *cookie;
    const int rc = access_log_out(&cookie, call->service->access, call->request, err);
    if (rc)
        return rc;
    response_add_header(call->response, "Set-Cookie", cookie);
    call->response->status = 204;
    return 0;
}
