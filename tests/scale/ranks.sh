#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How searches by ranks grow with rows and ranks: four indexes of a quarter of ROWS each, of random i8 rows, are made in SCRATCH
# where they are not there yet, and one, two and all of them are searched by 1, 2 and 4 ranks, each on one CPU; and by one rank
# with two threads, which is the same work for the same CPUs as two ranks.
#
#   ranks.sh BENCH_RANKS SCRATCH ROWS WIDTH [QUERIES [INDEXES]]        QUERIES "1 64", INDEXES "1 2 4"
#
# Columns: ranks, threads of each, rows, queries, k, seconds of the fastest of three runs and of their median, a hash of all hits.
# MPIEXEC names another mpiexec. Not part of CI.
set -eu
bench=$(realpath "$1") scratch=$2 rows=$3 width=$4 mpiexec=${MPIEXEC-mpiexec}
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none # threads of one rank on all CPUs
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe OMPI_MCA_hwloc_base_binding_policy
if [ ! -d "$scratch" ]; then
    mkdir -p "$scratch"
    "$mpiexec" -n 2 "$bench" make "$scratch" 4 "$rows" "$width"
fi
for indexes in ${6-1 2 4}; do
    for queries in ${5-1 64}; do
        for run in "1 1" "1 2" "2 1" "4 1"; do
            ranks=${run% *} threads=${run#* }
            [ "$ranks" -gt "$indexes" ] ||
                "$mpiexec" -n "$ranks" "$bench" search "$scratch" "$indexes" "$queries" 10 3 "$threads"
        done
    done
done
