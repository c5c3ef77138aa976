// SPDX-License-Identifier: Apache-2.0
/*
 * A model's fingerprint is the first half of the SHA-256 of these, one after the other:
 *
 *   - what the towers and the preprocessing are, by the values in use, not by the files that hold them: a
 *     config.json that was written anew makes no other model;
 *   - the SHA-256 of each tokenizer file there is, and, but for CLIP's kind, what else ids depend on, by the values in
 *     use: tokenizer_put_settings;
 *   - of each tensor, in file order, the name, type and shape, and WINDOWS pieces of WINDOW bytes evenly
 *     spread over its data, all of it where it is no larger;
 *   - of each adapter, in their order, its weight, and of each tensor it changes, by name, what is multiplied or takes its
 *     place: values as float32, so that the file's type does not matter, in such pieces.
 *
 * Hashing the weights whole would cost two seconds at each start for a ViT-L/14; the pieces of its 590
 * tensors are 2.4 MB. Training, fine-tuning, merging and converting to another type change nearly every
 * element of a tensor, so they show; a single element changed by hand need not.
 */
#include "joint/adapter.h"
#include "joint/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOWS = 8, WINDOW = 512 };

static void put_transformer(FILE *out, const struct transformer_config *config)
{
    fprintf(out, "%zu %zu %zu %zu %d %.9g %d\n", config->layers, config->width, config->heads,
        config->mlp_width, (int)config->activation, (double)config->eps, config->causal);
}

static void put_block(FILE *out, const struct transformer_config *config)
{
    const struct rotary *rotary = &config->rotary;
    if (config->norm_place || config->gated || config->inner_norm)
        fprintf(out, "block %d %d %d\n", (int)config->norm_place, config->gated, config->inner_norm);
    if (rotary->grid)
        fprintf(out, "rotary %zu %zu %.9g %.9g %d\n", rotary->grid, rotary->class_tokens,
            (double)rotary->first, (double)rotary->scale, rotary->x_first);
}

/* What no CLIP model has is put only where it is there, so that theirs stay what they are. Of the preprocessing, the
 * values in use count and not the file that they are from: the same in processor_config.json are the same model.
 * The layout's order of steps follows from the rounding of its crops. */
static void put_config(FILE *out, const struct model_config *config, const struct preprocess *preprocess)
{
    const struct vit_config *vision = &config->vision;
    const struct text_config *text = &config->text;
    put_transformer(out, &vision->block);
    fprintf(out, "%zu %zu %zu\n", vision->image_size, vision->patch_size, vision->embed_width);
    put_transformer(out, &text->block);
    fprintf(out, "%zu %zu %zu %d %" PRId32 "\n", text->vocab, text->context, text->embed_width,
        (int)text->eot_rule, text->eot_id);
    fprintf(out, "%d %d %d %d %d %.9g\n", (int)preprocess->resize_mode, (int)preprocess->resample,
        (int)preprocess->crop_rounding, preprocess->resize, preprocess->crop, (double)preprocess->scale);
    for (int c = 0; c < 3; c++)
        fprintf(out, "%.9g %.9g\n", (double)preprocess->mean[c], (double)preprocess->std[c]);
    if (preprocess->fill)
        fprintf(out, "fill %d\n", (int)preprocess->fill);
    if (!vision->pre_norm)
        fputs("no pre_norm\n", out);
    if (!vision->class_token || vision->patch_bias || vision->pooling || vision->projection)
        fprintf(out, "vision %d %d %d %d\n", vision->class_token, vision->patch_bias, (int)vision->pooling,
            (int)vision->projection);
    if (vision->any_size)
        fprintf(out, "any size %d %d\n", preprocess->patch, preprocess->max_patches);
    if (vision->class_unplaced || vision->stem)
        fprintf(out, "patches %d %d\n", vision->class_unplaced, vision->stem);
    if (vision->pool_heads)
        fprintf(out, "pool %zu %zu\n", vision->pool_heads, vision->pool_mlp_width);
    put_block(out, &vision->block);
    if (text->projection)
        fprintf(out, "text %d\n", (int)text->projection);
    put_block(out, &text->block);
    if (text->packed)
        fprintf(out, "packed %zu %zu %d %zu %d %d %d %d\n", text->embedding.positions, text->embedding.first,
            text->embedding.waves, text->embedding.types, text->embedding.scaled, text->embedding.norm,
            text->skips_padding, text->no_final_norm);
    if (text->neck)
        fprintf(out, "neck %zu %d %d\n", text->neck, (int)text->neck_activation, text->neck_bias);
    if (text->eot_rule == TEXT_CLASS)
        fprintf(out, "class %" PRId32 "\n", text->pad_id);
}

static int put_tokenizer(FILE *out, const char *directory, struct err *err)
{
    static const char *const names[] = {"tokenizer.json", "vocab.json", "merges.txt",
        "bpe_simple_vocab_16e6.txt.gz", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
        "vocab.txt"};
    struct arena arena = {0};
    int rc = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && !rc; i++) {
        char hash[HASH_SIZE];
        const char *path = path_join(&arena, directory, names[i]);
        if (!path)
            rc = err_memory(err, strlen(directory));
        else if (file_exists(path) && !(rc = hash_file(hash, path, err)))
            fprintf(out, "%s %s\n", names[i], hash);
    }
    arena_release(&arena);
    return rc;
}

static void put_pieces(FILE *out, const void *data, size_t bytes)
{
    if (bytes <= WINDOWS * WINDOW) {
        fwrite(data, 1, bytes, out);
        return;
    }
    const size_t last = bytes - WINDOW; /* where the last window begins; the first begins at 0 */
    for (size_t w = 0; w < WINDOWS; w++)
        fwrite((const uint8_t *)data + last * w / (WINDOWS - 1), 1, WINDOW, out);
}

static void put_tensor(FILE *out, const struct weight *weight)
{
    fprintf(out, "%s %s", weight->name, weight->type);
    for (int r = 0; r < weight->rank; r++)
        fprintf(out, " %zu", weight->shape[r]);
    fputc('\n', out);
    put_pieces(out, weight->data, weight_bytes(weight));
}

static void put_values(FILE *out, const char *what, const float *values, size_t count)
{
    if (!values)
        return;
    fprintf(out, "%s %zu\n", what, count);
    put_pieces(out, values, count * sizeof *values);
}

static void put_change(FILE *out, const struct weight_change *change)
{
    const size_t n = change->rows, k = change->columns;
    fprintf(out, "%s %zu %zu\n", change->tensor, n, k);
    put_values(out, "up", change->up, n * change->rank);
    put_values(out, "down", change->down, change->rank * k);
    put_values(out, "magnitude", change->magnitude, change->by_column ? k : n);
    put_values(out, "value", change->value, n * k);
}

static int put_adapter(FILE *out, const char *name, const struct weights *weights, struct err *err)
{
    struct adapter *adapter;
    const int rc = adapter_open(&adapter, name, weights, err);
    if (rc)
        return rc;
    fprintf(out, "adapter %.9g\n", (double)adapter->weight);
    for (size_t i = 0; i < adapter->count; i++)
        put_change(out, &adapter->changes[i]);
    adapter_free(adapter);
    return 0;
}

static int put_weights(FILE *out, const char *directory, const struct adapters *adapters, struct err *err)
{
    struct weights *weights;
    int rc = weights_open(&weights, directory, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < weights_count(weights); i++)
        put_tensor(out, weights_at(weights, i));
    for (size_t i = 0; adapters && i < adapters->count && !rc; i++)
        rc = put_adapter(out, adapters->names[i], weights, err);
    weights_free(weights);
    return rc;
}

/* All but the weights. */
static int put_form(FILE *out, const char *path, struct err *err)
{
    struct model_config config;
    struct preprocess preprocess;
    struct arena arena = {0};
    const char *folder = path;
    int rc = path_folder(&folder, path, &arena, err);
    if (!rc)
        rc = model_config_read(&config, path, err);
    if (!rc)
        rc = model_preprocess_read(&preprocess, &config, path, err);
    if (!rc) {
        put_config(out, &config, &preprocess);
        rc = put_tokenizer(out, folder, err);
    }
    if (!rc)
        rc = tokenizer_put_settings(out, folder, config.tokenizer, err);
    arena_release(&arena);
    return rc;
}

/* A fingerprint is the hash of these. */
static int hash_model(char out[FINGERPRINT_SIZE], const char *path, bool weights,
    const struct adapters *adapters, struct err *err)
{
    char *bytes = NULL, hash[HASH_SIZE];
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream)
        return err_memory(err, 0);
    int rc = put_form(stream, path, err);
    if (!rc && weights)
        rc = put_weights(stream, path, adapters, err);
    if (rc)
        err_wrap(err, "cannot open model '%s'", path);
    const bool failed = ferror(stream);
    if ((fclose(stream) || failed) && !rc)
        rc = err_memory(err, size);
    if (!rc) {
        hash_bytes(hash, bytes, size);
        snprintf(out, FINGERPRINT_SIZE, "%.*s", FINGERPRINT_SIZE - 1, hash);
    }
    free(bytes);
    return rc;
}

int model_form_fingerprint(char out[FINGERPRINT_SIZE], const char *path, struct err *err)
{
    return hash_model(out, path, false, NULL, err);
}

int model_directory_fingerprint(char out[FINGERPRINT_SIZE], const char *path, struct err *err)
{
    return model_adapted_fingerprint(out, path, NULL, err);
}

int model_adapted_fingerprint(
    char out[FINGERPRINT_SIZE], const char *path, const struct adapters *adapters, struct err *err)
{
    return hash_model(out, path, true, adapters, err);
}

int model_fingerprint(char out[FINGERPRINT_SIZE], const struct model *model, struct err *err)
{
    if (!model_path(model))
        return err_set(err, ERR_ARGUMENT, "a model that was made up has no fingerprint");
    return model_adapted_fingerprint(out, model_path(model), model_adapters(model), err);
}
