// SPDX-License-Identifier: Apache-2.0
/* The choices that rows of options name, "any|image|text", are what the library calls them, in its order: commands take
 * the place among them for the library's number. */
#include "cli/cmd_index.h"
#include "cli/command.h"
#include "joint/collection/collection.h"
#include "text/captions/captions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void has_choices(const struct argp *argp, const char *name, const char *const *names)
{
    const struct argp_option *option = option_find(argp, span_of(name));
    assert_non_null(option);
    const char *rest = option->arg;
    struct span choice;
    while (option_next_choice(&choice, &rest)) {
        assert_non_null(*names);
        assert_int_equal(choice.length, strlen(*names));
        assert_memory_equal(choice.data, *names, choice.length);
        names++;
    }
    assert_null(*names);
}

static void test_names_of_the_library(void **state)
{
    (void)state;
    has_choices(&classify_argp, "scores", label_scores_names);
    has_choices(&classify_argp, "alpha", alpha_names);
    has_choices(&score_argp, "tokenize", bleu_tokenisers);
    has_choices(&score_argp, "smooth", bleu_smoothings);
    has_choices(&search_argp, "kind", index_kind_names);
    has_choices(&search_argp, "sort", index_order_names);
    has_choices(&index_list_argp, "kind", index_kind_names);
    has_choices(&index_list_argp, "match-syntax", match_syntax_names);
    has_choices(&index_build_argp, "storage", index_storage_names);
    has_choices(&index_build_argp, "pairs", pairs_names);
    has_choices(&index_import_argp, "storage", index_storage_names);
    has_choices(&index_import_argp, "kind", index_kind_names + INDEX_IMAGE);
}

static void test_precisions(void **state)
{
    (void)state;
    const char *names[PRECISION_COUNT + 2] = {"auto"},
                                        *types[] = {dtype_name(DTYPE_F32), dtype_name(DTYPE_BF16),
                                            dtype_name(DTYPE_F16), NULL};
    for (int i = 0; i < PRECISION_COUNT; i++)
        names[i + 1] = precision_name((enum precision)i);
    has_choices(&device_argp, "precision", names);
    has_choices(&convert_argp, "dtype", types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_the_library),
        cmocka_unit_test(test_precisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
