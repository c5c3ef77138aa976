// SPDX-License-Identifier: Apache-2.0
/* Inside joint: how to get what is missing. */
#ifndef DIPTYCH_JOINT_DOCTOR_H
#define DIPTYCH_JOINT_DOCTOR_H

#include "base/base.h"

#define DOCTOR_OPENCL "OpenCL"

/* How a system is given what it needs, DOCTOR_OPENCL or a library by the name in struct picture_format: "sudo apt install
 * pocl-opencl-icd" where the text of its os-release(5) says that it is Debian, Ubuntu or their kin, else "install PoCL". "" for
 * what is not known. */
void doctor_install(char *out, size_t size, const char *need, const char *os_release);

#endif
