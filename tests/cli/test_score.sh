#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# score: numbers of the reference in every format, all kinds of files, systems side by side, and what is refused.
. "$2/tests/cli/lib.sh"

tab=$(printf '\t')
golden=$root/tests/golden/captions
references=$golden/refs.json candidates=$golden/candidates.json

# ---- one system; the numbers are pycocoevalcap's and sacreBLEU's, see tests/golden/captions.py
run score --references "$references" --candidates "$candidates"
expect_status 0
expect_line err "10 images, 30 references"
expect_line out "BLEU-1         0.7467"
expect_line out "BLEU-4         0.3264"
expect_line out "ROUGE-L        0.5812"
expect_line out "CIDEr-D        1.2543   what coco-caption prints as CIDEr"
expect_line out "sacreBLEU       30.74   nrefs:3|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
expect_lines out 8
cp out table

run score -r "$references" -c "$candidates" --verbose --quiet
expect_status 0
expect_empty err
expect_match out "^\{'testlen': [0-9]+, 'reflen': [0-9]+, 'guess': \[[0-9, ]+\], 'correct': \[[0-9, ]+\]\}$"
expect_match out '^ratio: [01]\.[0-9]+$'
expect_match out '^BLEU = 30\.74 [0-9./]+ \(BP = '

# Both files list the images in one order, a key a line: what score prints of them must be the golden numbers.
numbers() {
    grep -E '"(Bleu_[1-4]|ROUGE_L|CIDEr_D|sacreBLEU)": ' "$1" | tr -d ' ,' | sort
}
run score -r "$references" -c "$candidates" -f json
expect_status 0
numbers out >ours
numbers "$golden/scores.json" >theirs
[ "$(wc -l <ours)" -eq 77 ] || problem "$(wc -l <ours) numbers, expected 77"
paste -d : ours theirs | awk -F : '
    { difference = $2 - $4 }
    $1 != $3 || difference > 1e-11 * ($4 + 1) || -difference > 1e-11 * ($4 + 1) { print; bad = 1 }
    END { exit bad }' || problem "not the reference's numbers"
expect_text out '"n_refs": 30'
expect_text out '"df": "references"'
expect_text out '"context": true'

run score -r "$references" -c "$candidates" -f tsv
expect_lines out 11
expect_line out "id${tab}Bleu_1${tab}Bleu_2${tab}Bleu_3${tab}Bleu_4${tab}ROUGE_L${tab}CIDEr_D${tab}CIDEr_plain${tab}sacreBLEU"
expect_match out "^12${tab}0\.874999999781${tab}"

run score -r "$references" -c "$candidates" --context off --smooth floor --smooth-value 0.5 --lowercase -f json
expect_status 0
expect_text out '"context": false'
expect_text out "nrefs:3|case:lc|eff:no|tok:13a|smooth:floor[0.50]|version:2.6.0"

# ---- kinds of files
printf 'A cat.\nTwo dogs run.\n' >ref0.txt
printf 'The cat sits.\n\n' >ref1.txt
printf 'a cat\ntwo dogs run\n' >mine.txt
run score -r ref0.txt -r ref1.txt -c mine.txt
expect_status 0
expect_line err "2 images, 3 references"
expect_match out '^BLEU-1 +1\.0000$'
cp out table_of_lines
gzip -k mine.txt
run score -r ref0.txt -r ref1.txt -c mine.txt.gz
cmp -s out table_of_lines || problem "gzip makes a difference"
echo '{"1": ["A cat.", "The cat sits."], "2": "Two dogs run."}' >stems.json
run score -r stems.json -c mine.txt
cmp -s out table_of_lines || problem "the kind of file makes a difference"
echo '{"images": [{"imgid": 1, "split": "val", "sentences": [{"raw": "A cat."}, {"raw": "The cat sits."}]},
    {"imgid": 2, "split": "val", "sentences": [{"raw": "Two dogs run."}]}]}' >karpathy.json
run score -r karpathy.json -c mine.txt --split val
cmp -s out table_of_lines || problem "the kind of file makes a difference"
run score -r karpathy.json -c mine.txt
expect_status 2
expect_text err "no image of split 'test'"

# ---- document frequencies
run score -r "$references" --save-df saved.df
expect_status 0
expect_empty out
run score -r "$references" -c "$candidates" --df saved.df
cmp -s out table || problem "saved document frequencies make a difference"
run score -r stems.json -c mine.txt --df saved.df -f json
expect_status 0
expect_text out '"df": "saved.df"'
expect_text out '"df_images": 10'
run score -r stems.json -c mine.txt --df mine.txt
expect_status 2
expect_text err "mine.txt"

# ---- systems side by side
echo '{"1": "a cat", "2": "a bus"}' >poor.json
run score -r stems.json --compare mine.txt poor.json mine.txt --seed 1 --samples 100
expect_status 0
expect_line out "ROUGE-L"
expect_match out '^  poor\.json +0\.[0-9]{4}  \[0\.[0-9]{4}, 0\.[0-9]{4}\]  -0\.[0-9]{4}  \[-0\.[0-9]{4}, [+-]0\.[0-9]{4}\]  p [01]\.[0-9]{4}$'
expect_match out '^  mine\.txt +1\.0000  \[1\.0000, 1\.0000\]$'
expect_match out '^  mine\.txt +1\.0000  \[1\.0000, 1\.0000\]  \+0\.0000  \[\+0\.0000, \+0\.0000\]  p 1\.0000$'
cp out once
run score -r stems.json --compare mine.txt poor.json mine.txt --seed 1 --samples 100 --threads 1
cmp -s out once || problem "threads make a difference"
run score -r stems.json --compare mine.txt poor.json --samples 100 -f json
expect_status 0
expect_text out '"candidates": "poor.json"'
expect_text out '"difference_interval"'
run score -r stems.json --compare mine.txt poor.json --samples 100 -f tsv
expect_lines out 17

# ---- missing images
echo '{"2": "two dogs run", "3": "a bus", "4": "a car"}' >other.json
run score -r stems.json -c other.json
expect_status 2
expect_text err "2 images have a candidate and no references: '3', '4'; --allow-missing leaves them out"
echo '{"2": "two dogs run"}' >part.json
run score -r stems.json -c part.json
expect_status 2
expect_text err "1 images have references and no candidate: '1'; --allow-missing"
run score -r stems.json -c other.json --allow-missing
expect_status 0
expect_line err "diptych: left out: 1 image without a candidate and 2 without references"
expect_line err "1 image, 1 reference"
expect_match out '^CIDEr-D +0\.0000 ' # of one image every weight is 0

# ---- CLIPScore
ln -s "$root/assets/pictures" pictures
echo '{"01": "a large red heart drawn in outline on a light background"}' >clip.json
echo '{"01": ["a red heart", "something red", "an outline of a heart"]}' >clip_refs.json
run score -r clip_refs.json -c clip.json --images pictures -f json
expect_status 0
expect_match out '"CLIPScore": 1\.0304(19|20)' # tests/golden/clip_score.json
expect_match out '"RefCLIPScore": 0\.94192[0-9]*'
expect_match out '"clip_model": ".*/model"'
ln -s "$root/tests/model" my_model
command="DIPTYCH_MODEL=my_model diptych score"
DIPTYCH_MODEL=my_model "$diptych" score -r clip_refs.json -c clip.json --images pictures -f json >out 2>err
status=$?
expect_status 0
expect_text out '"clip_model": "my_model"'
run score -r stems.json -c mine.txt --images pictures
expect_status 2
expect_text err "no picture of image '1' in 'pictures'"
run score -r stems.json -c mine.txt --images nowhere
expect_status 2
expect_text err "unable to read 'nowhere': No such file or directory"
mkdir others && cp pictures/01.png others/ && cp pictures/02.png "others/$(printf 'lat\351n.png')"
run score -r clip_refs.json -c clip.json --images others
expect_status 0
mkdir twice && cp pictures/01.png twice/ && cp pictures/02.png twice/01.ppm
run score -r clip_refs.json -c clip.json --images twice
expect_status 2
expect_text err "several pictures of image '01'"
mkdir bad && echo "no picture" >bad/COCO_val2014_000000000042.jpg
echo '[{"image_id": 42, "caption": "a red heart"}]' >42.json
run score -r 42.json -c 42.json --images bad
expect_status 2
expect_text err "bad/COCO_val2014_000000000042.jpg"

# ---- bad files
echo '[{"image_id": 1, "caption": "a"}, {"image_id": 1, "caption": "b"}]' >bad.json
run score -r stems.json -c bad.json --allow-missing
expect_status 2
expect_text err "image '1' has 2 candidates in 'bad.json' and can have one"
echo '[{"image_id": 1, "caption": 5}]' >bad.json
run score -r stems.json -c bad.json
expect_status 2
expect_text err "'bad.json': entry [0] has no \"caption\" that is a text"
printf 'fine\nbad \377\n' >bad.txt
run score -r bad.txt -c mine.txt
expect_status 2
expect_text err "'bad.txt', line 2"
: >empty.txt
run score -r empty.txt -c mine.txt
expect_status 2
expect_text err "no captions in 'empty.txt'"
head -c 104857600 /dev/zero | tr '\0' a >long.txt
run score -r stems.json -c long.txt
expect_status 2
expect_text err "the caption of image '1' has 104857600 bytes, the limit is 1048576"
rm long.txt
head -c 1048576 /dev/zero | tr '\0' '[' >deep.json
run score -r deep.json -c mine.txt
expect_status 2
expect_text err "maximum parsing depth reached"
run score -r nowhere.json -c mine.txt
expect_status 2
expect_text err "'nowhere.json'"

# ---- METEOR, of the name that says what it was made of; the numbers are the jar's, see tests/golden/meteor.py
printf 'a man is sitting on a couch\na man men x\n' >meteor.txt
printf 'a man sits on the sofa\npeople men\n' >meteor_ref.txt
unset WNSEARCHDIR
run score -r meteor_ref.txt -c meteor.txt --metrics METEOR -q
expect_status 0
expect_match out '^METEOR \(no paraphrases\)  0\.[0-9]{4}   1\.5, WordNet 3\.0 in /usr/share/wordnet$'
expect_lines out 1
run score -r meteor_ref.txt -c meteor.txt --meteor-data "$root/tests/golden/meteor" -f tsv
expect_status 0
expect_match out "^id.*CIDEr_plain${tab}METEOR${tab}sacreBLEU$"
run score -r meteor_ref.txt -c meteor.txt --metrics METEOR,METEOR_no_paraphrases --meteor-data "$root/tests/golden/meteor" -f json
expect_status 0
expect_match out '"METEOR": "1\.5, WordNet 3\.0 in /usr/share/wordnet, .*/tests/golden/meteor/paraphrase-en\.gz"'
expect_match out '"METEOR_no_paraphrases": "1\.5, WordNet 3\.0 in /usr/share/wordnet"'
run score -r meteor_ref.txt --compare meteor.txt meteor_ref.txt --metrics METEOR -q
expect_status 0
expect_line out "METEOR (no paraphrases)"
expect_match out '^  meteor_ref\.txt +1\.0000 '
run score -r meteor_ref.txt -c meteor.txt --meteor-data .
expect_status 2
expect_line err "diptych: cannot score: no 'paraphrase-en.gz' in '.', nor in its folder 'data'"
mkdir data
head -c 300 "$root/tests/golden/meteor/paraphrase-en.gz" >data/paraphrase-en.gz
run score -r meteor_ref.txt -c meteor.txt --meteor-data .
expect_status 2
expect_match err "^diptych: cannot score: unable to read '\./data/paraphrase-en\.gz': its gzip data end early, after line [0-9]+$"
export WNSEARCHDIR=nowhere
run score -r meteor_ref.txt -c meteor.txt --metrics METEOR
expect_status 2
expect_line err "diptych: cannot score: METEOR takes synonyms from WordNet 3.0 (Debian's wordnet-base, or WNSEARCHDIR): unable to open 'nowhere/index.noun': No such file or directory"
unset WNSEARCHDIR

# ---- usage
for wrong in "-c mine.txt" "-r stems.json" "-r stems.json -c mine.txt poor.json" "-r stems.json --compare mine.txt" \
    "-r stems.json -c mine.txt --smooth twice" "-r stems.json -c mine.txt --smooth-value 0"; do
    run score $wrong
    expect_status 2
    expect_empty out
done

run score -r "$references" -c "$candidates" --tokenize spBLEU-1K
expect_status 2
expect_text err "--tokenize spBLEU-1K is a model that sacreBLEU downloads"

finish
