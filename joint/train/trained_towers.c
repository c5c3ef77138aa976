// SPDX-License-Identifier: Apache-2.0
#include "joint/train/trained_towers.h"

static int open_vision(struct trained_towers *towers, const struct preprocess *preprocess,
    const struct weights *weights, struct device *device, struct tower_training training,
    struct parameters *parameters, struct err *err)
{
    const struct vit_config *config = &towers->config.vision;
    if (training.part == TOWER_NONE)
        return vit_load(&towers->locked_vision, config, preprocess, weights, device, err);
    return trained_vit_new(&towers->vision, config, preprocess, parameters, &training, err);
}

static int open_text(struct trained_towers *towers, const struct weights *weights, struct device *device,
    struct tower_training training, struct parameters *parameters, struct err *err)
{
    const struct text_config *config = &towers->config.text;
    if (training.part != TOWER_NONE)
        return trained_text_new(&towers->text, config, parameters, &training, err);
    if (config->packed)
        return err_set(err, ERR_UNSUPPORTED,
            "text towers that take packed texts cannot be locked while others are trained");
    return text_tower_load(&towers->locked_text, config, weights, device, err);
}

int trained_towers_open(struct trained_towers *out, const struct model_config *config,
    const struct preprocess *preprocess, const struct weights *weights, struct device *device,
    const struct trained_what_is *what, const struct tower_training *training, struct parameters *parameters,
    struct err *err)
{
    struct tower_training vision = *training, text = *training;
    vision.part = what->vision;
    text.part = what->text;
    *out = (struct trained_towers){.config = *config};
    const int rc = open_vision(out, preprocess, weights, device, vision, parameters, err);
    return rc ? rc : open_text(out, weights, device, text, parameters, err);
}

void trained_towers_release(struct trained_towers *towers)
{
    trained_vit_free(towers->vision);
    vit_free(towers->locked_vision);
    trained_text_free(towers->text);
    text_tower_free(towers->locked_text);
}

int trained_towers_images(const struct trained_towers *towers, struct stream *stream, struct tensor images,
    const uint8_t *pixels, struct err *err)
{
    const size_t size = towers->config.vision.image_size, count = tensor_rows(images);
    struct tensor in; // (count, S, S, 3)
    int rc = tensor_new(&in, stream, DTYPE_U8, SHAPE(count, size, size, 3), err);
    if (!rc)
        rc = tensor_write(stream, in, pixels, shape_count(in.shape), err);
    if (rc)
        return rc;
    return towers->vision ? trained_vit_forward(towers->vision, stream, images, in, err)
                          : vit_forward(towers->locked_vision, stream, images, in, err);
}

static int embed_locked_texts(const struct trained_towers *towers, struct stream *stream, struct tensor texts,
    const int32_t *ids, const int32_t *eot, size_t tokens, struct err *err)
{
    const size_t count = tensor_rows(texts), mark = stream_mark(stream);
    struct tensor rows, ends; // (count, T) and (count) int32
    int rc;
    if ((rc = tensor_new(&rows, stream, DTYPE_I32, SHAPE(count, tokens), err)) ||
        (rc = tensor_new(&ends, stream, DTYPE_I32, SHAPE(count), err)) ||
        (rc = tensor_write(stream, rows, ids, count * tokens, err)) ||
        (rc = tensor_write(stream, ends, eot, count, err)))
        goto done;
    rc = text_tower_forward(towers->locked_text, stream, texts, rows, ends, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

int trained_towers_texts(const struct trained_towers *towers, struct stream *stream, struct tensor texts,
    const int32_t *ids, const int32_t *eot, size_t tokens, struct err *err)
{
    return towers->text
               ? trained_text_forward(towers->text, stream, texts, ids, eot, tensor_rows(texts), tokens, err)
               : embed_locked_texts(towers, stream, texts, ids, eot, tokens, err);
}

int trained_towers_images_backward(
    const struct trained_towers *towers, struct stream *stream, struct tensor dimages, struct err *err)
{
    return towers->vision ? trained_vit_backward(towers->vision, stream, dimages, err) : 0;
}

int trained_towers_texts_backward(
    const struct trained_towers *towers, struct stream *stream, struct tensor dtexts, struct err *err)
{
    return towers->text ? trained_text_backward(towers->text, stream, dtexts, err) : 0;
}
