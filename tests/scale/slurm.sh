#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An array of Slurm makes an index in shards, on two nodes that are one machine: a task is killed and requeued, a node goes
# down in the middle, and a dependent job joins the shards. What comes out is the index of one run, byte for byte.
#
#   slurm.sh DIPTYCH SCENES MAKE_SHARD SCRATCH
#
# Needs what slurm_nodes.sh needs. Not part of CI.
set -eu
diptych=$(realpath "$1") scenes=$(realpath "$2") make_shard=$(realpath "$3") scale=$(realpath "$(dirname "$0")")
rm -rf "$4" && mkdir -p "$4" && cd "$4"
. "$scale/slurm_nodes.sh"

# ---- pictures, and the index of one run ------------------------------------------------------------------------

for s in 0 1 2 3; do
    "$scenes" --count 500 --seed $s --size 64 --out t$s >/dev/null
    (cd t$s && "$make_shard" ../s$s.tar $(for file in *.png; do echo "$file=$file"; done))
done
"$diptych" index build one.dip 's{0..3}.tar' -q

# ---- the array --------------------------------------------------------------------------------------------------

cat >task.sh <<END
#!/bin/sh
cd $run
TMPDIR=$run/disk.\$SLURMD_NODENAME && export TMPDIR && mkdir -p \$TMPDIR
echo "task \$SLURM_ARRAY_TASK_ID on \$SLURMD_NODENAME, start \${SLURM_RESTART_COUNT-0}" >>starts
if [ "\$SLURM_ARRAY_TASK_ID" = 5 ] && [ -z "\${SLURM_RESTART_COUNT-}" ]; then
    $diptych index build all.dip --shard auto 's{0..3}.tar' --batch 1 2>>killed &
    until [ -n "\$(ls -A \$TMPDIR)" ]; do sleep 0.02; done # where its shard grows
    kill -KILL \$!
    wait \$! && status=0 || status=\$?
    echo "task 5 killed, status \$status" >>starts
    scontrol requeue \$SLURM_JOB_ID
    exec sleep 600 # until that ends it
fi
exec $diptych index build all.dip --shard auto 's{0..3}.tar' --batch 1
END
array=$(sbatch --parsable --requeue --array=3-9:2 -o "$run/task-%a.out" --open-mode=append task.sh)
merge=$(sbatch --parsable --dependency=afterany:"$array" -o "$run/merge.out" \
    --wrap "cd $run && $diptych index merge all.dip all-*-of-*.dip")

# The node of another task goes down under it, and comes back. Slurm gives what is requeued two minutes.
until grep -q "task 9" starts 2>/dev/null; do sleep 0.2; done
node=$(sed -n 's/^task 9 on \(n[12]\),.*/\1/p' starts)
scontrol update nodename="$node" state=down reason=test
echo "$node down" >>starts
scontrol update nodename="$node" state=resume
until [ -z "$(squeue -h -j "$merge" -o %t 2>/dev/null)" ]; do sleep 0.5; done

# ---- what came out ----------------------------------------------------------------------------------------------

cat starts task-*.out merge.out
grep -q "task 5 killed, status 137" starts
[ "$(grep -c 'start 1' starts)" -eq 2 ]
cmp one.dip/vectors.f16 all.dip/vectors.f16
"$diptych" index list one.dip -f json >one.list
"$diptych" index list all.dip -f json | cmp one.list -
"$diptych" index verify all.dip
echo "the merged index is that of one run: $(wc -l <one.list) pictures"
