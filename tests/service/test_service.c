// SPDX-License-Identifier: Apache-2.0
/* Each route's answers against the library's own. */
#include "tests/service/served.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nettle/base64.h>

#include <cmocka.h>

/* ---- embeddings ---------------------------------------------------------------------------------------- */

/* The i-th embedding of an answer. */
static const json_t *vector_at(const json_t *answer, size_t i)
{
    const json_t *one = json_array_get(json_object_get(answer, "data"), i);
    assert_int_equal(json_integer_value(json_object_get(one, "index")), i);
    assert_string_equal(json_string_value(json_object_get(one, "object")), "embedding");
    return json_object_get(one, "embedding");
}

static void texts_have_the_models_embeddings(void **state)
{
    (void)state;
    static const char *const texts[] = {"a red heart", "two blue stars on green", "don't"};
    float got[WIDTH], expected[WIDTH];
    json_t *answer =
        post("/v1/embeddings", "{\"input\": [\"a red heart\", \"two blue stars on green\", \"don't\"]}", 200);
    for (size_t i = 0; i < 3; i++) {
        read_vector(got, vector_at(answer, i));
        encode_text(expected, texts[i]);
        expect_close(got, expected, texts[i]);
    }
    assert_string_equal(json_string_value(json_object_get(answer, "model")), "model");
    const json_t *usage = json_object_get(answer, "usage");
    assert_true(json_integer_value(json_object_get(usage, "total_tokens")) >= 3 * 3);
    json_decref(answer);
}

static void one_text_is_a_list_of_one(void **state)
{
    (void)state;
    float got[WIDTH], expected[WIDTH];
    json_t *answer =
        post("/v1/embeddings", "{\"input\": \"a red heart\", \"model\": \"model\", \"user\": \"me\"}", 200);
    assert_int_equal(json_array_size(json_object_get(answer, "data")), 1);
    read_vector(got, vector_at(answer, 0));
    encode_text(expected, "a red heart");
    expect_close(got, expected, "one text");
    json_decref(answer);
}

static void base64_is_the_same_numbers(void **state)
{
    (void)state;
    float got[WIDTH], expected[WIDTH];
    struct base64_decode_ctx decode;
    size_t size = BASE64_DECODE_LENGTH(BASE64_ENCODE_RAW_LENGTH(sizeof got));
    uint8_t bytes[BASE64_DECODE_LENGTH(BASE64_ENCODE_RAW_LENGTH(sizeof got))];
    json_t *answer =
        post("/v1/embeddings", "{\"input\": [\"a red heart\"], \"encoding_format\": \"base64\"}", 200);
    const char *text = json_string_value(vector_at(answer, 0));
    base64_decode_init(&decode);
    assert_true(base64_decode_update(&decode, &size, bytes, strlen(text), text));
    assert_int_equal(size, sizeof got);
    memcpy(got, bytes, sizeof got);
    encode_text(expected, "a red heart");
    expect_close(got, expected, "base64");
    json_decref(answer);
}

/* Ids of the tokenizer are the text. */
static void ids_are_a_text(void **state)
{
    (void)state;
    int32_t ids[77];
    size_t count;
    char body[1024];
    float got[WIDTH], expected[WIDTH];
    assert_int_equal(
        tokenizer_encode(model_tokenizer(served.model), "a red heart", 11, ids, 77, &count, NULL, NULL), 0);
    size_t used = (size_t)sprintf(body, "{\"input\": [");
    for (size_t i = 0; i < count; i++)
        used += (size_t)sprintf(body + used, "%s%d", i ? ", " : "", (int)ids[i]);
    sprintf(body + used, "]}");
    json_t *answer = post("/v1/embeddings", body, 200);
    assert_int_equal(json_array_size(json_object_get(answer, "data")), 1);
    read_vector(got, vector_at(answer, 0));
    encode_text(expected, "a red heart");
    expect_close(got, expected, "ids");
    json_decref(answer);
}

/* All three ways to send one, between texts: order stays. */
static void pictures_and_texts_mix(void **state)
{
    (void)state;
    float got[WIDTH], expected[WIDTH];
    char *a = base64_file(served.paths[0]), *b = base64_file(served.paths[2]);
    json_t *body = json_pack("{s:[s, {s:s}, o, {s:s}]}", "input", "a red heart", "image", a,
        json_sprintf("data:image/jpeg;base64,%s", b), "text", "data:image/png is a text here");
    char *text = json_dumps(body, 0);
    json_t *answer = post("/v1/embeddings", text, 200);
    encode_text(expected, "a red heart");
    read_vector(got, vector_at(answer, 0));
    expect_close(got, expected, "text");
    read_vector(got, vector_at(answer, 1));
    expect_close(got, served.pictures[0], "image");
    read_vector(got, vector_at(answer, 2));
    expect_close(got, served.pictures[2], "data URI");
    encode_text(expected, "data:image/png is a text here");
    read_vector(got, vector_at(answer, 3));
    expect_close(got, expected, "a text that looks like a picture");
    json_decref(answer);
    json_decref(body);
    free(text);
    free(a);
    free(b);
}

/* ---- classification and ranking ------------------------------------------------------------------------ */

static void labels_rank_as_in_the_library(void **state)
{
    (void)state;
    struct err err;
    struct strings labels = {0}, templates = {0};
    struct classifier *classifier;
    struct prediction best[3];
    static const char *const names[] = {"heart", "star", "circle"};
    for (size_t i = 0; i < 3; i++)
        strings_add(&labels, names[i], strlen(names[i]), &err);
    assert_int_equal(template_add(&templates, "simple", &err), 0);
    assert_int_equal(
        classifier_open(&classifier, served.encoder, &labels, &templates, LABEL_SCORES_OF_MODEL, NULL, &err),
        0);
    classifier_rank(classifier, best, 3, served.pictures[1]);

    char *picture = base64_file(served.paths[1]);
    json_t *body = json_pack("{s:[{s:s}], s:[s, s, s], s:s}", "input", "image", picture, "labels", names[0],
        names[1], names[2], "templates", "simple");
    char *text = json_dumps(body, 0);
    for (int again = 0; again < 2; again++) { /* the second time the classifier is there already */
        json_t *answer = post("/v1/classify", text, 200);
        const json_t *one = json_array_get(json_object_get(answer, "data"), 0);
        const json_t *list = json_object_get(one, "predictions");
        assert_string_equal(json_string_value(json_object_get(answer, "score")), "softmax");
        assert_string_equal(json_string_value(json_object_get(one, "prediction")), names[best[0].label]);
        assert_int_equal(json_array_size(list), 3);
        for (size_t i = 0; i < 3; i++) {
            const json_t *prediction = json_array_get(list, i);
            assert_string_equal(
                json_string_value(json_object_get(prediction, "label")), names[best[i].label]);
            assert_true(fabs(json_number_value(json_object_get(prediction, "score")) -
                             (double)best[i].probability) < 1e-4);
            assert_true(fabs(json_number_value(json_object_get(prediction, "cosine")) -
                             (double)best[i].cosine) < 1e-5);
        }
        json_decref(answer);
    }
    classifier_free(classifier);
    strings_release(&labels);
    strings_release(&templates);
    json_decref(body);
    free(text);
    free(picture);
}

/* Without templates, the one that the command has too. */
static void there_is_a_template_by_default(void **state)
{
    (void)state;
    const char *const bodies[] = {"{\"input\": \"x\", \"labels\": [\"a\", \"b\"]}",
        "{\"input\": \"x\", \"labels\": [\"a\", \"b\"], \"templates\": \"a photo of a {}.\"}",
        "{\"input\": \"x\", \"labels\": [\"a\", \"b\"], \"templates\": \"{}\"}"};
    double cosines[3];
    for (size_t i = 0; i < 3; i++) {
        json_t *answer = post("/v1/classify", bodies[i], 200);
        const json_t *one = json_array_get(json_object_get(answer, "data"), 0);
        const json_t *best = json_array_get(json_object_get(one, "predictions"), 0);
        cosines[i] = json_number_value(json_object_get(best, "cosine"));
        json_decref(answer);
    }
    assert_true(fabs(cosines[0] - cosines[1]) < 1e-6);
    assert_true(fabs(cosines[0] - cosines[2]) > 1e-4);
}

/* The same labels give cosines, or shares that add up to 1, or each its own; below the threshold there is nothing. */
static void scores_are_what_is_asked_for(void **state)
{
    (void)state;
    static const char *const kinds[] = {"cosine", "softmax", "independent"};
    for (size_t i = 0; i < 3; i++) {
        json_t *answer = post_json("/v1/classify",
            json_pack("{s:s, s:[s, s, s], s:s}", "input", "a red heart", "labels", "heart", "star",
                "something", "scores", kinds[i]),
            200);
        const json_t *one = json_array_get(json_object_get(answer, "data"), 0);
        const json_t *list = json_object_get(one, "predictions");
        double sum = 0;
        assert_string_equal(json_string_value(json_object_get(answer, "score")), kinds[i]);
        for (size_t j = 0; j < 3; j++) {
            const json_t *prediction = json_array_get(list, j);
            const double score = json_number_value(json_object_get(prediction, "score"));
            sum += score;
            if (i == 0)
                assert_true(score == json_number_value(json_object_get(prediction, "cosine")));
            if (i == 2 && !strcmp(json_string_value(json_object_get(prediction, "label")), "something"))
                assert_float_equal(score, 0.5, 1e-3);
        }
        if (i == 1)
            assert_float_equal(sum, 1, 1e-5);
        json_decref(answer);
    }
    json_t *answer = post("/v1/classify",
        "{\"input\": \"x\", \"labels\": [\"a\", \"b\"], \"scores\": \"cosine\", \"threshold\": 1}", 200);
    const json_t *one = json_array_get(json_object_get(answer, "data"), 0);
    assert_int_equal(json_array_size(json_object_get(one, "predictions")), 0);
    assert_non_null(json_object_get(one, "prediction"));
    json_decref(answer);
}

/* A template that is a file's name is no template: no file of the server is read. */
static void templates_are_no_files(void **state)
{
    (void)state;
    json_t *answer = post("/v1/classify",
        "{\"input\": \"x\", \"labels\": [\"a\"], \"templates\": \"" DIPTYCH_ROOT
        "/assets/templates/simple.txt\"}",
        400);
    json_decref(answer);
}

static void refuse_prompts(json_t *labels, json_t *templates, const char *says)
{
    json_t *answer = post_json("/v1/classify",
        json_pack("{s:s, s:o, s:o}", "input", "x", "labels", labels, "templates", templates), 413);
    const char *message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
    if (!message || !strstr(message, says))
        fail_msg("'%s' is not in '%s'", says, message ? message : "");
    json_decref(answer);
}

static json_t *repeated(const char *text, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(text));
    return list;
}

/* A short body can stand for gigabytes of prompts. */
static void prompts_have_limits(void **state)
{
    (void)state;
    enum { LONG = 10000 };
    static char label[LONG + 2];
    memset(label, 'x', LONG + 1);
    refuse_prompts(json_string(label), json_string("{}"), "'labels' has a text of more than 10000 bytes");
    refuse_prompts(
        json_string("x"), json_sprintf("%s{}", label), "'templates' has a text of more than 10000 bytes");
    label[LONG] = '\0';
    refuse_prompts(
        json_string(label), repeated("{}", 14000), "all labels in all templates have more than 134217728");
    refuse_prompts(
        json_string("x"), repeated("imagenet", 251), "'templates' stands for more than 20000 texts");
}

static void captions_rank_by_probability(void **state)
{
    (void)state;
    char *picture = base64_file(served.paths[0]);
    json_t *body =
        json_pack("{s:s, s:[s, s, s]}", "image", picture, "captions", "a green dog", "a red heart", "zebra");
    char *text = json_dumps(body, 0);
    json_t *answer = post("/v1/rank", text, 200);
    const json_t *results = json_object_get(answer, "results");
    double sum = 0, before = 2;
    assert_string_equal(json_string_value(json_object_get(answer, "score")), "softmax");
    assert_int_equal(json_array_size(results), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *one = json_array_get(results, i);
        float caption[WIDTH], cosine = 0;
        encode_text(caption, json_string_value(json_object_get(one, "caption")));
        for (size_t e = 0; e < WIDTH; e++)
            cosine += caption[e] * served.pictures[0][e];
        const double probability = json_number_value(json_object_get(one, "probability"));
        assert_true(fabs(json_number_value(json_object_get(one, "cosine")) - (double)cosine) < 1e-5);
        assert_true(probability <= before);
        before = probability;
        sum += probability;
    }
    assert_true(fabs(sum - 1) < 1e-6);
    json_decref(answer);
    json_decref(body);
    free(text);
    free(picture);
}

/* ---- search -------------------------------------------------------------------------------------------- */

static json_int_t hit_id(const json_t *answer, size_t i)
{
    const json_t *hit = json_array_get(json_object_get(answer, "hits"), i);
    return json_integer_value(json_object_get(json_object_get(hit, "item"), "id"));
}

static double hit_score(const json_t *answer, size_t i)
{
    return json_number_value(json_object_get(json_array_get(json_object_get(answer, "hits"), i), "score"));
}

/* Scores are the cosines, and a page after another is the whole list. */
static void search_is_exact_page_by_page(void **state)
{
    (void)state;
    float query[WIDTH];
    encode_text(query, "a red heart");
    json_t *all = post("/v1/search", "{\"text\": \"a red heart\", \"kind\": \"image\"}", 200);
    assert_int_equal(json_array_size(json_object_get(all, "hits")), PICTURE_COUNT);
    assert_null(json_object_get(all, "cursor"));
    for (size_t i = 0; i < PICTURE_COUNT; i++) {
        double cosine = 0;
        for (size_t e = 0; e < WIDTH; e++)
            cosine += (double)query[e] * (double)served.pictures[hit_id(all, i) - 1][e];
        assert_true(fabs(hit_score(all, i) - cosine) < 1e-5);
        assert_true(!i || hit_score(all, i) <= hit_score(all, i - 1));
    }
    char body[256] = "{\"text\": \"a red heart\", \"kind\": \"image\", \"top\": 2}";
    for (size_t at = 0; at < PICTURE_COUNT; at += 2) {
        json_t *page = post("/v1/search", body, 200);
        assert_int_equal(json_array_size(json_object_get(page, "hits")), 2);
        assert_int_equal(hit_id(page, 0), hit_id(all, at));
        assert_int_equal(hit_id(page, 1), hit_id(all, at + 1));
        const char *cursor = json_string_value(json_object_get(page, "cursor"));
        assert_int_equal(cursor != NULL, at + 2 < PICTURE_COUNT);
        snprintf(body, sizeof body,
            "{\"text\": \"a red heart\", \"kind\": \"image\", \"top\": 2, \"cursor\": \"%s\"}",
            cursor ? cursor : "");
        json_decref(page);
    }
    json_decref(all);
}

static void filters_and_least_scores_hold(void **state)
{
    (void)state;
    json_t *odd = post("/v1/search", "{\"text\": \"star\", \"where\": \"metadata ->> 'odd'\"}", 200);
    assert_int_equal(json_array_size(json_object_get(odd, "hits")), PICTURE_COUNT / 2);
    assert_int_equal(json_integer_value(json_object_get(odd, "searched")), PICTURE_COUNT / 2);
    for (size_t i = 0; i < PICTURE_COUNT / 2; i++)
        assert_int_equal(hit_id(odd, i) % 2, 0);
    json_decref(odd);
    json_t *none = post("/v1/search", "{\"text\": \"star\", \"min_score\": 0.999}", 200);
    assert_int_equal(json_array_size(json_object_get(none, "hits")), 0);
    json_decref(none);
    json_t *one = post("/v1/search", "{\"text\": \"a red heart\", \"min_score\": 0.999}", 200);
    assert_int_equal(json_array_size(json_object_get(one, "hits")), 1); /* the text itself */
    json_decref(one);
}

/* "More like this, and less like that." */
static void items_are_terms(void **state)
{
    (void)state;
    json_t *like = post("/v1/search", "{\"terms\": [{\"id\": 3}]}", 200);
    assert_int_equal(hit_id(like, 0), 3);
    assert_true(fabs(hit_score(like, 0) - 1) < 1e-5);
    json_decref(like);

    float text[WIDTH], sum[WIDTH];
    double square = 0, cosine = 0;
    encode_text(text, "a red heart");
    for (size_t e = 0; e < WIDTH; e++) {
        sum[e] = 2 * text[e] - 0.5f * served.pictures[4][e];
        square += (double)sum[e] * (double)sum[e];
    }
    json_t *mixed = post("/v1/search",
        "{\"terms\": [{\"id\": 5, \"weight\": -0.5}, {\"text\": \"a red heart\", \"weight\": 2}], \"kind\": "
        "\"image\"}",
        200);
    for (size_t e = 0; e < WIDTH; e++)
        cosine += (double)sum[e] / sqrt(square) * (double)served.pictures[hit_id(mixed, 0) - 1][e];
    assert_true(fabs(hit_score(mixed, 0) - cosine) < 1e-5);
    json_decref(mixed);
    json_decref(post("/v1/search", "{\"terms\": [{\"id\": 3}, {\"id\": 3, \"weight\": -1}]}", 400));
    json_decref(post("/v1/search", "{\"terms\": [{\"id\": 999}]}", 404));
}

static void keep_preparation(const char *preparation)
{
    struct err err;
    struct index *index;
    assert_int_equal(index_open(&index, INDEX, INDEX_WRITE, NULL, &err), 0);
    assert_int_equal(index_keep_preparation(index, preparation, &err), 0);
    index_free(index);
}

/* A picture that looks for others is prepared as those of the index were. */
static void queries_are_prepared_as_the_index(void **state)
{
    (void)state;
    const char *path = DIPTYCH_ROOT "/tests/golden/preprocess/rgba.png";
    char *picture = base64_file(path);
    json_t *body = json_pack("{s:s, s:s}", "image", picture, "kind", "image");
    char *text = json_dumps(body, 0);
    double scores[2];
    for (int i = 0; i < 2; i++) {
        const enum alpha_rule alpha = i ? ALPHA_BLACK : ALPHA_WHITE;
        float query[WIDTH];
        encode_picture(query, path, alpha);
        keep_preparation(alpha_names[alpha]);
        json_t *answer = post("/v1/search", text, 200);
        double cosine = 0;
        for (size_t e = 0; e < WIDTH; e++)
            cosine += (double)query[e] * (double)served.pictures[hit_id(answer, 0) - 1][e];
        scores[i] = hit_score(answer, 0);
        assert_true(fabs(scores[i] - cosine) < 1e-5);
        json_decref(answer);
    }
    assert_true(fabs(scores[0] - scores[1]) > 1e-3);
    keep_preparation("model");
    json_decref(body);
    free(text);
    free(picture);
}

/* Another process adds to the index: the next search finds it. */
static void what_others_add_is_found(void **state)
{
    (void)state;
    struct err err;
    struct index *index;
    float embedding[WIDTH];
    encode_text(embedding, "quite another thing");
    assert_int_equal(index_open(&index, INDEX, INDEX_WRITE, NULL, &err), 0);
    struct index_item item = {.kind = INDEX_TEXT, .caption = "quite another thing"};
    assert_int_equal(index_add(index, &item, embedding, 1, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    json_t *found =
        post("/v1/search", "{\"text\": \"quite another thing\", \"kind\": \"text\", \"top\": 1}", 200);
    assert_int_equal(hit_id(found, 0), item.id);
    assert_true(fabs(hit_score(found, 0) - 1) < 1e-5);
    json_decref(found);
    assert_int_equal(index_remove(index, item.id, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    index_free(index);
    found = post("/v1/search", "{\"text\": \"quite another thing\", \"kind\": \"text\", \"top\": 1}", 200);
    assert_int_not_equal(hit_id(found, 0), item.id);
    json_decref(found);
}

/* ---- items --------------------------------------------------------------------------------------------- */

static struct answer get(const char *path, const char *headers)
{
    return client_once(served.port, "GET", path, headers, NULL);
}

static void an_items_file_comes_whole_and_in_parts(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        int status;
        size_t first, size;
    } ranges[] = {{"bytes=0-9", 206, 0, 10}, {"bytes=5-", 206, 5, SIZE_MAX}, {"bytes=-7", 206, SIZE_MAX, 7},
        {"bytes=3-999999999", 206, 3, SIZE_MAX}, {"bytes=999999999-", 416, 0, 0},
        {"bytes=9-3", 200, 0, SIZE_MAX}, {"bytes=0-1,4-5", 200, 0, SIZE_MAX}, {"lines=1-2", 200, 0, SIZE_MAX},
        {"bytes=-", 200, 0, SIZE_MAX}};
    struct err err;
    char *bytes, header[128], text[128];
    size_t size;
    assert_int_equal(file_read(&bytes, &size, served.paths[2], 1 << 24, &err), 0);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        snprintf(header, sizeof header, "Range: %s\r\n", ranges[i].range);
        struct answer answer = get("/v1/items/3/image", header);
        const size_t first = ranges[i].first == SIZE_MAX ? size - ranges[i].size : ranges[i].first;
        const size_t expected = ranges[i].size == SIZE_MAX ? size - first : ranges[i].size;
        assert_int_equal(answer.status, ranges[i].status);
        assert_int_equal(answer.size, expected);
        assert_memory_equal(answer.body, bytes + first, expected);
        if (answer.status != 416)
            assert_string_equal(answer_header(&answer, "Content-Type", text, sizeof text), "image/jpeg");
        answer_release(&answer);
    }
    free(bytes);
}

static void a_known_tag_needs_no_body(void **state)
{
    (void)state;
    char tag[128], header[256];
    static const char *const paths[] = {"/v1/items/1/image", "/v1/items/1/thumbnail?edge=32"};
    for (size_t i = 0; i < 2; i++) {
        struct answer answer = get(paths[i], NULL);
        assert_int_equal(answer.status, 200);
        snprintf(
            header, sizeof header, "If-None-Match: %s\r\n", answer_header(&answer, "ETag", tag, sizeof tag));
        answer_release(&answer);
        answer = get(paths[i], header);
        assert_int_equal(answer.status, 304);
        assert_int_equal(answer.size, 0);
        answer_release(&answer);
    }
}

static void thumbnails_fit(void **state)
{
    (void)state;
    struct err err;
    struct picture picture;
    struct answer answer = get("/v1/items/3/thumbnail?edge=40", NULL);
    assert_int_equal(answer.status, 200);
    assert_int_equal(picture_decode(&picture, (uint8_t *)answer.body, answer.size, NULL, &err), 0);
    assert_true(picture.width <= 40 && picture.height <= 40);
    assert_true(picture.width == 40 || picture.height == 40);
    picture_release(&picture);
    answer_release(&answer);
}

/* A link in the place of a picture leads to a file that is none of the index's. */
static void swapped_links_lead_nowhere(void **state)
{
    (void)state;
    const char *path = served.paths[5];
    char kept[4200];
    snprintf(kept, sizeof kept, "%s.kept", path);
    assert_int_equal(rename(path, kept), 0);
    struct answer answer = get("/v1/items/6/image", NULL);
    assert_int_equal(answer.status, 404);
    answer_release(&answer);
    assert_int_equal(symlink(MODEL "/config.json", path), 0);
    answer = get("/v1/items/6/image", NULL);
    assert_int_equal(answer.status, 404);
    answer_release(&answer);
    assert_int_equal(unlink(path), 0);

    /* The same where a folder on the way is the link. */
    assert_int_equal(rename(kept, path), 0);
    assert_int_equal(rename(PICTURES, DIPTYCH_SCRATCH "/elsewhere"), 0);
    assert_int_equal(symlink(DIPTYCH_SCRATCH "/elsewhere", PICTURES), 0);
    answer = get("/v1/items/6/image", NULL);
    assert_int_equal(answer.status, 404);
    answer_release(&answer);
    assert_int_equal(unlink(PICTURES), 0);
    assert_int_equal(rename(DIPTYCH_SCRATCH "/elsewhere", PICTURES), 0);
    answer = get("/v1/items/6/image", NULL);
    assert_int_equal(answer.status, 200);
    answer_release(&answer);
}

/* ---- what it says of itself ---------------------------------------------------------------------------- */

static void metrics_count_requests(void **state)
{
    (void)state;
    struct answer before = get("/metrics", NULL);
    json_decref(post("/v1/embeddings", "{\"input\": \"x\"}", 200));
    struct answer after = get("/metrics", NULL);
    const char *line = "diptych_requests_total{method=\"POST\",route=\"/v1/embeddings\",status=\"2xx\"} ";
    const char *a = strstr(before.body, line), *b = strstr(after.body, line);
    assert_true(a && b);
    assert_int_equal(atoi(b + strlen(line)), atoi(a + strlen(line)) + 1);
    assert_non_null(strstr(after.body, "diptych_batches_total{kind=\"texts\"}"));
    answer_release(&before);
    answer_release(&after);
}

#ifdef DIPTYCH_JPEG_TURBO
/* A request with a picture in place of %s that has lost a restart interval. */
static json_t *ask_with_damage(const char *path, const char *body)
{
    static const char damaged[] = DIPTYCH_SCRATCH "/damaged.jpg";
    char *bytes, *base64, text[8192];
    size_t size;
    assert_int_equal(
        file_read(&bytes, &size, DIPTYCH_ROOT "/tests/golden/jpeg_damage/blocks.jpg", 1 << 20, NULL), 0);
    FILE *file = fopen(damaged, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, 770, file), 770);
    assert_int_equal(fwrite(bytes + 908, 1, size - 908, file), size - 908);
    assert_int_equal(fclose(file), 0);
    free(bytes);
    base64 = base64_file(damaged);
    snprintf(text, sizeof text, body, base64);
    free(base64);
    return post(path, text, 200);
}

static void damaged_pictures_have_a_warning(void **state)
{
    static const char warning[] = "JPEG: found marker 0xd3 instead of RST1, after byte 772, and more (3)";
    static const struct {
        const char *path, *body;
        bool in_list; /* of the answer: its first object says so, not the answer itself */
    } requests[] = {
        {"/v1/classify", "{\"input\": [{\"image\": \"%s\"}], \"labels\": [\"heart\", \"star\"]}", true},
        {"/v1/embeddings", "{\"input\": [{\"image\": \"%s\"}, {\"text\": \"a star\"}]}", true},
        {"/v1/rank", "{\"image\": \"%s\", \"captions\": [\"a red heart\", \"a star\"]}", false},
        {"/v1/search", "{\"image\": \"%s\"}", false},
        {"/v1/search", "{\"terms\": [{\"image\": \"%s\"}, {\"id\": 1}, {\"text\": \"a star\"}]}", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        json_t *answer = ask_with_damage(requests[i].path, requests[i].body);
        const json_t *data = json_object_get(answer, "data");
        const json_t *object = requests[i].in_list ? json_array_get(data, 0) : answer;
        assert_string_equal(json_string_value(json_object_get(object, "warning")), warning);
        assert_null(json_object_get(json_array_get(data, 1), "warning"));
        json_decref(answer);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_the_models_embeddings),
        cmocka_unit_test(one_text_is_a_list_of_one),
        cmocka_unit_test(base64_is_the_same_numbers),
        cmocka_unit_test(ids_are_a_text),
        cmocka_unit_test(pictures_and_texts_mix),
        cmocka_unit_test(labels_rank_as_in_the_library),
        cmocka_unit_test(there_is_a_template_by_default),
        cmocka_unit_test(scores_are_what_is_asked_for),
        cmocka_unit_test(templates_are_no_files),
        cmocka_unit_test(prompts_have_limits),
        cmocka_unit_test(captions_rank_by_probability),
        cmocka_unit_test(search_is_exact_page_by_page),
        cmocka_unit_test(filters_and_least_scores_hold),
        cmocka_unit_test(items_are_terms),
        cmocka_unit_test(queries_are_prepared_as_the_index),
        cmocka_unit_test(what_others_add_is_found),
        cmocka_unit_test(an_items_file_comes_whole_and_in_parts),
        cmocka_unit_test(a_known_tag_needs_no_body),
        cmocka_unit_test(thumbnails_fit),
        cmocka_unit_test(swapped_links_lead_nowhere),
        cmocka_unit_test(metrics_count_requests),
#ifdef DIPTYCH_JPEG_TURBO
        cmocka_unit_test(damaged_pictures_have_a_warning),
#endif
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
