// SPDX-License-Identifier: Apache-2.0
/* Captions and scores of the fixtures (captions/README.txt). Fails the running test where it cannot do its
 * work. */
#ifndef DIPTYCH_TESTS_TEXT_CAPTIONS_METRIC_SUITES_H
#define DIPTYCH_TESTS_TEXT_CAPTIONS_METRIC_SUITES_H

#include "text/captions/captions.h"

#include <jansson.h>

#define CAPTIONS DIPTYCH_FIXTURES "/captions/"

/* A JSON file of any root, inflated. */
json_t *must_read_json(const char *path);

/* Adds a file of id<TAB>caption lines to captions, {id: [caption, ...]}. */
void read_tokens(json_t *captions, const char *path);

/* Pairs in the order of the candidates, with the id of each; the captions are borrowed. */
struct suite {
    struct caption_pair *pairs;
    const char **ids;
    size_t count;
    struct arena arena;
};

/* Of {id: caption or [caption]} and {id: [caption, ...]}, which may have more ids. */
void suite_init(struct suite *suite, const json_t *candidates, const json_t *references);
void suite_release(struct suite *suite);

/* [[candidate, [reference, ...]], ...]: *count pairs, whose captions are borrowed. */
struct caption_pair *golden_pairs(size_t *count, const json_t *list);
void golden_pairs_free(struct caption_pair *pairs, size_t count);

#endif
