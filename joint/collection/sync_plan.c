// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/sync_plan.h"

#include <stdlib.h>
#include <string.h>

static bool below_any(const char *path, const struct string_map *roots)
{
    for (size_t length = strlen(path); length; length = path_above(path, length))
        if (string_map_find(roots, path, length))
            return true;
    return false;
}

bool plan_is_looked_at(const struct plan *plan, const char *path)
{
    return below_any(path, &plan->roots) && !below_any(path, &plan->unreadable);
}

/* ---- by path ------------------------------------------------------------------------------------------- */

static int by_file_path(const void *a, const void *b)
{
    return strcmp(((const struct plan_file *)a)->path, ((const struct plan_file *)b)->path);
}

static int by_item_path(const void *a, const void *b)
{
    return strcmp(((const struct plan_item *)a)->path, ((const struct plan_item *)b)->path);
}

static void drop_repeated_files(struct plan *plan)
{
    size_t kept = 0;
    for (size_t i = 0; i < plan->file_count; i++) {
        struct plan_file *last = kept ? &plan->files[kept - 1] : NULL;
        if (last && !strcmp(last->path, plan->files[i].path)) {
            last->named |= plan->files[i].named;
            last->noted |= plan->files[i].noted;
        } else {
            plan->files[kept++] = plan->files[i];
        }
    }
    plan->file_count = kept;
}

/* An index has one picture a path: one that comes twice lies below two of the paths it was looked for at. */
static void drop_repeated_items(struct plan *plan)
{
    size_t kept = 0;
    for (size_t i = 0; i < plan->item_count; i++)
        if (!kept || strcmp(plan->items[kept - 1].path, plan->items[i].path))
            plan->items[kept++] = plan->items[i];
    plan->item_count = kept;
}

static void match_pair(struct plan_file *file, struct plan_item *item)
{
    const bool same = !file->stream && file->size == item->size && file->mtime_ns == item->mtime_ns;
    file->item = item;
    file->action = same ? PLAN_UNCHANGED : PLAN_CHANGED;
    item->state = same ? PLAN_KEPT : PLAN_OUTDATED;
}

static void match_sorted(struct plan *plan)
{
    size_t f = 0, i = 0;
    while (f < plan->file_count || i < plan->item_count) {
        struct plan_file *file = f < plan->file_count ? &plan->files[f] : NULL;
        struct plan_item *item = i < plan->item_count ? &plan->items[i] : NULL;
        const int order = !file ? 1 : !item ? -1 : strcmp(file->path, item->path);
        if (order < 0) {
            file->action = PLAN_NEW;
        } else if (order > 0) {
            item->state = plan_is_looked_at(plan, item->path) ? PLAN_GONE : PLAN_KEPT;
        } else {
            match_pair(file, item);
        }
        f += order <= 0;
        i += order >= 0;
    }
}

/* What failed before without a file, or with one that changed, no longer stands; with one that is the same, it need not
 * be tried. */
static void match_failure(struct plan *plan, struct plan_failure *failure)
{
    const struct plan_file key = {.path = failure->path};
    struct plan_file *file =
        plan->file_count ? bsearch(&key, plan->files, plan->file_count, sizeof key, by_file_path) : NULL;
    failure->state = FAILURE_GONE;
    if (!file) {
        if (!plan_is_looked_at(plan, failure->path))
            failure->state = FAILURE_STANDS;
    } else if (!plan->retry && file->action != PLAN_UNCHANGED && file->size == failure->size &&
               file->mtime_ns == failure->mtime_ns) {
        file->failure = failure;
        failure->state = failure->again ? FAILURE_TRIED : FAILURE_STANDS;
        if (!failure->again)
            file->action = PLAN_FAILED;
    }
}

static bool may_move(const struct plan_item *item)
{
    return item->state == PLAN_GONE || item->state == PLAN_OUTDATED;
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int gather_sizes(struct plan *plan, struct err *err)
{
    plan->sizes = mem_new(plan->item_count + 1, sizeof *plan->sizes);
    if (!plan->sizes)
        return err_memory(err, plan->item_count * sizeof *plan->sizes);
    for (size_t i = 0; i < plan->item_count; i++)
        if (may_move(&plan->items[i]))
            plan->sizes[plan->size_count++] = plan->items[i].size;
    qsort(plan->sizes, plan->size_count, sizeof *plan->sizes, by_size);
    return 0;
}

void plan_sort_files(struct plan *plan)
{
    if (plan->file_count)
        qsort(plan->files, plan->file_count, sizeof *plan->files, by_file_path);
    drop_repeated_files(plan);
}

int plan_match(struct plan *plan, struct err *err)
{
    plan_sort_files(plan);
    if (plan->item_count)
        qsort(plan->items, plan->item_count, sizeof *plan->items, by_item_path);
    drop_repeated_items(plan);
    match_sorted(plan);
    for (size_t i = 0; i < plan->failure_count; i++)
        match_failure(plan, &plan->failures[i]);
    return gather_sizes(plan, err);
}

/* ---- by content ---------------------------------------------------------------------------------------- */

bool plan_wants_hash(const struct plan *plan, const struct plan_file *file)
{
    return (file->action == PLAN_NEW || file->action == PLAN_CHANGED) &&
           bsearch(&file->size, plan->sizes, plan->size_count, sizeof *plan->sizes, by_size);
}

/* By hash; of equals, one whose path is gone comes before one whose path has other content. */
static int by_hash(const void *a, const void *b)
{
    const struct plan_item *x = *(struct plan_item *const *)a, *y = *(struct plan_item *const *)b;
    const int order = strcmp(x->hash, y->hash);
    if (order)
        return order;
    if (x->state != y->state)
        return x->state == PLAN_GONE ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* The first of candidates (count), sorted, that has the hash and does not move yet; NULL: none. */
static struct plan_item *take(struct plan_item **candidates, size_t count, const char *hash)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(candidates[middle]->hash, hash) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < count && candidates[low]->state == PLAN_TAKEN && !strcmp(candidates[low]->hash, hash))
        low++;
    return low < count && !strcmp(candidates[low]->hash, hash) ? candidates[low] : NULL;
}

/* A file that was only touched keeps its item, whoever else has the same content. */
static void keep_touched(struct plan *plan)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        struct plan_file *file = &plan->files[i];
        if (file->action == PLAN_CHANGED && file->item->hash && !strcmp(file->hash, file->item->hash)) {
            file->action = PLAN_TOUCHED;
            file->item->state = PLAN_KEPT;
        }
    }
}

int plan_moves(struct plan *plan, struct err *err)
{
    size_t count = 0;
    struct plan_item **candidates = mem_new(plan->size_count + 1, sizeof(struct plan_item *));
    if (!candidates)
        return err_memory(err, plan->size_count * sizeof *candidates);
    keep_touched(plan);
    for (size_t i = 0; i < plan->item_count; i++)
        if (may_move(&plan->items[i]) && plan->items[i].hash)
            candidates[count++] = &plan->items[i];
    qsort(candidates, count, sizeof(struct plan_item *), by_hash);
    for (size_t i = 0; i < plan->file_count; i++) {
        struct plan_file *file = &plan->files[i];
        const bool open = (file->action == PLAN_NEW || file->action == PLAN_CHANGED) && *file->hash;
        struct plan_item *item = open ? take(candidates, count, file->hash) : NULL;
        if (!item)
            continue;
        item->vacates = item->state == PLAN_OUTDATED;
        item->state = PLAN_TAKEN;
        file->item = item;
        file->action = PLAN_MOVED;
    }
    free(candidates);
    return 0;
}

/* ---- losses -------------------------------------------------------------------------------------------- */

/* Counts a picture for each root that it lies below: one may lie below another. */
enum counted { COUNT_FILE, COUNT_ITEM, COUNT_MISSING };
static void count_at(struct plan *plan, const char *path, enum counted what)
{
    for (size_t length = strlen(path); length; length = path_above(path, length)) {
        const size_t *root = string_map_find(&plan->roots, path, length);
        struct plan_loss *loss = root ? &plan->losses[*root] : NULL;
        if (loss)
            ++*(what == COUNT_FILE ? &loss->files : what == COUNT_ITEM ? &loss->items : &loss->missing);
    }
}

static void count_all(struct plan *plan)
{
    for (size_t f = 0; f < plan->file_count; f++)
        count_at(plan, plan->files[f].path, COUNT_FILE);
    for (size_t i = 0; i < plan->item_count; i++) {
        count_at(plan, plan->items[i].path, COUNT_ITEM);
        if (plan->items[i].state == PLAN_GONE)
            count_at(plan, plan->items[i].path, COUNT_MISSING);
    }
}

/* Whether so much is missing that it may come back. */
static bool is_loss(const struct plan_loss *loss)
{
    enum { MANY = 50 };
    return loss->missing && (!loss->files || (loss->missing >= MANY && loss->missing > loss->items / 2));
}

static bool below_loss(const struct plan *plan, const char *path)
{
    for (size_t length = strlen(path); length; length = path_above(path, length)) {
        const size_t *root = string_map_find(&plan->roots, path, length);
        if (root && plan->losses[*root].spared)
            return true;
    }
    return false;
}

int plan_spare(struct plan *plan, struct err *err)
{
    plan->losses = mem_new(plan->roots.count + 1, sizeof *plan->losses);
    if (!plan->losses)
        return err_memory(err, plan->roots.count * sizeof *plan->losses);
    count_all(plan);
    for (size_t r = 0; r < plan->roots.count; r++)
        plan->losses[r].spared = is_loss(&plan->losses[r]);
    for (size_t i = 0; i < plan->item_count; i++)
        if (plan->items[i].state == PLAN_GONE && below_loss(plan, plan->items[i].path))
            plan->items[i].state = PLAN_MISSING;
    for (size_t i = 0; i < plan->failure_count; i++)
        if (plan->failures[i].state == FAILURE_GONE && below_loss(plan, plan->failures[i].path))
            plan->failures[i].state = FAILURE_STANDS;
    for (size_t i = 0; i < plan->passed_count; i++)
        plan->passed[i].stands |= below_loss(plan, plan->passed[i].path);
    return 0;
}

void plan_spare_failures(struct plan *plan, const struct string_map *absent)
{
    for (size_t i = 0; i < plan->failure_count; i++)
        if (plan->failures[i].state == FAILURE_GONE && below_any(plan->failures[i].path, absent))
            plan->failures[i].state = FAILURE_STANDS;
    for (size_t i = 0; i < plan->passed_count; i++)
        plan->passed[i].stands |= below_any(plan->passed[i].path, absent);
}

void plan_miss(struct plan *plan)
{
    for (size_t i = 0; i < plan->item_count; i++)
        if (plan->items[i].state == PLAN_GONE)
            plan->items[i].state = PLAN_MISSING;
}

void plan_release(struct plan *plan)
{
    string_map_release(&plan->roots);
    string_map_release(&plan->unreadable);
    free(plan->losses);
    free(plan->failures);
    free(plan->passed);
    free(plan->others);
    free(plan->files);
    free(plan->items);
    free(plan->sizes);
}
