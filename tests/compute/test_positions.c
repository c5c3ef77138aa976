// SPDX-License-Identifier: Apache-2.0
/* Resized tables of positions against open_clip's: tests/golden/positions.py. */
#include "compute/positions.h"
#include "compute/weights/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 3 };

struct golden {
    struct file_map map;
    struct arena arena;
    struct weight *tensors;
    size_t count;
};

static const struct weight *find(const struct golden *golden, const char *name)
{
    for (size_t i = 0; i < golden->count; i++)
        if (!strcmp(golden->tensors[i].name, name))
            return &golden->tensors[i];
    fail_msg("no tensor '%s'", name);
    return NULL;
}

static float *values_of(const struct weight *weight)
{
    float *values = mem_new(weight->count, sizeof *values);
    memcpy(values, weight->data, weight->count * sizeof *values);
    return values;
}

static void check(const struct weight *from, const struct weight *wanted, enum param_kind kind)
{
    const size_t count = wanted->shape[0];
    float *in = values_of(from), *expected = values_of(wanted), *out = mem_new(count * WIDTH, sizeof *out);
    double worst = 0;
    assert_int_equal(positions_resize(out, count, in, from->shape[0], WIDTH, kind, NULL), 0);
    for (size_t i = 0; i < count * WIDTH; i++)
        worst = fmax(worst, fabs((double)(out[i] - expected[i])));
    print_message("%-8s largest difference %.1e\n", wanted->name, worst);
    assert_true(worst <= 1e-6);
    free(in);
    free(expected);
    free(out);
}

static void as_open_clip(void **state)
{
    struct golden golden = {.count = 0};
    size_t checked = 0;
    const char *path = DIPTYCH_ROOT "/tests/golden/positions.safetensors";
    (void)state;
    assert_int_equal(file_map_open(&golden.map, path, NULL), 0);
    assert_int_equal(safetensors_parse(&golden.tensors, &golden.count, &golden.arena, golden.map.data,
                         golden.map.size, path, NULL),
        0);
    for (size_t i = 0; i < golden.count; i++) {
        const struct weight *wanted = &golden.tensors[i];
        if (!strchr(wanted->name, ' '))
            continue;
        const bool grid = *wanted->name == 'g';
        check(find(&golden, grid ? "grid" : "line"), wanted, grid ? PARAM_GRID : PARAM_LINE);
        checked++;
    }
    assert_int_equal(checked, 13);
    free(golden.tensors);
    arena_release(&golden.arena);
    file_map_release(&golden.map);
}

static void what_is_no_square_is_refused(void **state)
{
    static const size_t counts[] = {0, 1, 3, 9, 51};
    float in[51 * WIDTH] = {0}, out[5 * WIDTH];
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_int_equal(positions_resize(out, 5, in, counts[i], WIDTH, PARAM_GRID, &err), ERR_FORMAT);
        assert_non_null(strstr(err.msg, "positions are no class token and a square of patches"));
    }
    assert_int_equal(positions_resize(out, 5, in, 0, WIDTH, PARAM_LINE, &err), ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_open_clip),
        cmocka_unit_test(what_is_no_square_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
