// SPDX-License-Identifier: Apache-2.0
#include "cli/train_history.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Columns grow together. */
static int make_room(struct history_table *table, size_t columns, struct err *err)
{
    size_t room = table->room;
    int rc = 0;
    for (size_t c = 0; c < columns && !rc; c++) {
        room = table->room;
        rc = array_grow(table->columns[c], &room, table->count + 1, err);
    }
    if (!rc)
        table->room = room;
    return rc;
}

/* A row (columns), whose first is the number of its step. */
static int add_row(struct history_table *table, const double *row, size_t columns, struct err *err)
{
    while (table->count && table->columns[0][table->count - 1] >= row[0])
        table->count--;
    const int rc = make_room(table, columns, err);
    for (size_t c = 0; c < columns && !rc; c++)
        table->columns[c][table->count] = row[c];
    table->count += !rc;
    return rc;
}

int train_history_add_step(struct train_history *history, const struct training_step *step, struct err *err)
{
    const double row[STEP_COLUMNS] = {[STEP_NUMBER] = (double)step->step,
        [STEP_LOSS] = step->loss,
        [STEP_ACCURACY] = step->accuracy,
        [STEP_RATE] = step->rate,
        [STEP_NORM] = step->norm,
        [STEP_SCALE] = step->scale};
    return add_row(&history->steps, row, STEP_COLUMNS, err);
}

int train_history_add_validation(
    struct train_history *history, const struct training_validation *validation, struct err *err)
{
    const double row[VALIDATION_COLUMNS] = {[VALIDATION_NUMBER] = (double)validation->step,
        [VALIDATION_SCORE] = validation->score,
        [VALIDATION_IMAGE_TO_TEXT] = validation->classes ? NAN : validation->image_to_text,
        [VALIDATION_TEXT_TO_IMAGE] = validation->classes ? NAN : validation->text_to_image};
    return add_row(&history->validations, row, VALIDATION_COLUMNS, err);
}

/* ---- the log of before --------------------------------------------------------------------------------- */

static double number_of(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

static int add_logged(struct train_history *history, const json_t *json, size_t step, struct err *err)
{
    const char *schema = json_string_value(json_object_get(json, "schema"));
    if (schema && !strcmp(schema, "train-step/1"))
        return train_history_add_step(history,
            &(struct training_step){.step = step,
                .loss = number_of(json, "loss"),
                .accuracy = number_of(json, "accuracy"),
                .rate = number_of(json, "rate"),
                .norm = number_of(json, "gradient_norm"),
                .scale = number_of(json, "scale")},
            err);
    if (schema && !strcmp(schema, "train-validation/1"))
        return train_history_add_validation(history,
            &(struct training_validation){.step = step,
                .score = number_of(json, "score"),
                .classes = !json_object_get(json, "image_to_text_R@1"),
                .image_to_text = number_of(json, "image_to_text_R@1"),
                .text_to_image = number_of(json, "text_to_image_R@1")},
            err);
    return 0;
}

static int read_line(struct train_history *history, struct span line, size_t first, struct err *err)
{
    json_t *json = json_loadb(line.data, line.length, 0, NULL);
    const json_int_t step = json_integer_value(json_object_get(json, "step"));
    const int rc = step >= 0 && (size_t)step <= first ? add_logged(history, json, (size_t)step, err) : 0;
    json_decref(json);
    return rc;
}

int train_history_read(struct train_history *history, const char *log_path, size_t first, struct err *err)
{
    struct line_reader reader;
    struct span line;
    bool found = false;
    if (!file_exists(log_path))
        return 0;
    int rc = line_reader_open(&reader, log_path, '\n', err);
    if (rc)
        return rc;
    while (!rc && !(rc = line_reader_next(&found, &line, &reader, "lines", NULL, err)) && found)
        rc = read_line(history, line, first, err);
    line_reader_close(&reader);
    return rc;
}

void train_history_release(struct train_history *history)
{
    for (size_t c = 0; c < STEP_COLUMNS; c++) {
        free(history->steps.columns[c]);
        free(history->validations.columns[c]);
    }
    *history = (struct train_history){0};
}
