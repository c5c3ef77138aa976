// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures of indexes that captions are about. The names that captions have for their pictures are few; an index may have a thousand
 * million pictures. So the names are what is kept, each with the number of pictures that are called so, and the pictures go by.
 * Where several processes have the pictures, each counts its own, and the sums say what there is.
 */
#include "index/index.h"
#include "joint/evaluation/internal.h"
#include "joint/evaluation/peers.h"

#include <stdlib.h>
#include <string.h>

/* What the picture of an image may be called, the surest first: its path from here, the path as captions have it, the last part of
 * that, and the image's id. The first that any picture is called by counts. */
enum { WAYS = 4, STEP = 1024 /* pictures between two looks at the job */ };
#define NO_NAME SIZE_MAX

struct lookup {
    struct captioned_pictures *out;
    const struct caption_set *set; /* the first process's */
    const struct indexed_pictures *from;
    const struct job *job;
    size_t *ways; // (set->count, WAYS): names of each image, or NO_NAME

    struct string_map by_name; /* the number of a name */
    struct strings names;
    size_t *found, *rows; // (names.count): pictures with that name, and the sum of their rows: of one its row
    size_t pictures;      /* all that there are */
    int64_t before;       /* rows of the indexes before the one that is gone through */
    struct err *err;
};

/* ---- names --------------------------------------------------------------------------------------------- */

static int want(size_t *number, struct lookup *s, const char *name, struct err *err)
{
    const size_t next = s->names.count;
    size_t *at;
    const int rc = string_map_add(&at, &s->by_name, name, strlen(name), next, err);
    if (rc)
        return rc;
    *number = *at;
    return *number == next ? strings_add(&s->names, name, strlen(name), err) : 0;
}

static int want_image(size_t *ways, struct lookup *s, const struct captioned_image *image, struct err *err)
{
    struct arena arena = {0};
    const char *file = image->file, *slash = file ? strrchr(file, '/') : NULL;
    const char *path = file ? path_absolute(&arena, file, err) : NULL;
    const char *const all[WAYS] = {path, slash ? file : NULL, slash ? slash + 1 : file, image->id};
    int rc = file && !path ? ERR_MEMORY : 0;
    for (size_t way = 0; way < WAYS && !rc; way++) {
        ways[way] = NO_NAME;
        if (all[way])
            rc = want(&ways[way], s, all[way], err);
    }
    arena_release(&arena);
    return rc;
}

static int want_all(struct lookup *s, struct err *err)
{
    int rc = 0;
    s->ways = mem_new(s->set->count + 1, WAYS * sizeof *s->ways);
    if (!s->ways)
        return err_memory(err, s->set->count * WAYS * sizeof *s->ways);
    for (size_t i = 0; i < s->set->count && !rc; i++)
        rc = want_image(&s->ways[i * WAYS], s, &s->set->images[i], err);
    return rc;
}

/* Takes the names of a text of this size, each with its NUL, and one more behind the last. */
static int want_names(struct lookup *s, const char *text, size_t size, struct err *err)
{
    size_t number;
    int rc = 0;
    for (const char *at = text; at < text + size - 1 && !rc; at += strlen(at) + 1)
        rc = want(&number, s, at, err);
    return rc;
}

/* The first process's names, for all: their numbers are the same there. */
static int tell_names(struct lookup *s, struct err *err)
{
    const struct peers *peers = s->from->peers;
    size_t size = 1;
    if (!peers)
        return 0;
    for (size_t i = 0; i < s->names.count; i++)
        size += strlen(s->names.items[i]) + 1;
    peers_tell(peers, &size, sizeof size);
    char *text = mem_new(size, 1), *end = text;
    int rc = peers_agree_own(peers, text ? 0 : err_memory(err, size), err);
    if (!rc) {
        for (size_t i = 0; i < s->names.count; i++)
            end = stpcpy(end, s->names.items[i]) + 1;
        peers_tell(peers, text, size);
        rc = peers_agree_own(peers, peers->first ? 0 : want_names(s, text, size, err), err);
    }
    free(text);
    return rc;
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static void see_name(struct lookup *s, struct span name, int64_t row)
{
    const size_t *number = string_map_find(&s->by_name, name.data, name.length);
    if (!number)
        return;
    s->found[*number]++;
    s->rows[*number] += (size_t)(s->before + row);
}

static int see_picture(void *context, const struct index_item *item)
{
    struct lookup *s = context;
    struct span names[PICTURE_NAMES];
    int rc = 0;
    if (s->pictures++ % STEP == 0)
        rc = job_step(s->job, "looking for pictures", 0, 0, s->err);
    if (rc || !item->path)
        return rc;
    const size_t count = picture_names_of(names, item->path);
    for (size_t i = 0; i < count; i++)
        see_name(s, names[i], item->row);
    if (names[0].data != item->path) /* else its name is its path */
        see_name(s, span_of(item->path), item->row);
    return 0;
}

static int see_all(struct lookup *s, struct err *err)
{
    static const struct index_filter pictures = {.kind = INDEX_IMAGE};
    const struct indexed_pictures *from = s->from;
    int rc = 0;
    s->err = err;
    s->found = mem_new(s->names.count + 1, sizeof *s->found);
    s->rows = mem_new(s->names.count + 1, sizeof *s->rows);
    if (!s->found || !s->rows)
        rc = err_memory(err, s->names.count * sizeof *s->rows);
    rc = peers_agree_own(from->peers, rc, err);
    for (size_t i = 0; i < from->count && !rc; i++)
        if (from->indexes[i]) {
            s->before = from->before[i];
            rc = peers_blame(
                from->peers, i, index_each(from->indexes[i], &pictures, see_picture, s, err), err);
        }
    rc = peers_agree(from->peers, rc, err);
    if (rc)
        return rc;
    peers_sum(from->peers, s->found, s->names.count);
    peers_sum(from->peers, s->rows, s->names.count);
    peers_sum(from->peers, &s->pictures, 1);
    return 0;
}

/* ---- images -------------------------------------------------------------------------------------------- */

/* NO_NAME: no picture is called like that image. */
static size_t name_of(const struct lookup *s, size_t image)
{
    for (size_t way = 0; way < WAYS; way++) {
        const size_t name = s->ways[image * WAYS + way];
        if (name != NO_NAME && s->found[name])
            return name;
    }
    return NO_NAME;
}

static int take_image(struct lookup *s, size_t image, struct err *first, struct err *err)
{
    struct captioned_pictures *out = s->out;
    const size_t name = name_of(s, image), found = name == NO_NAME ? 0 : s->found[name];
    struct err problem;
    if (picture_names_check(found, s->set->images[image].id, s->from->place, &problem))
        return captioned_pictures_miss(out, first, &problem, err);
    out->rows[out->count] = (int64_t)s->rows[name];
    out->images[out->count++] = image;
    return 0;
}

static int take_all(struct lookup *s, bool allow_missing, struct err *err)
{
    struct captioned_pictures *out = s->out;
    struct err first;
    int rc = 0;
    out->images = mem_new(s->set->count + 1, sizeof *out->images);
    out->rows = mem_new(s->set->count + 1, sizeof *out->rows);
    if (!out->images || !out->rows)
        return err_memory(err, s->set->count * sizeof *out->rows);
    for (size_t i = 0; i < s->set->count && !rc; i++)
        rc = take_image(s, i, &first, err);
    return rc ? rc : captioned_pictures_check(out, &first, s->set->count, s->pictures, allow_missing, err);
}

/* The rows that the first process has taken, for all. */
static int tell_rows(struct lookup *s, struct err *err)
{
    const struct peers *peers = s->from->peers;
    struct captioned_pictures *out = s->out;
    int rc = 0;
    peers_tell(peers, &out->count, sizeof out->count);
    if (!peers_first(peers) && !(out->rows = mem_new(out->count + 1, sizeof *out->rows)))
        rc = err_memory(err, out->count * sizeof *out->rows);
    rc = peers_agree_own(peers, rc, err);
    if (!rc)
        peers_tell(peers, out->rows, out->count * sizeof *out->rows);
    return rc;
}

int captioned_rows_find(struct captioned_pictures *out, const struct caption_set *set,
    const struct indexed_pictures *from, bool allow_missing, const struct job *job, struct err *err)
{
    struct lookup s = {.out = out, .set = set, .from = from, .job = job};
    const bool first = peers_first(from->peers);
    *out = (struct captioned_pictures){0};
    int rc = peers_agree(from->peers, first ? want_all(&s, err) : 0, err);
    if (!rc)
        rc = tell_names(&s, err);
    if (!rc)
        rc = see_all(&s, err);
    if (!rc)
        rc = peers_agree(from->peers, first ? take_all(&s, allow_missing, err) : 0, err);
    if (!rc)
        rc = tell_rows(&s, err);
    string_map_release(&s.by_name);
    strings_release(&s.names);
    free(s.ways);
    free(s.found);
    free(s.rows);
    return rc;
}
