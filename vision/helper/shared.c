// SPDX-License-Identifier: Apache-2.0
#include "vision/helper/shared.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 1 << 20 }; /* of sizes, so that few pictures are larger than all before them */

struct shared shared_new(void)
{
    struct shared shared = {.fd = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (shared.fd >= 0)
        fcntl(shared.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL);
    return shared;
}

static void unmap_from(struct shared *shared, size_t size)
{
    if (shared->size > size)
        munmap(shared->bytes + size, shared->size - size);
    shared->size = shared->size > size ? size : shared->size;
}

void shared_release(struct shared *shared)
{
    unmap_from(shared, 0);
    if (shared->fd >= 0)
        close(shared->fd);
    shared->fd = -1;
}

static bool round_up(size_t *size)
{
    if (!size_add(size, *size, STEP - 1))
        return false;
    *size -= *size % STEP;
    return true;
}

bool shared_map(struct shared *shared, size_t size, int protection)
{
    if (size <= shared->size)
        return true;
    if (!round_up(&size))
        return false;
    if (protection & PROT_WRITE && size > shared->grown) {
        if (ftruncate(shared->fd, (off_t)size))
            return false;
        shared->grown = size;
    }
    void *bytes = mmap(NULL, size, protection, MAP_SHARED, shared->fd, 0);
    if (bytes == MAP_FAILED)
        return false;
    unmap_from(shared, 0);
    shared->bytes = bytes;
    shared->size = size;
    return true;
}

bool shared_map_theirs(struct shared *shared, size_t size)
{
    struct stat file;
    if (size <= shared->size)
        return true;
    return round_up(&size) && !fstat(shared->fd, &file) && (uint64_t)file.st_size >= size &&
           shared_map(shared, size, PROT_READ);
}

void shared_shrink(struct shared *shared)
{
    unmap_from(shared, SHARED_KEPT);
}

void shared_forget(const struct shared *shared)
{
    struct stat file;
    if (!fstat(shared->fd, &file) && file.st_size > SHARED_KEPT)
        fallocate(
            shared->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, SHARED_KEPT, file.st_size - SHARED_KEPT);
}
