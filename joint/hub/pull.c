// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/blob.h"
#include "joint/hub/files.h"
#include "joint/hub/name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

struct pull {
    struct hub_environment environment;
    struct http http;
    struct hub_tree tree;
    struct hub_fetch fetch;
    struct hub_pulled *out;
};

static bool tree_has(void *context, const char *name)
{
    return hub_tree_find(context, name);
}

/* ---- a few files --------------------------------------------------------------------------------------- */

/* Whether the disk has room for so many bytes, and a little more. */
static int check_room(const struct pull *pull, uint64_t wanted, struct err *err)
{
    enum { SPARE = 16 << 20 };
    struct statvfs disk;
    const char *folder = pull->environment.cache;
    if (statvfs(folder, &disk))
        return err_set(err, ERR_IO, "unable to read '%s': %s", folder, strerror(errno));
    const uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (wanted < room && room - wanted > SPARE)
        return 0;
    return err_set(err, ERR_LIMIT, "'%s' takes %.1f MB, and there are %.1f MB left in '%s'",
        pull->http.name->repo, (double)wanted / 1e6, (double)room / 1e6, folder);
}

/* A phase of the job: how many bytes these are, in a unit that suits them. */
static int begin_phase(struct pull *pull, const char *const *names, size_t count, struct err *err)
{
    struct http *http = &pull->http;
    uint64_t missing = 0;
    http->total = http->done = 0;
    for (size_t i = 0; i < count; i++) {
        const struct hub_file *file = hub_tree_find(&pull->tree, names[i]);
        if (!file)
            return err_set(
                err, ERR_FORMAT, "'%s' has no '%s', which its own files name", http->name->repo, names[i]);
        if (file->size > UINT64_MAX / 4 / count)
            return err_set(err, ERR_LIMIT, "'%s' of '%s' has %llu bytes", names[i], http->name->repo,
                (unsigned long long)file->size);
        http->total += file->size;
        missing += hub_blob_missing(&pull->fetch, file);
    }
    const bool large = http->total >= 10000000;
    http->scale = large ? 1000000 : 1000;
    http->unit = large ? "MB" : "kB";
    return missing ? check_room(pull, missing, err) : 0;
}

static int get_files(struct pull *pull, const char *const *names, size_t count, struct err *err)
{
    int rc = begin_phase(pull, names, count, err);
    for (size_t i = 0; i < count && !rc; i++) {
        const struct hub_file *file = hub_tree_find(&pull->tree, names[i]);
        rc = hub_blob_get(&pull->out->received, &pull->fetch, file, err);
        pull->http.done += file->size;
        pull->out->size += file->size;
        pull->out->files++;
    }
    return rc;
}

static int get_part(struct pull *pull, enum hub_part part, struct err *err)
{
    const char *names[PART_FILES_MAX];
    size_t count = 0;
    hub_files_list(names, part, tree_has, &pull->tree);
    while (names[count])
        count++;
    return count ? get_files(pull, names, count, err) : 0;
}

/* An index says which files have the weights. */
static int get_weights(struct pull *pull, struct arena *arena, struct err *err)
{
    const char *names[PART_FILES_MAX];
    struct strings shards = {0};
    int rc = get_part(pull, PART_WEIGHTS, err);
    hub_files_list(names, PART_WEIGHTS, tree_has, &pull->tree);
    if (rc || !hub_is_index(names[0]))
        return rc;
    const char *index = hub_path(arena, pull->fetch.snapshot, names[0], NULL);
    rc = index ? hub_shards_read(&shards, index, err) : err_memory(err, 0);
    if (!rc)
        rc = get_files(pull, (const char *const *)shards.items, shards.count, err);
    strings_release(&shards);
    return rc;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* CACHEDIR.TAG says to backups that what is here can be had again: bford.info/cachedir. */
static void mark_cache(const char *cache, struct arena *arena)
{
    const char *path = hub_path(arena, cache, "CACHEDIR.TAG", NULL);
    FILE *file = path ? fopen(path, "wx") : NULL;
    if (!file)
        return;
    fputs("Signature: 8a477f597d28d172789f06886806bc55\n# A cache of models, shared with huggingface_hub.\n",
        file);
    fclose(file);
}

/* Finds out what there is, and makes the place for it. */
static int begin(struct pull *pull, struct arena *arena, struct err *err)
{
    struct http *http = &pull->http;
    struct hub_fetch *fetch = &pull->fetch;
    http->unit = "asking the hub";
    int rc = http_open(http, err);
    if (!rc)
        rc = hub_commit_ask(&fetch->commit, http, arena, err);
    if (!rc)
        rc = hub_tree_ask(&pull->tree, http, fetch->commit, err);
    if (rc)
        return rc;
    const char *missing = hub_files_missing(tree_has, &pull->tree);
    if (missing)
        return err_set(err, ERR_UNSUPPORTED,
            "'%s' is no model of pictures and texts that can run: it has no %s", http->name->repo, missing);
    rc = hub_place(&fetch->place, pull->environment.cache, http->name->repo, arena, err);
    if (rc)
        return rc;
    fetch->snapshot = hub_path(arena, fetch->place.repo, "snapshots", fetch->commit, NULL);
    rc = fetch->snapshot ? folders_make(fetch->snapshot, err) : err_memory(err, 0);
    if (!rc)
        mark_cache(pull->environment.cache, arena);
    return rc;
}

static int run(struct pull *pull, const struct hub_options *options, struct arena *arena, struct err *err)
{
    int rc = begin(pull, arena, err);
    if (!rc)
        rc = get_part(pull, PART_CONFIG, err);
    if (!rc && options && options->check)
        rc = options->check(options->context, pull->fetch.snapshot, err);
    if (!rc)
        rc = get_part(pull, PART_OTHERS, err);
    if (!rc)
        rc = get_weights(pull, arena, err);
    return rc ? rc : hub_ref_write(&pull->fetch.place, pull->http.name->revision, pull->fetch.commit, err);
}

int hub_pull(struct hub_pulled *out, const struct hub_name *name, const struct hub_options *options,
    struct arena *arena, const struct job *job, struct err *err)
{
    struct pull pull = {.out = out};
    *out = (struct hub_pulled){0};
    int rc = hub_environment_read(&pull.environment, arena, err);
    if (!rc && pull.environment.offline)
        rc = err_set(err, ERR_ARGUMENT, "cannot download '%s': HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set",
            name->text);
    if (!rc && name->kind)
        rc = err_set(err, ERR_UNSUPPORTED, "'%s' is %s, which Diptych does not run", name->text, name->kind);
    pull.http = (struct http){.environment = &pull.environment, .name = name, .options = options, .job = job};
    pull.fetch.http = &pull.http;
    if (!rc)
        rc = run(&pull, options, arena, err);
    out->directory = pull.fetch.snapshot;
    hub_tree_release(&pull.tree);
    http_close(&pull.http);
    return rc;
}
