// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/evaluation.h"

#include <math.h>

/* Of (0, 1/15] the first; what has no confidence at all is there too. */
static size_t bin_of(float confidence)
{
    size_t bin = 0;
    while (bin + 1 < CALIBRATION_BINS && confidence > (float)(bin + 1) / CALIBRATION_BINS)
        bin++;
    return bin;
}

struct calibration calibration_of(const struct outcome *outcomes, size_t count)
{
    struct calibration calibration = {0};
    for (size_t i = 0; i < count; i++) {
        struct calibration_bin *bin = &calibration.bins[bin_of(outcomes[i].best[0].probability)];
        bin->pictures++;
        bin->confidence += (double)outcomes[i].best[0].probability;
        bin->accuracy += !outcomes[i].place;
    }
    for (size_t i = 0; i < CALIBRATION_BINS; i++) {
        struct calibration_bin *bin = &calibration.bins[i];
        const double pictures = (double)bin->pictures;
        if (!bin->pictures)
            continue;
        bin->confidence /= pictures;
        bin->accuracy /= pictures;
        calibration.error += fabs(bin->accuracy - bin->confidence) * pictures / (double)count;
    }
    return calibration;
}
