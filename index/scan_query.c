// SPDX-License-Identifier: Apache-2.0
#include "index/scan_query.h"

#include <math.h>

void host_query_make(struct host_query *query, int8_t *high, int8_t *low, const double *q, size_t stride)
{
    const double evaluation = 0x1p-18; /* of bounds in float: some roundings of 2^-24 */
    double largest = 0, squares = 0, high_squares = 0, high_left = 0, all_squares = 0, left = 0;
    for (size_t i = 0; i < stride; i++)
        largest = fmax(largest, fabs(q[i]));
    *query = (struct host_query){.step = (float)(largest / (HIGH_STEP * HIGH_MAX))};
    for (size_t i = 0; i < stride; i++) {
        const double most = HIGH_STEP * HIGH_MAX, per = query->step > 0 ? q[i] / query->step : 0;
        const int all = (int)floor(fmax(-most, fmin(most, per)) + 0.5);
        const int a = (all + HIGH_STEP / 2 + HIGH_STEP * HIGH_STEP) / HIGH_STEP - HIGH_STEP;
        const double by_high = query->step * HIGH_STEP * a, by_all = query->step * all;
        high[i] = (int8_t)a;
        low[i] = (int8_t)(all - HIGH_STEP * a);
        query->high_sum += high[i];
        query->low_sum += low[i];
        squares += q[i] * q[i];
        high_squares += by_high * by_high;
        high_left += (q[i] - by_high) * (q[i] - by_high);
        all_squares += by_all * by_all;
        left += (q[i] - by_all) * (q[i] - by_all);
    }
    query->norm = sqrt(squares) * (1 + evaluation);
    query->high_radius = (sqrt(high_left) + evaluation * sqrt(high_squares)) * (1 + evaluation);
    query->radius = (sqrt(left) + evaluation * sqrt(all_squares)) * (1 + evaluation);
}
