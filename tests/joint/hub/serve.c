// SPDX-License-Identifier: Apache-2.0
/* The hub for tests as a program: serve REPO FOLDER serves the files of a folder as a repository until its standard
 * input ends, and prints what HF_ENDPOINT is then. Files of a megabyte and more are large ones. */
#include "base/base.h"
#include "tests/joint/hub/server.h"

#include <stdio.h>
#include <string.h>

static int add(void *context, const char *path, const struct err *problem)
{
    struct file_map map = {0};
    const char *name = strrchr(path, '/');
    if (problem || file_map_open(&map, path, NULL))
        return 1;
    server_add(
        context, strdup(name ? name + 1 : path), (const char *)map.data, map.size, map.size >= 1000000);
    return 0;
}

int main(int argc, char **argv)
{
    static struct server server;
    if (argc != 3) {
        fputs("usage: serve REPO FOLDER\n", stderr);
        return 2;
    }
    server.repo = argv[1];
    if (file_walk(argv[2], add, &server, NULL) || !server_start(&server))
        return 1;
    printf("http://127.0.0.1:%d\n", server.ports[0]);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    server_stop(&server);
    printf("%d requests, %d of large files; a token came to the other port: %s\n", server.requests,
        server.blobs, server.token_away ? "yes" : "no");
    return 0;
}
