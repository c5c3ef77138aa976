// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PATHS_MAX = 1000000 };

struct expansion {
    struct strings *paths;
    size_t count;
    struct err *err;
};

/* The first braces of a pattern, and what they hold. */
struct braces {
    struct span before, inside;
    const char *behind;
    bool range;
    uint32_t first, last;
    int digits; /* of every number; 0: as many as it takes */
};

static bool read_number(uint32_t *out, int *digits, struct span *rest)
{
    enum { DIGITS_MAX = 9 };
    const size_t length = rest->length;
    *out = 0;
    while (rest->length && *rest->data >= '0' && *rest->data <= '9' && length - rest->length < DIGITS_MAX) {
        *out = 10 * *out + (uint32_t)(*rest->data - '0');
        *rest = span_from(*rest, 1);
    }
    *digits = (int)(length - rest->length);
    return *digits;
}

static bool read_range(struct braces *braces)
{
    struct span rest = braces->inside;
    int first_digits, last_digits;
    if (!read_number(&braces->first, &first_digits, &rest) || !span_take(&rest, "..") ||
        !read_number(&braces->last, &last_digits, &rest) || rest.length)
        return false;
    braces->digits = braces->inside.data[0] == '0' && first_digits > 1 ? first_digits : 0;
    return true;
}

static bool find_braces(struct braces *out, const char *pattern)
{
    for (const char *open = strchr(pattern, '{'); open; open = strchr(open + 1, '{')) {
        const size_t length = strcspn(open + 1, "{}");
        if (open[1 + length] != '}')
            continue;
        *out = (struct braces){.before = {pattern, (size_t)(open - pattern)},
            .inside = {open + 1, length},
            .behind = open + 2 + length};
        out->range = read_range(out);
        if (out->range || memchr(open + 1, ',', length))
            return true;
    }
    return false;
}

static int expand(const struct expansion *expansion, struct span front, const char *pattern);

/* front, what stands before the braces, one of the texts in them, and all that comes of the rest. */
static int expand_one(
    const struct expansion *expansion, struct span front, const struct braces *braces, struct span text)
{
    char *path = mem_grow(NULL, front.length + braces->before.length + text.length + 1, 1);
    if (!path)
        return err_memory(expansion->err, front.length);
    size_t length = 0;
    const struct span parts[] = {front, braces->before, text};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].length)
            memcpy(path + length, parts[i].data, parts[i].length);
        length += parts[i].length;
    }
    const int rc = expand(expansion, (struct span){path, length}, braces->behind);
    free(path);
    return rc;
}

static int expand_range(const struct expansion *expansion, struct span front, const struct braces *braces)
{
    const bool up = braces->first <= braces->last;
    int rc = 0;
    for (uint32_t number = braces->first; !rc; number += up ? 1u : UINT32_MAX) {
        char text[16];
        snprintf(text, sizeof text, "%0*" PRIu32, braces->digits, number);
        rc = expand_one(expansion, front, braces, span_of(text));
        if (number == braces->last)
            break;
    }
    return rc;
}

static int expand_list(const struct expansion *expansion, struct span front, const struct braces *braces)
{
    struct span rest = braces->inside;
    for (;;) {
        const char *comma = rest.length ? memchr(rest.data, ',', rest.length) : NULL;
        const struct span text = {rest.data, comma ? (size_t)(comma - rest.data) : rest.length};
        const int rc = expand_one(expansion, front, braces, text);
        if (rc || !comma)
            return rc;
        rest = span_from(rest, text.length + 1);
    }
}

static int add(const struct expansion *expansion, struct span front, const char *rest)
{
    char *path = NULL;
    if (expansion->paths->count - expansion->count >= PATHS_MAX)
        return err_set(expansion->err, ERR_LIMIT, "more than %d paths by one pattern", PATHS_MAX);
    const int length = asprintf(&path, "%.*s%s", (int)front.length, front.length ? front.data : "", rest);
    if (length < 0)
        return err_memory(expansion->err, front.length);
    const int rc = strings_add(expansion->paths, path, (size_t)length, expansion->err);
    free(path);
    return rc;
}

static int expand(const struct expansion *expansion, struct span front, const char *pattern)
{
    struct braces braces;
    if (!find_braces(&braces, pattern))
        return add(expansion, front, pattern);
    return (braces.range ? expand_range : expand_list)(expansion, front, &braces);
}

int braces_expand(struct strings *paths, const char *pattern, struct err *err)
{
    if (!strchr(pattern, '{') || file_exists(pattern))
        return strings_add(paths, pattern, strlen(pattern), err);
    return expand(&(struct expansion){paths, paths->count, err}, (struct span){0}, pattern);
}
