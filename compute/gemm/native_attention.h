// SPDX-License-Identifier: Apache-2.0
/* Inside compute: attention as a native kernel, whose threads have a head of a sequence each. */
#ifndef DIPTYCH_COMPUTE_GEMM_NATIVE_ATTENTION_H
#define DIPTYCH_COMPUTE_GEMM_NATIVE_ATTENTION_H

#include "compute/compute.h"

struct head_shape; /* of gemm.h */

/* context (B, T, H, D) = softmax(Q K^T / sqrt(D)) V of qkv (B, T, 3, H, D), as attention() in compute.h. */
struct native_attention {
    size_t tokens, heads, head_width;
    const int32_t *starts; /* of sequences of other lengths than `tokens`, (B + 1); NULL: all have as many */
    bool causal;
    size_t unseen;   /* the last tokens of a sequence, that none sees */
    const void *qkv; /* of the type that the kernel is for */
    void *context;   /* of the same */
};

/* One head of one sequence, with scratch memory of so many bytes at a multiple of 64: for a sequence of so many tokens or fewer. */
struct attention_kernel {
    size_t (*bytes)(size_t tokens, size_t head_width);
    void (*attend)(const struct native_attention *attention, size_t batch, size_t head, void *scratch);
};

/* layer_provider.attention, by that kernel. */
int native_attend(const struct attention_kernel *kernel, struct stream *stream, struct tensor context,
    struct tensor qkv, size_t batch, size_t tokens, const struct sequences *sequences,
    struct head_shape shape, struct err *err);

/* Of bfloat16 on AVX-512: multiplied in float32, or by the instruction for pairs of bfloat16, for CPUs that have it. */
size_t avx512_attention_bytes(size_t tokens, size_t head_width);
void avx512_attend(const struct native_attention *attention, size_t batch, size_t head, void *scratch);
void avx512_attend_pairs(const struct native_attention *attention, size_t batch, size_t head, void *scratch);

#endif
