// SPDX-License-Identifier: Apache-2.0
#include "text/captions/captions.h"

#include <stdio.h>
#include <string.h>

/* ---- what is missing ----------------------------------------------------------------------------------- */

/* Images that one set has and another lacks: how many, and the first few by name. */
struct missing {
    size_t count;
    char names[256];
};

static void note_missing(struct missing *missing, const char *id)
{
    enum { NAMED = 3 };
    const size_t used = strlen(missing->names), room = sizeof missing->names - used;
    if (missing->count < NAMED)
        snprintf(missing->names + used, room, "%s'%.60s'", missing->count ? ", " : "", id);
    else if (missing->count == NAMED)
        snprintf(missing->names + used, room, " ...");
    missing->count++;
}

static size_t count_having(const struct caption_set *sets, size_t count, const char *id)
{
    size_t having = 0;
    for (size_t s = 0; s < count; s++)
        having += caption_set_find(&sets[s], id) != NULL;
    return having;
}

/* An image counts once, however many systems lack or have it. */
static void find_missing(struct missing *unwritten, struct missing *unreferenced,
    const struct caption_set *references, const struct caption_set *candidates, size_t systems)
{
    for (size_t i = 0; i < references->count; i++) {
        const char *id = references->images[i].id;
        if (count_having(candidates, systems, id) < systems)
            note_missing(unwritten, id);
    }
    for (size_t s = 0; s < systems; s++)
        for (size_t i = 0; i < candidates[s].count; i++) {
            const char *id = candidates[s].images[i].id;
            if (!caption_set_find(references, id) && !count_having(candidates, s, id))
                note_missing(unreferenced, id);
        }
}

static int refuse_missing(
    const struct missing *unwritten, const struct missing *unreferenced, struct err *err)
{
    if (unreferenced->count)
        return err_set(err, ERR_ARGUMENT, "%zu images have a candidate and no references: %s",
            unreferenced->count, unreferenced->names);
    if (unwritten->count)
        return err_set(err, ERR_ARGUMENT, "%zu images have references and no candidate: %s", unwritten->count,
            unwritten->names);
    return 0;
}

/* ---- pairs --------------------------------------------------------------------------------------------- */

static int check_single(const struct caption_set *candidates, struct err *err)
{
    for (size_t i = 0; i < candidates->count; i++)
        if (candidates->images[i].count > 1)
            return err_set(err, ERR_FORMAT, "image '%s' has %zu candidates in '%s' and can have one",
                candidates->images[i].id, candidates->images[i].count, candidates->name);
    return 0;
}

/* Adds the image, if every system has it and the references too. */
static void add_pair(struct caption_pairs *out, const char *id, const struct caption_set *references,
    const struct caption_set *candidates, size_t systems)
{
    const struct captioned_image *reference = caption_set_find(references, id);
    const char *file = reference ? reference->file : NULL;
    for (size_t s = 0; s < systems; s++) {
        const struct captioned_image *candidate = caption_set_find(&candidates[s], id);
        if (!reference || !candidate)
            return;
        out->systems[s][out->count] =
            (struct caption_pair){candidate->captions[0], reference->captions, reference->count};
        file = file ? file : candidate->file;
    }
    out->files[out->count] = file;
    out->ids[out->count++] = id;
}

static int make_room(struct caption_pairs *out, size_t count, size_t systems, struct err *err)
{
    out->ids = arena_alloc(&out->arena, count * sizeof *out->ids);
    out->files = arena_alloc(&out->arena, count * sizeof *out->files);
    out->systems = arena_alloc(&out->arena, systems * sizeof *out->systems);
    bool ok = out->ids && out->files && out->systems;
    for (size_t s = 0; ok && s < systems; s++)
        ok = (out->systems[s] = arena_alloc(&out->arena, count * sizeof *out->systems[s]));
    return ok ? 0 : err_memory(err, count * sizeof(struct caption_pair));
}

int caption_pairs_join(struct caption_pairs *out, const struct caption_set *references,
    const struct caption_set *candidates, size_t systems, bool allow_missing, struct err *err)
{
    struct missing unwritten = {0}, unreferenced = {0};
    int rc = 0;
    *out = (struct caption_pairs){0};
    for (size_t s = 0; s < systems && !rc; s++)
        rc = check_single(&candidates[s], err);
    find_missing(&unwritten, &unreferenced, references, candidates, systems);
    if (!rc && !allow_missing)
        rc = refuse_missing(&unwritten, &unreferenced, err);
    if (!rc)
        rc = make_room(out, candidates[0].count, systems, err);
    for (size_t i = 0; i < candidates[0].count && !rc; i++)
        add_pair(out, candidates[0].images[i].id, references, candidates, systems);
    if (!rc && !out->count)
        rc = err_set(err, ERR_ARGUMENT, "no image has both a candidate and references");
    out->unwritten = unwritten.count;
    out->unreferenced = unreferenced.count;
    if (rc)
        caption_pairs_release(out);
    return rc;
}

void caption_pairs_release(struct caption_pairs *pairs)
{
    if (!pairs)
        return;
    arena_release(&pairs->arena);
    *pairs = (struct caption_pairs){0};
}
