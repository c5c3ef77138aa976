// SPDX-License-Identifier: Apache-2.0
/*
 * tokenizer.json, the one file of Hugging Face's fast tokenizers, can describe tokenizers of many kinds. What
 * is of no kind that we know is refused by name, never read as if it were: a wrong id is worse than no id.
 * What a kind takes from the file is what transformers' class for it takes, which may be less than the tokenizers
 * library does: see clip_json.c and subword_json.c.
 */
#include "text/scan.h"
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- the tree, without its two long lists -------------------------------------------------------------- */

static int read_model(struct tokenizer_tree *tree, struct scan *scan, struct err *err)
{
    bool more;
    struct span key;
    int rc = scan_enter(scan, '{', err);
    while (!rc && !(rc = scan_next(scan, &more, err)) && more && !(rc = scan_key(scan, &key, err))) {
        struct span value, *list = NULL;
        if (span_equal(key, span_of("vocab")))
            list = &tree->vocab;
        else if (span_equal(key, span_of("merges")))
            list = &tree->merges;
        rc = scan_value(scan, &value, err);
        if (list && !rc && (*value.data == '[' || *value.data == '{'))
            *list = value;
    }
    return rc;
}

static int find_lists(struct tokenizer_tree *tree, struct scan *scan, struct err *err)
{
    bool more;
    struct span key, value;
    int rc = scan_enter(scan, '{', err);
    while (!rc && !(rc = scan_next(scan, &more, err)) && more && !(rc = scan_key(scan, &key, err))) {
        if (span_equal(key, span_of("model")) && scan_at(scan, '{'))
            rc = read_model(tree, scan, err);
        else
            rc = scan_value(scan, &value, err);
    }
    return rc;
}

/* The file with null in the place of its lists. */
static char *without_lists(size_t *length, const struct tokenizer_tree *tree)
{
    const struct span *lists[] = {&tree->vocab, &tree->merges};
    const struct span file = tree->file->bytes;
    char *bytes = mem_new(file.length + 2 * sizeof "null", 1);
    const char *from = file.data;
    *length = 0;
    if (tree->merges.data && (!tree->vocab.data || tree->merges.data < tree->vocab.data)) {
        lists[0] = &tree->merges;
        lists[1] = &tree->vocab;
    }
    for (size_t i = 0; bytes && i < 2; i++) {
        if (!lists[i]->data)
            continue;
        const size_t before = (size_t)(lists[i]->data - from);
        memcpy(bytes + *length, from, before);
        memcpy(bytes + *length + before, "null", 4);
        *length += before + 4;
        from = lists[i]->data + lists[i]->length;
    }
    const size_t rest = file.length - (size_t)(from - file.data);
    if (bytes)
        memcpy(bytes + *length, from, rest);
    *length += rest;
    return bytes;
}

static int read_tree(struct tokenizer_tree *tree, struct err *err)
{
    const struct text_file *file = tree->file;
    struct scan scan = {.text = file->bytes};
    size_t length;
    /* What the scan cannot read the parser below refuses, with line and column, or it is no list of ours. */
    const bool found = !find_lists(tree, &scan, NULL);
    free(scan.unescaped);
    if (!found)
        tree->vocab = tree->merges = (struct span){0};
    char *rest = without_lists(&length, tree);
    if (!rest)
        return err_memory(err, file->bytes.length);
    const int rc = json_parse(&tree->root, rest, length, file->name, err);
    free(rest);
    return rc;
}

/* ---- its kind ------------------------------------------------------------------------------------------ */

/* The end of words tells CLIP's vocabulary from other byte-pair encodings, GPT-2's or Gemma's. */
static bool is_clip(const json_t *model)
{
    const char *end = json_string_value(json_object_get(model, "end_of_word_suffix"));
    return end && !strcmp(end, WORD_END);
}

/* Files of old versions leave the type out: they are BPE. */
static const char *type_of(const json_t *model)
{
    const char *type = json_string_value(json_object_get(model, "type"));
    return type ? type : "BPE";
}

static int read_kind(struct tokenizer *tokenizer, const struct tokenizer_tree *tree,
    const struct tokenizer_settings *settings, struct err *err)
{
    const json_t *model = json_object_get(tree->root, "model");
    const char *type = type_of(model);
    if (!strcmp(type, "BPE"))
        return is_clip(model) || !json_is_object(model) ? clip_read_json(tokenizer, tree, settings, err)
                                                        : subword_read_json(tokenizer, tree, settings, err);
    if (!strcmp(type, "Unigram"))
        return subword_read_json(tokenizer, tree, settings, err);
    if (!strcmp(type, "WordPiece"))
        return wordpiece_read_json(tokenizer, tree, settings, err);
    return err_set(err, ERR_UNSUPPORTED, "the model is '%.40s', not BPE, Unigram or WordPiece", type);
}

int tokenizer_json_is_clip(bool *out, const struct text_file *file, struct err *err)
{
    struct tokenizer_tree tree = {.file = file};
    const int rc = read_tree(&tree, err);
    if (rc)
        return rc;
    const json_t *model = json_object_get(tree.root, "model");
    *out = !strcmp(type_of(model), "BPE") && is_clip(model);
    json_decref(tree.root);
    return 0;
}

int tokenizer_parse_json(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, struct err *err)
{
    struct tokenizer_tree tree = {.file = &files[0]};
    int rc = read_tree(&tree, err);
    if (rc)
        return rc;
    rc = read_kind(tokenizer, &tree, settings, err);
    if (rc)
        err_wrap(err, "unable to load '%s'", files[0].name);
    json_decref(tree.root);
    return rc;
}
