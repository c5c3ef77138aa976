// SPDX-License-Identifier: Apache-2.0
/* The wire shapes of other services, against the library's answers. */
#include "tests/service/served.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void expect_text(const json_t *list, const char *text)
{
    float got[WIDTH], expected[WIDTH];
    read_vector(got, list);
    encode_text(expected, text);
    expect_close(got, expected, text);
}

static void expect_picture(const json_t *list, size_t i)
{
    float got[WIDTH];
    read_vector(got, list);
    expect_close(got, served.pictures[i], served.paths[i]);
}

static double cosine(const float *a, const float *b)
{
    double sum = 0;
    for (size_t e = 0; e < WIDTH; e++)
        sum += (double)a[e] * (double)b[e];
    return sum;
}

/* "data:image/png;base64,..." of a picture of the index. */
static json_t *data_uri(size_t i)
{
    char *text = base64_file(served.paths[i]);
    json_t *uri = json_sprintf("data:image/png;base64,%s", text);
    free(text);
    return uri;
}

static json_t *at(const json_t *value, const char *name)
{
    json_t *found = json_object_get(value, name);
    if (!found)
        fail_msg("there is no '%s'", name);
    return found;
}

/* ---- vLLM ---------------------------------------------------------------------------------------------- */

static json_t *first_embedding(const json_t *answer)
{
    return at(json_array_get(at(answer, "data"), 0), "embedding");
}

static void messages_are_inputs(void **state)
{
    (void)state;
    json_t *answer = post_json("/v1/embeddings",
        json_pack("{s:s, s:[{s:s, s:[{s:s, s:{s:o}}]}], s:s, s:i}", "model", "model", "messages", "role",
            "user", "content", "type", "image_url", "image_url", "url", data_uri(1), "encoding_format",
            "float", "truncate_prompt_tokens", -1),
        200);
    expect_picture(first_embedding(answer), 1);
    assert_memory_equal(json_string_value(at(answer, "id")), "embd-", 5);
    assert_true(json_integer_value(at(answer, "created")) > 1700000000);
    assert_string_equal(json_string_value(at(answer, "object")), "list");
    json_decref(answer);

    answer = post("/v1/embeddings",
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a red "
        "heart\"}]}]}",
        200);
    expect_text(first_embedding(answer), "a red heart");
    json_decref(answer);
    answer =
        post("/v1/embeddings", "{\"messages\": [{\"role\": \"user\", \"content\": \"a red heart\"}]}", 200);
    expect_text(first_embedding(answer), "a red heart");
    json_decref(answer);
}

static void messages_have_one_content(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{\"messages\": []}",
        "{\"messages\": \"x\"}",
        "{\"messages\": [{\"role\": \"user\"}]}",
        "{\"messages\": [{\"content\": \"a\"}, {\"content\": \"b\"}]}",
        "{\"messages\": [{\"content\": [{\"type\": \"text\", \"text\": \"a\"}, {\"type\": \"text\", "
        "\"text\": \"b\"}]}]}",
        "{\"messages\": [{\"content\": [{\"type\": \"audio\", \"audio\": \"a\"}]}]}",
        "{\"messages\": [{\"content\": [{\"type\": \"text\", \"text\": 5}]}]}",
        "{\"messages\": [{\"content\": [{\"type\": \"image_url\", \"image_url\": {\"url\": "
        "\"http://x/y.png\"}}]}]}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        json_decref(post("/v1/embeddings", wrong[i], 400));
}

/* ---- TEI ----------------------------------------------------------------------------------------------- */

static void tei_embeds_lists(void **state)
{
    (void)state;
    json_t *answer =
        post("/embed", "{\"inputs\": \"a red heart\", \"unknown\": 1, \"truncate\": false}", 200);
    assert_int_equal(json_array_size(answer), 1);
    expect_text(json_array_get(answer, 0), "a red heart");
    json_decref(answer);
    answer = post("/embed", "{\"inputs\": [\"a red heart\", \"zebra\"], \"normalize\": true}", 200);
    assert_int_equal(json_array_size(answer), 2);
    expect_text(json_array_get(answer, 1), "zebra");
    json_decref(answer);
}

static void tei_errors_are_teis(void **state)
{
    (void)state;
    static const char *const wrong[] = {"{}", "{\"inputs\": []}", "{\"inputs\": \"\"}", "{\"inputs\": 5}",
        "{\"inputs\": \"a\", \"normalize\": false}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *answer = post("/embed", wrong[i], 422);
        assert_string_equal(json_string_value(at(answer, "error_type")), "Validation");
        assert_non_null(json_string_value(at(answer, "error")));
        json_decref(answer);
    }
}

static void tei_cuts_only_where_it_may(void **state)
{
    (void)state;
    char text[2048] = "a";
    for (int i = 0; i < 200; i++)
        strcat(text, " heart");
    json_decref(post_json("/embed", json_pack("{s:s}", "inputs", text), 200));
    json_decref(post_json("/embed", json_pack("{s:s, s:b}", "inputs", text, "truncate", 1), 200));
    json_t *answer = post_json("/embed", json_pack("{s:s, s:b}", "inputs", text, "truncate", 0), 422);
    assert_non_null(strstr(json_string_value(at(answer, "error")), "tokens"));
    json_decref(answer);
}

static void tei_reranks(void **state)
{
    (void)state;
    static const char *const texts[] = {"zebra", "a red heart", "a heart, red"};
    float query[WIDTH], text[WIDTH];
    encode_text(query, "red heart");
    for (int raw = 0; raw < 2; raw++) {
        double before = 2;
        json_t *answer = post_json("/rerank",
            json_pack("{s:s, s:[s, s, s], s:b, s:b}", "query", "red heart", "texts", texts[0], texts[1],
                texts[2], "raw_scores", raw, "return_text", raw),
            200);
        assert_int_equal(json_array_size(answer), 3);
        for (size_t i = 0; i < 3; i++) {
            const json_t *one = json_array_get(answer, i);
            const size_t index = (size_t)json_integer_value(at(one, "index"));
            const double score = json_number_value(at(one, "score"));
            encode_text(text, texts[index]);
            const double expected = raw ? cosine(query, text) : (1 + cosine(query, text)) / 2;
            assert_true(fabs(score - expected) < 1e-5);
            assert_true(score <= before);
            before = score;
            if (raw)
                assert_string_equal(json_string_value(at(one, "text")), texts[index]);
            else
                assert_null(json_object_get(one, "text"));
        }
        json_decref(answer);
    }
    json_decref(post("/rerank", "{\"query\": \"a\"}", 422));
    json_decref(post("/rerank", "{\"texts\": [\"a\"]}", 422));
}

static void tei_info_has_what_clients_read(void **state)
{
    (void)state;
    struct answer got = client_once(served.port, "GET", "/info", NULL, NULL);
    assert_int_equal(got.status, 200);
    json_t *answer = json_loads(got.body, 0, NULL);
    assert_string_equal(json_string_value(at(answer, "model_id")), "model");
    assert_string_equal(json_string_value(at(answer, "model_dtype")), "float32");
    assert_int_equal(
        json_integer_value(at(answer, "max_input_length")), model_config(served.model)->text.context);
    assert_non_null(at(at(at(answer, "model_type"), "embedding"), "pooling"));
    json_decref(answer);
    answer_release(&got);
}

/* ---- immich -------------------------------------------------------------------------------------------- */

#define BOUNDARY "----formdata-undici-012345678901"

/* The request as immich's server sends it, by the FormData of Node: an image where `bytes` is not NULL, else a text. */
static struct answer predict(const char *entries, const char *text, const char *bytes, size_t size)
{
    char *body = NULL, *request = NULL;
    size_t body_size, request_size;
    FILE *out = open_memstream(&body, &body_size);
    if (entries)
        fprintf(
            out, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"entries\"\r\n\r\n%s\r\n", entries);
    if (bytes) {
        fprintf(out, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"image\"; filename=\"blob\"\r\n"
                     "Content-Type: application/octet-stream\r\n\r\n");
        fwrite(bytes, 1, size, out);
        fprintf(out, "\r\n");
    }
    if (text)
        fprintf(out, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n%s\r\n", text);
    fprintf(out, "--" BOUNDARY "--\r\n");
    fclose(out);
    out = open_memstream(&request, &request_size);
    fprintf(out,
        "POST /predict HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive\r\n"
        "content-type: multipart/form-data; boundary=" BOUNDARY "\r\naccept: */*\r\n"
        "accept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\n"
        "accept-encoding: gzip, deflate\r\ncontent-length: %zu\r\n\r\n",
        body_size);
    fwrite(body, 1, body_size, out);
    fclose(out);
    const int fd = client_connect(served.port);
    client_send(fd, request, request_size);
    struct answer answer = client_read(fd);
    char coding[32];
    if (answer_header(&answer, "Content-Encoding", coding, sizeof coding))
        answer_inflate(&answer);
    close(fd);
    free(body);
    free(request);
    return answer;
}

/* Releases the answer. */
static json_t *parsed(struct answer answer, int status)
{
    if (answer.status != status)
        fail_msg("%d, expected %d: %s", answer.status, status, answer.body);
    json_t *value = json_loads(answer.body, 0, NULL);
    assert_non_null(value);
    answer_release(&answer);
    return value;
}

#define VISUAL "{\"clip\":{\"visual\":{\"modelName\":\"model\",\"options\":{}}}}"
#define TEXTUAL "{\"clip\":{\"textual\":{\"modelName\":\"model\",\"options\":{\"language\":\"en\"}}}}"

static json_t *clip_of(const json_t *answer)
{
    json_t *list = json_loads(json_string_value(at(answer, "clip")), 0, NULL);
    assert_non_null(list);
    return list;
}

static void immich_gets_an_array_in_a_string(void **state)
{
    (void)state;
    struct err err;
    char *bytes;
    size_t size;
    assert_int_equal(file_read(&bytes, &size, served.paths[2], 1 << 24, &err), 0);
    struct picture picture;
    assert_int_equal(picture_read(&picture, picture_file(served.paths[2]), NULL, &err), 0);
    json_t *answer = parsed(predict(VISUAL, NULL, bytes, size), 200), *clip = clip_of(answer);
    expect_picture(clip, 2);
    assert_int_equal(json_integer_value(at(answer, "imageHeight")), picture.height);
    assert_int_equal(json_integer_value(at(answer, "imageWidth")), picture.width);
    assert_int_equal(json_object_size(answer), 3);
    picture_release(&picture);
    json_decref(clip);
    json_decref(answer);
    free(bytes);

    answer = parsed(predict(TEXTUAL, "a red heart", NULL, 0), 200), clip = clip_of(answer);
    expect_text(clip, "a red heart");
    assert_int_equal(json_object_size(answer), 1);
    json_decref(clip);
    json_decref(answer);
}

static void immich_is_refused_as_fastapi_does(void **state)
{
    (void)state;
    static const struct {
        const char *entries, *text;
        int status;
    } cases[] = {
        {NULL, "a", 422},
        {"no JSON", "a", 422},
        {"{}", "a", 422},
        {"{\"clip\":{}}", "a", 422},
        {"{\"clip\":{\"textual\":{}}}", "a", 422},
        {TEXTUAL, NULL, 400},
        {VISUAL, "a", 400},
        {TEXTUAL, "", 400},
        {"{\"clip\":{\"textual\":{\"modelName\":\"ViT-B-32__openai\"}}}", "a", 404},
        {"{\"clip\":{\"textual\":{\"modelName\":\"what is it\"}}}", "a", 404},
        {"{\"facial-recognition\":{\"detection\":{\"modelName\":\"buffalo_l\"}}}", "a", 404},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *answer = parsed(predict(cases[i].entries, cases[i].text, NULL, 0), cases[i].status);
        assert_non_null(json_string_value(at(answer, "detail")));
        json_decref(answer);
    }
    json_decref(parsed(predict(VISUAL, NULL, "no picture", 10), 422));
    json_decref(post("/predict", "{}", 415));
}

static void immich_pings(void **state)
{
    (void)state;
    struct answer answer = client_once(served.port, "GET", "/ping", NULL, NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "pong");
    answer_release(&answer);
}

/* ---- clip-retrieval ------------------------------------------------------------------------------------ */

/* Its client sends JSON without saying so, and all fields, most of them null. */
static json_t *knn(json_t *body, int status)
{
    assert_non_null(body);
    char *text = json_dumps(body, 0);
    const int fd = client_connect(served.port);
    const struct answer answer = client_ask(fd, "POST", "/knn-service", NULL, text);
    close(fd);
    free(text);
    json_decref(body);
    return parsed(answer, status);
}

static json_t *knn_text(const char *text, int images, int ids)
{
    return json_pack("{s:s, s:n, s:n, s:n, s:s, s:i, s:i, s:s, s:b, s:b, s:b, s:i, s:f}", "text", text,
        "image", "image_url", "embedding_input", "modality", "image", "num_images", images, "num_result_ids",
        ids, "indice_name", "pictures", "use_mclip", 0, "use_safety_model", 1, "use_violence_detector", 1,
        "aesthetic_score", 9, "aesthetic_weight", 0.5);
}

static void knn_knows_all_of_the_first_images(void **state)
{
    (void)state;
    float query[WIDTH];
    double before = 2;
    encode_text(query, "a red heart");
    json_t *answer = knn(knn_text("a red heart", 2, 5), 200);
    assert_int_equal(json_array_size(answer), 5);
    for (size_t i = 0; i < 5; i++) {
        const json_t *one = json_array_get(answer, i);
        const size_t id = (size_t)json_integer_value(at(one, "id"));
        const double similarity = json_number_value(at(one, "similarity"));
        assert_in_range(id, 1, PICTURE_COUNT); /* pictures only: the text comes behind them */
        assert_true(fabs(similarity - cosine(query, served.pictures[id - 1])) < 1e-5);
        assert_true(similarity <= before);
        before = similarity;
        const json_t *path = json_object_get(one, "image_path");
        assert_int_equal(path != NULL, i < 2);
        if (path)
            assert_string_equal(json_string_value(path), served.paths[id - 1]);
        assert_int_equal(json_object_get(one, "odd") != NULL, i < 2 && id % 2 == 0);
    }
    json_decref(answer);
}

static void knn_searches_by_pictures_and_vectors(void **state)
{
    (void)state;
    char *picture = base64_file(served.paths[3]);
    json_t *answer = knn(json_pack("{s:s, s:s, s:i, s:s}", "image", picture, "modality", "image",
                             "num_images", 1, "indice_name", "pictures"),
        200);
    assert_int_equal(json_array_size(answer), 1);
    assert_int_equal(json_integer_value(at(json_array_get(answer, 0), "id")), 4);
    json_decref(answer);
    free(picture);

    json_t *twice = json_array();
    for (size_t e = 0; e < WIDTH; e++)
        json_array_append_new(twice, json_real(2 * served.pictures[3][e]));
    answer = knn(json_pack("{s:o, s:s, s:i, s:n}", "embedding_input", twice, "modality", "image",
                     "num_images", 1, "indice_name"),
        200);
    assert_int_equal(json_integer_value(at(json_array_get(answer, 0), "id")), 4);
    assert_true(fabs(json_number_value(at(json_array_get(answer, 0), "similarity")) - 2) < 1e-5);
    json_decref(answer);

    answer = knn(json_pack("{s:s, s:s, s:i, s:s}", "text", "a red heart", "modality", "text", "num_images", 9,
                     "indice_name", "pictures"),
        200);
    assert_int_equal(json_array_size(answer), 1);
    assert_string_equal(json_string_value(at(json_array_get(answer, 0), "caption")), "a red heart");
    json_decref(answer);
}

/* A chain of copies, each above 0.94 of the next only, keeps its best hit alone, where that is asked for. Last of the
 * tests: the index has more pictures afterwards. */
static void knn_drops_chains_of_copies(void **state)
{
    (void)state;
    enum { LINKS = 3 };
    struct err err;
    struct index *index;
    float links[LINKS][WIDTH] = {{0}};
    assert_int_equal(index_open(&index, INDEX, INDEX_WRITE, NULL, &err), 0);
    for (size_t i = 0; i < LINKS; i++) { /* 15 degrees apart: 0.966, and 0.866 from end to end */
        static const float cosines[LINKS] = {1, 0.9659258F, 0.8660254F}, sines[LINKS] = {0, 0.2588190F, 0.5F};
        struct index_item item = {.kind = INDEX_IMAGE, .path = (const char *[]){"/a", "/b", "/c"}[i]};
        links[i][0] = cosines[i];
        links[i][1] = sines[i];
        assert_int_equal(index_add(index, &item, links[i], 1, &err), 0);
    }
    assert_int_equal(index_commit(index, &err), 0);
    index_free(index);
    for (int deduplicate = 0; deduplicate < 2; deduplicate++) {
        json_t *query = json_array();
        for (size_t e = 0; e < WIDTH; e++)
            json_array_append_new(query, json_real(links[0][e]));
        json_t *answer = knn(json_pack("{s:o, s:s, s:i, s:n, s:b}", "embedding_input", query, "modality",
                                 "image", "num_images", 9, "indice_name", "deduplicate", deduplicate),
            200);
        assert_int_equal(json_array_size(answer), PICTURE_COUNT + (deduplicate ? 1 : LINKS));
        assert_string_equal(json_string_value(at(json_array_get(answer, 0), "image_path")), "/a");
        json_decref(answer);
    }
}

static void knn_needs_what_the_original_needs(void **state)
{
    (void)state;
    static const char *const needed[] = {"modality", "num_images", "indice_name", "text"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        json_t *body = knn_text("a", 1, 1);
        json_object_del(body, needed[i]);
        json_t *answer = knn(body, 400);
        assert_non_null(strstr(json_string_value(at(answer, "message")), needed[i]));
        json_decref(answer);
    }
    json_t *body = knn_text("a", 1, 1);
    json_object_set_new(body, "indice_name", json_string("none"));
    json_decref(knn(body, 404));
    body = knn_text("", 1, 1);
    json_object_set_new(body, "image_url", json_string("http://localhost/a.png"));
    json_decref(knn(body, 400));
    body = knn_text("", 1, 1);
    json_object_set_new(body, "embedding_input", json_pack("[i, i]", 1, 2));
    json_decref(knn(body, 400));
}

static void knn_says_what_it_has(void **state)
{
    (void)state;
    json_t *names = parsed(client_once(served.port, "GET", "/indices-list", NULL, NULL), 200);
    assert_int_equal(json_array_size(names), 1);
    assert_string_equal(json_string_value(json_array_get(names, 0)), "pictures");
    json_decref(names);
    json_t *answer = post("/metadata", "{\"indice_name\": \"pictures\", \"ids\": [2, 7]}", 200);
    assert_int_equal(json_array_size(answer), 2);
    const json_t *picture = json_array_get(answer, 0), *text = json_array_get(answer, 1);
    assert_int_equal(json_integer_value(at(picture, "id")), 2);
    assert_string_equal(json_string_value(at(at(picture, "metadata"), "image_path")), served.paths[1]);
    assert_string_equal(json_string_value(at(at(text, "metadata"), "caption")), "a red heart");
    json_decref(answer);
    json_decref(post("/metadata", "{\"indice_name\": \"pictures\", \"ids\": [99]}", 404));
    json_decref(post("/metadata", "{\"indice_name\": \"pictures\"}", 400));
}

/* ---- Cohere, Voyage, Weaviate -------------------------------------------------------------------------- */

/* Bits of an embedding as numpy.packbits(v >= 0) has them. */
static void expect_bits(const json_t *list, const float *vector, int offset)
{
    assert_int_equal(json_array_size(list), WIDTH / 8);
    for (size_t e = 0; e < WIDTH; e++) {
        const json_int_t byte = json_integer_value(json_array_get(list, e / 8)) - offset;
        assert_int_equal(byte >> (7 - e % 8) & 1, vector[e] >= 0);
    }
}

static void cohere_gets_all_types(void **state)
{
    (void)state;
    float expected[WIDTH];
    encode_text(expected, "zebra");
    json_t *answer = post("/v2/embed",
        "{\"model\": \"model\", \"input_type\": \"search_query\", \"texts\": [\"a red heart\", \"zebra\"],"
        " \"embedding_types\": [\"float\", \"base64\", \"binary\", \"ubinary\"], \"unknown\": 1}",
        200);
    const json_t *embeddings = at(answer, "embeddings");
    expect_text(json_array_get(at(embeddings, "float"), 0), "a red heart");
    expect_text(json_array_get(at(embeddings, "float"), 1), "zebra");
    expect_bits(json_array_get(at(embeddings, "binary"), 1), expected, -128);
    expect_bits(json_array_get(at(embeddings, "ubinary"), 1), expected, 0);
    assert_int_equal(
        strlen(json_string_value(json_array_get(at(embeddings, "base64"), 1))), (4 * WIDTH + 2) / 3 * 4);
    assert_int_equal(json_array_size(at(answer, "texts")), 2);
    const json_t *units = at(at(answer, "meta"), "billed_units");
    assert_true(json_integer_value(at(units, "input_tokens")) > 0);
    assert_int_equal(json_integer_value(at(units, "image_tokens")), 0);
    assert_string_equal(json_string_value(at(answer, "response_type")), "embeddings_by_type");
    json_decref(answer);
}

static void cohere_takes_images_and_inputs(void **state)
{
    (void)state;
    json_t *answer = post_json("/v2/embed", json_pack("{s:[o], s:n}", "images", data_uri(1), "texts"), 200);
    expect_picture(json_array_get(at(at(answer, "embeddings"), "float"), 0), 1);
    const json_t *units = at(at(answer, "meta"), "billed_units");
    assert_true(json_integer_value(at(units, "image_tokens")) > 0);
    assert_int_equal(json_integer_value(at(units, "input_tokens")), 0);
    json_decref(answer);
    answer = post_json("/v2/embed",
        json_pack("{s:[{s:[{s:s, s:s}]}, {s:[{s:s, s:{s:o}}]}]}", "inputs", "content", "type", "text", "text",
            "a red heart", "content", "type", "image_url", "image_url", "url", data_uri(2)),
        200);
    expect_text(json_array_get(at(at(answer, "embeddings"), "float"), 0), "a red heart");
    expect_picture(json_array_get(at(at(answer, "embeddings"), "float"), 1), 2);
    json_decref(answer);
    static const char *const wrong[] = {
        "{\"texts\": []}",
        "{\"texts\": \"a\"}",
        "{\"texts\": [\"a\"], \"images\": []}",
        "{\"texts\": [\"a\"], \"embedding_types\": [\"int8\"]}",
        "{\"texts\": [\"a\"], \"embedding_types\": []}",
        "{\"texts\": [\"a\"], \"output_dimension\": 8}",
        "{\"texts\": [\"a\"], \"truncate\": \"START\"}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        answer = post("/v2/embed", wrong[i], 400);
        assert_non_null(json_string_value(at(answer, "message")));
        json_decref(answer);
    }
}

static void voyage_counts_pixels(void **state)
{
    (void)state;
    struct err err;
    struct picture picture;
    assert_int_equal(picture_read(&picture, picture_file(served.paths[0]), NULL, &err), 0);
    json_t *answer = post_json("/v1/multimodalembeddings",
        json_pack("{s:[{s:[{s:s, s:o}]}, {s:[{s:s, s:s}]}], s:s, s:n}", "inputs", "content", "type",
            "image_base64", "image_base64", data_uri(0), "content", "type", "text", "text", "zebra", "model",
            "model", "output_encoding"),
        200);
    expect_picture(first_embedding(answer), 0);
    expect_text(at(json_array_get(at(answer, "data"), 1), "embedding"), "zebra");
    assert_int_equal(
        json_integer_value(at(at(answer, "usage"), "image_pixels")), picture.width * picture.height);
    assert_true(json_integer_value(at(at(answer, "usage"), "text_tokens")) >= 3);
    picture_release(&picture);
    json_decref(answer);
    json_decref(post("/v1/multimodalembeddings", "{\"inputs\": [\"a\"]}", 400));
}

static void weaviate_gets_both_lists(void **state)
{
    (void)state;
    char *picture = base64_file(served.paths[4]);
    json_t *answer = post_json("/vectorize",
        json_pack("{s:[s, s], s:[s]}", "texts", "a red heart", "zebra", "images", picture), 200);
    assert_int_equal(json_array_size(at(answer, "textVectors")), 2);
    expect_text(json_array_get(at(answer, "textVectors"), 1), "zebra");
    expect_picture(json_array_get(at(answer, "imageVectors"), 0), 4);
    json_decref(answer);
    answer = post_json("/vectorize", json_pack("{s:n, s:[s]}", "texts", "images", picture), 200);
    assert_int_equal(json_array_size(at(answer, "textVectors")), 0);
    expect_picture(json_array_get(at(answer, "imageVectors"), 0), 4);
    json_decref(answer);
    free(picture);
    answer = post("/vectorize", "{\"images\": [\"no picture\"]}", 400);
    assert_non_null(json_string_value(at(answer, "error")));
    json_decref(answer);
    json_decref(
        post("/vectorize", "{\"texts\": [1, 2, 3]}", 400)); /* the ids of one text are no list of texts */
    json_decref(post("/vectorize", "{\"texts\": [\"a\"], \"images\": {}}", 400));
    json_t *many = json_array();
    for (int i = 0; i < 1025; i++)
        json_array_append_new(many, json_string("a"));
    json_decref(post_json("/vectorize", json_pack("{s:o}", "texts", many), 413));
    json_decref(post("/v2/embed", "{\"texts\": [1, 2, 3]}", 400));
    json_decref(post("/rerank", "{\"query\": \"a\", \"texts\": [1, 2, 3]}", 422));
    static const char *const states[] = {"/.well-known/live", "/.well-known/ready"};
    for (size_t i = 0; i < 2; i++) {
        struct answer state_answer = client_once(served.port, "GET", states[i], NULL, NULL);
        assert_int_equal(state_answer.status, 204);
        answer_release(&state_answer);
    }
}

/* ---- Hugging Face -------------------------------------------------------------------------------------- */

static void zero_shot_is_a_sorted_list(void **state)
{
    (void)state;
    struct err err;
    struct strings labels = {0}, templates = {0};
    struct classifier *classifier;
    struct prediction best[3];
    static const char *const names[] = {"star", "heart", "circle"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(strings_add(&labels, names[i], strlen(names[i]), &err), 0);
    assert_int_equal(template_add(&templates, "This is a photo of {}.", &err), 0);
    assert_int_equal(
        classifier_open(&classifier, served.encoder, &labels, &templates, LABEL_SCORES_OF_MODEL, NULL, &err),
        0);
    classifier_rank(classifier, best, 3, served.pictures[1]);
    char *picture = base64_file(served.paths[1]);
    json_t *answer = post_json("/",
        json_pack("{s:s, s:{s:[s, s, s], s:n}}", "inputs", picture, "parameters", "candidate_labels",
            names[0], names[1], names[2], "hypothesis_template"),
        200);
    assert_int_equal(json_array_size(answer), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *one = json_array_get(answer, i);
        assert_string_equal(json_string_value(at(one, "label")), names[best[i].label]);
        assert_true(fabs(json_number_value(at(one, "score")) - (double)best[i].probability) < 1e-4);
    }
    json_decref(answer);
    json_decref(post_json("/", json_pack("{s:s}", "inputs", picture), 400));
    free(picture);
    classifier_free(classifier);
    strings_release(&labels);
    strings_release(&templates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_inputs),
        cmocka_unit_test(messages_have_one_content),
        cmocka_unit_test(tei_embeds_lists),
        cmocka_unit_test(tei_errors_are_teis),
        cmocka_unit_test(tei_cuts_only_where_it_may),
        cmocka_unit_test(tei_reranks),
        cmocka_unit_test(tei_info_has_what_clients_read),
        cmocka_unit_test(immich_gets_an_array_in_a_string),
        cmocka_unit_test(immich_is_refused_as_fastapi_does),
        cmocka_unit_test(immich_pings),
        cmocka_unit_test(knn_knows_all_of_the_first_images),
        cmocka_unit_test(knn_searches_by_pictures_and_vectors),
        cmocka_unit_test(knn_needs_what_the_original_needs),
        cmocka_unit_test(knn_says_what_it_has),
        cmocka_unit_test(cohere_gets_all_types),
        cmocka_unit_test(cohere_takes_images_and_inputs),
        cmocka_unit_test(voyage_counts_pixels),
        cmocka_unit_test(weaviate_gets_both_lists),
        cmocka_unit_test(zero_shot_is_a_sorted_list),
        cmocka_unit_test(knn_drops_chains_of_copies),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
