// SPDX-License-Identifier: Apache-2.0
/*
 * compute: one OpenCL device, the tensors on it, the weights that feed it, and the transformer both towers
 * share.
 *
 * The pieces, in the order a program meets them:
 *
 *   struct device       the OpenCL device chosen, its GEMM provider and its precision. Immutable after
 *                       device_open, so any number of threads may share it.
 *   struct weights      the tensors of a model directory by name, mapped from disk, or made up from a seed.
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

#include "base/base.h"

/* ---- device -------------------------------------------------------------------------------------------- */

/* How the operands of matrix products are stored. Everything else (layer norm, softmax, residual sums,
 * pooling) is float32 always. */
enum precision { PRECISION_F32, PRECISION_BF16, PRECISION_F16, PRECISION_COUNT };

const char *precision_name(enum precision precision); /* "f32", "bf16", "f16" */

struct device_options {
    /* "gpu", "cpu", "accelerator", "PLATFORM:DEVICE" as numbers, or part of the name of a device or platform.
     * NULL: as the environment's DIPTYCH_DEVICE says, or else the best there is. */
    const char *device;
    /* "amx" (bf16 only), "clblast" or "onednn"; NULL or "auto": the fastest that serves device and precision
     */
    const char *gemm;
    const char *precision; /* "f32", "bf16" or "f16"; NULL or "auto": the fastest the device does well */
};

struct device;

/* Opens the device the options name. With no OpenCL device at all the error says which packages give one.
 *
 * Kernels are compiled on first use. On platforms that do not keep them between runs themselves (PoCL and
 * NVIDIA do) the binaries are kept in $XDG_CACHE_HOME/diptych or ~/.cache/diptych, where that can be written;
 * the environment's DIPTYCH_KERNEL_CACHE is another folder, for every platform, or "off". */
int device_open(struct device **out, const struct device_options *options, struct err *err);
void device_free(struct device *device);

const char *device_name(const struct device *device);
const char *device_gemm(const struct device *device); /* "amx", "clblast" or "onednn" */
enum precision device_precision(const struct device *device);

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
 * is not there, none is chosen. No device at all, and options the chosen one cannot do, are device_open's
 * errors. */
int device_list(
    struct device_info **out, size_t *count, const struct device_options *options, struct err *err);

/* ---- tensors and streams ------------------------------------------------------------------------------- */

enum element { ELEMENT_F32, ELEMENT_BF16, ELEMENT_F16, ELEMENT_U8, ELEMENT_I32, ELEMENT_COUNT };

size_t element_size(enum element element); /* bytes */

/* Where a tensor's elements lie on the device: row-major, contiguous. PoCL loses the offset of a sub-buffer
 * in native kernels, so a tensor is a whole buffer and an offset, as CLBlast takes it. Copy it freely. */
struct tensor {
    struct _cl_mem *buffer;
    size_t offset; /* in elements */
    size_t count;  /* elements */
    enum element element;
};

struct stream;

/* A forward pass allocates its activations with tensor_new and gives them back with stream_rewind. A stream
 * opened for planning has no memory: every launch is skipped and only the high-water mark is kept. So an
 * encoder opens a planning stream, runs its forward pass once at the largest batch, and opens the real one of
 * that size. */
int stream_open(struct stream **out, struct device *device, size_t bytes, struct err *err); /* 0: planning */
void stream_free(struct stream *stream);
size_t stream_peak(const struct stream *stream); /* bytes: the most that was ever in use */
struct device *stream_device(const struct stream *stream);

size_t stream_mark(const struct stream *stream);
void stream_rewind(struct stream *stream, size_t mark);

/* A tensor of count elements from the stream's memory. ERR_LIMIT when the stream was planned too small. */
int tensor_new(
    struct tensor *out, struct stream *stream, enum element element, size_t count, struct err *err);

/* Copy between host memory and the device, in order with the launches before; both return when done. */
int tensor_write(struct stream *stream, struct tensor to, const void *data, size_t count, struct err *err);
int tensor_read(struct stream *stream, void *data, struct tensor from, size_t count, struct err *err);

/* The element type activations between matrix products have on this stream's device. */
enum element stream_real(const struct stream *stream);

/* A read-only tensor over bytes of the host, which must stay where they are until the stream has been read
 * from after the last launch that uses it. A CPU device reads them in place; others get a copy. It is no part
 * of the stream's memory, so layers do not take it; it goes back through tensor_unwrap. */
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

/* Puts the kernel on the stream's queue. Does nothing while planning. */
int kernel_run(struct stream *stream, const struct launch *launch, const struct kernel_argument *arguments,
    size_t count, struct err *err);

#define KERNEL_RUN(stream, launch, err, ...)                                                                 \
    kernel_run(stream, launch, (const struct kernel_argument[]){__VA_ARGS__},                                \
        sizeof((const struct kernel_argument[]){__VA_ARGS__}) / sizeof(struct kernel_argument), err)

/* What a profiled stream spent on one kind of work. */
struct profile_row {
    const char
        *kind; /* a kernel, a linear layer by its weight's name in Hugging Face's layout, read, write */
    size_t launches;
    double seconds, flops;
};

enum { PROFILE_ROWS_MAX = 32 };

/* From now on the time of every piece of work is taken, which costs a little of it. */
int stream_profile(struct stream *stream, struct err *err);

/* Takes what has come together up to the last tensor_read: rows in the order of first use; returns how many.
 */
size_t stream_profile_rows(struct stream *stream, struct profile_row rows[PROFILE_ROWS_MAX]);

/* ---- weights ------------------------------------------------------------------------------------------- */

/* The naming schemes of checkpoints; compute/layout.c has a table of names for each. */
enum layout { LAYOUT_HF, LAYOUT_OPEN_CLIP, LAYOUT_COUNT };

const char *layout_name(enum layout layout); /* "hugging face", "open_clip" */

enum { WEIGHT_RANK_MAX = 4 };

/* One tensor as the file has it. */
struct weight {
    const char *name;
    const char *type; /* safetensors' own word: "F32", "F16", "BF16", "I64", ... */
    int rank;
    size_t shape[WEIGHT_RANK_MAX];
    size_t count;        /* elements */
    const uint8_t *data; /* little-endian elements, inside the mapped file */
    const char *file;    /* path, for messages */
};

size_t weight_bytes(const struct weight *weight); /* of data */

struct weights;

/* Opens `model.safetensors`, its shards through `model.safetensors.index.json`, or
 * `open_clip_model.safetensors` in a model directory. Every header is checked: lengths, offsets, overlaps,
 * shapes against byte counts. A directory that has only pickled weights (.bin, .pt) is ERR_UNSUPPORTED and
 * the message says how to convert. */
int weights_open(struct weights **out, const char *directory, struct err *err);

/* Weights made up from a seed, for benchmarks and golden tests: any tensor a tower asks for exists, in any
 * shape, under the names of Hugging Face's layout. compute/weights_random.c says how values are made;
 * tests/golden/ makes the same ones. */
int weights_random(struct weights **out, uint64_t seed, struct err *err);

void weights_free(struct weights *weights);

enum layout weights_layout(const struct weights *weights);
size_t weights_count(const struct weights *weights);
const struct weight *weights_at(const struct weights *weights, size_t i);           /* in file order */
const struct weight *weights_find(const struct weights *weights, const char *name); /* NULL: not there */

/* ---- parameter tables ---------------------------------------------------------------------------------- */

/* Sizes and conditions that the rows of a parameter table refer to. A tower fills an array of these from its
 * config. */
enum dim {
    DIM_NONE,
    ALWAYS = DIM_NONE,
    DIM_WIDTH,
    DIM_3WIDTH,
    DIM_MLP,
    DIM_TOKENS,
    DIM_VOCAB,
    DIM_EMBED,
    DIM_CHANNELS,
    DIM_PATCH,
    WITH_PRE_NORM, /* 1 or 0 */
    DIM_COUNT
};

enum param_kind {
    PARAM_TENSOR, /* field is a struct tensor: float32 on the device */
    PARAM_LINEAR, /* field is a struct linear *: (N, K) or (N, ...) weights, packed for the GEMM provider */
    PARAM_BIAS,   /* field is a struct linear * that an earlier row has loaded: its bias (N) */
    PARAM_GAMMA,  /* likewise: of the layer norm that comes before it (K) */
    PARAM_BETA,
    PARAM_HOST, /* field is a float: a scalar on the host */
};

/* One row a tensor: the same table loads it, checks its shape, counts it and lists it in `inspect`. */
struct param {
    enum param_kind kind;
    size_t field;     /* offsetof in the struct that owns the parameters */
    const char *name; /* after the prefix, as Hugging Face has it; "{q,k,v}_proj" stacks three on axis 0 */
    enum dim shape[WEIGHT_RANK_MAX]; /* DIM_NONE ends it */
    enum dim when;                   /* the row is left out where this is 0 */
};

/* Loads every row of `table` into the struct at `object`. prefix stands before the names, as Hugging Face has
 * it; a `%zu` in it is replaced by `layer`. dims is indexed by enum dim. A tensor that is missing, of another
 * shape or type or not finite is ERR_FORMAT; errors name the tensor and what is wrong. */
int params_load(void *object, const struct param *table, size_t rows, const char *prefix, size_t layer,
    const size_t dims[DIM_COUNT], const struct weights *weights, struct device *device, struct err *err);
void params_release(void *object, const struct param *table, size_t rows);

/* Elements all rows hold together. */
size_t params_count(const struct param *table, size_t rows, const size_t dims[DIM_COUNT]);

/* ---- layers -------------------------------------------------------------------------------------------- */

enum activation { ACTIVATION_NONE, ACTIVATION_QUICK_GELU, ACTIVATION_GELU, ACTIVATION_GELU_TANH };

/* What happens to a matrix product on its way out, beside the bias. */
enum epilogue {
    EPILOGUE_NONE,
    EPILOGUE_QUICK_GELU, /* y * sigmoid(1.702 y), openai/CLIP */
    EPILOGUE_GELU,       /* y/2 * (1 + erf(y / sqrt 2)), open_clip's default */
    EPILOGUE_GELU_TANH,  /* the tanh approximation, "gelu_pytorch_tanh" */
    EPILOGUE_ADD,        /* out += y: the residual sum */
};

/* y = x * transpose(weight) + bias, as torch.nn.Linear: weight (N, K). Immutable. */
struct linear;

int linear_load(
    struct linear **out, struct device *device, const float *weight, size_t n, size_t k, struct err *err);
int linear_set_bias(
    struct linear *linear, struct device *device, const float *bias, struct err *err); // (N), once
/* A layer norm comes before it, in linear_forward_normed: gamma and beta (K), K a multiple of 16. Each once.
 */
int linear_set_gamma(struct linear *linear, struct device *device, const float *gamma, struct err *err);
int linear_set_beta(struct linear *linear, struct device *device, const float *beta, struct err *err);
void linear_free(struct linear *linear);

/* out (R, N) = in (R, K) through the layer. `in` has the stream's real type; `out` too, or float32, which
 * EPILOGUE_ADD needs. Both are tensors of this stream, and R is at least 1. */
int linear_forward(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    size_t rows, enum epilogue epilogue, struct err *err);

/* The same with in (R, K) float32, after the layer norm that stands before the layer. */
int linear_forward_normed(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, size_t rows, float eps, enum epilogue epilogue, struct err *err);

/* out (R, W) = layer norm of in (R, W) float32; out is real, or float32 and then maybe `in` itself. R is at
 * least 1, and W a multiple of 16, here and in the layers below that do not say otherwise. */
int layer_norm(struct stream *stream, struct tensor out, struct tensor in, struct tensor gamma,
    struct tensor beta, size_t rows, size_t width, float eps, struct err *err);

/* context (B, T, W) = softmax(Q K^T / sqrt(D)) V of qkv (B, T, 3, H, D), both real. With `causal` a token
 * sees itself and those before it. No T x T tensor is ever in memory. */
int attention(struct stream *stream, struct tensor context, struct tensor qkv, size_t batch, size_t tokens,
    size_t heads, size_t head_width, bool causal, struct err *err);

/* patches (B, G*G, 3*P*P), real, of pixels (B, S, S, 3) bytes with G = S/P: (pixel * scale - mean) / std by
 * channel, in the order of a torch convolution's weight (channel, row, column). */
int patchify(struct stream *stream, struct tensor patches, struct tensor pixels, size_t batch,
    size_t image_size, size_t patch_size, const float scale[3], const float shift[3], struct err *err);

/* tokens (B, 1+G*G, W) float32 = [class; patches (B, G*G, W) float32] + positions (1+G*G, W). */
int assemble_tokens(struct stream *stream, struct tensor tokens, struct tensor patches,
    struct tensor class_token, struct tensor positions, size_t batch, size_t count, size_t width,
    struct err *err);

/* tokens (B, T, W) float32 = table (V, W) at ids (B, T) int32 + positions (T, W). */
int embed_tokens(struct stream *stream, struct tensor tokens, struct tensor ids, struct tensor table,
    struct tensor positions, size_t batch, size_t count, size_t width, struct err *err);

/* rows (B, W): row pick[b] of tokens (B, T, W) for each b, both float32 or both real. pick (B) int32; no
 * buffer: all 0. */
int pick_rows(struct stream *stream, struct tensor rows, struct tensor tokens, struct tensor pick,
    size_t batch, size_t count, size_t width, struct err *err);

/* Divides every row of x (R, W) float32, of any width, by its length, in place. A row of zeros stays. */
int normalize_rows(struct stream *stream, struct tensor x, size_t rows, size_t width, struct err *err);

/* ---- the transformer ----------------------------------------------------------------------------------- */

/* Pre-LN blocks as in openai/CLIP's model.py: x += attention(ln_1(x)); x += mlp(ln_2(x)). */
struct transformer_config {
    size_t layers, width, heads, mlp_width;
    enum activation activation;
    float eps;   /* of every layer norm */
    bool causal; /* text: a token sees only those before it */
};

/* ERR_FORMAT where the heads do not divide the width; ERR_UNSUPPORTED where the kernels do not fit: they take
 * widths that are multiples of 16, and head widths that are multiples of 8, 128 at most. */
int transformer_config_check(const struct transformer_config *config, struct err *err);

struct transformer;

/* prefix with "%zu" for the layer, as params_load. */
int transformer_load(struct transformer **out, const struct transformer_config *config, const char *prefix,
    const struct weights *weights, struct device *device, struct err *err);
void transformer_free(struct transformer *transformer);

/* pooled (B, W) float32: token pick[b] of each sequence of x (B, T, W) float32, after every block. pick is as
 * for pick_rows; x is used up. In the last block the other tokens are keys and values only, so nothing else
 * of them is computed there. */
int transformer_forward(const struct transformer *transformer, struct stream *stream, struct tensor pooled,
    struct tensor x, struct tensor pick, size_t batch, size_t tokens, struct err *err);

/* Parameters, and floating point operations for one sequence of T tokens (a multiply-add is two), as the
 * literature counts them: every token through all of every block. */
size_t transformer_params(const struct transformer_config *config);
double transformer_flops(const struct transformer_config *config, size_t tokens);

#endif
