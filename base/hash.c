// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <nettle/sha2.h>
#include <stdio.h>

void hash_bytes(char out[HASH_SIZE], const void *bytes, size_t size)
{
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&context);
    sha256_update(&context, size, bytes);
    sha256_digest(&context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

int hash_file(char out[HASH_SIZE], const char *path, struct err *err)
{
    struct file_map map;
    int rc = file_map_open(&map, path, err);
    if (rc)
        return rc;
    hash_bytes(out, map.data, map.size);
    file_map_release(&map);
    return 0;
}
