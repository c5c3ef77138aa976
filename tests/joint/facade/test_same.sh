#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_same.sh DIPTYCH CONSUMER SAME ROOT SCRATCH: the library says what the command prints, digit for digit.
set -eu
diptych=$1 consumer=$2 same=$3 scratch=$5
cd "$4"
rm -rf "$scratch" && mkdir -p "$scratch/pictures"
unset DIPTYCH_MODEL

# same_as PROGRAM...: what the program prints is in $scratch/printed.
same_as() {
    "$@" >"$scratch/said"
    diff "$scratch/printed" "$scratch/said" || { echo "other than printed: $*"; exit 1; }
}

for picture in assets/pictures/01.png assets/pictures/05.jpg assets/pictures/12.jpg; do
    set -- "a red heart" "five purple ovals" "a blue tree above a yellow star"
    "$diptych" classify "$picture" --labels "$(printf '%s,' "$@" | sed 's/,$//')" --format tsv --quiet >"$scratch/printed"
    same_as "$consumer" "$picture" "$@"
    "$diptych" rank "$picture" "$@" --format tsv --quiet | cut -f1-4 >"$scratch/printed"
    same_as "$same" rank "$picture" "$@"
done

{
    echo path,label
    for picture in assets/pictures/*; do
        echo "$PWD/$picture,${picture##*.}"
    done
} >"$scratch/labelled.csv"
"$diptych" probe fit "$scratch/labelled.csv" --c 1 -o "$scratch/learned.probe" --quiet >"$scratch/said"
"$diptych" classify assets/pictures/05.jpg --probe "$scratch/learned.probe" --format tsv --quiet >"$scratch/printed"
same_as "$same" probe "$scratch/learned.probe" assets/pictures/05.jpg

"$diptych" index build "$scratch/pictures.dip" assets/pictures --quiet
"$diptych" search "$scratch/pictures.dip" "a red heart" --format tsv --quiet >"$scratch/printed"
same_as "$same" search "$scratch/pictures.dip" "a red heart"

printf 'a large red heart\na blue star\n' >"$scratch/candidates.txt"
printf 'the outline of a red heart\na blue star with dots\n' >"$scratch/one.txt"
printf 'a big heart in red\na star, blue and dotted\n' >"$scratch/two.txt"
cp assets/pictures/01.png "$scratch/pictures/1.png"
cp assets/pictures/02.png "$scratch/pictures/2.png"
cd "$scratch"
set -- score -r one.txt -r two.txt -c candidates.txt --format tsv --quiet
"$diptych" "$@" --metrics all >printed
same_as "$same" score candidates.txt one.txt two.txt
"$diptych" "$@" --images pictures >printed
same_as "$same" score candidates.txt one.txt two.txt pictures/1.png pictures/2.png
