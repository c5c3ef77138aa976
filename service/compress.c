// SPDX-License-Identifier: Apache-2.0
/* Answers in gzip (RFC 1952), for clients that take it. */
#include "service/service_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

/* Shorter ones fit into a packet or two as they are. */
enum { COMPRESSED_LEAST = 1024 };

/* ---- what the client takes ----------------------------------------------------------------------------- */

/* The weight of an element of Accept-Encoding, " gzip ; q=0.5", in thousandths: 1000 where it has none. */
static int weight_of(struct span element)
{
    const char *semicolon = element.length ? memchr(element.data, ';', element.length) : NULL;
    if (!semicolon)
        return 1000;
    struct span rest = span_from(element, (size_t)(semicolon - element.data) + 1);
    while (rest.length && (*rest.data == ' ' || *rest.data == '\t'))
        rest = span_from(rest, 1);
    if (rest.length < 3 || strncasecmp(rest.data, "q=", 2))
        return 1000;
    const double weight = strtod(rest.data + 2, NULL); /* ends with the header at the latest */
    return weight > 0 ? weight < 1 ? (int)(weight * 1000) : 1000 : 0;
}

/* Whether an element names a coding, in letters of either case. */
static bool names(struct span element, const char *coding)
{
    const size_t length = strlen(coding);
    while (element.length && (*element.data == ' ' || *element.data == '\t'))
        element = span_from(element, 1);
    if (element.length < length || strncasecmp(element.data, coding, length))
        return false;
    return element.length == length || strchr(" \t;", element.data[length]);
}

bool compress_wanted(const char *accepted)
{
    int gzip = -1, identity = -1, others = 0;
    for (struct span rest = span_of(accepted ? accepted : ""); rest.length;) {
        const char *comma = memchr(rest.data, ',', rest.length);
        const struct span element = {rest.data, comma ? (size_t)(comma - rest.data) : rest.length};
        const int weight = weight_of(element);
        if (names(element, "gzip") || names(element, "x-gzip"))
            gzip = weight;
        else if (names(element, "identity"))
            identity = weight;
        else if (names(element, "*"))
            others = weight;
        rest = span_from(rest, element.length + (comma != NULL));
    }
    gzip = gzip < 0 ? others : gzip;
    return gzip > 0 && gzip >= identity;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Texts and JSON: pictures are compressed already, and events must not wait for more. */
static bool is_compressible(const struct http_response *response)
{
    const char *type = response->type;
    return type && response->body && !response->file && response->size >= COMPRESSED_LEAST &&
           response->size <= UINT_MAX / 2 &&
           (!strncmp(type, "text/", 5) || !strncmp(type, "application/json", 16));
}

/* Whether it has an ETag that stands for both forms of an answer: a weak one. */
static bool has_weak_tag(const struct http_response *response)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (!strcmp(response->headers[i].name, "ETag") && !strncmp(response->headers[i].value, "W/", 2))
            return true;
    return false;
}

/* In gzip, for free(), or NULL where that is no shorter or there is no memory: then the answer goes as it is. The fastest
 * level leaves JSON a quarter longer than the best, in a fifth of the time. */
static char *compressed(size_t *size, const char *bytes, size_t length)
{
    enum { GZIP = 16 };
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)length};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    char *out = mem_new(length, 1);
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)length;
    const int end = out ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
    *size = length - stream.avail_out;
    deflateEnd(&stream);
    if (end == Z_STREAM_END)
        return out;
    free(out);
    return NULL;
}

void compress_answer(const struct http_request *request, struct http_response *response)
{
    if (response->status == 304 && has_weak_tag(response))
        response_add_header(response, "Vary", "Accept-Encoding");
    if (response->status == 304 || !is_compressible(response))
        return;
    response_add_header(response, "Vary", "Accept-Encoding");
    if (!compress_wanted(request_header(request, "Accept-Encoding")))
        return;
    size_t size;
    char *bytes = compressed(&size, response->body, response->size);
    if (!bytes)
        return;
    if (!response->body_static)
        free(response->body);
    response->body = bytes;
    response->size = size;
    response->body_static = false;
    response_add_header(response, "Content-Encoding", "gzip");
}
