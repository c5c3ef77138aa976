// SPDX-License-Identifier: Apache-2.0
/* The commands below `diptych evaluate`, each a file evaluate_NAME.c, and how their reports come out. */
#ifndef DIPTYCH_CLI_EVALUATE_H
#define DIPTYCH_CLI_EVALUATE_H

#include "cli/output.h"
#include "cli/session.h"

#include <stdio.h>

int evaluate_retrieval(int argc, char **argv);
int evaluate_classify(int argc, char **argv);

/* "model", "tokenizer" and "precision" of a report in json, and where there are some "outside": how many pictures are
 * outside what the model knows. NULL when out of memory. */
struct json_t *evaluate_json(const struct session *session);

/* ---- retrieval ----------------------------------------------------------------------------------------- */

struct retrieval_report {
    const struct session *session;
    struct retrieval scores;
    size_t failed;           /* pictures that could not be read: out of the count with their captions */
    size_t without_picture;  /* captioned images that have none: out of it too */
    size_t without_captions; /* pictures of the folder that no caption is about: no part of it */
};

/*   table  a line a direction, and what the counts leave out
 *   tsv    the same numbers, with a line of heads
 *   json   one object: "image_to_text" and "text_to_image" with "queries", "R@1", "R@5", "R@10",
 *          "median_rank", "mean_rank"; "failed", "without_picture", "without_captions"; evaluate_json's */
int retrieval_print(const struct retrieval_report *report, int format, struct err *err);

/* ---- classify ------------------------------------------------------------------------------------------ */

struct class_report {
    const struct session *session;
    const struct labelled_pictures *pictures;
    const struct classifier *classifier;
    const struct class_evaluation *result;
};

/* Of a label: its recall, NAN without pictures, or where pictures have several labels its average precision; and how many
 * pictures show it. */
double class_report_rate(const struct class_report *report, size_t label);
size_t class_report_pictures(const struct class_report *report, size_t label);

/*   table  the rates, recall by class from the lowest, the most frequent mistakes
 *   tsv    a line a class: label, pictures, right, recall (empty without pictures)
 *   json   one object: "pictures", "failed", "acc1", "acc5" (from 5 labels on), "mean_per_class_recall",
 *          "classes": [{"label", "pictures", "right", "recall"}], "confusions": [{"label", "predicted",
 *          "count"}]; evaluate_json's
 *
 * Where pictures have several labels, "mean_average_precision" and average precision by class instead. */
int class_report_print(const struct class_report *report, int format, struct err *err);

/* Writes the report as a page that needs no other file: all that the table has, a table of confusion where
 * labels are few, and the mistakes that the model was most sure of, with thumbnails. */
int class_report_html(FILE *file, const struct class_report *report, struct err *err);

#endif
