// SPDX-License-Identifier: Apache-2.0
#include "joint/doctor.h"

#include <stdlib.h>
#include <string.h>

/* Packages of Debian 12 and 13; of libraries those that a build takes. */
static const struct need {
    const char *name, *packages, *elsewhere;
} needs[] = {
    {DOCTOR_OPENCL, "pocl-opencl-icd",
        "PoCL, which is OpenCL for every processor, or the OpenCL driver of your graphics card's maker"},
    {"libjpeg-turbo", "libjpeg62-turbo-dev", "libjpeg-turbo"},
    {"libwebp", "libwebp-dev", "libwebp"},
    {"libavif", "libavif-dev", "libavif"},
    {"libheif", "libheif-dev", "libheif"},
    {"libtiff", "libtiff-dev", "libtiff"},
    {"libjxl", "libjxl-dev", "libjxl"},
    {"OpenJPEG", "libopenjp2-7-dev", "OpenJPEG 2"},
    {"LibRaw", "libraw-dev", "LibRaw"},
};

/* Whether one of the words of ID or ID_LIKE is "debian", as Ubuntu and its kin have it in the second. */
static bool is_debian(const char *os_release)
{
    struct lines lines = {.rest = span_of(os_release)};
    static const char of[] = "debian";
    while (lines_next(&lines)) {
        struct span rest = lines.line;
        if (!span_take(&rest, "ID=") && !span_take(&rest, "ID_LIKE="))
            continue;
        while (rest.length && !span_begins(rest, span_of(of)))
            rest = span_from(rest, 1);
        if (rest.length)
            return true;
    }
    return false;
}

void doctor_install(char *out, size_t size, const char *name, const char *os_release)
{
    *out = '\0';
    for (const struct need *need = needs; need < needs + sizeof needs / sizeof *needs; need++)
        if (!strcmp(need->name, name) && is_debian(os_release))
            snprintf(out, size, "sudo apt install %s", need->packages);
        else if (!strcmp(need->name, name))
            snprintf(out, size, "install %s", need->elsewhere);
}
