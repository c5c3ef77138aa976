// SPDX-License-Identifier: Apache-2.0
/* What is decoded where fewer pixels are needed than a picture has: tests/golden/fast_decode.py. */
#include "tests/vision/golden.h"
#include "vision/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FAST "../fast_decode/"

static bool all_same;

static void check_picture(char *line)
{
    char name[64], path[512];
    int edge, width, height, channels;
    uint32_t sum;
    struct picture picture;
    struct err err = {0};

    assert_int_equal(sscanf(line, "%63s %d %d %d %d %x", name, &edge, &width, &height, &channels, &sum), 6);
    snprintf(path, sizeof path, GOLDEN FAST "%s", name);
    const struct picture_options options = {.min_edge = edge};
    const int rc = picture_read(&picture, picture_file(path), &options, &err);
    if (rc == ERR_UNSUPPORTED) /* this build cannot; .ci/run asks for one that can */
        return;
    if (rc)
        fail_msg("%s", err.msg);
    if (picture.width != width || picture.height != height)
        fail_msg("%s: %d x %d", name, picture.width, picture.height);
    assert_int_equal(picture_channels(&picture), channels);
    all_same &=
        same_checksum(name, sum, picture.pixels, (size_t)width * (size_t)height * picture_channels(&picture));
    picture_release(&picture);
}

static void are_what_the_file_has_in_small(void **state)
{
    (void)state;
    all_same = true;
    assert_int_equal(golden_lines(FAST "pictures.txt", check_picture), 20);
    assert_true(all_same);
}

static void are_of_the_same_shape(void **state)
{
    (void)state;
    static const struct {
        struct edges small, whole;
        bool serves;
    } cases[] = {
        {{320, 240}, {4032, 3024}, true}, {{240, 320}, {4032, 3024}, false}, /* another way up */
        {{298, 224}, {4000, 3000}, true},                                    /* a pixel less than 298 2/3 */
        {{300, 224}, {4000, 3000}, true}, {{301, 224}, {4000, 3000}, false},
        {{320, 240}, {6000, 4000}, false}, /* black bars, or a part of it */
        {{320, 223}, {4032, 3024}, false}, /* too small */
        {{4032, 3024}, {320, 240}, false}, /* not small */
    };
    const struct picture_options options = {.min_edge = 224}, whole = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(picture_serves(cases[i].small, cases[i].whole, &options), cases[i].serves);
        assert_false(picture_serves(cases[i].small, cases[i].whole, &whole));
    }
}

#ifdef DIPTYCH_HEIF
#include "vision/helper/decoders.h"

static void put_box(char *out, size_t *size, const char *type, const char *content, size_t length)
{
    const uint32_t all = (uint32_t)length + 8;
    const char header[8] = {(char)(all >> 24), (char)(all >> 16), (char)(all >> 8), (char)all, type[0],
        type[1], type[2], type[3]};
    memcpy(out + *size, header, 8);
    memcpy(out + *size + 8, content, length);
    *size += all;
}

/* Items 1 to 7, the same in 16 bits where it is large. */
static struct span make_items(char *out, bool large)
{
    static const uint8_t properties_of[7][2] = {{0, 0}, {1, 0}, {2, 0}, {1, 3}, {3, 1}, {5, 0}, {4, 9}};
    char properties[128], map[128] = {(char)large, 0, 0, (char)large, 0, 0, 0, 7}, inner[256],
                          meta[300] = {0};
    size_t property_size = 0, map_size = 8, inner_size = 0, meta_size = 4, size = 0;
    put_box(properties, &property_size, "irot", "\3", 1);
    put_box(properties, &property_size, "irot", "\2", 1);
    put_box(properties, &property_size, "imir", "\1", 1);
    put_box(properties, &property_size, "irot", "\0", 1);
    put_box(properties, &property_size, "clap", "\0", 1);
    for (int item = 0; item < 7; item++) {
        if (large)
            map_size += 2; /* zeros */
        map[map_size++] = 0;
        map[map_size++] = (char)(item + 1);
        map[map_size++] = 2;
        for (int i = 0; i < 2; i++) {
            if (large)
                map[map_size++] = (char)0x80; /* essential */
            map[map_size++] = (char)(properties_of[item][i] | (large ? 0 : 0x80));
        }
    }
    put_box(inner, &inner_size, "ipco", properties, property_size);
    put_box(inner, &inner_size, "ipma", map, map_size);
    put_box(meta, &meta_size, "iprp", inner, inner_size);
    put_box(out, &size, "ftyp", "heic", 4);
    put_box(out, &size, "meta", meta, meta_size);
    return (struct span){out, size};
}

static void tells_how_items_are_turned(void **state)
{
    (void)state;
    static const struct {
        uint32_t item, other;
        bool same;
    } cases[] = {{1, 1, true}, {2, 2, true}, {1, 7, true}, {1, 2, false}, {2, 3, false}, {4, 4, true},
        {2, 4, false}, {4, 5, false}, {1, 6, true}};
    char bytes[400];
    for (int large = 0; large < 2; large++) {
        const struct span file = make_items(bytes, large);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            if (heif_same_turns(file, cases[i].item, cases[i].other) != cases[i].same)
                fail_msg("%u, %u, %d", cases[i].item, cases[i].other, large);
        for (size_t length = 0; length < file.length; length++)
            assert_false(heif_same_turns((struct span){file.data, length}, 1, 1));
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_what_the_file_has_in_small),
        cmocka_unit_test(are_of_the_same_shape),
#ifdef DIPTYCH_HEIF
        cmocka_unit_test(tells_how_items_are_turned),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
