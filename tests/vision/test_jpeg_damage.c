// SPDX-License-Identifier: Apache-2.0
/* Damaged JPEGs against what Pillow makes of them: tests/golden/jpeg_damage.py. Each is a whole file and a change. */
#include "tests/vision/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAMAGE "../jpeg_damage/"

struct damaged {
    char name[64], line[128];
    uint8_t *bytes; // (size)
    size_t size;
    char plain[16], truncated[16]; /* what Pillow makes of it without and with LOAD_TRUNCATED_IMAGES */
};

static struct damaged make_damaged(const char *line)
{
    struct damaged d = {0};
    char path[512], hex[64], *bytes;
    size_t at, length, size, put = 0;
    struct err err = {0};

    snprintf(d.line, sizeof d.line, "%.*s", (int)strcspn(line, "\n"), line);
    assert_int_equal(
        sscanf(line, "%63s %zu %zu %63s %15s %15s", d.name, &at, &length, hex, d.plain, d.truncated), 6);
    snprintf(path, sizeof path, GOLDEN DAMAGE "%s", d.name);
    if (file_read(&bytes, &size, path, 1 << 20, &err))
        fail_msg("%s", err.msg);
    assert_true(at + length <= size);
    d.bytes = malloc(size + sizeof hex);
    assert_non_null(d.bytes);
    memcpy(d.bytes, bytes, at);
    for (const char *digits = hex; *digits != '-' && *digits; digits += 2, put++) {
        unsigned value;
        assert_int_equal(sscanf(digits, "%2x", &value), 1);
        d.bytes[at + put] = (uint8_t)value;
    }
    memcpy(d.bytes + at + put, bytes + at + length, size - at - length);
    d.size = size - length + put;
    free(bytes);
    return d;
}

static void free_damaged(struct damaged *d)
{
    free(d->bytes);
}

/* What we make of it, in the same words; the warning goes to `warning`. */
static void describe(char out[16], char warning[PICTURE_WARNING_SIZE], const struct damaged *d,
    const struct picture_options *options)
{
    struct picture picture, rgb;
    struct err err = {0};
    *warning = '\0';
    if (picture_decode(&picture, d->bytes, d->size, options, &err)) {
        assert_true(*err.msg);
        strcpy(out, "refused");
        return;
    }
    memcpy(warning, picture.warning, sizeof picture.warning);
    assert_int_equal(picture_rgb(&rgb, &picture, ALPHA_DROP, NULL), 0);
    snprintf(out, 16, "%08x", checksum(rgb.pixels, 3 * (size_t)rgb.width * (size_t)rgb.height));
    if (!strncmp(d->name, "progressive", strlen("progressive")))
        strcpy(out, "read");
    picture_release(&rgb);
    picture_release(&picture);
}

static void check_damage(char *line)
{
    const struct picture_options truncated = {.truncated = true}, strict = {.strict = true};
    struct damaged d = make_damaged(line);
    char got[16], warning[PICTURE_WARNING_SIZE], unused[PICTURE_WARNING_SIZE];

    describe(got, warning, &d, NULL);
    if (strcmp(got, d.plain))
        fail_msg("%s: %s", d.line, got);
    describe(got, unused, &d, &strict);
    if (!strcmp(got, "refused") != (*warning || !strcmp(d.plain, "refused")))
        fail_msg("%s: %s if strict, with '%s' without", d.line, got, warning);

    describe(got, warning, &d, &truncated);
    if (strcmp(d.truncated, "any") && strcmp(got, d.truncated))
        fail_msg("%s: %s if truncated", d.line, got);
    if (!strcmp(d.plain, "refused") && !*warning && strcmp(got, "refused"))
        fail_msg("%s: refused as it is, and read without a warning if truncated", d.line);
    free_damaged(&d);
}

static void are_read_as_pillow_reads_them(void **state)
{
    (void)state;
    assert_true(golden_lines(DAMAGE "damage.txt", check_damage) >= 140);
}

/* In libjpeg's words, with the first one's place and how many there are. */
static void warn_of_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *warning;
    } cases[] = {
        {"rgb420.jpg 1126 71 - x x", "JPEG: the file ends early, at byte 1126"},
        {"restart.jpg 819 1 9b x x", "JPEG: premature end of data segment, after byte 776"},
        {"blocks.jpg 770 138 - x x", "JPEG: found marker 0xd3 instead of RST1, after byte 772, and more (3)"},
        {"rgb420.jpg 10 0 - x x", ""},
    };
    const struct picture_options truncated = {.truncated = true};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct damaged d = make_damaged(cases[i].line);
        char got[16], warning[PICTURE_WARNING_SIZE];
        describe(got, warning, &d, &truncated);
        assert_string_equal(warning, cases[i].warning);
        free_damaged(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_read_as_pillow_reads_them),
        cmocka_unit_test(warn_of_what_is_wrong),
    };
    return cmocka_run_group_tests_name("damaged JPEGs", tests, NULL, NULL);
}
