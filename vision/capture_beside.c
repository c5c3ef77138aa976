// SPDX-License-Identifier: Apache-2.0
/*
 * What other programs leave beside a picture:
 *
 *   IMG.xmp, IMG.jpg.xmp                 Lightroom and its kin; darktable, digiKam
 *   IMG.jpg.supplemental-metadata.json   Google Takeout since 2024; no more than 46 letters come before .json, and what
 *   IMG.jpg.json                         is too long loses its end; IMG(1).jpg has IMG.jpg.supplemental-metadata(1).json
 */
#include "vision/capture.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LIMIT = 4 << 20 };

/* ---- their names --------------------------------------------------------------------------------------- */

/* The bytes of the first letters of a text. */
static int bytes_of(const char *text, size_t letters)
{
    size_t bytes = 0;
    for (size_t seen = 0; text[bytes]; bytes++)
        if (((unsigned char)text[bytes] & 0xc0) != 0x80 && seen++ == letters)
            break;
    return (int)bytes;
}

/* Takes hold of a path, NULL when out of memory. */
static int add(struct strings *out, char *path, struct err *err)
{
    const int rc = path ? strings_add(out, path, strlen(path), err) : err_memory(err, 0);
    free(path);
    return rc;
}

/* kind: what stands behind the picture's name. */
static int add_takeout(struct strings *out, const char *path, const char *kind, struct err *err)
{
    enum { LETTERS = 46 };
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *suffix = strrchr(name, '.'), *number = suffix, *close = suffix;
    char *whole = NULL, *beside = NULL;
    if (!suffix)
        number = close = suffix = name + strlen(name);
    if (close > name && close[-1] == ')') {
        const char *open = close - 1;
        while (open > name && open[-1] >= '0' && open[-1] <= '9')
            open--;
        if (open > name && open[-1] == '(' && close - open > 1)
            number = open - 1;
    }
    if (asprintf(&whole, "%.*s%s%s", (int)(number - name), name, suffix, kind) < 0)
        return err_memory(err, strlen(path));
    if (asprintf(&beside, "%.*s%.*s%.*s.json", (int)(name - path), path, bytes_of(whole, LETTERS), whole,
            (int)(close - number), number) < 0)
        beside = NULL;
    free(whole);
    return add(out, beside, err);
}

int picture_beside_paths(struct strings *out, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/'), *suffix = strrchr(slash ? slash : path, '.');
    const int stem = suffix ? (int)(suffix - path) : (int)strlen(path);
    char *beside = NULL;
    int rc = add(out, asprintf(&beside, "%.*s.xmp", stem, path) < 0 ? NULL : beside, err);
    if (!rc)
        rc = add(out, asprintf(&beside, "%s.xmp", path) < 0 ? NULL : beside, err);
    if (!rc)
        rc = add_takeout(out, path, ".supplemental-metadata", err);
    return rc ? rc : add_takeout(out, path, "", err);
}

static bool ends_in(const char *path, const char *suffix)
{
    const size_t length = strlen(path), end = strlen(suffix);
    return length > end && !strcmp(path + length - end, suffix);
}

bool picture_beside_named(const char *path)
{
    return ends_in(path, ".xmp") || ends_in(path, ".json");
}

/* ---- what they say ------------------------------------------------------------------------------------- */

static void read_xmp(struct capture *out, struct span bytes)
{
    char *text = strndup(bytes.length ? bytes.data : "", bytes.length);
    if (text)
        capture_xmp(out, text);
    free(text);
}

static void read_takeout(struct capture *out, const char *path, struct span bytes)
{
    json_t *root;
    if (json_parse(&root, bytes.data, bytes.length, path, NULL))
        return;
    const char *stamp =
        json_string_value(json_object_get(json_object_get(root, "photoTakenTime"), "timestamp"));
    const json_t *place = json_object_get(root, "geoData");
    char *end = NULL, text[64];
    const time_t seconds = stamp ? (time_t)strtoll(stamp, &end, 10) : 0;
    struct tm utc;
    if (stamp && *stamp && !*end && gmtime_r(&seconds, &utc) &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &utc))
        capture_set_date(out, text);
    capture_set_place(out, json_number_value(json_object_get(place, "latitude")),
        json_number_value(json_object_get(place, "longitude")));
    json_decref(root);
}

void picture_beside_read(struct capture *out, const char *path, struct span bytes)
{
    if (ends_in(path, ".xmp"))
        read_xmp(out, bytes);
    else
        read_takeout(out, path, bytes);
}

int capture_beside(struct capture *out, const char *path, struct err *err)
{
    struct strings paths = {0};
    const int rc = picture_beside_paths(&paths, path, err);
    for (size_t i = 0; i < paths.count && !rc; i++) {
        char *bytes;
        size_t size;
        if (!file_exists(paths.items[i]) || file_read(&bytes, &size, paths.items[i], LIMIT, NULL))
            continue;
        picture_beside_read(out, paths.items[i], (struct span){bytes, size});
        free(bytes);
    }
    strings_release(&paths);
    return rc;
}
