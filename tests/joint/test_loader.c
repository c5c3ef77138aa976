// SPDX-License-Identifier: Apache-2.0
/* The loader: order, gaps, threads, and an end in the middle. Pictures are PPM files of one colour each,
 * which every resize keeps, so that a picture's pixels say which file they came from. */
#include "joint/joint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PICTURES = 101, EDGE = 8, SQUARE = EDGE * EDGE * 3 };

static const struct preprocess preprocess = {
    .resize_mode = RESIZE_SHORTEST,
    .resample = RESAMPLE_BICUBIC,
    .crop_rounding = CROP_FLOOR,
    .resize = EDGE,
    .crop = EDGE,
    .scale = 1.0f / 255,
    .std = {1, 1, 1},
};

static char names[PICTURES][64 + sizeof DIPTYCH_SCRATCH];
static struct picture_source pictures[PICTURES];

/* Each third picture fails, in one of three ways: not there, no picture, cut short. */
static bool fails(size_t i)
{
    return i % 3 == 1;
}

static void write_picture(const char *path, size_t i)
{
    const int width = 5 + (int)(i % 17), height = 5 + (int)(i % 13);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "P6\n%d %d\n255\n", width, height);
    for (int n = 0; n < width * height / (fails(i) ? 2 : 1); n++)
        fwrite((const uint8_t[]){(uint8_t)i, (uint8_t)(i * 2), 7}, 1, 3, file);
    fclose(file);
}

static int write_pictures(void **state)
{
    (void)state;
    for (size_t i = 0; i < PICTURES; i++) {
        snprintf(names[i], sizeof names[i], "%s/%zu.ppm", DIPTYCH_SCRATCH, i);
        pictures[i] = picture_file(names[i]);
        unlink(names[i]);
        if (i % 9 == 4) { /* fails: no picture */
            FILE *file = fopen(names[i], "wb");
            assert_non_null(file);
            fputs("a line of text", file);
            fclose(file);
        } else if (i % 9 != 1) { /* that one is not there */
            write_picture(names[i], i);
        }
    }
    return 0;
}

/* The even ones come from memory where they can be had, the others from their files. */
static int take_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < PICTURES; i += 2) {
        char *bytes;
        size_t size;
        if (file_exists(names[i])) {
            assert_int_equal(file_read(&bytes, &size, names[i], 1 << 20, NULL), 0);
            pictures[i] = picture_bytes(names[i], (uint8_t *)bytes, size);
        }
    }
    return 0;
}

static int return_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < PICTURES; i += 2) {
        free((uint8_t *)pictures[i].bytes);
        pictures[i] = picture_file(names[i]);
    }
    return 0;
}

static struct loader *open_loader(size_t batch, int threads)
{
    const struct loader_options options = {.threads = threads, .batch = batch};
    struct loader *loader = NULL;
    struct err err = {0};
    if (loader_open(&loader, &preprocess, &options, &err))
        fail_msg("%s", err.msg);
    return loader;
}

static void check_batch(const struct loaded_batch *batch, size_t from, size_t first, size_t count)
{
    assert_int_equal(batch->first, first);
    assert_int_equal(batch->count, count);
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t index = from + first + i;
        assert_int_equal(batch->errs[i].code != 0, fails(index));
        if (fails(index)) {
            assert_non_null(strstr(batch->errs[i].msg, names[index])); /* a reason names its picture */
            continue;
        }
        assert_int_equal(batch->sizes[i].width, 5 + index % 17);
        assert_int_equal(batch->sizes[i].height, 5 + index % 13);
        const uint8_t *pixels = batch->pixels + good++ * SQUARE;
        for (size_t p = 0; p < SQUARE; p++)
            assert_int_equal(pixels[p], ((const uint8_t[]){(uint8_t)index, (uint8_t)(index * 2), 7})[p % 3]);
    }
    assert_int_equal(batch->good, good);
}

/* All pictures from `from` on, as a list. */
static void check_list(struct loader *loader, size_t from, size_t count, size_t batch_size)
{
    struct loaded_batch batch;
    size_t first = 0;
    loader_start(loader, pictures + from, count);
    while (loader_next(loader, &batch)) {
        check_batch(&batch, from, first, count - first < batch_size ? count - first : batch_size);
        first += batch.count;
    }
    assert_int_equal(first, count);
    assert_false(loader_next(loader, &batch)); /* and stays done */
}

static void order_is_kept(void **state)
{
    (void)state;
    static const size_t batches[] = {1, 2, 7, 32, PICTURES, 500};
    static const int threads[] = {0, 1, 2, 16};
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            struct loader *loader = open_loader(batches[b], threads[t]);
            check_list(loader, 0, PICTURES, batches[b]);
            loader_free(loader);
        }
}

static void one_list_follows_another(void **state)
{
    (void)state;
    struct loader *loader = open_loader(3, 4);
    struct loaded_batch batch;
    assert_false(loader_next(loader, &batch));
    for (size_t count = 0; count <= PICTURES; count += 1 + count / 2)
        check_list(loader, PICTURES - count, count, 3);
    loader_free(loader);
}

/* The list that comes after one that was left in its middle has nothing of it. */
static void a_list_can_end_in_the_middle(void **state)
{
    (void)state;
    struct loader *loader = open_loader(3, 4);
    for (size_t taken = 0; taken < 6; taken++) {
        struct loaded_batch batch;
        loader_start(loader, pictures, PICTURES);
        for (size_t i = 0; i < taken; i++)
            assert_true(loader_next(loader, &batch));
        check_list(loader, 50, 13, 3);
        loader_start(loader, pictures, PICTURES);
        loader_start(loader, NULL, 0);
        assert_false(loader_next(loader, &batch));
    }
    loader_free(loader);
}

/* Its list and pictures may go once the call that ends it is back. */
static void a_list_that_ended_is_not_read(void **state)
{
    (void)state;
    struct loader *loader = open_loader(2, 4);
    for (size_t taken = 0; taken < 4; taken++) {
        struct picture_source *list = mem_new(PICTURES, sizeof *list);
        struct loaded_batch batch;
        assert_non_null(list);
        memcpy(list, pictures, sizeof pictures);
        loader_start(loader, list, PICTURES);
        for (size_t i = 0; i < taken; i++)
            assert_true(loader_next(loader, &batch));
        loader_start(loader, NULL, 0);
        memset(list, 0xff, sizeof pictures);
        free(list);
    }
    loader_free(loader);
}

/* A picture of over a million pixels, for free(). */
static struct picture_source make_large(void)
{
    enum { LARGE = 1200, PIXELS = LARGE * LARGE * 3 };
    uint8_t *bytes = mem_new(PIXELS + 64, 1);
    assert_non_null(bytes);
    const int start = sprintf((char *)bytes, "P6 %d %d 255\n", LARGE, LARGE);
    return picture_bytes("large", bytes, (size_t)start + PIXELS);
}

/* Such a picture is hardly ever there at once. */
static void waits_no_longer_than_it_should(void **state)
{
    (void)state;
    const struct picture_source large = make_large();
    struct loader *loader = open_loader(1, 1);
    struct loaded_batch batch;
    size_t late = 0;
    assert_true(loader_wait(loader, 0)); /* there is nothing to wait for */
    for (int i = 0; i < 10; i++) {
        loader_start(loader, &large, 1);
        late += !loader_wait(loader, 0);
        while (!loader_wait(loader, 0.01))
            late++;
        assert_true(loader_next(loader, &batch));
        assert_int_equal(batch.good, 1);
        assert_true(loader_wait(loader, 60)); /* for the end */
        assert_false(loader_next(loader, &batch));
    }
    assert_true(late > 0);
    loader_free(loader);
    free((uint8_t *)large.bytes);
}

/* The end of a list takes as long as one of its pictures, not as all that there is room for. */
static void the_rest_of_a_list_is_not_read(void **state)
{
    (void)state;
    enum { MANY = 32 };
    const struct picture_source large = make_large();
    struct picture_source list[MANY];
    struct loader *loader = open_loader(MANY, 1);
    struct loaded_batch batch;
    for (size_t i = 0; i < MANY; i++)
        list[i] = large;
    const double start = time_now();
    loader_start(loader, list, MANY);
    assert_true(loader_next(loader, &batch));
    const double all = time_now();
    loader_start(loader, list, MANY);
    loader_start(loader, NULL, 0);
    assert_true(time_now() - all < (all - start) / 2);
    loader_free(loader);
    free((uint8_t *)large.bytes);
}

static struct loader *open_on(struct pool *pool, size_t batch)
{
    const struct loader_options options = {.batch = batch, .threads = 3, .pool = pool};
    struct loader *loader = NULL;
    struct err err = {0};
    if (loader_open(&loader, &preprocess, &options, &err))
        fail_msg("%s", err.msg);
    return loader;
}

/* Two lists at a time, and loaders that come and go, as in a service; also on a pool that has no threads. */
static void loaders_share_a_pool(void **state)
{
    (void)state;
    for (int threads = 0; threads < 4; threads++) {
        struct pool *pool = NULL;
        assert_int_equal(pool_open(&pool, threads, NULL), 0);
        struct loader *first = open_on(pool, 4), *second = open_on(pool, 7);
        struct loaded_batch batch;
        loader_start(first, pictures, PICTURES);
        loader_start(second, pictures, PICTURES);
        for (size_t i = 0; i < 10; i++) {
            struct loader *brief = open_on(pool, 2);
            loader_start(brief, pictures + i, PICTURES - i);
            assert_true(loader_next(first, &batch));
            check_batch(&batch, 0, 4 * i, 4);
            assert_true(loader_next(second, &batch));
            check_batch(&batch, 0, 7 * i, 7);
            assert_true(loader_next(brief, &batch));
            check_batch(&batch, i, 0, 2);
            loader_free(brief);
        }
        loader_free(second);
        check_list(first, 0, PICTURES, 4);
        loader_free(first);
        pool_free(pool);
    }
}

static void free_in_the_middle(void **state)
{
    (void)state;
    for (size_t taken = 0; taken < 6; taken++) {
        struct loader *loader = open_loader(3, 4);
        struct loaded_batch batch;
        loader_start(loader, pictures, PICTURES);
        for (size_t i = 0; i < taken; i++)
            assert_true(loader_next(loader, &batch));
        loader_free(loader);
    }
    loader_free(open_loader(3, 4));
    loader_free(NULL);
}

static void empty_batch_is_refused(void **state)
{
    (void)state;
    struct loader *loader = NULL;
    struct err err = {0};
    assert_int_equal(loader_open(&loader, &preprocess, &(struct loader_options){0}, &err), ERR_ARGUMENT);
}

static void load_jpeg(uint8_t pixels[SQUARE], bool fast)
{
    const struct picture_source picture = picture_file(DIPTYCH_ROOT "/tests/golden/preprocess/large.jpg");
    const struct loader_options options = {.batch = 1, .fast_decode = fast};
    struct loader *loader = NULL;
    struct loaded_batch batch;
    assert_int_equal(loader_open(&loader, &preprocess, &options, NULL), 0);
    loader_start(loader, &picture, 1);
    assert_true(loader_next(loader, &batch));
    assert_int_equal(batch.good, 1);
    memcpy(pixels, batch.pixels, SQUARE);
    loader_free(loader);
}

/* 67 x 50 pixels resized to 8: the fast way starts from a quarter of the size. */
static void fast_decoding_reads_a_smaller_picture(void **state)
{
    (void)state;
    const struct picture_options smaller = {.min_edge = EDGE};
    uint8_t exact[SQUARE], fast[SQUARE], expected[SQUARE];
    struct picture picture;

    load_jpeg(exact, false);
    load_jpeg(fast, true);
    const struct picture_source file = picture_file(DIPTYCH_ROOT "/tests/golden/preprocess/large.jpg");
    assert_int_equal(picture_read(&picture, file, &smaller, NULL), 0);
    assert_int_equal(preprocess_run(expected, &preprocess, &picture, NULL), 0);
    picture_release(&picture);
    assert_memory_equal(fast, expected, SQUARE);
#ifdef DIPTYCH_JPEG_TURBO
    assert_memory_not_equal(fast, exact, SQUARE);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test_setup_teardown(order_is_kept, take_bytes, return_bytes),
        cmocka_unit_test(one_list_follows_another),
        cmocka_unit_test(a_list_can_end_in_the_middle),
        cmocka_unit_test(a_list_that_ended_is_not_read),
        cmocka_unit_test(waits_no_longer_than_it_should),
        cmocka_unit_test(the_rest_of_a_list_is_not_read),
        cmocka_unit_test(loaders_share_a_pool),
        cmocka_unit_test(free_in_the_middle),
        cmocka_unit_test(empty_batch_is_refused),
        cmocka_unit_test(fast_decoding_reads_a_smaller_picture),
    };
    return cmocka_run_group_tests(tests, write_pictures, NULL);
}
