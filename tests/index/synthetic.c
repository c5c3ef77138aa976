// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

#include <dirent.h>
#include <unistd.h>

void assert_ok_at(int rc, const struct err *err, const char *call, const char *file, int line)
{
    if (!rc)
        return;
    print_error("%s: %s\n", call, err->msg);
    _fail(file, line);
}

void assert_err_at(int rc, enum err_code code, const char *text, const struct err *err, const char *call,
    const char *file, int line)
{
    if (rc == (int)code && err->code == code && strstr(err->msg, text))
        return;
    print_error("%s: %d \"%s\" and not %d \"%s\"\n", call, rc, rc ? err->msg : "", (int)code, text);
    _fail(file, line);
}

void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char *name;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        assert_true(asprintf(&name, "%s/%s", path, entry->d_name) > 0);
        remove_tree(name);
        free(name);
    }
    if (dir)
        closedir(dir);
    remove(path);
}

const char *scratch_path(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", DIPTYCH_SCRATCH, name);
    remove_tree(path);
    return path;
}

void make_vector(float *vector, size_t width, uint64_t number)
{
    double squares = 0;
    uint64_t state = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t e = 0; e < width; e++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        vector[e] = (float)((int64_t)(state >> 40) - (1 << 23)) / (1 << 23);
        squares += (double)vector[e] * vector[e];
    }
    for (size_t e = 0; e < width; e++)
        vector[e] /= (float)sqrt(squares);
}

void add_picture(struct index *index, uint64_t number)
{
    struct err err;
    float vector[64];
    char path[64], hash[32], caption[64];
    make_vector(vector, index_info(index).width, number);
    snprintf(path, sizeof path, "pictures/%" PRIu64 ".png", number);
    snprintf(hash, sizeof hash, "%016" PRIx64, number);
    snprintf(caption, sizeof caption, "picture number n%" PRIu64, number);
    struct index_item item = {.kind = INDEX_IMAGE,
        .path = path,
        .hash = hash,
        .caption = caption,
        .size = 1000 + (int64_t)number,
        .mtime_ns = INT64_C(1700000000000000000) + (int64_t)number * 1000000000,
        .taken = "2024-06-01 09:30:00.5+02:00",
        .camera = "X100",
        .lens = "23mm",
        .lat = 48.8583667 + (double)(number % 10),
        .lon = -2.2945,
        .width = 100 + (int)number,
        .height = 50};
    assert_ok(index_add(index, &item, vector, 1, &err));
}

void add_text(struct index *index, const char *text, uint64_t number)
{
    struct err err;
    float vector[64];
    make_vector(vector, index_info(index).width, number);
    struct index_item item = {.kind = INDEX_TEXT, .caption = text};
    assert_ok(index_add(index, &item, vector, 1, &err));
}

struct index_item find_picture(struct index *index, uint64_t number, uint64_t vector_number)
{
    struct err err;
    struct arena arena = {0};
    struct index_item found, fetched;
    bool is_there;
    char path[64];
    snprintf(path, sizeof path, "pictures/%" PRIu64 ".png", number);
    assert_ok(index_find(&found, &is_there, index, INDEX_IMAGE, path, NULL, &arena, &err));
    if (!is_there)
        return (struct index_item){.row = -1};
    assert_ok(index_fetch(&fetched, index, &found.row, 1, &arena, &err));
    assert_int_equal(fetched.id, found.id);
    assert_string_equal(fetched.path, path);
    arena_release(&arena);

    const size_t width = index_info(index).width;
    float stored[64], expected[64], dot = 0;
    assert_ok(index_vectors(stored, index, &found.row, 1, &err));
    make_vector(expected, width, vector_number);
    for (size_t e = 0; e < width; e++)
        dot += stored[e] * expected[e];
    assert_true(fabsf(dot - 1) < 0.01f); /* other numbers' are nearly orthogonal */
    return (struct index_item){.id = found.id, .row = found.row, .width = found.width};
}

static void append_line(void *context, const struct err *defect)
{
    char **text = context, *longer;
    assert_true(asprintf(&longer, "%s%s\n", *text, defect->msg) >= 0);
    free(*text);
    *text = longer;
}

char *verify_text(const char *path, int64_t *defects)
{
    struct err err;
    char *text = strdup("");
    const struct job job = {.report = append_line, .context = &text};
    assert_ok(index_verify(defects, path, &job, &err));
    return text;
}

void verify_clean(const char *path)
{
    int64_t defects;
    char *text = verify_text(path, &defects);
    if (defects)
        fail_msg("%s", text);
    free(text);
}
