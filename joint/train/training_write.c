// SPDX-License-Identifier: Apache-2.0
#include "joint/train/training.h"

#include <stdlib.h>
#include <string.h>

#include "joint/internal.h"

bool training_changes_file(const struct training *t)
{
    const struct adapters *merged = t->options.adapters;
    return t->weights && t->options.what != TRAINED_LORA && !(merged && merged->count);
}

/* All that is written, twice: to be announced, and then. */
static int add(const struct training *t, struct weights_writer *writer, struct err *err)
{
    return training_changes_file(t)
               ? trained_model_write(t->model, PARAMETERS_VALUES, t->weights, writer, err)
               : trained_model_save(t->model, PARAMETERS_VALUES, writer, err);
}

static int save(const struct training *t, const char *path, struct err *err)
{
    struct weights_writer *writer = NULL;
    int rc = weights_writer_open(&writer, path, DTYPE_F32, NULL, err);
    if (!rc && !(rc = add(t, writer, err)) && !(rc = weights_writer_begin(writer, err)))
        rc = add(t, writer, err);
    const int closed = weights_writer_close(writer, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}

static int write_model(struct training *t, const struct job *job, struct err *err)
{
    struct weights *weights = NULL;
    int rc = save(t, t->state.weights, err);
    if (!rc)
        rc = weights_open(&weights, t->state.weights, err);
    if (!rc)
        rc = model_write(&t->written, t->state.result, t->options.model, weights, &t->dtype, job, err);
    weights_free(weights);
    return rc;
}

static int write_adapter(struct training *t, struct err *err)
{
    const enum dtype dtype = t->options.dtype ? *t->options.dtype : DTYPE_F32;
    struct new_folder folder = {0};
    int rc = new_folder_open(&folder, t->state.result, err);
    if (!rc)
        rc = trained_model_write_adapter(
            t->model, PARAMETERS_VALUES, folder.beside, t->options.model, dtype, err);
    const int closed = new_folder_close(&folder, !rc, rc ? NULL : err);
    t->written = (struct model_conversion){.dtype = dtype, .parameters = t->plan.parameters};
    return rc ? rc : closed;
}

/* What of the course of training is written: its end, or where it was best, or a mean of it, or something on the way back to
 * where it began. */
static int choose_weights(struct training *t, struct err *err)
{
    const struct training_options *options = &t->options;
    int rc = t->judge ? training_state_take_best(&t->state, t->model, err) : 0;
    if (!rc)
        rc = training_exchange_averages(t, err);
    if (!rc && options->blend < 1)
        rc = trained_model_blend(t->model, t->weights, (float)options->blend, err);
    return rc;
}

int training_write(struct training *t, const struct job *job, struct err *err)
{
    int rc = choose_weights(t, err);
    if (!rc)
        rc = t->options.what == TRAINED_LORA ? write_adapter(t, err) : write_model(t, job, err);
    return rc ? rc : training_state_finish(&t->state, t->options.out, err);
}
