// SPDX-License-Identifier: Apache-2.0
#include "service/http_internal.h"

const char *request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection->mhd, MHD_HEADER_KIND, name);
}

const char *request_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection->mhd, MHD_GET_ARGUMENT_KIND, name);
}

/* A visit under way. */
struct visiting {
    request_visit *visit;
    void *context;
    int rc;
};

static enum MHD_Result visit_query(
    void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct visiting *visiting = context;
    (void)kind;
    visiting->rc = visiting->visit(visiting->context, name, value);
    return visiting->rc ? MHD_NO : MHD_YES;
}

int request_each_query(const struct http_request *request, request_visit *visit, void *context)
{
    struct visiting visiting = {visit, context, 0};
    MHD_get_connection_values(request->connection->mhd, MHD_GET_ARGUMENT_KIND, visit_query, &visiting);
    return visiting.rc;
}

const char *request_cookie(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection->mhd, MHD_COOKIE_KIND, name);
}

const struct sockaddr *request_peer(const struct http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

void response_add_header(struct http_response *response, const char *name, const char *value)
{
    if (response->header_count < HTTP_HEADERS_MAX)
        response->headers[response->header_count++] = (struct http_field){name, value};
}
