// SPDX-License-Identifier: Apache-2.0
/* Our own products in bfloat16 and int8 on CPU devices with AVX-512: like oneDNN's native kernels in the device's queue. */
#include "compute/gemm/avx512.h"
#include "compute/gemm/gemm.h"
#include "compute/gemm/native_attention.h"

#include <assert.h>

#include <stdlib.h>
#include <string.h>

static bool serves(cl_device_id id, enum precision precision)
{
    return device_runs_native(id) && avx512_serves(precision);
}

static enum dtype takes(enum precision precision)
{
    (void)precision;
    return DTYPE_BF16;
}

/* int8 is never taken unasked. */
static enum precision best(void)
{
    return avx512_serves(PRECISION_BF16) && !cpu_leaves_bf16_to_amx() ? PRECISION_BF16 : PRECISION_F32;
}

/* ---- weights ------------------------------------------------------------------------------------------- */

struct packed {
    struct avx512_weight weight;
    float *bias;          // (N) rounded up to AVX512_COLUMNS, or NULL
    pthread_mutex_t lock; /* guards the weight and used, while it is not packed */
    bool used;
};

/* A weight that is to be packed. */
struct packing {
    const struct avx512_weight *weight;
    const float *values, *gain;
    uint32_t *out;
};

static void block_pack(void *context, size_t member, size_t i)
{
    const struct packing *packing = context;
    const size_t words = avx512_block_bytes(packing->weight) / sizeof *packing->out;
    (void)member;
    avx512_pack_block(
        packing->out + i * words, packing->weight, packing->values, packing->gain, i * AVX512_COLUMNS);
}

/* On the pool's threads, or with NULL on this one. False: there is no memory for it. */
static bool weight_pack(
    struct avx512_weight *weight, const float *values, const float *gain, struct pool *pool)
{
    const struct packing packing = {weight, values, gain, mem_large(avx512_weight_bytes(weight))};
    if (packing.out)
        pool_loop(pool, groups_of(weight->n, AVX512_COLUMNS), block_pack, (void *)&packing);
    weight->values = packing.out;
    return packing.out;
}

/* The weight as a product is to take it. One that lies in a file is packed when it is used again: in a run of one picture or
 * text it is not, and memory for it would take longer than its product. */
static struct avx512_weight weight_take(struct packed *packed, struct pool *pool)
{
    struct avx512_weight *weight = &packed->weight;
    pthread_mutex_lock(&packed->lock);
    if (!weight->values && packed->used && weight_pack(weight, weight->plain, NULL, pool))
        file_map_forget(weight->plain, weight->n * weight->k * sizeof *weight->plain);
    packed->used = true;
    const struct avx512_weight taken = *weight;
    pthread_mutex_unlock(&packed->lock);
    return taken;
}

/* Rounded up, and zeros from N on. */
static float *columns_new(size_t n)
{
    return mem_new(groups_of(n, AVX512_COLUMNS) * AVX512_COLUMNS, sizeof(float));
}

static int pack(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    const bool int8 = linear->precision == PRECISION_INT8;
    struct packed *packed = linear->packed = mem_new(1, sizeof *packed);
    (void)device;
    if (!packed)
        return err_memory(err, sizeof *packed);
    pthread_mutex_init(&packed->lock, NULL);
    packed->weight = (struct avx512_weight){.precision = linear->precision, .n = linear->n, .k = linear->k};
    if (int8 && !(packed->weight.scale = columns_new(linear->n)))
        return err_memory(err, linear->n * sizeof *packed->weight.scale);
    linear->in_place = linear->lasting && !int8;
    if (linear->in_place)
        packed->weight.plain = weight;
    else if (!weight_pack(&packed->weight, weight, linear->gain, NULL))
        return err_memory(err, avx512_weight_bytes(&packed->weight));
    return 0;
}

static int set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err)
{
    struct packed *packed = linear->packed;
    (void)device;
    if (!(packed->bias = columns_new(linear->n)))
        return err_memory(err, linear->n * sizeof *bias);
    memcpy(packed->bias, bias, linear->n * sizeof *bias);
    return 0;
}

static void release(struct linear *linear)
{
    struct packed *packed = linear->packed;
    if (!packed)
        return;
    free(packed->weight.values);
    free(packed->weight.scale);
    free(packed->bias);
    pthread_mutex_destroy(&packed->lock);
    free(packed);
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* What the native kernel is called with. `memory`: see native_enqueue(). */
struct product {
    char *memory;         /* the stream's */
    size_t out_at, in_at; /* bytes */
    struct avx512_product product;
    struct packed *packed;
};

/* How a product is done: all rows become words, then come pieces of the result: panels of rows, whose words stay in the L2
 * cache while all weights of a piece pass by, times parts of the columns. */
struct work {
    const struct avx512_product *product;
    struct avx512_rows rows;
    size_t panels, parts;
    char *blocks; // (members, block_bytes), of a weight that is not packed
    size_t block_bytes;
};

enum { FILLED_AT_ONCE = 16 /* rows */ };

static void rows_fill(void *context, size_t member, size_t i)
{
    const struct work *work = context;
    const size_t first = i * FILLED_AT_ONCE, last = first + FILLED_AT_ONCE, rows = work->product->rows;
    (void)member;
    avx512_fill_rows(&work->rows, work->product, first, last < rows ? last : rows);
}

static void piece_multiply(void *context, size_t member, size_t i)
{
    const struct work *work = context;
    const struct avx512_product *product = work->product;
    const size_t panel = i / work->parts, part = i % work->parts, n = product->weight->n,
                 blocks = groups_of(n, AVX512_COLUMNS),
                 end = blocks * (part + 1) / work->parts * AVX512_COLUMNS;
    const struct avx512_piece piece = {
        .first_row = product->rows * panel / work->panels,
        .last_row = product->rows * (panel + 1) / work->panels,
        .first_column = blocks * part / work->parts * AVX512_COLUMNS,
        .last_column = end < n ? end : n,
        .block = (uint32_t *)(work->blocks + member * work->block_bytes),
    };
    avx512_multiply(product, &work->rows, &piece);
}

/* Every member has some parts of the columns of each panel, so that one that loses its CPU for a while can leave the rest to
 * others; where that does not keep all of them busy, panels are smaller. */
static void work_cut(struct work *work, size_t members)
{
    enum { CACHE_BYTES = 1 << 20, PARTS_A_MEMBER = 6 };
    const struct avx512_product *product = work->product;
    const size_t blocks = groups_of(product->weight->n, AVX512_COLUMNS),
                 most = CACHE_BYTES / work->rows.stride + 1, groups = groups_of(product->rows, AVX512_ROWS);
    const size_t parts = members > 1 ? members * PARTS_A_MEMBER : 1;
    work->parts = parts < blocks ? parts : blocks;
    work->panels = groups_of(product->rows, most);
    if (work->panels * work->parts < members)
        work->panels = groups_of(members, work->parts);
    if (work->panels > groups)
        work->panels = groups;
}

static int product_run(void *argument, struct stream *stream)
{
    struct product *task = argument;
    struct avx512_product *product = &task->product;
    struct pool *pool = stream->device->pool;
    const struct avx512_weight weight = weight_take(task->packed, pool);
    struct work work = {.product = product, .block_bytes = weight.values ? 0 : avx512_block_bytes(&weight)};
    product->weight = &weight;
    const size_t blocks = pool_members(pool) * work.block_bytes;
    work.blocks = stream_scratch(stream, blocks + avx512_rows_place(&work.rows, NULL, product));
    if (!work.blocks)
        return NATIVE_NO_MEMORY;
    product->in = task->memory + task->in_at;
    product->out = task->memory + task->out_at;
    avx512_rows_place(&work.rows, work.blocks + blocks, product);
    work_cut(&work, pool_members(pool));
    pool_loop(pool, groups_of(product->rows, FILLED_AT_ONCE), rows_fill, &work);
    pool_loop(pool, work.panels * work.parts, piece_multiply, &work);
    return 0;
}

static int normed_product(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, size_t rows, float eps, enum epilogue epilogue, struct err *err)
{
    struct packed *packed = linear->packed;
    assert(in.dtype != DTYPE_F32 || linear->precision == PRECISION_INT8 ||
           (linear->gamma.host && linear->beta.host));
    struct product task = {
        .out_at = out.offset * dtype_size(out.dtype),
        .in_at = in.offset * dtype_size(in.dtype),
        .product = {.rows = rows,
            .normed = in.dtype == DTYPE_F32,
            .gamma = linear->gamma.host,
            .beta = linear->beta.host,
            .eps = eps,
            .bias = packed->bias,
            .out_dtype = out.dtype,
            .epilogue = epilogue},
        .packed = packed,
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
    static const struct attention_kernel kernel = {avx512_attention_bytes, avx512_attend};
    return native_attend(&kernel, stream, context, qkv, batch, tokens, sequences, shape, err);
}

const struct layer_provider provider_avx512 = {
    .name = "avx512",
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
