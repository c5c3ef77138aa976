#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A training run that is killed at each call that names, renames or removes a file goes on to the same weights; and one whose disk
# fills loses nothing that it had kept.
#
#   train_kills.sh DIPTYCH SCENES SCRATCH
#
# As root, for the full disk; needs strace. Not part of CI.
set -eu
diptych=$(realpath "$1") scenes=$(realpath "$2")
rm -rf "$3" && mkdir -p "$3" && cd "$3"
"$scenes" --count 40 --seed 5 --out tree >/dev/null
# Captions that the default model does not know, so that it learns something.
sed -n 's/.*"path": "\([^"]*\)".*/\1/p' tree/scenes.jsonl >names
sed -n 's/.*"caption": "\([^"]*\)".*/\1/p' tree/scenes.jsonl | rev >riddles
{ echo image,caption && paste -d , names riddles; } >riddles.csv
learn="train --captions riddles.csv --images tree --steps 4 --batch 8 --rate 1e-3 --checkpoint 0s -o killed"
fail() {
    echo "$*: $(cat said)"
    exit 1
}

# kills WHAT FILE CALLS ARGUMENT...: at the first of these calls, at the second, and so on; FILE of OUT is that of the run without.
kills() {
    what=$1 file=$2 calls=$3 n=1 there=0
    shift 3
    while ! strace -f -o trace -e inject="$calls":signal=KILL:when=$n -- "$diptych" $learn "$@" -q 2>said; do
        grep -q 'killed by SIGKILL' trace || fail "$what, $calls $n"
        [ ! -e killed ] || there=$((there + 1))
        # Where nothing is left beside it but an empty folder, OUT is as if the run had ended.
        [ ! -e killed ] || rmdir killed.part 2>/dev/null || true
        if [ ! -e killed ] || [ -e killed.part ]; then
            "$diptych" $learn "$@" --resume 2>said || fail "$what, $calls $n"
        fi
        cmp "whole/$file" "killed/$file" || fail "$what, $calls $n: other weights"
        [ ! -e killed.part ] || fail "$what, $calls $n: left: $(ls -A killed.part)"
        rm -r killed
        n=$((n + 1))
    done
    rm -r killed
    echo "$what: killed at each of $((n - 1)) ${calls%%,*}s, at $there of them with OUT there already: the same weights"
}

all_kills() {
    what=$1 file=$2
    shift 2
    rm -rf whole
    "$diptych" $learn "$@" -q
    mv killed whole
    for calls in link,linkat rename,renameat,renameat2 unlink,unlinkat rmdir; do
        kills "$what" "$file" $calls "$@"
    done
}
all_kills "all of the model" model.safetensors
all_kills "an adapter, measured on the way" adapter_model.safetensors --part lora --hold-out 0.2 --validate 2 --average 0.5

# ---- a full disk, of every size up to that which suffices
mkdir disk
trap 'umount disk 2>/dev/null || true' EXIT
"$diptych" $learn -q && mv killed whole.all
for mib in 1 10 28 32; do
    mount -t tmpfs -o size=${mib}m diptych disk
    status=0
    "$diptych" $learn -o disk/killed 2>said || status=$?
    echo "a disk of $mib MiB: status $status: $(grep -v ^step said | tail -n 1)"
    if [ $status -ne 0 ]; then
        grep -q 'No space left on device' said || fail "$mib MiB: another reason"
        [ ! -e disk/killed ] || fail "$mib MiB: OUT is there"
        mount -o remount,size=200m disk
        "$diptych" $learn -o disk/killed --resume 2>said || fail "$mib MiB: does not go on"
        grep 'going on\|anew' said
    fi
    cmp disk/killed/model.safetensors whole.all/model.safetensors || fail "$mib MiB: other weights"
    [ "$(ls -A disk)" = killed ] || fail "$mib MiB: left: $(ls -A disk)"
    umount disk
done
