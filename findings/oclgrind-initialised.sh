#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Oclgrind 21.10 (Debian 12, with LLVM 14): what it reports as uninitialised, and is not.
#
# Guess before running it: what `--uninitialized` names was read and never written.
#
# Seen, with kernels that read only what was written:
#   - A lane of a shuffled vector that was lane 11 before (`x.hi.s3` of a float16, without optimisation) always passes for
#     uninitialised, the other lanes never: the mask's elements are compared with a constant that is 11, where the mark
#     of an undefined lane is -1.
#   - A buffer has one account of the bytes that are initialised, and each clEnqueueWriteBuffer begins it anew, in the size
#     of what it writes: after the first half and then the second, or all and then the first byte again, nearly all of the
#     buffer passes for uninitialised.
# So a program with wide vectors, or many tensors in one buffer, is told of faults that it does not have.
#
# Prints what is seen and fails where it is no longer so. Needs gcc, and apt-get with Debian 12's packages, which it
# unpacks below TMPDIR (300 MB) and does not install; a few seconds.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq download oclgrind=21.10-3 liboclgrind-21.10=21.10-3 libclang-common-14-dev=1:14.0.6-12 \
    libllvm14=1:14.0.6-12 opencl-c-headers=3.0~2023.02.06-1 >/dev/null
for package in *.deb; do
    dpkg -x "$package" root
done
libraries=$folder/root/usr/lib/x86_64-linux-gnu
ln -s liboclgrind-rt.so root/usr/lib/oclgrind/libOpenCL.so # as it calls itself
LD_LIBRARY_PATH=$libraries:$folder/root/usr/lib/oclgrind
OCLGRIND_PCH_DIR=$libraries/oclgrind/21.10
OCLGRIND_BUILD_OPTIONS=-O0 OCLGRIND_UNINITIALIZED=1 OCLGRIND_LOG=$folder/log
export LD_LIBRARY_PATH OCLGRIND_PCH_DIR OCLGRIND_BUILD_OPTIONS OCLGRIND_UNINITIALIZED OCLGRIND_LOG

cat >host.c <<'END'
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const source =
    "kernel void lane(global float *out, global const float *in)\n"
    "{\n"
    "    const float8 part = vload16(0, in).HALF;\n"
    "    float own[2];\n"
    "    own[1] = part.LANE;\n"
    "    if (own[1] > 0)\n"
    "        out[0] = 1;\n"
    "}\n"
    "kernel void last(global float *out, global const float *in, int i)\n"
    "{\n"
    "    if (in[i] > 0)\n"
    "        out[0] = 1;\n"
    "}\n";

static cl_context context;
static cl_device_id device;
static cl_command_queue queue;
static cl_mem in, out;

static void must(cl_int status)
{
    if (!status)
        return;
    printf("OpenCL says %d\n", status);
    exit(1);
}

static void run(const char *name, int number)
{
    char options[64];
    cl_int status;
    snprintf(options, sizeof options, "-DHALF=%s -DLANE=s%d", number < 8 ? "lo" : "hi", number % 8);
    cl_program program = clCreateProgramWithSource(context, 1, (const char **)&source, NULL, &status);
    must(status);
    must(clBuildProgram(program, 1, &device, options, NULL, NULL));
    cl_kernel kernel = clCreateKernel(program, name, &status);
    must(status);
    must(clSetKernelArg(kernel, 0, sizeof out, &out));
    must(clSetKernelArg(kernel, 1, sizeof in, &in));
    if (*name == 'l' && name[2] == 's')
        must(clSetKernelArg(kernel, 2, sizeof number, &number));
    must(clEnqueueTask(queue, kernel, 0, NULL, NULL));
    must(clFinish(queue));
    clReleaseKernel(kernel);
    clReleaseProgram(program);
}

static void write_floats(const float *floats, size_t first, size_t count)
{
    must(clEnqueueWriteBuffer(queue, in, CL_TRUE, first * sizeof *floats, count * sizeof *floats, floats + first, 0, NULL,
        NULL));
}

/* host lane N, or host all|halves|again N: reads float N after such writes. */
int main(int argc, char **argv)
{
    const float ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    cl_platform_id platform;
    cl_int status;
    (void)argc;
    must(clGetPlatformIDs(1, &platform, NULL));
    must(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL));
    context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
    must(status);
    queue = clCreateCommandQueue(context, device, 0, &status);
    must(status);
    in = clCreateBuffer(context, CL_MEM_READ_ONLY, sizeof ones, NULL, &status);
    must(status);
    out = clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof ones, NULL, &status);
    must(status);
    if (*argv[1] != 'h')
        write_floats(ones, 0, 16);
    if (*argv[1] == 'h') {
        write_floats(ones, 0, 8);
        write_floats(ones, 8, 8);
    }
    if (argv[1][1] == 'g')
        write_floats(ones, 0, 1);
    run(*argv[1] == 'l' ? "lane" : "last", atoi(argv[2]));
    return 0;
}
END
gcc -o host host.c -I"$folder/root/usr/include" -L"$folder/root/usr/lib/oclgrind" -lOpenCL \
    -Wl,--allow-shlib-undefined

# reported WHAT: which of 16 floats, each read by a kernel of its own, pass for uninitialised.
reported() {
    for i in $(seq 0 15); do
        : >log
        ./host "$1" "$i"
        ! grep -q "depends on uninitialized value" log || printf ' %s' "$i"
    done
}

for what in lane all halves again; do
    reported $what >$what
    echo "$what:$(cat $what)"
done
[ "$(cat lane)" = " 11" ]
[ ! -s all ]
# Which ones, that is what lies behind the account by chance.
[ "$(wc -w <halves)" -ge 4 ]
[ "$(wc -w <again)" -ge 8 ]
