#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_scenes_wide.sh SCENES SCRATCH: the renderer's other words, letters and clip art; and that without them it draws and says
# what it always did, since tests, figures and the default model's recipe take scenes by their seeds.
set -eu
scenes=$1 scratch=$2
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch"
font=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf # of Debian's fonts-dejavu-core
failures=0

# check WHAT COMMAND...: the command succeeds.
check()
{
    what=$1
    shift
    "$@" >log 2>&1 || { echo "FAILED: $what"; head -n 5 log; failures=$((failures + 1)); }
}

# draw NAME OPTION...: 400 pictures of all kinds, and what is said of them.
draw()
{
    name=$1
    shift
    "$scenes" --count 400 --seed 5 --kind single,count,relation,mixed --size 32 --raw "$name.raw" --cells "$name.cells" \
        --coco "$name.json" "$@"
}

# between LEAST MOST NUMBER
between() { [ "$3" -ge "$1" ] && [ "$3" -le "$2" ]; }

# How many lines of FILE have the pattern.
lines() { grep -c -e "$1" "$2" || :; }

# How many pictures of FILE's annotations have the pattern in what is said of them.
pictures() { grep -e "$1" "$2" | sed 's/.*"image_id": \([0-9]*\).*/\1/' | sort -u | wc -l; }

# refused MESSAGE OPTION...: an exit status of 1, and the message.
refused()
{
    message=$1
    shift
    status=0
    "$scenes" --count 1 --raw /dev/null "$@" 2>err || status=$?
    check "status of: $message" [ $status = 1 ]
    check "$message" grep -Fqx "$message" err
}

# ---- as ever; the sums are of the program without the options, before it had them (captions: since shapes are said four times)
draw plain
"$scenes" --count 12 --seed 5 --kind single,count,relation,mixed --cells as_ever.cells --coco as_ever.json --format ppm --raw /dev/null
check "objects as ever" [ "$(cksum <as_ever.cells)" = "584178397 768" ]
check "captions as ever" [ "$(cksum <as_ever.json)" = "4234548347 24263" ]

# ---- other words: of the same pictures and the same facts
draw words --synonyms 33
check "the same pictures" cmp plain.raw words.raw
circles=$(lines '"facts": {"shape": "circle"' words.json)
check "a third of the circles are called otherwise" between 25 45 "$((100 - 100 * $(lines 'circle.*"facts": {"shape": "circle"' words.json) / circles))"
grep -o '"facts": .*' words.json | tr '{,}' '\n\n\n' | sed 's/.*: "//; s/"//' | sort -u >values
check "no other words in facts" [ -z "$("$scenes" --others | cut -f 3- | tr '\t' '\n' | grep -vx '[1-5]' | grep -xFf - values)" ]
for word in disc gray tiny hollow 3; do
    check "$word is said" grep -q "\"caption\": \".*\\b$word\\b" words.json
done
check "one word, one meaning" [ -z "$("$scenes" --others | awk -F '\t' '{ for (i = 2; i <= NF; i++) print $1, $i }' | sort | uniq -d)" ]

# ---- letters
draw letters --letters "$font,$font"
check "a fifth of the objects are letters" between 80 200 "$(pictures '"\(second \)\?shape": "\(letter\|digit\) ' letters.json)"
check "no pattern on letters" [ "$(lines '"shape": "letter [a-z]", "colour": "[a-z]*", "fill": "[^s]' letters.json)" = 0 ]
check "digits" grep -q '"digit [0-9]".*"second shape"' letters.json
"$scenes" --count 60 --seed 5 --letters "$font" --kind single --split heldout --synonyms 50 --coco held_out.json --raw /dev/null
check "letters in other words" grep -q '"caption": "[^"]*\(capital\|number\) ' held_out.json
refused "scenes: cannot read TrueType font 'none.ttf'" --letters "$font,none.ttf"
echo none >text.ttf
refused "scenes: cannot read TrueType font 'text.ttf'" --letters text.ttf

# ---- clip art: 4 x 2 pixels, red in two corners and transparent in the other two
mkdir -p art
printf '\211PNG\015\012\032\012\000\000\000\015IHDR\000\000\000\004\000\000\000\002\010\006\000\000\000\177\250}c\000\000\000\031IDATx\332c8!"\362\037\204EDN0\2000\003\214\001\223\000\000\301$\013}\021\017_\011\000\000\000\000IEND\256B`\202' >art/half.png
printf 'half.png\tdog\n' >art/dogs.tsv
printf 'half.png\tdog\nhalf.png\thouse\n' >art/list.tsv
draw clips --clipart art/list.tsv
check "a quarter are clip art" between 70 130 "$(grep -e '"subject"\|"shape": "house", \("tone"\|"texture"\|"pair"\)' clips.json | pictures '' /dev/stdin)"
check "a noun of its own" grep -q '"caption": "a photo of a dog.", "facts": {"subject": "dog", "pair": "no"}' clips.json
check "a shape's noun is the shape" [ "$(lines '"subject": "house"' clips.json)" = 0 ]
check "all there is to say" grep -Eq 'dog on a (light|dark) [a-z]* background\.?", "facts": \{"subject": "dog", "tone": "[a-z]*", "texture"' clips.json
check "no colour or size is said" [ "$(grep '"subject"' clips.json | lines '"\(colour\|fill\|size\|count\)":' /dev/stdin)" = 0 ]
"$scenes" --count 40 --lesson easy --clipart art/dogs.tsv --coco lesson.json --kind single --raw /dev/null
check "single words" grep -q '"caption": "dog", "facts": {"subject": "dog", "pair": "no"}' lesson.json
check "as many as of scenes" [ "$(lines '"dog", "facts"' lesson.json)" = "$((4 * $(pictures dog lesson.json)))" ]
"$scenes" --count 40 --kind single --clipart art/dogs.tsv --lesson easy --wordings 0 --format ppm --grid 32 --cells half.cells --out drawn
reds=$(awk '/"clip art"/ { print NR }' drawn/scenes.jsonl | while read -r n; do tail -c "+$((n * 1024 - 1023))" half.cells | head -c 1024 | tr -d '\000' | wc -c; done |
    awk '$1 > 0 { n++; sum += $1 } END { print int(sum / n) }')
check "half of it is seen" between 60 260 "$reds"
refused "scenes: cannot read 'none.tsv'" --clipart none.tsv
printf 'none.png\tdog\n' >art/none.tsv
refused "scenes: cannot read PNG 'art/none.png'" --clipart art/none.tsv
printf 'half.png\ta "dog"\n' >art/quoted.tsv
refused "scenes: no \"PNG<tab>noun\", of small letters, 'half.png	a \"dog\"'" --clipart art/quoted.tsv

[ $failures = 0 ] || { echo "$failures failed"; exit 1; }
