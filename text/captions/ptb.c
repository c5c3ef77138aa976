// SPDX-License-Identifier: Apache-2.0
/* Captions to one text, and its lines to words, on several threads. */
#include "text/captions/ptb.h"
#include "text/captions/captions.h"

#include <stdlib.h>
#include <string.h>

/* ---- captions to one text ------------------------------------------------------------------------------ */

/* All captions, each a line of its own. */
struct batch {
    char *text;
    size_t *begins; // (count + 1): of each line, and the end of the last
    size_t count;
};

static void batch_release(struct batch *batch)
{
    free(batch->text);
    free(batch->begins);
}

/* Adds a caption to the text. Line ends in it become blanks. */
static void add_caption(struct batch *batch, size_t i, const char *caption)
{
    const size_t length = batch->begins[i + 1] - batch->begins[i] - 1;
    char *line = batch->text + batch->begins[i];
    memcpy(line, caption, length);
    line[length] = '\n';
    for (char *end = line; (end = memchr(end, '\n', (size_t)(line + length - end)));)
        *end = ' ';
}

static int batch_fill(struct batch *batch, const struct strings *captions, struct err *err)
{
    size_t size = 0;
    batch->count = captions->count;
    batch->begins = mem_new(captions->count + 1, sizeof *batch->begins);
    if (!batch->begins)
        return err_memory(err, (captions->count + 1) * sizeof *batch->begins);
    for (size_t i = 0; i < captions->count; i++) {
        const struct span caption = span_of(captions->items[i]);
        const int rc = unicode_check(caption, err);
        if (rc) {
            err_wrap(err, "caption %zu", i);
            return rc;
        }
        if (!size_add(&size, size, caption.length) || !size_add(&size, size, 1))
            return err_memory(err, SIZE_MAX);
        batch->begins[i + 1] = size;
    }
    batch->text = mem_new(size, 1);
    if (!batch->text)
        return err_memory(err, size);
    for (size_t i = 0; i < captions->count; i++)
        add_caption(batch, i, captions->items[i]);
    return 0;
}

/* ---- lines to words ------------------------------------------------------------------------------------ */

/* Captions that one call of the body scans. */
enum { CHUNK = 32 };

struct chunk {
    struct ptb_words words; /* of all its lines, each with a line end */
    struct err err;
};

struct chunking {
    const struct batch *batch;
    bool context;
    struct chunk *chunks;
};

/* A line and all that its scanner may see: in context what follows, but at the end of all no line end, which
 * the reference does not write either. */
static struct span visible(const struct chunking *work, size_t i)
{
    const struct batch *batch = work->batch;
    const size_t begin = batch->begins[i];
    const size_t end = work->context ? batch->begins[batch->count] - 1 : batch->begins[i + 1];
    return (struct span){batch->text + begin, end - begin};
}

/* Adds the tokens of the line that text begins with. */
static int scan_line(struct ptb_words *words, struct span text, struct err *err)
{
    int rc = 0;
    while (!rc && text.length && text.data[0] != '\n') {
        size_t length;
        if (ptb_class(text, NULL, &length) != PTB_GAP) {
            length = ptb_token(text);
            rc = ptb_put_token(words, (struct span){text.data, length}, err);
        }
        text = span_from(text, length);
    }
    return rc ? rc : ptb_put_end(words, err);
}

static void scan_chunk(void *context, size_t index)
{
    const struct chunking *work = context;
    struct chunk *chunk = &work->chunks[index];
    int rc = 0;
    for (size_t i = index * CHUNK; !rc && i < work->batch->count && i < (index + 1) * CHUNK; i++)
        rc = scan_line(&chunk->words, visible(work, i), &chunk->err);
}

static int collect_chunk(struct strings *out, const struct chunk *chunk, struct err *err)
{
    if (chunk->err.code)
        return err_set(err, chunk->err.code, "%s", chunk->err.msg);
    return strings_add_lines(out, chunk->words.bytes, chunk->words.length, err);
}

static int scan(struct strings *out, const struct batch *batch, bool context, int threads, struct err *err)
{
    const size_t count = batch->count / CHUNK + (batch->count % CHUNK != 0), before = out->count;
    struct chunking work = {batch, context, mem_new(count, sizeof *work.chunks)};
    int rc = 0;
    if (!work.chunks)
        return err_memory(err, count * sizeof *work.chunks);
    parallel_for(count, threads, scan_chunk, &work);
    for (size_t i = 0; i < count; i++) {
        rc = rc ? rc : collect_chunk(out, &work.chunks[i], err);
        free(work.chunks[i].words.bytes);
    }
    if (rc)
        out->count = before;
    free(work.chunks);
    return rc;
}

int ptb_words(struct strings *out, const struct strings *captions, bool context, int threads, struct err *err)
{
    struct batch batch = {0};
    int rc = captions->count ? batch_fill(&batch, captions, err) : 0;
    if (!rc && captions->count)
        rc = scan(out, &batch, context, threads, err);
    batch_release(&batch);
    return rc;
}
