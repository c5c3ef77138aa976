// SPDX-License-Identifier: Apache-2.0
#include "text/captions/caption_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry that is not as it should be: 'x.json': annotations[3] has no "caption" */
static int bad_entry(
    const struct caption_reader *reader, const char *list, size_t i, const char *complaint, struct err *err)
{
    return err_set(err, ERR_FORMAT, "unable to read '%s': %s[%zu] %s", reader->path, list, i, complaint);
}

/* The text of an id, in the value or, of a number, in digits; NULL where it is neither. */
static const char *id_text(char digits[ID_SIZE], const json_t *value)
{
    if (!json_is_integer(value))
        return json_string_value(value);
    snprintf(digits, ID_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return digits;
}

/* "KIND\tVALUE\n" a fact, for free(); *out is NULL where there are none. */
static int read_facts(char **out, const json_t *facts, struct err *err)
{
    size_t size;
    const char *kind;
    json_t *value;
    *out = NULL;
    if (!facts)
        return 0;
    FILE *stream = open_memstream(out, &size);
    if (!stream)
        return err_memory(err, 0);
    bool texts = json_is_object(facts);
    json_object_foreach((json_t *)facts, kind, value)
    {
        texts = texts && json_is_string(value) && !strpbrk(kind, "\t\n") &&
                !strchr(json_string_value(value), '\n');
        if (texts)
            fprintf(stream, "%s\t%s\n", kind, json_string_value(value));
    }
    const bool whole = !fclose(stream);
    if (!texts)
        return err_set(err, ERR_FORMAT, "has \"facts\" that are no object of texts");
    return whole ? 0 : err_memory(err, 0);
}

static int add_annotation(struct caption_reader *reader, const char *id, const json_t *entry, struct err *err)
{
    const json_t *caption = json_object_get(entry, "caption");
    char *facts;
    int rc = read_facts(&facts, json_object_get(entry, "facts"), err);
    if (!rc)
        rc = caption_add_stating(
            reader, id, json_string_value(caption), json_string_length(caption), facts, err);
    free(facts);
    return rc;
}

static int read_annotations(
    struct caption_reader *reader, const json_t *list, const char *name, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i), *caption = json_object_get(entry, "caption");
        char digits[ID_SIZE];
        const char *id = id_text(digits, json_object_get(entry, "image_id"));
        if (!id)
            return bad_entry(reader, name, i, "has no \"image_id\" that is a whole number or a text", err);
        if (!json_is_string(caption))
            return bad_entry(reader, name, i, "has no \"caption\" that is a text", err);
        struct err problem;
        rc = add_annotation(reader, id, entry, &problem);
        if (rc)
            return rc == ERR_FORMAT ? bad_entry(reader, name, i, problem.msg, err)
                                    : err_set(err, rc, "%s", problem.msg);
    }
    return rc;
}

/* Notes the name of a picture, if the image has captions. */
static int name_picture(struct caption_reader *reader, const char *id, const json_t *file, struct err *err)
{
    return json_is_string(file)
               ? caption_name_picture(reader->set, id, json_string_value(file), json_string_length(file), err)
               : 0;
}

static int read_coco(struct caption_reader *reader, const json_t *root, struct err *err)
{
    const json_t *images = json_object_get(root, "images");
    int rc = read_annotations(reader, json_object_get(root, "annotations"), "annotations", err);
    for (size_t i = 0; !rc && i < json_array_size(images); i++) {
        const json_t *image = json_array_get(images, i);
        char digits[ID_SIZE];
        const char *id = id_text(digits, json_object_get(image, "id"));
        if (!id)
            return bad_entry(reader, "images", i, "has no \"id\" that is a whole number or a text", err);
        rc = name_picture(reader, id, json_object_get(image, "file_name"), err);
    }
    return rc;
}

/* The first image of the file has the number `first`. */
static int read_karpathy_image(
    struct caption_reader *reader, size_t first, size_t i, const json_t *image, struct err *err)
{
    const json_t *sentences = json_object_get(image, "sentences"), *sentence;
    const json_t *coco = json_object_get(image, "cocoid");
    char digits[ID_SIZE];
    const char *id = id_text(digits, coco ? coco : json_object_get(image, "imgid"));
    size_t s;
    if (!id)
        return bad_entry(reader, "images", i, "has neither \"cocoid\" nor \"imgid\"", err);
    const struct captioned_image *known = caption_set_find(reader->set, id);
    if (known && known >= reader->set->images + first)
        return bad_entry(reader, "images", i, "has the id of an image before it", err);
    if (!json_is_array(sentences))
        return bad_entry(reader, "images", i, "has no list of \"sentences\"", err);
    json_array_foreach(sentences, s, sentence)
    {
        const json_t *raw = json_object_get(sentence, "raw");
        if (!json_is_string(raw))
            return bad_entry(reader, "images", i, "has a sentence without \"raw\" text", err);
        const int rc = caption_add(reader, id, json_string_value(raw), json_string_length(raw), err);
        if (rc)
            return rc;
    }
    return name_picture(reader, id, json_object_get(image, "filename"), err);
}

static int read_karpathy(struct caption_reader *reader, const json_t *images, struct err *err)
{
    const size_t before = reader->count, first = reader->set->count;
    int rc = 0;
    for (size_t i = 0; !rc && i < json_array_size(images); i++) {
        const json_t *image = json_array_get(images, i);
        const char *split = json_string_value(json_object_get(image, "split"));
        if (!split)
            return bad_entry(reader, "images", i, "has no \"split\"", err);
        if (!reader->split || !strcmp(split, reader->split))
            rc = read_karpathy_image(reader, first, i, image, err);
    }
    if (!rc && reader->count == before)
        rc = err_set(err, ERR_FORMAT, "unable to read '%s': no image of split '%s'", reader->path,
            reader->split ? reader->split : "any");
    return rc;
}

static int read_stem(struct caption_reader *reader, const char *stem, const json_t *value, struct err *err)
{
    const bool is_list = json_is_array(value);
    int rc = 0;
    for (size_t i = 0; !rc && i < (is_list ? json_array_size(value) : 1); i++) {
        const json_t *caption = is_list ? json_array_get(value, i) : value;
        if (!json_is_string(caption))
            return err_set(err, ERR_FORMAT,
                "unable to read '%s': the value of '%s' is neither a caption nor a list of them",
                reader->path, stem);
        rc = caption_add(reader, stem, json_string_value(caption), json_string_length(caption), err);
    }
    return rc;
}

static int read_stems(struct caption_reader *reader, json_t *root, struct err *err)
{
    const char *stem;
    json_t *value;
    int rc = 0;
    json_object_foreach(root, stem, value)
    {
        if (!rc)
            rc = read_stem(reader, stem, value, err);
    }
    return rc;
}

/* Captions without ids: those of the images "1", "2" ..., as the lines of a text are. */
static int read_list(struct caption_reader *reader, const json_t *list, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < json_array_size(list); i++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "%zu", i + 1);
        rc = read_stem(reader, id, json_array_get(list, i), err);
    }
    return rc;
}

int caption_read_value(struct caption_reader *reader, json_t *root, struct err *err)
{
    const json_t *images = json_object_get(root, "images"), *first = json_array_get(root, 0);
    if (json_is_string(first) || json_is_array(first))
        return read_list(reader, root, err);
    if (json_is_array(root))
        return read_annotations(reader, root, "entry ", err);
    if (json_is_array(json_object_get(root, "annotations")))
        return read_coco(reader, root, err);
    if (json_is_array(images) && json_is_object(json_array_get(images, 0)))
        return read_karpathy(reader, images, err);
    return read_stems(reader, root, err);
}

int caption_read_json(struct caption_reader *reader, const char *bytes, size_t size, struct err *err)
{
    json_t *root;
    int rc = json_parse_value(&root, bytes, size, reader->path, err);
    if (rc && caption_lines_lack(bytes))
        return err_set(err, ERR_FORMAT,
            "unable to read '%s': lines of JSON, of which the first has no picture's \"file_name\" and its "
            "\"text\"",
            reader->path);
    if (rc)
        return rc;
    rc = caption_read_value(reader, root, err);
    json_decref(root);
    return rc;
}
