// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/sync_shards.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what is there ------------------------------------------------------------------------------------- */

static bool is_current_member(const struct index_item *item)
{
    const struct picture_source source = picture_of_item(item);
    char *bytes;
    size_t size;
    if (!item->hash || picture_source_read(&bytes, &size, &source, MEMBER_MAX, NULL))
        return false;
    free(bytes);
    return true;
}

/* Whether the file is the one that became the item, as far as size and time tell; of a member of an archive its bytes tell. */
static bool is_current(const struct index_item *item)
{
    struct stat st;
    if (item->kind == INDEX_IMAGE && item->path && member_shard(item->path))
        return is_current_member(item);
    return item->kind == INDEX_IMAGE && item->path && !stat(item->path, &st) && S_ISREG(st.st_mode) &&
           st.st_size == item->size &&
           (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == item->mtime_ns;
}

struct looking {
    const struct index_item *items; // (count)
    const struct picture_options *options;
    struct picture_facts *facts; // (count)
};

static void look_at(void *context, size_t i)
{
    const struct looking *looking = context;
    struct picture_facts *facts = &looking->facts[i];
    *facts = (struct picture_facts){.current = is_current(&looking->items[i]), .sharpness = NAN};
    if (facts->current &&
        picture_sharpness(&facts->sharpness, picture_of_item(&looking->items[i]), looking->options, NULL))
        facts->sharpness = NAN;
}

int pictures_look_at(struct picture_facts *facts, const struct index_item *items, size_t count,
    const struct picture_options *options, const struct job *job, struct err *err)
{
    struct looking looking = {items, options, facts};
    const int rc = job_step(job, "pictures", 0, 0, err);
    if (!rc)
        job_loop(job, count, look_at, &looking);
    return rc;
}

/* ---- the best ------------------------------------------------------------------------------------------ */

/* Above 0 where the first number is larger. */
static int compare(double x, double y)
{
    return (x > y) - (x < y);
}

static bool is_better(
    const struct index_item *a, double a_sharpness, const struct index_item *b, double b_sharpness)
{
    int order = compare((double)a->width * a->height, (double)b->width * b->height);
    if (!order)
        order = compare(isnan(a_sharpness) ? -1 : a_sharpness, isnan(b_sharpness) ? -1 : b_sharpness);
    if (!order)
        order = compare((double)a->size, (double)b->size);
    if (!order)
        order = compare((double)b->mtime_ns, (double)a->mtime_ns);
    return order ? order > 0 : a->id < b->id;
}

/* Where links lead to, of a member of an archive the archive's; "" where that cannot be told. */
static void real_path(char out[2 * PATH_MAX], const char *path)
{
    const size_t shard = member_shard(path), length = shard ? shard : strlen(path);
    char *file = strndup(path, length);
    if (!file || !realpath(file, out) || strlen(path + length) >= PATH_MAX)
        *out = '\0';
    else
        strcat(out, path + length);
    free(file);
}

size_t pictures_keep_best(
    bool *others, const struct index_item *items, const struct picture_facts *facts, size_t count)
{
    char kept[2 * PATH_MAX], other[2 * PATH_MAX];
    size_t best = count;
    for (size_t i = 0; i < count; i++)
        if (facts[i].current &&
            (best == count || is_better(&items[i], facts[i].sharpness, &items[best], facts[best].sharpness)))
            best = i;
    memset(others, 0, count * sizeof *others);
    if (best == count)
        return best;
    real_path(kept, items[best].path);
    for (size_t i = 0; i < count && *kept; i++) {
        if (i == best || !facts[i].current)
            continue;
        real_path(other, items[i].path);
        others[i] = *other && strcmp(other, kept) != 0;
    }
    return best;
}
