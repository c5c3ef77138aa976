// SPDX-License-Identifier: Apache-2.0
/*
 * A client of a port of this machine: standard input goes there, what comes back to standard output, up to the end of both.
 *
 *   ask_port PORT [IDLE]   with so many connections open beside, on which nothing is said
 *   ask_port PORT gone     hangs up at the end of its input, without a look at answers
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int call(int port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof address))
        return fd;
    perror("connect");
    exit(2);
}

static int copy(int from, int to)
{
    char bytes[4096];
    ssize_t got;
    while ((got = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, (size_t)got) != got)
            return 1;
    return got < 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    const int port = atoi(argv[1]);
    for (int i = argc > 2 ? atoi(argv[2]) : 0; i > 0; i--)
        call(port);
    const int fd = call(port);
    if (argc > 2 && !strcmp(argv[2], "gone"))
        return copy(STDIN_FILENO, fd);
    const pid_t writer = fork();
    if (!writer) {
        copy(STDIN_FILENO, fd);
        shutdown(fd, SHUT_WR);
        _exit(0);
    }
    const int status = copy(fd, STDOUT_FILENO);
    waitpid(writer, NULL, 0);
    return status;
}
