// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <stdlib.h>
#include <string.h>

/* What the user has named, by the option or for every command; NULL: the model that comes with diptych. */
static const char *named(const char *option)
{
    const char *model = option && *option ? option : getenv("DIPTYCH_MODEL");
    return model && *model && strcmp(model, MODEL_DEFAULT) ? model : NULL;
}

/* A path counts even where nothing is there: opening it says so. */
static bool is_path(const char *model)
{
    return *model == '/' || *model == '.' || file_exists(model);
}

int model_reference(const char **out, const char *option, struct arena *arena, struct err *err)
{
    const char *model = named(option);
    *out = !model ? MODEL_DEFAULT : is_path(model) ? path_absolute(arena, model, err) : model;
    return *out ? 0 : ERR_MEMORY;
}

static int find_name(const char **out, const char *model, struct arena *arena, struct err *err)
{
    struct hub_name name;
    const int rc = hub_name_parse(&name, model, arena, err);
    return rc ? rc : hub_find(out, &name, arena, err);
}

static int find_default(const char **out, struct arena *arena, struct err *err)
{
    char folder[4096];
    bool in_library;
    const char *const defaults[] = {
        code_folder(folder, sizeof folder, &in_library)
            ? path_join(arena, folder, in_library ? DIPTYCH_MODEL_FROM_LIBRARY : DIPTYCH_MODEL_FROM_PROGRAM)
            : NULL,
        DIPTYCH_MODEL_IN_SOURCES,
    };
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        if (defaults[i] && file_exists(defaults[i])) {
            *out = defaults[i];
            return 0;
        }
    }
    return err_set(err, ERR_IO, "no default model in '%s'; name one with --model", DIPTYCH_MODEL_IN_SOURCES);
}

int model_directory(const char **out, const char *option, struct arena *arena, struct err *err)
{
    const char *model = named(option);
    if (!model)
        return find_default(out, arena, err);
    *out = model;
    const int rc = is_path(model) ? 0 : find_name(out, model, arena, err);
    if (rc && model != option) /* which may have been set long ago */
        err_wrap(err, "DIPTYCH_MODEL is '%s'", model);
    return rc;
}

int model_referred(const char **out, const char *reference, struct arena *arena, struct err *err)
{
    if (!strcmp(reference, MODEL_DEFAULT))
        return find_default(out, arena, err);
    *out = reference;
    return *reference == '/' ? 0 : find_name(out, reference, arena, err);
}

/* ---- models by name ------------------------------------------------------------------------------------ */

static int check_config(void *context, const char *directory, struct err *err)
{
    struct model_config config;
    (void)context;
    return model_config_read(&config, directory, err);
}

int model_pull(
    struct hub_pulled *out, const char *name, struct arena *arena, const struct job *job, struct err *err)
{
    const struct hub_options options = {.check = check_config};
    struct hub_name parsed;
    int rc = hub_name_parse(&parsed, name, arena, err);
    return rc ? rc : hub_pull(out, &parsed, &options, arena, job, err);
}

int model_installed_check(const struct hub_model *installed, struct err *err)
{
    char fingerprint[FINGERPRINT_SIZE];
    if (installed->missing)
        return err_set(err, ERR_NOT_FOUND, "it has no %s", installed->missing);
    int rc = check_config(NULL, installed->directory, err);
    return rc ? rc : model_directory_fingerprint(fingerprint, installed->directory, err);
}
