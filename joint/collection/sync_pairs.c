// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures that a camera has written twice, under --pairs one: files of one folder whose names are the same up to the last
 * dot, in letters of either case, and say a JPEG, a HEIC and a camera's raw file, or two of these. The first of that order
 * stands for all; one that could not be read lets the next stand for it. Of two that say the same each is a picture.
 */
#include "joint/collection/sync.h"
#include "vision/vision.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_PAIRED = -1 };

/* The place in the order; NOT_PAIRED: it is of no such kind. */
static int rank_of(const char *path)
{
    static const char *const formats[] = {"JPEG", "HEIC", "camera raw"};
    const char *format = picture_suffix_format(path);
    for (int i = 0; format && i < 3; i++)
        if (!strcmp(format, formats[i]))
            return i;
    return NOT_PAIRED;
}

bool pairs_may_have(const char *path)
{
    return rank_of(path) != NOT_PAIRED;
}

/* What the files of a pair have in common: the folder, and the name without case and suffix. */
static char *pair_key(const char *path)
{
    char *key = strdup(path);
    if (!key)
        return NULL;
    *strrchr(key, '.') = '\0';
    for (char *at = strrchr(key, '/'); at && *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return key;
}

bool pairs_are_one(const char *a, const char *b)
{
    char *x = pairs_may_have(a) ? pair_key(a) : NULL, *y = pairs_may_have(b) ? pair_key(b) : NULL;
    const bool one = x && y && !strcmp(x, y);
    free(x);
    free(y);
    return one;
}

/* ---- finding ------------------------------------------------------------------------------------------- */

struct pairing {
    struct file_list *list;
    struct string_map best; /* file numbers, by pair_key */
    size_t *number;         // (plan.file_count): of each file the one that stands for it, itself for most
    struct err *err;
};

/* Whether the source that the file lies in wants pairs to be one. */
static bool is_asked(const struct file_list *list, const char *path)
{
    for (size_t length = strlen(path); length; length = path_above(path, length)) {
        const size_t *root = string_map_find(&list->plan.roots, path, length);
        if (root)
            return list->scopes[*root].rules.pairs == PAIRS_ONE;
    }
    return false;
}

static bool is_better(const struct plan_file *a, const struct plan_file *b)
{
    const bool a_failed = a->action == PLAN_FAILED, b_failed = b->action == PLAN_FAILED;
    return a_failed != b_failed ? b_failed : rank_of(a->path) < rank_of(b->path);
}

static int find_best(struct pairing *pairing, size_t i)
{
    const struct plan_file *files = pairing->list->plan.files;
    char *key = pair_key(files[i].path);
    size_t *best;
    if (!key)
        return err_memory(pairing->err, strlen(files[i].path));
    const int rc = string_map_add(&best, &pairing->best, key, strlen(key), i, pairing->err);
    free(key);
    if (!rc && is_better(&files[i], &files[*best]))
        *best = i;
    return rc;
}

static int find_partner(struct pairing *pairing, size_t i)
{
    const struct plan_file *files = pairing->list->plan.files;
    char *key = pair_key(files[i].path);
    if (!key)
        return err_memory(pairing->err, strlen(files[i].path));
    const size_t best = *string_map_find(&pairing->best, key, strlen(key));
    free(key);
    if (rank_of(files[best].path) != rank_of(files[i].path))
        pairing->number[i] = best;
    return 0;
}

static int for_each(struct pairing *pairing, int (*step)(struct pairing *, size_t))
{
    const struct plan *plan = &pairing->list->plan;
    int rc = 0;
    for (size_t i = 0; i < plan->file_count && !rc; i++)
        if (pairs_may_have(plan->files[i].path) && is_asked(pairing->list, plan->files[i].path))
            rc = step(pairing, i);
    return rc;
}

/* ---- taking out ---------------------------------------------------------------------------------------- */

static int take_out(
    struct file_list *list, const struct plan_file *file, const char *picture, struct err *err)
{
    struct plan_file partner = *file;
    struct plan_passed *known = passed_find(&list->plan, file->path);
    partner.picture = picture;
    list->partners++;
    if (file->item) /* parts take nothing out: it shows in the whole */
        file->item->state = list->sources ? PLAN_MISSING : PLAN_EXCLUDED;
    if (known && known->picture && !strcmp(known->picture, picture) && known->size == file->size &&
        known->mtime_ns == file->mtime_ns) {
        known->stands = true;
        return 0;
    }
    return file_list_pass(list, &partner, err);
}

static int take_all_out(struct pairing *pairing)
{
    struct plan *plan = &pairing->list->plan;
    int rc = 0;
    for (size_t i = 0; i < plan->file_count && !rc; i++)
        if (pairing->number[i] != i)
            rc = take_out(pairing->list, &plan->files[i], plan->files[pairing->number[i]].path, pairing->err);
    size_t kept = 0;
    for (size_t i = 0; i < plan->file_count && !rc; i++)
        if (pairing->number[i] == i)
            plan->files[kept++] = plan->files[i];
    if (!rc)
        plan->file_count = kept;
    return rc;
}

int file_list_pair(struct file_list *list, struct err *err)
{
    const size_t count = list->plan.file_count;
    struct pairing pairing = {.list = list, .err = err};
    bool asked = false;
    for (size_t i = 0; i < list->scope_count; i++)
        asked |= list->scopes[i].rules.pairs == PAIRS_ONE;
    if (!asked)
        return 0;
    pairing.number = mem_new(count + 1, sizeof *pairing.number);
    int rc = pairing.number ? 0 : err_memory(err, count * sizeof *pairing.number);
    for (size_t i = 0; i < count && !rc; i++)
        pairing.number[i] = i;
    if (!rc)
        rc = for_each(&pairing, find_best);
    if (!rc)
        rc = for_each(&pairing, find_partner);
    if (!rc)
        rc = take_all_out(&pairing);
    string_map_release(&pairing.best);
    free(pairing.number);
    return rc;
}
