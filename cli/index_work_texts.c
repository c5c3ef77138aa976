// SPDX-License-Identifier: Apache-2.0
/*
 * Texts of a file. One is known again by its words and the picture it describes: the same twice in a file is
 * one item.
 */
#include "cli/index_work.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 256 };

/* A text that the index has of the file. */
struct known {
    int64_t id;
    const char *text, *picture, *metadata;
    bool wanted; /* the file has it still */
};

struct sync {
    struct work *work;
    const char *path; /* of the file */
    struct known *known;
    size_t count, room;
    struct arena arena; /* of what is known */
    struct err *err;

    struct token_rows rows;         /* the texts of a batch */
    struct index_item items[BATCH]; /* what the index will know of them */
    char hashes[BATCH][HASH_SIZE];
    size_t batch;
    float *embeddings; // (BATCH, E)
};

static int compare_text(const char *text, const char *picture, const char *text2, const char *picture2)
{
    const int order = strcmp(text, text2);
    return order ? order : strcmp(picture ? picture : "", picture2 ? picture2 : "");
}

/* ---- what the index has -------------------------------------------------------------------------------- */

static int by_known(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    return compare_text(x->text, x->picture, y->text, y->picture);
}

static const char *keep(struct sync *sync, const char *text)
{
    return text ? arena_copy(&sync->arena, text, strlen(text)) : NULL;
}

static int add_known(void *context, const struct index_item *item)
{
    struct sync *sync = context;
    if (!item->path || strcmp(item->path, sync->path))
        return 0;
    if (sync->count == sync->room) {
        const size_t room = sync->room ? 2 * sync->room : 64;
        struct known *known = mem_grow(sync->known, room, sizeof *known);
        if (!known)
            return err_memory(sync->err, room * sizeof *known);
        sync->known = known;
        sync->room = room;
    }
    struct known *added = &sync->known[sync->count++];
    *added = (struct known){.id = item->id,
        .text = keep(sync, item->caption ? item->caption : ""),
        .picture = keep(sync, item->picture),
        .metadata = keep(sync, item->metadata)};
    return added->text ? 0 : err_memory(sync->err, 0);
}

static int load_known(struct sync *sync, struct err *err)
{
    sync->err = err;
    int rc = index_each(sync->work->index, &(struct index_filter){.kind = INDEX_TEXT}, add_known, sync, err);
    if (!rc && sync->count)
        qsort(sync->known, sync->count, sizeof *sync->known, by_known);
    return rc;
}

static struct known *find_known(const struct sync *sync, const struct text_entry *entry)
{
    const struct known key = {.text = entry->text, .picture = entry->picture};
    return sync->count ? bsearch(&key, sync->known, sync->count, sizeof key, by_known) : NULL;
}

/* ---- new texts ----------------------------------------------------------------------------------------- */

static int flush(struct sync *sync, struct err *err)
{
    struct work *work = sync->work;
    int rc = encoder_ids(
        work->session->encoder, sync->embeddings, sync->rows.ids, sync->rows.lengths, sync->batch, err);
    if (!rc)
        rc = index_add(work->index, sync->items, sync->embeddings, sync->batch, err);
    work->texts.new += sync->batch;
    work->encoded += sync->batch;
    sync->rows.count = sync->batch = 0;
    return rc ? rc : work_commit(work, err);
}

/* Takes the vector of the same text elsewhere, or queues the text to be encoded. The entry outlives that. */
static int add_new(struct sync *sync, const struct text_entry *entry, struct err *err)
{
    struct work *work = sync->work;
    struct arena arena = {0};
    struct index_item source, *item = &sync->items[sync->batch];
    struct err why;
    bool found;
    hash_bytes(sync->hashes[sync->batch], entry->text, strlen(entry->text));
    *item = (struct index_item){
        .kind = INDEX_TEXT,
        .path = sync->path,
        .hash = sync->hashes[sync->batch],
        .caption = entry->text,
        .picture = entry->picture,
        .metadata = entry->metadata,
    };
    int rc = index_find(&source, &found, work->index, INDEX_TEXT, NULL, item->hash, &arena, err);
    arena_release(&arena);
    if (!rc && found) {
        work->texts.copied++;
        return index_add_copy(work->index, item, source.id, err);
    }
    if (rc)
        return rc;
    rc = token_rows_add(&sync->rows, work->session->model, entry->text, &why);
    if (rc == ERR_MEMORY)
        return err_set(err, rc, "%s", why.msg);
    if (rc) {
        err_wrap(&why, "text \"%.60s\" of '%s'", entry->text, sync->path);
        work_fail(work, &work->texts.failed, why.msg);
        return 0;
    }
    return ++sync->batch == BATCH ? flush(sync, err) : 0;
}

/* ---- the file's order ---------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* A text that is known: only what is said of it may have changed. */
static int refresh(struct sync *sync, struct known *known, const struct text_entry *entry, struct err *err)
{
    struct work *work = sync->work;
    struct arena arena = {0};
    struct index_item item;
    if (known->wanted)
        return 0;
    known->wanted = true;
    work->texts.unchanged++;
    if (same_text(known->metadata, entry->metadata))
        return 0;
    int rc = index_get(&item, work->index, known->id, &arena, err);
    item.metadata = entry->metadata;
    if (!rc)
        rc = index_update(work->index, &item, err);
    work->described++;
    arena_release(&arena);
    return rc;
}

/* Keeps what the index has of these words, whatever picture they describe. */
static void keep_words(struct sync *sync, const char *text)
{
    size_t low = 0, high = sync->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(sync->known[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < sync->count && !strcmp(sync->known[low].text, text); low++) {
        sync->work->texts.unchanged += !sync->known[low].wanted;
        sync->known[low].wanted = true;
    }
}

static int by_entry(const void *a, const void *b)
{
    const struct text_entry *x = *(struct text_entry *const *)a, *y = *(struct text_entry *const *)b;
    const int order = compare_text(x->text, x->picture, y->text, y->picture);
    return order ? order : (x > y) - (x < y);
}

/* Marks those that come again in the list: repeated[i] of entry i. */
static int find_repeated(bool *repeated, const struct text_list *list, struct err *err)
{
    const struct text_entry **order = mem_new(list->count + 1, sizeof *order);
    if (!order)
        return err_memory(err, list->count * sizeof *order);
    for (size_t i = 0; i < list->count; i++)
        order[i] = &list->items[i];
    qsort(order, list->count, sizeof *order, by_entry);
    for (size_t i = 1; i < list->count; i++)
        repeated[order[i] - list->items] =
            !compare_text(order[i - 1]->text, order[i - 1]->picture, order[i]->text, order[i]->picture);
    free(order);
    return 0;
}

static int add_all(struct sync *sync, const struct text_list *list, const bool *repeated, struct err *err)
{
    struct session *session = sync->work->session;
    int rc = 0;
    session_start(session, "texts", list->count);
    for (size_t i = 0; i < list->count && !rc && !work_ended(); i++) {
        const struct text_entry *entry = &list->items[i];
        struct known *known = find_known(sync, entry);
        if (entry->unbound)
            keep_words(sync, entry->text);
        else if (known)
            rc = refresh(sync, known, entry, err);
        else if (!repeated[i])
            rc = add_new(sync, entry, err);
        if (i % BATCH == 0)
            progress_draw(&session->progress, i);
    }
    return rc || !sync->batch ? rc : flush(sync, err);
}

static int remove_rest(struct sync *sync, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < sync->count && !rc; i++) {
        if (sync->known[i].wanted)
            continue;
        rc = index_remove(sync->work->index, sync->known[i].id, err);
        sync->work->texts.gone++;
    }
    return rc;
}

static int run(struct sync *sync, const struct text_list *list, struct err *err)
{
    const size_t width = model_width(sync->work->session->model);
    bool *repeated = mem_new(list->count + 1, sizeof *repeated);
    sync->embeddings = mem_new(BATCH, width * sizeof *sync->embeddings);
    int rc = repeated && sync->embeddings ? 0 : err_memory(err, BATCH * width * sizeof(float));
    if (!rc)
        rc = find_repeated(repeated, list, err);
    if (!rc)
        rc = load_known(sync, err);
    if (!rc)
        rc = add_all(sync, list, repeated, err);
    if (!rc && !work_ended())
        rc = remove_rest(sync, err);
    free(repeated);
    return rc ? rc : index_commit(sync->work->index, err);
}

int work_texts(struct work *work, const char *path, const struct text_list *list, struct err *err)
{
    struct sync *sync = mem_new(1, sizeof *sync);
    if (!sync)
        return err_memory(err, sizeof *sync);
    *sync = (struct sync){.work = work, .path = path};
    work->texts.failed += list->failed;
    work->session->failed += list->failed;
    const int rc = run(sync, list, err);
    work->texts.truncated += sync->rows.truncated;
    token_rows_release(&sync->rows);
    arena_release(&sync->arena);
    free(sync->embeddings);
    free(sync->known);
    free(sync);
    return rc;
}
