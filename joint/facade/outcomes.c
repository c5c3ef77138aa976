// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"

#include <stdlib.h>
#include <string.h>

int outcomes_new(struct diptych_outcomes **out, size_t count, struct err *err)
{
    struct diptych_outcomes *outcomes = *out = mem_new(1, sizeof *outcomes);
    if (outcomes)
        outcomes->items = mem_new(count + 1, sizeof *outcomes->items);
    if (!outcomes || !outcomes->items) {
        diptych_outcomes_free(outcomes);
        *out = NULL;
        return err_memory(err, count * sizeof *outcomes->items);
    }
    outcomes->count = count;
    return 0;
}

int outcomes_note(struct diptych_outcomes *outcomes, size_t i, const struct err *problem,
    const struct job *job, struct err *err)
{
    struct outcome_of *outcome = &outcomes->items[i];
    outcome->message = arena_copy(&outcomes->arena, problem->msg, strlen(problem->msg));
    if (!outcome->message)
        return err_memory(err, strlen(problem->msg));
    outcomes->failed += problem->code && !outcome->code;
    outcome->code = (int32_t)problem->code;
    job_report(job, problem);
    return 0;
}

void outcomes_end(struct diptych_outcomes **wanted, struct diptych_outcomes *outcomes, int rc)
{
    if (!rc && wanted)
        *wanted = outcomes;
    else
        diptych_outcomes_free(outcomes);
}

size_t diptych_outcomes_count(const struct diptych_outcomes *outcomes)
{
    return outcomes ? outcomes->count : 0;
}

size_t diptych_outcomes_failed(const struct diptych_outcomes *outcomes)
{
    return outcomes ? outcomes->failed : 0;
}

int diptych_outcomes_get(const struct diptych_outcomes *outcomes, size_t i, struct diptych_outcome *out,
    struct diptych_error *error)
{
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(outcomes, "outcomes", &err);
    if (!rc && i >= outcomes->count)
        rc = err_set(
            &err, ERR_ARGUMENT, "there are %zu outcomes, none with the number %zu", outcomes->count, i);
    if (!rc) {
        const struct outcome_of *one = &outcomes->items[i];
        const struct diptych_outcome outcome = {.code = one->code,
            .outside = one->outside,
            .truncated = one->truncated,
            .message = one->message ? one->message : ""};
        rc = info_copy(out, &outcome, sizeof outcome, &err);
    }
    return facade_end(error, rc, &err, host);
}

void diptych_outcomes_free(struct diptych_outcomes *outcomes)
{
    if (!outcomes)
        return;
    arena_release(&outcomes->arena);
    free(outcomes->items);
    free(outcomes);
}
