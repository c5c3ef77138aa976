#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train.sh DIPTYCH FOLDER [SEED]: renders scenes into the folder, trains a model of the default model's sizes on them from nothing, and
# says how good it is: FOLDER/model. Run again it goes on where it was. About 6 GB of pictures. Takes what clipart.sh takes, Debian's
# fonts-dejavu-core, and Python, without packages, for the vocabulary.
#
# Two lessons, of which the second begins where the first ended; README.md says why. HASTE=N makes the runs shorter by that factor.
set -eu
[ $# -ge 2 ] || { echo "usage: train.sh DIPTYCH FOLDER [SEED]" >&2; exit 2; }
diptych=$(realpath "$1") folder=$2 seed=${3:-0} haste=${HASTE:-1}
here=$(cd "$(dirname "$0")" && pwd -P)
fonts=
for face in DejaVuSans DejaVuSans-Bold DejaVuSerif DejaVuSerif-Bold DejaVuSansMono DejaVuSansMono-Bold; do
    fonts=$fonts${fonts:+,}/usr/share/fonts/truetype/dejavu/$face.ttf
done
mkdir -p "$folder"
cd "$folder"

if [ ! -x renderer/scenes ]; then
    cmake -S "$here/../scenes" -B renderer -DCMAKE_BUILD_TYPE=Release >/dev/null
    cmake --build renderer >/dev/null
fi
[ -e clipart/train.tsv ] || sh "$here/clipart.sh" clipart

# Uncompressed, as rendering and decoding are then a hundredth of the work.
render() # NAME OPTION...
{
    name=$1
    shift
    [ -e "$name.json" ] || renderer/scenes --format ppm --synonyms 33 --letters "$fonts" --clipart clipart/train.tsv "$@" \
        --out "$name" --coco "$name.part" || exit 1
    [ -e "$name.json" ] || mv "$name.part" "$name.json"
}
render easy --lesson easy --kind single --count 30000 --seed 1
render all --kind single,mixed,count,mixed --count 150000 --seed 1000 --wordings 1
render captions --count 20000 --seed 1 --wordings 6 --size 8 --raw /dev/null
[ -e begin/vocab.json ] || python3 "$here/vocabulary.py" captions/scenes.jsonl begin "$here/../model"

learn() # NAME LESSON STEPS OPTION...
{
    name=$1 lesson=$2 steps=$(($3 / haste))
    shift 3
    [ -d "$name" ] || "$diptych" train --captions "$lesson.json" --images "$lesson" --open shape,colour --draw batch --each 4 \
        --augment none --batch 64 --steps "$steps" --decay 0.05 --eps 1e-8 --precision bf16 --seed "$seed" \
        --checkpoint 2m --resume --log "$name.log" --html "$name.html" -o "$name" "$@"
}
learn lesson easy 1600 --model begin --fresh --rate 3e-4 --warmup 100 --dtype f32
learn model all 40000 --model lesson --rate 5e-4 --warmup 200 --average 0.999 --dtype f16

echo "shape, colour, count, R@1; letters and digits, everyday pictures, those of training, other words, in %:"
sh "$here/evaluate.sh" renderer/scenes "$diptych" model held-out "$fonts" clipart
