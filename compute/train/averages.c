// SPDX-License-Identifier: Apache-2.0
/* Running means of what is trained. */
#include "compute/train/kernels.h"
#include "compute/train/parameters.h"

#include <assert.h>

int parameters_average(struct parameters *parameters, struct stream *stream, double decay, struct err *err)
{
    const struct tensor averages = parameters_flat(parameters, PARAMETERS_AVERAGES),
                        values = parameters_flat(parameters, PARAMETERS_VALUES);
    const cl_ulong count = shape_count(values.shape);
    const struct launch launch = {.source = &adamw_source,
        .kernel = "average",
        .groups = {groups_of(count, 16 * GROUP)},
        .local = GROUP};
    const float share = (float)(1 - decay);
    assert(parameters->averages && decay >= 0 && decay <= 1);
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(averages), ARG_TENSOR(values), ARG(count), ARG(share));
}

int parameters_exchange_averages(struct parameters *parameters, struct stream *stream, struct err *err)
{
    struct flat *flats = parameters->flats;
    const struct flat averages = flats[PARAMETERS_AVERAGES];
    assert(parameters->averages);
    flats[PARAMETERS_AVERAGES] = flats[PARAMETERS_VALUES];
    flats[PARAMETERS_VALUES] = averages;
    parameters_hand_out(parameters);
    return parameters_round(parameters, stream, err);
}
