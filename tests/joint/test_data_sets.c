// SPDX-License-Identifier: Apache-2.0
/* The classes of published data sets: how many, in which order, under which folders and with which templates. */
#include "joint/joint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Counts, rows and names as their publications state them; prompts as openai/CLIP counts them. */
static const struct {
    const char *name;
    size_t classes, repeated, prompts, row;
    const char *folder, *label;
} sets[] = {
    {"@imagenet", 1000, 2, 80, 6, "n01498041", "stingray"},
    {"@imagenetv2", 1000, 2, 80, 999, "999", "toilet paper"},
    {"@cifar10", 10, 0, 18, 9, "truck", "truck"},
    {"@cifar100", 100, 0, 18, 58, "pickup_truck", "pickup truck"},
    {"@caltech101", 102, 0, 34, 5, "accordion", "accordion"},
    {"@food101", 101, 0, 1, 100, "waffles", "waffles"},
    {"@pets", 37, 0, 1, 1, "american_bulldog", "American Bulldog"},
    {"@voc2007", 20, 0, 0, 10, "diningtable", "diningtable"},
};
enum { SETS = sizeof sets / sizeof *sets };

static size_t distinct(const struct strings *strings)
{
    struct string_map seen = {0};
    size_t *row;
    for (size_t i = 0; i < strings->count; i++)
        assert_int_equal(
            string_map_add(&row, &seen, strings->items[i], strlen(strings->items[i]), i, NULL), 0);
    const size_t count = seen.count;
    string_map_release(&seen);
    return count;
}

static void sets_are_what_was_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETS; i++) {
        struct strings folders = {0}, labels = {0}, list = {0}, templates = {0};
        assert_int_equal(data_set_classes(&folders, &labels, sets[i].name, NULL), 0);
        assert_int_equal(folders.count, sets[i].classes);
        assert_int_equal(labels.count, sets[i].classes);
        assert_int_equal(distinct(&folders), sets[i].classes);
        assert_int_equal(distinct(&labels), sets[i].classes - sets[i].repeated);
        assert_string_equal(folders.items[sets[i].row], sets[i].folder);
        assert_string_equal(labels.items[sets[i].row], sets[i].label);

        assert_int_equal(label_list_read(&list, sets[i].name, NULL, NULL), 0); /* to choose from: each once */
        assert_int_equal(list.count, sets[i].classes - sets[i].repeated);
        const char *set = data_set_templates(sets[i].name);
        assert_int_equal(set ? template_add(&templates, set, NULL) : 0, 0);
        assert_int_equal(templates.count, sets[i].prompts);
        strings_release(&folders);
        strings_release(&labels);
        strings_release(&list);
        strings_release(&templates);
    }
}

static void others_are_refused(void **state)
{
    (void)state;
    struct strings labels = {0};
    struct err err;
    assert_int_equal(label_list_read(&labels, "@image", NULL, &err), ERR_NOT_FOUND);
    assert_string_equal(err.msg, "there is no data set '@image'; there are @imagenet, @imagenetv2, @cifar10, "
                                 "@cifar100, @caltech101, @food101, @pets, @voc2007");
    assert_null(data_set_templates("@image"));
    assert_int_equal(label_list_read(&labels, "@home,@work", NULL, &err), 0); /* labels with a sign */
    assert_int_equal(labels.count, 2);
    strings_release(&labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_what_was_published),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
