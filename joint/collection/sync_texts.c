// SPDX-License-Identifier: Apache-2.0
/*
 * Texts of a file. One is known again by its words and the picture it describes: the same twice in a file is
 * one item.
 */
#include "joint/collection/sync.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 256 };

/* A text that the index has of the file. */
struct known {
    int64_t id;
    const char *text, *picture, *metadata;
    bool wanted; /* the file has it still */
};

struct text_sync {
    struct sync *sync;
    const char *path; /* of the file */
    struct known *known;
    size_t count, room;
    struct arena arena; /* of what is known */
    struct err *err;

    /* New texts of a batch, as the index will know them, until flush encodes them. */
    struct index_item items[BATCH];
    char hashes[BATCH][HASH_SIZE];
    const char *words[BATCH]; /* items' captions */
    struct err *errs;         // (BATCH)
    float *embeddings;        // (BATCH, E)
    size_t batch;
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

static const char *keep(struct text_sync *texts, const char *text)
{
    return text ? arena_copy(&texts->arena, text, strlen(text)) : NULL;
}

static int add_known(void *context, const struct index_item *item)
{
    struct text_sync *texts = context;
    if (!item->path || strcmp(item->path, texts->path))
        return 0;
    int rc = array_grow(texts->known, &texts->room, texts->count + 1, texts->err);
    if (rc)
        return rc;
    struct known *added = &texts->known[texts->count++];
    *added = (struct known){.id = item->id,
        .text = keep(texts, item->caption ? item->caption : ""),
        .picture = keep(texts, item->picture),
        .metadata = keep(texts, item->metadata)};
    return added->text ? 0 : err_memory(texts->err, 0);
}

static int load_known(struct text_sync *texts, struct err *err)
{
    texts->err = err;
    int rc =
        index_each(texts->sync->index, &(struct index_filter){.kind = INDEX_TEXT}, add_known, texts, err);
    if (!rc && texts->count)
        qsort(texts->known, texts->count, sizeof *texts->known, by_known);
    return rc;
}

static struct known *find_known(const struct text_sync *texts, const struct text_entry *entry)
{
    const struct known key = {.text = entry->text, .picture = entry->picture};
    return texts->count ? bsearch(&key, texts->known, texts->count, sizeof key, by_known) : NULL;
}

/* ---- new texts ----------------------------------------------------------------------------------------- */

/* Leaves out the texts of the batch that have no embedding, and reports them. */
static void drop_failed(struct text_sync *texts)
{
    struct sync *sync = texts->sync;
    const size_t width = sync->embedder->width;
    size_t good = 0;
    for (size_t i = 0; i < texts->batch; i++) {
        struct err *why = &texts->errs[i];
        if (why->code) {
            err_wrap(why, "text \"%.60s\" of '%s'", texts->words[i], texts->path);
            sync_fail(sync, &sync->counts->texts.failed, why);
            continue;
        }
        texts->items[good] = texts->items[i];
        memmove(texts->embeddings + good * width, texts->embeddings + i * width,
            width * sizeof *texts->embeddings);
        good++;
    }
    texts->batch = good;
}

static int flush(struct text_sync *texts, struct err *err)
{
    struct sync *sync = texts->sync;
    const struct embedder *embedder = sync->embedder;
    size_t truncated = 0;
    int rc = embedder->texts(embedder->context, texts->embeddings, texts->errs, texts->words, texts->batch,
        &truncated, sync->job, err);
    if (rc)
        return rc;
    drop_failed(texts);
    rc = index_add(sync->index, texts->items, texts->embeddings, texts->batch, err);
    sync->counts->texts.truncated += truncated;
    sync->counts->texts.new += texts->batch;
    sync->counts->encoded += texts->batch;
    texts->batch = 0;
    return rc ? rc : sync_commit(sync, err);
}

/* Takes the vector of the same text elsewhere or of a removed one, or queues the text to be encoded. The entry
 * outlives that. */
static int add_new(struct text_sync *texts, const struct text_entry *entry, struct err *err)
{
    struct sync *sync = texts->sync;
    struct arena arena = {0};
    struct index_item source, *item = &texts->items[texts->batch];
    bool found;
    hash_bytes(texts->hashes[texts->batch], entry->text, strlen(entry->text));
    *item = (struct index_item){
        .kind = INDEX_TEXT,
        .path = texts->path,
        .hash = texts->hashes[texts->batch],
        .caption = entry->text,
        .picture = entry->picture,
        .metadata = entry->metadata,
    };
    int rc = sync_find_intact(&source, &found, sync, INDEX_TEXT, NULL, item->hash, &arena, err);
    arena_release(&arena);
    if (!rc && found)
        rc = index_add_copy(sync->index, item, source.id, err);
    else if (!rc)
        rc = index_add_again(&found, sync->index, item, err);
    if (rc || found) {
        sync->counts->texts.copied += !rc;
        return rc;
    }
    texts->words[texts->batch] = entry->text;
    return ++texts->batch == BATCH ? flush(texts, err) : 0;
}

/* ---- the file's order ---------------------------------------------------------------------------------- */

/* A text that is known: only what is said of it may have changed. */
static int refresh(
    struct text_sync *texts, struct known *known, const struct text_entry *entry, struct err *err)
{
    struct sync *sync = texts->sync;
    struct arena arena = {0};
    struct index_item item;
    if (known->wanted)
        return 0;
    known->wanted = true;
    sync->counts->texts.unchanged++;
    if (same_text(known->metadata, entry->metadata))
        return 0;
    int rc = index_get(&item, sync->index, known->id, &arena, err);
    item.metadata = entry->metadata;
    if (!rc)
        rc = index_update(sync->index, &item, err);
    sync->counts->described++;
    arena_release(&arena);
    return rc;
}

/* Keeps what the index has of these words, whatever picture they describe. */
static void keep_words(struct text_sync *texts, const char *text)
{
    size_t low = 0, high = texts->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(texts->known[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < texts->count && !strcmp(texts->known[low].text, text); low++) {
        texts->sync->counts->texts.unchanged += !texts->known[low].wanted;
        texts->known[low].wanted = true;
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

static int add_all(
    struct text_sync *texts, const struct text_list *list, const bool *repeated, struct err *err)
{
    const struct job *job = texts->sync->job;
    int rc = 0;
    for (size_t i = 0; i < list->count && !rc; i++) {
        const struct text_entry *entry = &list->items[i];
        struct known *known = find_known(texts, entry);
        if (i % BATCH == 0)
            rc = job_step(job, "texts", i, list->count, err);
        if (rc)
            break;
        if (entry->unbound)
            keep_words(texts, entry->text);
        else if (known)
            rc = refresh(texts, known, entry, err);
        else if (!repeated[i])
            rc = add_new(texts, entry, err);
    }
    return rc || !texts->batch ? rc : flush(texts, err);
}

static int remove_rest(struct text_sync *texts, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < texts->count && !rc; i++) {
        if (i % BATCH == 0)
            rc = job_step(texts->sync->job, "removing texts", 0, 0, err);
        if (rc || texts->known[i].wanted)
            continue;
        rc = index_remove(texts->sync->index, texts->known[i].id, err);
        texts->sync->counts->texts.gone++;
    }
    return rc;
}

static int run(struct text_sync *texts, const struct text_list *list, struct err *err)
{
    const size_t width = texts->sync->embedder->width;
    bool *repeated = mem_new(list->count + 1, sizeof *repeated);
    texts->errs = mem_new(BATCH, sizeof *texts->errs);
    texts->embeddings = mem_new(BATCH, width * sizeof *texts->embeddings);
    int rc =
        repeated && texts->errs && texts->embeddings ? 0 : err_memory(err, BATCH * width * sizeof(float));
    if (!rc)
        rc = find_repeated(repeated, list, err);
    if (!rc)
        rc = load_known(texts, err);
    if (!rc)
        rc = add_all(texts, list, repeated, err);
    if (!rc)
        rc = remove_rest(texts, err);
    free(repeated);
    return sync_keep(texts->sync, rc, err);
}

int sync_texts(struct sync *sync, const char *path, const struct text_list *list, struct err *err)
{
    struct text_sync *texts = mem_new(1, sizeof *texts);
    if (!texts)
        return err_memory(err, sizeof *texts);
    *texts = (struct text_sync){.sync = sync, .path = path};
    sync->counts->texts.failed += list->failed;
    sync->counts->failed += list->failed;
    const int rc = run(texts, list, err);
    arena_release(&texts->arena);
    free(texts->embeddings);
    free(texts->errs);
    free(texts->known);
    free(texts);
    return rc;
}
