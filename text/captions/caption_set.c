// SPDX-License-Identifier: Apache-2.0
#include "text/captions/caption_file.h"

#include <stdlib.h>
#include <string.h>

/* The image of that id, which is new where it was not there. */
static int find_or_add(size_t *out, struct caption_set *set, const char *id, struct err *err)
{
    size_t *at;
    int rc = array_grow(set->images, &set->room, set->count + 1, err);
    if (!rc)
        rc = string_map_add(&at, &set->by_id, id, strlen(id), set->count, err);
    if (rc)
        return rc;
    *out = *at;
    if (*at < set->count)
        return 0;
    char *copy = arena_copy(&set->arena, id, strlen(id));
    if (!copy)
        return err_memory(err, strlen(id));
    set->images[set->count++] = (struct captioned_image){.id = copy};
    return 0;
}

int caption_add(
    struct caption_reader *reader, const char *id, const char *caption, size_t length, struct err *err)
{
    return caption_add_stating(reader, id, caption, length, NULL, err);
}

int caption_add_stating(struct caption_reader *reader, const char *id, const char *caption, size_t length,
    const char *facts, struct err *err)
{
    if (length > CAPTION_MAX)
        return err_set(err, ERR_LIMIT,
            "unable to read '%s': the caption of image '%s' has %zu bytes, the limit is %d", reader->path, id,
            length, CAPTION_MAX);
    int rc = array_grow(reader->mentions, &reader->room, reader->count + 1, err);
    if (rc)
        return rc;
    struct mention *mention = &reader->mentions[reader->count];
    rc = find_or_add(&mention->image, reader->set, id, err);
    if (rc)
        return rc;
    mention->caption = arena_copy(&reader->set->arena, caption, length);
    mention->facts = facts ? arena_copy(&reader->set->arena, facts, strlen(facts)) : NULL;
    if (!mention->caption || (facts && !mention->facts))
        return err_memory(err, length);
    reader->set->facts |= facts != NULL;
    reader->count++;
    return 0;
}

int caption_name_picture(
    struct caption_set *set, const char *id, const char *name, size_t length, struct err *err)
{
    const size_t *at = string_map_find(&set->by_id, id, strlen(id));
    if (!at)
        return 0;
    set->images[*at].file = arena_copy(&set->arena, name, length);
    return set->images[*at].file ? 0 : err_memory(err, length);
}

/* Without the zeros before it; NULL where an id is no number. */
static const char *number_of(const char *id)
{
    const size_t digits = strspn(id, "0123456789"), zeros = strspn(id, "0");
    return !digits || id[digits] ? NULL : id + (zeros < digits ? zeros : digits - 1);
}

static int index_numbers(struct caption_set *set, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < set->count && !rc; i++) {
        const char *number = number_of(set->images[i].id);
        size_t *at;
        if (number && !(rc = string_map_add(&at, &set->by_number, number, strlen(number), i, err)) &&
            *at != i)
            *at = set->count;
    }
    return rc;
}

int caption_gather(struct caption_reader *reader, struct err *err)
{
    struct caption_set *set = reader->set;
    for (size_t i = 0; i < reader->count; i++)
        set->images[reader->mentions[i].image].count++;
    for (size_t i = 0; i < set->count; i++) {
        struct captioned_image *image = &set->images[i];
        image->captions = arena_alloc(&set->arena, image->count * sizeof *image->captions);
        image->facts = set->facts ? arena_alloc(&set->arena, image->count * sizeof *image->facts) : NULL;
        if (!image->captions || (set->facts && !image->facts))
            return err_memory(err, image->count * sizeof *image->captions);
        image->count = 0;
    }
    for (size_t i = 0; i < reader->count; i++) {
        struct captioned_image *image = &set->images[reader->mentions[i].image];
        if (set->facts)
            image->facts[image->count] = reader->mentions[i].facts;
        image->captions[image->count++] = reader->mentions[i].caption;
    }
    return index_numbers(set, err);
}

const struct captioned_image *caption_set_find(const struct caption_set *set, const char *id)
{
    const char *number = number_of(id);
    const size_t *at = string_map_find(&set->by_id, id, strlen(id));
    if (!at && number)
        at = string_map_find(&set->by_number, number, strlen(number));
    return at && *at < set->count ? &set->images[*at] : NULL;
}

void caption_set_release(struct caption_set *set)
{
    if (!set)
        return;
    string_map_release(&set->by_id);
    string_map_release(&set->by_number);
    free(set->images);
    arena_release(&set->arena);
    *set = (struct caption_set){0};
}
