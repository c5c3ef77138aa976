// SPDX-License-Identifier: Apache-2.0
/*
 * compute/train: what training needs beside compute's forward passes: the gradient of each layer, layers whose weights change
 * from step to step, and the contrastive losses.
 *
 * A layer is a pair, x_forward and x_backward, or only the second where compute.h has the first. There is no graph: whoever
 * calls them forward keeps what they say they need, and calls them backward in the opposite order. dx is the
 * gradient of the loss by x, of the same shape. Gradients of parameters are added to what is there; others are
 * written, where nothing else is said. Where those of parameters are NULL, or a tensor of (struct tensor){0}, they are not
 * wanted and not computed.
 *
 * Parameters and sums are float32; "real" is the type of activations, stream_dtype, and so is that of the gradients of what is
 * real. Sums are made in one order: the same device and number of threads give the same bits.
 *
 * Letters are compute.h's. Errors are kernel_run's and tensor_new's, as layers take memory for a while; of products also
 * ERR_UNSUPPORTED, where the device does not multiply reals.
 */
#ifndef DIPTYCH_COMPUTE_TRAIN_H
#define DIPTYCH_COMPUTE_TRAIN_H

#include "compute/compute.h"

/* ---- layers with parameters ---------------------------------------------------------------------------- */

struct lora;

/* A low-rank change of a linear layer (see LoRA below), or the gradients of these. Of `of` equal parts that the outputs are, those in
 * the bits of `parts` change: P of them, whose factors lie one below the other. */
struct lora_tensors {
    struct tensor a; // (P*R, K) real; its gradient float32; or (struct tensor){0}: there is none
    struct tensor b; // (P*N/of, R), likewise
    const struct lora *lora;
    unsigned parts, of;
    unsigned number; /* of the layer, for dropout */
};

/* Of a linear layer, or the gradients of these. */
struct affine_tensors {
    struct tensor weight; // (N, K) real; its gradient float32
    struct tensor bias;   // (N) float32, or (struct tensor){0}
    struct lora_tensors lora;
};

/* Of a layer norm, or the gradients of these. */
struct norm_tensors {
    struct tensor gamma, beta; // (W) float32
};

/* out (..., N), real or float32, = in (..., K) real * transpose(weight) + bias, and what LoRA adds; or out += where it accumulates. */
int affine_forward(struct stream *stream, struct tensor out, struct tensor in,
    const struct affine_tensors *values, bool accumulate, struct err *err);

/* din (..., K), real or float32 (with LoRA real), or not wanted; of dout (..., N) real and the same `in`, which is not looked at where
 * gradients are NULL. */
int affine_backward(struct stream *stream, struct tensor din, const struct affine_tensors *gradients,
    struct tensor dout, struct tensor in, const struct affine_tensors *values, struct err *err);

/* dx (..., W) float32, of dy real or float32, which may be dx, and x as layer_norm has it; dx += where it accumulates, as a
 * residual sum does. */
int layer_norm_backward(struct stream *stream, struct tensor dx, const struct norm_tensors *gradients,
    struct tensor dy, struct tensor x, const struct norm_tensors *values, float eps, bool accumulate,
    struct err *err);

/* ---- layers without ------------------------------------------------------------------------------------ */

/* out = activation(in), both real. */
int activate(
    struct stream *stream, struct tensor out, struct tensor in, enum activation activation, struct err *err);

/* In place: d, the gradient by out, becomes that by x; and x, which was `in`, becomes out, since the next to ask for it is
 * the gradient of the layer that took it. */
int activation_backward(
    struct stream *stream, struct tensor d, struct tensor x, enum activation activation, struct err *err);

/* dqkv (B, T, 3*W), of dcontext (B, T, W) and the same qkv, all real. Scores are computed anew: what is kept of attention is
 * qkv. Takes memory for two tensors (B, H, T, T). */
int attention_backward(struct stream *stream, struct tensor dqkv, struct tensor dcontext, struct tensor qkv,
    size_t heads, bool causal, struct err *err);

/* y (..., W) = normalize_rows of x, float32; and dx, of dy, which may be dx. */
int normalize_rows_forward(struct stream *stream, struct tensor y, struct tensor x, struct err *err);
int normalize_rows_backward(
    struct stream *stream, struct tensor dx, struct tensor dy, struct tensor x, struct err *err);

/* ---- the ends of towers -------------------------------------------------------------------------------- */

/* dpatches (B, G*G, W) real, of dtokens (B, T, W) float32. A class token is there where dclass_token (W) is; the first of the
 * tokens have positions (T, W). */
int assemble_tokens_backward(struct stream *stream, struct tensor dpatches, struct tensor dclass_token,
    struct tensor dpositions, struct tensor dtokens, struct err *err);

/* Which rows of a batch have which id: those of ids[g] are order[starts[g]] up to order[starts[g + 1] - 1]. */
struct id_rows {
    size_t count;                     /* of ids that are there */
    struct tensor ids, starts, order; // (count), (count + 1), (B*T) int32
};

/* Sorts ids (rows) of the host; tensors are the stream's. ERR_MEMORY. */
int id_rows_new(struct id_rows *out, struct stream *stream, const int32_t *ids, size_t rows, struct err *err);

/* Of embed_tokens without a class token, scale and places: dtable (V, W), dpositions (P, W), of dtokens (B, T, W) float32. */
int embed_tokens_backward(struct stream *stream, struct tensor dtable, struct tensor dpositions,
    const struct id_rows *rows, struct tensor dtokens, struct err *err);

/* dtokens (B, T, W), of drows (B, W), both of one type, and the same pick. Not of all tokens in one (1, R, W). */
int gather_rows_backward(
    struct stream *stream, struct tensor dtokens, struct tensor drows, struct tensor pick, struct err *err);

/* Likewise of mean_rows; sequences of one length. */
int mean_rows_backward(
    struct stream *stream, struct tensor dtokens, struct tensor drows, size_t first, struct err *err);

/* How a tower ends: embeddings (B, E) float32 = projection(norm(pooled (B, W) float32)). */
struct end_tensors {
    struct norm_tensors norm;
    struct affine_tensors projection;
};

int project_forward(struct stream *stream, struct tensor embeddings, struct tensor pooled,
    const struct end_tensors *values, float eps, struct err *err);
/* Of the projection alone where dpooled is not wanted. */
int project_backward(struct stream *stream, struct tensor dpooled, const struct end_tensors *gradients,
    struct tensor dembeddings, struct tensor pooled, const struct end_tensors *values, float eps,
    struct err *err);

/* ---- pooling by attention ------------------------------------------------------------------------------ */

/* Of a MAP head, or the gradients of these: see attention_pool in compute.h. */
struct attention_pool_tensors {
    struct tensor probe;              // (1, W)
    struct affine_tensors query;      // (W, W) float32
    struct norm_tensors norm;         // W: of all tokens
    struct affine_tensors kv, out;    // (2*W, W), (W, W)
    struct norm_tensors mlp_norm;     // W
    struct affine_tensors fc_1, fc_2; // (M, W), (W, M)
};

/* out = in * by, both float32, which may be one tensor. */
int scale_floats(struct stream *stream, struct tensor out, struct tensor in, float by, struct err *err);

/* dkv (B, T, 2*W) real and dqueries (B, W) float32, each picture's gradient by its query, of dcontext (B, W) real and what attend_once
 * took; sequences of one length. Takes memory for two numbers for each head and token. */
int attend_once_backward(struct stream *stream, struct tensor dkv, struct tensor dqueries,
    struct tensor dcontext, struct tensor query, struct tensor kv, size_t heads, struct err *err);

/* Such a pool for training. */
struct trained_pool;
struct parameters;

/* Adds its parameters. ERR_UNSUPPORTED for other pools than MAP heads. */
int trained_pool_new(struct trained_pool **out, const struct attention_pool_config *config, bool trained,
    struct parameters *parameters, struct err *err);
void trained_pool_free(struct trained_pool *pool);

/* pool_attention of sequences of one length. x, pooled and what is kept stay until trained_pool_backward is done: dx (B, T, W) of
 * dpooled (B, W), both float32. */
int trained_pool_forward(
    struct trained_pool *pool, struct stream *stream, struct tensor pooled, struct tensor x, struct err *err);
int trained_pool_backward(struct trained_pool *pool, struct stream *stream, struct tensor dx,
    struct tensor dpooled, struct err *err);

/* ---- parameters ---------------------------------------------------------------------------------------- */

/* All that is trained, in flat buffers of one layout on the device: values, gradients and AdamW's two moments, all float32. Where
 * activations are of another type, the matrices that layers take are a copy of the values in that type. Beside them what is
 * frozen: values alone, and of such matrices only that copy. Parameter tables of the towers say what there is:
 *
 *     parameters_new -> trained_..._new of towers, which add to it -> parameters_open -> parameters_load
 *
 * It outlives what adds to it. */
struct parameters;

enum parameters_kind {
    PARAMETERS_VALUES,
    PARAMETERS_GRADIENTS,
    PARAMETERS_MEANS,    /* running means of gradients */
    PARAMETERS_SQUARES,  /* and of their squares */
    PARAMETERS_AVERAGES, /* running means of values, where they are kept */
    PARAMETERS_KINDS
};

int parameters_new(struct parameters **out, struct err *err);
void parameters_free(struct parameters *parameters);

/* Of the tensors of a struct, those that lie `trained_from` bytes from its beginning, or further, are trained. */
enum { TRAIN_FROM_FIRST = 0 };
#define TRAIN_NONE SIZE_MAX

/* Adds the rows of a table that are there. From parameters_open on, each has its tensors in `values` and `gradients`, at the row's
 * `trained`; one of more than two axes is (N, K) there, and gradients of what is frozen are (struct tensor){0}. Both, the table and the prefix
 * outlive the parameters. ERR_UNSUPPORTED, naming the tensor, for a row that has none. */
int parameters_add(struct parameters *parameters, const struct param *table, size_t rows, const char *prefix,
    size_t layer, const size_t dims[DIM_COUNT], void *values, void *gradients, size_t trained_from,
    struct err *err);

/* Before parameters_open: averages are kept, of one buffer more. */
void parameters_keep_averages(struct parameters *parameters);

/* Takes the memory. ERR_DEVICE. */
int parameters_open(struct parameters *parameters, struct device *device, struct err *err);

/* Values are those of the weights, all else zeros. Errors are params_load's. */
int parameters_load(
    struct parameters *parameters, struct stream *stream, const struct weights *weights, struct err *err);

/* Adds what is trained to a file, as params_save does. */
int parameters_save(const struct parameters *parameters, enum parameters_kind kind, struct stream *stream,
    struct weights_writer *writer, struct err *err);

/* All that steps depend on, values, moments and averages, bit for bit as tensors of a file that is no model, added as params_save
 * does; and back, into parameters of the same layout. ERR_FORMAT: they are of another. */
int parameters_keep(const struct parameters *parameters, struct stream *stream, struct weights_writer *writer,
    struct err *err);
int parameters_restore(
    struct parameters *parameters, struct stream *stream, const struct weights *weights, struct err *err);

/* Adds all tensors of the file that weights are of, which they were loaded from, in its layout and under its names, with what is trained in the
 * place of what was there; what the file has not comes last, as params_save names it. ERR_ARGUMENT: weights of no file, or that adapters
 * change; ERR_UNSUPPORTED: as parameters_can_write; and as above. */
int parameters_write(const struct parameters *parameters, enum parameters_kind kind, struct stream *stream,
    struct weights *weights, struct weights_writer *writer, struct err *err);

/* Whether parameters_write can be: ERR_UNSUPPORTED, naming the tensor, where the file has what is trained in another shape, as a table of
 * positions that was resized when it was read. */
int parameters_can_write(const struct parameters *parameters, const struct weights *weights, struct err *err);

/* parameters_save under the names that peft gives to an adapter's tensors; and values from such a file, which weights_open_tensors has opened. Of
 * TOWER_LORA. Errors are params_save's and params_load's. */
int parameters_save_adapter(const struct parameters *parameters, enum parameters_kind kind,
    struct stream *stream, struct weights_writer *writer, struct err *err);
int parameters_load_adapter(
    struct parameters *parameters, struct stream *stream, const struct weights *tensors, struct err *err);

size_t parameters_bytes(const struct parameters *parameters);   /* on the device */
size_t parameters_trained(const struct parameters *parameters); /* how many numbers are trained */

/* AdamW as PyTorch's. Tensors of one axis or none do not decay. */
struct adamw_options {
    size_t step; /* from 1 on */
    double rate, beta_1, beta_2, eps, decay;
    double clip; /* the length that the gradients of all parameters together have at most; 0: any */
};

/* A step along the gradients, as long as they are before clipping: *norm. Where that is not finite, nothing is done. Waits for the
 * device. */
int parameters_step(struct parameters *parameters, struct stream *stream, const struct adamw_options *options,
    double *norm, struct err *err);

/* The rate at a step, from 0 on, of `steps`: up in a line in the first `warmup`, then down to 0 as a cosine. As cosine_lr in
 * open_clip's scheduler.py. */
double cosine_rate(double rate, size_t step, size_t warmup, size_t steps);

/* After a step: averages = decay * averages + (1 - decay) * values, of what is trained, as AveragedModel of PyTorch with
 * get_ema_multi_avg_fn; decay 0, as of its first time, takes the values. */
int parameters_average(struct parameters *parameters, struct stream *stream, double decay, struct err *err);

/* Averages take the place of values, for validation, and back. Waits for the device. */
int parameters_exchange_averages(struct parameters *parameters, struct stream *stream, struct err *err);

/* values = (1 - share) * those of the weights, where training began, + share * values, as WiSE-FT has it (Wortsman et al., 2022; alpha in
 * wise_ft.py). Of LoRA the change of the weights is multiplied by the share. */
int parameters_blend(struct parameters *parameters, struct stream *stream, const struct weights *weights,
    float share, struct err *err);

/* Gradients are zeros again, before the passes whose sum they are to be. */
int parameters_clear_gradients(struct parameters *parameters, struct stream *stream, struct err *err);

/* ---- what is trained of a tower ------------------------------------------------------------------------ */

enum tower_part {
    TOWER_ALL,
    TOWER_PROJECTION, /* its last matrix, where it has one: what comes before runs forward only, and nothing of it is kept */
    TOWER_LORA, /* low-rank changes of its blocks' matrices, and nothing else */
    TOWER_NONE,
};

/* What a tower's trained_..._new is told. */
struct tower_training {
    enum tower_part part;    /* not TOWER_NONE: such a tower is one that only runs */
    bool recomputes;         /* blocks: see trained_transformer_new */
    const struct lora *lora; /* of TOWER_LORA; it outlives the tower */
};

/* LoRA (Hu et al., arXiv:2106.09685): y = W x + scale * B (A x), where W is frozen, A (R, K) begins as kaiming_uniform_ of
 * a = sqrt(5) and B (N, R) as zeros. Names and arithmetic are peft 0.21's LoraConfig's and lora.Linear's. Queries, keys and values
 * are one product here, of which any of the three may change; elements of x that drop out are the same for all three. */
enum lora_target { LORA_QUERY, LORA_KEY, LORA_VALUE, LORA_OUT, LORA_FC_1, LORA_FC_2, LORA_TARGETS };

extern const char
    *const lora_target_names[LORA_TARGETS]; /* "q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2" */

struct lora_options {
    size_t rank; /* R, from 1 on */
    double alpha;
    bool rank_stabilized; /* scale is alpha / sqrt(R), not alpha / R */
    double
        dropout; /* the part of x that is 0, drawn anew for each batch; the others grow by 1 / (1 - dropout) */
    unsigned targets; /* bits of enum lora_target */
    uint64_t seed;    /* of A, and of what drops out */
};

/* ERR_ARGUMENT for options that are none; ERR_MEMORY. */
int lora_new(struct lora **out, const struct lora_options *options, struct err *err);
void lora_free(struct lora *lora);
const struct lora_options *lora_options_of(const struct lora *lora);

/* From here on layers run on `count` items of a batch (rows / count of each), the first of which is its item `first`: what drops out is drawn from the
 * seed and the number of the batch, from 1 on, wherever batches are cut. Number 0: nothing does. */
void lora_draw(struct lora *lora, uint64_t batch, size_t first, size_t count);

/* ---- the transformer ----------------------------------------------------------------------------------- */

/* Of one block, or the gradients of these. */
struct block_tensors {
    struct norm_tensors norm_1, norm_2;         // W
    struct affine_tensors qkv, out, fc_1, fc_2; // (3*W, W), (W, W), (M, W), (W, M)
};

/* The blocks of compute.h's transformer, with weights that change. */
struct trained_transformer;

/* Adds its parameters: prefix as for transformer_load. One that recomputes keeps 0.4 of what others do of each row, and computes
 * 0.14 of the products more. ERR_UNSUPPORTED for blocks that differ from CLIP's in more than sizes,
 * activation and mask. */
int trained_transformer_new(struct trained_transformer **out, const struct transformer_config *config,
    const char *prefix, struct parameters *parameters, const struct tower_training *training,
    struct err *err);
void trained_transformer_free(struct trained_transformer *transformer);

/* *out (B, T, W) of x (B, T, W), both float32, through all blocks; or *out (B, W), the tokens that gather_rows picks of it, where
 * there is a pick: of the last block only they are computed after attention. x, *out and what is kept stay in the stream's memory
 * until trained_transformer_backward is done. */
int trained_transformer_forward(struct trained_transformer *transformer, struct stream *stream,
    struct tensor *out, struct tensor x, const struct tensor *pick, struct err *err);

/* dx (B, T, W), of dout of *out's shape, both float32: one tensor where there was no pick. dout and what was kept are used up. Unless all
 * is trained, nobody wants dx, and it is left somewhere on the way. Not of TOWER_PROJECTION, which keeps nothing. */
int trained_transformer_backward(struct trained_transformer *transformer, struct stream *stream,
    struct tensor dx, struct tensor dout, struct err *err);

/* ---- contrastive losses -------------------------------------------------------------------------------- */

enum contrastive_loss {
    LOSS_SOFTMAX, /* CLIP's: the mean of two cross-entropies, of pictures among texts and of texts among pictures */
    LOSS_SIGMOID, /* SigLIP's: each pair is right or wrong by itself */
};

enum fits { FITS_NOT, FITS, FITS_UNKNOWN };

/* Logits are scale * cosine, of LOSS_SIGMOID + bias. */
struct loss_options {
    enum contrastive_loss loss;
    float scale, bias;

    /* The part of a target that all texts share, or all pictures: as cross_entropy's label_smoothing in PyTorch. Of LOSS_SOFTMAX. */
    float smoothing;

    /* (B, B), on the host: FITS where text j is true of picture i, as its own is. A picture's texts share its target in equal
     * parts, as a text's pictures do; with LOSS_SIGMOID all these pairs are right. FITS_UNKNOWN: the two are not compared. NULL: only its
     * own fits. */
    const uint8_t *fits;

    /* Where the same images have several losses, of different texts, that make a mean: the share of this one, by which it and its gradients
     * are multiplied (1: it is the only one), and whether it comes to what is there, in the report and in dimages. */
    float share;
    bool adds;
};

struct loss_report {
    double loss;
    double dscale, dbias; /* gradients by the options */
    size_t right;         /* pictures of which the nearest text of the batch is true */
};

/* fits (count, count) of pairs whose texts are the same where their groups are. */
void fits_of_groups(uint8_t *fits, const size_t *groups, size_t count);

/* dtexts (B, E), of images and texts (B, E) float32 of length 1, where row i of one belongs to row i of the other.
 * Waits for the device. */
int contrastive_loss(struct loss_report *report, struct stream *stream, struct tensor dimages,
    struct tensor dtexts, struct tensor images, struct tensor texts, const struct loss_options *options,
    struct err *err);

#endif
