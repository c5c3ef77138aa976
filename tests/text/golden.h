// SPDX-License-Identifier: Apache-2.0
/* What the tokenizer's tests share. All of it fails the running test where it cannot do its work. */
#ifndef DIPTYCH_TESTS_TEXT_GOLDEN_H
#define DIPTYCH_TESTS_TEXT_GOLDEN_H

#include "tests/text/files.h"
#include "text/tokenizer_internal.h"

static const struct tokenizer_settings no_settings = {.context = SIZE_MAX};
static const struct tokenizer_rule transformers = {TOKENIZER_HF, CLEAN_NONE, false};
static const struct tokenizer_rule open_clip = {TOKENIZER_OPEN_CLIP, CLEAN_LOWER, false};

struct tokenizer *must_load(const char *directory, struct tokenizer_rule rule);

/* tests/golden/tokenizer.tsv: see tokenizer.py beside it. */
enum golden_column { GOLDEN_CLIP, GOLDEN_SMALL, GOLDEN_OLD, GOLDEN_CASED, GOLDEN_COLUMNS };
enum { GOLDEN_MOST = 1024 }; /* ids of a text */

struct golden {
    char text[4096];
    size_t length;
    struct golden_ids {
        int32_t ids[GOLDEN_MOST];
        size_t count;
    } columns[GOLDEN_COLUMNS];
};

/* The fields of such files: \xNN -> that byte, and numbers between blanks. */
size_t golden_unescape(char *text, size_t room, struct span field);
void golden_parse_ids(struct golden_ids *out, struct span field);

/* The next line of the file; false at its end. */
bool golden_next(struct golden *golden, struct span *rest);

#endif
