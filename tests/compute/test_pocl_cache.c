// SPDX-License-Identifier: Apache-2.0
/* The folder that PoCL is given: ours alone, or none. tests/cli/test_cache.sh has the whole way. */
#include "compute/pocl_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char parent[] = DIPTYCH_SCRATCH "/XXXXXX", wanted[sizeof parent + 32];

static int make_parent(void **state)
{
    (void)state;
    strcpy(parent + sizeof parent - 7, "XXXXXX");
    if (!mkdtemp(parent))
        return -1;
    snprintf(wanted, sizeof wanted, "%s/diptych-%lu", parent, (unsigned long)geteuid());
    return 0;
}

static int remove_parent(void **state)
{
    (void)state;
    chmod(parent, 0700);
    remove(wanted);
    return rmdir(parent);
}

static void check_private(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    assert_int_equal(st.st_uid, geteuid());
}

/* The folder of the known name, which stays. */
static void check_known(void)
{
    char *path;
    bool temporary;
    struct err err;
    if (private_folder(&path, &temporary, parent, &err))
        fail_msg("%s", err.msg);
    assert_string_equal(path, wanted);
    assert_false(temporary);
    check_private(path);
    free(path);
}

/* Another folder than that of the known name, where somebody has put something. */
static void check_avoided(void)
{
    char *path;
    bool temporary;
    struct err err;
    if (private_folder(&path, &temporary, parent, &err))
        fail_msg("%s", err.msg);
    assert_string_not_equal(path, wanted);
    assert_true(temporary);
    check_private(path);
    assert_int_equal(rmdir(path), 0);
    free(path);
}

static void check_refused(const char *where)
{
    char *path;
    bool temporary;
    struct err err;
    assert_int_equal(private_folder(&path, &temporary, where, &err), ERR_IO);
    assert_non_null(strstr(err.msg, where));
}

static void test_made_once(void **state)
{
    (void)state;
    check_known();
    check_known();
}

static void test_link(void **state)
{
    (void)state;
    assert_int_equal(mkdir(DIPTYCH_SCRATCH "/planted", 0700), 0);
    assert_int_equal(symlink(DIPTYCH_SCRATCH "/planted", wanted), 0);
    check_avoided();
    assert_int_equal(rmdir(DIPTYCH_SCRATCH "/planted"), 0);
    check_avoided(); /* a link to nothing */
}

static void test_permissions(void **state)
{
    static const mode_t modes[] = {0777, 0770, 0750, 0701, 0500, 01700};
    (void)state;
    assert_int_equal(mkdir(wanted, 0700), 0);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(wanted, modes[i]), 0);
        check_avoided();
    }
    assert_int_equal(chmod(wanted, 0700), 0);
    check_known();
}

static void test_no_folder(void **state)
{
    (void)state;
    FILE *file = fopen(wanted, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(wanted, 0700), 0);
    check_avoided();
}

static void test_owner(void **state)
{
    (void)state;
    if (geteuid())
        skip(); /* only root gives folders away */
    assert_int_equal(mkdir(wanted, 0700), 0);
    assert_int_equal(chown(wanted, 65534, 65534), 0);
    check_avoided();
}

static void test_parents(void **state)
{
    (void)state;
    assert_int_equal(chmod(parent, 0777), 0);
    check_refused(parent);
    assert_int_equal(chmod(parent, 0770), 0);
    check_refused(parent);
    assert_int_equal(chmod(parent, 01777), 0);
    check_known();
    if (!geteuid()) {
        assert_int_equal(chown(parent, 65534, 65534), 0);
        check_refused(parent);
        assert_int_equal(chown(parent, 0, 0), 0);
    }
    check_refused("/proc");
    check_refused("/dev/null");
    check_refused("/proc/nowhere");
}

/* A parent that will not do, as another user's XDG_RUNTIME_DIR under sudo, is no failure where the next one does. In a process
 * of its own, as a process prepares once. */
static void test_next_parent(void **state)
{
    (void)state;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct err err;
        unsetenv("POCL_CACHE_DIR");
        setenv("XDG_CACHE_HOME", "/proc/none", 1);
        setenv("XDG_RUNTIME_DIR", "/proc/none", 1);
        setenv("TMPDIR", parent, 1);
        const bool is_there = !pocl_cache_prepare(&err) && !pocl_cache_prepare(&err) &&
                              !strcmp(getenv("POCL_CACHE_DIR"), wanted);
        _exit(is_there ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made_once, make_parent, remove_parent),
        cmocka_unit_test_setup_teardown(test_link, make_parent, remove_parent),
        cmocka_unit_test_setup_teardown(test_permissions, make_parent, remove_parent),
        cmocka_unit_test_setup_teardown(test_no_folder, make_parent, remove_parent),
        cmocka_unit_test_setup_teardown(test_owner, make_parent, remove_parent),
        cmocka_unit_test_setup_teardown(test_parents, make_parent, remove_parent),
        cmocka_unit_test_setup_teardown(test_next_parent, make_parent, remove_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
