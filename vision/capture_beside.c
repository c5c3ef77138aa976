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

/* ---- XMP ----------------------------------------------------------------------------------------------- */

static void read_xmp(struct capture *out, const char *path)
{
    char *text;
    size_t size;
    if (!file_exists(path) || file_read(&text, &size, path, LIMIT, NULL))
        return;
    capture_xmp(out, text);
    free(text);
}

/* ---- Takeout ------------------------------------------------------------------------------------------- */

static void read_takeout(struct capture *out, const char *path)
{
    json_t *root;
    if (!file_exists(path) || json_read(&root, path, LIMIT, NULL))
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

/* The bytes of the first letters of a text. */
static int bytes_of(const char *text, size_t letters)
{
    size_t bytes = 0;
    for (size_t seen = 0; text[bytes]; bytes++)
        if (((unsigned char)text[bytes] & 0xc0) != 0x80 && seen++ == letters)
            break;
    return (int)bytes;
}

/* kind: what stands behind the picture's name. */
static int read_takeout_of(struct capture *out, const char *path, const char *kind, struct err *err)
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
    if (asprintf(&whole, "%.*s%s%s", (int)(number - name), name, suffix, kind) < 0 ||
        asprintf(&beside, "%.*s%.*s%.*s.json", (int)(name - path), path, bytes_of(whole, LETTERS), whole,
            (int)(close - number), number) < 0) {
        free(whole);
        return err_memory(err, strlen(path));
    }
    read_takeout(out, beside);
    free(whole);
    free(beside);
    return 0;
}

int capture_beside(struct capture *out, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/'), *suffix = strrchr(slash ? slash : path, '.');
    const int stem = suffix ? (int)(suffix - path) : (int)strlen(path);
    char *short_name = NULL, *long_name = NULL;
    if (asprintf(&short_name, "%.*s.xmp", stem, path) < 0 || asprintf(&long_name, "%s.xmp", path) < 0) {
        free(short_name);
        return err_memory(err, strlen(path));
    }
    read_xmp(out, short_name);
    read_xmp(out, long_name);
    free(short_name);
    free(long_name);
    const int rc = read_takeout_of(out, path, ".supplemental-metadata", err);
    return rc ? rc : read_takeout_of(out, path, "", err);
}
