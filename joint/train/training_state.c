// SPDX-License-Identifier: Apache-2.0
/* OUT.part has
 *
 *     checkpoint.safetensors   values, moments, and in its notes the step and the options of the run
 *     best.safetensors         the same as it was at the best validation
 *     trained.safetensors      the values alone, while the model is written
 *     result                   the folder that will be OUT
 *     finished.safetensors     the checkpoint, once the result is whole
 *
 * each of which is there whole or not at all. The best may be newer than the checkpoint: a run that goes on from there comes to
 * the same and writes it again.
 *
 * In the end the checkpoint gets its other name, the result becomes OUT, and the rest goes. So where a finished checkpoint has no
 * result beside it, the OUT that is there is it: a kill has left the rest. */
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
    state->best_weights = path_join(&state->arena, folder, "best.safetensors");
    state->finished = path_join(&state->arena, folder, "finished.safetensors");
    state->result = path_join(&state->arena, folder, "result");
    return state->checkpoint && state->weights && state->best_weights && state->finished && state->result
               ? 0
               : err_memory(err, length);
}

/* Lets go of the folder, which another process may have from here on. */
static void unlock(struct training_state *state)
{
    if (state->lock > 0)
        close(state->lock);
    state->lock = 0;
}

static int busy(const struct training_state *state, struct err *err)
{
    return err_set(err, ERR_BUSY, "another process is at '%s'", state->folder);
}

/* Whether the folder that is open still has its name. */
static bool is_named(const struct training_state *state)
{
    struct stat opened, named;
    return !fstat(state->lock, &opened) && !stat(state->folder, &named) && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

/* Leaves no lock where the process that had it has removed the folder since it was opened. */
static int try_folder(struct training_state *state, struct err *err)
{
    if (mkdir(state->folder, 0777) && errno != EEXIST)
        return cannot_write(state->folder, err);
    state->lock = open(state->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->lock < 0) {
        state->lock = 0;
        return cannot_write(state->folder, err);
    }
    const bool taken = flock(state->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
    if (taken || !is_named(state))
        unlock(state);
    return taken ? busy(state, err) : 0;
}

static int open_folder(struct training_state *state, struct err *err)
{
    enum { TRIES = 8 };
    int rc = 0;
    for (int i = 0; i < TRIES && !rc && !state->lock; i++)
        rc = try_folder(state, err);
    return rc || state->lock ? rc : busy(state, err);
}

/* ---- the best so far ----------------------------------------------------------------------------------- */

static char *best_text(const struct training_best *best)
{
    json_t *json = json_pack("{s:I, s:I, s:I, s:f}", "judged", (json_int_t)best->judged, "step",
        (json_int_t)best->step, "waited", (json_int_t)best->waited, "score", best->score);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static bool best_read(struct training_best *best, const char *text)
{
    json_int_t judged, step, waited;
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    const bool whole = !json_unpack(json, "{s:I, s:I, s:I, s:F}", "judged", &judged, "step", &step, "waited",
        &waited, "score", &best->score);
    json_decref(json);
    if (!whole)
        return false;
    best->judged = (size_t)judged;
    best->step = (size_t)step;
    best->waited = (size_t)waited;
    return true;
}

/* ---- going on ------------------------------------------------------------------------------------------ */

/* Whether it is a run's checkpoint, or its best. */
static bool is_kept(const char *path)
{
    struct weights *weights = NULL;
    struct err err;
    const char *format = weights_open_tensors(&weights, path, &err) ? NULL : weights_note(weights, "format");
    const bool kept = format && !strcmp(format, FORMAT);
    weights_free(weights);
    return kept;
}

/* What would be replaced or removed has to be a run's. One that was killed early may have left its best and no
 * checkpoint. What has other names stays in any case. */
static int check_owner(const struct training_state *state, struct err *err)
{
    if (file_exists(state->checkpoint) || file_exists(state->finished))
        return 0;
    if (!file_exists(state->result) && !file_exists(state->weights) &&
        (!file_exists(state->best_weights) || is_kept(state->best_weights)))
        return 0;
    return err_set(err, ERR_ARGUMENT,
        "'%s' has what a run would replace, and no checkpoint of one: remove it, or name another OUT",
        state->folder);
}

/* What a run that was ended amid its end has left: all but the checkpoint is made again. The result goes last, as
 * a finished checkpoint without it says that OUT is the run's. */
static int take_up_end(struct training_state *state, const char *out, struct err *err)
{
    const bool finished = file_exists(state->finished);
    state->over = finished && !file_exists(state->result) && file_exists(out);
    if (state->over)
        state->checkpoint = state->finished;
    else if (finished && rename(state->finished, state->checkpoint))
        return cannot_write(state->checkpoint, err);
    path_remove(state->result);
    return 0;
}

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
    if (!format || strcmp(format, FORMAT) || !options || !span_take_number(&number, &rest) || rest.length ||
        !best_read(&state->best, weights_note(weights, "best")))
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
    *state = (struct training_state){
        .options = options, .kept = time_now(), .best = {.judged = SIZE_MAX, .score = -1}};
    *step = 0;
    int rc = options ? name_all(state, out, err) : err_memory(err, 0);
    if (!rc)
        rc = open_folder(state, err);
    if (!rc && (rc = check_owner(state, err)))
        unlock(state); /* so that nothing of it is removed */
    if (!rc)
        rc = take_up_end(state, out, err);
    if (rc)
        return rc;
    if (file_exists(out) && !state->over)
        return training_is_there(out, err);
    if (!file_exists(state->checkpoint))
        return 0;
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
    char number[32], *options = json_dumps(state->options, JSON_COMPACT), *best = best_text(&state->best);
    snprintf(number, sizeof number, "%zu", step);
    int rc = options && best ? weights_writer_note(writer, "format", FORMAT, err) : err_memory(err, 0);
    if (!rc)
        rc = weights_writer_note(writer, "step", number, err);
    if (!rc)
        rc = weights_writer_note(writer, "options", options, err);
    if (!rc)
        rc = weights_writer_note(writer, "best", best, err);
    free(options);
    free(best);
    return rc;
}

static int write_checkpoint(const struct training_state *state, const char *path,
    const struct trained_model *model, size_t step, struct err *err)
{
    struct weights_writer *writer = NULL;
    int rc = weights_writer_open(&writer, path, DTYPE_F32, NULL, err);
    if (!rc && !(rc = add_notes(state, writer, step, err)) &&
        !(rc = trained_model_keep(model, writer, err)) && !(rc = weights_writer_begin(writer, err)))
        rc = trained_model_keep(model, writer, err);
    const int closed = weights_writer_close(writer, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}

int training_state_keep(
    struct training_state *state, const struct trained_model *model, size_t step, struct err *err)
{
    const int rc = write_checkpoint(state, state->checkpoint, model, step, err);
    state->kept = time_now();
    state->kept_step = rc ? state->kept_step : step;
    return rc;
}

int training_state_keep_best(
    const struct training_state *state, const struct trained_model *model, struct err *err)
{
    return write_checkpoint(state, state->best_weights, model, state->best.step, err);
}

int training_state_take_best(const struct training_state *state, struct trained_model *model, struct err *err)
{
    struct weights *weights = NULL;
    int rc = weights_open_tensors(&weights, state->best_weights, err);
    if (!rc)
        rc = trained_model_restore(model, weights, err);
    weights_free(weights);
    return rc;
}

int training_state_finish(struct training_state *state, const char *out, struct err *err)
{
    if (rename(state->checkpoint, state->finished) && errno != ENOENT) /* none could be kept */
        return cannot_write(state->finished, err);
    if (rename(state->result, out))
        return cannot_write(out, err);
    state->checkpoint = state->finished;
    state->kept_step = 0;
    training_state_remove(state);
    return 0;
}

void training_state_remove(struct training_state *state)
{
    unlink(state->weights);
    unlink(state->best_weights);
    unlink(state->checkpoint); /* and only now OUT could be taken for something else */
    rmdir(state->folder);
    unlock(state); /* a folder of that name is another run's from here on */
}

/* A folder without a checkpoint is of no use to anybody. */
void training_state_release(struct training_state *state)
{
    if (state->lock > 0 && !file_exists(state->checkpoint) && !file_exists(state->finished))
        training_state_remove(state);
    unlock(state);
    json_decref(state->options);
    arena_release(&state->arena);
    *state = (struct training_state){0};
}
