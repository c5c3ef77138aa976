// SPDX-License-Identifier: Apache-2.0
#include "joint/batch.h"

#include "joint/internal.h"

#include <stdlib.h>

/* The rows that a tower left in out (B, D), at length 1 unless raw. */
static int read_embeddings(
    float *embeddings, struct stream *stream, bool raw, struct tensor out, struct err *err)
{
    const int rc = raw ? 0 : normalize_rows(stream, out, err);
    return rc ? rc : tensor_read(stream, embeddings, out, shape_count(out.shape), err);
}

/* batch_pictures of pixels (B, S, S, 3). */
static int run_pixels(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const uint8_t *pixels, size_t batch, struct err *err)
{
    const size_t size = model_config(model)->vision.image_size, width = model_width(model);
    const size_t mark = stream_mark(stream);
    struct tensor in, out;
    int rc;

    if ((rc = tensor_new(&in, stream, DTYPE_U8, SHAPE(batch, size, size, 3), err)) ||
        (rc = tensor_new(&out, stream, DTYPE_F32, SHAPE(batch, width), err)) ||
        (rc = tensor_write(stream, in, pixels, batch * size * size * 3, err)) ||
        (rc = model_encode_pixels(model, stream, out, in, err)))
        goto done;
    rc = read_embeddings(embeddings, stream, raw, out, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* Where the pictures of a batch begin among the patches of all, and the longest; ERR_ARGUMENT for one that has none, or
 * too many. pixels are preprocess_run's, NULL while planning: then all have the most patches. */
static int list_patches(struct sequences *out, int32_t *starts, const struct patches **grids,
    const struct preprocess *preprocess, const uint8_t *pixels, size_t batch, struct err *err)
{
    const size_t bytes = preprocess_bytes(preprocess), most = (size_t)preprocess->max_patches;
    *out = (struct sequences){
        .count = batch, .longest = pixels ? 0 : most, .host_starts = pixels ? starts : NULL};
    starts[0] = 0;
    for (size_t i = 0; i < batch; i++) {
        size_t patches = most;
        if (pixels) {
            grids[i] = (const void *)(pixels + i * bytes);
            patches = (size_t)grids[i]->rows * grids[i]->columns;
            if (!patches || patches > most)
                return err_set(
                    err, ERR_ARGUMENT, "picture %zu has %zu patches, not 1 to %zu", i, patches, most);
            out->longest = patches > out->longest ? patches : out->longest;
        }
        starts[i + 1] = starts[i] + (int32_t)patches;
    }
    return 0;
}

/* The patches of all pictures, one after the other, and what says where each begins. */
static int write_patches(struct stream *stream, struct tensor in, const struct sequences *sequences,
    const struct patches *const *grids, struct err *err)
{
    const size_t width = tensor_width(in);
    int rc = tensor_write(stream, sequences->starts, sequences->host_starts, sequences->count + 1, err);
    for (size_t i = 0; sequences->host_starts && i < sequences->count && !rc; i++) {
        const size_t first = (size_t)sequences->host_starts[i];
        const size_t rows = (size_t)sequences->host_starts[i + 1] - first;
        struct tensor part = tensor_view(in, SHAPE(rows, width));
        part.offset += first * width;
        rc = tensor_write(stream, part, grids[i]->pixels, rows * width, err);
    }
    return rc;
}

/* batch_pictures for pictures of any size, with memory for where they begin (B + 1) and their grids (B). */
static int run_patches(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const uint8_t *pixels, size_t batch, int32_t *starts, const struct patches **grids, struct err *err)
{
    const struct preprocess *preprocess = model_preprocess(model);
    const size_t patch = (size_t)preprocess->patch, values = 3 * patch * patch, width = model_width(model);
    const size_t mark = stream_mark(stream);
    struct sequences sequences;
    struct tensor in, out;
    int rc = list_patches(&sequences, starts, grids, preprocess, pixels, batch, err);
    if (rc || (rc = tensor_new(&in, stream, DTYPE_U8, SHAPE((size_t)starts[batch], values), err)) ||
        (rc = tensor_new(&sequences.starts, stream, DTYPE_I32, SHAPE(batch + 1), err)) ||
        (rc = tensor_new(&out, stream, DTYPE_F32, SHAPE(batch, width), err)) ||
        (rc = write_patches(stream, in, &sequences, grids, err)) ||
        (rc = model_encode_patches(model, stream, out, in, &sequences, grids, err)))
        goto done;
    rc = read_embeddings(embeddings, stream, raw, out, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

int batch_pictures(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const uint8_t *pixels, size_t batch, struct err *err)
{
    if (!model_config(model)->vision.any_size)
        return run_pixels(stream, model, raw, embeddings, pixels, batch, err);
    int32_t *starts = mem_new(batch + 1, sizeof *starts);
    const struct patches **grids = mem_new(batch, sizeof(struct patches *));
    const int rc = starts && grids
                       ? run_patches(stream, model, raw, embeddings, pixels, batch, starts, grids, err)
                       : err_memory(err, batch * sizeof *starts);
    free(starts);
    free(grids);
    return rc;
}

int batch_ids(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const int32_t *ids, const int32_t *eot, size_t batch, size_t tokens, struct err *err)
{
    const size_t width = model_width(model), mark = stream_mark(stream);
    struct tensor in, pool, out;
    int rc;

    if ((rc = tensor_new(&in, stream, DTYPE_I32, SHAPE(batch, tokens), err)) ||
        (rc = tensor_new(&pool, stream, DTYPE_I32, SHAPE(batch), err)) ||
        (rc = tensor_new(&out, stream, DTYPE_F32, SHAPE(batch, width), err)) ||
        (rc = tensor_write(stream, in, ids, batch * tokens, err)) ||
        (rc = tensor_write(stream, pool, eot, batch, err)) ||
        (rc = model_encode_ids(model, stream, out, in, pool, err)))
        goto done;
    rc = read_embeddings(embeddings, stream, raw, out, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

int batch_packed(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const struct packed_texts *texts, struct err *err)
{
    const struct sequences *of = &texts->sequences;
    const size_t width = model_width(model), rows = texts->rows, mark = stream_mark(stream);
    struct sequences sequences = *of;
    struct tensor ids, places, eot, out;
    int rc;

    if ((rc = tensor_new(&ids, stream, DTYPE_I32, SHAPE(rows), err)) ||
        (rc = tensor_new(&places, stream, DTYPE_I32, SHAPE(rows), err)) ||
        (rc = tensor_new(&eot, stream, DTYPE_I32, SHAPE(of->count), err)) ||
        (rc = tensor_new(&sequences.starts, stream, DTYPE_I32, SHAPE(of->count + 1), err)) ||
        (rc = tensor_new(&out, stream, DTYPE_F32, SHAPE(of->count, width), err)) ||
        (rc = tensor_write(stream, ids, texts->ids, rows, err)) ||
        (rc = tensor_write(stream, places, texts->places, rows, err)) ||
        (rc = tensor_write(stream, eot, texts->eot, of->count, err)) ||
        (rc = tensor_write(stream, sequences.starts, of->host_starts, of->count + 1, err)) ||
        (rc = model_encode_packed(model, stream, out, ids, places, &sequences, eot, err)))
        goto done;
    rc = read_embeddings(embeddings, stream, raw, out, err);
done:
    stream_rewind(stream, mark);
    return rc;
}
