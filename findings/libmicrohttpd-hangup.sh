#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libmicrohttpd 0.9.75 (Debian 12), with epoll: a client that goes right behind a part of its request is kept.
#
# Guess before running it: where a client closes its connection in the middle of a request, the server hears of it at
# once and closes its side, whichever way it waits for sockets.
#
# Seen: with poll, and with select, it does. With epoll the end is noticed only where it comes alone: if it is there by the time
# the last bytes are read, nothing tells of it again (epoll is used edge-triggered, and one read is taken for all there
# is), and the connection stays until it has been idle for MHD_OPTION_CONNECTION_TIMEOUT, for ever by default. A server
# with many clients that give up gathers them. Shutting the socket down from another thread is told anew: so Diptych's
# service/watch.c asks each socket with poll(2) a few times a second.
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

cat >hangup.c <<'END'
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static atomic_int open_connections;

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path, const char *method,
    const char *version, const char *bytes, size_t *size, void **kept)
{
    (void)context, (void)path, (void)method, (void)version, (void)bytes, (void)size, (void)kept;
    struct MHD_Response *response = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    const enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static void count(void *context, struct MHD_Connection *connection, void **kept, enum MHD_ConnectionNotificationCode code)
{
    (void)context, (void)connection, (void)kept;
    open_connections += code == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1;
}

static void half_a_request(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!connect(fd, (struct sockaddr *)&address, sizeof address))
        send(fd, "GET /part", 9, 0);
    close(fd);
}

/* How many of `clients` are still there two seconds after they have gone. */
static int left(unsigned flags, int clients)
{
    struct MHD_Daemon *daemon = MHD_start_daemon(flags | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, count, NULL, MHD_OPTION_END);
    const int port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    for (int i = 0; i < clients; i++)
        half_a_request(port);
    nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    const int result = open_connections;
    MHD_stop_daemon(daemon);
    return result;
}

int main(void)
{
    printf("libmicrohttpd %s\n", MHD_get_version());
    printf("select: %d of 50 left\n", left(0, 50));
    printf("poll: %d of 50 left\n", left(MHD_USE_POLL, 50));
    const int epoll = left(MHD_USE_EPOLL, 50);
    printf("epoll: %s left\n", epoll > 10 ? "many of 50" : "few of 50");
    return 0;
}
END
gcc -I"$folder/root/usr/include" hangup.c -o hangup -L"$libraries" -lmicrohttpd
LD_LIBRARY_PATH=$libraries ./hangup | tee seen
cat >expected <<'END'
libmicrohttpd 0.9.75
select: 0 of 50 left
poll: 0 of 50 left
epoll: many of 50 left
END
diff expected seen
