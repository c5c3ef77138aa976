#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An index made in shards, by tasks that are killed, and joined: the index of one run, byte for byte.
. "$2/tests/cli/lib.sh"
scenes=$4
make_shard=$5
exact="--precision f32 --storage f32 --batch 1 -q" # with AVX2 a place in a batch may tell in the last bit
unset SLURM_ARRAY_TASK_ID OMPI_COMM_WORLD_RANK PMI_RANK
mkdir tmp
TMPDIR=$scratch/tmp
export TMPDIR

# Loose pictures with captions, copies, what is broken and what is none; archives of copies of these, and of each other.
"$scenes" --count 530 --seed 7 --size 32 --out tree >/dev/null
for n in 01 07 13 55; do
    cp tree/0000$n.png tree/0003${n}copy.png
    echo "a picture of $n" >tree/0000$n.txt
    echo "{\"key\": \"$n\"}" >tree/0003${n}copy.json
done
head -c 300 tree/000200.png >broken
cp broken tree/000200.png
cp broken tree/000525.png
for s in 0 1 2 3 4; do
    "$make_shard" s$s.tar a$s.png=tree/0000${s}3.png a$s.txt=tree/000001.txt b.png=tree/000111.png c.png=broken
done
inputs="tree s{0..4}.tar"
run index build one.dip $inputs $exact
expect_status 1

# list INDEX: all that its tables say.
list() {
    "$diptych" index list "$1" -f json
    "$diptych" index list "$1" --failed -f json
    "$diptych" index list "$1" --passed-over -f json
    "$diptych" index info "$1" -f json | sed '/^ *"index":/d; /^ *"changed":/d; /^ *"catalog_bytes":/d'
}
list one.dip >one.list

# expect_one INDEX: it is the one that a run over all inputs has made.
expect_one() {
    list "$1" >list
    cmp -s one.list list || problem "the tables of '$1' are not those of one run: $(diff one.list list | head -n 3)"
    cmp -s one.dip/vectors.f32 "$1/vectors.f32" || problem "the vectors of '$1' are not those of one run"
    for index in one.dip "$1"; do
        "$diptych" search $index --precision f32 --top 20 -f tsv -q a red circle >found.$index
    done
    cmp -s found.one.dip "found.$1" || problem "'$1' is searched otherwise"
    run index verify "$1" -q
    expect_status 0
}

expect_nothing_left() {
    left=$(ls -A tmp; ls -d ./*.tmp-* 2>/dev/null)
    [ -z "$left" ] || problem "left: $left"
}

# shards INDEX N: all of them.
shards() {
    i=0
    while [ $i -lt "$2" ]; do
        run index build "$1.dip" --shard $i/"$2" $inputs $exact
        [ "$status" -le 1 ] || problem "no shard $i of $2"
        i=$((i + 1))
    done
}

shards of3 3
mkdir of3.dip.tmp-0123456789abcdef # as a killed merge leaves it
run index merge of3.dip of3-*-of-*.dip
expect_status 0
expect_line err "diptych: 'of3.dip' has 542 pictures of 3 shards"
expect_line err "diptych: 7 could not be read when the shards were made: 'diptych index list of3.dip --failed' says which"
expect_one of3.dip
expect_nothing_left
shards of2 2
for i in 0 1; do [ ! -e of2-0000$i-of-00002.dip/catalog.sqlite-wal ] || problem "shard $i has a log"; done

# It goes on as any: there is nothing to do for it, in archives and folders with captions neither.
run index update of3.dip --precision f32
expect_status 0
expect_line err "pictures: 0 new, 0 changed, 0 copied, 0 moved, 0 gone, 542 unchanged, 0 failed"
list of3.dip >list
cmp -s one.list list || problem "the update of a merged index has changed it"

# ---- a list of inputs, on standard input; more shards than inputs
printf '%s\n' tree/000001.png s1.tar 's{2..3}.tar' >inputs
run index build listed-one.dip - $exact <inputs
for i in 0 1 2 3 4 5; do
    run index build listed.dip --shard $i/6 - $exact <inputs
    [ "$status" -le 1 ] || problem "no shard $i of a list"
done
run index merge listed.dip listed-0*
expect_status 0
list listed-one.dip >one.list2
list listed.dip | cmp -s one.list2 - || problem "a list in shards is not as in one run"
cmp -s listed-one.dip/vectors.f32 listed.dip/vectors.f32 || problem "a list in shards has other vectors"

# ---- shards of machines whose precisions differ
mkdir mixed
for i in 0 1 2 3 4 5; do cp -r listed-0000$i-of-00006.dip mixed/$i.dip; done
sed -i 's/"precision": "f32"/"precision": "bf16"/' mixed/[34].dip/shard.json
run index merge mixed.dip mixed/*.dip
expect_status 0
expect_line err "diptych: shards were made in f32 and in bf16: the vectors are close to, but not byte for byte those of one run"

# ---- a finished shard is not made again, and is not taken for one of something else
run index build of2.dip --shard 1/2 $inputs --precision f32
expect_status 0
expect_match err "^diptych: shard 1 of 2: 'of2-00001-of-00002.dip' is finished, with [0-9]* pictures; remove it to make it anew$"
expect_lines err 1
run index build of2.dip --shard 1/2 s1.tar $exact
expect_status 2
expect_line err "diptych: cannot build: shard 1 of 2: 'of2-00001-of-00002.dip' is there already, made of other inputs: remove it to make it anew"
run index build of2.dip --shard 1/2 $inputs --storage f16
expect_status 2
expect_text err "with vectors of another storage"
run index build of2.dip --shard 1/2 $inputs --alpha white
expect_status 2
expect_text err "with pictures prepared in another way"

# ---- what the scheduler says, if it is asked
number() {
    variables=$1
    shift
    command="$variables diptych index build --shard auto"
    env $variables "$diptych" index build none.dip --shard auto s9.tar >out 2>err
    status=$?
    expect_status 2
    expect_text err "$*"
}
number "SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_STEP=2" "shard 2 of 3: "
number "SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=0 PMI_RANK=0 PMI_SIZE=1" "shard 0 of 4: "
number "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2" "shard 1 of 2: "
number "PMI_RANK=4 PMI_SIZE=5" "shard 4 of 5: "
number "PMI_RANK=5 PMI_SIZE=5" "--shard auto: PMI_RANK is 5, of 5 from 0 by 1: say --shard I/N"
number "SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=1" "say --shard I/N" # --array=1,2,7
number "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=3 PMI_RANK=1 PMI_SIZE=2" "both SLURM_ARRAY_TASK_ID and PMI_RANK number this process"
number "A=1" "no scheduler has numbered this process"
env SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_COUNT=2 "$diptych" index build unasked.dip s1.tar $exact 2>err
[ -e unasked.dip/catalog.sqlite ] || problem "a scheduler that nobody asked has cut an index"
for wrong in 3/3 a/b 1 /2 1/ -1/2 1/0 1/2/3; do
    run index build none.dip --shard $wrong s1.tar
    expect_status 2
    expect_text err "--shard takes I/N with I from 0 to N - 1, or auto: not '$wrong'"
done

# ---- what a shard cannot do shows before a model is loaded
refuse() {
    text=$1
    shift
    run index build none.dip --shard 0/2 "$@"
    expect_status 2
    expect_text err "$text"
    [ ! -e none-00000-of-00002.dip ] || problem "a shard all the same"
}
refuse "a shard has pictures alone" tree --texts broken
refuse "sees no pairs" tree --pairs one
refuse "--gone and --retry-failed are for an index that is there" tree --gone
refuse "/s9.tar': it is not there, and a shard needs all that is named" tree 's{4,9}.tar' $exact
run index build one.dip --shard 0/2 tree
expect_text err "cannot build: shard 0 of 2: 'one.dip' is an index already, and shards make a new one"
run index build nowhere/x.dip --shard 0/2 tree
expect_status 2
expect_text err "cannot build: shard 0 of 2: unable to make 'nowhere/x-00000-of-00002.dip': "
run index build x.dip --scratch tmp tree
expect_text err "--scratch is for a shard"
run index update one.dip --shard 0/2
expect_status 2
expect_nothing_left

# ---- a task is killed, at any moment, and begins anew; two make the same one
for tenths in 1 3 5 7 9; do
    timeout -s KILL 0.$tenths "$diptych" index build killed.dip --shard 0/2 $inputs $exact 2>/dev/null
    [ ! -e killed-00000-of-00002.dip ] || [ -e killed-00000-of-00002.dip/shard.json ] || problem "a shard that is not whole"
done
"$diptych" index build killed.dip --shard 0/2 $inputs $exact 2>twin &
run index build killed.dip --shard 0/2 $inputs $exact
[ "$status" -le 1 ] || problem "of two that make the same one, this failed"
wait $!
[ $? -le 1 ] || problem "of two that make the same one, the other failed: $(cat twin)"
run index build killed.dip --shard 1/2 $inputs $exact
run index merge killed.dip killed-0*
expect_status 0
expect_one killed.dip
expect_nothing_left

# ---- a full disk: nothing is there, and the message says of which shard
(trap '' XFSZ; ulimit -f 20; exec "$diptych" index build full.dip --shard 1/2 $inputs $exact) >out 2>err
status=$?
command="diptych index build full.dip --shard 1/2, on a full disk"
expect_status 2
expect_match err "^diptych: cannot build: shard 1 of 2: .*catalog.sqlite"
[ ! -e full-00001-of-00002.dip ] || problem "a shard all the same"
expect_nothing_left
(trap '' XFSZ; ulimit -f 400; exec "$diptych" index merge full.dip of2-*) >out 2>err
status=$?
command="diptych index merge full.dip, on a full disk"
expect_status 2
[ ! -e full.dip ] || problem "an index all the same"
expect_nothing_left

finish
