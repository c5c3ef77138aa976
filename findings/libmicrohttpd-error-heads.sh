#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libmicrohttpd 0.9.75 (Debian 12): some of the errors that it answers itself have their head twice.
#
# Guess before running it: a request whose Content-Length is no number, and one of HTTP/1.1 without Host where
# MHD_OPTION_STRICT_FOR_CLIENT asks for it, are answered by a head and the page that its Content-Length counts.
#
# Seen: the head comes twice, and then the page. What a client takes for the page is the second head, and the page's end is
# lost. A version that is not known is answered as one would think. A server is not asked and cannot help it; the
# connection ends behind it, so no other answer is harmed.
#
# Prints what is seen and fails where it is no longer so. Needs gcc, and apt-get with Debian 12's packages, which it
# unpacks below TMPDIR (10 MB) and does not install; some seconds.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -q download libmicrohttpd12=0.9.75-6 libmicrohttpd-dev=0.9.75-6 >/dev/null
for package in *.deb; do
    dpkg -x "$package" root
done
libraries=$folder/root/usr/lib/x86_64-linux-gnu

cat >heads.c <<'END'
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path, const char *method,
    const char *version, const char *bytes, size_t *size, void **kept)
{
    (void)context, (void)path, (void)method, (void)version, (void)bytes, (void)size, (void)kept;
    struct MHD_Response *response = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    const enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

/* How many heads the answer to a request has. */
static int heads(int port, const char *request)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    char text[4096] = "";
    size_t size = 0;
    ssize_t got;
    int count = 0;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) || send(fd, request, strlen(request), 0) < 0)
        return -1;
    while ((got = recv(fd, text + size, sizeof text - 1 - size, 0)) > 0)
        size += (size_t)got;
    close(fd);
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")); at++)
        count++;
    return count;
}

int main(void)
{
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    const int port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    printf("libmicrohttpd %s\n", MHD_get_version());
    printf("version 2.0: %d\n", heads(port, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"));
    printf("Content-Length 0x5: %d\n", heads(port, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n"));
    printf("no Host: %d\n", heads(port, "GET / HTTP/1.1\r\n\r\n"));
    MHD_stop_daemon(daemon);
    return 0;
}
END
gcc -I"$folder/root/usr/include" heads.c -o heads -L"$libraries" -lmicrohttpd
LD_LIBRARY_PATH=$libraries ./heads | tee seen
cat >expected <<'END'
libmicrohttpd 0.9.75
version 2.0: 1
Content-Length 0x5: 2
no Host: 2
END
diff expected seen
