// SPDX-License-Identifier: Apache-2.0
#include "joint/doctor.h"
#include "vision/vision.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void systems_have_their_own_words(void **state)
{
    static const struct {
        const char *os_release, *said;
    } systems[] = {
        {"NAME=\"Debian GNU/Linux\"\nID=debian\n", "sudo apt install libheif-dev"},
        {"ID=ubuntu\nID_LIKE=debian\n", "sudo apt install libheif-dev"},
        {"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "sudo apt install libheif-dev"},
        {"ID=fedora\n", "install libheif"},
        {"NAME=\"not debian\"\nID=arch\n", "install libheif"},
        {"", "install libheif"},
    };
    char said[256];
    (void)state;
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        doctor_install(said, sizeof said, "libheif", systems[i].os_release);
        assert_string_equal(said, systems[i].said);
    }
    doctor_install(said, sizeof said, "none", "ID=debian\n");
    assert_string_equal(said, "");
}

/* Whatever a build may lack. */
static void every_library_can_be_had(void **state)
{
    struct picture_format format = {0};
    char said[256];
    (void)state;
    doctor_install(said, sizeof said, DOCTOR_OPENCL, "");
    assert_non_null(strstr(said, "PoCL"));
    while (picture_format_next(&format))
        if (format.library && strcmp(format.library, "stb_image") != 0) {
            doctor_install(said, sizeof said, format.library, "ID=debian\n");
            assert_non_null(strstr(said, "-dev"));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(systems_have_their_own_words),
        cmocka_unit_test(every_library_can_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
