#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What may go wrong around a shard: tasks that make the same one at once, clocks of other years, a full disk, on which it grows or
# to which it comes, and a file system that all share and that has no locks.
#
#   shard_faults.sh DIPTYCH SCENES SCRATCH
#
# As root, for the full disks; needs strace. Not part of CI; kill_shards.sh kills tasks.
set -eu
diptych=$(realpath "$1") scenes=$(realpath "$2")
rm -rf "$3" && mkdir -p "$3" && cd "$3"
mkdir tmp out
TMPDIR=$PWD/tmp
export TMPDIR
"$scenes" --count 60 --seed 3 --size 48 --out tree >/dev/null
fail() {
    echo "$*"
    exit 1
}

# same WHAT INDEX: the index is that of one run.
same() {
    cmp one.dip/vectors.f16 "$2/vectors.f16" || fail "$1: other vectors"
    "$diptych" index list "$2" -f json | cmp one.list - || fail "$1: other items"
    echo "$1: the merged index is that of one run"
}

# ---- clocks: files of 2050 and of before 1970, shards of 1970 and of 2050
touch -d 2050-01-01 tree/*5.png
touch -d 1969-12-31 tree/*6.png
"$diptych" index build one.dip tree -q
"$diptych" index list one.dip -f json >one.list
for i in 0 1; do "$diptych" index build out/clocks.dip --shard $i/2 tree -q; done
find out/clocks-00000-of-00002.dip -exec touch -d 1970-01-02 {} +
find out/clocks-00001-of-00002.dip -exec touch -d 2050-01-01 {} +
for i in 0 1; do
    "$diptych" index build out/clocks.dip --shard $i/2 tree 2>said
    grep -q "shard $i of 2: .* is finished" said || fail "shard $i was made again: $(cat said)"
done
"$diptych" index merge out/clocks.dip out/clocks-*.dip -q
same "clocks that differ" out/clocks.dip

# ---- three tasks at once make the same shard, ten times
for turn in 0 1 2 3 4 5 6 7 8 9; do
    rm -rf out/twice-*
    pids=
    for task in a b c; do
        "$diptych" index build out/twice.dip --shard 0/2 tree --batch 1 -q 2>said.$task &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid" || fail "turn $turn: $(cat said.?)"; done
    "$diptych" index verify out/twice-00000-of-00002.dip -q
    [ "$(ls out | grep -c twice)" -eq 1 ] && [ -z "$(ls -A tmp)" ] || fail "left: $(ls out tmp)"
done
"$diptych" index build out/twice.dip --shard 1/2 tree --batch 1 -q
"$diptych" index merge out/twice.dip out/twice-*.dip -q
same "three tasks with one shard" out/twice.dip

# ---- a full disk: where the shard grows, and where it comes to
mkdir small
for place in grows comes; do
    status=0
    unshare -m sh -eu -c '
        mount -t tmpfs -o size=100k diptych small
        case $1 in grows) scratch=small out=out/full.dip ;; comes) scratch=tmp out=small/full.dip ;; esac
        "$2" index build $out --shard 1/2 tree -q --scratch $scratch && status=0 || status=$?
        [ -z "$(ls -A small)" ] || { ls -A small; exit 9; }
        exit $status' sh $place "$diptych" 2>said || status=$?
    [ $status -eq 2 ] || fail "where it $place: status $status, $(cat said)"
    grep -q "shard 1 of 2" said || fail "where it $place: nothing names the shard: $(cat said)"
    echo "a full disk where the shard $place: $(cat said)"
    [ -z "$(ls -A tmp)" ] && [ ! -e out/full-00001-of-00002.dip ] || fail "left: $(ls out tmp)"
done

# ---- a shared file system without locks: those that are tried there, on names that are nobody else's, fail, and nothing is lost
trace() { # trace OPTION... : of a task that makes the shard 0
    strace -f -qq -o calls -e trace=flock,fcntl,rename,renameat,renameat2,fsync,fdatasync,link,linkat -y "$@" \
        "$diptych" index build out/locks.dip --shard 0/2 tree -q
    grep "out/locks" calls >there
}
trace
! grep -E "F_SETLK|F_OFD_SETLK" there || fail "a lock of POSIX is taken where all write"
grep -q "rename.*locks-00000-of-00002.dip" there && grep -q fsync there || fail "not published whole: $(cat there)"
first=$(grep flock calls | grep -n "out/locks" | head -n 1 | cut -d : -f 1)
rm -r out/locks-*
trace -e inject=flock:error=ENOLCK:when="$first+"
grep flock there | grep -qv ENOLCK && fail "a lock was had"
"$diptych" index build out/locks.dip --shard 1/2 tree -q
"$diptych" index merge out/locks.dip out/locks-*.dip -q
same "no locks where shards come to" out/locks.dip
