// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <fnmatch.h>
#include <limits.h>
#include <string.h>

const char *const excludes_default[] = {
    ".*", /* hidden: .git, .thumbnails, .Trash-1000, .Spotlight-V100, .@__thumb */
    "@eaDir/",
    "#recycle/",
    "#snapshot/", /* Synology */
    "@Recycle/",
    "@Recently-Snapshot/", /* QNAP */
    "$RECYCLE.BIN/",
    "$Recycle.Bin/",
    "RECYCLER/",
    "System Volume Information/", /* Windows */
    "__MACOSX/",                  /* macOS's zip files */
    "lost+found/",                /* file systems */
    "*.lrdata/",                  /* previews of Lightroom's */
    "*.dip/",                     /* indexes */
    NULL,
};

/* ---- one pattern --------------------------------------------------------------------------------------- */

/* Whether a name, the first `length` bytes, fits the first `size` bytes of a pattern. */
static bool fits_name(const char *pattern, size_t size, const char *name, size_t length)
{
    char glob[PATH_MAX], text[NAME_MAX + 1];
    const size_t plain = strcspn(pattern, "*?[\\");
    if (plain >= size)
        return size == length && !memcmp(pattern, name, size);
    if (size >= sizeof glob || length >= sizeof text || length < plain || memcmp(pattern, name, plain))
        return false;
    memcpy(glob, pattern, size);
    memcpy(text, name, length);
    glob[size] = text[length] = '\0';
    return !fnmatch(glob, text, 0);
}

/* Whether a path fits the first `size` bytes of a pattern, name by name: "**" stands for any number of them. */
static bool fits_path(const char *pattern, size_t size, const char *path)
{
    const char *slash = memchr(pattern, '/', size), *next = strchr(path, '/');
    const size_t first = slash ? (size_t)(slash - pattern) : size;
    const size_t rest = slash ? size - first - 1 : 0;
    if (first == 2 && !memcmp(pattern, "**", 2)) {
        if (!rest)
            return *path;
        for (; next; path = next + 1, next = strchr(path, '/'))
            if (fits_path(slash + 1, rest, path))
                return true;
        return fits_path(slash + 1, rest, path);
    }
    const size_t length = next ? (size_t)(next - path) : strlen(path);
    if (!fits_name(pattern, first, path, length))
        return false;
    return slash && next ? fits_path(slash + 1, rest, next + 1) : !slash && !next;
}

static bool fits(const char *pattern, const char *path, bool folder)
{
    size_t size = strlen(pattern);
    const bool folders = size && pattern[size - 1] == '/';
    size -= folders;
    if (!size || (folders && !folder))
        return false;
    if (memchr(pattern, '/', size))
        return fits_path(pattern + (*pattern == '/'), size - (*pattern == '/'), path);
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    return fits_name(pattern, size, name, strlen(name));
}

/* ---- all ----------------------------------------------------------------------------------------------- */

/* The last one that fits decides. */
bool excludes_match(const struct excludes *excludes, const char *path, bool folder)
{
    for (size_t i = excludes ? excludes->patterns.count : 0; i-- > 0;) {
        const char *pattern = excludes->patterns.items[i];
        const bool back = *pattern == '!';
        if (fits(pattern + back, path, folder))
            return !back;
    }
    for (size_t i = 0; !(excludes && excludes->no_defaults) && excludes_default[i]; i++)
        if (fits(excludes_default[i], path, folder))
            return true;
    return false;
}

bool excludes_cover(const struct excludes *excludes, const char *path, bool folder)
{
    char above[PATH_MAX];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        if ((size_t)(slash - path) >= sizeof above)
            return false;
        memcpy(above, path, (size_t)(slash - path));
        above[slash - path] = '\0';
        if (excludes_match(excludes, above, true))
            return true;
    }
    return excludes_match(excludes, path, folder);
}
