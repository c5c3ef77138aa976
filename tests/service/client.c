// SPDX-License-Identifier: Apache-2.0
#include "tests/service/client.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

int client_connect(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        fail_msg("cannot connect to port %d", port);
    return fd;
}

int client_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        fail_msg("cannot connect to '%s'", path);
    return fd;
}

void client_send(int fd, const char *bytes, size_t size)
{
    while (size) {
        const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the other side has had enough: its answer says why */
        bytes += sent;
        size -= (size_t)sent;
    }
}

static char *grown(char *old, size_t size)
{
    char *new = realloc(old, size);
    assert_non_null(new);
    return new;
}

/* Reads up to the end of the head, at *end of it, and what of the body comes with it. */
static char *read_head(int fd, size_t *size, size_t *end)
{
    enum { STEP = 4096 };
    char *bytes = NULL;
    for (*size = 0;;) {
        bytes = grown(bytes, *size + STEP + 1);
        const ssize_t got = recv(fd, bytes + *size, STEP, 0);
        if (got <= 0) {
            free(bytes);
            return NULL;
        }
        bytes[ *size += (size_t)got] = '\0';
        const char *blank = strstr(bytes, "\r\n\r\n");
        if (blank) {
            *end = (size_t)(blank - bytes) + 4;
            return bytes;
        }
    }
}

const char *answer_header(const struct answer *answer, const char *name, char *out, size_t size)
{
    const size_t length = strlen(name);
    for (const char *line = answer->head; line && (line = strstr(line, "\r\n"));) {
        line += 2;
        if (strncasecmp(line, name, length) || line[length] != ':')
            continue;
        const char *value = line + length + 1 + strspn(line + length + 1, " ");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
        return out;
    }
    return NULL;
}

struct answer client_read(int fd)
{
    struct answer answer = {0};
    size_t size, end;
    char text[64];
    char *bytes = read_head(fd, &size, &end);
    if (!bytes)
        return answer;
    answer.status = atoi(bytes + strlen("HTTP/1.1 "));
    answer.head = strndup(bytes, end);
    const char *length = answer_header(&answer, "Content-Length", text, sizeof text);
    answer.size = length ? strtoull(length, NULL, 10) : 0;
    if (answer.status == 304)
        answer.size = 0;
    answer.body = grown(NULL, answer.size + 1);
    size_t have = size - end < answer.size ? size - end : answer.size;
    memcpy(answer.body, bytes + end, have);
    while (have < answer.size) {
        const ssize_t got = recv(fd, answer.body + have, answer.size - have, 0);
        if (got <= 0) {
            answer.status = 0;
            break;
        }
        have += (size_t)got;
    }
    answer.body[have] = '\0';
    free(bytes);
    return answer;
}

struct answer client_ask(int fd, const char *method, const char *path, const char *headers, const char *body)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    fprintf(out, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s", method, path, headers ? headers : "");
    if (body)
        fprintf(out, "Content-Length: %zu\r\n", strlen(body));
    fprintf(out, "\r\n%s", body ? body : "");
    assert_int_equal(fclose(out), 0);
    client_send(fd, text, size);
    free(text);
    return client_read(fd);
}

struct answer client_once(
    int port, const char *method, const char *path, const char *headers, const char *body)
{
    char all[1024];
    const int fd = client_connect(port);
    snprintf(
        all, sizeof all, "%s%s", body ? "Content-Type: application/json\r\n" : "", headers ? headers : "");
    const struct answer answer = client_ask(fd, method, path, all, body);
    close(fd);
    return answer;
}

void answer_inflate(struct answer *answer)
{
    enum { ROOM = 1 << 20, GZIP = 16 };
    char *out = grown(NULL, ROOM);
    z_stream stream = {.next_in = (Bytef *)answer->body,
        .avail_in = (uInt)answer->size,
        .next_out = (Bytef *)out,
        .avail_out = ROOM - 1};
    assert_int_equal(inflateInit2(&stream, MAX_WBITS + GZIP), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    out[stream.total_out] = '\0';
    free(answer->body);
    answer->body = out;
    answer->size = stream.total_out;
    inflateEnd(&stream);
}

void answer_release(struct answer *answer)
{
    free(answer->head);
    free(answer->body);
    *answer = (struct answer){0};
}
