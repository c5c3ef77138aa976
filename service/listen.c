// SPDX-License-Identifier: Apache-2.0
#include "service/http_internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_at(const struct addrinfo *address)
{
    const int yes = 1;
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (!bind(fd, address->ai_addr, address->ai_addrlen) && !listen(fd, SOMAXCONN))
        return fd;
    const int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

int listen_open(int *out, const char *address, int port, struct err *err)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
    struct addrinfo *found;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    const int problem = getaddrinfo(address, service, &hints, &found);
    if (problem)
        return err_set(err, ERR_ARGUMENT, "cannot listen on '%s': %s", address, gai_strerror(problem));
    *out = listen_at(found);
    const char *reason = strerror(errno);
    freeaddrinfo(found);
    return *out >= 0 ? 0 : err_set(err, ERR_IO, "cannot listen on '%s' port %d: %s", address, port, reason);
}

int listen_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    char port[16] = "0";
    if (getsockname(fd, (struct sockaddr *)&address, &length) || address.ss_family == AF_UNIX)
        return 0;
    getnameinfo((struct sockaddr *)&address, length, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    return atoi(port);
}

void listen_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
