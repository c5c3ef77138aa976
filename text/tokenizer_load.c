// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_internal.h"

#include <stdlib.h>

/* In the order in which a directory is searched. */
static const struct {
    const char *files[TOKENIZER_FILES_MAX];
    tokenizer_parser *parse;
    enum tokenizer_class class; /* whose files they are where no tokenizer_config.json says it */
} formats[TOKENIZER_FORMATS] = {
    [TOKENIZER_JSON] = {{"tokenizer.json"}, tokenizer_parse_json, CLASS_OTHER},
    [TOKENIZER_VOCAB_MERGES] = {{"vocab.json", "merges.txt"}, tokenizer_parse_vocab_merges, CLASS_OTHER},
    [TOKENIZER_OPENAI] = {{"bpe_simple_vocab_16e6.txt.gz"}, tokenizer_parse_openai, CLASS_OTHER},
    [TOKENIZER_SPIECE] = {{"spiece.model"}, tokenizer_parse_spiece, CLASS_SIGLIP},
    [TOKENIZER_SENTENCEPIECE] = {{"sentencepiece.bpe.model"}, tokenizer_parse_sentencepiece, CLASS_XLM_R},
    [TOKENIZER_GEMMA] = {{"tokenizer.model"}, tokenizer_parse_gemma, CLASS_GEMMA},
    [TOKENIZER_WORDPIECE] = {{"vocab.txt"}, tokenizer_parse_wordpiece, CLASS_BERT},
};

enum { FILE_LIMIT = 256 << 20 }; /* XLM-V's 901,629 tokens are some 50 MB */

/* open_clip's own tokenizer takes a vocabulary and nothing else from elsewhere, and fills texts up with zeros. */
static void set_rule(struct tokenizer *tokenizer, struct tokenizer_rule rule)
{
    tokenizer->rule = rule;
    if (rule.reference != TOKENIZER_OPEN_CLIP)
        return;
    tokenizer->clip.steps = 0;
    tokenizer->added_count = 0;
    tokenizer->pad = 0;
}

static void index_added(struct tokenizer *tokenizer)
{
    for (size_t i = 0; i < tokenizer->added_count; i++) {
        const struct added_token *token = &tokenizer->added[i];
        if (token->text.length) /* normalising may leave nothing of it */
            tokenizer->added_begins[token->normalised][(uint8_t)*token->text.data] = true;
    }
}

/* open_clip passes a context of its own, which takes the place of the file's. */
static size_t context_of(const struct tokenizer_settings *settings, struct tokenizer_rule rule)
{
    return rule.reference == TOKENIZER_HF && rule.cleaning == CLEAN_NONE ? settings->context : SIZE_MAX;
}

/* What a rule and the kind of the files make of it. */
static int finish(struct tokenizer *tokenizer, const struct tokenizer_settings *settings,
    struct tokenizer_rule rule, struct err *err)
{
    if (rule.reference == TOKENIZER_OPEN_CLIP && tokenizer->kind != &clip_kind)
        return err_set(err, ERR_UNSUPPORTED,
            "the tokenizer is of the kind %s, but the model's config names none, which is CLIP's own",
            tokenizer->kind->name);
    set_rule(tokenizer, rule);
    tokenizer->context = context_of(settings, rule);
    index_added(tokenizer);
    return 0;
}

int tokenizer_parse(struct tokenizer **out, enum tokenizer_format format, const struct text_file *files,
    const struct tokenizer_settings *settings, struct tokenizer_rule rule, struct err *err)
{
    struct tokenizer *tokenizer = mem_new(1, sizeof *tokenizer);
    if (!tokenizer)
        return err_memory(err, sizeof *tokenizer);
    int rc = formats[format].parse(tokenizer, files, settings, err);
    if (!rc)
        rc = finish(tokenizer, settings, rule, err);
    if (rc)
        tokenizer_free(tokenizer);
    else
        *out = tokenizer;
    return rc;
}

typedef const char *format_paths[TOKENIZER_FILES_MAX]; /* NULL: the format has fewer files */

static int join_paths(format_paths paths, struct arena *arena, const char *directory,
    enum tokenizer_format format, struct err *err)
{
    for (size_t i = 0; i < TOKENIZER_FILES_MAX; i++) {
        const char *name = formats[format].files[i];
        paths[i] = name ? path_join(arena, directory, name) : NULL;
        if (name && !paths[i])
            return err_memory(err, 0);
    }
    return 0;
}

static bool all_exist(format_paths paths)
{
    for (size_t i = 0; i < TOKENIZER_FILES_MAX && paths[i]; i++)
        if (!file_exists(paths[i]))
            return false;
    return true;
}

static int load_files(struct tokenizer **out, enum tokenizer_format format, format_paths paths,
    const struct tokenizer_settings *settings, struct tokenizer_rule rule, struct err *err)
{
    struct text_file files[TOKENIZER_FILES_MAX] = {0};
    char *bytes[TOKENIZER_FILES_MAX] = {0};
    int rc = 0;

    for (size_t i = 0; !rc && i < TOKENIZER_FILES_MAX && paths[i]; i++) {
        size_t size = 0;
        rc = file_read(&bytes[i], &size, paths[i], FILE_LIMIT, err);
        files[i] = (struct text_file){paths[i], {bytes[i], size}};
    }
    if (!rc)
        rc = tokenizer_parse(out, format, files, settings, rule, err);
    for (size_t i = 0; i < TOKENIZER_FILES_MAX; i++)
        free(bytes[i]);
    return rc;
}

/* SiglipTokenizer reads no tokenizer.json. */
static enum tokenizer_format format_at(size_t i, enum tokenizer_class class)
{
    if (class != CLASS_SIGLIP)
        return (enum tokenizer_format)i;
    return i ? (enum tokenizer_format)(i - (i <= TOKENIZER_SPIECE)) : TOKENIZER_SPIECE;
}

/* The first format that the directory has, or TOKENIZER_FORMATS; sets the class where nothing else does. */
static int find_format(enum tokenizer_format *format, format_paths paths, const char *directory,
    struct tokenizer_settings *settings, struct err *err)
{
    for (size_t i = 0; i < TOKENIZER_FORMATS; i++) {
        *format = format_at(i, settings->class);
        const int rc = join_paths(paths, &settings->arena, directory, *format, err);
        if (rc || all_exist(paths)) {
            if (!rc && settings->class == CLASS_OTHER)
                tokenizer_settings_set_class(settings, formats[*format].class);
            return rc;
        }
    }
    *format = TOKENIZER_FORMATS;
    return 0;
}

static int load(struct tokenizer **out, const char *directory, struct tokenizer_settings *settings,
    struct tokenizer_rule rule, struct err *err)
{
    format_paths paths;
    enum tokenizer_format format;
    int rc = find_format(&format, paths, directory, settings, err);
    if (!rc && format != TOKENIZER_FORMATS)
        rc = load_files(out, format, paths, settings, rule, err);
    else if (!rc)
        rc = err_set(err, ERR_IO,
            "no tokenizer in '%s': neither %s, nor %s with %s, nor %s, nor %s, %s, %s or %s", directory,
            formats[TOKENIZER_JSON].files[0], formats[TOKENIZER_VOCAB_MERGES].files[0],
            formats[TOKENIZER_VOCAB_MERGES].files[1], formats[TOKENIZER_OPENAI].files[0],
            formats[TOKENIZER_SPIECE].files[0], formats[TOKENIZER_SENTENCEPIECE].files[0],
            formats[TOKENIZER_GEMMA].files[0], formats[TOKENIZER_WORDPIECE].files[0]);
    return rc;
}

static int read_settings(
    struct tokenizer_settings *settings, const char *directory, struct tokenizer_rule rule, struct err *err)
{
    if (rule.reference == TOKENIZER_HF)
        return tokenizer_settings_read(settings, directory, err);
    tokenizer_settings_default(settings, CLASS_OTHER);
    return 0;
}

int tokenizer_load(struct tokenizer **out, const char *directory, struct tokenizer_rule rule, struct err *err)
{
    struct tokenizer_settings settings;
    int rc = read_settings(&settings, directory, rule, err);
    if (!rc)
        rc = load(out, directory, &settings, rule, err);
    tokenizer_settings_release(&settings);
    return rc;
}

/* ---- what tells tokenizers of the same files apart ----------------------------------------------------- */

static int is_clip(bool *out, enum tokenizer_format format, format_paths paths, struct err *err)
{
    char *bytes;
    size_t size;
    *out = true;
    if (format != TOKENIZER_JSON)
        return 0;
    int rc = file_read(&bytes, &size, paths[0], FILE_LIMIT, err);
    if (rc)
        return rc;
    rc = tokenizer_json_is_clip(out, &(struct text_file){paths[0], {bytes, size}}, err);
    free(bytes);
    return rc;
}

int tokenizer_put_settings(FILE *out, const char *directory, struct tokenizer_rule rule, struct err *err)
{
    struct tokenizer_settings settings;
    format_paths paths;
    enum tokenizer_format format;
    bool clip = false;
    int rc = read_settings(&settings, directory, rule, err);
    if (!rc)
        rc = find_format(&format, paths, directory, &settings, err);
    if (!rc && settings.class == CLASS_OTHER)
        rc = is_clip(&clip, format, paths, err);
    if (!rc && !clip) {
        fprintf(out, "tokenizer %d %d\n", (int)rule.cleaning, rule.strip_sep);
        settings.context = context_of(&settings, rule);
        tokenizer_settings_put(out, &settings);
    }
    tokenizer_settings_release(&settings);
    return rc;
}
