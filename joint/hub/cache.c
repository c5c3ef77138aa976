// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/files.h"
#include "joint/hub/hub.h"
#include "joint/hub/name.h"
#include "joint/hub/place.h"

#include <stdlib.h>
#include <string.h>

/* Where openai/CLIP and open_clip put the files that OpenAI published. */
static const char old_cache[] = ".cache/clip";

static bool is_main(const struct hub_name *name)
{
    return !strcmp(name->revision, "main");
}

/* OpenAI's file of the model's weights, in the arena, which is of no other revision; NULL: there is none. */
static const char *find_file(const struct hub_name *name, struct arena *arena)
{
    const char *home = getenv("HOME");
    const char *path =
        home && name->weights && is_main(name) ? hub_path(arena, home, old_cache, name->weights, NULL) : NULL;
    return path && file_exists(path) ? path : NULL;
}

/* The command has the name as it was given, "@REVISION" included. */
static int not_here(
    const struct hub_name *name, const char *missing, const char *file, const char *cache, struct err *err)
{
    char command[512];
    snprintf(command, sizeof command, "diptych pull %s%s%s", name->text, is_main(name) ? "" : "@",
        is_main(name) ? "" : name->revision);
    if (missing)
        return err_set(err, ERR_NOT_FOUND, "the model '%s' in '%s' has no %s: '%s' downloads what is missing",
            name->text, cache, missing, command);
    if (file)
        return err_set(err, ERR_NOT_FOUND,
            "'%s' has no tokenizer beside it: '%s' downloads the model with one", file, command);
    return err_set(err, ERR_NOT_FOUND, "no model '%s' here: '%s' downloads it", name->text, command);
}

/* A model that is in no snapshot. */
static int find_outside(
    const char **out, const struct hub_name *name, const char *cache, struct arena *arena, struct err *err)
{
    const char *home = getenv("HOME"), *file = find_file(name, arena);
    const char *folder = file ? hub_path(arena, home, old_cache, NULL) : NULL;
    if (!folder || !hub_folder_tokenizes(folder))
        return not_here(name, NULL, file, cache, err);
    *out = file;
    return 0;
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
        return err_set(
            err, ERR_UNSUPPORTED, "'%s' is %s, which Diptych does not run", name->text, name->kind);
    const char *commit = hub_ref_read(&place, name->revision, arena);
    const char *snapshot = commit ? hub_path(arena, place.repo, "snapshots", commit, NULL) : NULL;
    if (!snapshot || !file_exists(snapshot))
        return find_outside(directory, name, cache, arena, err);
    const char *missing = hub_folder_missing(snapshot);
    if (missing)
        return not_here(name, missing, NULL, cache, err);
    *directory = snapshot;
    return 0;
}
