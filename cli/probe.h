// SPDX-License-Identifier: Apache-2.0
/* The commands below `diptych probe`, each a file probe_NAME.c, and the use of what they make. */
#ifndef DIPTYCH_CLI_PROBE_H
#define DIPTYCH_CLI_PROBE_H

#include "cli/session.h"
#include "joint/probe/probe.h"

int probe_fit_command(int argc, char **argv);
int probe_info_command(int argc, char **argv);
extern const struct argp probe_fit_argp, probe_info_argp;

/* The probe as a classifier of the session's model, which is open. Errors are model_fingerprint's, probe_check's and probe_classifier's. */
int probe_open(struct classifier **out, const struct session *session, const struct probe *probe,
    const char *path, struct err *err);

/* ---- reports ------------------------------------------------------------------------------------------- */

/* What was learned, from what, and how good it is:
 *
 *   table  a line a value, and of what was measured a line a part
 *   json   the same as an object: "probe", "labels", "C", "temperature", "iterations", "objective", "converged", "sweep": [{"C",
 *          "score", "loss"}] where C was looked for, "parts": [{"part", "pictures", "failed", "accuracy",
 *          "calibration_error", "without_temperature"}]; of pictures with several labels "mean_average_precision" in the
 *          place of the last three */
int probe_report_print(const char *path, const struct lesson *lesson, const struct probe_report *report,
    int format, struct err *err);

/* A line for each number of shots with mean and deviation of each method; in json {"draws", "pictures", "rows": [{"shots",
 * "zero-shot": {"mean", "deviation"}, ...}]}. */
int few_shot_print(const struct few_shot_row *rows, const struct few_shot_options *options,
    const struct lesson *lesson, int format, struct err *err);

#endif
