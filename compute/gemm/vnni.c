// SPDX-License-Identifier: Apache-2.0
/* Our own int8 products on CPU devices with VNNI: like oneDNN's native kernels in the device's queue. */
#include "compute/gemm/vnni.h"
#include "compute/gemm/gemm.h"
#include "compute/gemm/native_attention.h"

#include <stdlib.h>
#include <string.h>

static bool serves(cl_device_id id, enum precision precision)
{
    return precision == PRECISION_INT8 && device_runs_native(id) && vnni_available();
}

static enum dtype takes(enum precision precision)
{
    (void)precision;
    return DTYPE_BF16;
}

/* int8 is never taken unasked. */
static enum precision best(void)
{
    return PRECISION_F32;
}

/* ---- weights ------------------------------------------------------------------------------------------- */

struct packed {
    struct vnni_weight weight;
    float *bias; // (N) rounded up to VNNI_COLUMNS, or NULL
};

/* Rounded up, and zeros from N on. */
static float *columns_new(size_t n)
{
    return mem_new(groups_of(n, VNNI_COLUMNS) * VNNI_COLUMNS, sizeof(float));
}

static int pack(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    (void)device;
    const size_t bytes = vnni_weight_bytes(linear->n, linear->k);
    struct packed *packed = linear->packed = mem_new(1, sizeof *packed);
    if (!packed || !(packed->weight.values = mem_large(bytes)) ||
        !(packed->weight.scale = columns_new(linear->n)))
        return err_memory(err, bytes);
    vnni_pack_weight(&packed->weight, weight, linear->gain, linear->n, linear->k);
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
    free(packed);
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* What the native kernel is called with. OpenCL puts a host address into `memory`; see onednn.c. */
struct product {
    char *memory;         /* the stream's */
    size_t out_at, in_at; /* bytes */
    struct vnni_product product;
    struct stream *stream;
};

/* How a product is done: all rows are rounded, then come pieces of the result: panels of rows, whose int8 stay in the L2
 * cache while all weights of a piece pass by, times parts of the columns. */
struct work {
    const struct vnni_product *product;
    struct vnni_rows rows;
    size_t panels, parts;
};

enum { ROUNDED_AT_ONCE = 16 /* rows */ };

static void rows_round(void *context, size_t member, size_t i)
{
    const struct work *work = context;
    const size_t first = i * ROUNDED_AT_ONCE, last = first + ROUNDED_AT_ONCE, rows = work->product->rows;
    (void)member;
    vnni_round_rows(&work->rows, work->product, first, last < rows ? last : rows);
}

static void piece_multiply(void *context, size_t member, size_t i)
{
    const struct work *work = context;
    const struct vnni_product *product = work->product;
    const size_t panel = i / work->parts, part = i % work->parts,
                 blocks = groups_of(product->n, VNNI_COLUMNS),
                 end = blocks * (part + 1) / work->parts * VNNI_COLUMNS;
    const struct vnni_piece piece = {
        .first_row = product->rows * panel / work->panels,
        .last_row = product->rows * (panel + 1) / work->panels,
        .first_column = blocks * part / work->parts * VNNI_COLUMNS,
        .last_column = end < product->n ? end : product->n,
    };
    (void)member;
    vnni_multiply(product, &work->rows, &piece);
}

/* Every member has some parts of the columns of each panel, so that one that loses its CPU for a while can leave the rest to
 * others; where that does not keep all of them busy, panels are smaller. */
static void work_cut(struct work *work, size_t members)
{
    enum { CACHE_BYTES = 1 << 20, PARTS_A_MEMBER = 6 };
    const struct vnni_product *product = work->product;
    const size_t blocks = groups_of(product->n, VNNI_COLUMNS), most = CACHE_BYTES / work->rows.stride + 1,
                 groups = groups_of(product->rows, VNNI_ROWS);
    const size_t parts = members > 1 ? members * PARTS_A_MEMBER : 1;
    work->parts = parts < blocks ? parts : blocks;
    work->panels = groups_of(product->rows, most);
    if (work->panels * work->parts < members)
        work->panels = groups_of(members, work->parts);
    if (work->panels > groups)
        work->panels = groups;
}

static void CL_CALLBACK product_run(void *argument)
{
    struct product *task = argument;
    struct vnni_product *product = &task->product;
    struct pool *pool = task->stream->device->pool;
    struct work work = {.product = product};
    void *memory = stream_scratch(task->stream, vnni_rows_place(&work.rows, NULL, product->rows, product->k));
    if (!memory) {
        task->stream->native_failed = 1;
        return;
    }
    product->in = task->memory + task->in_at;
    product->out = task->memory + task->out_at;
    vnni_rows_place(&work.rows, memory, product->rows, product->k);
    work_cut(&work, pool_members(pool));
    pool_loop(pool, groups_of(product->rows, ROUNDED_AT_ONCE), rows_round, &work);
    pool_loop(pool, work.panels * work.parts, piece_multiply, &work);
}

static int normed_product(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, size_t rows, float eps, enum epilogue epilogue, struct err *err)
{
    const struct packed *packed = linear->packed;
    struct product task = {
        .out_at = out.offset * dtype_size(out.dtype),
        .in_at = in.offset * dtype_size(in.dtype),
        .product = {.rows = rows,
            .n = linear->n,
            .k = linear->k,
            .normed = in.dtype == DTYPE_F32,
            .eps = eps,
            .weight = packed->weight,
            .bias = packed->bias,
            .out_dtype = out.dtype,
            .epilogue = epilogue},
        .stream = stream,
    };
    return native_enqueue(stream, product_run, &task, sizeof task, &task.memory, err);
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

const struct layer_provider provider_vnni = {
    .name = "vnni",
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
