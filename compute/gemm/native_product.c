// SPDX-License-Identifier: Apache-2.0
/* The native kernels that our own products are, like oneDNN's in the device's queue, on the threads of its pool. */
#include "compute/gemm/native_product.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 64 };

static size_t up(size_t count, size_t unit)
{
    return groups_of(count, unit) * unit;
}

size_t native_word(enum precision precision)
{
    return precision == PRECISION_INT8 ? 4 : precision == PRECISION_BF16 ? 2 : 1;
}

size_t native_words(const struct native_weight *weight)
{
    return groups_of(weight->k, native_word(weight->precision));
}

size_t native_block_bytes(const struct native_weight *weight)
{
    return native_words(weight) * weight->kernel->columns * sizeof *weight->values;
}

static size_t blocks_of(const struct native_weight *weight)
{
    return groups_of(weight->n, weight->kernel->columns);
}

/* ---- weights ------------------------------------------------------------------------------------------- */

struct packed {
    struct native_weight weight;
    float *bias;          // (N) rounded up to whole blocks, or NULL
    pthread_mutex_t lock; /* guards the weight and used, while it is not packed */
    bool used;
};

/* A weight that is to be packed. */
struct packing {
    const struct native_weight *weight;
    const float *values, *gain;
    uint32_t *out;
};

static void block_pack(void *context, size_t member, size_t i)
{
    const struct packing *packing = context;
    const size_t words = native_block_bytes(packing->weight) / sizeof *packing->out;
    const struct native_kernel *kernel = packing->weight->kernel;
    (void)member;
    kernel->pack_block(
        packing->out + i * words, packing->weight, packing->values, packing->gain, i * kernel->columns);
}

/* On the pool's threads, or with NULL on this one. False: there is no memory for it. */
static bool weight_pack(
    struct native_weight *weight, const float *values, const float *gain, struct pool *pool)
{
    const struct packing packing = {
        weight, values, gain, mem_large(blocks_of(weight) * native_block_bytes(weight))};
    if (packing.out)
        pool_loop(pool, blocks_of(weight), block_pack, (void *)&packing);
    weight->values = packing.out;
    return packing.out;
}

/* The weight as a product is to take it. One that lies in a file is packed when it is used again: in a run of one picture or
 * text it is not, and memory for it would take longer than its product. */
static struct native_weight weight_take(struct packed *packed, struct pool *pool)
{
    struct native_weight *weight = &packed->weight;
    pthread_mutex_lock(&packed->lock);
    if (!weight->values && packed->used && weight_pack(weight, weight->plain, NULL, pool))
        file_map_forget(weight->plain, weight->n * weight->k * sizeof *weight->plain);
    packed->used = true;
    const struct native_weight taken = *weight;
    pthread_mutex_unlock(&packed->lock);
    return taken;
}

/* (N) rounded up, and zeros from N on. */
static float *columns_new(const struct native_weight *weight)
{
    return mem_new(blocks_of(weight) * weight->kernel->columns, sizeof(float));
}

int native_pack(
    struct linear *linear, const struct native_kernel *kernel, const float *weight, struct err *err)
{
    const bool int8 = linear->precision == PRECISION_INT8;
    struct packed *packed = linear->packed = mem_new(1, sizeof *packed);
    if (!packed)
        return err_memory(err, sizeof *packed);
    pthread_mutex_init(&packed->lock, NULL);
    packed->weight = (struct native_weight){
        .kernel = kernel, .precision = linear->precision, .n = linear->n, .k = linear->k};
    if (int8 && !(packed->weight.scale = columns_new(&packed->weight)))
        return err_memory(err, linear->n * sizeof *packed->weight.scale);
    linear->in_place = linear->lasting && !int8;
    if (linear->in_place)
        packed->weight.plain = weight;
    else if (!weight_pack(&packed->weight, weight, linear->gain, NULL))
        return err_memory(err, blocks_of(&packed->weight) * native_block_bytes(&packed->weight));
    return 0;
}

int native_set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err)
{
    struct packed *packed = linear->packed;
    (void)device;
    if (!(packed->bias = columns_new(&packed->weight)))
        return err_memory(err, linear->n * sizeof *bias);
    memcpy(packed->bias, bias, linear->n * sizeof *bias);
    return 0;
}

void native_free(struct linear *linear)
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
    struct native_product product;
    struct packed *packed;
};

/* How a product is done: all rows become words, then come pieces of the result: panels of rows, whose words stay in the L2
 * cache while all weights of a piece pass by, times parts of the columns. */
struct work {
    const struct native_product *product;
    struct native_rows rows;
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
    work->product->weight->kernel->fill_rows(&work->rows, work->product, first, last < rows ? last : rows);
}

static void piece_multiply(void *context, size_t member, size_t i)
{
    const struct work *work = context;
    const struct native_product *product = work->product;
    const struct native_kernel *kernel = product->weight->kernel;
    const size_t panel = i / work->parts, part = i % work->parts, n = product->weight->n,
                 blocks = blocks_of(product->weight),
                 end = blocks * (part + 1) / work->parts * kernel->columns;
    const struct native_piece piece = {
        .first_row = product->rows * panel / work->panels,
        .last_row = product->rows * (panel + 1) / work->panels,
        .first_column = blocks * part / work->parts * kernel->columns,
        .last_column = end < n ? end : n,
        .block = (uint32_t *)(work->blocks + member * work->block_bytes),
    };
    kernel->multiply(product, &work->rows, &piece);
}

/* Every member has some parts of the columns of each panel, so that one that loses its CPU for a while can leave the rest to
 * others; where that does not keep all of them busy, panels are smaller. */
static void work_cut(struct work *work, size_t members)
{
    enum { CACHE_BYTES = 1 << 20, PARTS_A_MEMBER = 6 };
    const struct native_product *product = work->product;
    const size_t blocks = blocks_of(product->weight), most = CACHE_BYTES / work->rows.stride + 1,
                 groups = groups_of(product->rows, product->weight->kernel->rows);
    const size_t parts = members > 1 ? members * PARTS_A_MEMBER : 1;
    work->parts = parts < blocks ? parts : blocks;
    work->panels = groups_of(product->rows, most);
    if (work->panels * work->parts < members)
        work->panels = groups_of(members, work->parts);
    if (work->panels > groups)
        work->panels = groups;
}

/* How many bytes for the rows of a product; with memory, at a multiple of LINE, also where in it they lie. */
static size_t rows_place(struct native_rows *rows, void *memory, const struct native_product *product)
{
    const size_t count = product->rows,
                 stride = up(native_words(product->weight) * sizeof *product->weight->values, LINE) + LINE,
                 values = count * stride, scale = up(count * sizeof(float), LINE);
    char *at = memory;
    if (at)
        *rows = (struct native_rows){at, stride, (float *)(at + values), (int32_t *)(at + values + scale)};
    return values + scale + count * sizeof(int32_t);
}

static int product_run(void *argument, struct stream *stream)
{
    struct product *task = argument;
    struct native_product *product = &task->product;
    struct pool *pool = stream->device->pool;
    const struct native_weight weight = weight_take(task->packed, pool);
    struct work work = {.product = product, .block_bytes = weight.values ? 0 : native_block_bytes(&weight)};
    product->weight = &weight;
    const size_t blocks = pool_members(pool) * work.block_bytes;
    work.blocks = stream_scratch(stream, blocks + rows_place(&work.rows, NULL, product));
    if (!work.blocks)
        return NATIVE_NO_MEMORY;
    product->in = task->memory + task->in_at;
    product->out = task->memory + task->out_at;
    rows_place(&work.rows, work.blocks + blocks, product);
    work_cut(&work, pool_members(pool));
    pool_loop(pool, groups_of(product->rows, FILLED_AT_ONCE), rows_fill, &work);
    pool_loop(pool, work.panels * work.parts, piece_multiply, &work);
    return 0;
}

static int enqueue(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    struct native_product *product, struct err *err)
{
    struct packed *packed = linear->packed;
    product->bias = packed->bias;
    product->out_dtype = out.dtype;
    struct product task = {
        .out_at = out.offset * dtype_size(out.dtype),
        .in_at = in.offset * dtype_size(in.dtype),
        .product = *product,
        .packed = packed,
    };
    return native_enqueue(stream, product_run, &task, sizeof task, true, err);
}

int native_multiply(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    size_t rows, enum epilogue epilogue, struct err *err)
{
    struct native_product product = {.rows = rows, .epilogue = epilogue};
    assert(in.dtype == linear->dtype);
    return enqueue(linear, stream, out, in, &product, err);
}

int native_multiply_normed(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, size_t rows, float eps, enum epilogue epilogue, struct err *err)
{
    struct native_product product = {.rows = rows,
        .normed = true,
        .gamma = linear->gamma.host,
        .beta = linear->beta.host,
        .eps = eps,
        .epilogue = epilogue};
    assert(in.dtype == DTYPE_F32 && (linear->precision == PRECISION_INT8 || (product.gamma && product.beta)));
    return enqueue(linear, stream, out, in, &product, err);
}
