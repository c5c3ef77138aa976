// SPDX-License-Identifier: Apache-2.0
/* Gradients by differences of a forward pass in double precision: what those of the device are compared with, since they know
 * nothing of how a gradient is derived. */
#ifndef DIPTYCH_TESTS_NUMERIC_H
#define DIPTYCH_TESTS_NUMERIC_H

#include <stddef.h>

/* out of in, with what else it depends on. */
typedef void forward_pass(double *out, const double *in, const void *context);

/* gradient (inputs) of sum(dout * out (outputs)) by `in`. */
void numeric_gradient(float *gradient, forward_pass *forward, const void *context, const float *in,
    size_t inputs, const float *dout, size_t outputs);

#endif
