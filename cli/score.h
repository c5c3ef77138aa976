// SPDX-License-Identifier: Apache-2.0
/* `diptych score`: what it is asked for, what it has found out, and how that comes out. */
#ifndef DIPTYCH_CLI_SCORE_H
#define DIPTYCH_CLI_SCORE_H

#include "cli/session.h"
#include "text/captions/captions.h"

#include <jansson.h>

struct score_request {
    struct strings references, candidates; /* files */
    const char *split, *df_path, *save_df_path, *pictures;
    bool compare, allow_missing, verbose;
    size_t samples, seed;
    const char *bootstrap_option; /* one that says how systems are compared; NULL: none does */
    int format;                   /* an output_format */
    struct caption_score_options options;
    struct session session;
};

extern const struct argp score_argp; /* input: a struct score_request */

struct score_report {
    const char *const *names; // (systems): the files of the candidates
    size_t systems;
    const struct caption_pairs *pairs;
    const struct caption_scores *scores;     // (systems)
    const struct bootstrap_score *intervals; // (systems, METRIC_COUNT); used where systems are compared
    json_t *signature;
    bool verbose; /* BLEU's counts too */
};

/* What the numbers depend on: words, source of document frequencies, versions, model. NULL when out of memory. */
json_t *score_signature(const struct caption_scores *scores, const struct score_request *request);

/* Print the report of one system, or of systems that are compared, in a format. */
int score_print(const struct score_report *report, int format, struct err *err);
int comparison_print(const struct score_report *report, int format, struct err *err);

/* How many decimals people give a metric: 0.4874, but 11.53 of sacreBLEU's hundred. */
int score_decimals(enum caption_metric metric);

#endif
