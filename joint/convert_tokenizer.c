// SPDX-License-Identifier: Apache-2.0
/* OpenAI's vocabulary as transformers wants it: vocab.json with every token's id, and merges.txt. Facts: SimpleTokenizer
 * in openai/CLIP's simple_tokenizer.py, which is open_clip's too. */
#include "joint/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 256, SPECIALS = 2, MERGES = 49152 - BYTES - SPECIALS, TOKENS = 2 * BYTES + MERGES + SPECIALS };

static int put_token(json_t *vocab, const char *token, const char *end, struct err *err)
{
    char text[1024];
    if ((size_t)snprintf(text, sizeof text, "%s%s", token, end) >= sizeof text)
        return err_set(err, ERR_FORMAT, "a token of more than %zu bytes", sizeof text - 1);
    const json_int_t id = (json_int_t)json_object_size(vocab);
    return json_object_set_new(vocab, text, json_integer(id)) ? err_memory(err, sizeof text) : 0;
}

/* The characters that stand for bytes: those of Latin-1 that print for themselves, then others from U+0100 on. */
static int put_bytes(json_t *vocab, const char *end, struct err *err)
{
    int rc = 0;
    size_t others = 0;
    for (int pass = 0; pass < 2; pass++)
        for (unsigned byte = 0; byte < BYTES && !rc; byte++) {
            const bool prints =
                (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
            if (prints == (pass == 1))
                continue;
            const unsigned c = prints ? byte : BYTES + (unsigned)others++;
            const char utf8[] = {
                (char)(c < 0x80 ? c : 0xc0 | c >> 6), (char)(c < 0x80 ? 0 : 0x80 | (c & 0x3f)), 0};
            rc = put_token(vocab, utf8, end, err);
        }
    return rc;
}

/* A line is two tokens with a blank between; the token that they make has none. */
static int put_merge(json_t *vocab, const char *line, struct err *err)
{
    char text[1024];
    const char *blank = strchr(line, ' ');
    if (!blank ||
        (size_t)snprintf(text, sizeof text, "%.*s%s", (int)(blank - line), line, blank + 1) >= sizeof text)
        return err_set(err, ERR_FORMAT, "'%.40s' is no pair of tokens", line);
    return put_token(vocab, text, "", err);
}

static int make_vocab(json_t *vocab, const struct strings *lines, struct err *err)
{
    int rc = put_bytes(vocab, "", err);
    if (!rc)
        rc = put_bytes(vocab, "</w>", err);
    for (size_t i = 1; i <= MERGES && !rc; i++)
        rc = put_merge(vocab, lines->items[i], err);
    if (!rc)
        rc = put_token(vocab, "<|startoftext|>", "", err);
    if (!rc)
        rc = put_token(vocab, "<|endoftext|>", "", err);
    if (!rc && json_object_size(vocab) != TOKENS)
        rc = err_set(err, ERR_FORMAT, "it has a token twice");
    return rc;
}

static int write_merges(const char *path, const struct strings *lines, struct err *err)
{
    struct new_file file;
    const int rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    fputs("#version: 0.2\n", file.stream);
    for (size_t i = 1; i <= MERGES; i++)
        fprintf(file.stream, "%s\n", lines->items[i]);
    return new_file_close(&file, true, err);
}

int convert_vocabulary(const char *to, const char *path, struct err *err)
{
    enum { LIMIT = 1 << 26 };
    struct arena arena = {0};
    struct strings lines = {0};
    const char *merges = path_join(&arena, to, "merges.txt");
    json_t *vocab = json_object();
    int rc = vocab && merges ? lines_read(&lines, path, LIMIT, err) : err_memory(err, 0);
    if (!rc && lines.count <= MERGES)
        rc = err_set(err, ERR_FORMAT, "it has %zu lines, OpenAI's has more than %d", lines.count, MERGES);
    if (!rc)
        rc = make_vocab(vocab, &lines, err);
    if (rc)
        err_wrap(err, "unable to use '%s'", path);
    if (!rc)
        rc = write_merges(merges, &lines, err);
    if (!rc)
        rc = convert_write_json(vocab, to, "vocab.json", &arena, err);
    json_decref(vocab);
    strings_release(&lines);
    arena_release(&arena);
    return rc;
}
