// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/files.h"
#include "joint/hub/hub.h"
#include "joint/hub/name.h"
#include "joint/hub/place.h"

#include <stdlib.h>
#include <string.h>

/* open_clip kept weights alone, without a configuration, before there were repositories. */
static bool has_old_weights(const struct hub_name *name, struct arena *arena)
{
    const char *home = getenv("HOME");
    const char *path =
        home && name->weights ? hub_path(arena, home, ".cache/clip", name->weights, NULL) : NULL;
    return path && file_exists(path);
}

/* The name as the command takes it, "@REVISION" included. */
static int not_here(
    const struct hub_name *name, const char *missing, struct arena *arena, const char *cache, struct err *err)
{
    const bool main = !strcmp(name->revision, "main");
    char command[512], but[256] = "";
    snprintf(command, sizeof command, "diptych pull %s%s%s", name->text, main ? "" : "@",
        main ? "" : name->revision);
    if (has_old_weights(name, arena))
        snprintf(but, sizeof but, " (~/.cache/clip/%s has its weights alone, and not how to use them)",
            name->weights);
    if (missing)
        return err_set(err, ERR_NOT_FOUND, "the model '%s' in '%s' has no %s: '%s' downloads what is missing",
            name->text, cache, missing, command);
    return err_set(err, ERR_NOT_FOUND, "no model '%s' here%s: '%s' downloads it", name->text, but, command);
}

int hub_find(const char **directory, const struct hub_name *name, struct arena *arena, struct err *err)
{
    struct hub_place place;
    const char *cache;
    int rc = hub_cache(&cache, arena, err);
    if (!rc)
        rc = hub_place(&place, cache, name->repo, arena, err);
    if (rc)
        return rc;
    if (name->kind)
        return err_set(err, ERR_UNSUPPORTED, "'%s' is %s, which is not supported", name->text, name->kind);
    const char *commit = hub_ref_read(&place, name->revision, arena);
    const char *snapshot = commit ? hub_path(arena, place.repo, "snapshots", commit, NULL) : NULL;
    if (!snapshot || !file_exists(snapshot))
        return not_here(name, NULL, arena, cache, err);
    const char *missing = hub_folder_missing(snapshot);
    if (missing)
        return not_here(name, missing, arena, cache, err);
    *directory = snapshot;
    return 0;
}
