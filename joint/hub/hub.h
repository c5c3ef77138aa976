// SPDX-License-Identifier: Apache-2.0
/*
 * joint/hub: models by their names. What a name means, where it lies in the cache of Hugging Face, and how it gets
 * there. It stands on base alone, and knows files, not what is in them: whether a model runs, its caller says.
 *
 * A model has one place, the cache that huggingface_hub (PyPI) uses too, so that what one has fetched the other has:
 *
 *     $HF_HUB_CACHE, else $HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub,
 *     else $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub
 *
 *     models--openai--clip-vit-base-patch32/
 *         refs/main                          the commit that the revision `main` was when it was fetched last
 *         snapshots/<commit>/config.json     -> ../../blobs/<etag>
 *         blobs/<etag>                       etag: SHA-256, or git's SHA-1 of small files. May be a link itself
 *         blobs/<etag>.incomplete            a download that was cut; the next one goes on from there
 *     .locks/models--openai--clip-vit-base-patch32/<etag>.lock    held with flock(2) by whoever downloads it
 *
 * What else is looked at:
 *
 *     HF_ENDPOINT        the hub, or a mirror of it (https://huggingface.co)
 *     HF_TOKEN           who asks; else the first line of the file $HF_TOKEN_PATH, or $HF_HOME/token. It goes to the
 *                        hub alone. HF_HUB_DISABLE_IMPLICIT_TOKEN=1: not even there
 *     HF_HUB_OFFLINE=1, TRANSFORMERS_OFFLINE=1    nothing is downloaded
 *     http_proxy, https_proxy, no_proxy           as curl(1) has them
 *
 * Sources: constants.py, file_download.py, hf_api.py and utils/_http.py of huggingface_hub 2.4.0; pretrained.py of
 * open_clip 3.3.0 for the names of its models.
 */
#ifndef DIPTYCH_HUB_H
#define DIPTYCH_HUB_H

#include "base/base.h"

/* ---- names --------------------------------------------------------------------------------------------- */

/* A repository of the hub, and which of its revisions. All strings are in the arena. */
struct hub_name {
    const char *text;     /* as it was given, without the revision */
    const char *repo;     /* "openai/clip-vit-base-patch32" */
    const char *revision; /* a branch, a tag or a commit: "main" where none was given */
    const char *kind; /* of a name of open_clip's that does not run: "a CLIP with a ResNet, ..."; else NULL */
    const char
        *weights; /* of a name of open_clip's: the file in ~/.cache/clip with its weights, if it is there */
};

/* Reads a name, with @REVISION behind it or not:
 *
 *     ViT-B-32/laion2b_s34b_b79k       architecture and tag, of the 196 that open_clip 3.3 has
 *     ViT-B-32__laion2b_s34b_b79k      the same as immich writes it
 *     openai/clip-vit-base-patch32     a repository of the hub
 *     hf-hub:timm/ViT-B-16-SigLIP      the same as open_clip writes it, and never one of open_clip's names
 *
 * ERR_NOT_FOUND: it is none of these, and the message has the names that come nearest; ERR_ARGUMENT: the revision
 * can be none; ERR_MEMORY. */
int hub_name_parse(struct hub_name *out, const char *text, struct arena *arena, struct err *err);

/* The i-th of open_clip's names that run, "ViT-B-32/openai"; false behind the last. */
bool hub_known_name(char *name, size_t size, size_t i);

/* ---- the cache ----------------------------------------------------------------------------------------- */

/* The cache's folder, in the arena; it need not exist. ERR_ARGUMENT: there is no home; ERR_MEMORY. */
int hub_cache(const char **out, struct arena *arena, struct err *err);

/* The snapshot with the model, in the arena; or, of the revision `main`, OpenAI's file of its weights in ~/.cache/clip,
 * where openai/CLIP and open_clip put it, if a tokenizer lies beside it. Nothing is downloaded. ERR_NOT_FOUND: it is
 * not there, or not all of it, and the message has the command that fetches it. */
int hub_find(const char **directory, const struct hub_name *name, struct arena *arena, struct err *err);

/* A snapshot of a repository. Strings live during the visit. */
struct hub_model {
    const char *repo, *commit, *directory;
    const struct strings *refs; /* the revisions that it was fetched as: "main" */
    const char *missing;        /* what a model needs and is not there, "weights"; NULL: it is whole */
    uint64_t size;              /* bytes of its files, those that other snapshots have too included */
};

/* Visits the snapshots of all models in the cache, by name and commit. A visit that returns non-zero ends it, and is
 * returned. No cache is no error, and what of it cannot be read is passed over. ERR_IO: all of it; ERR_MEMORY. */
typedef int hub_visit(void *context, const struct hub_model *model, struct err *err);
int hub_each(hub_visit *visit, void *context, struct err *err);

/* Removes a model from the cache: the snapshot of that revision, and of its blobs those that no other snapshot has;
 * or without `revision_given` the repository with all its snapshots. Links are removed and never followed, so what
 * huggingface_hub keeps for several repositories in common (blobs/ in the cache itself) stays. *freed counts bytes.
 * ERR_NOT_FOUND, ERR_IO, ERR_MEMORY. */
int hub_remove(uint64_t *freed, const struct hub_name *name, bool revision_given, struct err *err);

/* ---- downloads ----------------------------------------------------------------------------------------- */

struct hub_options {
    /* Called when the configuration is there and before anything else is fetched: an error ends the work, so that
     * no gigabytes come for what cannot run. NULL: nothing is checked. */
    int (*check)(void *context, const char *directory, struct err *err);

    /* How to pass the time until a request is tried again, or another process is done; NULL: by waiting. */
    void (*wait)(void *context, double seconds);
    void *context; /* of both */
};

struct hub_pulled {
    const char *directory; /* the snapshot, in the arena */
    size_t files;          /* that the model needs */
    uint64_t size;         /* of these, in bytes */
    uint64_t received;     /* of these came now */
};

/* Downloads what a model needs and no more: its configuration, how pictures are prepared, the tokenizer, and one set
 * of weights, safetensors before PyTorch's files. What is there already is not fetched again, a download that was
 * cut goes on; the revision's name is set last. Where open_clip_config.json is in the repository, open_clip's files
 * are taken, else those of transformers.
 *
 * The job's unit is kB or MB. An end, by it or by an error, keeps what came, for the next time. Two may pull the same
 * at once: one downloads and the other waits.
 *
 *   ERR_NOT_FOUND    no such repository or revision, or it is private or gated: the message says what to do
 *   ERR_UNSUPPORTED  it is no model that can run; errors of the check
 *   ERR_FORMAT       the hub's answer makes no sense, or a file is not what its size and checksum say
 *   ERR_LIMIT        the disk has no room for it
 *   ERR_ARGUMENT     downloads are switched off, or a variable cannot be understood
 *   ERR_IO           no connection, or it failed again and again; the cache cannot be written
 *   ERR_CANCELLED, ERR_MEMORY */
int hub_pull(struct hub_pulled *out, const struct hub_name *name, const struct hub_options *options,
    struct arena *arena, const struct job *job, struct err *err);

#endif
