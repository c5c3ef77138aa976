// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECT_SECONDS = 10, SILENT_SECONDS = 30, POLL_MS = 200, CHUNK = 1 << 18 };
static const double step_seconds = 0.1;

/* ---- steps --------------------------------------------------------------------------------------------- */

int http_step(struct http *http, uint64_t more, struct err *err)
{
    const double now = time_now();
    if (now - http->stepped < step_seconds)
        return 0;
    http->stepped = now;
    const uint64_t scale = http->scale ? http->scale : 1;
    return job_step(
        http->job, http->unit, (size_t)((http->done + more) / scale), (size_t)(http->total / scale), err);
}

int http_wait(struct http *http, double seconds, struct err *err)
{
    if (http->options && http->options->wait) {
        http->options->wait(http->options->context, seconds);
        return http_step(http, 0, err);
    }
    const double end = time_now() + seconds;
    int rc = 0;
    for (double left = seconds; left > 0 && !rc; left = end - time_now()) {
        const double part = left < step_seconds ? left : step_seconds;
        nanosleep(&(struct timespec){.tv_nsec = (long)(part * 1e9)}, NULL);
        rc = http_step(http, 0, err);
    }
    return rc;
}

/* ---- curl ---------------------------------------------------------------------------------------------- */

static void begin_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_open(struct http *http, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin_curl);
    http->easy = curl_easy_init();
    http->multi = curl_multi_init();
    return http->easy && http->multi ? 0 : err_memory(err, 0);
}

void http_close(struct http *http)
{
    curl_easy_cleanup(http->easy);
    curl_multi_cleanup(http->multi);
    http->easy = http->multi = NULL;
}

const char *http_escape(struct http *http, const char *text, struct arena *arena)
{
    char *escaped = curl_easy_escape(http->easy, text, 0);
    const char *out = escaped ? arena_copy(arena, escaped, strlen(escaped)) : NULL;
    curl_free(escaped);
    return out;
}

static const char *last_header(const struct http *http, const char *name)
{
    struct curl_header *header;
    return curl_easy_header(http->easy, name, 0, CURLH_HEADER, -1, &header) ? NULL : header->value;
}

const char *http_header(const struct http *http, const char *name, struct arena *arena)
{
    const char *value = last_header(http, name);
    return value ? arena_copy(arena, value, strlen(value)) : NULL;
}

const char *http_location(const struct http *http, struct arena *arena)
{
    const char *url = NULL;
    curl_easy_getinfo(http->easy, CURLINFO_REDIRECT_URL, &url); /* curl makes it absolute */
    if (!url)
        curl_easy_getinfo(http->easy, CURLINFO_EFFECTIVE_URL, &url);
    return url ? arena_copy(arena, url, strlen(url)) : NULL;
}

/* ---- one exchange -------------------------------------------------------------------------------------- */

/* What the callback of curl needs. */
struct receiving {
    struct http *http;
    struct http_request *request;
    bool begun;
    int rc; /* why it wants no more */
    struct err *err;
};

/* The reply may begin elsewhere than the request asked for: at the front, if the server does not know ranges. */
static int find_offset(struct receiving *receiving, long status)
{
    struct http_request *request = receiving->request;
    const char *range = last_header(receiving->http, "Content-Range");
    unsigned long long from = 0;
    if (status == 206 && (!range || sscanf(range, "bytes %llu-", &from) != 1 || from != request->offset))
        return err_set(receiving->err, ERR_FORMAT, "cannot download %s: asked for byte %llu on, got '%s'",
            request->subject, (unsigned long long)request->offset, range ? range : "");
    if (status != 206)
        request->offset = 0;
    return 0;
}

static size_t receive(char *bytes, size_t one, size_t size, void *context)
{
    struct receiving *receiving = context;
    struct http_request *request = receiving->request;
    long status = 0;
    (void)one;
    curl_easy_getinfo(receiving->http->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206)
        return size; /* a page that says what the status says */
    if (!receiving->begun)
        receiving->rc = find_offset(receiving, status);
    receiving->begun = true;
    if (!receiving->rc)
        receiving->rc = request->take(request, bytes, size, receiving->err);
    if (receiving->rc)
        return 0;
    request->offset += size;
    return size;
}

/* The headers of a request, or NULL when out of memory. */
static struct curl_slist *headers_of(const struct http *http, bool with_token, struct arena *arena)
{
    const char *token = with_token ? http->environment->token : NULL;
    struct curl_slist *list = curl_slist_append(NULL, "Accept: */*");
    if (!list || !token)
        return list;
    char *line = arena_alloc(arena, strlen(token) + sizeof "Authorization: Bearer ");
    struct curl_slist *longer = NULL;
    if (line) {
        sprintf(line, "Authorization: Bearer %s", token);
        longer = curl_slist_append(list, line);
    }
    if (!longer)
        curl_slist_free_all(list);
    return longer;
}

static void set_options(struct http *http, const struct http_request *request, const char *url,
    struct receiving *receiving, const struct curl_slist *headers)
{
    CURL *easy = http->easy;
    char range[32];
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOBODY, (long)request->head);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "diptych");
    /* Sizes are those of the files; what comes compressed all the same is inflated. */
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)SILENT_SECONDS);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)CHUNK);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, receiving);
    if (request->offset && !request->head) {
        snprintf(range, sizeof range, "%llu-", (unsigned long long)request->offset);
        curl_easy_setopt(easy, CURLOPT_RANGE, range);
    }
}

/* Runs the transfer to its end, with steps. */
static int run(CURLcode *result, struct http *http, const struct http_request *request, struct err *err)
{
    int running = 1, left, rc = 0;
    if (curl_multi_add_handle(http->multi, http->easy))
        return err_memory(err, 0);
    while (running && !rc) {
        curl_multi_perform(http->multi, &running);
        rc = http_step(http, request->counts ? request->offset : 0, err);
        if (running && !rc)
            curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL);
    }
    const CURLMsg *message = curl_multi_info_read(http->multi, &left);
    *result = message ? message->data.result : CURLE_OK;
    curl_multi_remove_handle(http->multi, http->easy);
    return rc;
}

/* What goes on failing, however often it is tried. */
static bool is_final(CURLcode code)
{
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_URL_MALFORMAT ||
           code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_BAD_CONTENT_ENCODING;
}

int http_exchange(struct http *http, struct http_request *request, const char *url, bool with_token,
    long *status, bool *again, struct err *err)
{
    struct receiving receiving = {http, request, false, 0, err};
    struct arena arena = {0};
    char reason[CURL_ERROR_SIZE] = "";
    CURLcode result = CURLE_OK;
    struct curl_slist *headers = headers_of(http, with_token, &arena);
    *status = 0;
    *again = false;
    int rc = headers ? 0 : err_memory(err, 0);
    if (!rc) {
        set_options(http, request, url, &receiving, headers);
        curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, reason);
        rc = run(&result, http, request, err);
        curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, NULL);
        curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, NULL);
    }
    if (!rc)
        rc = receiving.rc;
    if (!rc && result) {
        *again = !is_final(result);
        rc = err_set(err, ERR_IO, "cannot download %s: %s", request->subject,
            *reason ? reason : curl_easy_strerror(result));
    }
    if (!rc)
        curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, status);
    curl_slist_free_all(headers);
    arena_release(&arena);
    return rc;
}
