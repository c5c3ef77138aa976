// SPDX-License-Identifier: Apache-2.0
/* Third-party files, where a checkout has them: conformance suites and a collection of damaged pictures. Each
 * is read or refused with a reason, and which of the two is on record. */
#include "tests/vision/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IMAGES DIPTYCH_FIXTURES "/images/"
#define VERDICTS DIPTYCH_SCRATCH "/verdicts.txt"

struct sweep {
    size_t root; /* length of the part of a path that depends on the machine */
    size_t read, refused;
    uint32_t digest; /* of the lines "path code" */
    FILE *list;
};

static int visit(void *context, const char *path, const struct err *problem)
{
    struct sweep *sweep = context;
    struct picture picture;
    struct err err = {0};
    char line[1024];

    assert_null(problem);
    const int rc = picture_read(&picture, picture_file(path), NULL, &err);
    if (rc) {
        sweep->refused++;
        assert_int_equal(rc, err.code);
        assert_non_null(strstr(err.msg, path));
        assert_null(picture.pixels);
    } else {
        sweep->read++;
        assert_true(picture.width > 0 && picture.height > 0);
    }
    picture_release(&picture);
    const int length = snprintf(line, sizeof line, "%s %d\n", path + sweep->root, rc);
    assert_in_range(length, 1, sizeof line - 1);
    sweep->digest =
        checksum((const uint8_t *)line, (size_t)length) ^ (sweep->digest << 1 | sweep->digest >> 31);
    fprintf(sweep->list, "%s: %s\n", path + sweep->root, rc ? err.msg : "read");
    return 0;
}

static bool as_recorded = true;
static FILE *verdict_list;

static void check_folder(char *line)
{
    char folder[32], path[512], now[128];
    struct sweep sweep = {.root = strlen(IMAGES), .list = verdict_list};

    assert_int_equal(sscanf(line, "%31s", folder), 1);
    snprintf(path, sizeof path, IMAGES "%s", folder);
    assert_int_equal(file_walk(path, visit, &sweep, NULL), 0);
    snprintf(now, sizeof now, "%s %zu %zu %08x", folder, sweep.read, sweep.refused, sweep.digest);
    if (strcmp(line, now)) {
        fprintf(
            stderr, "recorded: %s\n     now: %s\nThe verdicts of this run are in %s\n", line, now, VERDICTS);
        as_recorded = false;
    }
}

static bool absent(void)
{
    if (file_exists(IMAGES))
        return false;
    print_message("no third-party pictures in %s: skipped\n", IMAGES);
    return true;
}

static void verdicts_are_as_recorded(void **state)
{
    (void)state;
#if !defined DIPTYCH_JPEG_TURBO || !defined DIPTYCH_WEBP
    print_message("verdicts are those of libjpeg-turbo and libwebp: skipped\n");
    skip();
#endif
    if (absent())
        skip();
    verdict_list = fopen(VERDICTS, "w");
    assert_non_null(verdict_list);
    golden_lines("verdicts.txt", check_folder);
    fclose(verdict_list);
    assert_true(as_recorded);
}

/* The same scene stored in all eight orientations and compressed anew each time. */
static void orientations_show_one_scene(void **state)
{
    (void)state;
    static const char *const scenes[] = {"Landscape", "Portrait"};
    if (absent())
        skip();
    for (size_t s = 0; s < 2; s++) {
        struct picture upright = {0};
        for (int i = 1; i <= 8; i++) {
            char path[512];
            struct picture picture;
            snprintf(path, sizeof path, IMAGES "exif/%s_%d.jpg", scenes[s], i);
            assert_int_equal(picture_read(&picture, picture_file(path), NULL, NULL), 0);
            if (i == 1) {
                upright = picture;
                continue;
            }
            assert_int_equal(picture.width, upright.width);
            assert_int_equal(picture.height, upright.height);
            const size_t bytes = (size_t)picture.width * (size_t)picture.height * 3;
            size_t difference = 0;
            for (size_t b = 0; b < bytes; b++)
                difference += (size_t)abs(picture.pixels[b] - upright.pixels[b]);
            assert_true(difference < 4 * bytes);
            picture_release(&picture);
        }
        picture_release(&upright);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_as_recorded),
        cmocka_unit_test(orientations_show_one_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
