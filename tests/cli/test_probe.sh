#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# probe fit, probe info, and the use of probes, with the tests' model.
. "$2/tests/cli/lib.sh"

scenes=$4
tab=$(printf '\t')

# part NAME COUNT SEED: scenes in the folder of what fills the object.
part() {
    "$scenes" --kind single --count "$2" --seed "$3" --out drawn >/dev/null
    sed -n 's/.*"path": "\([^"]*\)".*"objects": \[{"shape": "[a-z]*", "colour": "[a-z]*", "fill": "\([a-z]*\)".*/\1 \2/p' \
        drawn/scenes.jsonl |
        while read -r file fill; do
            mkdir -p "$1/$fill" && mv "drawn/$file" "$1/$fill/$3-$file"
        done
    rm -r drawn
}
part fills/train 120 1
part fills/val 40 2
part fills/test 60 3
count=$(find fills/test -name '*.png' | wc -l)

# ---- a probe, and what is measured with it
run probe fit fills -o fills.probe --format json
expect_status 0
expect_text err '220 pictures, 0 failed: '
expect_text out '"labels": 4'
expect_text out '"part": "test"'
expect_text out '"converged": true'
[ "$(grep -c '"loss":' out)" -eq 15 ] || problem "not 15 values of C"
accuracy=$(tr -d ' \n' <out | sed 's/.*"part":"test","pictures":60,"failed":0,"accuracy":\([0-9.]*\).*/\1/')
cp fills.probe first.probe
run probe fit fills -o fills.probe -q -j 1
cmp -s fills.probe first.probe || problem "another probe with another number of threads"
expect_line out 'labels       4'

run classify fills/test --probe fills.probe -f tsv -k 1 --precision f32 -q
expect_status 0
expect_lines out "$count"
awk -F "$tab" -v count="$count" '{ split($1, path, "/"); right += path[3] == $2 } END { printf "%.7g\n", right / count }' out >ours
run evaluate classify fills --probe fills.probe -f json
expect_status 0
acc1=$(sed -n 's/^  "acc1": \([0-9.]*\),$/\1/p' out)
awk -v a="$acc1" -v b="$accuracy" -v c="$(cat ours)" 'BEGIN { exit !((a - b) ^ 2 < 1e-12 && b == c && a > 0.9) }' ||
    problem "accuracies $acc1 of evaluate, $accuracy of fit, $(cat ours) of classify"
expect_text out '"calibration"'
run evaluate classify fills --probe fills.probe --html page.html --predictions lines.tsv -q
expect_status 0
head -n 1 lines.tsv | grep -q "probability_1${tab}logit_1" || problem "no logits in the predictions"

run probe info first.probe
expect_status 0
expect_match out '^labels +dotted outlined solid striped$'
expect_match out '^  train +120$'

# ---- the other ways to fit
run probe fit fills/train -o held.probe -q
expect_status 0
expect_match out '^  held out +25 '
run probe fit fills/train -o own.probe --c 1 --tolerance 1e-8 -q
expect_status 0
expect_line out 'C            1'
expect_line out 'temperature  1'
run probe fit fills/train --c 1 --iterations 1 -o own.probe
expect_status 0
expect_text err '1 steps were not enough'
run probe fit fills --start zero-shot -t 'a {} shape' -o blend.probe -q
expect_status 0
run probe info blend.probe
expect_match out '^  start +zero-shot$'
printf 'solid\t2\ndotted\t0.5\n' >weights
run probe fit fills --class-weights weights -o weighted.probe -q
expect_status 0
cmp -s weighted.probe fills.probe && problem "weights change nothing"
run probe fit fills --class-weights balanced -o weighted.probe -q
expect_status 0

# ---- few shots
run probe fit fills --shots 1,2 --seeds 2 -f json
expect_status 0
[ "$(grep -c '"blend"' out)" -eq 2 ] || problem "not two rows"
run probe fit fills --shots 1,2 --seeds 2 -f tsv -q
expect_status 0
expect_lines out 9
run probe fit fills --shots 1 --seeds 1 -q
expect_match out '^ +shots +zero-shot +tip-adapter +probe +blend$'

# ---- CSV, several labels a picture
{
    echo path,tags,split
    find fills -name '*.png' | sort | awk -F / 'NR % 9 == 0 { print $0 ",\"" $3 ";odd\"," $2; next } { print $0 "," $3 "," $2 }'
} >fills.csv
run probe fit fills.csv -o several.probe -q
expect_status 0
expect_match out 'mean_average_precision'
run probe info several.probe
expect_match out '^score +sigmoid$'
run classify fills/test --probe several.probe -k 5 -f json -q
expect_status 0
expect_text out '"score": "sigmoid"'
run evaluate classify fills.csv --probe several.probe -q
expect_status 0
expect_match out '^mean average precision'
run probe fit fills.csv --shots 1
expect_status 2
expect_text err 'few shots are of pictures that have one label each'
cut -d , -f 1,2 fills.csv | sed 's/;odd//; 1s/.*/path,label/' >train.csv
run probe fit train.csv --validation fills/val --test fills/test -o csv.probe -q
expect_status 0
expect_match out '^  validation +40 '
run probe fit fills.csv -o csv.probe --test fills/test -q --allow-missing
expect_status 0

# ---- what cannot be
refused 'no file for the probe' probe fit fills
refused 'no pictures: name a folder' probe fit -o x.probe
refused 'no subcommand' probe
refused '--shots takes numbers' probe fit fills --shots 1,x
refused 'writes no probe' probe fit fills --shots 1 -o x.probe
refused 'is of --shots' probe fit fills -o x.probe -f tsv
refused "unable to open 'nowhere'" probe fit nowhere -o x.probe
mkdir -p one/train/solid && cp fills/train/solid/* one/train/solid
refused 'one label alone' probe fit one -o x.probe
mkdir one/train/empty
refused "1 of 2 labels have no pictures to learn from: 'empty'" probe fit one -o x.probe
echo broken >one/train/empty/broken.png
refused "1 of 2 labels have no picture that can be read to learn from: 'empty'" probe fit one -o x.probe
cp "$(ls fills/train/dotted/*.png | head -n 1)" one/train/empty/single.png
run probe fit one -o x.probe
expect_status 1
expect_text err 'broken.png'
expect_text err '1 failed'
expect_match out '^  train +[0-9]+ +1 '
cp -r fills more && mkdir more/test/checked && cp fills/test/solid/*.png more/test/checked
refused "test part: 1 folders have no label: 'checked'; --allow-missing goes on" probe fit more -o y.probe
rm -r more/test/checked more/test/solid
refused "test part: 1 labels have no folder: 'solid'; --allow-missing goes on" probe fit more -o y.probe
run probe fit more -o y.probe --allow-missing -q
expect_status 0
rm -r more/train
refused "'more' has no train part" probe fit more -o z.probe
refused 'no validation pictures to choose C by' probe fit fills/train --hold-out 0 -o z.probe
refused 'no test pictures' probe fit fills/train --shots 1
printf 'solid\n' >weights
refused "unable to read 'weights': line 1: no label, tab and weight above 0" probe fit fills --class-weights weights -o z.probe
printf 'solid\t1\nround\t2\n' >weights
refused "unable to read 'weights': line 2: 'round' is none of the 4 labels" probe fit fills --class-weights weights -o z.probe
refused 'can be read only once' probe fit - -o z.probe
refused "unable to" probe fit fills --c 1 -o nowhere/z.probe
[ ! -e z.probe ] || problem "a probe is there that nobody made"

refused '--probe has labels of its own' classify fills/test --probe fills.probe -l solid
refused '--scores is of labels that are texts' classify fills/test --probe fills.probe --scores cosine
refused "unable to open 'nowhere.probe'" classify fills/test --probe nowhere.probe
cp weights no.probe
refused "cannot load 'no.probe'" classify fills/test --probe no.probe
refused 'it is no probe' classify fills/test --probe "$root/tests/model/model.safetensors"
size=$(wc -c <fills.probe)
for part in 4 100 $((size - 1)); do
    head -c "$part" fills.probe >cut.probe
    refused "cannot load 'cut.probe'" classify fills/test --probe cut.probe
    refused "cannot load 'cut.probe'" probe info cut.probe
done
cp -rL "$root/tests/model" other && chmod -R u+w other
sed 's/"shortest_edge": [0-9]*/"shortest_edge": 24/' "$root/tests/model/preprocessor_config.json" >other/preprocessor_config.json
refused "'fills.probe' was made with another model than 'other'" classify fills/test --probe fills.probe --model other
refused "was made with another model" evaluate classify fills --probe fills.probe --model other
mkdir -p else/round && cp fills/test/solid/* else/round
refused "is one of the 4 to choose from" evaluate classify else --probe fills.probe

finish
