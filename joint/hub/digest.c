// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/digest.h"

#include <errno.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

struct digest {
    bool git;
    struct sha1_ctx sha1;
    struct sha256_ctx sha256;
};

bool digest_known(const char *text)
{
    const size_t length = strlen(text);
    return (length == 40 || length == 64) && strspn(text, "0123456789abcdef") == length;
}

static void begin(struct digest *digest, const char *like, uint64_t size)
{
    char head[32];
    digest->git = strlen(like) == 40;
    sha256_init(&digest->sha256);
    sha1_init(&digest->sha1);
    const int length = snprintf(head, sizeof head, "blob %llu", (unsigned long long)size);
    sha1_update(&digest->sha1, (size_t)length + 1, (const uint8_t *)head);
}

static void add(struct digest *digest, const uint8_t *bytes, size_t size)
{
    if (digest->git)
        sha1_update(&digest->sha1, size, bytes);
    else
        sha256_update(&digest->sha256, size, bytes);
}

static void end(char out[DIGEST_SIZE], struct digest *digest)
{
    uint8_t bytes[SHA256_DIGEST_SIZE];
    const size_t size = digest->git ? SHA1_DIGEST_SIZE : SHA256_DIGEST_SIZE;
    if (digest->git)
        sha1_digest(&digest->sha1, size, bytes);
    else
        sha256_digest(&digest->sha256, size, bytes);
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int digest_file(
    char out[DIGEST_SIZE], const char *like, int fd, uint64_t size, struct http *http, struct err *err)
{
    struct digest digest;
    uint8_t *chunk = malloc(CHUNK);
    int rc = chunk ? 0 : err_memory(err, CHUNK);
    begin(&digest, like, size);
    for (uint64_t done = 0; done < size && !rc;) {
        const ssize_t got = pread(fd, chunk, CHUNK, (off_t)done);
        if (got <= 0)
            rc = err_set(err, ERR_IO, "%s", got ? strerror(errno) : "it ends early");
        else
            add(&digest, chunk, (size_t)got);
        done += got > 0 ? (uint64_t)got : 0;
        if (!rc)
            rc = http_step(http, size, err);
    }
    if (!rc)
        end(out, &digest);
    free(chunk);
    return rc;
}
