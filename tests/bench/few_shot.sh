#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# few_shot.sh BUILD SCRATCH: learning from few pictures with the default model, on drawn scenes by the shape of the first object:
# whatever else there is (mixed), and of two objects (relation), where the texts say less. The pairs of shape and colour are none
# that the model has seen. Tables for RESULTS.md, and SCRATCH/mixed as the README has it.
set -eu
build=$(realpath "$1") scratch=$2
unset DIPTYCH_MODEL
mkdir -p "$scratch" && cd "$scratch"

# part FOLDER KIND COUNT SEED
part() {
    rm -rf "$1" drawn
    "$build/assets/scenes/scenes" --split heldout --kind "$2" --count "$3" --seed "$4" --out drawn >/dev/null
    sed -n 's/.*"path": "\([^"]*\)".*"objects": \[{"shape": "\([a-z]*\)".*/\1 \2/p' drawn/scenes.jsonl |
        while read -r file shape; do
            mkdir -p "$1/$shape" && mv "drawn/$file" "$1/$shape/$file"
        done
    rm -r drawn
}

# few FOLDER SHOTS DRAW: so many pictures of each label, as few/.
few() {
    rm -rf few
    for label in "$1"/*; do
        mkdir -p "few/${label##*/}"
        yes "$3" | head -c 100000 >random
        ls "$label" | shuf -n "$2" --random-source=random | while read -r file; do
            cp "$label/$file" "few/${label##*/}/"
        done
    done
}

# lora KIND: what an adapter makes of few pictures a label: accuracy on the test pictures, in %, of three draws.
lora() {
    for shots in 1 2 4 8 16; do
        printf '%4s shots ' $shots
        for draw in 1 2 3; do
            few "$1/train" $shots $draw
            count=$(find few -type f | wc -l)
            "$build/diptych" train few --part lora --rank 8 --rate 3e-4 --epochs 60 --batch $((count < 64 ? count : 64)) -o adapter -q
            "$build/diptych" evaluate classify "$1/test" --lora adapter -q | sed -n 's/^acc@1 *\([0-9.]*\) .*/ \1/p' | tr -d '\n'
            rm -r adapter
        done
        echo
    done
}

for kind in mixed relation; do
    mkdir -p "$kind"
    part "$kind/train" "$kind" 600 11
    part "$kind/val" "$kind" 200 12
    part "$kind/test" "$kind" 500 13
    echo "## $kind"
    "$build/diptych" probe fit "$kind" --shots 1,2,4,8,16
    "$build/diptych" probe fit "$kind" -o "$kind.probe"
    "$build/diptych" probe fit "$kind" --start zero-shot -o "$kind-blend.probe"
    lora "$kind"
done
