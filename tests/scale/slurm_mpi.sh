#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# diptych-mpi on two nodes of Slurm that are one machine, by all that launches it there: srun with PMIx and with PMI-2, and mpiexec in
# a job. What it prints is what diptych prints of the merged index; and a task that is killed ends the run.
#
#   slurm_mpi.sh DIPTYCH DIPTYCH_MPI SCENES SCRATCH [MPICH'S]
#
# DIPTYCH_MPI is of Debian's Open MPI, which srun --mpi=pmix and mpiexec start; MPICH'S, where it is named, is one of Debian's MPICH, for
# srun --mpi=pmi2. Needs what slurm_nodes.sh needs. Not part of CI.
set -eu
diptych=$(realpath "$1") mpi=$(realpath "$2") scenes=$(realpath "$3") mpich=${5:+$(realpath "$5")} scale=$(realpath "$(dirname "$0")")
rm -rf "$4" && mkdir -p "$4" && cd "$4"
. "$scale/slurm_nodes.sh"
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM

"$scenes" --count 200 --seed 5 --size 48 --out tree >/dev/null
for i in 0 1 2 3; do "$diptych" index build all.dip --shard $i/4 tree -q; done
"$diptych" index merge one.dip all-*.dip -q
printf 'a red circle\na blue star\n' >queries
"$diptych" search one.dip --queries queries -f json -q >wanted.search
"$diptych" index duplicates one.dip --threshold 0.6 -f tsv -q >wanted.duplicates
{
    echo image,caption
    sed -n 's/.*"path": "\([^"]*\)", "caption": "\([^"]*\)".*/\1,\2/p' tree/scenes.jsonl
} >captions.csv
"$diptych" evaluate retrieval one.dip --captions captions.csv -f tsv -q >wanted.retrieval

# same NAME COMMAND...: what it prints of the shards, started so, on a node each.
same() {
    name=$1
    shift
    timeout 60 "$@" search all.dip --queries queries -f json >found 2>said || { cat said; exit 1; }
    grep -q "4 shards, 200 rows; 2 ranks" said || { cat said; exit 1; }
    cmp wanted.search found
    timeout 60 "$@" duplicates all.dip --threshold 0.6 -f tsv -q >found
    cmp wanted.duplicates found
    timeout 60 "$@" evaluate-retrieval all.dip --captions captions.csv -f tsv -q >found
    cmp wanted.retrieval found
    echo "$name: two ranks print what diptych prints"
}
same "srun --mpi=pmix" srun -N 2 -n 2 --mpi=pmix "$mpi"
[ -z "$mpich" ] || same "srun --mpi=pmi2" srun -N 2 -n 2 --mpi=pmi2 "$mpich"

cat >job.sh <<END
#!/bin/sh
cd $run
mpiexec $mpi search all.dip --queries queries -f json -q >found.job
END
sbatch --wait -N 2 --ntasks-per-node=1 -o "$run/job.out" job.sh >/dev/null || { cat job.out; exit 1; }
cmp wanted.search found.job
echo "mpiexec in a job: two ranks print what diptych prints"

# A task that is killed: srun names it, and ends the others.
mkfifo asked
srun -N 2 -n 2 --mpi=pmix --kill-on-bad-exit=1 --input=0 sh -c 'echo $$ >pid.$SLURM_PROCID; exec "$0" search all.dip --queries - -f json -q' \
    "$mpi" <asked >answered 2>said &
launcher=$!
exec 8>asked
echo a circle >&8
until [ -s answered ]; do sleep 0.2; done
kill -KILL "$(cat pid.1)"
status=0
wait $launcher || status=$?
exec 8>&-
[ $status -ne 0 ] && grep "task 1" said
echo "a killed task is named, and ends the run with $status"
