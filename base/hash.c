// SPDX-License-Identifier: Apache-2.0
#include "base/input.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_digest(char out[HASH_SIZE], struct sha256_ctx *context)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void hash_bytes(char out[HASH_SIZE], const void *bytes, size_t size)
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, size, bytes);
    print_digest(out, &context);
}

/* Read and not mapped: a file that is cut meanwhile has fewer bytes, and kills nobody. */
int hash_file(char out[HASH_SIZE], const char *path, struct err *err)
{
    struct sha256_ctx context;
    uint8_t bytes[1 << 16];
    struct stat st;
    ssize_t got;
    int fd, rc = open_regular(&fd, &st, path, err);
    if (rc)
        return rc;
    sha256_init(&context);
    while ((got = read(fd, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR))
        sha256_update(&context, got > 0 ? (size_t)got : 0, bytes);
    if (got < 0)
        rc = err_set(err, ERR_IO, "unable to read '%s': %s", path, strerror(errno));
    else
        print_digest(out, &context);
    close(fd);
    return rc;
}
