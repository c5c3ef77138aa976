#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A task that makes a shard is killed at 50 moments, and so is the merge: never is there half of one, and what comes out
# in the end is the index of one run, byte for byte. Then the disk that shards come to is full, in a file system of its own.
#
#   kill_shards.sh DIPTYCH SCENES SCRATCH
#
# As root, for the full disk. Not part of CI, where tests/cli/test_index_shards.sh does less of it.
set -eu
diptych=$(realpath "$1") scenes=$(realpath "$2")
rm -rf "$3" && mkdir -p "$3" && cd "$3"
mkdir tmp
TMPDIR=$PWD/tmp
export TMPDIR
"$scenes" --count 300 --seed 3 --size 48 --out tree >/dev/null
"$diptych" index build one.dip tree -q

# A run from its beginning to its end takes so many milliseconds; most kills come before that.
begun=$(date +%s%N)
"$diptych" index build timed.dip --shard 0/2 tree --batch 1 -q
took=$((($(date +%s%N) - begun) / 1000000))

fail() {
    echo "$*"
    exit 1
}

kills=0 ends=0 seed=17
while [ $kills -lt 50 ]; do
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    after=$((seed / 65536 % took))
    timeout -s KILL "$((after / 1000)).$(printf %03d $((after % 1000)))" \
        "$diptych" index build all.dip --shard 0/2 tree --batch 1 -q && status=0 || status=$?
    kills=$((kills + 1))
    if [ -e all-00000-of-00002.dip ]; then
        [ -s all-00000-of-00002.dip/shard.json ] || fail "after $after ms there is half a shard"
        "$diptych" index verify all-00000-of-00002.dip -q || fail "after $after ms the shard is damaged"
        rm -r all-00000-of-00002.dip
        ends=$((ends + 1))
    fi
done 2>/dev/null
for i in 0 1; do "$diptych" index build all.dip --shard $i/2 tree --batch 1 -q; done
for hundredths in 1 2 3 4 5 6 7 8 9; do
    timeout -s KILL 0.0$hundredths "$diptych" index merge all.dip all-0*.dip -q 2>/dev/null || true
    [ ! -e all.dip ] || { "$diptych" index verify all.dip -q && rm -r all.dip; } || fail "half an index"
done
"$diptych" index merge all.dip all-0*.dip
cmp one.dip/vectors.f16 all.dip/vectors.f16
"$diptych" index list one.dip -f json >one.list
"$diptych" index list all.dip -f json | cmp one.list -
[ -z "$(ls -A tmp; ls -d ./*.tmp-* 2>/dev/null)" ] || fail "left: $(ls -A tmp; ls -d ./*.tmp-*)"
echo "killed at $kills moments in $took ms, $ends times too late: the merged index is that of one run"

# ---- a full disk, where shards and the index come to
unshare -m sh -eu -c '
    mkdir small && mount -t tmpfs -o size=100k diptych small
    status=0
    '"$diptych"' index build small/x.dip --shard 0/2 tree -q || status=$?
    [ $status -eq 2 ] && [ -z "$(ls -A small)" ]
    status=0
    '"$diptych"' index merge small/x.dip all-0*.dip || status=$?
    [ $status -eq 2 ] && [ -z "$(ls -A small)" ]'
echo "on a full disk nothing is left"
