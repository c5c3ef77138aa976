// SPDX-License-Identifier: Apache-2.0
/* A fingerprint stays where only the place, the device or the writing of a config differs, and changes with
 * everything that embeddings depend on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/checkpoint.h"
#include "tests/support/safetensors_writer.h"

#define HERE DIPTYCH_SCRATCH "/here"
#define THERE DIPTYCH_SCRATCH "/there"
#define PLACE DIPTYCH_SCRATCH "/prepared"
#define TOKENS DIPTYCH_SCRATCH "/tokens"

static void write_model(const char *directory, const struct checkpoint *checkpoint)
{
    char path[4096];
    checkpoint_directory(directory, LAYOUT_HF);
    snprintf(path, sizeof path, "%s/model.safetensors", directory);
    write_safetensors(path, checkpoint->tensors, checkpoint->count);
}

static struct device *device; /* float32 */

static int open_device(void **state)
{
    const struct device_options options = {.precision = "f32"};
    struct err err;
    (void)state;
    if (device_open(&device, &options, &err))
        fail_msg("%s", err.msg);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    device_free(device);
    return 0;
}

static void fingerprint(char out[FINGERPRINT_SIZE], const char *directory, struct device *on)
{
    struct model *model;
    struct err err;
    if (model_open(&model, directory, on, &err) || model_fingerprint(out, model, &err))
        fail_msg("%s", err.msg);
    assert_string_equal(model_path(model), directory);
    model_free(model);
}

static void expect_other(const char *directory, const char *than)
{
    char other[FINGERPRINT_SIZE];
    fingerprint(other, directory, device);
    assert_string_not_equal(other, than);
}

/* The text of a file of the directory, with one thing in it replaced. */
static void edit(const char *directory, const char *name, const char *from, const char *to)
{
    char path[4096], *text, *edited;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_equal(file_read(&text, &size, path, 1 << 20, NULL), 0);
    char *at = strstr(text, from);
    assert_non_null(at);
    assert_true(asprintf(&edited, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    write_text(path, edited);
    free(edited);
    free(text);
}

static void place_device_and_layout_of_json_do_not_matter(void **state)
{
    (void)state;
    struct checkpoint checkpoint;
    struct device *other;
    char here[FINGERPRINT_SIZE], there[FINGERPRINT_SIZE];
    checkpoint_init(&checkpoint, LAYOUT_HF, "F32");
    write_model(HERE, &checkpoint);
    write_model(THERE, &checkpoint);
    checkpoint_release(&checkpoint);
    edit(THERE, "config.json", "{", "{ \"transformers_version\": \"5.0\", ");
    fingerprint(here, HERE, device);
    assert_int_equal(device_open(&other, &(struct device_options){0}, NULL), 0); /* in the best precision */
    fingerprint(there, THERE, other);
    device_free(other);
    assert_string_equal(here, there);
    assert_int_equal(strlen(here), FINGERPRINT_SIZE - 1);
    assert_int_equal(strspn(here, "0123456789abcdef"), FINGERPRINT_SIZE - 1);
}

/* An index keeps the fingerprint of its model for years: what it is for a model that exists must not change.
 * Recorded from the first version of the program. */
static void a_fingerprint_is_forever(void **state)
{
    (void)state;
    static const struct {
        enum layout layout;
        const char *directory, *type, *want;
    } models[] = {
        {LAYOUT_HF, DIPTYCH_SCRATCH "/hf", "F32", "70bdcca91905263a1e11409e72c3fdca"},
        {LAYOUT_OPEN_CLIP, DIPTYCH_SCRATCH "/open_clip", "BF16", "c35501f301d19a3acaf09d6d36841aec"},
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct checkpoint checkpoint;
        struct err err;
        char path[4096], out[FINGERPRINT_SIZE];
        checkpoint_init(&checkpoint, models[i].layout, models[i].type);
        checkpoint_directory(models[i].directory, models[i].layout);
        snprintf(path, sizeof path, "%s/model.safetensors", models[i].directory);
        write_safetensors(path, checkpoint.tensors, checkpoint.count);
        checkpoint_release(&checkpoint);
        if (model_directory_fingerprint(out, models[i].directory, &err))
            fail_msg("%s", err.msg);
        assert_string_equal(out, models[i].want);
    }
}

/* What the config of a model that is not CLIP says beyond CLIP's. */
static void no_norm_before_the_blocks_matters(void **state)
{
    (void)state;
    struct checkpoint checkpoint;
    char with[FINGERPRINT_SIZE], without[FINGERPRINT_SIZE];
    checkpoint_init(&checkpoint, LAYOUT_OPEN_CLIP, "F32");
    checkpoint_directory(DIPTYCH_SCRATCH "/norm", LAYOUT_OPEN_CLIP);
    write_safetensors(DIPTYCH_SCRATCH "/norm/model.safetensors", checkpoint.tensors, checkpoint.count);
    checkpoint_release(&checkpoint);
    assert_int_equal(model_directory_fingerprint(with, DIPTYCH_SCRATCH "/norm", NULL), 0);
    edit(DIPTYCH_SCRATCH "/norm", "open_clip_config.json", "\"layers\"", "\"no_ln_pre\": true, \"layers\"");
    assert_int_equal(model_directory_fingerprint(without, DIPTYCH_SCRATCH "/norm", NULL), 0);
    assert_string_not_equal(with, without);
}

/* Which file says how pictures are prepared does not matter, what it says does. */
static void the_file_of_the_preprocessing_does_not_matter(void **state)
{
    static const char settings[] = "{\"size\": 32, \"crop_size\": 32, \"resample\": 2}";
    char assumed[FINGERPRINT_SIZE], old[FINGERPRINT_SIZE], new[FINGERPRINT_SIZE], text[256];
    struct checkpoint checkpoint;
    (void)state;
    checkpoint_init(&checkpoint, LAYOUT_HF, "F32");
    write_model(PLACE, &checkpoint);
    checkpoint_release(&checkpoint);
    assert_int_equal(model_directory_fingerprint(assumed, PLACE, NULL), 0);
    write_text(PLACE "/preprocessor_config.json", settings);
    assert_int_equal(model_directory_fingerprint(old, PLACE, NULL), 0);
    assert_string_not_equal(old, assumed);
    unlink(PLACE "/preprocessor_config.json");
    snprintf(text, sizeof text, "{\"image_processor\": %s}", settings);
    write_text(PLACE "/processor_config.json", text);
    assert_int_equal(model_directory_fingerprint(new, PLACE, NULL), 0);
    assert_string_equal(new, old);
    write_text(PLACE "/processor_config.json", "{\"image_processor\": {\"size\": 32, \"crop_size\": 32}}");
    assert_int_equal(model_directory_fingerprint(new, PLACE, NULL), 0);
    assert_string_equal(new, assumed);
    unlink(PLACE "/processor_config.json");
}

static void copy_tokenizer(const char *folder, const char *file)
{
    char from[4096], to[4096];
    struct err err;
    snprintf(from, sizeof from, DIPTYCH_ROOT "/tests/golden/%s/%s", folder, file);
    snprintf(to, sizeof to, TOKENS "/%s", file);
    if (file_exists(from) && file_copy(to, from, &err))
        fail_msg("%s", err.msg);
}

/* The fingerprint of a model with those tokenizer files, and then with those settings in their place. */
static void fingerprints_of_settings(char with[FINGERPRINT_SIZE], char other[FINGERPRINT_SIZE],
    const char *folder, const char *file, const char *from, const char *to)
{
    static const char *const names[] = {"/vocab.json", "/merges.txt", "/tokenizer.json", "/spiece.model",
        "/sentencepiece.bpe.model", "/vocab.txt"};
    struct checkpoint checkpoint;
    checkpoint_init(&checkpoint, LAYOUT_HF, "F32");
    write_model(TOKENS, &checkpoint);
    checkpoint_release(&checkpoint);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4096];
        snprintf(path, sizeof path, TOKENS "%s", names[i]);
        unlink(path);
    }
    copy_tokenizer(folder, file);
    write_text(TOKENS "/tokenizer_config.json", "{\"padding_side\": \"right\"}");
    copy_tokenizer(folder, "tokenizer_config.json");
    assert_int_equal(model_directory_fingerprint(with, TOKENS, NULL), 0);
    edit(TOKENS, "tokenizer_config.json", from, to);
    assert_int_equal(model_directory_fingerprint(other, TOKENS, NULL), 0);
}

/* Of CLIP's kind nothing that tokenizer_config.json says: such fingerprints are older than other kinds. */
static void what_ids_depend_on_matters(void **state)
{
    static const struct {
        const char *folder, *file, *from, *to;
        bool same;
    } cases[] = {
        {"subword/siglip", "spiece.model", "\"do_lower_case\": true", "\"do_lower_case\": false", false},
        {"subword/siglip", "spiece.model", "\"pad_token\": \"</s>\"", "\"pad_token\": \"<pad>\"", false},
        {"subword/siglip", "spiece.model", "\"model_max_length\": 64", "\"model_max_length\": 16", false},
        {"subword/siglip", "spiece.model", "\"model_input_names\"", "\"of_no_matter\"", true},
        {"subword/gemma", "tokenizer.json", "\"add_eos_token\": true", "\"add_eos_token\": false", false},
        {"subword/gemma", "tokenizer.json", "\"right\"", "\"left\"", false},
        {"subword/gemma", "tokenizer.json", "GemmaTokenizer", "PreTrainedTokenizerFast", false},
        {"subword/xlm_r", "sentencepiece.bpe.model", "XLMRobertaTokenizer", "NllbTokenizer", false},
        {"subword/bert", "vocab.txt", "\"do_lower_case\": true", "\"do_lower_case\": false", false},
        {"tokenizer_small", "tokenizer.json", "right", "left", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char with[FINGERPRINT_SIZE], other[FINGERPRINT_SIZE];
        fingerprints_of_settings(with, other, cases[i].folder, cases[i].file, cases[i].from, cases[i].to);
        if (!strcmp(with, other) != cases[i].same)
            fail_msg("%s: %s -> %s", cases[i].folder, cases[i].from, cases[i].to);
    }
}

static void a_directory_is_enough(void **state)
{
    (void)state;
    struct checkpoint checkpoint;
    struct err err;
    char opened[FINGERPRINT_SIZE], out[FINGERPRINT_SIZE];
    checkpoint_init(&checkpoint, LAYOUT_HF, "F32");
    write_model(HERE, &checkpoint);
    checkpoint_release(&checkpoint);
    fingerprint(opened, HERE, device);
    assert_int_equal(model_directory_fingerprint(out, HERE, &err), 0);
    assert_string_equal(out, opened);

    unlink(HERE "/model.safetensors");
    assert_int_equal(model_directory_fingerprint(out, HERE, &err), ERR_IO);
    assert_string_equal(
        err.msg, "cannot open model '" HERE "': no weights in '" HERE "': it has no 'model.safetensors'");
    assert_int_equal(model_directory_fingerprint(out, DIPTYCH_SCRATCH "/nowhere", &err), ERR_IO);
}

static void what_embeddings_depend_on_matters(void **state)
{
    (void)state;
    struct checkpoint checkpoint;
    char here[FINGERPRINT_SIZE];
    checkpoint_init(&checkpoint, LAYOUT_HF, "F32");
    write_model(HERE, &checkpoint);
    fingerprint(here, HERE, device);

    for (size_t i = 0; i < checkpoint.count;
         i += 9) { /* the last byte of a tensor: a window's or all of it */
        const struct weight *weight = &checkpoint.tensors[i];
        size_t bytes = sizeof(float);
        for (int r = 0; r < weight->rank; r++)
            bytes *= weight->shape[r];
        uint8_t *last = (uint8_t *)weight->data + bytes - 1;
        *last ^= 0x80; /* the sign */
        write_model(THERE, &checkpoint);
        expect_other(THERE, here);
        *last ^= 0x80;
    }
    write_model(THERE, &checkpoint);
    write_text(THERE "/preprocessor_config.json", "{\"image_mean\": [0.5, 0.5, 0.5]}");
    expect_other(THERE, here);
    unlink(THERE "/preprocessor_config.json");

    write_model(THERE, &checkpoint);
    edit(THERE, "config.json", "\"gelu\"", "\"quick_gelu\"");
    expect_other(THERE, here);

    checkpoint_release(&checkpoint);
    checkpoint_init(&checkpoint, LAYOUT_HF, "BF16");
    write_model(THERE, &checkpoint);
    checkpoint_release(&checkpoint);
    expect_other(THERE, here);
}

static void a_model_made_up_has_none(void **state)
{
    (void)state;
    const struct model_config config = checkpoint_config();
    struct model *model;
    struct err err;
    char out[FINGERPRINT_SIZE];
    assert_int_equal(model_random(&model, &config, 1, device, &err), 0);
    assert_null(model_path(model));
    assert_int_equal(model_fingerprint(out, model, &err), ERR_ARGUMENT);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(place_device_and_layout_of_json_do_not_matter),
        cmocka_unit_test(a_fingerprint_is_forever),
        cmocka_unit_test(the_file_of_the_preprocessing_does_not_matter),
        cmocka_unit_test(what_ids_depend_on_matters),
        cmocka_unit_test(a_directory_is_enough),
        cmocka_unit_test(no_norm_before_the_blocks_matters),
        cmocka_unit_test(what_embeddings_depend_on_matters),
        cmocka_unit_test(a_model_made_up_has_none),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
