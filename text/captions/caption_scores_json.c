// SPDX-License-Identifier: Apache-2.0
#include "text/captions/captions.h"

#include <jansson.h>
#include <math.h>

json_t *caption_number_json(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *counts_json(const size_t counts[NGRAM_ORDERS])
{
    return json_pack("[I, I, I, I]", (json_int_t)counts[0], (json_int_t)counts[1], (json_int_t)counts[2],
        (json_int_t)counts[3]);
}

/* Counts are the same for every order of BLEU. */
static json_t *bleu_json(const struct bleu_stats *stats)
{
    return json_pack("{s:I, s:I, s:o, s:o}", "testlen", (json_int_t)stats->candidate_length, "reflen",
        (json_int_t)stats->reference_length, "guess", counts_json(stats->guess), "correct",
        counts_json(stats->correct));
}

json_t *caption_corpus_json(const struct caption_scores *scores)
{
    json_t *corpus = json_object();
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        if (scores->images[metric])
            json_object_set_new(
                corpus, caption_metrics[metric].key, caption_number_json(scores->corpus[metric]));
    if (scores->bleu.images)
        json_object_set_new(corpus, "bleu_stats", bleu_json(&scores->bleu.corpus.stats));
    json_object_set_new(corpus, "n_images", json_integer((json_int_t)scores->count));
    json_object_set_new(corpus, "n_refs", json_integer((json_int_t)scores->references));
    return corpus;
}

json_t *caption_images_json(const struct caption_scores *scores, const char *const *ids)
{
    json_t *images = json_object();
    for (size_t i = 0; i < scores->count; i++) {
        json_t *image = json_object();
        for (int metric = 0; metric < METRIC_COUNT; metric++)
            if (scores->images[metric])
                json_object_set_new(
                    image, caption_metrics[metric].key, caption_number_json(scores->images[metric][i]));
        if (json_object_set_new(images, ids[i], image)) {
            json_decref(images);
            return NULL;
        }
    }
    return images;
}

const char *caption_signature(const struct caption_scores *scores, enum caption_metric metric)
{
    switch (metric) {
    case METRIC_METEOR:
        return scores->meteor.signature;
    case METRIC_METEOR_NO_PARAPHRASES:
        return scores->meteor_no_paraphrases.signature;
    case METRIC_SACREBLEU:
        return scores->sacrebleu.signature;
    case METRIC_CHRF:
        return scores->chrf.signature;
    case METRIC_CHRF_WORDS:
        return scores->chrf_words.signature;
    case METRIC_TER:
        return scores->ter.signature;
    default:
        return NULL;
    }
}

static const char *signature_key(enum caption_metric metric)
{
    return metric == METRIC_SACREBLEU ? "sacrebleu" : caption_metrics[metric].key;
}

json_t *caption_signature_json(
    const struct caption_scores *scores, const struct caption_score_options *options, const char *df)
{
    const size_t images = options->df ? document_frequency_images(options->df) : scores->count;
    json_t *metrics = json_array();
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        if (scores->images[metric])
            json_array_append_new(metrics, json_string(caption_metrics[metric].key));
    json_t *signature = json_pack("{s:o, s:s, s:s, s:b, s:o, s:I}", "metrics", metrics, "program",
        "diptych " DIPTYCH_VERSION, "tokeniser",
        "PTBTokenizer 3.4.1, lower case, without coco-caption's punctuation", "context",
        !options->without_context, "df", json_text(df ? df : "references"), "df_images", (json_int_t)images);
    for (enum caption_metric metric = METRIC_METEOR; metric <= METRIC_TER; metric++)
        if (scores->images[metric])
            json_object_set_new(
                signature, signature_key(metric), json_text(caption_signature(scores, metric)));
    return signature;
}
