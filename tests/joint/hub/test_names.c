// SPDX-License-Identifier: Apache-2.0
/* What names mean, and where they are looked for; nothing here asks a hub. */
#include "joint/hub/hub.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ONE "1111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222"
#define CACHE DIPTYCH_SCRATCH "/hub"
#define FOLDER CACHE "/models--some--model"

/* ---- names --------------------------------------------------------------------------------------------- */

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *repo, *revision, *kind;
    } cases[] = {
        {"ViT-B-32/laion2b_s34b_b79k", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "main", NULL},
        {"ViT-B-32/laion2b-s34B-b79K", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "main", NULL},
        {"ViT-B-32__openai", "timm/vit_base_patch32_clip_224.openai", "main", NULL},
        {"ViT-L-14-336__openai@v1", "timm/vit_large_patch14_clip_336.openai", "v1", NULL},
        {"ViT-SO400M-16-SigLIP2-384__webli", "timm/ViT-SO400M-16-SigLIP2-384", "main", NULL},
        {"RN50/openai", "timm/resnet50_clip.openai", "main", "a CLIP with a ResNet, made of convolutions"},
        {"openai/clip-vit-base-patch32", "openai/clip-vit-base-patch32", "main", NULL},
        {"openai/clip-vit-base-patch32@refs/pr/3", "openai/clip-vit-base-patch32", "refs/pr/3", NULL},
        {"hf-hub:timm/ViT-B-16-SigLIP@" ONE, "timm/ViT-B-16-SigLIP", ONE, NULL},
        {"hf-hub:gpt2", "gpt2", "main", NULL},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct hub_name name;
        if (hub_name_parse(&name, cases[i].text, &arena, &err))
            fail_msg("%s", err.msg);
        assert_string_equal(name.repo, cases[i].repo);
        assert_string_equal(name.revision, cases[i].revision);
        assert_true(!name.kind == !cases[i].kind);
        if (name.kind)
            assert_string_equal(name.kind, cases[i].kind);
    }
    arena_release(&arena);
}

static void test_no_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        const char *message;
    } cases[] = {
        {"ViT-B-32", ERR_NOT_FOUND, "did you mean 'ViT-B-32/openai', "},
        {"ViT-L-14/openia", ERR_NOT_FOUND, "did you mean 'ViT-L-14/openai'"},
        {"vit-b-16/dfn2b", ERR_NOT_FOUND, "did you mean 'ViT-B-16/dfn2b'"},
        {"nothing", ERR_NOT_FOUND, "which are written ORGANISATION/NAME"},
        {"a/b/c", ERR_NOT_FOUND, NULL},
        {"../up", ERR_NOT_FOUND, NULL},
        {"a/..", ERR_NOT_FOUND, NULL},
        {"a/.b", ERR_NOT_FOUND, NULL},
        {"a//b", ERR_NOT_FOUND, NULL},
        {"/a", ERR_NOT_FOUND, NULL},
        {"a/", ERR_NOT_FOUND, NULL},
        {"a/b--c", ERR_NOT_FOUND, NULL},
        {"a/b..c", ERR_NOT_FOUND, NULL},
        {"a/b.git", ERR_NOT_FOUND, NULL},
        {"a/b c", ERR_NOT_FOUND, NULL},
        {"", ERR_NOT_FOUND, NULL},
        {"a/"
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456",
            ERR_NOT_FOUND, NULL},
        {"a/b@", ERR_ARGUMENT, "can be no revision"},
        {"a/b@../../etc", ERR_ARGUMENT, NULL},
        {"a/b@x/../y", ERR_ARGUMENT, NULL},
        {"a/b@/x", ERR_ARGUMENT, NULL},
        {"a/b@x\ny", ERR_ARGUMENT, NULL},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct hub_name name;
        if (hub_name_parse(&name, cases[i].text, &arena, &err) != cases[i].rc)
            fail_msg("'%s': %d, expected %d", cases[i].text, (int)err.code, cases[i].rc);
        if (cases[i].message && !strstr(err.msg, cases[i].message))
            fail_msg("no '%s' in '%s'", cases[i].message, err.msg);
    }
    arena_release(&arena);
}

/* Every name of the table is one, and its repository too. */
static void test_table(void **state)
{
    (void)state;
    struct strings lines = {0};
    size_t names = 0, run = 0;
    assert_int_equal(lines_read(&lines, DIPTYCH_ROOT "/assets/names/open_clip.tsv", 1 << 20, NULL), 0);
    for (size_t i = 0; i < lines.count; i++) {
        char architecture[64], tag[64], repo[128], text[160];
        struct arena arena = {0};
        struct hub_name name, same;
        if (lines.items[i][0] == '#')
            continue;
        assert_int_equal(sscanf(lines.items[i], "%63s %63s %127s", architecture, tag, repo), 3);
        snprintf(text, sizeof text, "%s__%s", architecture, tag);
        assert_int_equal(hub_name_parse(&name, text, &arena, NULL), 0);
        assert_string_equal(name.repo, repo);
        assert_int_equal(hub_name_parse(&same, repo, &arena, NULL), 0);
        assert_string_equal(same.repo, repo);
        names++;
        run += !name.kind;
        arena_release(&arena);
    }
    assert_int_equal(names, 196);
    assert_int_equal(run, 147);
    strings_release(&lines);
}

/* ---- the cache ----------------------------------------------------------------------------------------- */

static void test_places(void **state)
{
    (void)state;
    static const struct {
        const char *hub, *old, *hf, *caches, *home, *expected;
    } cases[] = {
        {"/a", "/b", "/c", "/d", "/e", "/a"},
        {NULL, "/b", "/c", "/d", "/e", "/b"},
        {"", NULL, "/c", "/d", "/e", "/c/hub"},
        {NULL, NULL, NULL, "/d", "/e", "/d/huggingface/hub"},
        {NULL, NULL, NULL, NULL, "/e", "/e/.cache/huggingface/hub"},
        {"~/x", NULL, NULL, NULL, "/e", "/e/x"},
        {NULL, NULL, "~", NULL, "/e", "/e/hub"},
        {NULL, NULL, NULL, NULL, NULL, NULL},
    };
    static const char *const names[] = {
        "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"};
    char home[1024];
    snprintf(home, sizeof home, "%s", getenv("HOME") ? getenv("HOME") : "/");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const values[] = {
            cases[i].hub, cases[i].old, cases[i].hf, cases[i].caches, cases[i].home};
        struct arena arena = {0};
        const char *cache;
        for (size_t j = 0; j < sizeof names / sizeof *names; j++)
            values[j] ? setenv(names[j], values[j], 1) : unsetenv(names[j]);
        const int rc = hub_cache(&cache, &arena, NULL);
        assert_int_equal(rc, cases[i].expected ? 0 : ERR_ARGUMENT);
        if (!rc)
            assert_string_equal(cache, cases[i].expected);
        arena_release(&arena);
    }
    setenv("HOME", home, 1);
}

static int remove_any(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Two snapshots that have a configuration in common, the weights of one a link to a link, as huggingface_hub makes it
 * for what several repositories have; and what is no model. */
static void make_cache(void)
{
    static const char *const folders[] = {CACHE, CACHE "/blobs", CACHE "/.locks",
        CACHE "/.locks/models--some--model", CACHE "/models--broken", CACHE "/datasets--some--data",
        CACHE "/models--up--..", FOLDER, FOLDER "/blobs", FOLDER "/refs", FOLDER "/refs/refs",
        FOLDER "/refs/refs/pr", FOLDER "/snapshots", FOLDER "/snapshots/" ONE, FOLDER "/snapshots/" TWO,
        FOLDER "/snapshots/no-commit"};
    static const char *const files[][2] = {{CACHE "/blobs/store", "weights"},
        {FOLDER "/blobs/b", "weights of v1"}, {FOLDER "/blobs/c", "{}"}, {FOLDER "/blobs/t", "tokens"},
        {FOLDER "/refs/main", ONE}, {FOLDER "/refs/refs/pr/1", TWO "\n"}, {FOLDER "/refs/v1", TWO},
        {FOLDER "/refs/bad", "../snapshots/" ONE}, {CACHE "/models--no--folder", ""},
        {DIPTYCH_SCRATCH "/outside", "what is outside"}};
    static const char *const links[][2] = {{FOLDER "/blobs/a", "../../blobs/store"},
        {FOLDER "/snapshots/" ONE "/model.safetensors", "../../blobs/a"},
        {FOLDER "/snapshots/" TWO "/model.safetensors", "../../blobs/b"},
        {FOLDER "/snapshots/" ONE "/config.json", "../../blobs/c"},
        {FOLDER "/snapshots/" TWO "/config.json", "../../blobs/c"},
        {FOLDER "/snapshots/" ONE "/tokenizer.json", "../../blobs/t"},
        {FOLDER "/snapshots/" TWO "/tokenizer.json", "../../blobs/t"},
        {FOLDER "/snapshots/" TWO "/far", DIPTYCH_SCRATCH "/outside"}};
    nftw(CACHE, remove_any, 8, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(folders[i], 0777), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put(files[i][0], files[i][1]);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        assert_int_equal(symlink(links[i][1], links[i][0]), 0);
    setenv("HF_HUB_CACHE", CACHE, 1);
}

static int find(const char *text, char directory[512], struct err *err)
{
    struct arena arena = {0};
    struct hub_name name;
    const char *found;
    int rc = hub_name_parse(&name, text, &arena, err);
    if (!rc)
        rc = hub_find(&found, &name, &arena, err);
    if (!rc)
        snprintf(directory, 512, "%s", found);
    arena_release(&arena);
    return rc;
}

static void test_find(void **state)
{
    (void)state;
    char directory[512];
    struct err err = {0};
    make_cache();
    assert_int_equal(find("some/model", directory, &err), 0);
    assert_string_equal(directory, FOLDER "/snapshots/" ONE);
    assert_int_equal(find("some/model@v1", directory, &err), 0);
    assert_string_equal(directory, FOLDER "/snapshots/" TWO);
    assert_int_equal(find("some/model@refs/pr/1", directory, &err), 0);
    assert_int_equal(find("hf-hub:some/model@" TWO, directory, &err), 0);
    assert_int_equal(find("some/model@bad", directory, &err), ERR_NOT_FOUND);
    assert_string_equal(err.msg, "no model 'some/model' here: 'diptych pull some/model@bad' downloads it");
    assert_int_equal(find("some/other", directory, &err), ERR_NOT_FOUND);
    assert_int_equal(find("RN50/openai", directory, &err), ERR_UNSUPPORTED);
    assert_string_equal(
        err.msg, "'RN50/openai' is a CLIP with a ResNet, made of convolutions, which Diptych does not run");

    unlink(CACHE "/blobs/store"); /* the end of the chain: the weights are gone */
    assert_int_equal(find("some/model", directory, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "has no weights: 'diptych pull some/model' downloads what is missing"));
    put(CACHE "/blobs/store", "weights");
    unlink(FOLDER "/snapshots/" ONE "/tokenizer.json");
    assert_int_equal(find("some/model", directory, &err), ERR_NOT_FOUND);
    put(FOLDER "/snapshots/" ONE "/vocab.json", "{}");
    assert_int_equal(find("some/model", directory, &err), ERR_NOT_FOUND);
    put(FOLDER "/snapshots/" ONE "/merges.txt", "");
    assert_int_equal(find("some/model", directory, &err), 0);
    unlink(FOLDER "/snapshots/" ONE "/merges.txt");
    static const char *const alone[] = {
        "spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "vocab.txt"};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        char path[512];
        snprintf(path, sizeof path, FOLDER "/snapshots/" ONE "/%s", alone[i]);
        assert_int_equal(find("some/model", directory, &err), ERR_NOT_FOUND);
        put(path, "");
        assert_int_equal(find("some/model", directory, &err), 0);
        unlink(path);
    }
}

/* OpenAI's file, where the packages that came before the hub put it, if it can be used. */
static void test_find_file(void **state)
{
    (void)state;
    char directory[512], home[512];
    struct err err = {0};
    make_cache();
    snprintf(home, sizeof home, "%s", getenv("HOME"));
    setenv("HOME", DIPTYCH_SCRATCH, 1);
    mkdir(DIPTYCH_SCRATCH "/.cache", 0777);
    mkdir(DIPTYCH_SCRATCH "/.cache/clip", 0777);
    put(DIPTYCH_SCRATCH "/.cache/clip/ViT-B-32.pt", "weights");
    unlink(DIPTYCH_SCRATCH "/.cache/clip/tokenizer.json");
    assert_int_equal(find("ViT-B-32/openai", directory, &err), ERR_NOT_FOUND);
    assert_non_null(
        strstr(err.msg, "ViT-B-32.pt' has no tokenizer beside it: 'diptych pull ViT-B-32/openai'"));
    put(DIPTYCH_SCRATCH "/.cache/clip/tokenizer.json", "{}");
    assert_int_equal(find("ViT-B-32/openai", directory, &err), 0);
    assert_string_equal(directory, DIPTYCH_SCRATCH "/.cache/clip/ViT-B-32.pt");
    assert_int_equal(find("ViT-B-32/openai@main", directory, &err), 0);
    assert_int_equal(find("ViT-B-32/openai@v1", directory, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "'diptych pull ViT-B-32/openai@v1' downloads it"));
    assert_int_equal(find("ViT-B-16/openai", directory, &err), ERR_NOT_FOUND);
    assert_int_equal(find("ViT-B-32/laion400m_e31", directory, &err), ERR_NOT_FOUND);
    setenv("HOME", home, 1);
}

/* A line a model. */
static int note(void *context, const struct hub_model *model, struct err *err)
{
    char line[1024];
    const size_t last = model->refs->count - 1;
    snprintf(line, sizeof line, "%s %.1s %zu %s %llu %s", model->repo, model->commit, last,
        model->refs->items[last], (unsigned long long)model->size, model->missing ? model->missing : "whole");
    return strings_add(context, line, strlen(line), err);
}

static void expect_models(const char *const *expected, size_t count)
{
    struct strings lines = {0};
    assert_int_equal(hub_each(note, &lines, NULL), 0);
    assert_int_equal(lines.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(lines.items[i], expected[i]);
    strings_release(&lines);
}

static uint64_t remove_model(const char *text, bool revision_given, int expected)
{
    struct arena arena = {0};
    struct hub_name name;
    uint64_t freed = 0;
    assert_int_equal(hub_name_parse(&name, text, &arena, NULL), 0);
    assert_int_equal(hub_remove(&freed, &name, revision_given, NULL), expected);
    arena_release(&arena);
    return freed;
}

static void test_remove(void **state)
{
    (void)state;
    static const char *const both[] = {"some/model 1 0 main 15 whole", "some/model 2 1 v1 36 whole"};
    make_cache();
    expect_models(both, 2);
    remove_model("some/other", false, ERR_NOT_FOUND);
    remove_model("some/model@v9", true, ERR_NOT_FOUND);
    assert_int_equal(remove_model("some/model@v1", true, 0), strlen("weights of v1"));
    expect_models(both, 1);
    assert_false(file_exists(FOLDER "/refs/v1") || file_exists(FOLDER "/refs/refs/pr/1"));
    assert_true(file_exists(FOLDER "/blobs/c") && !file_exists(FOLDER "/blobs/b"));
    assert_int_equal(rmdir(FOLDER "/snapshots/no-commit"), 0);
    remove_model("some/model@main", true, 0); /* the last one: nothing of it stays */
    expect_models(NULL, 0);
    assert_false(file_exists(FOLDER) || file_exists(CACHE "/.locks/models--some--model"));
    assert_true(file_exists(CACHE "/blobs/store") && file_exists(DIPTYCH_SCRATCH "/outside"));

    make_cache();
    assert_int_equal(remove_model("some/model", false, 0), strlen("weights of v1"
                                                                  "{}"
                                                                  "tokens"
                                                                  "../snapshots/") +
                                                               4 * 40 + 1);
    assert_true(file_exists(CACHE "/blobs/store") && file_exists(DIPTYCH_SCRATCH "/outside"));
    assert_int_equal(symlink("/tmp", FOLDER), 0);
    remove_model("some/model", false, ERR_IO);
    assert_true(file_exists("/tmp"));
    unlink(FOLDER);
    nftw(CACHE, remove_any, 8, FTW_DEPTH | FTW_PHYS);
    expect_models(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_file),
        cmocka_unit_test(test_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
