// SPDX-License-Identifier: Apache-2.0
/*
 * tokenizer.json, the one file of Hugging Face's fast tokenizers, can describe tokenizers of many kinds. What
 * is of no kind that we know is refused by name, never read as if it were: a wrong id is worse than no id.
 * What a kind takes from the file is what transformers' class for it takes, which may be less than the tokenizers
 * library does: see clip_json.c.
 */
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <string.h>

/* A kind by the "type" of its "model". */
static const struct {
    const char *model;
    int (*read)(struct tokenizer *tokenizer, struct json_t *root, struct err *err);
} kinds[] = {{"BPE", clip_read_json}};

enum { KINDS = sizeof kinds / sizeof *kinds };

static int read_root(struct tokenizer *tokenizer, json_t *root, struct err *err)
{
    /* Files of old versions leave it out: they are BPE. */
    const char *model = json_string_value(json_object_get(json_object_get(root, "model"), "type"));
    size_t kind = 0;
    while (model && kind < KINDS && strcmp(kinds[kind].model, model))
        kind++;
    return kind < KINDS ? kinds[kind].read(tokenizer, root, err)
                        : err_set(err, ERR_UNSUPPORTED, "the model is '%.40s', not CLIP's BPE", model);
}

int tokenizer_parse_json(struct tokenizer *tokenizer, const struct text_file *files, struct err *err)
{
    json_t *root = NULL;
    int rc = json_parse(&root, files[0].bytes.data, files[0].bytes.length, files[0].name, err);
    if (rc)
        return rc;
    rc = read_root(tokenizer, root, err);
    if (rc)
        err_wrap(err, "unable to load '%s'", files[0].name);
    json_decref(root);
    return rc;
}
