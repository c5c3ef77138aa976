// SPDX-License-Identifier: Apache-2.0
/* What the tests of kernels share: a device with a stream, values put on it and read back, and the comparison with a
 * twin. The tests themselves are parted by what they run; test_kernels.c runs them for every provider and shape. */
#ifndef DIPTYCH_TESTS_KERNELS_H
#define DIPTYCH_TESTS_KERNELS_H

#include "compute/internal.h"

struct bench {
    struct device *device;
    struct stream *stream;
};

/* Relative to the largest value: a float32 sum in another order, or one rounding to 16 bits on the way in and out. */
double tolerance(const struct bench *bench);

/* Fail the test at hand: unless rc is 0, with the error's message; unless got is want up to relative times the largest. */
void check_ok(int rc, const struct err *err);
void compare(const float *got, const float *want, size_t count, double relative, const char *what);

/* Values as the stream's real type has them: bits receives them in 16 bits where it does, values rounded. */
void round_real(const struct bench *bench, float *values, uint16_t *bits, size_t count);

/* Host floats to the device as the stream's real type (what the device then holds is left in values), and back. */
struct tensor put_real(const struct bench *bench, float *values, struct shape shape);
void get_real(const struct bench *bench, float *values, struct tensor t, size_t count);

/* Host values to the device as they are. */
struct tensor put(const struct bench *bench, enum dtype dtype, const void *values, struct shape shape);

/* As fill_random; the caller frees. */
float *random_floats(size_t count, uint64_t seed);

/* The tests: state points to a bench. */
void layer_norm_matches(void **state);
void gates_and_inner_norms_match(void **state);
void rows_are_added_and_averaged(void **state);
void rows_are_normalised(void **state);
void attention_matches(void **state);
void attention_of_sequences_matches(void **state);
void attend_once_matches(void **state);
void pairs_turn(void **state);
void linear_matches(void **state);
void linear_after_norm_matches(void **state);
void layers_of_a_model_match(void **state);
void weights_may_lie_in_files(void **state);
void rows_of_a_layer_are_alone(void **state);
void linear_takes_any_number_of_rows(void **state);
void products_match(void **state);
void products_of_heads_match(void **state);
void products_reach_other_buffers(void **state);
void layer_norm_gradients_match(void **state);
void gradients_of_normalised_rows_match(void **state);
void activation_gradients_match(void **state);
void attention_gradients_match(void **state);
void affine_gradients_match(void **state);
void lora_gradients_match(void **state);
void gradients_of_assembled_tokens_match(void **state);
void gradients_of_embedded_tokens_match(void **state);
void gradients_of_pooled_rows_match(void **state);
void contrastive_losses_match(void **state);
void gradients_of_attention_of_one_query_match(void **state);
void averages_match(void **state);
void adamw_matches(void **state);
void rates_warm_up_and_fall(void **state);
void scale_bytes_matches(void **state);
void patchify_matches(void **state);
void tokens_are_put_together(void **state);
#endif
