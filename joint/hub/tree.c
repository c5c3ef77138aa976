// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/tree.h"
#include "joint/hub/digest.h"
#include "joint/hub/files.h"
#include "joint/hub/name.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 16 << 20, PAGES_MAX = 1000, FILES_MAX = 100000 };

/* "ENDPOINT/api/models/REPO/WHAT/REVISION", in the arena; NULL when out of memory. */
static char *api_url(struct http *http, const char *what, const char *revision, struct arena *arena)
{
    const char *escaped = http_escape(http, revision, arena), *endpoint = http->environment->endpoint;
    const char *repo = http->name->repo;
    static const char form[] = "%s/api/models/%s/%s/%s";
    char *url = escaped ? arena_alloc(arena,
                              strlen(endpoint) + strlen(repo) + strlen(what) + strlen(escaped) + sizeof form)
                        : NULL;
    if (url)
        sprintf(url, form, endpoint, repo, what, escaped);
    return url;
}

static int ask(json_t **out, struct http *http, const char *url, struct err *err)
{
    char subject[160], *text;
    size_t size;
    snprintf(subject, sizeof subject, "the list of files of '%s'", http->name->repo);
    int rc = http_text(&text, &size, http, url, subject, ANSWER_MAX, err);
    if (rc)
        return rc;
    rc = json_parse_value(out, text, size, url, err);
    free(text);
    return rc;
}

int hub_commit_ask(const char **commit, struct http *http, struct arena *arena, struct err *err)
{
    const char *url = api_url(http, "revision", http->name->revision, arena);
    json_t *answer;
    int rc = url ? ask(&answer, http, url, err) : err_memory(err, 0);
    if (rc)
        return rc;
    const char *sha = json_string_value(json_object_get(answer, "sha"));
    if (!sha || !hub_commit_valid(sha))
        rc = err_set(err, ERR_FORMAT, "'%s' does not answer like a hub: it has no 'sha'", url);
    else if (!(*commit = arena_copy(arena, sha, strlen(sha))))
        rc = err_memory(err, 0);
    json_decref(answer);
    return rc;
}

/* ---- the tree ------------------------------------------------------------------------------------------ */

/* SHA-256 of what is kept elsewhere, git's SHA-1 else: the etag that the file will have. */
static const char *checksum_of(const json_t *entry)
{
    const char *large = json_string_value(json_object_get(json_object_get(entry, "lfs"), "oid"));
    const char *text = large ? large : json_string_value(json_object_get(entry, "oid"));
    return text && digest_known(text) ? text : NULL;
}

static int add_file(struct hub_tree *tree, const json_t *entry, struct err *err)
{
    const char *type = json_string_value(json_object_get(entry, "type"));
    const char *path = json_string_value(json_object_get(entry, "path"));
    const json_int_t size = json_integer_value(json_object_get(entry, "size"));
    if (!type || strcmp(type, "file") || !path || !hub_file_name_valid(path) || size < 0)
        return 0;
    if (tree->count == FILES_MAX)
        return err_set(err, ERR_LIMIT, "a repository of more than %d files is none of models", FILES_MAX);
    int rc = array_grow(tree->items, &tree->room, tree->count + 1, err);
    const char *checksum = checksum_of(entry), *name = arena_copy(&tree->arena, path, strlen(path));
    if (checksum)
        checksum = arena_copy(&tree->arena, checksum, strlen(checksum));
    if (!rc && !name)
        rc = err_memory(err, strlen(path));
    if (!rc)
        tree->items[tree->count++] = (struct hub_file){name, (uint64_t)size, checksum};
    return rc;
}

/* The page that a reply's "Link: <URL>; rel="next"" leads to, in the arena; NULL: none. */
static const char *next_page(const struct http *http, struct arena *arena)
{
    const char *link = http_header(http, "Link", arena);
    const char *end = link && link[0] == '<' ? strchr(link, '>') : NULL;
    return end && strstr(end, "rel=\"next\"") ? arena_copy(arena, link + 1, (size_t)(end - link - 1)) : NULL;
}

int hub_tree_ask(struct hub_tree *out, struct http *http, const char *commit, struct err *err)
{
    const char *url = api_url(http, "tree", commit, &out->arena);
    int rc = url ? 0 : err_memory(err, 0);
    for (int page = 0; url && !rc; page++) {
        json_t *answer = NULL, *entry;
        size_t i;
        rc = page < PAGES_MAX ? ask(&answer, http, url, err)
                              : err_set(err, ERR_LIMIT, "'%s' is one page too many", url);
        if (!rc && !json_is_array(answer))
            rc = err_set(err, ERR_FORMAT, "'%s' does not answer like a hub: it has no list", url);
        json_array_foreach(answer, i, entry)
        {
            if (!rc)
                rc = add_file(out, entry, err);
        }
        json_decref(answer);
        if (!rc)
            url = next_page(http, &out->arena);
    }
    return rc;
}

const struct hub_file *hub_tree_find(const struct hub_tree *tree, const char *name)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (!strcmp(tree->items[i].name, name))
            return &tree->items[i];
    }
    return NULL;
}

void hub_tree_release(struct hub_tree *tree)
{
    free(tree->items);
    arena_release(&tree->arena);
    *tree = (struct hub_tree){0};
}
