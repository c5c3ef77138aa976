// SPDX-License-Identifier: Apache-2.0
/* The file of coarse codes: encoding rows, appending blocks, and not trusting what is found there. */
#include "index/code.h"
#include "index/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Version 1 coded rows as they are, without a centre and a rotation. */
enum { HEADER_BYTES = 4096, VERSION = 2 };

struct coarse_header {
    char magic[8];
    uint32_t version, width;
    uint64_t generation, blocks;
};

static const char magic[8] = {'D', 'I', 'P', 'C', 'O', 'D', 'E', 'S'};

size_t coarse_stride(size_t width)
{
    return (width + COARSE_STRIDE - 1) / COARSE_STRIDE * COARSE_STRIDE;
}

size_t coarse_block_bytes(size_t stride)
{
    return stride * sizeof(float) + COARSE_BLOCK * (stride + 4 * sizeof(float));
}

int64_t coarse_file_bytes(int64_t rows, size_t width)
{
    return HEADER_BYTES + rows / COARSE_BLOCK * (int64_t)coarse_block_bytes(coarse_stride(width));
}

struct coarse_block coarse_block_at(const uint8_t *blocks, size_t stride, int64_t i)
{
    uint8_t *at = (uint8_t *)(uintptr_t)(blocks + (size_t)i * coarse_block_bytes(stride));
    const size_t plane = COARSE_BLOCK * stride / 2;
    struct coarse_block block = {.centre = (float *)at};
    block.high = at + stride * sizeof(float);
    block.low = block.high + plane;
    block.scale = (float *)(block.low + plane);
    block.high_error = block.scale + COARSE_BLOCK;
    block.error = block.high_error + COARSE_BLOCK;
    block.norm = block.error + COARSE_BLOCK;
    return block;
}

/* ---- blocks -------------------------------------------------------------------------------------------- */

struct encoding {
    const struct index_rows *rows;
    int64_t first; /* block */
    size_t stride;
    uint8_t *blocks;
    double *vectors; // (blocks, 2, stride): room for each block, as blocks are encoded side by side
};

static void block_encode(void *context, size_t i)
{
    const struct encoding *encoding = context;
    const struct index_rows *rows = encoding->rows;
    const size_t stride = encoding->stride;
    const struct coarse_block block = coarse_block_at(encoding->blocks, stride, (int64_t)i);
    const int64_t first = (encoding->first + (int64_t)i) * COARSE_BLOCK;
    struct residual residual = {.u = encoding->vectors + i * 2 * stride};
    memset(block.centre, 0, stride * sizeof *block.centre);
    centre_make(block.centre, residual.u, residual.u + stride, rows, first);
    for (size_t r = 0; r < COARSE_BLOCK; r++) {
        struct code code = code_get(&block, stride, r);
        residual_make(&residual, rows, first + (int64_t)r, block.centre);
        code_make(&code, &residual, stride);
        code_put(&block, r, &code);
    }
}

static int blocks_write(int file, const char *path, const struct index_rows *rows, int64_t from, int64_t to,
    const struct job *job, struct err *err)
{
    enum { BATCH_BYTES = 16 << 20, BATCH_MAX = 256 };
    struct encoding encoding = {.rows = rows, .stride = coarse_stride(rows->width)};
    const size_t bytes = coarse_block_bytes(encoding.stride);
    size_t batch = bytes < BATCH_BYTES ? BATCH_BYTES / bytes : 1;
    int rc = 0;

    if (batch > BATCH_MAX)
        batch = BATCH_MAX;
    encoding.blocks = mem_new(batch, bytes);
    encoding.vectors = mem_new(batch, 2 * encoding.stride * sizeof *encoding.vectors);
    if (!encoding.blocks || !encoding.vectors)
        rc = err_memory(err, batch * bytes);
    for (int64_t b = from; !rc && b < to; b += (int64_t)batch) {
        const size_t count = (size_t)(to - b) < batch ? (size_t)(to - b) : batch;
        encoding.first = b;
        rc = job_step(job, "rows", (size_t)b * COARSE_BLOCK, (size_t)to * COARSE_BLOCK, err);
        if (rc)
            break;
        job_loop(job, count, block_encode, &encoding);
        rc = write_bytes_at(
            file, path, encoding.blocks, count * bytes, HEADER_BYTES + b * (int64_t)bytes, err);
    }
    free(encoding.blocks);
    free(encoding.vectors);
    return rc;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static bool header_fits(const struct file_map *map, const struct index_rows *rows, int64_t generation)
{
    struct coarse_header header;
    const size_t bytes = coarse_block_bytes(coarse_stride(rows->width));
    if (map->size < HEADER_BYTES)
        return false;
    memcpy(&header, map->data, sizeof header);
    return !memcmp(header.magic, magic, sizeof magic) && header.version == VERSION &&
           header.width == rows->width && header.generation == (uint64_t)generation &&
           header.blocks <= (map->size - HEADER_BYTES) / bytes;
}

static int64_t header_blocks(const struct file_map *map)
{
    struct coarse_header header;
    memcpy(&header, map->data, sizeof header);
    return (int64_t)header.blocks;
}

static bool row_holds(
    const struct coarse *coarse, const struct index_rows *rows, int64_t row, struct residual *residual)
{
    const struct coarse_block block = coarse_block_at(coarse->blocks, coarse->stride, row / COARSE_BLOCK);
    const struct code code = code_get(&block, coarse->stride, (size_t)(row % COARSE_BLOCK));
    residual_make(residual, rows, row, block.centre);
    return code_holds(&code, residual, coarse->stride);
}

/* One row from each of up to SAMPLES blocks, the last among them. */
static bool sample_holds(
    const struct coarse *coarse, const struct index_rows *rows, struct residual *residual)
{
    enum { SAMPLES = 64, STEP = 389 };
    const int64_t samples = coarse->count < SAMPLES ? coarse->count : SAMPLES;
    for (int64_t i = 1; i <= samples; i++) {
        const int64_t block = coarse->count * i / samples - 1;
        const size_t row = (size_t)(block * STEP % COARSE_BLOCK);
        if (!row_holds(coarse, rows, block * COARSE_BLOCK + (int64_t)row, residual))
            return false;
    }
    return true;
}

int coarse_open(
    struct coarse *out, const char *path, const struct index_rows *rows, int64_t generation, struct err *err)
{
    struct stat st;
    *out = (struct coarse){.stride = coarse_stride(rows->width)};
    if (stat(path, &st) || file_map_open(&out->map, path, NULL))
        return 0;
    out->device = st.st_dev;
    out->file = st.st_ino;
    if (header_fits(&out->map, rows, generation)) {
        const int64_t whole = rows->count / COARSE_BLOCK, held = header_blocks(&out->map);
        out->blocks = out->map.data + HEADER_BYTES;
        out->count = held < whole ? held : whole; /* a writer may be ahead of these rows */
    }
    struct residual residual = {.u = mem_new(out->stride, sizeof *residual.u)};
    if (!residual.u) {
        const size_t bytes = out->stride * sizeof *residual.u;
        coarse_release(out);
        return err_memory(err, bytes);
    }
    if (!sample_holds(out, rows, &residual)) {
        out->blocks = NULL;
        out->count = 0;
    }
    free(residual.u);
    return 0;
}

/* The file is only ever appended to, or replaced: what is mapped keeps its inode from being given anew. */
bool coarse_behind(const struct coarse *coarse, const char *path, const struct index_rows *rows)
{
    const int64_t whole = rows->count / COARSE_BLOCK;
    struct stat st;
    if (coarse->count >= whole || stat(path, &st))
        return false;
    if (st.st_dev != coarse->device || st.st_ino != coarse->file)
        return true;
    return coarse->blocks && header_blocks(&coarse->map) > coarse->count;
}

void coarse_release(struct coarse *coarse)
{
    if (!coarse)
        return;
    file_map_release(&coarse->map);
    *coarse = (struct coarse){.stride = coarse->stride};
}

int coarse_verify(const struct coarse *coarse, const char *path, const struct index_rows *rows,
    const struct job *job, struct err *err)
{
    struct residual residual = {.u = mem_new(coarse->stride, sizeof *residual.u)};
    int rc = residual.u ? 0 : err_memory(err, coarse->stride * sizeof *residual.u);
    for (int64_t i = 0; !rc && i < coarse->count * COARSE_BLOCK; i++) {
        if (i % COARSE_BLOCK == 0 && (rc = job_step(job, "codes", (size_t)i, (size_t)rows->count, err)))
            break;
        if (!row_holds(coarse, rows, i, &residual))
            rc = err_set(
                err, ERR_FORMAT, "the codes in '%s' do not match the vectors: row %lld", path, (long long)i);
    }
    free(residual.u);
    return rc;
}

/* ---- updating ------------------------------------------------------------------------------------------ */

/* Blocks [from, to), then, once they are on the disk, the header that counts them. */
static int blocks_commit(int file, const char *path, const struct index_rows *rows, int64_t generation,
    int64_t from, int64_t to, const struct job *job, struct err *err)
{
    struct coarse_header header = {.version = VERSION,
        .width = (uint32_t)rows->width,
        .generation = (uint64_t)generation,
        .blocks = (uint64_t)to};
    memcpy(header.magic, magic, sizeof magic);
    int rc = blocks_write(file, path, rows, from, to, job, err);
    if (!rc && fdatasync(file))
        rc = err_set(err, ERR_IO, "unable to write '%s': %s", path, strerror(errno));
    if (!rc)
        rc = write_bytes_at(file, path, &header, sizeof header, 0, err);
    if (!rc && fdatasync(file))
        rc = err_set(err, ERR_IO, "unable to write '%s': %s", path, strerror(errno));
    return rc;
}

/* All blocks to a new file that takes the place of the old one when it is whole: readers keep theirs. */
static int rebuild(const char *path, const struct index_rows *rows, int64_t generation, const struct job *job,
    struct err *err)
{
    struct arena arena = {0};
    char *fresh = arena_alloc(&arena, strlen(path) + sizeof ".new");
    int rc = fresh ? 0 : err_memory(err, strlen(path));
    if (rc)
        return rc;
    sprintf(fresh, "%s.new", path);
    const int file = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        rc = err_set(err, ERR_IO, "unable to create '%s': %s", fresh, strerror(errno));
    if (!rc)
        rc = blocks_commit(file, fresh, rows, generation, 0, rows->count / COARSE_BLOCK, job, err);
    if (file >= 0 && close(file) && !rc)
        rc = err_set(err, ERR_IO, "unable to write '%s': %s", fresh, strerror(errno));
    if (!rc && rename(fresh, path))
        rc = err_set(err, ERR_IO, "unable to rename '%s': %s", fresh, strerror(errno));
    if (rc && file >= 0)
        unlink(fresh);
    arena_release(&arena);
    return rc;
}

static int append(const char *path, const struct index_rows *rows, int64_t generation, int64_t from,
    const struct job *job, struct err *err)
{
    const int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return err_set(err, ERR_IO, "unable to open '%s': %s", path, strerror(errno));
    int rc = blocks_commit(file, path, rows, generation, from, rows->count / COARSE_BLOCK, job, err);
    if (close(file) && !rc)
        rc = err_set(err, ERR_IO, "unable to write '%s': %s", path, strerror(errno));
    return rc;
}

int coarse_update(const char *path, const struct index_rows *rows, int64_t generation, const struct job *job,
    struct err *err)
{
    const int64_t whole = rows->count / COARSE_BLOCK;
    struct coarse coarse;
    int rc = coarse_open(&coarse, path, rows, generation, err);
    if (rc)
        return rc;
    const int64_t held = coarse.blocks ? header_blocks(&coarse.map) : 0;
    const bool usable = coarse.blocks && held <= whole; /* more: of rows that were taken back */
    coarse_release(&coarse);
    if (usable)
        return held < whole ? append(path, rows, generation, held, job, err) : 0;
    return whole || file_exists(path) ? rebuild(path, rows, generation, job, err) : 0;
}
