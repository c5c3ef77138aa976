// SPDX-License-Identifier: Apache-2.0
/* Whether ranks find the same groups with memory for few pairs: mpiexec -n RANKS mpi_few_pairs INDEX THRESHOLD */
#include "index/mpi/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct index_groups *a, const struct index_groups *b)
{
    const size_t rows = a->count ? a->ends[a->count - 1] : 0;
    return a->count == b->count && !memcmp(a->ends, b->ends, a->count * sizeof *a->ends) &&
           !memcmp(a->rows, b->rows, rows * sizeof *a->rows) &&
           !memcmp(a->scores, b->scores, rows * sizeof *a->scores);
}

static int compare(struct ranks *ranks, double threshold, struct err *err)
{
    struct index_groups wanted, groups = {0};
    int rc = ranks_duplicates(&wanted, ranks, threshold, err);
    for (size_t most = 1; most < 1000 && !rc; most *= 6) {
        rc = ranks_duplicates_of(&groups, ranks, threshold, most, err);
        if (!rc && (wanted.count < 10 || !same(&groups, &wanted)))
            rc = err_set(
                err, ERR_ARGUMENT, "of %zu pairs: %zu groups, not %zu", most, groups.count, wanted.count);
        index_groups_release(&groups);
    }
    index_groups_release(&wanted);
    return rc;
}

int main(int argc, char **argv)
{
    const struct device_options device = {.device = NULL};
    const struct ranks_options options = {.device = &device, .job = {.threads = 1}};
    struct ranks *ranks = NULL;
    struct err err = {0};
    ranks_begin(&argc, &argv);
    int rc = argc == 3 ? ranks_open(&ranks, argv[1], &options, &err) : ERR_ARGUMENT;
    if (!rc && ranks_number())
        ranks_serve(ranks);
    else if (!rc)
        rc = compare(ranks, strtod(argv[2], NULL), &err);
    ranks_close(ranks);
    if (rc)
        fprintf(stderr, "%s\n", err.msg);
    ranks_end();
    return rc != 0;
}
