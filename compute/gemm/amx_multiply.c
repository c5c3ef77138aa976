// SPDX-License-Identifier: Apache-2.0
/*
 * A block of the result is 2 x 2 tiles of 16 x 16 sums. A step along K loads two tiles of rows and two of
 * weights and multiplies each with each. The tile unit keeps busy only where half of these loads come out of
 * the L1 cache and the others out of L2. So K is cut into chunks, and a chunk of a block of weights, which
 * then stays in L1, meets all rows of the piece before the next one's turn. Between chunks sums rest in
 * memory as they are: how K is cut does not show in the result.
 *
 * The tile unit works beside the vector units. So the sums of a finished block are put down as they are, and
 * bias, activation and rounding of its rows are computed between the steps of the next block.
 *
 * Source of LDTILECFG, TDPBF16PS and the layout they want: Intel 64 and IA-32 Architectures Software
 * Developer's Manual, volume 1, chapter "Programming with Intel AMX", and volume 2.
 */
#include "compute/gemm/amx_tiles.h"

enum { CACHE_LINE = 64 };

size_t amx_packed_count(size_t rows, size_t k)
{
    return amx_blocks(rows) * amx_blocks(k) * 2 * TILE;
}

size_t amx_sums_count(size_t rows)
{
    return 2 * amx_blocks(rows) * BLOCK_SUMS;
}

#ifdef AMX_COMPILED

/* ---- epilogue ------------------------------------------------------------------------------------------ */

/* A block of columns all of whose K has been multiplied. */
struct done {
    const float *sums; // (blocks of rows, AMX_BLOCK, AMX_BLOCK)
    size_t row, column;
    size_t rows, finished; /* how many rows it has, and how many of them are in the result */
};

AMX_INLINE __m512 finish16(
    const struct amx_product *product, const float *sums, size_t column, __mmask16 mask)
{
    __m512 y = _mm512_load_ps(sums);
    if (product->bias)
        y += _mm512_maskz_loadu_ps(mask, product->bias + column);
    return activate(y, product->epilogue);
}

/* The next row, at most 32 columns: two vectors. */
AMX_INLINE void finish_row(const struct amx_product *product, struct done *done)
{
    const size_t left = product->n - done->column, row = done->finished++,
                 at = (done->row + row) * product->n + done->column;
    const __mmask32 mask = mask32(left);
    const __mmask16 low_mask = (__mmask16)mask, high_mask = (__mmask16)(mask >> 16);
    const float *sums = done->sums + row * AMX_BLOCK;
    __m512 low = finish16(product, sums, done->column, low_mask),
           high = finish16(product, sums + 16, done->column + 16, high_mask);
    if (product->out_dtype == DTYPE_BF16) {
        uint16_t *out = (uint16_t *)product->out + at;
        const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(high, low);
        if (left >= AMX_BLOCK && (uintptr_t)out % CACHE_LINE == 0)
            _mm512_stream_si512((void *)out, both); /* past the caches, which are full of what is needed */
        else
            _mm512_mask_storeu_epi16(out, mask, both);
        return;
    }
    float *out = (float *)product->out + at;
    if (product->epilogue == EPILOGUE_ADD) {
        low += _mm512_maskz_loadu_ps(low_mask, out);
        high += _mm512_maskz_loadu_ps(high_mask, out + 16);
    }
    _mm512_mask_storeu_ps(out, low_mask, low);
    _mm512_mask_storeu_ps(out + 16, high_mask, high);
}

/* ---- the product --------------------------------------------------------------------------------------- */

/* As LDTILECFG reads it. Tiles 0 to 3 are sums, 4 and 5 rows, 6 and 7 weights. */
const struct amx_tile_config amx_tile_config = {
    .palette = 1,
    .row_bytes = {TILE_PITCH, TILE_PITCH, TILE_PITCH, TILE_PITCH, TILE_PITCH, TILE_PITCH, TILE_PITCH,
        TILE_PITCH},
    .rows = {TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS},
};

/* What goes on beside one step of the tile unit. */
struct beside {
    const char *ahead;
    size_t lines, rows;
};

AMX_INLINE void work_beside(const struct amx_product *product, struct done *done, struct beside *beside)
{
    for (size_t i = 0; i < beside->rows && done->finished < done->rows; i++)
        finish_row(product, done);
    for (size_t i = 0; i < beside->lines; i++, beside->ahead += CACHE_LINE)
        _mm_prefetch(beside->ahead, _MM_HINT_T1);
}

/* A chunk of a block of columns: (steps, 2 tiles) times all rows of the panel (blocks, steps, 2 tiles). */
AMX_INLINE void multiply_chunk(const struct amx_product *product, struct done *done, struct beside beside,
    float *sums, const uint16_t *rows, const uint16_t *columns, size_t blocks, size_t steps, bool first)
{
    for (size_t i = 0; i < blocks; i++, sums += BLOCK_SUMS) {
        if (first)
            sums_zero();
        else
            sums_load(sums);
        for (size_t step = 0; step < steps; step++, rows += 2 * TILE) {
            sums_add(rows, columns + step * 2 * TILE);
            work_beside(product, done, &beside);
        }
        sums_store(sums);
    }
}

/* A block of columns, while another one is finished. more: further columns come after it. */
AMX_TARGET static void multiply_column(const struct amx_product *product, struct done *done, float *sums,
    const uint16_t *panel, const uint16_t *columns, size_t blocks, bool more)
{
    enum { STEP_LINES = 2 * TILE * sizeof *columns / CACHE_LINE };
    const size_t all = amx_blocks(product->k);
    for (size_t at = 0; at < all; at += AMX_CHUNK_STEPS) {
        const size_t steps = all - at < AMX_CHUNK_STEPS ? all - at : AMX_CHUNK_STEPS;
        const uint16_t *chunk = columns + at * 2 * TILE, *next = chunk + steps * 2 * TILE;
        const struct beside beside = {
            .ahead = (const char *)next,
            .lines = more || at + steps < all ? groups_of(STEP_LINES, blocks) : 0,
            .rows = groups_of(done->rows - done->finished, blocks * (all - at)),
        };
        multiply_chunk(
            product, done, beside, sums, panel + at * blocks * 2 * TILE, chunk, blocks, steps, !at);
    }
}

AMX_TARGET void amx_multiply(
    const struct amx_product *product, const struct amx_piece *piece, const uint16_t *panel, float *sums)
{
    const size_t blocks = amx_blocks(piece->last_row - piece->first_row);
    struct done done = {.rows = 0};
    float *free_sums = sums, *done_sums = sums + blocks * BLOCK_SUMS;

    _tile_loadconfig(&amx_tile_config);
    for (size_t column = piece->first_column; column < piece->last_column; column += AMX_BLOCK) {
        const uint16_t *columns = product->packed + column * amx_blocks(product->k) * AMX_BLOCK;
        multiply_column(
            product, &done, free_sums, panel, columns, blocks, column + AMX_BLOCK < piece->last_column);
        while (done.finished < done.rows)
            finish_row(product, &done);
        float *swap = done_sums;
        done_sums = free_sums;
        free_sums = swap;
        done = (struct done){.sums = done_sums,
            .row = piece->first_row,
            .column = column,
            .rows = piece->last_row - piece->first_row};
    }
    _tile_release();
    while (done.finished < done.rows)
        finish_row(product, &done);
    _mm_sfence(); /* streamed results are there before anybody hears that the piece is done */
}

#else

void amx_multiply(
    const struct amx_product *product, const struct amx_piece *piece, const uint16_t *panel, float *sums)
{
    (void)product, (void)piece, (void)panel, (void)sums;
}

#endif
