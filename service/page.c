// SPDX-License-Identifier: Apache-2.0
/* GET / and the files that it names: the page to search on, which lies in this program. */
#include "service/call.h"

#include "page_files.h"

#include <string.h>

/* Nothing but what this server sends: no script or style within the HTML, no other site, and in none of its frames.
 * Pictures are also data, as those to search with. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                             "img-src 'self' data:; "
                             "form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

static const struct {
    const char *path, *name, *type;
} pages[] = {
    {"/", "index.html", "text/html; charset=utf-8"},
    {"/common.css", "common.css", "text/css; charset=utf-8"},
    {"/page.css", "page.css", "text/css; charset=utf-8"},
    {"/common.js", "common.js", "text/javascript; charset=utf-8"},
    {"/map.js", "map.js", "text/javascript; charset=utf-8"},
    {"/page.js", "page.js", "text/javascript; charset=utf-8"},
    {"/index-map.js", "index-map.js", "text/javascript; charset=utf-8"},
    {"/icon.svg", "icon.svg", "image/svg+xml"},
};

static const char *file_text(const char *name)
{
    size_t i = 0;
    while (strcmp(page_files[i].name, name))
        i++;
    return page_files[i].text;
}

int handle_page(struct call *call, struct err *err)
{
    struct http_response *response = call->response;
    size_t i = 0;
    while (strcmp(pages[i].path, call->route->path))
        i++;
    const char *text = file_text(pages[i].name);
    const size_t size = strlen(text);
    const char *tag = call_content_tag(call, text, size);
    if (!tag)
        return err_memory(err, size);
    response_add_header(response, "Content-Security-Policy", policy);
    response_add_header(response, "Referrer-Policy", "no-referrer");
    if (call_not_modified(call, tag))
        return 0;
    response->status = 200;
    response->type = pages[i].type;
    response->body = (char *)text; /* the server only reads it */
    response->body_static = true;
    response->size = size;
    return 0;
}
