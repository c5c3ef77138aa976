// SPDX-License-Identifier: Apache-2.0
/*
 * Document frequencies as a file, so that references are counted once:
 *
 *     diptych document frequencies 1, 5000 images, 3 n-grams
 *     4211<TAB>a
 *     17<TAB>a cat
 *     52<TAB>cat
 *
 * UTF-8; every line ends in a line feed. The first has the version of the format, N, and how many lines
 * follow, so that a file that was cut short is known. Then a line for each n-gram: the number of images that
 * have it, and its one to four words with a blank between two. A word contains no white space, so nothing
 * needs an escape.
 *
 * Lines are written in byte order of the first words, then of the second ones and so on, a prefix before what
 * it begins: equal frequencies make equal files. They may be read in any order.
 *
 * It is text because then grep, sort and diff work on it, and gzip makes it smaller than numbers would be.
 */
#include "text/captions/metric_df.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char title[] = "diptych document frequencies ";

/* ---- writing ------------------------------------------------------------------------------------------- */

struct ranked_word {
    struct span text;
    uint32_t number;
};

struct ranked_ngram {
    uint32_t ranks[NGRAM_ORDERS]; /* of its words, from 1; 0 behind the last, which is before all others */
    uint32_t images;
};

static int compare_words(const void *left, const void *right)
{
    const struct span a = ((const struct ranked_word *)left)->text,
                      b = ((const struct ranked_word *)right)->text;
    const int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_ngrams(const void *left, const void *right)
{
    const struct ranked_ngram *a = left, *b = right;
    for (size_t i = 0; i < NGRAM_ORDERS; i++)
        if (a->ranks[i] != b->ranks[i])
            return a->ranks[i] < b->ranks[i] ? -1 : 1;
    return 0;
}

/* The words in order; ranks[number of a word] = its place there, from 1. */
static void rank_words(struct ranked_word *sorted, uint32_t *ranks, const struct ngrams *ngrams)
{
    for (size_t i = 0; i < ngrams->word_count; i++)
        sorted[i] = (struct ranked_word){ngrams->words[i], (uint32_t)i};
    qsort(sorted, ngrams->word_count, sizeof *sorted, compare_words);
    for (size_t i = 0; i < ngrams->word_count; i++)
        ranks[sorted[i].number] = (uint32_t)i + 1;
}

/* The n-grams that any image has, in order; returns how many. A prefix is numbered before what it begins, so
 * all but an n-gram's last word are known already in `paths`, where n-gram g stands at g. */
static size_t rank_ngrams(
    struct ranked_ngram *paths, const uint32_t *ranks, const struct document_frequency *df)
{
    size_t count = 0;
    for (size_t g = 1; g < df->ngrams.count; g++) {
        size_t n = 0;
        paths[g] = paths[df->ngrams.keys[g] >> 32];
        while (paths[g].ranks[n])
            n++;
        paths[g].ranks[n] = ranks[(uint32_t)df->ngrams.keys[g]];
        paths[g].images = df->images[g];
    }
    for (size_t g = 1; g < df->ngrams.count; g++)
        if (paths[g].images)
            paths[count++] = paths[g];
    qsort(paths, count, sizeof *paths, compare_ngrams);
    return count;
}

static void write_ngram(FILE *file, const struct ranked_ngram *ngram, const struct ranked_word *words)
{
    fprintf(file, "%" PRIu32, ngram->images);
    for (size_t i = 0; i < NGRAM_ORDERS && ngram->ranks[i]; i++) {
        const struct span word = words[ngram->ranks[i] - 1].text;
        fputc(i == 0 ? '\t' : ' ', file);
        fwrite(word.data, 1, word.length, file);
    }
    fputc('\n', file);
}

int document_frequency_write(const struct document_frequency *df, FILE *file, struct err *err)
{
    const struct ngrams *ngrams = &df->ngrams;
    struct ranked_word *words = mem_new(ngrams->word_count, sizeof *words);
    struct ranked_ngram *paths = mem_new(ngrams->count, sizeof *paths);
    uint32_t *ranks = mem_new(ngrams->word_count, sizeof *ranks);
    int rc = 0;
    if (words && paths && ranks) {
        rank_words(words, ranks, ngrams);
        const size_t count = rank_ngrams(paths, ranks, df);
        fprintf(file, "%s1, %zu images, %zu n-grams\n", title, df->count, count);
        for (size_t i = 0; i < count; i++)
            write_ngram(file, &paths[i], words);
    } else {
        rc = err_memory(err, ngrams->count * sizeof *paths);
    }
    free(words);
    free(paths);
    free(ranks);
    return rc;
}

int document_frequency_save(const struct document_frequency *df, const char *path, struct err *err)
{
    struct new_file file;
    const int rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    const int written = document_frequency_write(df, file.stream, err);
    const int closed = new_file_close(&file, !written, err);
    return written ? written : closed;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static int read_line(struct document_frequency *df, struct span line, struct err *err)
{
    uint32_t images, words[NGRAM_ORDERS], ngram;
    size_t n = 0;
    int rc;
    if (!span_take_number(&images, &line) || images == 0 || !span_take(&line, "\t"))
        return err_set(err, ERR_FORMAT, "no number of images and tab");
    for (struct span word, rest = line; split_blanks(&word, &rest); n++) {
        if (n == NGRAM_ORDERS)
            return err_set(err, ERR_FORMAT, "more than %d words", NGRAM_ORDERS);
        if ((rc = document_frequency_word(&words[n], df, word, err)))
            return rc;
        if (words[n] == NGRAM_NONE)
            return err_set(err, ERR_FORMAT, "word %zu is empty or has white space inside", n + 1);
    }
    if ((rc = document_frequency_ngram(&ngram, df, words, n, err)))
        return rc;
    if (df->images[ngram])
        return err_set(err, ERR_FORMAT, "an n-gram for the second time");
    df->images[ngram] = images;
    return 0;
}

/* Takes a line off the front of *rest, which must end in a line feed. */
static bool take_line(struct span *line, struct span *rest)
{
    const char *end = rest->length ? memchr(rest->data, '\n', rest->length) : NULL;
    if (!end)
        return false;
    *line = (struct span){rest->data, (size_t)(end - rest->data)};
    *rest = span_from(*rest, line->length + 1);
    return true;
}

/* What follows `title`. */
static int read_lines(struct document_frequency *df, struct span rest, struct err *err)
{
    uint32_t version, images, expected, count = 0;
    struct span line;
    if (!span_take_number(&version, &rest))
        return err_set(err, ERR_FORMAT, "line 1 has no version");
    if (version != 1)
        return err_set(err, ERR_UNSUPPORTED, "version %" PRIu32 " of the format, 1 is known", version);
    if (!span_take(&rest, ", ") || !span_take_number(&images, &rest) || images == 0 ||
        !span_take(&rest, " images, ") || !span_take_number(&expected, &rest) ||
        !span_take(&rest, " n-grams\n"))
        return err_set(err, ERR_FORMAT, "line 1 has no numbers of images and n-grams");
    df->count = images;
    for (; take_line(&line, &rest); count++) {
        const int rc = read_line(df, line, err);
        if (rc) {
            err_wrap(err, "line %" PRIu32, count + 2);
            return rc;
        }
    }
    if (rest.length || count != expected)
        return err_set(err, ERR_FORMAT, "it has %" PRIu32 " whole n-grams, %" PRIu32 " by its first line",
            count, expected);
    return 0;
}

/* Whether bytes could be a pickle of a dictionary. */
static bool pickle_begins(struct span bytes)
{
    return bytes.length && strchr("\x80(}c", bytes.data[0]) && bytes.data[0];
}

int document_frequency_parse(struct document_frequency **out, const char *bytes, size_t size, struct err *err)
{
    struct span rest = {bytes, size};
    int rc = document_frequency_begin(out, err);
    if (rc)
        return rc;
    if (span_take(&rest, title))
        rc = read_lines(*out, rest, err);
    else if (pickle_begins(rest))
        rc = document_frequency_pickle(*out, rest, err);
    else
        rc = err_set(err, ERR_FORMAT, "neither document frequencies nor a pickle of them");
    if (rc) {
        document_frequency_free(*out);
        *out = NULL;
    }
    return rc;
}

int document_frequency_load(struct document_frequency **out, const char *path, struct err *err)
{
    char *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    int rc = input_read(&bytes, &size, path, (size_t)2 << 30, err);
    if (rc)
        return rc;
    rc = document_frequency_parse(out, bytes, size, err);
    if (rc)
        err_wrap(err, "unable to read '%s'", input_name(path));
    free(bytes);
    return rc;
}
