// SPDX-License-Identifier: Apache-2.0
/*
 * Products in int8 on tiles. Rows and weights are the words of AVX-512's (avx512.h), since tiles want both as they lie: a row of
 * the first factor is 64 bytes of a row of `in`, and one of the second has a word of each of 16 columns. Signs are the same,
 * too: TDPBSUD multiplies signed rows by unsigned weights, and where sums begin takes back what these are too large. Sums are
 * whole numbers, so that a product is AVX-512's to the last bit.
 *
 * A block of the result is 2 x 2 tiles of 16 x 16 sums, tiles 0 to 3; 4 and 5 are rows, 6 and 7 weights. For rows that do not
 * fill two tiles there is another configuration of them, and what is left of K behind whole steps is filled up with zeros.
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
    WORDS_PITCH = COLUMNS * sizeof(uint32_t), /* bytes, of weights and of sums */
    LINE = 64
};

/* A group of rows and a block of columns. */
struct group {
    const char *rows;       // (count, stride), zeros from K to the end of a step
    size_t stride, count;   /* count: ROWS at most */
    const uint32_t *weight; // (words, COLUMNS)
    const uint32_t *last;   // (STEP, COLUMNS): words behind the last whole step, then zeros
    size_t words;
    const char *ahead; /* weights that are needed soon, or NULL */
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
    stores_before(); /* of all of it: the intrinsic says that it reads eight bytes */
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

/* sums (count, COLUMNS) = start + rows * weight */
AMX_TARGET static void group_multiply(const struct group *group, int32_t *sums, const int32_t *start)
{
    const bool both = group->count > TILE_ROWS;
    int32_t *second = sums + TILE_ROWS * COLUMNS;
    size_t word = 0;
    for (size_t i = 0; i < group->count * COLUMNS; i++)
        sums[i] = start[i / COLUMNS];
    stores_before();
    _tile_loadd(0, sums, WORDS_PITCH);
    _tile_loadd(1, sums + TILE_ROWS, WORDS_PITCH);
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
    _tile_stored(0, sums, WORDS_PITCH);
    _tile_stored(1, sums + TILE_ROWS, WORDS_PITCH);
    if (both) {
        _tile_stored(2, second, WORDS_PITCH);
        _tile_stored(3, second + TILE_ROWS, WORDS_PITCH);
    }
}

AMX_TARGET void amx_multiply_int8(
    const struct native_product *product, const struct native_rows *rows, const struct native_piece *piece)
{
    const struct native_weight *weight = product->weight;
    const size_t words = native_words(weight), block = words * COLUMNS, left = words % STEP;
    _Alignas(LINE) int32_t sums[ROWS * COLUMNS];
    _Alignas(LINE) uint32_t last[STEP * COLUMNS] = {0};
    struct group group = {.stride = rows->stride, .last = last, .words = words};
    size_t configured = 0;
    for (size_t column = piece->first_column; column < piece->last_column; column += COLUMNS) {
        group.weight = weight->values + column / COLUMNS * block;
        group.ahead = column + COLUMNS < piece->last_column ? (const char *)(group.weight + block) : NULL;
        memcpy(last, group.weight + (words - left) * COLUMNS, left * WORDS_PITCH);
        for (size_t row = piece->first_row; row < piece->last_row; row += ROWS, group.ahead = NULL) {
            group.rows = rows->values + row * rows->stride;
            group.count = piece->last_row - row < ROWS ? piece->last_row - row : ROWS;
            if (group.count != configured)
                tiles_configure(configured = group.count);
            group_multiply(&group, sums, rows->start + row);
            avx512_finish(product, sums, rows->scale + row, row, column, group.count);
        }
    }
    _tile_release();
}

#else

void amx_multiply_int8(
    const struct native_product *product, const struct native_rows *rows, const struct native_piece *piece)
{
    (void)product, (void)rows, (void)piece;
}

#endif
