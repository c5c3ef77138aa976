// SPDX-License-Identifier: Apache-2.0
/* Downloads from a hub on this machine (server.h), with all that can go wrong on the way. */
#include "joint/hub/hub.h"
#include "tests/joint/hub/server.h"

#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CACHE DIPTYCH_SCRATCH "/hub"
#define FOLDER CACHE "/models--some--model"
#define SNAPSHOT FOLDER "/snapshots/1111111111111111111111111111111111111111"

enum { LARGE = 300000 };
static char weights[LARGE];
static const char config[] = "{\"model_type\": \"clip\"}", tokenizer[] = "{\"model\": {\"type\": \"BPE\"}}";

/* ---- the hub, the cache, what pull is told and does ------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void begin(struct server *server)
{
    nftw(CACHE, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < LARGE; i++)
        weights[i] = (char)(random_at(1, i) & 0xff);
    *server = (struct server){.repo = "some/model"};
    server_add(server, "config.json", config, strlen(config), false);
    server_add(server, "README.md", "# Some model", 12, false);
    server_add(server, "tokenizer.json", tokenizer, strlen(tokenizer), false);
    server_add(server, "pytorch_model.bin", "pickle", 6, true);
    server_add(server, "model.safetensors", weights, LARGE, true);
    setenv("HF_HUB_CACHE", CACHE, 1);
    setenv("no_proxy", "*", 1);
    static const char *const others[] = {"HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "http_proxy"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        unsetenv(others[i]);
    setenv("HF_HOME", DIPTYCH_SCRATCH "/home", 1);
}

static void start(struct server *server)
{
    char endpoint[64];
    assert_true(server_start(server));
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", server->ports[0]);
    setenv("HF_ENDPOINT", endpoint, 1);
}

/* What waiting took, had it been waited for. */
struct waits {
    double seconds[64];
    size_t count;
};

static void note_wait(void *context, double seconds)
{
    struct waits *waits = context;
    if (waits && waits->count < sizeof waits->seconds / sizeof *waits->seconds)
        waits->seconds[waits->count++] = seconds;
}

static int pull_watched(
    struct hub_pulled *out, const char *text, struct waits *waits, const struct job *job, struct err *err)
{
    const struct hub_options options = {.wait = note_wait, .context = waits};
    struct arena arena = {0};
    struct hub_name name;
    struct hub_pulled pulled;
    int rc = hub_name_parse(&name, text, &arena, err);
    if (!rc)
        rc = hub_pull(out ? out : &pulled, &name, &options, &arena, job, err);
    arena_release(&arena);
    return rc;
}

static int pull(const char *text, struct err *err)
{
    return pull_watched(NULL, text, NULL, NULL, err);
}

static bool found(const char *text)
{
    struct arena arena = {0};
    struct hub_name name;
    const char *directory;
    assert_int_equal(hub_name_parse(&name, text, &arena, NULL), 0);
    const bool is = !hub_find(&directory, &name, &arena, NULL);
    arena_release(&arena);
    return is;
}

static void expect_file(const char *path, const char *bytes, size_t size)
{
    char *text;
    size_t length;
    assert_int_equal(file_read(&text, &length, path, 1 << 24, NULL), 0);
    assert_int_equal(length, size);
    assert_memory_equal(text, bytes, size);
    free(text);
}

static void expect_text(const struct err *err, const char *text)
{
    if (!strstr(err->msg, text))
        fail_msg("no '%s' in '%s'", text, err->msg);
}

static void expect_whole(void)
{
    assert_true(found("some/model"));
    expect_file(SNAPSHOT "/config.json", config, strlen(config));
    expect_file(SNAPSHOT "/model.safetensors", weights, LARGE);
}

/* ---- what goes well ------------------------------------------------------------------------------------ */

/* Only what is needed, as links to blobs by their checksums; the revision's name; and nothing the second time. */
static void test_normal(void **state)
{
    (void)state;
    struct server server;
    struct hub_pulled pulled;
    struct err err = {0};
    char target[256] = "";
    begin(&server);
    server.page = 2; /* and the list has three pages */
    start(&server);
    assert_int_equal(pull_watched(&pulled, "some/model", NULL, NULL, &err), 0);
    assert_int_equal(pulled.files, 3);
    assert_int_equal(pulled.received, strlen(config) + strlen(tokenizer) + LARGE);
    assert_int_equal(pulled.size, pulled.received);
    expect_whole();
    assert_false(file_exists(SNAPSHOT "/README.md"));
    assert_false(file_exists(SNAPSHOT "/pytorch_model.bin"));
    expect_file(FOLDER "/refs/main", server_commit, strlen(server_commit));
    assert_true(readlink(SNAPSHOT "/model.safetensors", target, sizeof target - 1) > 0);
    assert_string_equal(target + strlen("../../blobs/"), server.files[4].sha256);
    assert_true(file_exists(CACHE "/CACHEDIR.TAG"));

    const int blobs = server.blobs;
    assert_int_equal(pull_watched(&pulled, "some/model@v1", NULL, NULL, &err), 0);
    assert_int_equal(pulled.received, 0); /* another commit, the same blobs */
    assert_int_equal(server.blobs, blobs);
    assert_true(found("some/model@v1"));
    assert_int_equal(pull("some/model@refs/pr/1", &err), 0);
    expect_file(FOLDER "/refs/refs/pr/1", server_commit_of_v1, 40);
    assert_int_equal(pull("some/model@1111111111111111111111111111111111111111", &err), 0);
    assert_false(file_exists(FOLDER "/refs/1111111111111111111111111111111111111111"));
    server_stop(&server);
}

/* The token goes to the hub, and not to the other port, which is no hub. */
static void test_token(void **state)
{
    (void)state;
    struct server server;
    struct err err = {0};
    begin(&server);
    server.token = "hf_secret";
    start(&server);
    assert_int_equal(pull("some/model", &err), ERR_NOT_FOUND);
    expect_text(&err, "HF_TOKEN");
    setenv("HF_TOKEN", " hf_secret\n", 1);
    assert_int_equal(pull("some/model", &err), 0);
    assert_false(server.token_away);
    expect_whole();
    setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", 1);
    assert_int_equal(pull("some/model", &err), ERR_NOT_FOUND);
    unsetenv("HF_HUB_DISABLE_IMPLICIT_TOKEN");
    setenv("HF_TOKEN", "two\1words", 1);
    assert_int_equal(pull("some/model", &err), ERR_ARGUMENT);
    unsetenv("HF_TOKEN");

    FILE *file = fopen(DIPTYCH_SCRATCH "/token", "w");
    fputs("hf_secret\n", file);
    fclose(file);
    setenv("HF_TOKEN_PATH", DIPTYCH_SCRATCH "/token", 1);
    assert_int_equal(pull("some/model", &err), 0);
    assert_false(server.token_away);
    server_stop(&server);
}

/* A repository that has another name now answers for its old one, which the cache knows it by. */
static void test_renamed(void **state)
{
    (void)state;
    struct server server;
    struct err err = {0};
    begin(&server);
    server.renamed = "old/name";
    server.token = "hf_secret";
    setenv("HF_TOKEN", "hf_secret", 1);
    start(&server);
    assert_int_equal(pull("old/name", &err), 0);
    assert_true(found("old/name"));
    assert_false(server.token_away);
    server_stop(&server);
}

/* As curl has it: all but the other port through a proxy, the hub too, which has no address here. */
static void test_proxy(void **state)
{
    (void)state;
    struct server server;
    struct err err = {0};
    begin(&server);
    server.token = "hf_secret";
    setenv("HF_TOKEN", "hf_secret", 1);
    start(&server);
    setenv("http_proxy", getenv("HF_ENDPOINT"), 1);
    setenv("no_proxy", "127.0.0.1", 1);
    setenv("HF_ENDPOINT", "http://hub.invalid/", 1);
    assert_int_equal(pull("some/model", &err), 0);
    assert_int_equal(
        server.proxied, 2 + 3 + 2); /* two answers, the metadata of three files, two small ones */
    assert_false(server.token_away);
    expect_whole();
    server_stop(&server);
}

static void test_compressed(void **state)
{
    (void)state;
    struct server server;
    struct err err = {0};
    begin(&server);
    server.gzip = true;
    start(&server);
    assert_int_equal(pull("some/model", &err), 0);
    expect_whole();
    server_stop(&server);
}

/* open_clip's files where there are such, by the names that open_clip has for the repository, and shards. */
static void test_layouts(void **state)
{
    (void)state;
    struct server server;
    struct hub_pulled pulled;
    struct err err = {0};
    static const char index[] =
        "{\"weight_map\": {\"a\": \"model-1.safetensors\", \"b\": \"model-2.safetensors\", \"c\": "
        "\"model-1.safetensors\"}}";
    begin(&server);
    server.repo = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K";
    server_add(&server, "open_clip_config.json", "{}", 2, false);
    server_add(&server, "open_clip_model.safetensors", weights, 1000, true);
    start(&server);
    assert_int_equal(pull_watched(&pulled, "ViT-B-32/laion2b_s34b_b79k", NULL, NULL, &err), 0);
    assert_int_equal(pulled.size, 2 + strlen(tokenizer) + 1000);
    assert_true(found("laion/CLIP-ViT-B-32-laion2B-s34B-b79K") && found("ViT-B-32__laion2b_s34b_b79k"));
    server_stop(&server);

    begin(&server);
    server.file_count = 3;
    server_add(&server, "model.safetensors.index.json", index, strlen(index), false);
    server_add(&server, "model-1.safetensors", weights, 2000, true);
    server_add(&server, "model-2.safetensors", weights + 2000, 2000, true);
    start(&server);
    assert_int_equal(pull("some/model", &err), 0);
    expect_file(SNAPSHOT "/model-2.safetensors", weights + 2000, 2000);
    assert_true(found("some/model"));
    unlink(SNAPSHOT "/model-2.safetensors");
    assert_false(found("some/model"));
    server_stop(&server);
}

/* OpenAI's vocabulary is a tokenizer, too. */
static void test_vocabulary(void **state)
{
    (void)state;
    struct server server;
    struct err err = {0};
    begin(&server);
    server.file_count = 2;
    server_add(&server, "bpe_simple_vocab_16e6.txt.gz", "merges", 6, true);
    server_add(&server, "model.safetensors", weights, 1000, true);
    start(&server);
    assert_int_equal(pull("some/model", &err), 0);
    expect_file(SNAPSHOT "/bpe_simple_vocab_16e6.txt.gz", "merges", 6);
    assert_true(found("some/model"));
    server_stop(&server);
}

/* ---- what goes wrong and is mended ---------------------------------------------------------------------- */

static void test_retries(void **state)
{
    (void)state;
    struct server server;
    struct err err = {0};
    struct waits waits = {.count = 0};
    begin(&server);
    server.fail_on = "resolve", server.fail_status = 429, server.fails = 2, server.retry_after = "7";
    start(&server);
    assert_int_equal(pull_watched(NULL, "some/model", &waits, NULL, &err), 0);
    assert_int_equal(waits.count, 2);
    assert_true(waits.seconds[0] == 7 && waits.seconds[1] == 7);

    waits.count = 0; /* a date is not understood, and waited for as if it was not there */
    server.fail_on = "revision", server.fail_status = 503, server.fails = 5,
    server.retry_after = "Sat, 28 Nov 2026";
    assert_int_equal(pull_watched(NULL, "some/model", &waits, NULL, &err), 0);
    assert_int_equal(waits.count, 5);
    static const double expected[] = {1, 2, 4, 8, 8};
    assert_memory_equal(waits.seconds, expected, sizeof expected);

    waits.count = 0;
    server.fails = 6;
    assert_int_equal(pull_watched(NULL, "some/model", &waits, NULL, &err), ERR_IO);
    assert_int_equal(waits.count, 5);
    expect_text(&err, "503");

    waits.count = 0;
    server.fails = 1, server.retry_after = "3600";
    assert_int_equal(pull_watched(NULL, "some/model", &waits, NULL, &err), ERR_IO);
    assert_int_equal(waits.count, 0);
    expect_text(&err, "3600 seconds");

    server.fails = 1, server.fail_status = 400, server.retry_after = NULL;
    assert_int_equal(pull_watched(NULL, "some/model", &waits, NULL, &err), ERR_IO);
    assert_int_equal(waits.count, 0);
    server_stop(&server);
}

/* Cut again and again, it asks for the rest; each cut brings some, so that none is the last try. */
static void test_cut(void **state)
{
    (void)state;
    struct server server;
    struct hub_pulled pulled;
    struct err err = {0};
    begin(&server);
    server.cut_at = LARGE / 20, server.cuts = 9;
    start(&server);
    assert_int_equal(pull_watched(&pulled, "some/model", NULL, NULL, &err), 0);
    expect_whole();
    assert_int_equal(server.blobs, 10);
    assert_string_equal(server.last_range, "bytes=135000-");
    assert_int_equal(pulled.received, pulled.size);
    server_stop(&server);

    begin(&server);
    server.cut_at = 1000, server.cuts = 1, server.no_ranges = true;
    start(&server);
    assert_int_equal(pull("some/model", &err), 0);
    expect_whole();
    assert_int_equal(server.blobs, 2);
    server_stop(&server);
}

/* What a pull has left that was cut after so many bytes; behind the last of the file comes the first again. */
static void leave_incomplete(const struct server *server, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "/blobs/%s.incomplete", server->files[4].sha256);
    assert_int_equal(mkdir(CACHE, 0777) | mkdir(FOLDER, 0777) | mkdir(FOLDER "/blobs", 0777), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        fputc(weights[i % LARGE], file);
    fclose(file);
}

/* What an earlier pull left goes on, even if it is longer than it can be. */
static void test_resumed(void **state)
{
    (void)state;
    struct server server;
    struct hub_pulled pulled;
    struct err err = {0};
    begin(&server);
    start(&server);
    leave_incomplete(&server, 200000);
    assert_int_equal(pull_watched(&pulled, "some/model", NULL, NULL, &err), 0);
    assert_string_equal(server.last_range, "bytes=200000-");
    assert_int_equal(pulled.received, pulled.size - 200000);
    expect_whole();
    server_stop(&server);

    begin(&server);
    start(&server);
    leave_incomplete(&server, LARGE); /* nothing is left to come */
    assert_int_equal(pull_watched(&pulled, "some/model", NULL, NULL, &err), 0);
    assert_int_equal(pulled.received, pulled.size - LARGE);
    assert_int_equal(server.blobs, 0);
    expect_whole();

    nftw(CACHE, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    leave_incomplete(&server, LARGE + 10);
    assert_int_equal(pull("some/model", &err), 0);
    expect_whole();

    nftw(CACHE, remove_one, 8, FTW_DEPTH | FTW_PHYS); /* more than the server has, which says 416 */
    leave_incomplete(&server, LARGE - 1);
    server.longer = -5;
    assert_int_equal(pull("some/model", &err), ERR_FORMAT);
    expect_text(&err, "299995 bytes came of 300000");
    server_stop(&server);
}

/* A blob that was cut since it came is not taken for the whole. */
static void test_cut_blob(void **state)
{
    (void)state;
    struct server server;
    struct hub_pulled pulled;
    struct err err = {0};
    char path[512];
    begin(&server);
    start(&server);
    assert_int_equal(pull("some/model", &err), 0);
    snprintf(path, sizeof path, FOLDER "/blobs/%s", server.files[4].sha256);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(pull_watched(&pulled, "some/model", NULL, NULL, &err), 0);
    assert_int_equal(pulled.received, LARGE);
    assert_int_equal(server.blobs, 2);
    expect_whole();
    server_stop(&server);
}

/* A disk needs room for the rest only: what is here of a file of 900 GB, which takes no blocks, is not asked for. */
static void test_room_for_the_rest(void **state)
{
    (void)state;
    static const char checksum[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const uint64_t size = 900000000000;
    struct server server;
    struct err err = {0};
    char list[512], path[512];
    begin(&server);
    snprintf(list, sizeof list,
        "[{\"type\":\"file\",\"path\":\"config.json\",\"size\":%zu}, "
        "{\"type\":\"file\",\"path\":\"model.safetensors\",\"size\":%llu,\"lfs\":{\"oid\":\"%s\"}}, "
        "{\"type\":\"file\",\"path\":\"tokenizer.json\",\"size\":%zu}]",
        strlen(config), (unsigned long long)size, checksum, strlen(tokenizer));
    server.list = list;
    start(&server);
    assert_int_equal(pull("some/model", &err), ERR_LIMIT);
    expect_text(&err, "MB left in");
    static const char *const ends[] = {".incomplete", ""};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, FOLDER "/blobs/%s%s", checksum, ends[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        if (ftruncate(fileno(file), (off_t)(size - 1)))
            skip(); /* a file system without files so large */
        fclose(file);
        assert_int_equal(pull("some/model", &err), ERR_FORMAT);
        expect_text(&err, "the hub lists 900000000000 bytes");
        unlink(path);
    }
    server_stop(&server);
}

/* ---- what goes wrong, in one line ----------------------------------------------------------------------- */

/* No model is found after it, and the next pull, with nothing wrong, brings it. */
static void expect_mended(struct server *server)
{
    struct err err = {0};
    assert_false(found("some/model"));
    assert_false(file_exists(FOLDER "/refs/main"));
    server->alters = server->gated = server->missing = false;
    server->longer = server->fails = 0;
    server->list = NULL;
    if (pull("some/model", &err))
        fail_msg("%s", err.msg);
    expect_whole();
}

static void test_refused(void **state)
{
    (void)state;
    struct server server;
    struct err err = {0};
    begin(&server);
    start(&server);
    server.gated = true;
    assert_int_equal(pull("some/model", &err), ERR_NOT_FOUND);
    expect_text(&err, "'some/model' is gated: agree to its licence at http://127.0.0.1");
    expect_text(&err, "/some/model, and set HF_TOKEN");
    server.gated = false, server.missing = true;
    assert_int_equal(pull("some/model", &err), ERR_NOT_FOUND);
    expect_text(&err, "has no repository 'some/model', or it is private");
    server.missing = false;
    assert_int_equal(pull("some/model@v9", &err), ERR_NOT_FOUND);
    assert_string_equal(err.msg, "'some/model' has no revision 'v9'");
    server.fails = 1, server.fail_on = "resolve", server.fail_status = 404;
    assert_int_equal(pull("some/model", &err), ERR_NOT_FOUND);
    server.fails = 1, server.fail_on = "blob", server.fail_status = 403; /* an address that has expired */
    assert_int_equal(pull("some/model", &err), ERR_IO);
    assert_string_equal(
        err.msg, "cannot download 'model.safetensors' of 'some/model': the server that keeps it answers 403");
    server.fails = 1, server.fail_status = 404;
    assert_int_equal(pull("some/model", &err), ERR_IO);
    expect_mended(&server);
    server_stop(&server);

    assert_int_equal(pull("some/model", &err), ERR_IO); /* nobody there, after five more tries */
    setenv("HF_HUB_OFFLINE", "yes", 1);
    assert_int_equal(pull("some/model", &err), ERR_ARGUMENT);
    unsetenv("HF_HUB_OFFLINE");
    setenv("TRANSFORMERS_OFFLINE", "1", 1);
    assert_int_equal(pull("some/model", &err), ERR_ARGUMENT);
    expect_text(&err, "OFFLINE is set");
    unsetenv("TRANSFORMERS_OFFLINE");
    setenv("HF_ENDPOINT", "ftp://127.0.0.1", 1);
    assert_int_equal(pull("some/model", &err), ERR_ARGUMENT);
    assert_int_equal(pull("ViTamin-S/datacomp1b", &err), ERR_ARGUMENT);
}

static void test_wrong_bytes(void **state)
{
    (void)state;
    struct server server;
    struct err err = {0};
    begin(&server);
    server.alters = true;
    start(&server);
    assert_int_equal(pull("some/model", &err), ERR_FORMAT);
    expect_text(&err, "its checksum is ");
    expect_text(&err, server.files[4].sha256);
    expect_mended(&server);
    server_stop(&server);

    begin(&server);
    server.longer = 5;
    start(&server);
    assert_int_equal(pull("some/model", &err), ERR_FORMAT);
    expect_text(&err, "more comes than the 300000 bytes");
    expect_mended(&server);
    server_stop(&server);

    begin(&server);
    server.longer = -5;
    start(&server);
    assert_int_equal(pull("some/model", &err), ERR_FORMAT);
    expect_text(&err, "299995 bytes came of 300000");
    expect_mended(&server);
    server_stop(&server);
}

/* Names and sizes of a hub are not to be trusted. */
static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        int rc;
        const char *text;
    } cases[] = {
        {"{}", ERR_FORMAT, "has no list"},
        {"[", ERR_FORMAT, "unable to parse"},
        {"[]", ERR_UNSUPPORTED, "has no configuration"},
        {"[{\"type\":\"file\",\"path\":\"../config.json\",\"size\":2}]", ERR_UNSUPPORTED,
            "has no configuration"},
        {"[{\"type\":\"file\",\"path\":\"config.json\",\"size\":2}]", ERR_UNSUPPORTED, "has no weights"},
        {"[{\"type\":\"file\",\"path\":\"config.json\",\"size\":2}, "
         "{\"type\":\"file\",\"path\":\"model.safetensors\",\"size\":2}]",
            ERR_UNSUPPORTED, "has no tokenizer"},
        {"[{\"type\":\"file\",\"path\":\"config.json\",\"size\":99}, "
         "{\"type\":\"file\",\"path\":\"model.safetensors\",\"size\":2}, "
         "{\"type\":\"file\",\"path\":\"tokenizer.json\",\"size\":2}]",
            ERR_FORMAT, "the hub lists 99 bytes"},
        {"[{\"type\":\"file\",\"path\":\"config.json\",\"size\":22}, "
         "{\"type\":\"file\",\"path\":\"model.safetensors\",\"size\":1000000000000000000}, "
         "{\"type\":\"file\",\"path\":\"tokenizer.json\",\"size\":26}]",
            ERR_LIMIT, "MB left in"},
        {"[{\"type\":\"file\",\"path\":\"config.json\",\"size\":9223372036854775807}, "
         "{\"type\":\"file\",\"path\":\"model.safetensors\",\"size\":2}, "
         "{\"type\":\"file\",\"path\":\"tokenizer.json\",\"size\":2}]",
            ERR_LIMIT, "has 9223372036854775807 bytes"},
    };
    struct server server;
    begin(&server);
    start(&server);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        server.list = cases[i].list;
        if (pull("some/model", &err) != cases[i].rc)
            fail_msg("%s: %s", cases[i].list, err.msg);
        expect_text(&err, cases[i].text);
    }
    expect_mended(&server);
    server_stop(&server);
}

/* An index may name only what lies beside it. */
static void test_shard_names(void **state)
{
    (void)state;
    static const char *const indices[][2] = {
        {"{\"weight_map\": {\"a\": \"../model.safetensors\"}}", "names no file beside it"},
        {"{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "names no file beside it"},
        {"{\"weight_map\": {\"a\": \"x/model.safetensors\"}}", "names no file beside it"},
        {"{\"weight_map\": {\"a\": \".hidden\"}}", "names no file beside it"},
        {"{\"weight_map\": {\"a\": 1}}", "names no file beside it"},
        {"{\"weight_map\": {}}", "'weight_map' is missing"},
        {"{\"weight_map\": {\"a\": \"model-9.safetensors\"}}", "has no 'model-9.safetensors'"},
    };
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
        struct server server;
        struct err err = {0};
        begin(&server);
        server.file_count = 3;
        server_add(&server, "model.safetensors.index.json", indices[i][0], strlen(indices[i][0]), false);
        start(&server);
        assert_int_equal(pull("some/model", &err), ERR_FORMAT);
        expect_text(&err, indices[i][1]);
        assert_false(found("some/model"));
        server_stop(&server);
    }
}

/* A disk that takes no more, as a limit on files stands for it. */
static void test_full_disk(void **state)
{
    (void)state;
    struct server server;
    struct hub_pulled pulled;
    struct err err = {0};
    struct rlimit before, small;
    begin(&server);
    start(&server);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 150000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const int rc = pull("some/model", &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(rc, ERR_IO);
    expect_text(&err, "unable to write '" CACHE);
    assert_false(found("some/model"));
    assert_int_equal(pull_watched(&pulled, "some/model", NULL, NULL, &err), 0);
    assert_int_equal(pulled.received, LARGE - 150000);
    expect_whole();
    server_stop(&server);
}

/* ---- ends, and two at once ------------------------------------------------------------------------------ */

/* A job that ends the work while the hub keeps it waiting for a large file, the n-th time. */
struct ending {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int left;
    bool ends, ended;
};

static int end_when(void *context, const char *unit, size_t done, size_t total)
{
    struct ending *ending = context;
    assert_non_null(unit);
    assert_true(!total || done <= total);
    pthread_mutex_lock(&ending->lock);
    ending->ended = ending->ends;
    pthread_cond_broadcast(&ending->changed);
    pthread_mutex_unlock(&ending->lock);
    return ending->ended;
}

static void keep_until_ended(void *context)
{
    struct ending *ending = context;
    pthread_mutex_lock(&ending->lock);
    ending->ends = --ending->left == 0;
    while (ending->ends && !ending->ended)
        pthread_cond_wait(&ending->changed, &ending->lock);
    pthread_mutex_unlock(&ending->lock);
}

static void test_cancelled(void **state)
{
    (void)state;
    struct server server;
    struct ending ending = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 2, false, false};
    const struct job job = {.step = end_when, .context = &ending};
    struct hub_pulled pulled;
    struct err err = {0};
    begin(&server);
    server.cut_at = 100000, server.cuts = 1, server.on_blob = keep_until_ended, server.context = &ending;
    start(&server);
    assert_int_equal(pull_watched(NULL, "some/model", NULL, &job, &err), ERR_CANCELLED);
    assert_false(found("some/model"));
    pthread_mutex_lock(&ending.lock);
    ending.ends = ending.ended = false;
    pthread_mutex_unlock(&ending.lock);
    assert_int_equal(pull_watched(&pulled, "some/model", NULL, &job, &err), 0);
    assert_int_equal(pulled.received, LARGE - 100000);
    expect_whole();
    server_stop(&server);
}

/* Both end well, and it came once. The first is held while it downloads until the second waits for it. */
struct pair {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool sending, waiting;
};

static void hold_until_waiting(void *context)
{
    struct pair *pair = context;
    pthread_mutex_lock(&pair->lock);
    pair->sending = true;
    pthread_cond_broadcast(&pair->changed);
    while (!pair->waiting)
        pthread_cond_wait(&pair->changed, &pair->lock);
    pthread_mutex_unlock(&pair->lock);
}

static void tell_waiting(void *context, double seconds)
{
    struct pair *pair = context;
    (void)seconds;
    pthread_mutex_lock(&pair->lock);
    pair->waiting = true;
    pthread_cond_broadcast(&pair->changed);
    pthread_mutex_unlock(&pair->lock);
    usleep(1000);
}

static void *pull_first(void *context)
{
    *(int *)context = pull("some/model", NULL);
    return NULL;
}

static void test_two_at_once(void **state)
{
    (void)state;
    struct server server;
    struct pair pair = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    const struct hub_options options = {.wait = tell_waiting, .context = &pair};
    struct arena arena = {0};
    struct hub_pulled pulled;
    struct hub_name name;
    struct err err = {0};
    pthread_t thread;
    int first = -1;
    begin(&server);
    server.on_blob = hold_until_waiting, server.context = &pair;
    start(&server);
    pthread_create(&thread, NULL, pull_first, &first);
    pthread_mutex_lock(&pair.lock);
    while (!pair.sending)
        pthread_cond_wait(&pair.changed, &pair.lock);
    pthread_mutex_unlock(&pair.lock);
    assert_int_equal(hub_name_parse(&name, "some/model", &arena, &err), 0);
    assert_int_equal(hub_pull(&pulled, &name, &options, &arena, NULL, &err), 0);
    pthread_join(thread, NULL);
    assert_int_equal(first, 0);
    assert_int_equal(pulled.received, 0);
    assert_int_equal(server.blobs, 1);
    expect_whole();
    arena_release(&arena);
    server_stop(&server);
}

/* What cannot run is known before its weights come. */
static int refuse(void *context, const char *directory, struct err *err)
{
    char path[1024];
    (void)context;
    snprintf(path, sizeof path, "%s/config.json", directory);
    assert_true(file_exists(path));
    return err_set(err, ERR_UNSUPPORTED, "not this one");
}

static void test_check(void **state)
{
    (void)state;
    struct server server;
    const struct hub_options options = {.check = refuse};
    struct arena arena = {0};
    struct hub_pulled pulled;
    struct hub_name name;
    struct err err = {0};
    begin(&server);
    start(&server);
    assert_int_equal(hub_name_parse(&name, "some/model", &arena, &err), 0);
    assert_int_equal(hub_pull(&pulled, &name, &options, &arena, NULL, &err), ERR_UNSUPPORTED);
    assert_int_equal(server.blobs, 0);
    arena_release(&arena);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_vocabulary),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_cut_blob),
        cmocka_unit_test(test_room_for_the_rest),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_wrong_bytes),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_shard_names),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
