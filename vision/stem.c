// SPDX-License-Identifier: Apache-2.0
/*
 * The patches of MobileCLIP-B: instead of one convolution of 16 x 16 pixels three that do not overlap, of 4 x 4, 2 x 2
 * and 2 x 2, with a batch norm and a GELU after the first two. Each is a matrix product over the pieces that it puts
 * together, if these lie beside each other; so patchify cuts the picture into 4 x 4 pixels in the order of the patches
 * and, in a patch, of what goes together. The batch norms are folded into the products. Facts: ConvStem and
 * vit_base_mci_224 in timm's vision_transformer_hybrid.py.
 */
#include "vision/stem.h"

#include <math.h>
#include <stdlib.h>

enum { CONVOLUTIONS = 3, PIECES = 4 /* 2 x 2, of the second and the third */ };

/* As the file has them; on the host. */
struct convolution {
    float *weight;          // (N, K, P, P)
    float *bias;            // (N); where there is none, of a batch norm the four, which make one
    float *gamma, *beta;    // (N)
    float *mean, *variance; // (N)
};

struct stem {
    size_t width;                          // W
    struct linear *products[CONVOLUTIONS]; // (W/4, 3*4*4), (W/4, 4*W/4), (W, 4*W/4)
};

#define FIELD(name) offsetof(struct convolution, name)

static const char prefix[] = "vision_model.embeddings.stem.%zu.";

/* DIM_WIDTH and DIM_CHANNELS are those of the convolution. */
static const struct param params[] = {
    {PARAM_VALUES, FIELD(weight), "conv.weight", {DIM_WIDTH, DIM_CHANNELS, DIM_PATCH, DIM_PATCH}, ALWAYS,
        UNTRAINED},
    {PARAM_VALUES, FIELD(bias), "conv.bias", {DIM_WIDTH}, WITH_BIAS, UNTRAINED},
    {PARAM_VALUES, FIELD(gamma), "bn.weight", {DIM_WIDTH}, WITHOUT_BIAS, UNTRAINED},
    {PARAM_VALUES, FIELD(beta), "bn.bias", {DIM_WIDTH}, WITHOUT_BIAS, UNTRAINED},
    {PARAM_VALUES, FIELD(mean), "bn.running_mean", {DIM_WIDTH}, WITHOUT_BIAS, UNTRAINED},
    {PARAM_VALUES, FIELD(variance), "bn.running_var", {DIM_WIDTH}, WITHOUT_BIAS, UNTRAINED},
};

enum { PARAMS = sizeof params / sizeof *params };

static void stem_dims(size_t dims[DIM_COUNT], size_t width, size_t layer)
{
    const bool last = layer == CONVOLUTIONS - 1;
    dims[DIM_WIDTH] = last ? width : width / 4;
    dims[DIM_CHANNELS] = layer ? width / 4 : 3;
    dims[DIM_PATCH] = layer ? 2 : STEM_PATCH;
    dims[WITH_BIAS] = last;
    dims[WITHOUT_BIAS] = !last;
}

/* weight and bias take the batch norm in: gamma * (x - mean) / sqrt(variance + eps) + beta. */
static int fold_norm(struct convolution *convolution, size_t n, size_t k, struct err *err)
{
    const double eps = 1e-5; /* BatchNorm2d's */
    if (convolution->bias)
        return 0;
    convolution->bias = mem_new(n, sizeof *convolution->bias);
    if (!convolution->bias)
        return err_memory(err, n * sizeof *convolution->bias);
    for (size_t i = 0; i < n; i++) {
        const double scale = (double)convolution->gamma[i] / sqrt((double)convolution->variance[i] + eps);
        for (size_t j = 0; j < k; j++)
            convolution->weight[i * k + j] = (float)((double)convolution->weight[i * k + j] * scale);
        convolution->bias[i] = (float)((double)convolution->beta[i] - (double)convolution->mean[i] * scale);
    }
    return 0;
}

/* weight (N, K, pieces) to (N, pieces, K): in a row of the product the pieces come one after the other. */
static int bring_pieces_forward(float *weight, size_t n, size_t k, size_t pieces, struct err *err)
{
    float *row = mem_new(k * pieces, sizeof *row);
    if (!row)
        return err_memory(err, k * pieces * sizeof *row);
    for (size_t i = 0; i < n; i++, weight += k * pieces) {
        for (size_t j = 0; j < k; j++)
            for (size_t piece = 0; piece < pieces; piece++)
                row[piece * k + j] = weight[j * pieces + piece];
        for (size_t j = 0; j < k * pieces; j++)
            weight[j] = row[j];
    }
    free(row);
    return 0;
}

static int load_product(struct linear **out, size_t width, size_t layer, const struct weights *weights,
    struct device *device, struct err *err)
{
    struct convolution convolution = {0};
    size_t dims[DIM_COUNT] = {0};
    stem_dims(dims, width, layer);
    const size_t n = dims[DIM_WIDTH], k = dims[DIM_CHANNELS] * dims[DIM_PATCH] * dims[DIM_PATCH];
    int rc = params_load(&convolution, params, PARAMS, prefix, layer, dims, weights, device, err);
    if (!rc)
        rc = fold_norm(&convolution, n, k, err);
    if (!rc && layer) /* patchify has the pixels of a piece as a convolution's weight has them */
        rc = bring_pieces_forward(convolution.weight, n, dims[DIM_CHANNELS], PIECES, err);
    if (!rc)
        rc = linear_load(out, device, convolution.weight, n, k, err);
    if (!rc)
        rc = linear_set_bias(*out, device, convolution.bias, err);
    params_release(&convolution, params, PARAMS);
    return rc;
}

int stem_load(
    struct stem **out, size_t width, const struct weights *weights, struct device *device, struct err *err)
{
    struct stem *stem = mem_new(1, sizeof *stem);
    int rc = 0;
    if (!stem)
        return err_memory(err, sizeof *stem);
    stem->width = width;
    for (size_t i = 0; i < CONVOLUTIONS && !rc; i++)
        rc = load_product(&stem->products[i], width, i, weights, device, err);
    if (rc)
        stem_free(stem);
    else
        *out = stem;
    return rc;
}

void stem_free(struct stem *stem)
{
    if (!stem)
        return;
    for (size_t i = 0; i < CONVOLUTIONS; i++)
        linear_free(stem->products[i]);
    free(stem);
}

int stem_forward(const struct stem *stem, struct stream *stream, struct tensor columns, struct tensor pieces,
    struct err *err)
{
    const size_t patches = tensor_rows(columns), narrow = stem->width / 4, mark = stream_mark(stream);
    const enum dtype real = stream_dtype(stream);
    struct tensor first;  // (B*G*G*16, W/4)
    struct tensor second; // (B*G*G*4, W/4)
    int rc;
    if ((rc = tensor_new(&first, stream, real, SHAPE(patches * PIECES * PIECES, narrow), err)) ||
        (rc = tensor_new(&second, stream, real, SHAPE(patches * PIECES, narrow), err)) ||
        (rc = linear_forward(stem->products[0], stream, first, pieces, EPILOGUE_GELU, err)))
        goto done;
    first = tensor_view(first, SHAPE(patches * PIECES, PIECES * narrow));
    if ((rc = linear_forward(stem->products[1], stream, second, first, EPILOGUE_GELU, err)))
        goto done;
    second = tensor_view(second, SHAPE(patches, PIECES * narrow));
    rc = linear_forward(stem->products[2], stream, columns, second, EPILOGUE_NONE, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

size_t stem_params(size_t width)
{
    size_t total = 0;
    for (size_t i = 0; i < CONVOLUTIONS; i++) {
        size_t dims[DIM_COUNT] = {0};
        stem_dims(dims, width, i);
        total += params_count(params, PARAMS, dims);
    }
    return total;
}

double stem_flops(size_t width)
{
    const double w = (double)width, narrow = w / 4;
    return 2 * (16 * narrow * 3 * STEM_PATCH * STEM_PATCH + 4 * narrow * 4 * narrow + w * 4 * narrow);
}
