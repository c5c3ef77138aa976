// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/environment.h"
#include "joint/hub/hub.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A variable that is set to something; NULL else. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* As huggingface_hub takes a switch. */
static bool is_on(const char *name)
{
    static const char *const words[] = {"1", "ON", "YES", "TRUE"};
    const char *value = variable(name);
    for (size_t i = 0; value && i < sizeof words / sizeof *words; i++) {
        if (!strcasecmp(value, words[i]))
            return true;
    }
    return false;
}

/* A path of a variable, with "~" for the home. */
static const char *expanded(struct arena *arena, const char *path)
{
    const char *home = variable("HOME");
    return home && path[0] == '~' && (!path[1] || path[1] == '/')
               ? path_join(arena, home, path + 1 + !!path[1])
               : path;
}

/* ---- folders ------------------------------------------------------------------------------------------- */

static int home_of_hf(const char **out, struct arena *arena, struct err *err)
{
    const char *own = variable("HF_HOME"), *caches = variable("XDG_CACHE_HOME"), *home = variable("HOME");
    if (own)
        *out = expanded(arena, own);
    else if (caches)
        *out = path_join(arena, expanded(arena, caches), "huggingface");
    else if (home)
        *out = path_join(arena, home, ".cache/huggingface");
    else
        return err_set(
            err, ERR_ARGUMENT, "no folder for models: neither HF_HUB_CACHE, HF_HOME nor HOME is set");
    return *out ? 0 : err_memory(err, 0);
}

int hub_cache(const char **out, struct arena *arena, struct err *err)
{
    const char *own = variable("HF_HUB_CACHE"), *home;
    if (!own)
        own = variable("HUGGINGFACE_HUB_CACHE");
    if (own) {
        *out = expanded(arena, own);
        return *out ? 0 : err_memory(err, 0);
    }
    int rc = home_of_hf(&home, arena, err);
    if (!rc && !(*out = path_join(arena, home, "hub")))
        rc = err_memory(err, 0);
    return rc;
}

/* ---- the token ----------------------------------------------------------------------------------------- */

/* A token goes into a header: no more than one line of visible ASCII. NULL where there is nothing in it. */
static int take_token(
    const char **out, const char *text, const char *where, struct arena *arena, struct err *err)
{
    text += strspn(text, " \t\r\n");
    const size_t length = strcspn(text, " \t\r\n");
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '!' || text[i] > '~')
            return err_set(err, ERR_ARGUMENT, "what %s has is no token", where);
    }
    *out = length ? arena_copy(arena, text, length) : NULL;
    return length && !*out ? err_memory(err, length) : 0;
}

static int read_token(const char **out, struct arena *arena, struct err *err)
{
    enum { TOKEN_FILE_MAX = 1 << 16 };
    const char *path = variable("HF_TOKEN_PATH"), *own = variable("HF_TOKEN"), *home;
    char *text;
    size_t size;
    *out = NULL;
    if (is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
        return 0;
    if (own)
        return take_token(out, own, "HF_TOKEN", arena, err);
    if (!path && home_of_hf(&home, arena, NULL))
        return 0;
    path = path ? expanded(arena, path) : path_join(arena, home, "token");
    if (!path)
        return err_memory(err, 0);
    if (!file_exists(path))
        return 0;
    int rc = file_read(&text, &size, path, TOKEN_FILE_MAX, err);
    if (rc)
        return rc;
    rc = take_token(out, text, path, arena, err);
    free(text);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static int read_endpoint(const char **out, struct arena *arena, struct err *err)
{
    const char *text = variable("HF_ENDPOINT");
    if (!text)
        text = "https://huggingface.co";
    size_t length = strlen(text);
    while (length && text[length - 1] == '/')
        length--;
    *out = arena_copy(arena, text, length);
    if (!*out)
        return err_memory(err, length);
    if (strncmp(text, "https://", 8) && strncmp(text, "http://", 7))
        return err_set(err, ERR_ARGUMENT, "HF_ENDPOINT is '%s', expected http:// or https://", text);
    return 0;
}

int hub_environment_read(struct hub_environment *out, struct arena *arena, struct err *err)
{
    int rc = hub_cache(&out->cache, arena, err);
    if (!rc)
        rc = read_endpoint(&out->endpoint, arena, err);
    if (!rc)
        rc = read_token(&out->token, arena, err);
    /* the second one counts where the first is not set, as in huggingface_hub */
    out->offline = is_on(variable("HF_HUB_OFFLINE") ? "HF_HUB_OFFLINE" : "TRANSFORMERS_OFFLINE");
    return rc;
}
