#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# valgrind.sh BUILD SCRATCH [TEST...]: the library's tests under memcheck; minutes, and no part of ctest. valgrind 3.19 knows no AVX-512,
# so PoCL and oneDNN make code for a CPU without, and nothing that was compiled for this one before is found. Reports of
# what lies in PoCL, LLVM and OpenMP alone are left out, by library.
set -eu
build=$(realpath "$1") scratch=$2
shift 2
[ $# -gt 0 ] || set -- facade facade_scores facade_index facade_threads
rm -rf "$scratch" && mkdir -p "$scratch/pocl"
scratch=$(realpath "$scratch")
export POCL_LLVM_CPU_NAME=haswell ONEDNN_MAX_CPU_ISA=AVX2 POCL_CACHE_DIR="$scratch/pocl" DIPTYCH_KERNEL_CACHE=off
export OMP_WAIT_POLICY=passive # valgrind runs one thread at a time: those that wait by going round would take its time
export DIPTYCH_DECODER="$build/diptych-decode" XDG_DATA_HOME="$scratch/data"
unset DIPTYCH_MODEL

for library in libpocl libLLVM libclang libgomp libOpenCL libhwloc; do
    for kind in Leak Cond Value1 Value2 Value4 Value8 Value16 Value32 Addr1 Addr2 Addr4 Addr8 Addr16 Addr32; do
        printf '{\n%s.%s\nMemcheck:%s\n...\nobj:*%s*\n}\n' $library $kind $kind $library
    done
done >"$scratch/suppressions"
# glibc's loader compares paths of what PoCL loads eight bytes at a time, past their end but inside an aligned word.
printf '{\nloader\nMemcheck:Addr8\nfun:strncmp\nfun:is_dst\n}\n' >>"$scratch/suppressions"

rounds=2 # of each of facade_threads's eight threads; the other tests have none
failed=0
for test in "$@"; do
    rm -rf "$build/scratch/$test" && mkdir -p "$build/scratch/$test"
    valgrind --quiet --fair-sched=try --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite \
        --suppressions="$scratch/suppressions" --log-file="$scratch/$test.log" "$build/tests/joint/facade/test_$test" $rounds \
        >"$scratch/$test.out" 2>&1 || { echo "$test: status $?"; failed=1; tail -n 3 "$scratch/$test.out"; head -n 40 "$scratch/$test.log"; }
done
exit $failed
