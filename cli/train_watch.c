// SPDX-License-Identifier: Apache-2.0
#include "cli/train.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/interrupt.h"

enum { FORGOTTEN_SIZE = 512 };

double train_watch_rate(const struct train_watch *watch)
{
    const double seconds = watch->seen - watch->begun;
    return watch->begun > 0 && seconds > 0 ? (double)watch->pictures / seconds : 0;
}

/* ---- for people ---------------------------------------------------------------------------------------- */

static double seconds_left(const struct train_watch *watch)
{
    const size_t done = watch->last.step - watch->begun_step, left = watch->plan->steps - watch->last.step;
    return (time_now() - watch->begun) / (double)done * (double)left;
}

static void put_line(FILE *out, const struct train_watch *watch)
{
    const struct training_step *step = &watch->last;
    fprintf(out, "step %zu/%zu  loss %.4f  accuracy %.1f %%  rate %.2e", step->step, watch->plan->steps,
        step->loss, 100 * step->accuracy, step->rate);
    if (!watch->pictures)
        return;
    fprintf(out, "  %.1f pictures/s  ", train_watch_rate(watch));
    progress_put_duration(out, seconds_left(watch));
    fputs(" left", out);
}

static void say(struct train_watch *watch)
{
    static const double often = 1;
    const bool ends = watch->last.step == watch->plan->steps || !watch->pictures;
    char *line = NULL;
    size_t size;
    if (watch->quiet || (!watch->progress->shown && !ends && time_now() - watch->said < often))
        return;
    FILE *out = open_memstream(&line, &size);
    if (out)
        put_line(out, watch);
    if (!out || fclose(out))
        return;
    if (watch->progress->shown && !ends)
        progress_line(watch->progress, line);
    else {
        progress_clear(watch->progress);
        fprintf(stderr, "%s\n", line);
    }
    watch->said = time_now();
    free(line);
}

/* ---- for programs -------------------------------------------------------------------------------------- */

static int cannot_write(const struct train_watch *watch, struct err *err)
{
    return err_set(err, ERR_IO, "unable to write '%s': %s", watch->log_path, strerror(errno));
}

/* Which is given up. */
static int log_line(const struct train_watch *watch, json_t *json, struct err *err)
{
    enum { DIGITS = 7 };
    if (!json)
        return err_memory(err, 0);
    json_dumpf(json, watch->log, JSON_REAL_PRECISION(DIGITS));
    json_decref(json);
    return fputc('\n', watch->log) == EOF || fflush(watch->log) ? cannot_write(watch, err) : 0;
}

static json_t *step_json(const struct training_step *step)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "schema", "train-step/1", "step",
        (json_int_t)step->step, "epoch", (json_int_t)step->epoch, "pictures", (json_int_t)step->pictures,
        "loss", step->loss, "accuracy", step->accuracy, "rate", step->rate, "gradient_norm", step->norm,
        "scale", step->scale, "seconds", step->seconds);
}

static json_t *validation_json(const struct training_validation *validation)
{
    json_t *json = json_pack("{s:s, s:I, s:I, s:f, s:b}", "schema", "train-validation/1", "step",
        (json_int_t)validation->step, "pictures", (json_int_t)validation->pictures, "score",
        validation->score, "best", validation->best);
    if (validation->classes)
        return json;
    json_object_set_new(json, "image_to_text_R@1", json_real(validation->image_to_text));
    json_object_set_new(json, "text_to_image_R@1", json_real(validation->text_to_image));
    return json;
}

static json_t *forgotten_json(const struct train_forgotten *f)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:f, s:f}", "schema", "train-forgetting/1", "path", f->path,
        "pictures", (json_int_t)f->after.pictures, "labels", (json_int_t)f->pictures.labels.count, "measure",
        f->pictures.several ? "mean average precision" : "acc@1", "before", f->before.score, "after",
        f->after.score);
}

/* ---- the page ------------------------------------------------------------------------------------------ */

/* "75.2 % of 200 pictures of 'old' right zero-shot, 79.6 % before" */
static void forgotten_text(char *out, size_t size, const struct train_forgotten *f)
{
    if (f->pictures.several)
        snprintf(out, size, "zero-shot mean average precision %.3f of %zu pictures of '%s', %.3f before",
            f->after.score, f->after.pictures, f->path, f->before.score);
    else
        snprintf(out, size, "%.1f %% of %zu pictures of '%s' right zero-shot, %.1f %% before",
            100 * f->after.score, f->after.pictures, f->path, 100 * f->before.score);
}

static int draw(struct train_watch *watch, bool over, struct err *err)
{
    char forgotten[FORGOTTEN_SIZE] = "";
    if (watch->forgotten)
        forgotten_text(forgotten, sizeof forgotten, watch->forgotten);
    const struct train_page page = {
        .name = watch->name,
        .plan = watch->plan,
        .history = &watch->history,
        .pictures_per_second = watch->pictures ? train_watch_rate(watch) : 0,
        .seconds_left = watch->pictures ? seconds_left(watch) : 0,
        .over = over,
        .forgotten = watch->forgotten ? forgotten : NULL,
    };
    watch->drawn = time_now();
    return train_page_write(watch->page_path, &page, err);
}

static int show_step(struct train_watch *watch, struct err *err)
{
    static const double often = 10;
    const int rc = train_history_add_step(&watch->history, &watch->last, err);
    if (!rc && time_now() - watch->drawn >= often)
        draw(watch, false, NULL);
    return rc;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

int train_watch_open(struct train_watch *watch, struct err *err)
{
    if (!watch->log_path)
        return 0;
    const int rc =
        watch->page_path ? train_history_read(&watch->history, watch->log_path, watch->plan->first, err) : 0;
    if (rc)
        return rc;
    watch->log = fopen(watch->log_path, "ae");
    return watch->log ? 0 : cannot_write(watch, err);
}

int train_watch_step(void *context, const struct training_step *step, struct err *err)
{
    struct train_watch *watch = context;
    watch->last = *step;
    watch->seen = time_now();
    if (watch->begun > 0) {
        watch->pictures += step->pictures;
    } else {
        watch->begun = watch->seen;
        watch->begun_step = step->step;
    }
    say(watch);
    int rc = watch->log ? log_line(watch, step_json(step), err) : 0;
    if (!rc && watch->page_path)
        rc = show_step(watch, err);
    return rc || !interrupt_seen() ? rc : err_set(err, ERR_CANCELLED, "interrupted");
}

int train_watch_validation(void *context, const struct training_validation *validation, struct err *err)
{
    struct train_watch *watch = context;
    progress_clear(watch->progress);
    if (!watch->quiet && validation->classes)
        fprintf(stderr, "after step %zu: %.1f %% of %zu held-out pictures right%s\n", validation->step,
            100 * validation->score, validation->pictures, validation->best ? ", the best so far" : "");
    else if (!watch->quiet)
        fprintf(stderr,
            "after step %zu: R@1 %.1f %% image to text, %.1f %% text to image, of %zu held-out "
            "pictures%s\n",
            validation->step, 100 * validation->image_to_text, 100 * validation->text_to_image,
            validation->pictures, validation->best ? ", the best so far" : "");
    const int rc = watch->log ? log_line(watch, validation_json(validation), err) : 0;
    return rc || !watch->page_path ? rc : train_history_add_validation(&watch->history, validation, err);
}

int train_watch_forgotten(struct train_watch *watch, const struct train_forgotten *forgotten, struct err *err)
{
    char text[FORGOTTEN_SIZE];
    forgotten_text(text, sizeof text, forgotten);
    watch->forgotten = forgotten;
    progress_clear(watch->progress);
    if (!watch->quiet)
        fprintf(stderr, "%s\n", text);
    return watch->log ? log_line(watch, forgotten_json(forgotten), err) : 0;
}

int train_watch_close(struct train_watch *watch, struct err *err)
{
    int rc = watch->page_path && watch->history.steps.count ? draw(watch, true, err) : 0;
    if (watch->log && fclose(watch->log) && !rc)
        rc = cannot_write(watch, err);
    watch->log = NULL;
    train_history_release(&watch->history);
    return rc;
}
