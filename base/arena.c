// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

bool size_mul(size_t *out, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool size_add(size_t *out, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, out);
}

void *mem_new(size_t count, size_t size)
{
    size_t bytes;
    return size_mul(&bytes, count, size) ? calloc(1, bytes ? bytes : 1) : NULL;
}

void *mem_grow(void *old, size_t count, size_t size)
{
    size_t bytes;
    return size_mul(&bytes, count, size) ? realloc(old, bytes ? bytes : 1) : NULL;
}

int array_grow_bytes(void *array, size_t element, size_t *room, size_t needed, struct err *err)
{
    enum { FIRST = 16 };
    void *old, *grown;
    if (needed <= *room)
        return 0;
    size_t larger = *room < FIRST / 2 ? FIRST : *room > SIZE_MAX / 2 ? needed : 2 * *room;
    if (larger < needed)
        larger = needed;
    memcpy(&old, array, sizeof old); /* a pointer to some struct, which no void ** may point to */
    grown = mem_grow(old, larger, element);
    if (!grown)
        return err_memory(err, larger * element);
    memcpy(array, &grown, sizeof grown);
    *room = larger;
    return 0;
}

void *mem_large(size_t bytes)
{
    enum { PAGE = 4096, HUGE_PAGE = 2 << 20 };
    const size_t whole = bytes - bytes % HUGE_PAGE;
    void *memory = NULL;
    if (posix_memalign(&memory, whole ? HUGE_PAGE : PAGE, bytes ? bytes : 1))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (whole)
        madvise(memory, whole, MADV_HUGEPAGE); /* a wish: without it all is well, only slower */
#endif
    return memory;
}

void mem_stay_small(void)
{
#ifdef __GLIBC__
    enum { HEAPS = 2, LARGE = 128 << 10, KEPT = 512 << 10 /* at the end of a heap */ };
    mallopt(M_ARENA_MAX, HEAPS);
    mallopt(M_MMAP_THRESHOLD, LARGE); /* set once, it grows no more */
    mallopt(M_TRIM_THRESHOLD, KEPT);
#endif
}

void mem_trim(void)
{
#ifdef __GLIBC__
    /* One at a time: where something else stands in for glibc's malloc, as a sanitizer does, its own is not set up
     * before the first of these calls, and a second one at once (2.36) finds it half done. */
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one);
    malloc_trim(0);
    pthread_mutex_unlock(&one);
#endif
}

/* A mapping begins with its size. */
enum { PASSING_HEAD = 64 };

void *mem_passing(size_t count, size_t size)
{
    size_t bytes;
    if (!size_mul(&bytes, count, size) || !size_add(&bytes, bytes, PASSING_HEAD))
        return NULL;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(
        memory, bytes, MADV_HUGEPAGE); /* a wish: where there is room for such pages they are there sooner */
#endif
    memcpy(memory, &bytes, sizeof bytes);
    return memory + PASSING_HEAD;
}

void mem_passing_free(void *memory)
{
    size_t bytes;
    if (!memory)
        return;
    char *begin = (char *)memory - PASSING_HEAD;
    memcpy(&bytes, begin, sizeof bytes);
    munmap(begin, bytes);
}

/* Blocks form a list, newest first; only the newest has room. A request that is larger than a block gets one
 * of its own. */
struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t data[];
};

enum { BLOCK_SIZE = 16384 };

static struct arena_block *block_new(struct arena *arena, size_t size)
{
    size_t bytes;
    if (!size_add(&bytes, sizeof(struct arena_block), size))
        return NULL;
    struct arena_block *block = calloc(1, bytes);
    if (!block)
        return NULL;
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    size_t rounded;
    if (!size_add(&rounded, size, align - 1))
        return NULL;
    rounded -= rounded % align;

    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < rounded)
        block = block_new(arena, rounded > BLOCK_SIZE ? rounded : BLOCK_SIZE);
    if (!block)
        return NULL;
    void *memory = (char *)block->data + block->used;
    block->used += rounded;
    return memory;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    size_t bytes;
    char *copy = size_add(&bytes, length, 1) ? arena_alloc(arena, bytes) : NULL;
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

void arena_release(struct arena *arena)
{
    if (!arena)
        return;
    for (struct arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
}
