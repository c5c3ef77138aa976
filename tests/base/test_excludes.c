// SPDX-License-Identifier: Apache-2.0
/* What patterns leave out is what they leave out for git, over tests/golden/excludes.tsv. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The fields of a line. */
static struct strings split(char *line, const char *between)
{
    struct strings out = {0};
    char *rest = line;
    for (char *field; (field = strsep(&rest, between));)
        assert_int_equal(strings_add(&out, field, strlen(field), NULL), 0);
    return out;
}

/* Whether the path, a folder if it ends so, is left out. */
static bool leaves_out(const struct excludes *excludes, const char *path)
{
    char copy[256];
    const size_t length = strlen(path);
    const bool folder = path[length - 1] == '/';
    snprintf(copy, sizeof copy, "%.*s", (int)(length - folder), path);
    return excludes_cover(excludes, copy, folder);
}

static void leaves_out_what_git_does(void **state)
{
    (void)state;
    struct strings lines = {0};
    assert_int_equal(lines_read(&lines, DIPTYCH_ROOT "/tests/golden/excludes.tsv", 1 << 20, NULL), 0);
    struct strings paths = split(lines.items[0], "\t");
    assert_in_range(lines.count, 100, 1000);
    for (size_t i = 1; i < lines.count; i++) {
        struct strings fields = split(lines.items[i], "\t");
        struct excludes excludes = {.patterns = split(fields.items[0], " "), .no_defaults = true};
        for (size_t p = 0, next = 1; p < paths.count; p++) {
            const bool out = next < fields.count && !strcmp(fields.items[next], paths.items[p]);
            next += out;
            if (leaves_out(&excludes, paths.items[p]) != out)
                fail_msg("line %zu: '%s' %s", i + 1, paths.items[p], out ? "is not left out" : "is left out");
        }
        strings_release(&excludes.patterns);
        strings_release(&fields);
    }
    strings_release(&paths);
    strings_release(&lines);
}

static void folders_of_programs_are_left_out(void **state)
{
    (void)state;
    static const char *const out[] = {".git/", "a/.thumbnails/x.png", ".Trash-1000/", "@eaDir/",
        "a/@eaDir/b/SYNOPHOTO_THUMB_M.jpg", "#recycle/", "$RECYCLE.BIN/", "lost+found/", "x/photos.dip/",
        "x/photos.dip/uploads/0123", "Catalog Previews.lrdata/", ".hidden.png"};
    static const char *const in[] = {
        "git/", "@eaDir.png", "a/recycle/", "lost+found", "x.dip.png", "a.lrdata"};
    const struct excludes none = {.no_defaults = true};
    struct excludes back = {0};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        if (!leaves_out(NULL, out[i]) || leaves_out(&none, out[i]))
            fail_msg("'%s'", out[i]);
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        if (leaves_out(NULL, in[i]))
            fail_msg("'%s' is left out", in[i]);
    assert_int_equal(strings_add(&back.patterns, "!.git", 5, NULL), 0);
    assert_false(leaves_out(&back, ".git/"));
    assert_true(leaves_out(&back, ".svn/"));
    strings_release(&back.patterns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_out_what_git_does),
        cmocka_unit_test(folders_of_programs_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
