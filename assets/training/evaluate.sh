#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# evaluate.sh SCENES DIPTYCH MODEL FOLDER: the figures of the model's card, on held-out scenes, whose pairs of shape and colour training
# never showed: SHAPE COLOUR COUNT R@1 in %, a line. FOLDER has the scenes, and gets them where they are not there yet.
set -eu
scenes=$1 diptych=$2 model=$3 folder=$4
here=$(dirname "$0")

# Every label as a user would type it, "an" before a vowel: KIND of shape, colour or count.
labels()
{
    "$scenes" --list | awk -v kind="$1" '
        function phrase(words) { return (words ~ /^[aeiou]/ ? "an " : "a ") words }
        $1 == kind "s:" || (kind == "count" && $1 == "numbers:") {
            for (i = 2; i <= NF; i++)
                print kind == "shape" ? phrase($i) : kind == "colour" ? phrase($i " shape") : $i " shape" (i > 2 ? "s" : "")
        }'
}

# path,label a line of the file's records, whose labels come first.
label()
{
    awk -v kind="$1" '
        FNR == NR { split($0, words, " "); name[words[kind == "count" ? 1 : 2]] = $0; order[NR] = $0; next }
        {
            match($0, /"path": "[^"]*/); path = substr($0, RSTART + 9, RLENGTH - 9)
            sub(/^.*"kind": /, "")
            if (kind == "count") {
                match($0, /"count": [1-5]/); print path "," order[substr($0, RSTART + 9, 1)]
            } else {
                match($0, "\"" kind "\": \"[a-z]*"); print path "," name[substr($0, RSTART + length(kind) + 5, RLENGTH - length(kind) - 5)]
            }
        }' "$2" "$3"
}

# image,caption a line of the first 200 pictures whose captions differ.
caption()
{
    awk 'BEGIN { print "image,caption" }
        {
            match($0, /"path": "[^"]*/); path = substr($0, RSTART + 9, RLENGTH - 9)
            match($0, /"caption": "[^"]*/); text = substr($0, RSTART + 12, RLENGTH - 12)
            if (!seen[text]++ && n++ < 200)
                print path ",\"" text "\""
        }' "$1"
}

if [ ! -d "$folder" ]; then
    mkdir -p "$folder.part"
    "$scenes" --split heldout --kind single --count 1000 --seed 1 --out "$folder.part/single"
    "$scenes" --split heldout --kind count --count 1000 --seed 2 --out "$folder.part/count"
    "$scenes" --split heldout --kind mixed --count 400 --seed 3 --out "$folder.part/mixed"
    for kind in shape colour count; do
        part=$folder.part/single
        [ $kind != count ] || part=$folder.part/count
        labels $kind >"$part/$kind.txt"
        label $kind "$part/$kind.txt" "$part/scenes.jsonl" >"$part/$kind.csv"
    done
    caption "$folder.part/mixed/scenes.jsonl" >"$folder.part/mixed/captions.csv"
    mv "$folder.part" "$folder"
fi

# The share of pictures that get the right label, and of captions that find their picture, in %.
classify()
{
    "$diptych" evaluate classify "$1.csv" --labels "$1.txt" --allow-missing --templates "$here/prompts.txt" --model "$model" -q -f json |
        awk '/^  "acc1"/ { printf "%.1f ", 100 * substr($0, index($0, ":") + 1) }'
}

retrieve()
{
    "$diptych" evaluate retrieval --captions "$1/captions.csv" --images "$1" --model "$model" -q -f json |
        awk '/"text_to_image"/ { of_texts = 1 }
            of_texts && /"R@1"/ { printf "%.1f\n", 100 * substr($0, index($0, ":") + 1); exit }'
}

classify "$folder/single/shape"
classify "$folder/single/colour"
classify "$folder/count/count"
retrieve "$folder/mixed"
