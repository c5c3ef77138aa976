// SPDX-License-Identifier: Apache-2.0
/*
 * Which files are pictures. What an item has, or failed, is one, as long as its size and time are the same; what was none
 * before, by the same token, is none. Only the heads of the others are read, on all threads.
 */
#include "joint/collection/sync.h"
#include "vision/vision.h"

#include <stdlib.h>
#include <string.h>

/* ---- what was passed over before ----------------------------------------------------------------------- */

struct recall {
    struct file_list *list;
    size_t room;
    struct err *err;
};

static int kind_of(const char *name)
{
    for (int kind = 0; kind < FILE_KINDS; kind++)
        if (!strcmp(file_kind_names[kind], name))
            return kind;
    return FILE_PICTURE; /* that another one stands for; or of a later program's: it is looked at */
}

static int add_passed(void *context, const struct index_passed_over *file)
{
    struct recall *recall = context;
    struct plan *plan = &recall->list->plan;
    int rc = array_grow(plan->passed, &recall->room, plan->passed_count + 1, recall->err);
    if (rc)
        return rc;
    const char *path = arena_copy(&recall->list->arena, file->path, strlen(file->path));
    const char *picture =
        file->picture ? arena_copy(&recall->list->arena, file->picture, strlen(file->picture)) : NULL;
    plan->passed[plan->passed_count++] = (struct plan_passed){
        .path = path,
        .picture = picture,
        .size = file->size,
        .mtime_ns = file->mtime_ns,
        .kind = kind_of(file->kind),
    };
    return path && (picture || !file->picture) ? 0 : err_memory(recall->err, strlen(file->path));
}

int file_list_recall_passed(struct file_list *list, struct err *err)
{
    return index_passed_over(list->index, add_passed, &(struct recall){.list = list, .err = err}, err);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct plan_passed *)a)->path, ((const struct plan_passed *)b)->path);
}

struct plan_passed *passed_find(const struct plan *plan, const char *path)
{
    const struct plan_passed key = {.path = path};
    return plan->passed_count ? bsearch(&key, plan->passed, plan->passed_count, sizeof key, by_path) : NULL;
}

/* What is known of the file, if it is as it was. */
static struct plan_passed *find_passed(const struct plan *plan, const struct plan_file *file)
{
    struct plan_passed *known = passed_find(plan, file->path);
    const bool same = known && !plan->retry && known->kind != FILE_PICTURE && known->size == file->size &&
                      known->mtime_ns == file->mtime_ns;
    return same ? known : NULL;
}

/* ---- looking ------------------------------------------------------------------------------------------- */

static void look_at(void *context, size_t i)
{
    struct plan_file *file = ((struct plan_file **)context)[i];
    enum file_kind kind;
    file_kind_find(&kind, file->path, NULL);
    file->kind = kind;
}

/* In parts, so that the job is asked now and then. */
static int look_at_all(struct plan_file **files, size_t count, const struct job *job, struct err *err)
{
    enum { AT_ONCE = 1024 };
    int rc = 0;
    for (size_t first = 0; first < count && !rc; first += AT_ONCE) {
        const size_t left = count - first;
        job_loop(job, left < AT_ONCE ? left : AT_ONCE, look_at, files + first);
        rc = job_step(job, "looking for pictures", 0, 0, err);
    }
    return rc;
}

/* Those of which nothing is known. */
static int look_at_unknown(struct file_list *list, struct err *err)
{
    struct plan *plan = &list->plan;
    struct plan_file **unknown = mem_new(plan->file_count + 1, sizeof *unknown);
    size_t count = 0;
    if (!unknown)
        return err_memory(err, plan->file_count * sizeof *unknown);
    for (size_t i = 0; i < plan->file_count; i++) {
        struct plan_file *file = &plan->files[i];
        struct plan_passed *known = NULL;
        if (file->named || (file->action != PLAN_NEW && file->action != PLAN_CHANGED))
            continue;
        known = find_passed(plan, file);
        if (known)
            known->stands = true;
        if (known)
            file->kind = known->kind;
        else
            unknown[count++] = file;
    }
    const int rc = look_at_all(unknown, count, list->job, err);
    free(unknown);
    return rc;
}

/* ---- sorting out --------------------------------------------------------------------------------------- */

int file_list_pass(struct file_list *list, const struct plan_file *file, struct err *err)
{
    struct plan *plan = &list->plan;
    const int rc = array_grow(plan->others, &list->other_room, plan->other_count + 1, err);
    if (!rc)
        plan->others[plan->other_count++] = *file;
    return rc;
}

/* Takes a file that is no picture out of the plan's files: its item, if it has one, has no picture any more. */
static int pass_over(struct file_list *list, const struct plan_file *file, struct err *err)
{
    struct plan *plan = &list->plan;
    list->passed.files[file->kind]++;
    if (file->item)
        file->item->state = PLAN_GONE;
    return find_passed(plan, file) ? 0 : file_list_pass(list, file, err);
}

/* What is known of files that are no more, or others now, is forgotten. */
static void settle_passed(struct plan *plan)
{
    for (size_t i = 0; i < plan->passed_count; i++) {
        struct plan_passed *known = &plan->passed[i];
        known->stands |= !plan_is_looked_at(plan, known->path);
    }
}

int file_list_sort_out(struct file_list *list, struct err *err)
{
    struct plan *plan = &list->plan;
    size_t kept = 0;
    int rc = look_at_unknown(list, err);
    for (size_t i = 0; i < plan->file_count && !rc; i++) {
        if (plan->files[i].kind == FILE_PICTURE)
            plan->files[kept++] = plan->files[i];
        else
            rc = pass_over(list, &plan->files[i], err);
    }
    if (!rc)
        plan->file_count = kept;
    if (!rc)
        rc = file_list_pair(list, err);
    settle_passed(plan);
    return rc;
}

/* ---- remembering --------------------------------------------------------------------------------------- */

int sync_passed_over(struct sync *sync, const struct plan *plan, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < plan->passed_count && !rc; i++)
        if (!plan->passed[i].stands)
            rc = index_passed_over_forget(sync->index, plan->passed[i].path, err);
    for (size_t i = 0; i < plan->other_count && !rc; i++) {
        const struct plan_file *file = &plan->others[i];
        const struct index_passed_over passed = {
            .path = file->path,
            .size = file->size,
            .mtime_ns = file->mtime_ns,
            .kind = file->picture ? "pair" : file_kind_names[file->kind],
            .picture = file->picture,
        };
        rc = index_passed_over_keep(sync->index, &passed, err);
    }
    return rc;
}
