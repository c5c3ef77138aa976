// SPDX-License-Identifier: Apache-2.0
/* Which model belongs to an index. */
#include "joint/collection/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool is_any(const struct adapters *adapters)
{
    return adapters && adapters->count;
}

/* What the index remembers, as far as it can be found again. */
static int find_remembered(struct collection_model *out, const struct index_info *info,
    const struct adapters *adapters, struct arena *arena, struct err *err)
{
    const char *model;
    int rc = model_reference_split(&model, &out->adapters, info->model, arena, err);
    if (rc)
        return rc;
    if (*model == '/' && access(model, F_OK))
        return err_set(err, ERR_IO,
            "the model of '%s' was '%s', and that is gone (%s): name where it is now with --model",
            info->path, model, strerror(errno));
    if (is_any(adapters))
        out->adapters = *adapters;
    rc = model_reference_with(&out->reference, model, &out->adapters, arena, err);
    if (!rc)
        rc = model_referred(&out->directory, model, arena, err);
    if (!rc)
        rc = model_adapted_fingerprint(out->fingerprint, out->directory, &out->adapters, err);
    if (rc && !is_any(adapters))
        err_wrap(err, "the model of '%s' was '%s', to be named with --model where it is elsewhere",
            info->path, info->model);
    return rc;
}

/* The model that the index was made with, found again. */
static int find_own(struct collection_model *out, const struct index *index, const struct adapters *adapters,
    struct arena *arena, struct err *err)
{
    const struct index_info info = index_info(index);
    const int rc = find_remembered(out, &info, adapters, arena, err);
    if (rc || !strcmp(out->fingerprint, info.fingerprint))
        return rc;
    if (is_any(adapters))
        return index_check_model(index, out->fingerprint, err);
    return err_set(err, ERR_ARGUMENT,
        "the model of '%s' was '%s', and that is another now: fingerprint %s, not %s; name the first with "
        "--model, or "
        "build the index anew",
        info.path, info.model, out->fingerprint, info.fingerprint);
}

int collection_alpha(enum alpha_rule *out, const struct index *index, struct err *err)
{
    const struct index_info info = index_info(index);
    *out = ALPHA_DROP;
    if (!info.preparation)
        return 0;
    for (int i = 0; alpha_names[i]; i++)
        if (!strcmp(info.preparation, alpha_names[i])) {
            *out = (enum alpha_rule)i;
            return 0;
        }
    return err_set(err, ERR_UNSUPPORTED,
        "the pictures of '%s' are prepared in a way that this program does not know: '%s'", info.path,
        info.preparation);
}

static int find_alpha(struct collection_model *out, const struct index *index, struct err *err)
{
    enum alpha_rule alpha = ALPHA_MODEL;
    const int rc = index ? collection_alpha(&alpha, index, err) : 0;
    out->alpha = index ? (int)alpha : -1;
    return rc;
}

int collection_model(struct collection_model *out, const struct index *index, const char *option,
    const struct adapters *adapters, struct arena *arena, struct err *err)
{
    const bool named = option && *option;
    int rc = find_alpha(out, index, err);
    if (rc)
        return rc;
    if (index && !named && index_info(index).findable)
        return find_own(out, index, adapters, arena, err);
    out->adapters = adapters ? *adapters : (struct adapters){0};
    if (!(rc = model_reference(&out->reference, option, arena, err)) &&
        !(rc = model_reference_with(&out->reference, out->reference, adapters, arena, err)) &&
        !(rc = model_directory(&out->directory, option, arena, err)))
        rc = model_adapted_fingerprint(out->fingerprint, out->directory, adapters, err);
    return rc || !index ? rc : index_check_model(index, out->fingerprint, err);
}

int collection_model_at(struct collection_model *out, const char *path, bool make, const char *option,
    const struct adapters *adapters, struct arena *arena, struct err *err)
{
    struct index *index = NULL;
    int rc = make && !index_is_there(path) ? 0 : index_open(&index, path, INDEX_READ, NULL, err);
    if (!rc)
        rc = collection_model(out, index, option, adapters, arena, err);
    index_free(index);
    return rc;
}
