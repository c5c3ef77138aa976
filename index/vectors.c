// SPDX-License-Identifier: Apache-2.0
/*
 * The vectors file: rows one after the other and nothing else, so that a scan streams it from the first byte.
 *
 *              row 0          row 1                  row N-1
 *     f32  | E float32  | E float32  | ... | E float32  |            4E bytes a row
 *     f16  | E half     | E half     | ... | E half     |            2E
 *     i8   | E int8, float32 scale   | ...                           E + 4
 *          |<------------ committed: meta.rows ------------>|<- tail ->|
 *
 * Little-endian. There is no header: width, storage and the count of rows stand in the catalog, the checksum
 * of each row in its item, so the rows and what is said of them cannot disagree after a crash. The order of
 * writing is what makes that true: rows are written behind the committed ones and synced (fdatasync), then
 * one transaction of the catalog commits their items and their count. What a killed writer left behind the
 * count is the tail; readers never look at it and the next writer cuts it off.
 *
 * Rows are only ever appended. Compaction writes a new file, `vectors.f16`, then `vectors-2.f16` and so on,
 * commits its number with the new rows of all items in one transaction, and removes the old file. A reader
 * that has the old one mapped keeps it until it lets go.
 */
#include "index/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

_Static_assert(
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "vectors files are little-endian, as is OpenCL's view");

const char *const index_storage_names[INDEX_STORAGES + 1] = {"f32", "f16", "i8", NULL};

size_t index_stride(enum index_storage storage, size_t width)
{
    switch (storage) {
    case INDEX_F32:
        return width * sizeof(float);
    case INDEX_F16:
        return width * sizeof(uint16_t);
    default:
        return width + sizeof(float);
    }
}

/* ---- one row ------------------------------------------------------------------------------------------- */

static void encode_i8(int8_t *codes, const float *vector, size_t width)
{
    float largest = 0;
    for (size_t e = 0; e < width; e++)
        largest = fmaxf(largest, fabsf(vector[e]));
    const float scale = largest / 127;
    for (size_t e = 0; e < width; e++) {
        /* The bounds only matter where largest is so small that the scale has lost digits. */
        const float code = scale > 0 ? nearbyintf(vector[e] / scale) : 0;
        codes[e] = (int8_t)fmaxf(-127, fminf(code, 127));
    }
    memcpy(codes + width, &scale, sizeof scale);
}

bool vectors_encode(void *row, const float *vector, size_t width, enum index_storage storage)
{
    const float limit = storage == INDEX_F16 ? 65504 : INFINITY; /* the largest half */
    for (size_t e = 0; e < width; e++)
        if (!isfinite(vector[e]) || fabsf(vector[e]) > limit)
            return false;
    if (storage == INDEX_F32) {
        memcpy(row, vector, width * sizeof *vector);
    } else if (storage == INDEX_F16) {
        uint16_t *halves = row;
        for (size_t e = 0; e < width; e++)
            halves[e] = f32_to_f16(vector[e]);
    } else {
        encode_i8(row, vector, width);
    }
    return true;
}

void vectors_decode(float *vector, const void *row, size_t width, enum index_storage storage)
{
    if (storage == INDEX_F32) {
        memcpy(vector, row, width * sizeof *vector);
    } else if (storage == INDEX_F16) {
        const uint16_t *halves = row;
        for (size_t e = 0; e < width; e++)
            vector[e] = f16_to_f32(halves[e]);
    } else {
        const int8_t *codes = row;
        float scale;
        memcpy(&scale, codes + width, sizeof scale);
        for (size_t e = 0; e < width; e++)
            vector[e] = scale * codes[e];
    }
}

uint32_t vectors_crc(const void *bytes, size_t size)
{
    return (uint32_t)crc32_z(0, bytes, size);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

char *vectors_path(const char *folder, int64_t generation, enum index_storage storage)
{
    char number[32] = "", *path;
    if (generation > 1)
        snprintf(number, sizeof number, "-%" PRId64, generation);
    if (asprintf(&path, "%s/vectors%s.%s", folder, number, index_storage_names[storage]) < 0)
        return NULL;
    return path;
}

const char *vectors_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

int vectors_size(size_t *out, const struct index *index, int64_t rows, struct err *err)
{
    if (rows < 0 || !size_mul(out, (size_t)rows, index->stride) || *out > INT64_MAX)
        return err_set(
            err, ERR_FORMAT, "'%s' counts %" PRId64 " rows, more than a file can have", index->catalog, rows);
    return 0;
}

int vectors_open(struct index *index, bool *gone, struct err *err)
{
    *gone = false;
    index->stride = index_stride(index->meta.storage, index->meta.width);
    index->vectors = vectors_path(index->path, index->meta.generation, index->meta.storage);
    if (!index->vectors)
        return err_memory(err, strlen(index->path));

    index->fd = open(index->vectors, (index->writer ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (index->fd >= 0)
        return 0;
    *gone = errno == ENOENT;
    return err_set(err, ERR_IO, "unable to open '%s': %s", index->vectors, strerror(errno));
}

int vectors_length(size_t *out, const struct index *index, struct err *err)
{
    struct stat st;
    if (fstat(index->fd, &st))
        return err_set(err, ERR_IO, "unable to open '%s': %s", index->vectors, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_FORMAT, "unable to open '%s': not a regular file", index->vectors);
    *out = (size_t)st.st_size;
    return 0;
}

int vectors_check_length(const struct index *index, struct err *err)
{
    size_t size, length;
    int rc = vectors_size(&size, index, index->meta.rows, err);
    if (!rc)
        rc = vectors_length(&length, index, err);
    if (!rc && length < size)
        rc = err_set(err, ERR_FORMAT, "'%s' is truncated: %zu bytes, and its %" PRId64 " rows take %zu",
            index->vectors, length, index->meta.rows, size);
    return rc;
}

static void unmap(struct index *index)
{
    file_map_release(&index->map);
    index->mapped = 0;
}

void vectors_close(struct index *index)
{
    unmap(index);
    if (index->fd >= 0)
        close(index->fd);
    index->fd = -1;
    free(index->vectors);
    index->vectors = NULL;
}

int vectors_map_some(struct index *index, int64_t rows, struct err *err)
{
    if (index->mapped >= rows)
        return 0;
    unmap(index);
    size_t size;
    int rc = vectors_size(&size, index, rows, err);
    if (rc)
        return rc;
    void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, index->fd, 0);
    if (data == MAP_FAILED)
        return err_set(err, ERR_IO, "unable to map '%s': %s", index->vectors, strerror(errno));
    index->map = (struct file_map){.data = data, .size = size};
    index->mapped = rows;
    return 0;
}

int vectors_map(struct index *index, struct err *err)
{
    if (index->mapped >= index->meta.rows)
        return 0;
    int rc = vectors_check_length(index, err);
    return rc ? rc : vectors_map_some(index, index->meta.rows, err);
}

const uint8_t *vectors_row(const struct index *index, int64_t row)
{
    return index->map.data + (size_t)row * index->stride;
}

int write_bytes_at(int fd, const char *path, const void *data, size_t size, int64_t at, struct err *err)
{
    for (const char *bytes = data; size;) {
        const ssize_t wrote = pwrite(fd, bytes, size, at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return err_set(
                err, ERR_IO, "unable to write '%s': %s", path, wrote ? strerror(errno) : "nothing written");
        bytes += wrote;
        at += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

int vectors_write(
    int fd, const char *path, const void *rows, int64_t first, size_t count, size_t stride, struct err *err)
{
    size_t size, at, end;
    if (!size_mul(&size, count, stride) || !size_mul(&at, (size_t)first, stride) ||
        !size_add(&end, at, size) || end > INT64_MAX)
        return err_set(err, ERR_LIMIT, "unable to write '%s': more rows than a file can have", path);
    return write_bytes_at(fd, path, rows, size, (int64_t)at, err);
}

int vectors_sync(int fd, const char *path, struct err *err)
{
    if (fdatasync(fd))
        return err_set(err, ERR_IO, "unable to sync '%s': %s", path, strerror(errno));
    return 0;
}
