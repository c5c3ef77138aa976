// SPDX-License-Identifier: Apache-2.0
/* Steps of models of which parts are trained against PyTorch's and peft's, of tests/golden/train_parts.py. */
#include "tests/joint/golden_training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* A few times what is measured; 1e-4 is promised of all. */
#define NEAR_LOSS 2e-5
#define NEAR_WEIGHT 2e-5

static const struct golden quick = {.name = "quick", .loss = LOSS_SOFTMAX, .batch = 6},
                           erf_gelu = {.name = "erf", .loss = LOSS_SOFTMAX, .batch = 5},
                           tanh_gelu = {.name = "tanh", .loss = LOSS_SIGMOID, .batch = 7};
static const struct device_options on = {.gemm = "onednn", .precision = "f32"};

/* The largest relative difference of a step's. */
static double off_by(const double *got, const double *want)
{
    double off = 0;
    for (size_t step = 0; step < STEPS; step++)
        off = fmax(off, fabs(got[step] / want[step] - 1));
    return off;
}

/* ---- parts --------------------------------------------------------------------------------------------- */

/* The golden steps of a part in the place of those of the whole. */
static void take_part(struct golden *golden, const char *part)
{
    char kind[64];
    tensor_file_release(&golden->file);
    free(golden->losses);
    free(golden->norms);
    tensor_file_open(&golden->file, GOLDEN "quick/parts.safetensors");
    snprintf(kind, sizeof kind, "%s.losses", part);
    golden->losses = tensor_copy_of(&golden->file, kind, "");
    snprintf(kind, sizeof kind, "%s.norms", part);
    golden->norms = tensor_copy_of(&golden->file, kind, "");
}

static size_t count_of(const struct tensor_file *file, const char *kind)
{
    size_t count = 0;
    for (size_t i = 0; i < file->count; i++)
        count += !strncmp(file->tensors[i].name, kind, strlen(kind));
    return count;
}

static void check_part(struct device *device, enum trained_what what, size_t chunk)
{
    const char *part = trained_what_is[what].name;
    struct golden golden = quick;
    struct tensor_file file;
    double losses[STEPS], norms[STEPS];
    char kind[64];
    golden_open(&golden);
    struct trained_model_options options = options_of(&golden);
    options.what = what;
    options.chunk = chunk;
    struct trained_model *model = model_of(&golden, device, &options);
    take_part(&golden, part);
    steps_take(model, losses, norms, &golden, false);
    save(&file, model, PARAMETERS_VALUES);
    snprintf(kind, sizeof kind, "%s.trained.", part);
    assert_int_equal(file.count, count_of(&golden.file, kind));
    const double worst = worst_distance(&file, kind, &golden, NEAR_WEIGHT),
                 loss_off = off_by(losses, golden.losses), norm_off = off_by(norms, golden.norms);
    print_message("%-12s %zu a chunk: losses within %.1e, norms within %.1e, weights within %.1e\n", part,
        chunk, loss_off, norm_off, worst);
    assert_true(loss_off <= NEAR_LOSS && norm_off <= 10 * NEAR_LOSS);
    tensor_file_release(&file);
    trained_model_free(model);
    golden_release(&golden);
}

static void parts_are_trained_as_by_pytorch(void **state)
{
    static const enum trained_what parts[] = {TRAINED_TEXT, TRAINED_VISION, TRAINED_PROJECTIONS};
    struct device *device;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        check_part(device, parts[i], quick.batch);
        check_part(device, parts[i], 4);
    }
    device_free(device);
}

/* ---- averages and blends ------------------------------------------------------------------------------- */

static void check_sketches(const struct trained_model *model, enum parameters_kind kind, const char *prefix,
    const struct golden *golden)
{
    struct tensor_file file;
    save(&file, model, kind);
    const double worst = worst_distance(&file, prefix, golden, NEAR_WEIGHT);
    print_message("%s within %.1e\n", prefix, worst);
    tensor_file_release(&file);
}

static void averages_and_blends_are_those_of_pytorch(void **state)
{
    struct golden golden = quick;
    double losses[STEPS], norms[STEPS];
    struct device *device;
    struct weights *start;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    golden_open(&golden);
    struct trained_model_options options = options_of(&golden);
    options.averages = true;
    struct trained_model *model = model_of(&golden, device, &options);
    steps_take(model, losses, norms, &golden, true);
    int64_t *seed = tensor_copy_of(&golden.file, "", "seed");
    OK(weights_random(&start, (uint64_t)*seed, &err));
    free(seed);
    take_part(&golden, "text");
    check_sketches(model, PARAMETERS_AVERAGES, "average.", &golden);
    OK(trained_model_exchange_averages(model, &err));
    check_sketches(model, PARAMETERS_VALUES, "average.", &golden);
    OK(trained_model_exchange_averages(model, &err));
    OK(trained_model_blend(model, start, 0.3f, &err));
    check_sketches(model, PARAMETERS_VALUES, "blend.", &golden);
    weights_free(start);
    trained_model_free(model);
    golden_release(&golden);
    device_free(device);
}

/* ---- LoRA ---------------------------------------------------------------------------------------------- */

#define BIT(target) (1u << (target))

struct adapter_case {
    const char *name;
    const struct golden *golden;
    struct lora_options lora;
};

static const struct adapter_case adapters[] = {
    {"all", &quick, {.rank = 2, .alpha = 4, .targets = BIT(LORA_TARGETS) - 1}},
    {"stabilized", &erf_gelu,
        {.rank = 3,
            .alpha = 2,
            .rank_stabilized = true,
            .targets = BIT(LORA_QUERY) | BIT(LORA_VALUE) | BIT(LORA_FC_2)}},
    {"sigmoid", &tanh_gelu,
        {.rank = 2, .alpha = 2, .targets = BIT(LORA_KEY) | BIT(LORA_OUT) | BIT(LORA_FC_1)}},
};

enum { ADAPTERS = sizeof adapters / sizeof *adapters };

static const char *path_in(const struct adapter_case *adapter, const char *file)
{
    static char path[512];
    snprintf(path, sizeof path, GOLDEN "lora-%s/%s", adapter->name, file);
    return path;
}

/* A model that is trained from where peft began. */
static struct trained_model *adapter_start(const struct adapter_case *adapter, const struct golden *golden,
    struct device *device, struct trained_model_options options)
{
    struct weights *start;
    struct err err;
    options.what = TRAINED_LORA;
    options.lora = adapter->lora;
    struct trained_model *model = model_of(golden, device, &options);
    OK(weights_open_tensors(&start, path_in(adapter, "start/adapter_model.safetensors"), &err));
    OK(trained_model_load_adapter(model, start, &err));
    weights_free(start);
    return model;
}

static void save_adapter(const struct trained_model *model, enum parameters_kind kind, const char *path)
{
    struct weights_writer *writer;
    struct err err;
    OK(weights_writer_open(&writer, path, DTYPE_F32, NULL, &err));
    OK(trained_model_save_adapter(model, kind, writer, &err));
    OK(weights_writer_begin(writer, &err));
    OK(trained_model_save_adapter(model, kind, writer, &err));
    OK(weights_writer_close(writer, true, &err));
}

/* How far two tensors (count) are from each other, relative to the length of the second. */
static double apart(const float *a, const float *b, size_t count)
{
    double difference = 0, length = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        length += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / length);
}

/* The largest distance of a tensor from the one of that name; all have to be in both. */
static double files_apart(const struct tensor_file *got, const struct tensor_file *want)
{
    double worst = 0;
    assert_int_equal(got->count, want->count);
    for (size_t i = 0; i < got->count; i++) {
        const char *name = got->tensors[i].name;
        float *a = tensor_copy_of(got, "", name), *b = tensor_copy_of(want, "", name);
        if (!b)
            fail_msg("peft has no '%s'", name);
        assert_int_equal(got->tensors[i].rank, want->tensors[i].rank);
        worst = fmax(worst, apart(a, b, got->tensors[i].count));
        free(a);
        free(b);
    }
    return worst;
}

static void check_adapter(
    const struct adapter_case *adapter, struct device *device, bool cut, bool recomputes)
{
    static const char trained[] = DIPTYCH_SCRATCH "/adapter.safetensors";
    struct golden golden = *adapter->golden;
    struct tensor_file steps, got, want;
    double losses[STEPS], norms[STEPS];
    golden_open(&golden);
    struct trained_model_options options = options_of(&golden);
    options.chunk = cut ? 2 : golden.batch;
    options.recomputes = recomputes;
    struct trained_model *model = adapter_start(adapter, &golden, device, options);
    tensor_file_open(&steps, path_in(adapter, "steps.safetensors"));
    double *want_losses = tensor_copy_of(&steps, "", "losses"),
           *want_norms = tensor_copy_of(&steps, "", "norms");
    steps_take(model, losses, norms, &golden, false);
    save_adapter(model, PARAMETERS_VALUES, trained);
    tensor_file_open(&got, trained);
    tensor_file_open(&want, path_in(adapter, "end/adapter_model.safetensors"));
    const double worst = files_apart(&got, &want), loss_off = off_by(losses, want_losses),
                 norm_off = off_by(norms, want_norms);
    print_message("%-10s%s%s: losses within %.1e, norms within %.1e, weights within %.1e\n", adapter->name,
        cut ? ", 2 a chunk" : "", recomputes ? ", recomputed" : "", loss_off, norm_off, worst);
    assert_true(loss_off <= NEAR_LOSS && norm_off <= 10 * NEAR_LOSS && worst <= NEAR_WEIGHT);
    tensor_file_release(&steps);
    tensor_file_release(&got);
    tensor_file_release(&want);
    free(want_losses);
    free(want_norms);
    trained_model_free(model);
    golden_release(&golden);
}

static void adapters_are_trained_as_by_peft(void **state)
{
    struct device *device;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    for (size_t i = 0; i < ADAPTERS; i++) {
        check_adapter(&adapters[i], device, false, false);
        check_adapter(&adapters[i], device, true, i == 0);
    }
    device_free(device);
}

/* Loss and gradients of a batch of that number, with `each` texts of a picture. */
static double learn_once(struct tensor_file *gradients, struct trained_model *model,
    const struct golden *golden, size_t each, uint64_t number)
{
    static const char path[] = DIPTYCH_SCRATCH "/gradients.safetensors";
    struct contrastive_batch batch = batch_of(golden, 0);
    struct loss_report report;
    struct err err;
    batch.each = each;
    batch.number = number;
    OK(trained_model_learn(model, &report, &batch, &err));
    save_adapter(model, PARAMETERS_GRADIENTS, path);
    tensor_file_open(gradients, path);
    return report.loss;
}

/* From the end of peft's steps, where B is not zero. */
static struct trained_model *adapter_end(
    const struct adapter_case *adapter, const struct golden *golden, struct device *device, size_t chunk)
{
    struct trained_model_options options = options_of(golden);
    struct weights *end;
    struct err err;
    options.chunk = chunk;
    struct trained_model *model = adapter_start(adapter, golden, device, options);
    OK(weights_open_tensors(&end, path_in(adapter, "end/adapter_model.safetensors"), &err));
    OK(trained_model_load_adapter(model, end, &err));
    weights_free(end);
    return model;
}

static void what_drops_out_is_drawn_from_the_batch(void **state)
{
    struct adapter_case adapter = adapters[0];
    struct golden golden = *adapter.golden;
    struct tensor_file first, again, cut, other, none, without;
    struct device *device;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    golden_open(&golden);
    struct trained_model *plain = adapter_end(&adapter, &golden, device, golden.batch);
    adapter.lora.dropout = 0.3;
    adapter.lora.seed = 11;
    struct trained_model *model = adapter_end(&adapter, &golden, device, golden.batch),
                         *chunks = adapter_end(&adapter, &golden, device, 4);
    const double loss = learn_once(&first, model, &golden, 1, 1);
    assert_true(learn_once(&other, model, &golden, 1, 2) != loss);
    assert_true(learn_once(&again, model, &golden, 1, 1) == loss);
    assert_memory_equal(first.map.data, again.map.data, first.map.size);
    assert_true(files_apart(&other, &first) > 0.01);
    assert_true(fabs(learn_once(&cut, chunks, &golden, 1, 1) / loss - 1) < NEAR_LOSS);
    assert_true(files_apart(&cut, &first) < 1e-4);
    assert_true(learn_once(&none, model, &golden, 1, 0) == learn_once(&without, plain, &golden, 1, 1));
    assert_memory_equal(none.map.data, without.map.data, none.map.size);
    struct tensor_file *const files[] = {&first, &again, &cut, &other, &none, &without};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        tensor_file_release(files[i]);
    trained_model_free(plain);
    trained_model_free(model);
    trained_model_free(chunks);
    golden_release(&golden);
    device_free(device);
}

/* Pictures run before all texts, and their gradients come last. */
static void the_same_drops_out_of_pictures_again_after_several_texts(void **state)
{
    struct adapter_case adapter = adapters[0];
    struct golden golden = *adapter.golden;
    struct tensor_file whole, cut;
    struct device *device;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    golden_open(&golden);
    adapter.lora.dropout = 0.3;
    adapter.lora.seed = 11;
    struct trained_model *model = adapter_end(&adapter, &golden, device, golden.batch),
                         *chunks = adapter_end(&adapter, &golden, device, 4);
    const double loss = learn_once(&whole, model, &golden, 2, 1);
    assert_true(fabs(learn_once(&cut, chunks, &golden, 2, 1) / loss - 1) < NEAR_LOSS);
    assert_true(files_apart(&cut, &whole) < 1e-4);
    tensor_file_release(&whole);
    tensor_file_release(&cut);
    trained_model_free(model);
    trained_model_free(chunks);
    golden_release(&golden);
    device_free(device);
}

/* A model of these weights, which learns nothing: its loss, and gradients by the embeddings through its scale. */
static double loss_of_merged(
    const char *base, const char *adapter, const struct golden *golden, struct device *device)
{
    const struct trained_model_options options = options_of(golden);
    const struct preprocess preprocess = preprocess_default((int)golden->config.vision.image_size);
    const struct contrastive_batch batch = batch_of(golden, 0);
    const struct adapters adapted = {&adapter, 1};
    struct trained_model *model;
    struct weights *weights;
    struct loss_report report;
    struct err err;
    OK(weights_open_adapted(&weights, base, &adapted, &err));
    OK(trained_model_open(&model, &golden->config, &preprocess, weights, device, &options, &err));
    OK(trained_model_learn(model, &report, &batch, &err));
    trained_model_free(model);
    weights_free(weights);
    return report.loss;
}

static void check_written(const struct adapter_case *adapter, struct device *device)
{
    static const char base[] = DIPTYCH_SCRATCH "/base.safetensors";
    struct golden golden = *adapter->golden;
    struct loss_report report;
    struct err err;
    char folder[512];
    golden_open(&golden);
    const struct trained_model_options options = options_of(&golden);
    struct trained_model *start = model_of(&golden, device, &options);
    save_weights(start, PARAMETERS_VALUES, base);
    trained_model_free(start);
    struct trained_model *model = adapter_end(adapter, &golden, device, golden.batch);
    const struct contrastive_batch batch = batch_of(&golden, 0);
    OK(trained_model_learn(model, &report, &batch, &err));
    snprintf(folder, sizeof folder, DIPTYCH_SCRATCH "/%s", adapter->name);
    mkdir(folder, 0777);
    OK(trained_model_write_adapter(model, PARAMETERS_VALUES, folder, "made/up", DTYPE_F32, &err));
    const double merged = loss_of_merged(base, folder, &golden, device),
                 peft = loss_of_merged(base, path_in(adapter, "end"), &golden, device);
    print_message("%-10s loss %.7f, merged %.7f, peft's %.7f\n", adapter->name, report.loss, merged, peft);
    assert_true(fabs(report.loss / merged - 1) < 2e-6);
    assert_true(merged == peft); /* the same numbers under the same names, with the same settings */
    trained_model_free(model);
    golden_release(&golden);
}

static void what_is_written_is_merged_as_it_was_trained(void **state)
{
    struct device *device;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    for (size_t i = 0; i < ADAPTERS; i++)
        check_written(&adapters[i], device);
    device_free(device);
}

/* A path may have any bytes, and JSON may not. */
static void a_base_that_is_no_utf8_is_left_out(void **state)
{
    static const char folder[] = DIPTYCH_SCRATCH "/latin1";
    const struct adapter_case *adapter = &adapters[0];
    struct golden golden = *adapter->golden;
    struct device *device;
    struct err err;
    char *text;
    size_t size;
    (void)state;
    OK(device_open(&device, &on, &err));
    golden_open(&golden);
    struct trained_model *model = adapter_end(adapter, &golden, device, golden.batch);
    mkdir(folder, 0777);
    OK(trained_model_write_adapter(model, PARAMETERS_VALUES, folder, "caf\xe9", DTYPE_F32, &err));
    OK(file_read(&text, &size, DIPTYCH_SCRATCH "/latin1/adapter_config.json", 1 << 16, &err));
    assert_non_null(strstr(text, "\"base_model_name_or_path\": null"));
    free(text);
    trained_model_free(model);
    golden_release(&golden);
    device_free(device);
}

/* torch's kaiming_uniform_ of a = sqrt(5) has the variance 1 / (3 K), and no value beyond 1 / sqrt(K). */
static void adapters_begin_as_peft_begins_them(void **state)
{
    static const char path[] = DIPTYCH_SCRATCH "/begin.safetensors";
    struct golden golden = quick;
    struct tensor_file file;
    struct device *device;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    golden_open(&golden);
    struct trained_model_options options = options_of(&golden);
    options.what = TRAINED_LORA;
    options.lora = (struct lora_options){.rank = 32, .alpha = 1, .targets = BIT(LORA_FC_2), .seed = 3};
    struct trained_model *model = model_of(&golden, device, &options);
    save_adapter(model, PARAMETERS_VALUES, path);
    tensor_file_open(&file, path);
    assert_int_equal(file.count, 8);
    for (size_t i = 0; i < file.count; i++) {
        const struct weight *tensor = &file.tensors[i];
        const bool is_a = strstr(tensor->name, "lora_A");
        const double k = (double)tensor->shape[1], bound = is_a ? 1 / sqrt(k) : 0;
        float *values = tensor_copy_of(&file, "", tensor->name);
        double squares = 0, largest = 0;
        for (size_t j = 0; j < tensor->count; j++) {
            squares += (double)values[j] * (double)values[j] / (double)tensor->count;
            largest = fmax(largest, fabs((double)values[j]));
        }
        assert_true(largest <= bound && largest >= 0.99 * bound);
        assert_true(fabs(squares - bound * bound / 3) <= 0.05 * bound * bound);
        free(values);
    }
    tensor_file_release(&file);
    trained_model_free(model);
    golden_release(&golden);
    device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_trained_as_by_pytorch),
        cmocka_unit_test(averages_and_blends_are_those_of_pytorch),
        cmocka_unit_test(adapters_are_trained_as_by_peft),
        cmocka_unit_test(what_drops_out_is_drawn_from_the_batch),
        cmocka_unit_test(the_same_drops_out_of_pictures_again_after_several_texts),
        cmocka_unit_test(adapters_begin_as_peft_begins_them),
        cmocka_unit_test(what_is_written_is_merged_as_it_was_trained),
        cmocka_unit_test(a_base_that_is_no_utf8_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
