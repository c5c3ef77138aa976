// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RETRIES = 5, REDIRECTS = 10, WAIT_MAX = 60 };

/* ---- where it goes ------------------------------------------------------------------------------------- */

/* Scheme, host and port of a URL. False where it has none. */
static bool origin_of(char out[512], const char *url)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    const bool good = parsed && !curl_url_set(parsed, CURLUPART_URL, url, 0) &&
                      !curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) &&
                      !curl_url_get(parsed, CURLUPART_HOST, &host, 0) &&
                      !curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
                      snprintf(out, 512, "%s://%s:%s", scheme, host, port) < 512;
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parsed);
    return good;
}

static bool same_origin(const char *a, const char *b)
{
    char one[512], other[512];
    return origin_of(one, a) && origin_of(other, b) && !strcasecmp(one, other);
}

/* Whether it is the hub itself that answers there: who may see the token, and tell where a file is. */
static bool is_hub(const struct http *http, const char *url)
{
    return same_origin(url, http->environment->endpoint) || same_origin(url, "https://huggingface.co") ||
           same_origin(url, "https://hf.co");
}

static bool begins(const char *url, const char *scheme)
{
    return !strncasecmp(url, scheme, strlen(scheme));
}

/* Sends the request where it leads, one redirect after another. */
static int follow(struct http *http, struct http_request *request, long *status, bool *again,
    struct arena *arena, struct err *err)
{
    const char *url = request->url;
    for (int i = 0; i < REDIRECTS; i++) {
        int rc = http_exchange(http, request, url, is_hub(http, url), status, again, err);
        if (rc || *status < 300 || *status > 399)
            return rc;
        const char *to = http_location(http, arena);
        if (!to)
            return err_memory(err, 0);
        if (!strcmp(to, url))
            return err_set(
                err, ERR_FORMAT, "cannot download %s: status %ld leads nowhere", request->subject, *status);
        if (begins(url, "https:") ? !begins(to, "https:") : !begins(to, "http"))
            return err_set(err, ERR_FORMAT,
                "cannot download %s: a redirect from '%s' to '%s' is not followed", request->subject, url,
                to);
        if (request->head && !is_hub(http, to))
            return 0;
        url = to;
    }
    return err_set(
        err, ERR_FORMAT, "cannot download %s: more than %d redirects", request->subject, REDIRECTS);
}

/* ---- what it says -------------------------------------------------------------------------------------- */

/* A short text of a header, for messages. */
static const char *said(const struct http *http, const char *name, struct arena *arena)
{
    const char *text = http_header(http, name, arena);
    return text ? text : "";
}

/* Codes and texts are the hub's (hf_raise_for_status in utils/_http.py), which says 401 for what is not there too. */
static int refuse(const struct http *http, const struct http_request *request, long status,
    struct arena *arena, struct err *err)
{
    const char *code = said(http, "X-Error-Code", arena), *text = said(http, "X-Error-Message", arena);
    const char *repo = http->name->repo, *from = http_location(http, arena);
    const bool known = http->environment->token, by_hub = from && is_hub(http, from);
    if (!strcmp(code, "GatedRepo"))
        return err_set(err, ERR_NOT_FOUND, "'%s' is gated: agree to its licence at %s/%s%s", repo,
            http->environment->endpoint, repo,
            known ? ", with the account that the token is of"
                  : ", and set HF_TOKEN to a token of your account");
    if (!strcmp(code, "RevisionNotFound"))
        return err_set(err, ERR_NOT_FOUND, "'%s' has no revision '%s'", repo, http->name->revision);
    if (!strcmp(code, "EntryNotFound"))
        return err_set(err, ERR_NOT_FOUND, "the hub has no %s", request->subject);
    if (!strcmp(code, "RepoNotFound") || (by_hub && (status == 401 || status == 404)))
        return err_set(err, ERR_NOT_FOUND, "%s has no repository '%s', or it is private%s",
            http->environment->endpoint, repo,
            known ? " and not for this token" : ": HF_TOKEN may hold a token that can read it");
    return err_set(err, by_hub && status == 403 ? ERR_NOT_FOUND : ERR_IO,
        "cannot download %s: %s answers %ld%s%s", request->subject,
        by_hub ? "the hub" : "the server that keeps it", status, *text ? ": " : "", text);
}

static bool is_transient(long status)
{
    return status == 408 || status == 429 || (status >= 500 && status != 501 && status <= 599);
}

/* Waits before the next try. A server that asks for more than a minute does not want us now. */
static int pause_before_next(struct http *http, const struct http_request *request, long status, int tries,
    struct arena *arena, struct err *err)
{
    const char *asked = status ? http_header(http, "Retry-After", arena) : NULL;
    char *end = NULL;
    long seconds = asked ? strtol(asked, &end, 10) : 0;
    if (!asked || end == asked || *end || seconds < 0) /* none, or a date */
        seconds = tries < 3 ? 1 << tries : 8;
    if (seconds > WAIT_MAX)
        return err_set(err, ERR_IO, "cannot download %s: the hub asks to come back in %ld seconds",
            request->subject, seconds);
    return http_wait(http, (double)seconds, err);
}

int http_send(struct http *http, struct http_request *request, struct err *err)
{
    struct arena arena = {0};
    int rc, paused = 0;
    for (int tries = 0; !paused; tries++) {
        const uint64_t before = request->offset;
        long status = 0;
        bool again = false;
        rc = follow(http, request, &status, &again, &arena, err);
        if (!rc && status == 416 && request->offset) { /* what is here is no part of what is there */
            request->offset = 0;
            continue;
        }
        if (!rc && status >= 400)
            rc = refuse(http, request, status, &arena, err);
        if (request->offset > before)
            tries = 0;
        if (!rc || !(again || is_transient(status)) || tries == RETRIES)
            break;
        paused = pause_before_next(http, request, status, tries, &arena, err);
        rc = paused ? paused : rc;
    }
    arena_release(&arena);
    return rc;
}

/* ---- answers in memory --------------------------------------------------------------------------------- */

struct text {
    char *bytes;
    size_t size, room, limit;
};

static int take_text(struct http_request *request, const void *bytes, size_t size, struct err *err)
{
    struct text *text = request->context;
    size_t whole;
    if (!request->offset)
        text->size = 0;
    if (!size_add(&whole, text->size, size) || whole > text->limit)
        return err_set(
            err, ERR_LIMIT, "%s: the hub's answer has more than %zu bytes", request->subject, text->limit);
    int rc = array_grow(text->bytes, &text->room, whole + 1, err);
    if (rc)
        return rc;
    memcpy(text->bytes + text->size, bytes, size);
    text->size = whole;
    text->bytes[whole] = '\0';
    return 0;
}

int http_text(char **out, size_t *size, struct http *http, const char *url, const char *subject, size_t limit,
    struct err *err)
{
    struct text text = {.limit = limit};
    struct http_request request = {.url = url, .subject = subject, .take = take_text, .context = &text};
    int rc = take_text(&request, "", 0, err); /* an empty answer is a text too */
    if (!rc)
        rc = http_send(http, &request, err);
    if (rc) {
        free(text.bytes);
        return rc;
    }
    *out = text.bytes;
    *size = text.size;
    return 0;
}
