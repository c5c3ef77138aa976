// SPDX-License-Identifier: Apache-2.0
/* What tests of native kernels by themselves share, without a device. */
#ifndef DIPTYCH_TESTS_NATIVE_CHECKS_H
#define DIPTYCH_TESTS_NATIVE_CHECKS_H

#include "compute/gemm/native_attention.h"

#include <stddef.h>
#include <stdint.h>

/* count random numbers that are bfloat16 already, and their bits. */
float *random_bf16(uint16_t *bits, size_t count, uint64_t seed, float scale);

/* Fails where an element is off by more than `near` times the largest wanted. */
void check_near(const float *got, const float *want, size_t count, double near, const char *what);

/* A kernel of bfloat16 against the twin: shapes on either side of its blocks' limits, causal or not, with tokens that none sees. */
void check_attention(const struct attention_kernel *kernel);

#endif
