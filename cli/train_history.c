// SPDX-License-Identifier: Apache-2.0
#include "cli/train_history.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Columns grow together. */
static int make_room(struct train_history *history, struct err *err)
{
    size_t room = history->room;
    int rc = 0;
    for (int c = 0; c < HISTORY_COLUMNS && !rc; c++) {
        room = history->room;
        rc = array_grow(history->columns[c], &room, history->count + 1, err);
    }
    if (!rc)
        history->room = room;
    return rc;
}

int train_history_add(struct train_history *history, const struct training_step *step, struct err *err)
{
    const double row[HISTORY_COLUMNS] = {[HISTORY_STEP] = (double)step->step,
        [HISTORY_LOSS] = step->loss,
        [HISTORY_ACCURACY] = step->accuracy,
        [HISTORY_RATE] = step->rate,
        [HISTORY_NORM] = step->norm,
        [HISTORY_SCALE] = step->scale};
    while (history->count && history->columns[HISTORY_STEP][history->count - 1] >= row[HISTORY_STEP])
        history->count--;
    const int rc = make_room(history, err);
    for (int c = 0; c < HISTORY_COLUMNS && !rc; c++)
        history->columns[c][history->count] = row[c];
    history->count += !rc;
    return rc;
}

/* ---- the log of before --------------------------------------------------------------------------------- */

static bool is_step(struct training_step *step, struct span line)
{
    json_t *json = json_loadb(line.data, line.length, 0, NULL);
    const char *schema = json_string_value(json_object_get(json, "schema"));
    const bool is = schema && !strcmp(schema, "train-step/1");
    if (is)
        *step = (struct training_step){
            .step = (size_t)json_integer_value(json_object_get(json, "step")),
            .loss = json_number_value(json_object_get(json, "loss")),
            .accuracy = json_number_value(json_object_get(json, "accuracy")),
            .rate = json_number_value(json_object_get(json, "rate")),
            .norm = json_number_value(json_object_get(json, "gradient_norm")),
            .scale = json_number_value(json_object_get(json, "scale")),
        };
    json_decref(json);
    return is;
}

int train_history_read(struct train_history *history, const char *log_path, size_t first, struct err *err)
{
    struct line_reader reader;
    struct training_step step;
    struct span line;
    bool found = false;
    if (!file_exists(log_path))
        return 0;
    int rc = line_reader_open(&reader, log_path, '\n', err);
    if (rc)
        return rc;
    while (!(rc = line_reader_next(&found, &line, &reader, "lines", NULL, err)) && found && !rc)
        if (is_step(&step, line) && step.step >= 1 && step.step <= first)
            rc = train_history_add(history, &step, err);
    line_reader_close(&reader);
    return rc;
}

void train_history_release(struct train_history *history)
{
    for (int c = 0; c < HISTORY_COLUMNS; c++)
        free(history->columns[c]);
    *history = (struct train_history){0};
}
