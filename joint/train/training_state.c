// SPDX-License-Identifier: Apache-2.0
/* OUT.part has
 *
 *     checkpoint.safetensors   values, moments, and in its notes the step and the options of the run
 *     trained.safetensors      the values alone, while the model is written
 *
 * each of which is there whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "joint/internal.h"
#include "joint/train/training.h"

#define FORMAT "diptych-training"

/* ---- the folder ---------------------------------------------------------------------------------------- */

static int cannot_write(const char *path, struct err *err)
{
    return err_set(err, ERR_IO, "unable to write '%s': %s", path, strerror(errno));
}

static int name_all(struct training_state *state, const char *out, struct err *err)
{
    static const char end[] = ".part";
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/')
        length--;
    char *folder = arena_alloc(&state->arena, length + sizeof end);
    if (!folder)
        return err_memory(err, length);
    memcpy(mempcpy(folder, out, length), end, sizeof end);
    state->folder = folder;
    state->checkpoint = path_join(&state->arena, folder, "checkpoint.safetensors");
    state->weights = path_join(&state->arena, folder, "trained.safetensors");
    return state->checkpoint && state->weights ? 0 : err_memory(err, length);
}

static int open_folder(struct training_state *state, struct err *err)
{
    if (mkdir(state->folder, 0777) && errno != EEXIST)
        return cannot_write(state->folder, err);
    state->lock = open(state->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->lock < 0) {
        state->lock = 0;
        return cannot_write(state->folder, err);
    }
    if (!flock(state->lock, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
        return 0;
    close(state->lock);
    state->lock = 0;
    return err_set(err, ERR_BUSY, "another process is at '%s'", state->folder);
}

/* ---- going on ------------------------------------------------------------------------------------------ */

static int damaged(const struct training_state *state, struct err *err)
{
    return err_set(err, ERR_FORMAT, "'%s' is no checkpoint: remove '%s' to begin anew", state->checkpoint,
        state->folder);
}

static int go_on(struct training_state *state, const struct weights *weights, struct trained_model *model,
    size_t *step, struct err *err)
{
    const char *format = weights_note(weights, "format"), *options = weights_note(weights, "options"),
               *steps = weights_note(weights, "step");
    uint32_t number;
    struct span rest = span_of(steps ? steps : "");
    json_t *before = NULL;
    if (!format || strcmp(format, FORMAT) || !options || !span_take_number(&number, &rest) || rest.length)
        return damaged(state, err);
    int rc = json_parse(&before, options, strlen(options), state->checkpoint, err);
    if (!rc)
        rc = same_run_check(state->options, before, state->folder, err);
    if (!rc && (rc = trained_model_restore(model, weights, err)))
        err_wrap(err, "unable to go on with '%s'", state->checkpoint);
    *step = state->kept_step = number;
    json_decref(before);
    return rc;
}

int training_state_open(struct training_state *state, const char *out, struct json_t *options, bool resume,
    struct trained_model *model, size_t *step, struct err *err)
{
    struct weights *weights = NULL;
    *state = (struct training_state){.options = options, .kept = time_now()};
    *step = 0;
    int rc = options ? name_all(state, out, err) : err_memory(err, 0);
    if (!rc)
        rc = open_folder(state, err);
    if (rc || !file_exists(state->checkpoint))
        return rc;
    if (!resume)
        return err_set(err, ERR_ARGUMENT, "'%s' has a run that has not ended: --resume goes on, or remove it",
            state->folder);
    rc = weights_open_tensors(&weights, state->checkpoint, err);
    if (!rc)
        rc = go_on(state, weights, model, step, err);
    weights_free(weights);
    return rc;
}

/* ---- keeping ------------------------------------------------------------------------------------------- */

static int add_notes(
    const struct training_state *state, struct weights_writer *writer, size_t step, struct err *err)
{
    char number[32], *options = json_dumps(state->options, JSON_COMPACT);
    snprintf(number, sizeof number, "%zu", step);
    int rc = options ? weights_writer_note(writer, "format", FORMAT, err) : err_memory(err, 0);
    if (!rc)
        rc = weights_writer_note(writer, "step", number, err);
    if (!rc)
        rc = weights_writer_note(writer, "options", options, err);
    free(options);
    return rc;
}

int training_state_keep(
    struct training_state *state, const struct trained_model *model, size_t step, struct err *err)
{
    struct weights_writer *writer = NULL;
    int rc = weights_writer_open(&writer, state->checkpoint, DTYPE_F32, NULL, err);
    if (!rc && !(rc = add_notes(state, writer, step, err)) &&
        !(rc = trained_model_keep(model, writer, err)) && !(rc = weights_writer_begin(writer, err)))
        rc = trained_model_keep(model, writer, err);
    const int closed = weights_writer_close(writer, !rc, rc ? NULL : err);
    rc = rc ? rc : closed;
    state->kept = time_now();
    state->kept_step = rc ? state->kept_step : step;
    return rc;
}

void training_state_remove(struct training_state *state)
{
    unlink(state->weights);
    unlink(state->checkpoint);
    rmdir(state->folder);
}

/* A folder without a checkpoint is of no use to anybody. */
void training_state_release(struct training_state *state)
{
    if (state->lock > 0 && !file_exists(state->checkpoint))
        training_state_remove(state);
    if (state->lock > 0)
        close(state->lock);
    json_decref(state->options);
    arena_release(&state->arena);
    *state = (struct training_state){0};
}
