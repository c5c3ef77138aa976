// SPDX-License-Identifier: Apache-2.0
/*
 * METEOR's table of paraphrases, paraphrase-en.gz, three lines each:
 *
 *     0.04538853644282225          how probable, which METEOR 1.5 does not look at
 *     common fisheries             a phrase
 *     cfp                          what says the same
 *
 * It has five million, most of them of words that a set of captions does not have; those are not kept.
 */
#include "text/captions/metric_meteor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Both sides of a paraphrase while it is read: words of either, one after the other. */
struct pair {
    struct meteor_phrase phrase, says;
};

struct reader {
    const struct ngrams *known;
    struct pair *pairs;
    uint32_t *words;
    size_t count, room, word_count, word_room;
    size_t lines, kept_words; /* words of whole pairs */
    bool wanted;              /* all words of this pair up to now are the captions' */
};

/* ---- lines --------------------------------------------------------------------------------------------- */

static bool take_word(struct span *word, struct span *line)
{
    size_t at = 0, length = 0;
    while (at < line->length && (line->data[at] == ' ' || line->data[at] == '\t'))
        at++;
    while (at + length < line->length && line->data[at + length] != ' ' && line->data[at + length] != '\t')
        length++;
    *word = (struct span){line->data + at, length};
    *line = span_from(*line, at + length);
    return length;
}

static int read_phrase(struct meteor_phrase *out, struct reader *reader, struct span line, struct err *err)
{
    struct span word;
    *out = (struct meteor_phrase){reader->word_count, 0};
    while (take_word(&word, &line)) {
        const uint32_t number = ngrams_find_word(reader->known, word);
        if (number == NGRAM_NONE) {
            reader->wanted = false;
            return 0;
        }
        const int rc = array_grow(reader->words, &reader->word_room, reader->word_count + 1, err);
        if (rc)
            return rc;
        reader->words[reader->word_count++] = number;
        out->length++;
    }
    return out->length ? 0 : err_set(err, ERR_FORMAT, "line %zu has no words", reader->lines);
}

static bool is_number(struct span line)
{
    static const char characters[] = "0123456789.eE+-";
    for (size_t i = 0; i < line.length; i++)
        if (!memchr(characters, line.data[i], sizeof characters - 1))
            return false;
    return line.length;
}

static int read_line(struct reader *reader, struct span line, struct err *err)
{
    const size_t part = reader->lines++ % 3;
    int rc = 0;
    if (line.length && line.data[line.length - 1] == '\r')
        line.length--;
    if (part == 0) {
        reader->wanted = true;
        reader->word_count = reader->kept_words;
        if (!is_number(line))
            return err_set(err, ERR_FORMAT,
                "line %zu is no probability: METEOR 1.5's paraphrases are three lines each, a number first",
                reader->lines);
        return array_grow(reader->pairs, &reader->room, reader->count + 1, err);
    }
    if (!reader->wanted)
        return 0;
    struct pair *pair = &reader->pairs[reader->count];
    rc = read_phrase(part == 1 ? &pair->phrase : &pair->says, reader, line, err);
    if (!rc && part == 2 && reader->wanted) {
        reader->kept_words = reader->word_count;
        reader->count++;
    }
    return rc;
}

/* Whole lines off the front of bytes; with `last`, all of them. */
static int read_lines(size_t *used, struct reader *reader, struct span bytes, bool last, struct err *err)
{
    const char *end;
    int rc = 0;
    *used = 0;
    while (!rc && *used < bytes.length) {
        const struct span rest = span_from(bytes, *used);
        end = memchr(rest.data, '\n', rest.length);
        if (!end && !last)
            return 0;
        const size_t length = end ? (size_t)(end - rest.data) : rest.length;
        rc = read_line(reader, (struct span){rest.data, length}, err);
        *used += length + (end != NULL);
    }
    return rc;
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static uint32_t phrase_number(struct meteor_paraphrases *out, const uint32_t *words, uint32_t length)
{
    uint32_t number = NGRAM_ROOT;
    for (uint32_t i = 0; i < length; i++)
        number = ngrams_add(&out->phrases, number, words[i]);
    return number;
}

/* Those of one phrase side by side, in the order of the file. */
static int sort_pairs(struct meteor_paraphrases *out, const struct reader *reader, struct err *err)
{
    size_t words = 0;
    for (size_t i = 0; i < reader->count; i++)
        words += reader->pairs[i].phrase.length;
    int rc = ngrams_init(&out->phrases, words, 1, err);
    if (rc)
        return rc;
    uint32_t *numbers = mem_new(reader->count + 1, sizeof *numbers);
    for (size_t i = 0; numbers && i < reader->count; i++)
        numbers[i] =
            phrase_number(out, out->words + reader->pairs[i].phrase.first, reader->pairs[i].phrase.length);
    out->firsts = mem_new(out->phrases.count + 2, sizeof *out->firsts);
    out->says = mem_new(reader->count + 1, sizeof *out->says);
    if (!numbers || !out->firsts || !out->says) {
        free(numbers);
        return err_memory(err, reader->count * sizeof *out->says);
    }
    for (size_t i = 0; i < reader->count; i++)
        out->firsts[numbers[i] + 2]++;
    for (size_t p = 2; p < out->phrases.count + 2; p++)
        out->firsts[p] += out->firsts[p - 1];
    for (size_t i = 0; i < reader->count; i++)
        out->says[out->firsts[numbers[i] + 1]++] = reader->pairs[i].says;
    out->count = reader->count;
    free(numbers);
    return 0;
}

/* Takes over what has been read. */
static int finish(struct meteor_paraphrases *out, struct reader *reader, int rc, struct err *err)
{
    *out = (struct meteor_paraphrases){.words = reader->words};
    if (!rc && (reader->lines % 3 || !reader->lines))
        rc = err_set(err, ERR_FORMAT, "it ends inside a paraphrase, at line %zu", reader->lines);
    if (!rc)
        rc = sort_pairs(out, reader, err);
    free(reader->pairs);
    if (rc)
        meteor_paraphrases_release(out);
    return rc;
}

int meteor_paraphrases_parse(
    struct meteor_paraphrases *out, struct span bytes, const struct ngrams *words, struct err *err)
{
    struct reader reader = {.known = words};
    size_t used;
    return finish(out, &reader, read_lines(&used, &reader, bytes, true, err), err);
}

void meteor_paraphrases_release(struct meteor_paraphrases *paraphrases)
{
    if (!paraphrases)
        return;
    ngrams_release(&paraphrases->phrases);
    free(paraphrases->firsts);
    free(paraphrases->says);
    free(paraphrases->words);
    *paraphrases = (struct meteor_paraphrases){0};
}

/* ---- the file ------------------------------------------------------------------------------------------ */

enum { CHUNK = 1 << 20 };

static int inflate_all(
    struct reader *reader, gzFile file, char *buffer, const struct job *job, struct err *err)
{
    size_t kept = 0, used;
    int got, rc = 0;
    while (!rc && (got = gzread(file, buffer + kept, (unsigned)(CHUNK - kept))) > 0) {
        const size_t size = kept + (size_t)got;
        rc = job_step(job, "reading paraphrases", 0, 0, err);
        if (!rc)
            rc = read_lines(&used, reader, (struct span){buffer, size}, false, err);
        if (!rc && used == 0 && size == CHUNK)
            rc = err_set(err, ERR_FORMAT, "line %zu has more than %d bytes", reader->lines + 1, CHUNK);
        kept = rc ? 0 : size - used;
        if (!rc)
            memmove(buffer, buffer + used, kept);
    }
    if (rc)
        return rc;
    int problem;
    const char *why = gzerror(file, &problem);
    if (problem == Z_BUF_ERROR)
        return err_set(err, ERR_FORMAT, "its gzip data end early, after line %zu", reader->lines);
    if (problem != Z_OK && problem != Z_STREAM_END)
        return problem == Z_ERRNO ? err_set(err, ERR_IO, "%s", strerror(errno))
                                  : err_set(err, ERR_FORMAT, "its gzip data are damaged: %s", why);
    return read_lines(&used, reader, (struct span){buffer, kept}, true, err);
}

int meteor_paraphrases_read(struct meteor_paraphrases *out, const char *path, const struct ngrams *words,
    const struct job *job, struct err *err)
{
    struct reader reader = {.known = words};
    *out = (struct meteor_paraphrases){0};
    gzFile file = gzopen(path, "rbe");
    if (!file)
        return err_set(err, ERR_IO, "unable to open '%s': %s", path, strerror(errno));
    char *buffer = mem_new(CHUNK, 1);
    gzbuffer(file, CHUNK / 4);
    int rc = buffer ? inflate_all(&reader, file, buffer, job, err) : err_memory(err, CHUNK);
    gzclose_r(file);
    free(buffer);
    rc = finish(out, &reader, rc, err);
    if (rc && rc != ERR_CANCELLED)
        err_wrap(err, "unable to read '%s'", path);
    return rc;
}
