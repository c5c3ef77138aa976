// SPDX-License-Identifier: Apache-2.0
/*
 * compute: one OpenCL device, the tensors on it, the weights that feed it, and the transformer both towers
 * share.
 *
 * The pieces, in the order a program meets them:
 *
 *   struct device       the OpenCL device chosen, its GEMM provider and its precision. Immutable after
 *                       device_open, so any number of threads may share it.
 *   struct weights      the tensors of a model directory by name, mapped from disk, or made up from a seed
 *                       (compute/weights/weights.h).
 *   struct transformer  blocks of attention and MLP with their weights on the device. Immutable after load.
 *   struct stream       an in-order queue and the memory activations live in. Of one thread at a time.
 *
 * A device outlives all that was loaded on it, and a stream ends before the parameters it has used.
 *
 * Letters in shapes: B pictures or texts in a batch, T tokens of each, W width, H heads, D = W/H head width,
 * M MLP width, R = B*T rows, N and K the output and input width of a linear layer.
 */
#ifndef DIPTYCH_COMPUTE_H
#define DIPTYCH_COMPUTE_H

#include "compute/dtype.h"
#include "compute/weights/weights.h"

/* ---- precision ----------------------------------------------------------------------------------------- */

/* How precise the operands of matrix products are, as a user says it. It decides two things: the type of
 * activations, which layers hand each other (device_dtype), and what the provider of products makes of its
 * operands, which nobody else needs to know. All else (layer norm, softmax, residual sums, pooling) is float32
 * always.
 *
 * In int8 it is the layers of a model whose operands are rounded, but for those at the end of a tower that see one row an item: weights with a scale for each output, rows with one each,
 * made on the fly, so that the largest magnitude becomes 127. Gains and shifts of a layer norm that comes before a layer go
 * into its weights and bias before these are rounded, since some channels' gains are many times as large as the
 * others', and would cost the others of a row their digits. Activations are bfloat16, and so are products of other things. */
enum precision { PRECISION_F32, PRECISION_BF16, PRECISION_F16, PRECISION_INT8, PRECISION_COUNT };

const char *precision_name(enum precision precision); /* "f32", "bf16", "f16", "int8" */

/* ---- device -------------------------------------------------------------------------------------------- */

struct device_options {
    /* "gpu", "cpu", "accelerator", "PLATFORM:DEVICE" as numbers, or part of the name of a device or platform.
     * NULL: as the environment's DIPTYCH_DEVICE says, or else the best there is. */
    const char *device;
    /* "amx" (bf16 and int8), "avx512" (but f16), "avx2" (f32 only), "clblast" or "onednn"; NULL or "auto": the fastest that serves
     * device and precision */
    const char *gemm;
    /* "f32", "bf16", "f16" or "int8"; NULL or "auto": the fastest the device does well, never int8 */
    const char *precision;

    /* On a CPU, weights of float32 are multiplied where they lie in the model's file: it opens in half the time, and takes
     * hardly any memory that is not the file's. One text or picture alone takes a tenth longer, a batch does not. "avx512"
     * and "avx2" do so for the first batch. */
    bool weights_in_file;
};

struct device;

/* Opens the device the options name. No OpenCL device at all is ERR_DEVICE, and the message says which packages
 * give one; options that name no device, no provider, no precision, or a provider that does not serve the
 * device in that precision, are ERR_ARGUMENT; a device that cannot be opened is ERR_DEVICE. ERR_MEMORY where
 * the host has none.
 *
 * With the providers "amx", "avx512" and "avx2" the device keeps threads, as many as there are CPUs, until device_free.
 *
 * Kernels are compiled on first use. On platforms that do not keep them between runs themselves (NVIDIA does;
 * of PoCL see device_keep_programs) the binaries are kept in $XDG_CACHE_HOME/diptych or ~/.cache/diptych, where
 * that can be written; the environment's DIPTYCH_KERNEL_CACHE is another folder, for every platform, or "off".
 *
 * PoCL has no device where it cannot write its files, as for a user without a home. Then the first
 * device_open or device_list of a process sets POCL_CACHE_DIR in the environment to a folder that is this
 * user's alone: diptych-UID in $XDG_RUNTIME_DIR, $TMPDIR, /var/tmp or /tmp, or where that name is taken by
 * somebody else one that goes at exit. A program whose other threads read the environment meanwhile sets
 * POCL_CACHE_DIR itself before it starts them. */
int device_open(struct device **out, const struct device_options *options, struct err *err);
void device_free(struct device *device);

/* Keeps what was compiled so far where keeping it takes seconds: of PoCL, which knows its programs again
 * itself, but needs 15 to 40 ms for each that it is not given as a binary. For the end of work that took long;
 * without it later runs are right, and as slow to start as this one. Not while streams of the
 * device are at work. Keeps nothing while another device of PoCL's is open, in this process or in one that uses the same
 * folder: PoCL would read files that are being written. */
void device_keep_programs(struct device *device);

const char *device_name(const struct device *device);
const char *device_gemm(const struct device *device); /* "amx", "avx512", "avx2", "clblast" or "onednn" */
enum precision device_precision(const struct device *device);
enum dtype device_dtype(const struct device *device); /* what activations are in that precision */

/* Whether it is the CPU this runs on, so that threads of the host may do what kernels would. */
bool device_is_host(const struct device *device);

/* What `diptych devices` shows of one device. */
struct device_info {
    int platform_index, device_index; /* as "PLATFORM:DEVICE" names it */
    char platform[128], name[128], version[128];
    const char *kind; /* "gpu", "cpu", "accelerator", "other" */
    unsigned compute_units;
    uint64_t memory;              /* bytes */
    bool chosen;                  /* device_open with the same options takes this one */
    const char *gemm;             /* provider it would use */
    enum precision precision;     /* precision it would use */
    bool native[PRECISION_COUNT]; /* multiplied in that type; the others run in f32 on rounded operands */
};

/* Lists every device of every platform; *out goes back through free(). Where the options name a device that
 * is not there, none is chosen. No device at all, and options the chosen one cannot do, are errors as for
 * device_open. */
int device_list(
    struct device_info **out, size_t *count, const struct device_options *options, struct err *err);

/* ---- is it well? --------------------------------------------------------------------------------------- */

/* How far results may be from those of double precision, in parts of the largest of them, where their operands have been
 * rounded to the device's precision. */
double device_tolerance(const struct device *device);

/* What the device makes of random numbers, beside plain C: the largest difference as a part of the largest number. */
struct device_check {
    const char *layer; /* "matrix products" */
    double difference;
    bool right; /* it is within device_tolerance */
};
enum { DEVICE_CHECKS = 3 };

/* Takes the seconds that compiling takes where kernels are not in a cache. ERR_DEVICE, ERR_MEMORY. */
int device_check(struct device_check out[DEVICE_CHECKS], struct device *device, struct err *err);

/* The folder that compiled kernels are kept in, in the arena or the environment; it need not be there, nor be one that can be
 * written to. NULL: none is wanted, or the device's own driver keeps them, or there is no home. */
const char *device_kernel_folder(const struct device *device, struct arena *arena);

/* ---- tensors and streams ------------------------------------------------------------------------------- */

/* (2, 3, 4) is SHAPE(2, 3, 4): the last axis lies together in memory. Not more than SHAPE_RANK_MAX axes. */
enum { SHAPE_RANK_MAX = 4 };

struct shape {
    size_t rank, size[SHAPE_RANK_MAX];
};

#define SHAPE(...)                                                                                           \
    ((struct shape){.rank = sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), .size = {__VA_ARGS__}})

size_t shape_count(struct shape shape); /* elements */
bool shape_equal(struct shape a, struct shape b);

/* Where a tensor's elements lie on the device: row-major, contiguous. PoCL loses the offset of a sub-buffer
 * in native kernels, so a tensor is a whole buffer and an offset, as CLBlast takes it. Copy it freely. One
 * without a buffer is none at all, where a function takes that. */
struct tensor {
    struct _cl_mem *buffer;
    size_t offset; /* in elements */
    struct shape shape;
    enum dtype dtype;
};

/* A tensor's shape as its last axis, and how many rows of that width there are. */
size_t tensor_width(struct tensor tensor);
size_t tensor_rows(struct tensor tensor);

/* The first elements of a tensor in another shape, which has no more of them. */
struct tensor tensor_view(struct tensor tensor, struct shape shape);

struct stream;

/* A forward pass allocates its activations with tensor_new and gives them back with stream_rewind. A stream
 * opened for planning has no memory: every launch is skipped and only the high-water mark is kept. So an
 * encoder opens a planning stream, runs its forward pass once at the largest batch, and opens the real one of
 * that size. ERR_DEVICE where the device has no memory for it, ERR_MEMORY where the host has none. */
int stream_open(struct stream **out, struct device *device, size_t bytes, struct err *err); /* 0: planning */
void stream_free(struct stream *stream);
size_t stream_peak(const struct stream *stream); /* bytes: the most that was ever in use */
struct device *stream_device(const struct stream *stream);

size_t stream_mark(const struct stream *stream);
void stream_rewind(struct stream *stream, size_t mark);

/* A tensor from the stream's memory. ERR_LIMIT when the stream was planned too small, or bytes do not fit
 * into a size_t. */
int tensor_new(
    struct tensor *out, struct stream *stream, enum dtype dtype, struct shape shape, struct err *err);

/* Copy the first count elements between host memory and the device, in order with the launches before; both
 * return when done. ERR_DEVICE: a copy failed or, in tensor_read, any launch since the last one. */
int tensor_write(struct stream *stream, struct tensor to, const void *data, size_t count, struct err *err);
int tensor_read(struct stream *stream, void *data, struct tensor from, size_t count, struct err *err);

/* The type that activations between matrix products have on this stream's device: `real` in kernels. */
enum dtype stream_dtype(const struct stream *stream);

/* tensor_write of floats to activations, rounded as dtype_round does. Takes memory of the stream for a while. */
int tensor_write_real(
    struct stream *stream, struct tensor to, const float *data, size_t count, struct err *err);

/* A read-only tensor of bytes of the host, which must stay where they are until the stream has been read from
 * after the last launch that uses it. A CPU device reads them in place; others get a copy. It is no part of
 * the stream's memory, so layers do not take it; it goes back through tensor_unwrap. ERR_DEVICE where the
 * device does not take it. */
int tensor_wrap(struct tensor *out, struct stream *stream, const void *data, size_t bytes, struct err *err);
void tensor_unwrap(struct tensor *tensor); /* takes a zeroed tensor */

/* ---- kernels ------------------------------------------------------------------------------------------- */

/* A file of kernels that another folder embeds; at home it is a static const. It is compiled behind
 * compute/kernels/common.cl, so that it has `real`, LANES, sum16() and group_sum(), and a device remembers
 * the program by the address of this struct. */
struct kernel_source {
    const char *path; /* as the compiler's messages name it */
    const char *text;
};

struct kernel_argument {
    size_t size;
    const void *value;
};

#define ARG(x) ((struct kernel_argument){sizeof(x), &(x)})
#define ARG_TENSOR(t) ARG((t).buffer), ARG((t).offset) /* global T *t, ulong t_at */

/* groups work-groups of `local` work-items in each of up to three dimensions; 0 means 1. */
struct launch {
    const struct kernel_source *source; /* NULL: compute's own kernels */
    const char *kernel;
    double flops;      /* floating point operations, for a profile; 0: not counted */
    size_t head_width; /* of the program to take the kernel from; 0: the common one */
    size_t groups[3], local;
};

/* Groups of `size` that hold `count`. */
static inline size_t groups_of(size_t count, size_t size)
{
    return (count + size - 1) / size;
}

/* Work-items in a group of the kernels that hold vectors themselves, LANES in their source: 1 on CPUs. */
size_t stream_lanes(const struct stream *stream);

/* Puts the kernel on the stream's queue. Does nothing while planning. ERR_DEVICE, naming the kernel, where it
 * does not compile or cannot be launched; ERR_MEMORY. */
int kernel_run(struct stream *stream, const struct launch *launch, const struct kernel_argument *arguments,
    size_t count, struct err *err);

#define KERNEL_RUN(stream, launch, err, ...)                                                                 \
    kernel_run(stream, launch, (const struct kernel_argument[]){__VA_ARGS__},                                \
        sizeof((const struct kernel_argument[]){__VA_ARGS__}) / sizeof(struct kernel_argument), err)

/* What a profiled stream spent on one kind of work. */
struct profile_row {
    const char *kind; /* a kernel, a linear layer by its weight's name in a parameter table, read, write */
    size_t launches;
    double seconds, flops;
};

enum { PROFILE_ROWS_MAX = 32 };

/* From now on the time of every piece of work is taken, which costs a little of it. ERR_DEVICE, ERR_MEMORY. */
int stream_profile(struct stream *stream, struct err *err);

/* Takes what has come together up to the last tensor_read, rows in the order of first use. Returns how many. */
size_t stream_profile_rows(struct stream *stream, struct profile_row rows[PROFILE_ROWS_MAX]);

/* ---- parameter tables ---------------------------------------------------------------------------------- */

/* Sizes and conditions that the rows of a parameter table refer to. A tower fills an array of these from its
 * config. */
enum dim {
    DIM_NONE,
    ALWAYS = DIM_NONE,
    DIM_WIDTH,
    DIM_3WIDTH,
    DIM_MLP,
    DIM_2MLP,
    DIM_TOKENS,
    DIM_VOCAB,
    DIM_POSITIONS,
    DIM_TYPES,
    DIM_NECK,
    DIM_PROJECTED, /* what a text's projection takes */
    DIM_EMBED,
    DIM_POOLED,
    DIM_2POOLED,
    DIM_QUERIES,
    DIM_PROBES, /* 1 */
    DIM_CHANNELS,
    DIM_PATCH,
    DIM_PATCH_VALUES,
    DIM_PATCHES,
    DIM_RANK, /* of LoRA */
    DIM_QKV_RANKS,
    DIM_QKV_CHANGED,
    /* 1 or 0 */
    WITH_PRE_NORM,
    WITH_PATCH_BIAS,
    WITH_CLASS_TOKEN,
    WITH_CLASS_POSITION,
    WITHOUT_CLASS_POSITION, /* and of one size */
    WITH_PATCH_CONVOLUTION, /* one, of pictures of one size */
    WITH_ANY_SIZE,          /* pictures of any size */
    WITH_PROJECTION,        /* enum projection: either of the first two */
    WITH_PROJECTION_MATRIX,
    WITH_PROJECTION_LAYER,
    WITH_BIAS,
    WITHOUT_BIAS,
    WITH_POOLED_NORM,
    WITH_POOL_MLP,
    WITH_POOL_QUERIES,
    WITH_NORM_ALONE,  /* the last norm, with no projection after it */
    WITH_NORM_BEFORE, /* enum norm_place: the first, or another */
    WITH_NORM_AFTER,
    WITH_INNER_NORM,
    WITH_CONTEXT_POSITIONS, /* one for each token of a text; or else a table that may be longer */
    WITH_POSITION_TABLE,
    WITH_TYPES,
    WITH_EMBEDDED_NORM,
    WITH_NECK,
    WITH_NECK_BIAS,
    WITH_NECK_NORM,
    WITH_GATE,
    WITHOUT_GATE,
    WITH_LORA_QKV,
    WITH_LORA_OUT,
    WITH_LORA_FC_1,
    WITH_LORA_FC_2,
    DIM_COUNT
};

enum param_kind {
    PARAM_TENSOR, /* field is a struct tensor: float32 on the device */
    PARAM_TABLE, /* of which a request reads a few rows: of the file's type, if kernels read that, and on a CPU in the file */
    PARAM_GRID,   /* likewise: positions of a class token and a square of patches (T, W) */
    PARAM_SQUARE, /* likewise, without the class token */
    PARAM_LINE,   /* likewise: positions of the tokens of a text (T, W) */
    PARAM_LINEAR, /* field is a struct linear *: (N, K) or (N, ...) weights, which may stay in the file, too */
    PARAM_LINEAR_EXACT, /* likewise, and int8 leaves it: of one row an item, so that it costs little and matters much */
    PARAM_BIAS,  /* field is a struct linear * that an earlier row has loaded: its bias (N) */
    PARAM_GAMMA, /* likewise: of the layer norm that comes before it (K) */
    PARAM_BETA,
    PARAM_HOST,   /* field is a float: a scalar on the host */
    PARAM_VALUES, /* field is a float *: on the host */
    PARAM_LORA_A, /* only trained, and of no file: see compute/train/train.h */
    PARAM_LORA_B,
};

/* One row a tensor: the same table loads it, checks its shape and counts it. */
struct param {
    enum param_kind kind;
    size_t field; /* offsetof in the struct that owns the parameters */
    const char
        *name; /* after the prefix, as Hugging Face has it; "{q,k,v}_proj" is three, with rows stacked */
    enum dim shape[WEIGHT_RANK_MAX]; /* DIM_NONE ends it */
    enum dim when;                   /* the row is left out where this is 0 */
    size_t trained;                  /* UNTRAINED, or TRAINED in the struct of what can be */
};

/* Where a struct tensor is in one of these, counted from 1. */
enum { UNTRAINED };
#define TRAINED(type, member) (offsetof(type, member) + 1)

/* Loads every row of `table` into the struct at `object`, which weights must outlive. prefix stands before the names, as Hugging Face has
 * it; a `%zu` in it is replaced by `layer`. dims is indexed by enum dim. A tensor that is missing, of another
 * shape or type, or not finite is ERR_FORMAT; errors, ERR_DEVICE and ERR_MEMORY too, name the tensor and what
 * is wrong. After an error the rows loaded so far are there for params_release.
 *
 * Positions of open_clip's layout are resized to the model's number as open_clip does it: a grid or a square bicubic
 * and antialiased with its class token kept, a line linear. Other layouts' have to fit. */
int params_load(void *object, const struct param *table, size_t rows, const char *prefix, size_t layer,
    const size_t dims[DIM_COUNT], const struct weights *weights, struct device *device, struct err *err);

/* Adds the tensors of every row to a file, under Hugging Face's names and in its shapes, whatever layout the weights
 * have. Errors are params_load's and weights_writer_add's. */
int params_save(const struct param *table, size_t rows, const char *prefix, size_t layer,
    const size_t dims[DIM_COUNT], const struct weights *weights, struct weights_writer *writer,
    struct err *err);
void params_release(void *object, const struct param *table, size_t rows);

/* How many layers have tensors behind that prefix, from 0 on; of random weights 0. */
size_t params_layers(const struct weights *weights, const char *prefix);

/* How many rows the tensor of that name has; of random weights, or where there is none, 0. */
size_t params_rows(const struct weights *weights, const char *name);

/* What a PARAM_TENSOR is, of values (shape) float32 made on the host: params_release gives it back, where a row of the
 * table is about the same field. ERR_DEVICE, ERR_MEMORY. */
int tensor_load(
    struct tensor *out, struct device *device, struct shape shape, const float *values, struct err *err);

/* Elements all rows hold together. */
size_t params_count(const struct param *table, size_t rows, const size_t dims[DIM_COUNT]);

/* out (rows * columns, width) of in (side * side, width), as transformers resizes the positions of SigLIP 2 to the grid of
 * a picture: bilinear, antialiased. ERR_MEMORY. */
int positions_to_grid(
    float *out, size_t rows, size_t columns, const float *in, size_t side, size_t width, struct err *err);

/* ---- layers -------------------------------------------------------------------------------------------- */

/* Layers take sizes from the shapes of their tensors and assert that these fit together, in every build: a
 * wrong one is a mistake in the program, not in a file. What a file can get wrong, params_load and
 * transformer_config_check have refused before. "real" is the type of activations, stream_dtype.
 *
 * Their errors are kernel_run's, and tensor_new's where they take memory for a while. */

/* How a tower ends: by a matrix, as CLIP's, by a layer with a bias, or without a projection. */
enum projection { PROJECTION_MATRIX, PROJECTION_LAYER, PROJECTION_NONE };

enum activation {
    ACTIVATION_NONE,
    ACTIVATION_QUICK_GELU,
    ACTIVATION_GELU,
    ACTIVATION_GELU_TANH,
    ACTIVATION_RELU
};

/* What happens to a matrix product on its way out, beside the bias. */
enum epilogue {
    EPILOGUE_NONE,
    EPILOGUE_QUICK_GELU, /* y * sigmoid(1.702 y), openai/CLIP */
    EPILOGUE_GELU,       /* y/2 * (1 + erf(y / sqrt 2)), open_clip's default */
    EPILOGUE_GELU_TANH,  /* y/2 * (1 + tanh(sqrt(2/pi) * (y + 0.044715 y^3))), "gelu_pytorch_tanh" */
    EPILOGUE_RELU,       /* max(y, 0) */
    EPILOGUE_ADD,        /* out += y: the residual sum */
};
enum epilogue activation_epilogue(enum activation activation);

/* y = x * transpose(weight) + bias, as torch.nn.Linear: weight (N, K). Immutable. */
struct linear;

/* weight (N, K) float32. ERR_MEMORY, or ERR_DEVICE where the provider fails. The same of those below, each of
 * which is called once at most, before the layer is used. On a device of int8 the product is one of bf16. */
int linear_load(
    struct linear **out, struct device *device, const float *weight, size_t n, size_t k, struct err *err);

int linear_set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err); // (N)

/* A layer norm comes before it, in linear_forward_normed: gamma and beta (K), K a multiple of 16. */
int linear_set_gamma(struct linear *linear, struct device *device, const float *gamma, struct err *err);
int linear_set_beta(struct linear *linear, struct device *device, const float *beta, struct err *err);

/* What a layer of a model is made of. */
struct linear_values {
    const float *weight;       // (N, K)
    const float *bias;         // (N), or NULL
    const float *gamma, *beta; // (K), of the layer norm that comes before it, or NULL both
    bool lasting;              /* the weight is a mapped file's, and stays there as long as the layer */
    bool exact;                /* int8 leaves it */
};

/* All of that at once, and rounded to int8 on a device of int8 unless it is exact. *in_place tells whether the layer goes on reading a lasting
 * weight where it is (device_options.weights_in_file); or else nothing is needed any more. Errors as linear_load's, and
 * ERR_UNSUPPORTED where K is too large for sums of int8. */
int linear_load_layer(struct linear **out, bool *in_place, struct device *device,
    const struct linear_values *values, size_t n, size_t k, struct err *err);
void linear_free(struct linear *linear);

/* out (..., N) = in (..., K) real, or float32, through the layer. out is real, or float32, which EPILOGUE_ADD needs. Both
 * are tensors of this stream, of the same number of rows, at least 1. ERR_DEVICE also where the provider
 * fails. */
int linear_forward(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    enum epilogue epilogue, struct err *err);

/* The largest error of a sum of `terms` float32 products, relative to the sum of their magnitudes, in any order
 * and on any device: g = N u / (1 - N u) with u = 2^-23, which leaves room for devices that do not round to nearest
 * (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). N counts 32 operations more than there are,
 * for what a bound made of it has to compute itself. */
double linear_sum_error(size_t terms);

/* The same with in (..., K) float32, after the layer norm that stands before the layer. */
int linear_forward_normed(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, float eps, enum epilogue epilogue, struct err *err);

/* out (..., W) = (in - mean) / sqrt(variance + eps) * gamma (W) + beta (W), row by row of in (..., W) float32.
 * out is real, or float32 and then maybe `in` itself. There is at least one row, and W is a multiple of 16,
 * here and in the layers below that do not say otherwise. */
int layer_norm(struct stream *stream, struct tensor out, struct tensor in, struct tensor gamma,
    struct tensor beta, float eps, struct err *err);

/* Sequences of different lengths in one (1, R, W), one after the other: sequence i is rows starts[i] to starts[i + 1].
 * None is empty. Layers that look across rows take it; to the others rows are rows. */
struct sequences {
    size_t count, longest;
    const int32_t *host_starts; // (count + 1), until the stream has been read from; NULL while planning
    struct tensor starts;       // the same on the device, int32
};

/* context (B, T, W) = softmax(Q K^T / sqrt(D)) V for each of H heads, of qkv (B, T, 3*W), which is
 * (B, T, 3, H, D); both real. With `causal` a token sees itself and those before it. The last `unseen` of a sequence's
 * tokens, not all, are seen by none, nor by themselves. No T x T tensor is ever in memory. sequences NULL: each of the
 * B is one. */
int attention(struct stream *stream, struct tensor context, struct tensor qkv,
    const struct sequences *sequences, size_t heads, bool causal, size_t unseen, struct err *err);

/* In which order patches come. */
enum patch_order {
    PATCHES_BY_ROW,
    PATCHES_NESTED, /* squares of 4 x 4 by row; in each its quarters by row, and in these their quarters by row */
};

/* patches (B, G*G, 3*P*P) real = pixel * scale + shift, by channel, of pixels (B, S, S, 3) bytes, with G = S/P;
 * in the order of a torch convolution's weight (channel, row, column). Nested, 4 divides G. */
int patchify(struct stream *stream, struct tensor patches, struct tensor pixels, size_t patch_size,
    enum patch_order order, const float scale[3], const float shift[3], struct err *err);

/* values (R, N) real = bytes (R, N) * scale + shift, by channel, of which there are three in turn. */
int scale_bytes(struct stream *stream, struct tensor values, struct tensor bytes, const float scale[3],
    const float shift[3], struct err *err);

/* tokens (B, 1+G*G, W) float32 = [class_token (W); patches (B, G*G, W) float32] + positions (1+G*G, W). Without a class
 * token, as (struct tensor){0}, the patches are all of the tokens. Where there is a position less, the class token has
 * none. */
int assemble_tokens(struct stream *stream, struct tensor tokens, struct tensor patches,
    struct tensor class_token, struct tensor positions, struct err *err);

/* tokens (B, T, W) float32 = table (V, W), float32, float16 or bfloat16, at ids (B, T) int32, times scale, + positions (P, W)
 * at places (B, T) int32; without places, as (struct tensor){0}, the first T of them. The id V is class_token (W) float32,
 * where there is one; without, as (struct tensor){0}, all ids are below V. */
int embed_tokens(struct stream *stream, struct tensor tokens, struct tensor ids, struct tensor table,
    float scale, struct tensor class_token, struct tensor positions, struct tensor places, struct err *err);

/* rows (B, W): row pick[b] of tokens (B, T, W) for each b, or of tokens (1, R, W) for all of them, both of one type. pick
 * (B) int32; with no shape, as (struct tensor){0}: row 0 of each. */
int gather_rows(
    struct stream *stream, struct tensor rows, struct tensor tokens, struct tensor pick, struct err *err);

/* context (B, W) real = softmax(q K^T) V of one query (W) float32, the same for all, that is scaled already, for each of
 * H heads, of kv (B, T, 2*W) real, which is (B, T, 2, H, D). D is a multiple of 8. With sequences B is their count, and kv
 * (1, R, 2*W). */
int attend_once(struct stream *stream, struct tensor context, struct tensor query, struct tensor kv,
    const struct sequences *sequences, size_t heads, struct err *err);

/* Turns q and k of qkv (B, T, 3*W) real, which is (B, T, 3, H, D), in place, by what rotation (T, D) float32 has for each
 * token: the cosine and the sine of an angle for each pair of elements. D is a multiple of 16. */
int rotate_pairs(
    struct stream *stream, struct tensor qkv, struct tensor rotation, size_t heads, struct err *err);

/* out (R, M) real = silu(g) * x of in (R, 2*M) real, rows of g, then x; silu(g) = g * sigmoid(g). Any M. */
int gate(struct stream *stream, struct tensor out, struct tensor in, struct err *err);

/* layer_norm of x (..., W) real in place; any W. */
int inner_norm(struct stream *stream, struct tensor x, struct tensor gamma, struct tensor beta, float eps,
    struct err *err);

/* x += y, both (..., W) float32. */
int add_rows(struct stream *stream, struct tensor x, struct tensor y, struct err *err);

/* rows (B, W): the mean of tokens (B, T, W) from `first` on, both float32. With sequences B is their count, and tokens
 * (1, R, W). */
int mean_rows(struct stream *stream, struct tensor rows, struct tensor tokens,
    const struct sequences *sequences, size_t first, struct err *err);

/* Divides every row of x (..., W) float32, of any width, by its length, in place. A row of zeros stays. */
int normalize_rows(struct stream *stream, struct tensor x, struct err *err);

/* ---- the transformer ----------------------------------------------------------------------------------- */

/* Where a block's two layer norms are. */
enum norm_place {
    NORM_BEFORE,    /* x += attention(norm(x)); x += mlp(norm(x)): openai/CLIP's model.py, and most since */
    NORM_OF_BRANCH, /* x += norm(attention(x)); x += norm(mlp(x)): EvaBlockPostNorm in timm's eva.py */
    NORM_AFTER,     /* x = norm(x + attention(x)); x = norm(x + mlp(x)): BertLayer in transformers */
};

/* Positions of a square of patches that turn queries and keys: half of a head's pairs by an angle that grows with y, half
 * by one that grows with x, at D/4 speeds 10000^(-i/(D/4)). Facts: RotaryEmbeddingCat in timm's pos_embed_sincos.py. */
struct rotary {
    size_t grid;         /* G; 0: positions do not turn anything */
    size_t class_tokens; /* come before the patches, and are not turned */
    float first;         /* the coordinate of the first row and column */
    float scale;         /* all coordinates times this */
    bool x_first;        /* x turns the first half; else y */
};

struct transformer_config {
    size_t layers, width, heads, mlp_width;
    enum activation activation;
    float eps;     /* of every layer norm */
    bool causal;   /* text: a token sees only those before it */
    size_t unseen; /* so many at the end of a sequence no token sees: CoCa's class token */
    enum norm_place norm_place;
    bool gated;      /* mlp(x) = fc_2(silu(gate(x)) * fc_1(x)), SwiGLU */
    bool inner_norm; /* one more layer norm before the output of attention, and one before that of the MLP */
    struct rotary rotary;
};

/* ERR_FORMAT where the heads do not divide the width; ERR_UNSUPPORTED where the kernels do not fit: they take
 * widths that are multiples of 16, and head widths that are multiples of 8, 128 at most. */
int transformer_config_check(const struct transformer_config *config, struct err *err);

struct transformer;

/* prefix with "%zu" for the layer, as params_load. Errors are those of transformer_config_check and
 * params_load. */
int transformer_load(struct transformer **out, const struct transformer_config *config, const char *prefix,
    const struct weights *weights, struct device *device, struct err *err);
void transformer_free(struct transformer *transformer);

/* params_save of all blocks. */
int transformer_save(const struct transformer_config *config, const char *prefix,
    const struct weights *weights, struct weights_writer *writer, struct err *err);

/* x (B, T, W) float32 through the first `count` blocks, in place; sequences as for attention. */
int transformer_forward(const struct transformer *transformer, struct stream *stream, struct tensor x,
    const struct sequences *sequences, size_t count, struct err *err);

/* Pooling by one token: pooled (B, W) float32 is token pick[b] of each sequence after every block. x (B, T, W)
 * has gone through all blocks but the last, and is used up; pick is as for gather_rows, sequences as for attention. */
int pool_token(const struct transformer *transformer, struct stream *stream, struct tensor pooled,
    struct tensor x, const struct sequences *sequences, struct tensor pick, struct err *err);

/* Pooling by attention: y (B, E) = out(attention of one learned query over kv(norm(x))). Then, in the "MAP head" of SigLIP,
 * whose E is W, y += mlp(norm(y)). CoCa has many queries, each through a norm, and the first is for the embedding: the
 * others, which its captions are written by, are not computed. Facts: MAPHead in big_vision's models/vit.py,
 * SiglipMultiheadAttentionPoolingHead in transformers, AttentionPoolLatent in timm; AttentionalPooler in open_clip. */
struct attention_pool;

struct attention_pool_config {
    size_t width, pooled_width, heads; /* W, E */
    size_t mlp_width;                  /* of a MAP head; else 0 */
    size_t queries;                    /* CoCa's; else 0 */
    enum activation activation;
    float eps;
};

/* Under the names of Hugging Face's vision_model.head, and vision_model.post_layernorm for a MAP head's norm(x). Errors
 * are those of params_load. */
int attention_pool_load(struct attention_pool **out, const struct attention_pool_config *config,
    const struct weights *weights, struct device *device, struct err *err);
void attention_pool_free(struct attention_pool *pool);
size_t attention_pool_params(const struct attention_pool_config *config);
double attention_pool_flops(const struct attention_pool_config *config, size_t tokens); /* of one sequence */

/* pooled (B, E) float32 of x (B, T, W) float32, the states after all blocks; sequences as for attend_once. */
int pool_attention(const struct attention_pool *pool, struct stream *stream, struct tensor pooled,
    struct tensor x, const struct sequences *sequences, struct err *err);

/* Parameters, and floating point operations for one sequence of T tokens (a multiply-add is two), as the
 * literature counts them: every token through all of every block. */
size_t transformer_params(const struct transformer_config *config);
double transformer_flops(const struct transformer_config *config, size_t tokens);

#endif
