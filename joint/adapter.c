// SPDX-License-Identifier: Apache-2.0
#include "joint/adapter.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- where it is --------------------------------------------------------------------------------------- */

/* "DIR:0.5": what is behind the last colon counts where it is a number, and nothing is called like all of it. */
static int split_weight(struct adapter *adapter, const char *name, struct err *err)
{
    const char *colon = strrchr(name, ':');
    size_t length = strlen(name);
    adapter->weight = 1;
    if (colon && colon[1] && !file_exists(name)) {
        char *end;
        const float weight = strtof(colon + 1, &end);
        if (!*end && !isfinite(weight))
            return err_set(err, ERR_ARGUMENT, "the weight of adapter '%s' is no number", name);
        if (!*end) {
            adapter->weight = weight;
            length = (size_t)(colon - name);
        }
    }
    adapter->path = arena_copy(&adapter->arena, name, length);
    return adapter->path ? 0 : err_memory(err, length);
}

int adapter_find_files(
    const char **tensors, const char **config, const char *path, struct arena *arena, struct err *err)
{
    static const char *const names[] = {"adapter_model.safetensors", "adapter_model.bin"};
    const char *folder;
    int rc = path_folder(&folder, path, arena, err);
    if (rc)
        return rc;
    const char *beside = path_join(arena, folder, "adapter_config.json");
    if (!beside)
        return err_memory(err, strlen(folder));
    *config = file_exists(beside) ? beside : NULL;
    *tensors = folder == path ? NULL : path;
    for (size_t i = 0; i < sizeof names / sizeof *names && !*tensors; i++) {
        const char *file = path_join(arena, folder, names[i]);
        if (!file)
            return err_memory(err, strlen(folder));
        if (file_exists(file))
            *tensors = file;
    }
    if (!file_exists(path))
        return err_set(err, ERR_IO, "unable to open '%s': %s", path, strerror(ENOENT));
    if (!*tensors)
        return err_set(err, ERR_IO, "no adapter in '%s': it has no '%s'", folder, names[0]);
    if (!*config && *tensors != path)
        return err_set(err, ERR_IO, "no adapter in '%s': it has no 'adapter_config.json'", folder);
    return 0;
}

/* ---- what it does -------------------------------------------------------------------------------------- */

static int read_changes(
    struct adapter *adapter, bool has_config, const struct weights *model, struct err *err)
{
    struct adapter_keys keys = {0};
    int rc = has_config ? adapter_keys_peft(&keys, adapter->tensors, &adapter->config, model, err)
                        : adapter_keys_kohya(&keys, adapter->tensors, model, err);
    adapter->counts.others = keys.others;
    for (size_t i = 0, next; i < keys.count && !rc; i = next) {
        const struct adapter_key *first = &keys.items[i];
        for (next = i + 1; next < keys.count && !strcmp(keys.items[next].module, first->module);)
            next++;
        rc = adapter_add_module(adapter, first, next - i, model, err);
    }
    adapter_keys_release(&keys);
    return rc;
}

static int read_files(struct adapter *adapter, const struct weights *model, struct err *err)
{
    const char *tensors = NULL, *config = NULL;
    int rc = adapter_find_files(&tensors, &config, adapter->path, &adapter->arena, err);
    if (!rc && config)
        rc = adapter_config_read(&adapter->config, config, err);
    if (!rc)
        rc = weights_open_tensors(&adapter->tensors, tensors, err);
    if (!rc && (rc = read_changes(adapter, config, model, err)))
        err_wrap(err, "cannot load '%s'", tensors);
    return rc;
}

int adapter_open(struct adapter **out, const char *name, const struct weights *model, struct err *err)
{
    struct adapter *adapter = mem_new(1, sizeof *adapter);
    if (!adapter)
        return err_memory(err, sizeof *adapter);
    int rc = split_weight(adapter, name, err);
    if (!rc && (rc = read_files(adapter, model, err)))
        err_wrap(err, "cannot use adapter '%s'", adapter->path);
    if (rc)
        adapter_free(adapter);
    else
        *out = adapter;
    return rc;
}

void adapter_free(struct adapter *adapter)
{
    if (!adapter)
        return;
    weights_free(adapter->tensors);
    adapter_config_release(&adapter->config);
    free(adapter->changes);
    arena_release(&adapter->arena);
    free(adapter);
}

const char *adapter_path(const struct adapter *adapter)
{
    return adapter->path;
}

float adapter_weight(const struct adapter *adapter)
{
    return adapter->weight;
}

const char *adapter_base_model(const struct adapter *adapter)
{
    return adapter->config.base_model;
}

struct adapter_counts adapter_counts(const struct adapter *adapter)
{
    return adapter->counts;
}

/* ---- to a model ---------------------------------------------------------------------------------------- */

static int merge(struct weights *weights, const char *name, struct err *err)
{
    struct adapter *adapter;
    int rc = adapter_open(&adapter, name, weights, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < adapter->count && !rc; i++)
        rc = weights_change(weights, &adapter->changes[i], err);
    if (rc)
        err_wrap(err, "cannot use adapter '%s'", adapter->path);
    adapter_free(adapter);
    return rc;
}

int weights_open_adapted(
    struct weights **out, const char *path, const struct adapters *adapters, struct err *err)
{
    struct weights *weights;
    int rc = weights_open(&weights, path, err);
    if (rc)
        return rc;
    for (size_t i = 0; adapters && i < adapters->count && !rc; i++)
        rc = merge(weights, adapters->names[i], err);
    if (rc)
        weights_free(weights);
    else
        *out = weights;
    return rc;
}
