#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh SCRATCH PROGRAM [ARGUMENT...]: runs a cmocka program with SCRATCH as an empty folder, so that nothing of the
# run before has a part in this one. Exits as the program does, but with 77, which ctest shows as skipped, where a test
# was skipped and none failed: cmocka itself calls that a success.
scratch=$1
shift
rm -rf "$scratch" && mkdir -p "$scratch" || exit 1
export XDG_DATA_HOME="$scratch/data" # no index of the user's
{
    "$@" 2>&1
    echo $? >"$scratch.status"
} | tee "$scratch.log"
status=$(cat "$scratch.status")
[ "$status" -ne 0 ] || ! grep -q '\[  SKIPPED \] ' "$scratch.log" || exit 77
exit "$status"
