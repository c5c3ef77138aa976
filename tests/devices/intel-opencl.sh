#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests on Intel's OpenCL runtime for CPUs: another compiler of kernels and another scheduler than PoCL's.
#
#   intel-opencl.sh [BUILD [REGEX]]    the build folder (default: build), and only the tests whose names fit
#
# Needs a build of Diptych, an x86-64 CPU, python3-venv, the net, and 2 GB in $TMPDIR (or /tmp), which it gives back. The
# runtime comes from PyPI and lies in a folder of its own; nothing is installed.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-$top/build}" && pwd)

home=$(mktemp -d "${TMPDIR:-/tmp}/intel-opencl.XXXXXX")
trap 'rm -rf "$home"' EXIT
trap 'exit 1' HUP INT TERM
python3 -m venv "$home"
"$home/bin/pip" install --quiet --disable-pip-version-check \
    intel-opencl-rt==2026.2.0 intel-cmplr-lib-rt==2026.2.0 tbb==2023.2.0

# The programs keep the loader they are linked to: the runtime's own would take the place of it.
rm "$home"/lib/libOpenCL.so*
mkdir "$home/vendors"
echo "$home/lib/libintelocl.so" >"$home/vendors/intel.icd"
OCL_ICD_VENDORS=$home/vendors
LD_LIBRARY_PATH=$home/lib
DIPTYCH_KERNEL_CACHE=$home/kernels
export OCL_ICD_VENDORS LD_LIBRARY_PATH DIPTYCH_KERNEL_CACHE

"$build/diptych" devices
"$build/diptych" devices | grep -q Intel || { echo "intel-opencl.sh: that is another device" >&2; exit 1; }

# without TEST REASON: leaves a test out.
none=
without() {
    echo "intel-opencl.sh: without $1: $2"
    none="$none${none:+|}^$1\$"
}
without cli_cache "it looks at the files that PoCL keeps, and there is no PoCL here"
ctest --test-dir "$build" --output-on-failure -E "$none" ${2:+-R "$2"}
