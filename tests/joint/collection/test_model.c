// SPDX-License-Identifier: Apache-2.0
/* Which model an index is used with: the one that is named, else its own wherever the user stands, else the default. */
#include "joint/collection/collection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/kept.h"
#include "tests/index/synthetic.h"

#include <sys/stat.h>
#include <unistd.h>

static struct err err;
static struct arena arena;

/* A model of the small one's files, which are links; other: with another mean. Its path is absolute and for free(). */
static char *make_model(const char *name, bool other)
{
    static const char *const files[] = {
        "config.json", "merges.txt", "model.safetensors", "tokenizer_config.json", "vocab.json"};
    char *path = strdup(scratch_path(name)), from[4096], to[4200];
    assert_int_equal(mkdir(path, 0777), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(from, sizeof from, "%s/tests/model/%s", DIPTYCH_ROOT, files[i]);
        snprintf(to, sizeof to, "%s/%s", path, files[i]);
        assert_int_equal(symlink(from, to), 0);
    }
    snprintf(to, sizeof to, "%s/preprocessor_config.json", path);
    FILE *file = fopen(to, "w");
    assert_non_null(file);
    fprintf(file, "{\"image_mean\": [%s, 0.4, 0.4], \"crop_size\": 96, \"size\": 96}", other ? "0.3" : "0.4");
    assert_int_equal(fclose(file), 0);
    char *real = realpath(path, NULL);
    assert_non_null(real);
    free(path);
    return real;
}

/* An empty index made with a model, as `build` makes it; its path is for free(). */
static char *make_index_with(const char *name, const char *option, const struct adapters *adapters)
{
    struct collection_model model;
    struct collection *collection;
    char *path = strdup(scratch_path(name));
    assert_ok(collection_model_at(&model, path, true, option, adapters, &arena, &err));
    const struct collection_options options = {.access = INDEX_WRITE,
        .make = true,
        .model = model.reference,
        .fingerprint = model.fingerprint,
        .width = 128,
        .storage = -1};
    assert_ok(collection_open(&collection, path, &options, &err));
    collection_free(collection);
    return path;
}

static char *make_index(const char *name, const char *option)
{
    return make_index_with(name, option, NULL);
}

static void expect_model(const char *path, const char *option, const char *directory)
{
    struct collection_model model;
    assert_ok(collection_model_at(&model, path, false, option, NULL, &arena, &err));
    assert_string_equal(model.directory, directory);
}

static void expect_refusal(const char *path, const char *option, enum err_code code, const char *text)
{
    struct collection_model model;
    assert_err(collection_model_at(&model, path, false, option, NULL, &arena, &err), code, text);
}

static void expect_kept(const char *path, const char *reference)
{
    struct index *index;
    assert_ok(index_open(&index, path, INDEX_READ, NULL, &err));
    assert_string_equal(index_info(index).model, reference);
    assert_true(index_info(index).findable);
    index_free(index);
}

/* ---- references ---------------------------------------------------------------------------------------- */

static void a_reference_finds_the_model_from_anywhere(void **state)
{
    (void)state;
    char *here = make_model("reference", false);
    char before[4096];
    const char *reference;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(here), 0);
    assert_int_equal(chdir(".."), 0);
    const struct {
        const char *option, *variable, *reference;
    } cases[] = {
        {"reference", NULL, here},
        {"./reference/", "other", here},
        {NULL, "reference", here},
        {"", "reference", here},
        {"openai/clip-vit-base-patch32", "reference", "openai/clip-vit-base-patch32"},
        {NULL, "ViT-B-32/laion2b_s34b_b79k", "ViT-B-32/laion2b_s34b_b79k"},
        {NULL, NULL, "default"},
        {"default", "reference", "default"},
        {NULL, "default", "default"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsetenv("DIPTYCH_MODEL");
        if (cases[i].variable)
            setenv("DIPTYCH_MODEL", cases[i].variable, 1);
        assert_ok(model_reference(&reference, cases[i].option, &arena, &err));
        assert_string_equal(reference, cases[i].reference);
    }
    unsetenv("DIPTYCH_MODEL");
    assert_int_equal(chdir(before), 0);
    free(here);
}

/* ---- an index and its model ---------------------------------------------------------------------------- */

static void the_option_comes_before_the_index_before_the_variable(void **state)
{
    (void)state;
    char *one = make_model("one", false), *two = make_model("two", true),
         *path = make_index("order.dip", one);
    expect_kept(path, one);
    expect_model(path, NULL, one);
    setenv("DIPTYCH_MODEL", two, 1);
    expect_model(path, NULL, one);
    expect_model(path, "", one);
    expect_refusal(path, two, ERR_ARGUMENT, "was made with another model: '");
    setenv("DIPTYCH_MODEL", one, 1);
    expect_refusal(path, two, ERR_ARGUMENT, "was made with another model: '");
    struct collection_model model; /* a new index has no model yet */
    assert_ok(collection_model_at(&model, "/nowhere/new.dip", true, NULL, NULL, &arena, &err));
    assert_string_equal(model.directory, one);
    assert_err(collection_model_at(&model, "/nowhere/new.dip", false, NULL, NULL, &arena, &err), ERR_IO,
        "is not an index");
    unsetenv("DIPTYCH_MODEL");
    free(one), free(two), free(path);
}

static void a_model_that_is_gone_is_said_with_its_place(void **state)
{
    (void)state;
    char *old = make_model("old", false), *path = make_index("moves.dip", old), new[4200], why[8400];
    snprintf(new, sizeof new, "%s-moved", old);
    assert_int_equal(rename(old, new), 0);
    setenv("DIPTYCH_MODEL", new, 1); /* not even the same one by chance */
    snprintf(why, sizeof why,
        "moves.dip' was '%s', and that is gone (No such file or directory): name where it is now with "
        "--model",
        old);
    expect_refusal(path, NULL, ERR_IO, why);
    unsetenv("DIPTYCH_MODEL");

    struct collection_model model;
    assert_ok(collection_model_at(&model, path, false, new, NULL, &arena, &err));
    expect_kept(path, old); /* asking changes nothing */
    const struct collection_options options = {
        .access = INDEX_WRITE, .model = model.reference, .fingerprint = model.fingerprint, .storage = -1};
    struct collection *collection;
    assert_ok(collection_open(&collection, path, &options, &err));
    collection_free(collection);
    expect_kept(path, new);
    expect_model(path, NULL, new);
    free(old), free(path);
}

static void a_model_that_has_changed_is_another(void **state)
{
    (void)state;
    char *model = make_model("changes", false), *path = make_index("changed.dip", model);
    remove_tree(model);
    free(make_model("changes", true));
    expect_refusal(path, NULL, ERR_ARGUMENT, "/changes', and that is another now: fingerprint ");
    char *config;
    assert_true(asprintf(&config, "%s/config.json", model) > 0);
    assert_int_equal(unlink(config), 0);
    expect_refusal(path, NULL, ERR_IO, "/changes', to be named with --model where it is elsewhere: ");
    free(config), free(model), free(path);
}

/* A folder that is called so where the user stands now is no matter. */
static void a_name_stays_a_name(void **state)
{
    (void)state;
    char before[4096];
    remove_tree(DIPTYCH_SCRATCH "/elsewhere");
    setenv("HF_HUB_CACHE", scratch_path("hub"), 1);
    assert_int_equal(
        mkdir(DIPTYCH_SCRATCH "/hub", 0777) | mkdir(DIPTYCH_SCRATCH "/hub/models--some--model", 0777) |
            mkdir(DIPTYCH_SCRATCH "/hub/models--some--model/refs", 0777) |
            mkdir(DIPTYCH_SCRATCH "/hub/models--some--model/snapshots", 0777) |
            mkdir(DIPTYCH_SCRATCH "/elsewhere", 0777) | mkdir(DIPTYCH_SCRATCH "/elsewhere/some", 0777),
        0);
    FILE *ref = fopen(DIPTYCH_SCRATCH "/hub/models--some--model/refs/main", "w");
    assert_non_null(ref);
    fputs("1111111111111111111111111111111111111111", ref);
    assert_int_equal(fclose(ref), 0);
    char *snapshot =
        make_model("hub/models--some--model/snapshots/1111111111111111111111111111111111111111", false);
    char *path = make_index("named.dip", "some/model");
    expect_kept(path, "some/model");
    free(make_model("elsewhere/some/model", true));
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(DIPTYCH_SCRATCH "/elsewhere"), 0);
    expect_model(path, NULL, snapshot);
    assert_int_equal(chdir(before), 0);
    unsetenv("HF_HUB_CACHE");
    free(snapshot), free(path);
}

static void the_variable_is_blamed_for_what_it_holds(void **state)
{
    const char *directory;
    (void)state;
    setenv("DIPTYCH_MODEL", "no sense", 1);
    assert_err(
        model_directory(&directory, NULL, &arena, &err), ERR_NOT_FOUND, "DIPTYCH_MODEL is 'no sense': ");
    assert_int_equal(model_directory(&directory, "nor this", &arena, &err), ERR_NOT_FOUND);
    assert_null(strstr(err.msg, "DIPTYCH_MODEL"));
    unsetenv("DIPTYCH_MODEL");
}

/* Not as the place that it has today, which an upgrade may move. */
static void the_default_model_is_kept_as_the_default(void **state)
{
    (void)state;
    char *other = make_model("other", true), *path = make_index("default.dip", NULL);
    char fingerprint[FINGERPRINT_SIZE];
    struct collection_model model;
    expect_kept(path, "default");
    setenv("DIPTYCH_MODEL", other, 1);
    assert_ok(collection_model_at(&model, path, false, NULL, NULL, &arena, &err));
    assert_string_equal(model.reference, "default");
    assert_ok(model_directory_fingerprint(fingerprint, DIPTYCH_ROOT "/assets/model", &err));
    assert_string_equal(model.fingerprint, fingerprint);
    unsetenv("DIPTYCH_MODEL");
    free(other), free(path);
}

/* Format 1 kept what the user had typed, wherever that was: the variable and the default count, as they did. */
static void an_index_of_format_1_has_no_model_of_its_own(void **state)
{
    (void)state;
    char *one = make_model("formats", false), *path = kept_copy(1, "format-1.dip"), sql[256];
    struct collection_model model;
    struct collection *collection;
    setenv("DIPTYCH_MODEL", one, 1);
    expect_refusal(path, NULL, ERR_ARGUMENT, "was made with another model: 'models/small'");
    assert_ok(model_directory_fingerprint(model.fingerprint, one, &err));
    snprintf(sql, sizeof sql, "UPDATE meta SET fingerprint = '%s'", model.fingerprint);
    kept_run(path, sql);
    expect_model(path, NULL, one);

    assert_ok(collection_model_at(&model, path, false, NULL, NULL, &arena, &err));
    const struct collection_options options = {
        .access = INDEX_WRITE, .model = model.reference, .fingerprint = model.fingerprint, .storage = -1};
    assert_ok(collection_open(&collection, path, &options, &err));
    collection_free(collection);
    unsetenv("DIPTYCH_MODEL");
    expect_kept(path, one); /* from its first write on it has */
    expect_model(path, NULL, one);
    free(one), free(path);
}

#define LORA DIPTYCH_ROOT "/tests/golden/lora/"

/* As it remembers the model: nothing has to be named; and without them, or with others, it is another model. */
static void adapters_are_remembered(void **state)
{
    const char *const half = LORA "plain:0.5", *const whole = LORA "plain";
    const struct adapters its = {&half, 1}, others = {&whole, 1};
    struct collection_model model;
    (void)state;
    char *path = make_index_with("adapters.dip", LORA "model", &its);
    expect_kept(path, LORA "model --lora " LORA "plain:0.5");
    for (int named = 0; named < 2; named++) {
        assert_ok(collection_model_at(&model, path, false, NULL, named ? &its : NULL, &arena, &err));
        assert_string_equal(model.directory, LORA "model");
        assert_int_equal(model.adapters.count, 1);
        assert_string_equal(model.adapters.names[0], half);
        assert_string_equal(model.reference, LORA "model --lora " LORA "plain:0.5");
    }
    expect_refusal(path, LORA "model", ERR_ARGUMENT, "was made with another model: '" LORA "model --lora ");
    assert_err(collection_model_at(&model, path, false, NULL, &others, &arena, &err), ERR_ARGUMENT,
        "was made with another model: '" LORA "model --lora ");
    free(path);

    path = make_index("no-adapters.dip", LORA "model");
    assert_err(collection_model_at(&model, path, false, NULL, &its, &arena, &err), ERR_ARGUMENT,
        "was made with another model: '" LORA "model', ");
    free(path);
}

static void adapters_that_are_gone_are_named(void **state)
{
    struct collection_model model;
    char sql[512];
    (void)state;
    char *path = make_index("gone-adapters.dip", LORA "model");
    snprintf(sql, sizeof sql, "UPDATE meta SET model = '%s --lora /nowhere/adapter:2'", LORA "model");
    kept_run(path, sql);
    assert_err(collection_model_at(&model, path, false, NULL, NULL, &arena, &err), ERR_IO,
        "was '" LORA "model --lora /nowhere/adapter:2', to be named with --model where it is elsewhere: ");
    free(path);
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_finds_the_model_from_anywhere),
        cmocka_unit_test(the_option_comes_before_the_index_before_the_variable),
        cmocka_unit_test(a_model_that_is_gone_is_said_with_its_place),
        cmocka_unit_test(a_model_that_has_changed_is_another),
        cmocka_unit_test(a_name_stays_a_name),
        cmocka_unit_test(the_variable_is_blamed_for_what_it_holds),
        cmocka_unit_test(the_default_model_is_kept_as_the_default),
        cmocka_unit_test(adapters_are_remembered),
        cmocka_unit_test(adapters_that_are_gone_are_named),
        cmocka_unit_test(an_index_of_format_1_has_no_model_of_its_own),
    };
    unsetenv("DIPTYCH_MODEL");
    return cmocka_run_group_tests(tests, NULL, release);
}
