// SPDX-License-Identifier: Apache-2.0
#include "tests/compute/numeric.h"

#include <stdlib.h>

void numeric_gradient(float *gradient, forward_pass *forward, const void *context, const float *in,
    size_t inputs, const float *dout, size_t outputs)
{
    static const double step = 1e-5; /* squared it is what a central difference is off by */
    double *x = malloc(inputs * sizeof *x), *more = malloc(outputs * sizeof *more),
           *less = malloc(outputs * sizeof *less);
    for (size_t i = 0; i < inputs; i++)
        x[i] = (double)in[i];
    for (size_t i = 0; i < inputs; i++) {
        double sum = 0;
        x[i] = (double)in[i] + step;
        forward(more, x, context);
        x[i] = (double)in[i] - step;
        forward(less, x, context);
        x[i] = (double)in[i];
        for (size_t j = 0; j < outputs; j++)
            sum += (double)dout[j] * (more[j] - less[j]);
        gradient[i] = (float)(sum / (2 * step));
    }
    free(x), free(more), free(less);
}
