// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_internal.h"

#include <stdlib.h>

/* In the order in which a directory is searched. */
static const struct {
    const char *files[TOKENIZER_FILES_MAX];
    int (*parse)(struct tokenizer *tokenizer, const struct text_file *files, struct err *err);
} formats[TOKENIZER_FORMATS] = {
    [TOKENIZER_JSON] = {{"tokenizer.json"}, tokenizer_parse_json},
    [TOKENIZER_VOCAB_MERGES] = {{"vocab.json", "merges.txt"}, tokenizer_parse_vocab_merges},
    [TOKENIZER_OPENAI] = {{"bpe_simple_vocab_16e6.txt.gz"}, tokenizer_parse_openai},
};

enum { FILE_LIMIT = 64 << 20 }; /* CLIP's largest is 3 MB */

/* open_clip's own tokenizer takes a vocabulary and nothing else from elsewhere. */
static void set_rule(struct tokenizer *tokenizer, struct tokenizer_rule rule)
{
    tokenizer->rule = rule;
    tokenizer->context = SIZE_MAX;
    if (rule.reference != TOKENIZER_OPEN_CLIP)
        return;
    tokenizer->clip.steps = 0;
    tokenizer->added_count = 0;
}

int tokenizer_parse(struct tokenizer **out, enum tokenizer_format format, const struct text_file *files,
    struct tokenizer_rule rule, struct err *err)
{
    struct tokenizer *tokenizer = mem_new(1, sizeof *tokenizer);
    if (!tokenizer)
        return err_memory(err, sizeof *tokenizer);
    int rc = formats[format].parse(tokenizer, files, err);
    if (rc) {
        tokenizer_free(tokenizer);
        return rc;
    }
    set_rule(tokenizer, rule);
    *out = tokenizer;
    return 0;
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
    struct tokenizer_rule rule, struct err *err)
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
        rc = tokenizer_parse(out, format, files, rule, err);
    for (size_t i = 0; i < TOKENIZER_FILES_MAX; i++)
        free(bytes[i]);
    return rc;
}

/* open_clip passes a context of its own, which takes the place of the file's. */
static int load_config(struct tokenizer **out, const char *directory, struct err *err)
{
    if ((*out)->rule.reference != TOKENIZER_HF || (*out)->rule.cleaning != CLEAN_NONE)
        return 0;
    const int rc = tokenizer_read_config(*out, directory, err);
    if (rc) {
        tokenizer_free(*out);
        *out = NULL;
    }
    return rc;
}

int tokenizer_load(struct tokenizer **out, const char *directory, struct tokenizer_rule rule, struct err *err)
{
    struct arena arena = {0};
    format_paths paths;
    bool found = false;
    int rc = 0;

    for (enum tokenizer_format format = 0; !rc && !found && format < TOKENIZER_FORMATS; format++) {
        rc = join_paths(paths, &arena, directory, format, err);
        found = !rc && all_exist(paths);
        if (found)
            rc = load_files(out, format, paths, rule, err);
    }
    if (!rc && !found)
        rc = err_set(err, ERR_IO, "no tokenizer in '%s': neither %s, nor %s with %s, nor %s", directory,
            formats[TOKENIZER_JSON].files[0], formats[TOKENIZER_VOCAB_MERGES].files[0],
            formats[TOKENIZER_VOCAB_MERGES].files[1], formats[TOKENIZER_OPENAI].files[0]);
    arena_release(&arena);
    return rc ? rc : load_config(out, directory, err);
}
