#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# evaluate classify with the tests' model: numbers, formats, the page, and folders and labels that do not fit.
. "$2/tests/cli/lib.sh"

scenes=$4
tab=$(printf '\t')
evaluate() {
    run evaluate classify "$@"
}

# Scenes of several objects, in the folder of the first one's shape: a model that names another one is wrong.
"$scenes" --split heldout --kind mixed --count 150 --seed 3 --out drawn >/dev/null
sed -n 's/.*"path": "\([^"]*\)".*"objects": \[{"shape": "\([a-z]*\)".*/\1 \2/p' drawn/scenes.jsonl |
    while read -r file shape; do
        mkdir -p "shapes/$shape" && mv "drawn/$file" "shapes/$shape/$file"
    done
labels=$(ls shapes | paste -s -d , -)
count=$(find shapes -name '*.png' | wc -l)

# ---- the numbers, from what `classify` says of every picture
run classify shapes --labels "$labels" --format tsv --top 5 --precision f32 --quiet
expect_status 0
expect_lines out "$count"
awk -F "$tab" '
    {
        split($1, path, "/"); truth = path[2]; pictures[truth]++; all++
        right[truth] += $2 == truth; best += $2 == truth
        for (i = 2; i <= 10; i += 2) five += $i == truth
        if ($2 != truth) mistakes[truth "\t" $2]++
    }
    END {
        for (truth in pictures) { mean += right[truth] / pictures[truth]; classes++ }
        printf "acc1 %.9f\nacc5 %.9f\nmean_per_class_recall %.9f\n", best / all, five / all, mean / classes
        for (truth in pictures) printf "%s\t%d\t%d\n", truth, pictures[truth], right[truth] >"expected.classes"
        for (pair in mistakes) printf "%d\t%s\n", mistakes[pair], pair >"expected.confusions"
    }' out >expected
cut -f 1,2,4,6,8,10 out | sort >best
evaluate shapes --labels "$labels" --predictions lines.tsv -q
expect_status 0
sed 1d lines.tsv | cut -f 1,3,6,9,12,15 | sort | cmp -s - best || problem "not the labels that classify gives each picture"
sed 1d lines.tsv | awk -F "$tab" '{ split($1, path, "/"); if ($2 != path[2]) exit 1 }' || problem "not the folders' labels"
evaluate shapes --labels "$labels" --predictions nowhere/lines.jsonl
expect_status 2
evaluate shapes --labels "$labels" -f json
expect_status 0
expect_match err "^$count pictures, 0 failed: "
sed -n 's/^  "\(acc.\|mean_per_class_recall\)": \([0-9.]*\),$/\1 \2/p' out |
    awk '{ printf "%s %.9f\n", $1, $2 }' >ours
cmp -s ours expected || problem "not the rates by classify's labels: $(diff ours expected)"
expect_text out "\"pictures\": $count,"
expect_text out '"failed": 0,'
expect_text out '"precision": "f32"'
tr -d ' \n' <out | grep -o '{"label":"[a-z]*","predicted":"[a-z]*","count":[0-9]*}' |
    sed 's/.*label":"\(.*\)","predicted":"\(.*\)","count":\(.*\)}/\3\t\1\t\2/' >confusions
sort confusions >sorted
sort expected.confusions | cmp -s - sorted || problem "not the mistakes that classify makes"
[ -s sorted ] || problem "no mistakes to see"
sort -s -k 1,1nr confusions | cmp -s - confusions || problem "not the most frequent mistake first"

evaluate shapes -f tsv # without labels: the folders' names
expect_status 0
expect_line out "label${tab}pictures${tab}right${tab}recall"
sed 1d out | cut -f 1-3 | sort >classes
sort expected.classes | cmp -s - classes || problem "not the classes' counts"
sed 1d out | awk -F "$tab" '($4 - $3 / $2) ^ 2 > 1e-18 { bad = 1 } END { exit bad }' || problem "not right / pictures"

# ---- the table
evaluate shapes
expect_status 0
expect_match out '^acc@1 +[0-9.]+ %  \[[0-9.]+, [0-9.]+\]$'
expect_match out '^acc@5 +[0-9.]+ %  \[[0-9.]+, [0-9.]+\]$'
expect_match out '^mean per-class recall +[0-9.]+ %  \[[0-9.]+, [0-9.]+\]$'
expect_match out '^calibration error +[0-9.]+ %$'
sed -n 's/^ *\([0-9.]*\) % .* [0-9]*  [a-z]*$/\1/p' out >recalls
[ "$(wc -l <recalls)" -eq "$(ls shapes | wc -l)" ] || problem "not a line a class"
sort -n recalls | cmp -s - recalls || problem "not the lowest recall first"
expect_match out '^ +[0-9]+  [a-z]+ -> [a-z]+$'

# ---- the page
evaluate shapes --html page.html --quiet -f tsv
expect_status 0
expect_empty err
cp page.html out
expect_text out '<!DOCTYPE html>'
expect_text out '<h1>shapes</h1>'
expect_text out 'color-scheme: light dark'
expect_text out 'class="confusion"'
grep -Eiq '<script |https?:|url\([^#]' page.html && problem "the page asks for something from elsewhere"
pictures=$(grep -c 'src="data:image/[a-z]*;base64,' page.html)
wrong=$(awk '{ sum += $1 } END { print sum < 30 ? sum : 30 }' confusions)
[ "$pictures" -eq "$wrong" ] || problem "$pictures thumbnails of $wrong mistakes"
sed -n 's/.*src="data:image\/[a-z]*;base64,\([^"]*\)".*/\1/p' page.html | head -n 1 | base64 -d >thumbnail
original=$(sed -n 's/<wbr>//g; s/.*class="path">\([^<]*\)<.*/\1/p' page.html | head -n 1)
run classify "$original" thumbnail --labels "$labels" -f tsv --top 1 --quiet
expect_status 0
[ "$(cut -f 2 out | sort -u | wc -l)" -eq 1 ] || problem "the thumbnail does not show the picture"
run classify "$original" --labels "$labels" -f tsv --top 1 --quiet
said=$(cut -f 2 out)
grep -Eq "<dd class=\"said\">$said</dd>" page.html || problem "the worst mistake was not '$said'"

mkdir wide
"$scenes" --split heldout --kind single --count 1 --size 600x300 --out wide/zebra >/dev/null
rm wide/zebra/scenes.jsonl
mkdir wide/shape
cp wide/zebra/*.png wide/shape
evaluate wide --html page.html -t "a {}."
expect_status 0
cp page.html out
expect_match out '<img alt="" width="200" height="100" src="data:image/[a-z]+;base64,[A-Za-z0-9+/]+=*">'

mkdir -p "odd/<b> & \"c\"" odd/red
picture "odd/<b> & \"c\"/a.ppm" '\377\0\0'
picture odd/red/a.ppm '\377\0\0'
evaluate odd --html page.html
expect_status 0
cp page.html out
expect_text out '&lt;b&gt; &amp; &quot;c&quot;'
grep -q '<b>' page.html && problem "a label is taken for a tag"
evaluate odd --html nowhere/page.html
expect_status 2
expect_empty out
expect_line err "diptych: cannot evaluate: unable to write 'nowhere/page.html': No such file or directory"
evaluate odd --html /dev/full
expect_status 2
expect_text err "unable to write '/dev/full': not a regular file"

# ---- a name that is not UTF-8
latin=$(printf 'caf\351')
mkdir "$latin" && cp -r odd/* "$latin"
evaluate "$latin" -f clip-benchmark
expect_status 0
expect_text out "\"dataset\": \"caf$(printf '\357\277\275')\""

# ---- a data set by name: its folders, its labels, its parts
mkdir -p set/train/n03773504 set/val/n03773504 set/val/n04008634 set/val/Water_Buffalo set/test
for folder in train/n03773504 val/n03773504 val/n04008634 val/Water_Buffalo; do
    picture set/$folder/a.ppm '\377\0\0'
done
evaluate set --labels @imagenet --allow-missing -t "a {}" -f tsv
expect_status 0
expect_line err "diptych: evaluating 'set/val'; left out: 'test', 'train'"
expect_match err '^diptych: 997 labels have no folder: '
[ "$(grep -c "^missile${tab}1${tab}" out)" = 2 ] || problem "the two classes that are called missile are not two"
expect_match out "^water buffalo${tab}1${tab}"
[ "$(awk -F "$tab" '$1 == "missile" { sum += $3 } END { print sum < 2 }' out)" = 1 ] || problem "both were right"
mkdir -p food/apple_pie food/waffles
picture food/apple_pie/a.ppm '\377\0\0'
picture food/waffles/a.ppm '\0\377\0'
evaluate food --labels @food101 --allow-missing -f tsv
cp out own
evaluate food --labels @food101 --allow-missing -t "a photo of {}, a type of food." -f tsv
cmp -s out own || problem "the data set's own template is not the default"
evaluate food --labels @food101
expect_status 2
expect_text err "99 labels have no folder"
evaluate food --labels @food --allow-missing
expect_status 2
expect_text err "there is no data set '@food'; there are @imagenet, "

# ---- folders named by number, with other files in them
mkdir -p numbered/n01 numbered/n02 numbered/n03
picture numbered/n01/a.jpg_large '\377\0\0'
echo "a page" >numbered/n01/LICENSE
printf '\032\105\337\243\237\102\206\201\001' >numbered/n02/a.mkv
picture numbered/n02/a.ppm '\0\377\0'
picture numbered/n03/a.ppm '\377\0\0'
printf 'n02\tgreen\nn01\tred\nn03\tred\n' >classes.tsv
evaluate numbered --classes classes.tsv -t "something {}" -f tsv
expect_status 0
expect_line err "passed over 2 files: 1 text, 1 video"
expect_match err '^3 pictures, 0 failed: '
expect_lines out 3
expect_match out "^green${tab}1${tab}"
expect_match out "^red${tab}2${tab}"
evaluate numbered --classes classes.tsv --labels red,green,blue --allow-missing -f tsv
expect_status 0
expect_line out "blue${tab}0${tab}0${tab}"
expect_line err "diptych: 1 labels have no folder: 'blue'"
evaluate numbered --classes classes.tsv -f json --allow-missing --labels red,green,blue
expect_text out '"recall": null'
grep -q '"acc5"' out && problem "acc@5 of three labels"
echo "n01 red" >blank.tsv
evaluate numbered --classes blank.tsv
expect_status 2
expect_text err "unable to read 'blank.tsv': no tab between class and label in 'n01 red'"
printf 'n01\tred\nn01\tgreen\n' >twice.tsv
evaluate numbered --classes twice.tsv
expect_status 2
expect_text err "unable to read 'twice.tsv': class 'n01' stands there twice"

# ---- labels without folders, folders without labels
evaluate numbered --labels n01,n02
expect_status 2
expect_empty out
expect_line err "diptych: cannot evaluate: 1 folders have no label: 'n03'; --allow-missing goes on all the same"
evaluate numbered --labels n01,n02,n03,red
expect_status 2
expect_line err "diptych: cannot evaluate: 1 labels have no folder: 'red'; --allow-missing goes on all the same"
evaluate numbered --labels n01,n02,red --allow-missing -f json
expect_status 0
expect_text out '"pictures": 2,'
expect_line err "diptych: 1 folders have no label: 'n03'"
expect_line err "diptych: 1 labels have no folder: 'red'"
mkdir many many/1 many/2 many/3 many/4 many/5 many/6 many/7
evaluate many --labels red,blue
expect_status 2
expect_text err "6 folders have no label, which have the numbers 0 to 1: '2', '3', '4', '5', '6' ...; "

# ---- pictures that fail, and classes without any
mkdir -p some/red some/green some/blue some/.hidden
picture some/red/a.ppm '\377\0\0'
picture some/red/c.ppm '\377\0\0'
picture some/green/a.ppm '\0\377\0'
picture some/unseen.ppm '\0\0\0'
echo "no picture" >some/red/b.png
evaluate some -f json
expect_status 1
expect_line err "diptych: 1 labels have no pictures: 'blue'"
expect_match err "^diptych: unable to read 'some/red/b\.png': "
expect_match err '^4 pictures, 1 failed: '
expect_text out '"pictures": 3,'
expect_text out '"failed": 1,'
tr -d ' \n' <out | grep -q '{"label":"blue","pictures":0,"right":0,"recall":null}' || problem "a recall of no pictures"
tr -d ' \n' <out | grep -q '{"label":"red","pictures":2,' || problem "the failed picture counts"

# ---- what cannot be evaluated at all
mkdir none none/red none/green one one/red
evaluate none
expect_status 2
expect_empty out
expect_text err "cannot evaluate: no pictures in 'none' to evaluate"
picture one/red/a.ppm '\377\0\0'
evaluate one
expect_status 2
expect_line err "diptych: cannot evaluate: one label alone leaves nothing to choose from"
evaluate some/red
expect_status 2
expect_line err "diptych: cannot evaluate: 'some/red' has no folders, one a class, and no archives"
evaluate nowhere
expect_status 2
expect_line err "diptych: cannot evaluate: unable to open 'nowhere': No such file or directory"
evaluate numbered --labels n01,n01,n02,n03
expect_status 2
expect_text err "label 'n01' is given twice"
evaluate
expect_status 2
expect_text err "no pictures: name a folder of class folders, a CSV or archives"
evaluate some odd
expect_status 2
expect_text err "'some' is no archive, and only of those there may be several"

finish
