// SPDX-License-Identifier: Apache-2.0
/*
 * Our own bfloat16 products and attention on CPU devices with AMX: like oneDNN's native kernels in the
 * device's queue. Where oneDNN reaches about 1,400 GFLOP/s on the products of ViT-B/32 at batch 16, this
 * reaches 2,300 and more (tests/bench/RESULTS.md). Products in int8 are native_product.c's, by a kernel of tiles.
 */
#include "compute/gemm/amx.h"
#include "compute/gemm/avx512.h"

#include <assert.h>
#include <stdlib.h>

static bool serves(cl_device_id id, enum precision precision)
{
    return precision == PRECISION_BF16 && device_runs_native(id) && amx_serves(precision);
}

static enum dtype takes(enum precision precision)
{
    (void)precision;
    return DTYPE_BF16;
}

static enum precision best(void)
{
    return PRECISION_BF16;
}

/* ---- weights ------------------------------------------------------------------------------------------- */

struct packed {
    uint16_t *weight; /* as amx_pack_weight lays it out */
    float *bias;      // (N), or NULL
};

static int pack(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    (void)device;
    const size_t bytes = amx_packed_count(linear->n, linear->k) * sizeof(uint16_t);
    struct packed *packed = linear->packed = mem_new(1, sizeof *packed);
    if (!packed || !(packed->weight = mem_large(bytes)))
        return err_memory(err, bytes);
    amx_pack_weight(packed->weight, weight, linear->n, linear->k);
    return 0;
}

static int set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err)
{
    struct packed *packed = linear->packed;
    (void)device;
    return host_copy(&packed->bias, bias, linear->n, err);
}

static void release(struct linear *linear)
{
    struct packed *packed = linear->packed;
    if (!packed)
        return;
    free(packed->weight);
    free(packed->bias);
    free(packed);
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* What the native kernel is called with. `memory`: see native_enqueue(). */
struct product {
    char *memory;         /* the stream's */
    size_t out_at, in_at; /* bytes */
    struct amx_product product;
};

/* How a product is done: cut into panels of rows. Where there are enough rows each member of the pool
 * takes panels of its own; else all pack one panel after the other, and multiply it with columns of their
 * own. */
struct panels {
    const struct amx_product *product;
    size_t count, rows; /* rows: of the tallest one */
    bool shared;
    size_t in_hand;   /* of shared ones */
    size_t pieces;    /* of columns that a shared one is cut into */
    uint16_t *packed; // (1 if shared, else members; packed_count)
    float *sums;      // (members, sums_count)
    size_t packed_count, sums_count;
};

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Where part i of `parts` begins: a multiple of AMX_BLOCK, so that parts differ by a block at most. */
static size_t part_at(size_t count, size_t parts, size_t i)
{
    return min_size(groups_of(count, AMX_BLOCK) * i / parts * AMX_BLOCK, count);
}

/* Panels are as tall as the L2 cache allows beside the sums, since all weights pass by for each. A shared
 * panel keeps no more than N / AMX_BLOCK members busy, so that many CPUs want large batches. */
static struct panels panels_cut(const struct amx_product *product, size_t members)
{
    enum { CACHE_BYTES = 1280 << 10, WORTH_A_MEMBER = 96 /* rows */ };
    struct panels panels = {.product = product};
    const size_t most = max_size(CACHE_BYTES / (product->k * sizeof(uint16_t)), AMX_BLOCK);
    panels.shared = product->rows < members * WORTH_A_MEMBER;
    panels.count = groups_of(product->rows, most);
    if (!panels.shared)
        panels.count =
            min_size(groups_of(panels.count, members) * members, groups_of(product->rows, AMX_BLOCK));
    panels.rows = groups_of(groups_of(product->rows, AMX_BLOCK), panels.count) * AMX_BLOCK;
    panels.pieces = min_size(members, groups_of(product->n, AMX_BLOCK));
    panels.packed_count = amx_packed_count(panels.rows, product->k);
    panels.sums_count = amx_sums_count(panels.rows);
    return panels;
}

/* All columns of the rows of a panel. */
static struct amx_piece panel_piece(const struct panels *panels, size_t i)
{
    return (struct amx_piece){
        .first_row = part_at(panels->product->rows, panels->count, i),
        .last_row = part_at(panels->product->rows, panels->count, i + 1),
        .last_column = panels->product->n,
    };
}

static void panel_multiply(void *context, size_t member, size_t i)
{
    const struct panels *panels = context;
    const struct amx_product *product = panels->product;
    const struct amx_piece piece = panel_piece(panels, i);
    uint16_t *packed = panels->packed + member * panels->packed_count;
    amx_pack_rows(packed, piece.last_row - piece.first_row, 0, product, piece.first_row, piece.last_row);
    amx_multiply(product, &piece, packed, panels->sums + member * panels->sums_count);
}

/* Block i of the rows of the shared panel in hand. */
static void block_pack(void *context, size_t member, size_t i)
{
    const struct panels *panels = context;
    const struct amx_piece piece = panel_piece(panels, panels->in_hand);
    const size_t row = i * AMX_BLOCK, first = piece.first_row + row;
    (void)member;
    amx_pack_rows(panels->packed, piece.last_row - piece.first_row, row, panels->product, first,
        min_size(first + AMX_BLOCK, piece.last_row));
}

/* All its rows with piece i of the columns. */
static void piece_multiply(void *context, size_t member, size_t i)
{
    const struct panels *panels = context;
    const struct amx_product *product = panels->product;
    struct amx_piece piece = panel_piece(panels, panels->in_hand);
    piece.first_column = part_at(product->n, panels->pieces, i);
    piece.last_column = part_at(product->n, panels->pieces, i + 1);
    amx_multiply(product, &piece, panels->packed, panels->sums + member * panels->sums_count);
}

static int product_run(void *argument, struct stream *stream)
{
    struct product *task = argument;
    struct amx_product *product = &task->product;
    struct pool *pool = stream->device->pool;
    const size_t members = pool_members(pool);
    struct panels panels = panels_cut(product, members);
    const size_t packed = (panels.shared ? 1 : members) * panels.packed_count * sizeof *panels.packed;

    product->in = task->memory + task->in_at;
    product->out = task->memory + task->out_at;
    panels.packed = stream_scratch(stream, packed + members * panels.sums_count * sizeof *panels.sums);
    if (!panels.packed)
        return NATIVE_NO_MEMORY;
    panels.sums = (float *)((char *)panels.packed + packed);
    if (!panels.shared)
        pool_loop(pool, panels.count, panel_multiply, &panels);
    for (; panels.shared && panels.in_hand < panels.count; panels.in_hand++) {
        const struct amx_piece piece = panel_piece(&panels, panels.in_hand);
        pool_loop(pool, groups_of(piece.last_row - piece.first_row, AMX_BLOCK), block_pack, &panels);
        pool_loop(pool, panels.pieces, piece_multiply, &panels);
    }
    return 0;
}

static int normed_product(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, size_t rows, float eps, enum epilogue epilogue, struct err *err)
{
    const struct packed *packed = linear->packed;
    const bool normed = in.dtype == DTYPE_F32;
    assert(!normed || (linear->gamma.host && linear->beta.host));
    struct product task = {
        .out_at = out.offset * dtype_size(out.dtype),
        .in_at = in.offset * dtype_size(in.dtype),
        .product = {.rows = rows,
            .n = linear->n,
            .k = linear->k,
            .gamma = normed ? linear->gamma.host : NULL,
            .beta = normed ? linear->beta.host : NULL,
            .eps = eps,
            .packed = packed->weight,
            .bias = packed->bias,
            .out_dtype = out.dtype,
            .epilogue = epilogue},
    };
    return native_enqueue(stream, product_run, &task, sizeof task, true, err);
}

static int product(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    size_t rows, enum epilogue epilogue, struct err *err)
{
    return normed_product(linear, stream, out, in, rows, 0, epilogue, err);
}

static int attend(struct stream *stream, struct tensor context, struct tensor qkv, size_t batch,
    size_t tokens, const struct sequences *sequences, struct head_shape shape, struct err *err)
{
    static const struct attention_kernel kernel = {amx_attention_bytes, amx_attend};
    return native_attend(&kernel, stream, context, qkv, batch, tokens, sequences, shape, err);
}

const struct layer_provider provider_amx = {
    .name = "amx",
    .pooled = true,
    .serves = serves,
    .takes = takes,
    .best = best,
    .pack = pack,
    .set_bias = set_bias,
    .free = release,
    .product = product,
    .normed_product = normed_product,
    .attention = attend,
};

/* ---- int8 ---------------------------------------------------------------------------------------------- */

static bool serves_int8(cl_device_id id, enum precision precision)
{
    return precision == PRECISION_INT8 && device_runs_native(id) && amx_serves(precision);
}

static int pack_int8(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    static const struct native_kernel kernel = {
        .columns = AVX512_COLUMNS,
        .rows = AMX_BLOCK,
        .pack_block = avx512_pack_block,
        .fill_rows = avx512_fill_rows,
        .multiply = amx_multiply_int8,
    };
    (void)device;
    return native_pack(linear, &kernel, weight, err);
}

const struct layer_provider provider_amx_int8 = {
    .name = "amx",
    .pooled = true,
    .serves = serves_int8,
    .takes = takes,
    .best = best,
    .pack = pack_int8,
    .set_bias = native_set_bias,
    .free = native_free,
    .product = native_multiply,
    .normed_product = native_multiply_normed,
    .attention = attend,
};
