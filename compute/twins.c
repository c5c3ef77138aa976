// SPDX-License-Identifier: Apache-2.0
#include "compute/twins.h"

#include <math.h>
#include <stdlib.h>

void twin_layer_norm(
    float *out, const float *in, const float *gamma, const float *beta, size_t rows, size_t width, double eps)
{
    for (size_t r = 0; r < rows; r++, in += width, out += width) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < width; i++)
            mean += in[i] / (double)width;
        for (size_t i = 0; i < width; i++)
            variance += (in[i] - mean) * (in[i] - mean) / (double)width;
        for (size_t i = 0; i < width; i++)
            out[i] = (float)((in[i] - mean) / sqrt(variance + eps) * gamma[i] + beta[i]);
    }
}

/* One query of one head: scores, their softmax, and the sum of values. */
static void attend(float *context, const float *q, const float *keys, const float *values, size_t seen,
    size_t stride, size_t head_width, double scale)
{
    double *weight = calloc(seen, sizeof *weight), maximum = -INFINITY, total = 0;
    for (size_t t = 0; t < seen; t++) {
        for (size_t d = 0; d < head_width; d++)
            weight[t] += (double)q[d] * keys[t * stride + d] * scale;
        maximum = fmax(maximum, weight[t]);
    }
    for (size_t t = 0; t < seen; t++)
        total += weight[t] = exp(weight[t] - maximum);
    for (size_t d = 0; d < head_width; d++) {
        double sum = 0;
        for (size_t t = 0; t < seen; t++)
            sum += weight[t] / total * values[t * stride + d];
        context[d] = (float)sum;
    }
    free(weight);
}

void twin_attention(float *context, const float *qkv, size_t batch, size_t tokens, size_t heads,
    size_t head_width, bool causal, size_t unseen)
{
    const size_t width = heads * head_width, stride = 3 * width, keys = tokens - unseen;
    for (size_t b = 0; b < batch; b++)
        for (size_t h = 0; h < heads; h++)
            for (size_t t = 0; t < tokens; t++) {
                const float *head = qkv + b * tokens * stride + h * head_width;
                attend(context + (b * tokens + t) * width + h * head_width, head + t * stride, head + width,
                    head + 2 * width, causal && t < keys ? t + 1 : keys, stride, head_width,
                    1 / sqrt((double)head_width));
            }
}

void twin_attend_once(float *context, const float *query, const float *kv, size_t batch, size_t tokens,
    size_t heads, size_t head_width)
{
    const size_t width = heads * head_width;
    for (size_t b = 0; b < batch; b++)
        for (size_t h = 0; h < heads; h++) {
            const float *keys = kv + b * tokens * 2 * width + h * head_width;
            attend(context + b * width + h * head_width, query + h * head_width, keys, keys + width, tokens,
                2 * width, head_width, 1);
        }
}

static double activated(double y, enum epilogue epilogue)
{
    switch (epilogue) {
    case EPILOGUE_QUICK_GELU:
        return y / (1 + exp(-1.702 * y));
    case EPILOGUE_GELU:
        return y / 2 * (1 + erf(y / sqrt(2)));
    case EPILOGUE_GELU_TANH:
        return y / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (y + 0.044715 * y * y * y)));
    case EPILOGUE_RELU:
        return fmax(y, 0);
    default:
        return y;
    }
}

void twin_linear(float *out, const float *in, const float *weight, const float *bias, size_t rows, size_t n,
    size_t k, enum epilogue epilogue)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++) {
            double sum = bias ? bias[j] : 0;
            for (size_t i = 0; i < k; i++)
                sum += (double)in[r * k + i] * weight[j * k + i];
            sum = activated(sum, epilogue);
            out[r * n + j] = (float)(epilogue == EPILOGUE_ADD ? out[r * n + j] + sum : sum);
        }
}
