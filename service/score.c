// SPDX-License-Identifier: Apache-2.0
/*
 * POST /v1/score: captions of images against what people said of them, as `diptych score` scores files.
 *
 *   {"references": {"42": ["a red kite", "a kite over the sea"]}, "candidates": {"42": "a kite"}}
 *   {"references": [["a red kite", "a kite over the sea"]], "candidates": ["a kite"]}
 *
 * and what else a file may hold (captions.h), and beside them "metrics", "allow_missing", "context", "tokenize", "smooth",
 * "smooth_value" and "lowercase", the command's options. The answer is the command's JSON.
 * METEOR's paraphrases are a file of the command's (--meteor-data): here it is METEOR_no_paraphrases.
 */
#include "service/call.h"
#include "text/captions/captions.h"

#include <stdlib.h>
#include <string.h>

/* More captions, or longer ones, are a task for the command: a request should end within its time. */
enum { CAPTIONS_MAX = 250000, CAPTION_BYTES_MAX = 10000 };

struct scoring {
    struct caption_set references, candidates;
    struct caption_pairs pairs;
    struct caption_score_options options;
    struct caption_scores scores;
};

/* ---- the body ------------------------------------------------------------------------------------------ */

static int read_metrics(struct caption_score_options *out, const json_t *list, struct err *err)
{
    const char *keys[METRIC_CLIPSCORE + 1] = {NULL};
    for (int metric = 0; metric < METRIC_CLIPSCORE; metric++)
        keys[metric] = caption_metrics[metric].key;
    if (list && !json_array_size(list))
        return err_set(err, ERR_ARGUMENT, "'metrics' is no list of names");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *key = json_string_value(json_array_get(list, i));
        int metric;
        const int rc = key ? choice_named(&metric, key, "metrics", keys, err)
                           : err_set(err, ERR_ARGUMENT, "'metrics' is no list of names");
        if (rc)
            return rc;
        out->metrics |= 1u << metric;
    }
    return 0;
}

static int read_options(
    struct caption_score_options *out, bool *allow_missing, const json_t *body, struct err *err)
{
    const json_t *metrics = json_object_get(body, "metrics");
    int tokeniser = TOKENISE_13A, smoothing = SMOOTH_EXP;
    bool context = true;
    int rc = read_metrics(out, json_is_null(metrics) ? NULL : metrics, err);
    if (!rc)
        rc = field_bool(allow_missing, body, "allow_missing", err);
    if (!rc)
        rc = field_bool(&context, body, "context", err);
    if (!rc)
        rc = field_choice(&tokeniser, body, "tokenize", bleu_tokenisers, err);
    if (!rc)
        rc = field_choice(&smoothing, body, "smooth", bleu_smoothings, err);
    if (!rc)
        rc = field_real(&out->sacrebleu.smoothing_value, body, "smooth_value", 1e-6, 1e6, err);
    if (!rc)
        rc = field_bool(&out->sacrebleu.lowercase, body, "lowercase", err);
    out->without_context = !context;
    out->sacrebleu.tokeniser = (enum bleu_tokeniser)tokeniser;
    out->sacrebleu.smoothing = (enum bleu_smoothing)smoothing;
    return rc;
}

static int check_sizes(const struct caption_set *set, struct err *err)
{
    size_t captions = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct captioned_image *image = &set->images[i];
        captions += image->count;
        for (size_t c = 0; c < image->count; c++)
            if (strlen(image->captions[c]) > CAPTION_BYTES_MAX)
                return err_set(err, ERR_LIMIT, "'%s' has a caption of image '%.60s' with more than %d bytes",
                    set->name, image->id, CAPTION_BYTES_MAX);
    }
    return captions <= CAPTIONS_MAX ? 0
                                    : err_set(err, ERR_LIMIT, "'%s' has %zu captions, the limit is %d",
                                          set->name, captions, CAPTIONS_MAX);
}

static int read_captions(struct caption_set *out, const json_t *body, const char *name, struct err *err)
{
    json_t *value = json_object_get(body, name);
    if (!json_is_object(value) && !json_is_array(value))
        return err_set(err, ERR_ARGUMENT, "'%s' is neither an object nor a list of captions", name);
    const int rc = caption_set_of(out, name, value, NULL, err);
    return rc ? rc : check_sizes(out, err);
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

/* In the command's digits, which are more than other answers have. */
static int answer(struct call *call, const struct scoring *scoring, struct err *err)
{
    json_t *value = json_pack("{s:o, s:o, s:o}", "corpus", caption_corpus_json(&scoring->scores), "per_image",
        caption_images_json(&scoring->scores, (const char *const *)scoring->pairs.ids), "signature",
        caption_signature_json(&scoring->scores, &scoring->options, NULL));
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(CAPTION_SCORE_DIGITS)) : NULL;
    json_decref(value);
    if (!text)
        return err_memory(err, 0);
    call->response->status = 200;
    call->response->type = "application/json";
    call->response->body = text;
    call->response->size = strlen(text);
    return 0;
}

int handle_score(struct call *call, struct err *err)
{
    static const char *const known[] = {"references", "candidates", "metrics", "allow_missing", "context",
        "tokenize", "smooth", "smooth_value", "lowercase", NULL};
    const struct job *job = &call->request->job;
    struct scoring scoring = {0};
    bool allow_missing = false;
    int rc = fields_known(call->body, known, err);
    if (!rc)
        rc = read_options(&scoring.options, &allow_missing, call->body, err);
    if (!rc)
        rc = read_captions(&scoring.references, call->body, "references", err);
    if (!rc)
        rc = read_captions(&scoring.candidates, call->body, "candidates", err);
    if (!rc)
        rc = caption_pairs_join(
            &scoring.pairs, &scoring.references, &scoring.candidates, 1, allow_missing, err);
    if (!rc)
        rc = caption_scores_compute(
            &scoring.scores, scoring.pairs.systems[0], scoring.pairs.count, &scoring.options, job, err);
    if (!rc)
        rc = answer(call, &scoring, err);
    caption_scores_release(&scoring.scores);
    caption_pairs_release(&scoring.pairs);
    caption_set_release(&scoring.candidates);
    caption_set_release(&scoring.references);
    return rc;
}
