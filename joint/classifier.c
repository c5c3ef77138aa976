// SPDX-License-Identifier: Apache-2.0
/*
 * Zero-shot classification as open_clip's build_zero_shot_classifier does it: the vector of a class is the
 * mean of its prompts' embeddings, each of length 1, and is brought to length 1 again. Sums are float32.
 */
#include "joint/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const label_scores_names[] = {[LABEL_SCORES_OF_MODEL] = "model",
    [LABEL_SCORES_COSINE] = "cosine",
    [LABEL_SCORES_SOFTMAX] = "softmax",
    [LABEL_SCORES_INDEPENDENT] = "independent",
    NULL};

struct classifier {
    struct strings labels; /* and behind them LABEL_NEUTRAL where SCORE_INDEPENDENT compares with it */
    size_t count;          /* of labels alone */
    size_t width;          /* E */
    struct score_rule score;
    float *matrix;     // (labels, E), rows of length 1 unless they were learned
    float *intercepts; // (labels); NULL: none
    size_t truncated;
};

/* ---- prompts ------------------------------------------------------------------------------------------- */

/* The next placeholder at or after text, and its length; NULL where there is none. */
static const char *find_placeholder(const char *text, size_t *length)
{
    static const char *const spellings[] = {"{}", "{c}"};
    for (; (text = strchr(text, '{')); text++) {
        for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
            *length = strlen(spellings[i]);
            if (!strncmp(text, spellings[i], *length))
                return text;
        }
    }
    return NULL;
}

int prompt_add(struct strings *prompts, const char *template, const char *label, struct err *err)
{
    const size_t label_length = strlen(label);
    size_t placeholder, room = strlen(template) + 1;
    for (const char *at = template; (at = find_placeholder(at, &placeholder)); at += placeholder)
        room += label_length;
    char *prompt = mem_new(room, 1), *end = prompt;
    if (!prompt)
        return err_memory(err, room);

    const char *from = template;
    for (const char *at; (at = find_placeholder(from, &placeholder)); from = at + placeholder) {
        end = mempcpy(end, from, (size_t)(at - from));
        end = mempcpy(end, label, label_length);
    }
    end = stpcpy(end, from);
    int rc = strings_add(prompts, prompt, (size_t)(end - prompt), err);
    free(prompt);
    return rc;
}

static int check_labels(const struct strings *labels, struct err *err)
{
    if (!labels->count)
        return err_set(err, ERR_ARGUMENT, "no labels");
    for (size_t i = 0; i < labels->count; i++)
        if (!*labels->items[i])
            return err_set(err, ERR_ARGUMENT, "label %zu is empty", i + 1);
    return 0;
}

int templates_check(const struct strings *templates, struct err *err)
{
    size_t placeholder;
    if (!templates->count)
        return err_set(err, ERR_ARGUMENT, "no templates");
    for (size_t i = 0; i < templates->count; i++)
        if (!find_placeholder(templates->items[i], &placeholder))
            return err_set(err, ERR_ARGUMENT, "template '%s' has no {} for the label", templates->items[i]);
    return 0;
}

/* ---- class vectors ------------------------------------------------------------------------------------- */

/* row (E) = the mean of embeddings (count, E), brought to length 1. Dividing by the length makes dividing by
 * the count superfluous. */
static void mean_direction(float *row, const float *embeddings, size_t count, size_t width)
{
    memset(row, 0, width * sizeof *row);
    for (size_t i = 0; i < count; i++)
        for (size_t e = 0; e < width; e++)
            row[e] += embeddings[i * width + e];
    float squares = 0;
    for (size_t e = 0; e < width; e++)
        squares += row[e] * row[e];
    for (size_t e = 0; e < width && squares > 0; e++)
        row[e] /= sqrtf(squares);
}

/* The class vectors of labels [first, first + count); embeddings (count * templates, E) is scratch. */
static int encode_labels(struct classifier *classifier, const struct prompt_encoder *encoder,
    const struct strings *templates, size_t first, size_t count, float *embeddings, const struct job *job,
    struct err *err)
{
    const size_t width = classifier->width;
    struct strings prompts = {0};
    size_t truncated = 0;
    int rc = 0;
    for (size_t i = first; i < first + count; i++)
        for (size_t t = 0; t < templates->count && !rc; t++)
            rc = prompt_add(&prompts, templates->items[t], classifier->labels.items[i], err);
    if (!rc)
        rc = encoder->texts(encoder->context, embeddings, (const char *const *)prompts.items, prompts.count,
            &truncated, job, err);
    for (size_t i = 0; i < count && !rc; i++)
        mean_direction(&classifier->matrix[(first + i) * width], &embeddings[i * templates->count * width],
            templates->count, width);
    classifier->truncated += truncated;
    strings_release(&prompts);
    return rc;
}

/* All class vectors, some thousand prompts at a time: enough for the encoder to sort them by length with
 * profit, and 1000 labels in 80 templates never are 80,000 strings. */
static int encode_matrix(struct classifier *classifier, const struct prompt_encoder *encoder,
    const struct strings *templates, const struct job *job, struct err *err)
{
    enum { PROMPTS_AT_ONCE = 2048 };
    const size_t labels = classifier->labels.count, row = classifier->width * sizeof(float);
    size_t step = PROMPTS_AT_ONCE / templates->count;
    step = step < 1 ? 1 : step > labels ? labels : step;

    classifier->matrix = mem_new(labels, row);
    float *embeddings = mem_new(step * templates->count, row);
    if (!classifier->matrix || !embeddings) {
        free(embeddings);
        return err_memory(err, (labels + step * templates->count) * row);
    }

    int rc = 0;
    for (size_t first = 0; first < labels && !rc; first += step)
        rc = encode_labels(classifier, encoder, templates, first,
            labels - first < step ? labels - first : step, embeddings, job, err);
    free(embeddings);
    return rc;
}

static enum score_kind choose_score(enum label_scores scores, enum score_kind of_model)
{
    switch (scores) {
    case LABEL_SCORES_COSINE:
        return SCORE_COSINE;
    case LABEL_SCORES_SOFTMAX:
        return SCORE_SOFTMAX;
    case LABEL_SCORES_INDEPENDENT:
        return of_model == SCORE_SIGMOID ? of_model : SCORE_INDEPENDENT;
    default:
        return of_model;
    }
}

int classifier_make(struct classifier **out, const struct prompt_encoder *encoder,
    const struct strings *labels, const struct strings *templates, enum label_scores scores,
    const struct job *job, struct err *err)
{
    int rc = check_labels(labels, err);
    if (!rc)
        rc = templates_check(templates, err);
    if (rc)
        return rc;
    struct classifier *classifier = mem_new(1, sizeof *classifier);
    if (!classifier)
        return err_memory(err, sizeof *classifier);
    classifier->width = encoder->width;
    classifier->count = labels->count;
    classifier->score = encoder->score;
    classifier->score.kind = choose_score(scores, encoder->score.kind);
    for (size_t i = 0; i < labels->count && !rc; i++)
        rc = strings_add(&classifier->labels, labels->items[i], strlen(labels->items[i]), err);
    if (!rc && classifier->score.kind == SCORE_INDEPENDENT)
        rc = strings_add(&classifier->labels, LABEL_NEUTRAL, strlen(LABEL_NEUTRAL), err);
    if (!rc)
        rc = encode_matrix(classifier, encoder, templates, job, err);
    if (rc) {
        classifier_free(classifier);
        return rc;
    }
    *out = classifier;
    return 0;
}

static int encode_prompts(void *context, float *embeddings, const char *const *texts, size_t count,
    size_t *truncated, const struct job *job, struct err *err)
{
    return encoder_texts(context, embeddings, texts, count, truncated, job, err);
}

int classifier_open(struct classifier **out, struct encoder *encoder, const struct strings *labels,
    const struct strings *templates, enum label_scores scores, const struct job *job, struct err *err)
{
    const struct model *model = encoder_model(encoder);
    const struct prompt_encoder prompts = {encode_prompts, encoder, model_width(model), model_score(model)};
    return classifier_make(out, &prompts, labels, templates, scores, job, err);
}

int classifier_learned(struct classifier **out, const struct strings *labels, const float *rows,
    const float *intercepts, size_t width, struct score_rule score, struct err *err)
{
    const size_t count = labels->count;
    struct classifier *classifier = mem_new(1, sizeof *classifier);
    if (!classifier)
        return err_memory(err, sizeof *classifier);
    classifier->count = count;
    classifier->width = width;
    classifier->score = score;
    classifier->matrix = mem_new(count, width * sizeof *rows);
    classifier->intercepts = mem_new(count, sizeof *intercepts);
    int rc = classifier->matrix && classifier->intercepts ? 0 : err_memory(err, count * width * sizeof *rows);
    for (size_t i = 0; i < count && !rc; i++)
        rc = strings_add(&classifier->labels, labels->items[i], strlen(labels->items[i]), err);
    if (rc) {
        classifier_free(classifier);
        return rc;
    }
    memcpy(classifier->matrix, rows, count * width * sizeof *rows);
    memcpy(classifier->intercepts, intercepts, count * sizeof *intercepts);
    *out = classifier;
    return 0;
}

void classifier_free(struct classifier *classifier)
{
    if (!classifier)
        return;
    strings_release(&classifier->labels);
    free(classifier->matrix);
    free(classifier->intercepts);
    free(classifier);
}

size_t classifier_labels(const struct classifier *classifier)
{
    return classifier->count;
}

const char *classifier_label(const struct classifier *classifier, size_t i)
{
    return classifier->labels.items[i];
}

const float *classifier_vectors(const struct classifier *classifier)
{
    return classifier->matrix;
}

bool classifier_has_intercepts(const struct classifier *classifier)
{
    return classifier->intercepts;
}

enum score_kind classifier_score(const struct classifier *classifier)
{
    return classifier->score.kind;
}

size_t classifier_truncated(const struct classifier *classifier)
{
    return classifier->truncated;
}

/* ---- ranking ------------------------------------------------------------------------------------------- */

void classifier_rank(
    const struct classifier *classifier, struct prediction *best, size_t top, const float *embedding)
{
    const size_t count = classifier->count, width = classifier->width;
    struct score_rule score = classifier->score;
    if (score.kind == SCORE_INDEPENDENT)
        score = (struct score_rule){SCORE_SIGMOID, score.scale,
            -score.scale * dot_product(embedding, &classifier->matrix[count * width], width)};
    rank_rows_offset(best, top, embedding, classifier->matrix, classifier->intercepts, count, width, score);
}

size_t classifier_reached(
    const struct classifier *classifier, const struct prediction *best, size_t top, double least)
{
    size_t count = 0;
    while (count < top && (double)prediction_score(&best[count], classifier->score.kind) >= least)
        count++;
    return count;
}
