# SPDX-License-Identifier: Apache-2.0
# Sourced after lib.sh by the tests of diptych-mpi, which ctest calls with the program that draws pictures, diptych-mpi and mpiexec
# as well: five shards and the index that is joined of them, and how ranks are run.
scenes=$4 mpi=$5 mpiexec=$6
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # in containers
OMPI_MCA_rmaps_base_oversubscribe=1                       # more ranks than CPUs
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 # Open MPI's plugins leak, and are closed, so that no name is left to suppress
export ASAN_OPTIONS
exact="--precision f32 --storage f32 -q"

# ranks N ARGUMENT...: run, with diptych-mpi on so many.
ranks() {
    command="mpiexec -n $*"
    count=$1
    shift
    timeout 60 "$mpiexec" -n "$count" "$mpi" "$@" >out 2>err
    status=$?
}

# Shards with pictures and captions, copies in others; the first has the most.
"$scenes" --count 90 --seed 7 --size 32 --out tree >/dev/null
for n in 03 17 44 71; do
    cp tree/0000$n.png tree/0000${n}copy.png
    echo "a picture of $n" >tree/0000$n.txt
    echo "{\"key\": $n}" >tree/0000$n.json
done
cp tree/000017.png tree/other17.png
for i in 0 1 2 3 4; do run index build all.dip --shard $i/5 tree $exact; done
run index merge one.dip all-0000?-of-00005.dip
expect_status 0

# Two captions for each picture.
{
    echo image,caption
    sed -n 's/.*"path": "\([^"]*\)", "caption": "\([^"]*\)".*"wordings": \[{"text": "\([^"]*\)".*/\1,\2\n\1,\3/p' tree/scenes.jsonl
    for n in 03 17 44 71; do echo "0000${n}copy.png,a picture of $n"; done
} >captions.csv
{ cat captions.csv; echo nowhere.png,nothing; } >missing.csv
