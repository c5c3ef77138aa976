// SPDX-License-Identifier: Apache-2.0
/* What the service answers: the one table that drives routing, rights, metrics and /openapi.json, where openapi/NAME.json
 * says what bodies and answers look like. Where nothing else is said there is no body, and errors look as OpenAI's do. Who
 * may ask for what, and how a page logs in: access.h. */
#include "service/call.h"

#define OPEN .open = true, .early = true

/* Fields of a body stand in the body; of a picture's, which has no place for them, in the query string: see body.c. */
static const char *const of_body[] = {NULL};

static const char *const of_index[] = {"index", NULL}, *const of_thumbnail[] = {"index", "edge", NULL},
                         *const of_map[] = {"index", "kind", NULL};

const struct route routes[] = {
    {"GET", "/", handle_page, OPEN, .summary = "The page to search on"},
    {"GET", "/common.css", handle_page, OPEN, .summary = "The looks that it shares with pages in files"},
    {"GET", "/common.js", handle_page, OPEN, .summary = "The scripts that it shares with them"},
    {"GET", "/icon.svg", handle_page, OPEN, .summary = "Its icon"},
    {"GET", "/index-map.js", handle_page, OPEN, .summary = "Its script that shows an index on a map"},
    {"GET", "/map.js", handle_page, OPEN, .summary = "The script of a map"},
    {"GET", "/page.css", handle_page, OPEN, .summary = "Its looks"},
    {"GET", "/page.js", handle_page, OPEN, .summary = "Its script"},
    {"GET", "/v1/login", handle_login_state, .early = true,
        .summary = "What the client may do: 200 with {\"access\": \"read\" or \"write\"}, or 401 where it "
                   "must log in"},
    {"POST", "/v1/login", handle_login, .body = BODY_JSON, .queries = of_body, OPEN,
        .summary =
            "Takes {\"token\"} and answers the same, with a cookie that stands for the token from then on"},
    {"POST", "/v1/logout", handle_logout, OPEN, .summary = "204; ends the cookie"},
    {"POST", "/v1/embeddings", handle_embeddings, .body = BODY_JSON, .picture = "input",
        .summary = "Embeddings of texts and pictures, as OpenAI's clients ask for them"},
    {"POST", "/v1/classify", handle_classify, .body = BODY_JSON, .queries = of_body, .picture = "input",
        .summary = "Which of some labels pictures or texts fit best"},
    {"POST", "/v1/rank", handle_rank, .body = BODY_JSON, .queries = of_body, .picture = "image",
        .summary = "Captions ordered by how well they fit a picture"},
    {"POST", "/v1/search", handle_search, .body = BODY_JSON, .queries = of_body, .picture = "image",
        .summary = "What an index has that is closest to texts, pictures and items"},
    {"POST", "/v1/score", handle_score, .body = BODY_JSON, .queries = of_body,
        .summary = "Captions against what people said of the images: BLEU, ROUGE-L, CIDEr, sacreBLEU"},
    {"GET", "/v1/items/*", handle_item, .queries = of_index, .summary = "An item of an index"},
    {"GET", "/v1/items/*/image", handle_item_image, .queries = of_index, .summary = "An item's picture"},
    {"GET", "/v1/items/*/thumbnail", handle_item_thumbnail, .queries = of_thumbnail,
        .summary = "An item's picture, made small"},
    {"GET", "/v1/index/map", handle_index_map, .queries = of_map,
        .summary = "Where an index's items lie in the plane of their two principal components"},
    {"POST", "/v1/items", handle_items_add, .body = BODY_JSON, .queries = of_body, .picture = "image",
        .writes = true, .summary = "Adds pictures and texts to an index"},
    {"DELETE", "/v1/items/*", handle_item_delete, .queries = of_index, .writes = true,
        .summary = "Takes an item out of an index, and a picture that was added here away"},
    {"POST", "/v1/index/update", handle_update_start, .queries = of_index, .writes = true,
        .summary = "Brings an index up to date with its folders, and tells how it goes as events"},
    {"GET", "/v1/index/update", handle_update_follow, .queries = of_index,
        .summary = "The events of the update that runs, or how the last one ended"},
    {"DELETE", "/v1/index/update", handle_update_cancel, .queries = of_index, .writes = true,
        .summary = "Ends the update that runs; what it has done stays"},
    {"GET", "/v1/models", handle_models, .summary = "The model, and the indexes"},
    {"GET", "/health", handle_health, OPEN, .summary = "200 while the service can answer"},
    {"GET", "/ready", handle_ready, OPEN, .summary = "200 once model and indexes are loaded"},
    {"POST", "/v1/reload", handle_reload, .writes = true,
        .summary = "Takes tokens and indexes that have been replaced"},
    {"GET", "/metrics", handle_metrics, .early = true, .summary = "Counts in Prometheus' text format"},
    {"GET", "/openapi.json", handle_openapi, OPEN, .summary = "This table, for programs"},

    {"POST", "/embed", handle_tei_embed, .body = BODY_JSON, .manners = MANNERS_TEI,
        .summary = "Embeddings, as clients of text-embeddings-inference ask for them"},
    {"POST", "/rerank", handle_tei_rerank, .body = BODY_JSON, .manners = MANNERS_TEI,
        .summary = "Texts by how close they are to a query, as clients of text-embeddings-inference ask"},
    {"GET", "/info", handle_tei_info, .manners = MANNERS_TEI,
        .summary = "The model, as text-embeddings-inference describes it"},
    {"POST", "/predict", handle_immich_predict, .body = BODY_ANY, .manners = MANNERS_DETAIL, .networks = true,
        .summary = "The embedding of a picture or a text, as immich asks its machine learning"},
    {"GET", "/ping", handle_immich_ping, .manners = MANNERS_DETAIL, OPEN, .summary = "'pong'"},
    {"POST", "/knn-service", handle_knn, .body = BODY_UNNAMED, .manners = MANNERS_MESSAGE,
        .summary = "What is closest in an index, as clients of clip-retrieval ask"},
    {"POST", "/metadata", handle_knn_metadata, .body = BODY_UNNAMED, .manners = MANNERS_MESSAGE,
        .summary = "What is known of items, as clients of clip-retrieval ask"},
    {"GET", "/indices-list", handle_knn_indices, .manners = MANNERS_MESSAGE,
        .summary = "The names of the indexes, as clients of clip-retrieval ask"},
    {"POST", "/v2/embed", handle_cohere_embed, .body = BODY_JSON, .manners = MANNERS_MESSAGE,
        .summary = "Embeddings, as Cohere's clients ask for them"},
    {"POST", "/v1/multimodalembeddings", handle_voyage_embed, .body = BODY_JSON, .manners = MANNERS_DETAIL,
        .summary = "Embeddings, as Voyage's clients ask for them"},
    {"POST", "/vectorize", handle_weaviate_vectorize, .body = BODY_JSON, .manners = MANNERS_PLAIN,
        .summary = "Embeddings, as Weaviate's module multi2vec-clip asks for them"},
    {"GET", "/meta", handle_weaviate_meta, .manners = MANNERS_PLAIN, .summary = "The model, for Weaviate"},
    {"GET", "/.well-known/live", handle_weaviate_live, .manners = MANNERS_PLAIN, OPEN,
        .summary = "204 while the service can answer"},
    {"GET", "/.well-known/ready", handle_weaviate_ready, .manners = MANNERS_PLAIN, OPEN,
        .summary = "204 once model and indexes are loaded"},
    {"POST", "/", handle_zero_shot, .body = BODY_JSON, .manners = MANNERS_PLAIN,
        .summary = "Which of some labels a picture fits best, as Hugging Face's clients ask"},
    {0},
};
