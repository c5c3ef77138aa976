#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# index map and index cluster, on pictures of three kinds that the model tells apart.
. "$2/tests/cli/lib.sh"
scenes=$4
tab=$(printf '\t')

# expect_page FILE: a page that needs nothing else.
expect_page() {
    [ -s "$1" ] || { problem "no page $1"; return; }
    grep -Eqi 'http:|https:|<script [^>]*src|<link|@import|url\([^#]|src="[^d]|javascript:' "$1" && problem "$1 needs more than itself"
    [ "$(tail -n 1 "$1")" = "</html>" ] || problem "$1 is not whole"
}

# Pictures of one object, in the folder of its shape, and the texts that describe them.
"$scenes" --kind single --count 400 --seed 11 --out drawn >/dev/null
sed -n 's/.*"path": "\([^"]*\)", "caption": "\([^"]*\)".*"objects": \[{"shape": "\(heart\|arrow\|cloud\)".*/\1 \3 \2/p' \
    drawn/scenes.jsonl |
    while read -r file shape caption; do
        mkdir -p "shapes/$shape" && mv "drawn/$file" "shapes/$shape/$file" && echo "$caption" >>texts.txt
    done
images=$(find shapes -name '*.png' | wc -l)
texts=$(wc -l <texts.txt)
[ "$images" -gt 30 ] && [ "$images" -eq "$texts" ] || { echo "not the pictures that this wants"; exit 1; }
run index build a.dip shapes --texts texts.txt --quiet
expect_status 0

# ---- map: the principal axes of the points are those of the plane
run index map a.dip --kind image -f json
expect_status 0
expect_lines out 1
sed 's/.*"explained": \[\([^]]*\)\].*/\1/' out >explained
run index map a.dip --kind image -f tsv
expect_status 0
expect_empty err
expect_lines out "$images"
expect_match out "^[0-9]+${tab}image${tab}-?[0-9.]+${tab}-?[0-9.]+${tab}$PWD/shapes/heart/[0-9]+\.png\$"
tr -d , <explained | cat - out | awk '
    NR == 1 { first = $1; second = $2; next }
    { n++; x += $3; y += $4; xx += $3 * $3; yy += $4 * $4; xy += $3 * $4 }
    function far(a, b) { return (a - b) ^ 2 > 1e-8 }
    END {
        exit far(x / n, 0) || far(y / n, 0) || far(xy / n, 0) || far(xx * second, yy * first) || first < second ||
            first + second > 1 || second <= 0
    }' || problem "not points by their principal components"
cp out points
run index map a.dip --kind image -f tsv
cmp -s out points || problem "not the same map twice"

# ---- map: what there is to choose
run index map a.dip
expect_status 0
expect_lines out $((1 + images + texts))
expect_match err "^$((images + texts)) items; the plane holds [0-9.]+ % \+ [0-9.]+ % of their variance\$"
expect_match out '^ *-?[0-9.]+ +-?[0-9.]+ +[0-9]+  text   .*(heart|arrow|cloud)'
run index map a.dip --where 'id <= 3' -f tsv
expect_lines out 3
run index map a.dip --where 'id <= 2'
expect_status 2
expect_line err "diptych: cannot map: this takes 3 or more items, and 'a.dip' has 2 such"
run index map nothing.dip
expect_status 2
run index map
expect_status 2

# ---- map: the page
run index map a.dip --html map.html
expect_status 0
expect_empty out
expect_page map.html
# points FILE: the lines of its items, as JSON has them; tsv: x, y, shade.
points() {
    sed -n '/^<script type="application\/json" id="points">$/,/^<\/script>$/{//d;p}' "$1"
}
points map.html >points
sed 's/^\[*\([-0-9.e]*\), \([-0-9.e]*\), \([01]\), .*/\1 \2 \3/' points >places
[ "$(grep -c ' 0$' places)" -eq "$images" ] || problem "not a point a picture"
[ "$(grep -c ' 1$' places)" -eq "$texts" ] || problem "not a point a text"
[ "$(grep -c 'data:image/' points)" -eq "$images" ] || problem "not a thumbnail a picture"
[ "$(grep -c '"file:///[^"]*[.]png", ' points)" -eq "$images" ] || problem "not a link a picture"
grep -q 'have a thumbnail' map.html && problem "tells of missing thumbnails"
run index map a.dip -f tsv
cut -f 2-4 out | paste -d ' ' places - | awk '
    { kind = $3 ? "text" : "image"; bad += kind != $4 || ($1 - $5) ^ 2 + ($2 - $6) ^ 2 > 1e-8 }
    END { exit bad > 0 || NR == 0 }' || problem "not the points on the page"
run index map a.dip --html map.html --kind text -f tsv
expect_lines out "$texts"
expect_page map.html
grep -q 'data:image/' map.html && problem "thumbnails of texts"
run index map a.dip --html nowhere/map.html
expect_status 2
expect_match err "nowhere/map\.html"
mkdir away && mv shapes/heart away
run index map a.dip --html map.html --kind image
expect_status 0
expect_page map.html
[ "$(grep -c 'data:image/' map.html)" -eq "$(find shapes -name '*.png' | wc -l)" ] || problem "thumbnails of what is not there"
mv away/heart shapes
mkdir names && picture 'names/<!--<script>"\.ppm' '\1\2\3' && picture names/1.ppm '\3\2\1' && picture names/2.ppm '\1\4\1'
run index build names.dip names --quiet
run index map names.dip --html map.html
expect_status 0
[ "$(grep -c '</script>' map.html)" -eq 5 ] && [ "$(grep -c '<!--<script>' map.html)" -eq 0 ] || problem "a name ends the script"

# ---- duplicates: the page of a group that is too large for it
mkdir dots && picture dots/1.ppm '\1\2\3'
for n in $(seq 2 2003); do ln dots/1.ppm dots/$n.ppm; done
run index build dots.dip dots --quiet
run index duplicates dots.dip --identical --html dots.html
expect_status 0
expect_text dots.html "<p>2003 items; the first 2000 are shown, and the best of these</p>"
[ "$(grep -c '<figure>' dots.html)" -eq 2000 ] || problem "not 2000 cards"

# ---- cluster: pictures by their shapes, and the shapes' names
cluster() {
    run index cluster "$@"
}
cluster a.dip --kind image --clusters 3 -f tsv --labels heart,arrow,cloud -t 'a picture of a {}'
expect_status 0
expect_lines out "$images"
expect_match err "^$images items in 3 clusters; their mean cosine with the centre is 0\.[0-9]+\$"
awk -F "$tab" '{ n = split($4, path, "/"); if (path[n - 1] != $2) bad++ } END { exit 20 * bad > NR }' out ||
    problem "more than one in 20 items has another label than its shape"
awk -F "$tab" '$1 == before && $5 > cosine { bad++ } $1 < before { bad++ } { before = $1; cosine = $5 } END { exit bad > 0 }' \
    out || problem "not the nearest first, cluster by cluster"
cp out lines
cluster a.dip --kind image -c 3 -f json -l cloud,arrow,heart -t 'a picture of a {}' --top 2
expect_status 0
expect_lines out 3
expect_match out '^\{"cluster": 1, "size": [0-9]+, "cosine": [0-9.]+, "label": "[a-z]+", "label_cosine": [0-9.]+, "nearest": \[\{"id": [0-9]+, "kind": "image", "path": "[^"]*", "cosine": [0-9.]+\}, \{[^}]*\}\], "ids": \[[0-9, ]+\], "schema": "index-cluster/1"\}$'
sed 's/.*"ids": \[\(.*\)\], "schema".*/\1/' out | tr -d ' ' | tr , '\n' >ids
cut -f 3 lines | cmp -s - ids || problem "json and tsv differ"
sed 's/.*"size": \([0-9]*\),.*/\1/' out | sort -rnc 2>/dev/null || problem "not the largest first"
sed 's/.*"cluster": \([0-9]*\),.* "cosine": \([0-9.]*\), "label".*/\1 \2/' out >means
awk 'NR == FNR { sum[$1] += $5; n[$1]++; next } (sum[$1] / n[$1] - $2) ^ 2 > 1e-10 { bad++ } END { exit bad > 0 }' \
    lines means || problem "not the means of the items' cosines"

# ---- cluster: by seed, by default, with a filter, without labels
for seed in 7 7 8; do
    cluster a.dip --clusters 9 --seed $seed -f json
    expect_status 0
    cat out >>seeds
done
[ "$(sed -n 1,9p seeds)" = "$(sed -n 10,18p seeds)" ] || problem "a seed makes two results"
[ "$(sed -n 1,9p seeds)" != "$(sed -n 19,27p seeds)" ] || problem "another seed makes no difference"
grep -q label out && problem "labels that nobody has named"
cluster a.dip --where 'id <= 32'
expect_match err '^32 items in 4 clusters; '
expect_match out '^4: [0-9]+ items?, mean cosine [01]\.[0-9]+$'
cluster a.dip --kind image -c 2 -l heart,arrow -k 0 -q
expect_empty err
expect_match out '^1: [0-9]+ items, mean cosine 0\.[0-9]+, closest label "(heart|arrow)" -?0\.[0-9]+$'
expect_lines out 2
cluster a.dip --where 'id <= 4' -c 4 -f tsv
[ "$(cut -f 1 out | tr -d '\n')" = 1234 ] || problem "not a cluster an item"

# ---- cluster: the page
cluster a.dip --clusters 5 --html page.html -l heart,arrow
expect_status 0
expect_empty out
expect_page page.html
[ "$(grep -c '<h2 id="cluster' page.html)" -eq 5 ] || problem "not a section a cluster"
[ "$(grep -c '<figure>' page.html)" -eq 60 ] || problem "not 12 items of each cluster"

# ---- cluster: what is refused
cluster a.dip --where 'id <= 4' -c 5
expect_status 2
expect_line err "diptych: cannot cluster: 4 items do not make 5 clusters"
cluster a.dip --where 'id < 0'
expect_status 2
expect_line err "diptych: cannot cluster: this takes 1 or more items, and 'a.dip' has 0 such"
mkdir none
run index build empty.dip none --quiet
for command in map cluster; do
    run index $command empty.dip
    expect_status 2
    expect_match err "'empty\.dip' has 0 such"
done
cluster a.dip --clusters 0
expect_status 2
cluster a.dip -l nowhere/labels.txt
expect_status 2
expect_match err "nowhere/labels\.txt"
mkdir model && ln -s "$root"/tests/model/* model && rm model/preprocessor_config.json
sed 's/0\.48/0.47/' "$root/tests/model/preprocessor_config.json" >model/preprocessor_config.json
cluster a.dip -l heart,arrow --model model
expect_status 2
expect_match err "'a\.dip' was made with another model: "
cluster a.dip --model model -k 0 # no labels: no model
expect_status 0

finish
