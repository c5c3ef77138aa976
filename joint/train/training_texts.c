// SPDX-License-Identifier: Apache-2.0
#include "joint/train/training.h"

#include <stdlib.h>
#include <string.h>

/* A text, and what encoding it takes. */
struct encoding {
    const struct text_config *config;
    const struct tokenizer *tokenizer;
    int32_t *ids; // (context)
    size_t context;
};

static int add_text(
    struct training_texts *out, const struct encoding *with, const char *text, struct err *err)
{
    bool truncated;
    size_t length;
    int rc = tokenizer_encode(
        with->tokenizer, text, strlen(text), with->ids, with->context, &length, &truncated, err);
    if (!rc && text_shows_padding(with->config))
        length = tokenizer_pad(with->tokenizer, with->ids, length, with->config->context);
    const size_t first = out->first[out->count],
                 tokens = rc ? 0 : text_tokens(with->config, with->ids, length);
    if (!rc)
        rc = array_grow(out->ids, &out->room, first + tokens, err);
    if (rc)
        return rc;
    memcpy(out->ids + first, with->ids, tokens * sizeof *out->ids);
    out->eot[out->count++] = text_eot(with->config, with->ids, length);
    out->first[out->count] = first + tokens;
    out->longest = tokens > out->longest ? tokens : out->longest;
    out->truncated += truncated;
    return 0;
}

static int add_all(struct training_texts *out, const struct encoding *with, const struct strings *texts,
    const struct job *job, struct err *err)
{
    enum { OFTEN = 4096 };
    int rc = 0;
    for (size_t i = 0; i < texts->count && !rc; i++) {
        rc = add_text(out, with, texts->items[i], err);
        if (rc)
            err_wrap(err, "caption '%.80s'", texts->items[i]);
        else if (i % OFTEN == 0)
            rc = job_step(job, "reading captions", 0, 0, err);
    }
    return rc;
}

int training_texts_encode(struct training_texts *out, const struct strings *texts,
    const struct model_config *config, const struct tokenizer *tokenizer, const struct job *job,
    struct err *err)
{
    const size_t own = config->text.context, most = tokenizer_context(tokenizer);
    const struct encoding with = {.config = &config->text,
        .tokenizer = tokenizer,
        .ids = mem_new(own, sizeof(int32_t)),
        .context = own < most ? own : most};
    out->first = mem_new(texts->count + 1, sizeof *out->first);
    out->eot = mem_new(texts->count, sizeof *out->eot);
    const int rc = with.ids && out->first && out->eot ? add_all(out, &with, texts, job, err)
                                                      : err_memory(err, texts->count * sizeof *out->first);
    free(with.ids);
    return rc;
}

int32_t training_texts_put(int32_t *row, size_t tokens, const struct training_texts *texts, size_t i)
{
    const size_t length = texts->first[i + 1] - texts->first[i];
    memcpy(row, texts->ids + texts->first[i], length * sizeof *row);
    memset(row + length, 0, (tokens - length) * sizeof *row);
    return (int32_t)texts->eot[i];
}

void training_texts_release(struct training_texts *texts)
{
    free(texts->ids);
    free(texts->first);
    free(texts->eot);
    *texts = (struct training_texts){0};
}
