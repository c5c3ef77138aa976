// SPDX-License-Identifier: Apache-2.0
/* WordPiece in a tokenizer.json or a vocab.txt, one token a line. BertTokenizer builds the steps before the model itself,
 * by tokenizer_config.json; of a file that names no class the file's count, as for the tokenizers library. */
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <string.h>

enum { WORD_MAX = 100 };

static bool is(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value && !strcmp(value, text);
}

static bool flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* ---- steps --------------------------------------------------------------------------------------------- */

static void set_class(struct wordpiece *wordpiece, const struct tokenizer_settings *settings)
{
    wordpiece->clean = true;
    wordpiece->lower = settings->lower != SAYS_NO;
    wordpiece->split_chinese = settings->split_chinese != SAYS_NO;
    wordpiece->strip_accents =
        settings->strip_accents ? settings->strip_accents == SAYS_YES : wordpiece->lower;
}

static int read_steps(struct wordpiece *wordpiece, const json_t *root, struct err *err)
{
    const json_t *normalizer = json_object_get(root, "normalizer");
    const json_t *strip = json_object_get(normalizer, "strip_accents");
    if (!is(normalizer, "type", "BertNormalizer"))
        return err_set(err, ERR_UNSUPPORTED, "the normalizer is not BertNormalizer");
    if (!is(json_object_get(root, "pre_tokenizer"), "type", "BertPreTokenizer"))
        return err_set(err, ERR_UNSUPPORTED, "the pre_tokenizer is not BertPreTokenizer");
    wordpiece->clean = flag(normalizer, "clean_text");
    wordpiece->lower = flag(normalizer, "lowercase");
    wordpiece->split_chinese = flag(normalizer, "handle_chinese_chars");
    wordpiece->strip_accents = json_is_boolean(strip) ? json_is_true(strip) : wordpiece->lower;
    return 0;
}

static int read_model(struct wordpiece *wordpiece, const json_t *model, struct err *err)
{
    const json_t *longest = json_object_get(model, "max_input_chars_per_word");
    const json_int_t most = longest ? json_integer_value(longest) : WORD_MAX;
    if (!is(model, "continuing_subword_prefix", "##"))
        return err_set(err, ERR_UNSUPPORTED, "model.continuing_subword_prefix is not '##'");
    if (most < 1)
        return err_set(err, ERR_FORMAT, "model.max_input_chars_per_word is no number of characters");
    wordpiece->longest = (size_t)most;
    return 0;
}

static int find_unknown(struct wordpiece *wordpiece, const char *text, struct err *err)
{
    wordpiece->unknown = text ? pieces_find(&wordpiece->pieces, span_of(text), (struct span){"", 0}) : -1;
    return wordpiece->unknown >= 0
               ? 0
               : err_set(err, ERR_FORMAT, "the vocabulary has no unknown token '%.40s'", text ? text : "");
}

/* ---- tokenizer.json ------------------------------------------------------------------------------------ */

static int read_parts(struct tokenizer *tokenizer, const struct tokenizer_tree *tree,
    const struct tokenizer_settings *settings, struct err *err)
{
    struct wordpiece *wordpiece = &tokenizer->wordpiece;
    const json_t *root = tree->root, *model = json_object_get(root, "model");
    int rc = read_model(wordpiece, model, err);
    if (!rc && settings->class != CLASS_BERT)
        rc = read_steps(wordpiece, root, err);
    if (!rc)
        rc = pieces_read_json(&wordpiece->pieces, tree->vocab, err);
    if (!rc)
        rc = tokenizer_read_added(tokenizer, &wordpiece->pieces, json_object_get(root, "added_tokens"), err);
    if (!rc)
        rc = pieces_index(&wordpiece->pieces, err);
    if (!rc)
        rc = find_unknown(wordpiece, json_string_value(json_object_get(model, "unk_token")), err);
    return rc ? rc
              : tokenizer_set_specials(
                    tokenizer, &wordpiece->pieces, settings, json_object_get(root, "post_processor"), err);
}

int wordpiece_read_json(struct tokenizer *tokenizer, const struct tokenizer_tree *tree,
    const struct tokenizer_settings *settings, struct err *err)
{
    tokenizer->kind = &wordpiece_kind;
    set_class(&tokenizer->wordpiece, settings);
    return read_parts(tokenizer, tree, settings, err);
}

/* ---- vocab.txt ----------------------------------------------------------------------------------------- */

static int read_lines(struct pieces *pieces, struct span text, struct err *err)
{
    int rc = 0;
    for (struct lines lines = {.rest = text}; !rc && lines_next(&lines);) {
        rc = pieces_put(pieces, (int64_t)lines.number - 1, lines.line, 0, PIECE_NORMAL, err);
        if (rc)
            err_wrap(err, "line %zu", lines.number);
    }
    return rc;
}

int tokenizer_parse_wordpiece(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, struct err *err)
{
    struct wordpiece *wordpiece = &tokenizer->wordpiece;
    tokenizer->kind = &wordpiece_kind;
    set_class(wordpiece, settings);
    wordpiece->longest = WORD_MAX;
    int rc = read_lines(&wordpiece->pieces, files[0].bytes, err);
    if (!rc)
        rc = pieces_index(&wordpiece->pieces, err);
    if (!rc)
        rc = find_unknown(wordpiece, settings->roles[ROLE_UNK], err);
    if (!rc)
        rc = tokenizer_add_roles(tokenizer, &wordpiece->pieces, settings, err);
    if (!rc)
        rc = tokenizer_set_specials(tokenizer, &wordpiece->pieces, settings, NULL, err);
    if (rc)
        err_wrap(err, "unable to load '%s'", files[0].name);
    return rc;
}
