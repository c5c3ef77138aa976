// SPDX-License-Identifier: Apache-2.0
/* What the service answers: the one table that drives routing, metrics and /openapi.json. */
#include "service/call.h"

#define OPEN .open = true, .early = true

const struct route routes[] = {
    {"GET", "/", handle_page, BODY_NONE, MANNERS_OPENAI, OPEN, .summary = "The page to search on"},
    {"GET", "/page.css", handle_page, BODY_NONE, MANNERS_OPENAI, OPEN, .summary = "Its looks"},
    {"GET", "/page.js", handle_page, BODY_NONE, MANNERS_OPENAI, OPEN, .summary = "Its script"},
    {"POST", "/v1/embeddings", handle_embeddings, BODY_JSON, MANNERS_OPENAI,
        .summary = "Embeddings of texts and pictures, as OpenAI's clients ask for them"},
    {"POST", "/v1/classify", handle_classify, BODY_JSON, MANNERS_OPENAI,
        .summary = "Which of some labels pictures or texts fit best"},
    {"POST", "/v1/rank", handle_rank, BODY_JSON, MANNERS_OPENAI,
        .summary = "Captions ordered by how well they fit a picture"},
    {"POST", "/v1/search", handle_search, BODY_JSON, MANNERS_OPENAI,
        .summary = "What an index has that is closest to texts, pictures and items"},
    {"GET", "/v1/items/*", handle_item, BODY_NONE, MANNERS_OPENAI, .summary = "An item of an index"},
    {"GET", "/v1/items/*/image", handle_item_image, BODY_NONE, MANNERS_OPENAI,
        .summary = "An item's picture"},
    {"GET", "/v1/items/*/thumbnail", handle_item_thumbnail, BODY_NONE, MANNERS_OPENAI,
        .summary = "An item's picture, made small"},
    {"GET", "/v1/models", handle_models, BODY_NONE, MANNERS_OPENAI, .summary = "The model, and the indexes"},
    {"GET", "/health", handle_health, BODY_NONE, MANNERS_OPENAI, OPEN,
        .summary = "200 while the service can answer"},
    {"GET", "/ready", handle_ready, BODY_NONE, MANNERS_OPENAI, OPEN,
        .summary = "200 once model and indexes are loaded"},
    {"GET", "/metrics", handle_metrics, BODY_NONE, MANNERS_OPENAI, .early = true,
        .summary = "Counts in Prometheus' text format"},
    {"GET", "/openapi.json", handle_openapi, BODY_NONE, MANNERS_OPENAI, OPEN,
        .summary = "This table, for programs"},

    {"POST", "/embed", handle_tei_embed, BODY_JSON, MANNERS_TEI,
        .summary = "Embeddings, as clients of text-embeddings-inference ask for them"},
    {"POST", "/rerank", handle_tei_rerank, BODY_JSON, MANNERS_TEI,
        .summary = "Texts by how close they are to a query, as clients of text-embeddings-inference ask"},
    {"GET", "/info", handle_tei_info, BODY_NONE, MANNERS_TEI,
        .summary = "The model, as text-embeddings-inference describes it"},
    {"POST", "/predict", handle_immich_predict, BODY_ANY, MANNERS_DETAIL,
        .summary = "The embedding of a picture or a text, as immich asks its machine learning"},
    {"GET", "/ping", handle_immich_ping, BODY_NONE, MANNERS_DETAIL, OPEN, .summary = "'pong'"},
    {0},
};
