#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train.sh DIPTYCH FOLDER [SEED]: renders scenes into the folder, trains a model of the default model's sizes on them from nothing, and
# says how good it is: FOLDER/model. Run again it goes on where it was. About 5 GB of pictures.
#
# Three lessons, each a run that begins where the one before ended; what each is for stands in README.md. HASTE=N makes the runs shorter by
# that factor.
set -eu
[ $# -ge 2 ] || { echo "usage: train.sh DIPTYCH FOLDER [SEED]" >&2; exit 2; }
diptych=$(realpath "$1") folder=$2 seed=${3:-0} haste=${HASTE:-1}
here=$(cd "$(dirname "$0")" && pwd -P)
mkdir -p "$folder"
cd "$folder"

if [ ! -x renderer/scenes ]; then
    cmake -S "$here/../scenes" -B renderer -DCMAKE_BUILD_TYPE=Release >/dev/null
    cmake --build renderer >/dev/null
fi

# Uncompressed, as rendering and decoding are then a hundredth of the work.
render() # NAME OPTION...
{
    name=$1
    shift
    [ -e "$name.json" ] || renderer/scenes --format ppm "$@" --coco "$name.part" || exit 1
    [ -e "$name.json" ] || mv "$name.part" "$name.json"
}
render easy --lesson easy --kind single --count 30000 --seed 1 --out easy
render all --kind single,mixed,count,mixed --count 120000 --seed 1000 --wordings 2 --out all
render words --lesson words --kind single,mixed,count,mixed --count 120000 --seed 1000 --raw /dev/null # of the same scenes

learn() # NAME LESSON PICTURES STEPS OPTION...
{
    name=$1 lesson=$2 pictures=$3 steps=$(($4 / haste))
    shift 4
    [ -d "$name" ] || "$diptych" train --captions "$lesson.json" --images "$pictures" --open shape,colour --draw batch \
        --augment none --batch 64 --steps "$steps" --decay 0.05 --eps 1e-8 --precision bf16 --seed "$seed" \
        --checkpoint 2m --resume --log "$name.log" --html "$name.html" -o "$name" "$@"
}
learn lesson1 easy easy 1600 --model "$here/../model" --fresh --rate 3e-4 --warmup 100 --dtype f32
learn lesson2 words all 3500 --model lesson1 --rate 5e-4 --warmup 100
learn model all all 40000 --model lesson2 --rate 5e-4 --warmup 200 --average 0.999 --dtype f16

echo "shape, colour, count, R@1 in %:"
sh "$here/evaluate.sh" renderer/scenes "$diptych" model held-out
