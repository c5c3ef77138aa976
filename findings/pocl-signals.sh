#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PoCL 3.1 (Debian 12): asking for its devices takes over signals that the process was started to ignore.
#
# Guess before running it: a library leaves the signals of its host alone, and so a program may ask "is SIGINT ignored, as
# nohup and shells do for jobs in the background?" whenever it wants to catch it.
#
# Seen: clGetPlatformIDs changes nothing; clGetDeviceIDs puts handlers (LLVM's, which PoCL initialises) on HUP, INT, TERM,
# USR1, SEGV and others, over SIG_IGN as well. From then on nobody can tell that a signal was ignored: a program that opens
# its device first and looks afterwards takes every signal for one to catch, and a job in the background ends at the Ctrl-C
# of another. Look before the first OpenCL call.
#
# Prints what is seen and fails where it is no longer so. Needs gcc, and apt-get with Debian 12's packages, which it
# unpacks below TMPDIR (300 MB) and does not install; a few seconds.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -q download pocl-opencl-icd=3.1-3+deb12u1 libpocl2=3.1-3+deb12u1 libpocl2-common=3.1-3+deb12u1 \
    libllvm14=1:14.0.6-12 libclang-cpp14=1:14.0.6-12 opencl-c-headers=3.0~2023.02.06-1 \
    ocl-icd-libopencl1=2.3.1-1 ocl-icd-opencl-dev=2.3.1-1 >/dev/null
for package in *.deb; do
    dpkg -x "$package" root
done
libraries=$folder/root/usr/lib/x86_64-linux-gnu
mkdir vendors cache
echo "$libraries/libpocl.so.2" >vendors/pocl.icd

cat >signals.c <<'END'
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <signal.h>
#include <stdio.h>

static const char *disposition(int number)
{
    struct sigaction action;
    sigaction(number, NULL, &action);
    return action.sa_handler == SIG_IGN ? "ignored" : action.sa_handler == SIG_DFL ? "default" : "caught";
}

static void show(const char *after)
{
    printf("%s: HUP %s, INT %s, TERM %s, SEGV %s\n", after, disposition(SIGHUP), disposition(SIGINT),
        disposition(SIGTERM), disposition(SIGSEGV));
}

int main(void)
{
    cl_platform_id platform;
    cl_device_id device;
    cl_uint devices = 0;
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    show("at the start");
    if (clGetPlatformIDs(1, &platform, NULL))
        return 1;
    show("clGetPlatformIDs");
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, &devices))
        return 1;
    show("clGetDeviceIDs");
    return 0;
}
END
gcc -o signals signals.c -I"$folder/root/usr/include" -L"$libraries" -lOpenCL
LD_LIBRARY_PATH=$libraries OCL_ICD_VENDORS=$folder/vendors POCL_CACHE_DIR=$folder/cache ./signals >seen

cat >expected <<'END'
at the start: HUP ignored, INT ignored, TERM ignored, SEGV default
clGetPlatformIDs: HUP ignored, INT ignored, TERM ignored, SEGV default
clGetDeviceIDs: HUP caught, INT caught, TERM caught, SEGV caught
END
cat seen
diff expected seen
