// SPDX-License-Identifier: Apache-2.0
/*
 * Products in int8 on tiles. Rows and weights are the words of AVX-512's (avx512.h), since tiles want both as they lie: a row of
 * the first factor is 64 bytes of a row of `in`, and one of the second has a word of each of 16 columns. Signs are the same,
 * too: TDPBSUD multiplies signed rows by unsigned weights, and where sums begin takes back what these are too large. Sums are
 * whole numbers, so that a product is AVX-512's to the last bit.
 *
 * A block of the result is 2 x 2 tiles of 16 x 16 sums, tiles 0 to 3; 4 and 5 are rows, 6 and 7 weights. For rows that do not
 * fill two tiles there is another configuration of them, and what is left of K behind whole steps is filled up with zeros. K is
 * cut into chunks, as in amx_multiply.c, which a block of weights stays in the L1 cache with while many rows meet it.
 *
 * Source of TDPBSUD and of what a configuration may be: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1,
 * chapter "Programming with Intel AMX", and volume 2.
 */
#include "compute/gemm/amx_tiles.h"
#include "compute/gemm/avx512.h"

#include <string.h>

#ifdef AMX_COMPILED

enum {
    ROWS = 2 * TILE_ROWS, /* of a group */
    COLUMNS = AVX512_COLUMNS,
    STEP = TILE_ROWS,                         /* words of K */
    CHUNK = 8 * STEP,                         /* words, whose weights take a third of the L1 cache */
    BATCH = 8 * ROWS,                         /* rows that meet a chunk */
    WORDS_PITCH = COLUMNS * sizeof(uint32_t), /* bytes, of weights and of sums */
    LINE = 64
};

/* A chunk of K of a group of rows and a block of columns. */
struct group {
    const char *rows;       // (count, stride), zeros from K to the end of a step
    size_t stride, count;   /* count: ROWS at most */
    const uint32_t *weight; // (words, COLUMNS)
    const uint32_t *last;   // (STEP, COLUMNS): words behind the last whole step, then zeros
    size_t words;
    const char *ahead; /* weights that are needed soon, or NULL */
    int32_t *sums;     // (count, COLUMNS)
};

AMX_INLINE void tiles_configure(size_t rows)
{
    const uint8_t first = (uint8_t)(rows < TILE_ROWS ? rows : TILE_ROWS), second = (uint8_t)(rows - first);
    const uint16_t second_bytes = second ? TILE_PITCH : 0; /* a tile has both or neither */
    const struct amx_tile_config config = {
        .palette = 1,
        .row_bytes = {TILE_PITCH, TILE_PITCH, second_bytes, second_bytes, TILE_PITCH, second_bytes,
            TILE_PITCH, TILE_PITCH},
        .rows = {first, first, second, second, first, second, TILE_ROWS, TILE_ROWS},
    };
    __asm__ volatile(
        "" ::"r"(&config)
        : "memory"); /* findings/gcc-tile-config.sh: GCC 12 takes the first eight bytes for all that is read */
    _tile_loadconfig(&config);
}

/* One step along K. */
AMX_INLINE void step_add(const struct group *group, const char *rows, const uint32_t *weight)
{
    _tile_loadd(4, rows, group->stride);
    _tile_loadd(6, weight, WORDS_PITCH);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(7, weight + TILE_ROWS, WORDS_PITCH);
    _tile_dpbsud(1, 4, 7);
    if (group->count <= TILE_ROWS)
        return;
    _tile_loadd(5, rows + TILE_ROWS * group->stride, group->stride);
    _tile_dpbsud(2, 5, 6);
    _tile_dpbsud(3, 5, 7);
}

AMX_INLINE void step_ask(const char *ahead)
{
    for (size_t i = 0; i < STEP * WORDS_PITCH; i += LINE)
        _mm_prefetch(ahead + i, _MM_HINT_T1);
}

/* sums += rows * weight */
AMX_TARGET static void group_multiply(const struct group *group)
{
    const bool both = group->count > TILE_ROWS;
    int32_t *first = group->sums, *second = first + TILE_ROWS * COLUMNS;
    size_t word = 0;
    stores_before();
    _tile_loadd(0, first, WORDS_PITCH);
    _tile_loadd(1, first + TILE_ROWS, WORDS_PITCH);
    if (both) {
        _tile_loadd(2, second, WORDS_PITCH);
        _tile_loadd(3, second + TILE_ROWS, WORDS_PITCH);
    }
    for (; word + STEP <= group->words; word += STEP) {
        step_add(group, group->rows + word * sizeof(uint32_t), group->weight + word * COLUMNS);
        if (group->ahead)
            step_ask(group->ahead + word * WORDS_PITCH);
    }
    if (word < group->words)
        step_add(group, group->rows + word * sizeof(uint32_t), group->last);
    _tile_stored(0, first, WORDS_PITCH);
    _tile_stored(1, first + TILE_ROWS, WORDS_PITCH);
    if (both) {
        _tile_stored(2, second, WORDS_PITCH);
        _tile_stored(3, second + TILE_ROWS, WORDS_PITCH);
    }
}

/* Rows [row, row + count), BATCH of them at most, with a block of columns: weight (words, COLUMNS). ahead: the next block, or NULL. */
AMX_TARGET static void batch_multiply(int32_t *sums, const struct native_rows *rows, size_t row, size_t count,
    const uint32_t *weight, size_t words, const uint32_t *ahead)
{
    _Alignas(LINE) uint32_t last[STEP * COLUMNS] = {0};
    const size_t left = words % STEP;
    size_t configured = 0;
    memcpy(last, weight + (words - left) * COLUMNS, left * WORDS_PITCH);
    for (size_t i = 0; i < count * COLUMNS; i++)
        sums[i] = rows->start[row + i / COLUMNS];
    for (size_t at = 0; at < words; at += CHUNK)
        for (size_t i = 0; i < count; i += ROWS) {
            const struct group group = {
                .rows = rows->values + (row + i) * rows->stride + at * sizeof *weight,
                .stride = rows->stride,
                .count = count - i < ROWS ? count - i : ROWS,
                .weight = weight + at * COLUMNS,
                .last = last,
                .words = words - at < CHUNK ? words - at : CHUNK,
                .ahead = ahead && !i ? (const char *)(ahead + at * COLUMNS) : NULL,
                .sums = sums + i * COLUMNS,
            };
            if (group.count != configured)
                tiles_configure(configured = group.count);
            group_multiply(&group);
        }
    _tile_release();
}

void amx_multiply_int8(
    const struct native_product *product, const struct native_rows *rows, const struct native_piece *piece)
{
    const struct native_weight *weight = product->weight;
    const size_t words = native_words(weight), block = words * COLUMNS;
    _Alignas(LINE) int32_t sums[BATCH * COLUMNS];
    for (size_t column = piece->first_column; column < piece->last_column; column += COLUMNS) {
        const uint32_t *columns = weight->values + column / COLUMNS * block,
                       *next = column + COLUMNS < piece->last_column ? columns + block : NULL;
        for (size_t row = piece->first_row; row < piece->last_row; row += BATCH, next = NULL) {
            const size_t count = piece->last_row - row < BATCH ? piece->last_row - row : BATCH;
            batch_multiply(sums, rows, row, count, columns, words, next);
            avx512_finish(product, sums, rows->scale + row, row, column, count);
        }
    }
}

#else

void amx_multiply_int8(
    const struct native_product *product, const struct native_rows *rows, const struct native_piece *piece)
{
    (void)product, (void)rows, (void)piece;
}

#endif
