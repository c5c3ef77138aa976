// SPDX-License-Identifier: Apache-2.0
#include "service/http_internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

/* Whether a path is a socket of a server that has gone. */
static bool is_left_behind(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode))
        return false;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool refused =
        fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) && errno == ECONNREFUSED;
    listen_close(fd);
    return refused;
}

int listen_open_unix(int *out, const char *path, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct addrinfo wanted = {
        .ai_family = AF_UNIX, .ai_addr = (struct sockaddr *)&address, .ai_addrlen = sizeof address};
    *out = -1;
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERR_ARGUMENT,
            "cannot listen on '%s': longer than the %zu bytes that a socket's path has", path,
            sizeof address.sun_path - 1);
    strcpy(address.sun_path, path);
    if (is_left_behind(&address))
        unlink(path);
    *out = listen_at(&wanted);
    return *out >= 0 ? 0 : err_set(err, ERR_IO, "cannot listen on '%s': %s", path, strerror(errno));
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
