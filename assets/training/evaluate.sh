#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# evaluate.sh SCENES DIPTYCH MODEL FOLDER [FONTS CLIPART]: the figures of the model's card, on held-out scenes, whose pairs of shape and
# colour training never showed: SHAPE COLOUR COUNT R@1 in %, a line. FOLDER has the scenes, and gets them where they are not there yet.
#
# With FONTS, as `scenes --letters` has them, and CLIPART, a folder that clipart.sh made, a second line of what wider training shows:
# LETTERS and digits in held-out colours, THINGS in clip art that is held out, those in clip art of training (KNOWN), and SHAPES that are
# asked for by OTHER words. Their scenes are in FOLDER-wide.
set -eu
scenes=$1 diptych=$2 model=$3 folder=$4 fonts=${5-} clipart=${6-}
here=$(dirname "$0")

# "an" before a vowel.
with_article() { awk -F '\t' '{ print $1 "\t" ($2 ~ /^[aeiou]/ ? "an " : "a ") $2 }'; }

# What is known of a picture, and the label as a user would type it, with a tab between: KIND of shape, colour or count.
labels()
{
    "$scenes" --list | awk -v kind="$1" '
        $1 == kind "s:" || (kind == "count" && $1 == "numbers:") {
            for (i = 2; i <= NF; i++)
                print (kind == "count" ? i - 1 : $i) "\t" (kind == "shape" ? $i : $i " shape" (kind == "count" && i > 2 ? "s" : ""))
        }' | if [ "$1" = count ]; then cat; else with_article; fi
}

# label FACT NAME: of those labels, which come from stdin, NAME.txt, and a line path,label of each picture that has such a FACT NAME.csv.
label()
{
    tee "$2.tsv" | cut -f 2 >"$2.txt"
    awk -v fact="\"$1\": \"?" '
        FNR == NR { split($0, line, "\t"); label[line[1]] = line[2]; next }
        {
            match($0, /"path": "[^"]*/); path = substr($0, RSTART + 9, RLENGTH - 9)
            sub(/^.*"kind": /, "")
            if (match($0, fact "[a-z0-9 ]*")) {
                value = substr($0, RSTART, RLENGTH); sub(fact, "", value)
                if (value in label)
                    print path "," label[value]
            }
        }' "$2.tsv" "$(dirname "$2")/scenes.jsonl" >"$2.csv"
    rm "$2.tsv"
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
        labels $kind | label $kind "$part/$kind"
    done
    caption "$folder.part/mixed/scenes.jsonl" >"$folder.part/mixed/captions.csv"
    mv "$folder.part" "$folder"
fi

wide=$folder-wide
if [ -n "$clipart" ] && [ ! -d "$wide" ]; then
    rm -rf "$wide.part"
    mkdir -p "$wide.part"
    "$scenes" --split heldout --kind single --count 3000 --seed 4 --letters "$fonts" --out "$wide.part/letters"
    "$scenes" --kind single --count 4000 --seed 5 --clipart "$clipart/held-out.tsv" --out "$wide.part/things"
    "$scenes" --kind single --count 4000 --seed 77 --clipart "$clipart/train.tsv" --out "$wide.part/known"
    "$scenes" --split heldout --kind single --count 1000 --seed 1 --out "$wide.part/shapes"
    "$scenes" --others | awk -F '\t' '$1 == "letter" { print $2 "\tthe " $2 }' | label shape "$wide.part/letters/letter"
    for part in things known; do
        cut -f 2 "$clipart/train.tsv" | sort -u | awk '{ print $0 "\t" $0 }' | with_article | label 'clip art' "$wide.part/$part/thing"
    done
    "$scenes" --others | awk -F '\t' '$1 == "shape" { print $2 "\t" $3 }' | with_article | label shape "$wide.part/shapes/other"
    mv "$wide.part" "$wide"
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
if [ -n "$clipart" ]; then
    classify "$wide/letters/letter"
    classify "$wide/things/thing"
    classify "$wide/known/thing"
    classify "$wide/shapes/other" | sed 's/ $//'
    echo
fi
