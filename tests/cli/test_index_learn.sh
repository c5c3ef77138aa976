#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# index map and index cluster, on pictures of three kinds that the model tells apart.
. "$2/tests/cli/lib.sh"
scenes=$4
tab=$(printf '\t')

# expect_page FILE: a page that needs nothing else.
expect_page() {
    [ -s "$1" ] || { problem "no page $1"; return; }
    grep -Eqi 'http:|https:|<script |<link|@import|url\(|src="[^d]|javascript:' "$1" && problem "$1 needs more than itself"
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
[ "$(grep -c '^<li class="image' map.html)" -eq "$images" ] || problem "not a point a picture"
[ "$(grep -c '^<li class="text' map.html)" -eq "$texts" ] || problem "not a point a text"
[ "$(grep -c '<img ' map.html)" -eq "$images" ] || problem "not a thumbnail a picture"
grep -q 'have a thumbnail' map.html && problem "tells of missing thumbnails"
run index map a.dip -f tsv
sed -n 's/.*<li .*--x:\([0-9.]*\);--y:\([0-9.]*\)".*/\1 \2/p' map.html >page
sed -n 's/.*class="map" style="--aspect:\([0-9.]*\);.*/\1/p' map.html >aspect
cut -f 3,4 out | paste -d ' ' page - | awk '
    # percents of a frame, which are linear in the coordinates, on one scale, with y upwards
    NR == FNR { aspect = $1; next }
    { n++; px[n] = $1; py[n] = $2; x[n] = $3; y[n] = $4; mx += $1; my += $2 }
    { sx += $1 * $3; sy += $2 * $4; xx += $3 * $3; yy += $4 * $4 }
    END {
        sx /= xx; sy /= yy; bad = n == 0 || sx <= 0 || (sy / sx / aspect + 1) ^ 2 > 1e-6
        for (i = 1; i <= n; i++) {
            bad += (px[i] - mx / n - sx * x[i]) ^ 2 + (py[i] - my / n - sy * y[i]) ^ 2 > 0.02 ^ 2
            bad += px[i] <= 0 || px[i] >= 100 || py[i] <= 0 || py[i] >= 100
        }
        exit bad > 0
    }' aspect - || problem "not the points on the page"
run index map a.dip --html map.html --kind text -f tsv
expect_lines out "$texts"
expect_page map.html
grep -q '<img ' map.html && problem "thumbnails of texts"
run index map a.dip --html nowhere/map.html
expect_status 2
expect_match err "nowhere/map\.html"
mkdir away && mv shapes/heart away
run index map a.dip --html map.html --kind image
expect_status 0
expect_page map.html
[ "$(grep -c '<img ' map.html)" -eq "$(find shapes -name '*.png' | wc -l)" ] || problem "thumbnails of what is not there"
mv away/heart shapes
mkdir dots && picture dots/1.ppm '\1\2\3'
for n in $(seq 2 1600); do ln dots/1.ppm dots/$n.ppm; done
run index build dots.dip dots --quiet
run index map dots.dip --html map.html
expect_status 0
[ "$(grep -c '<img ' map.html)" -eq 1500 ] || problem "not the most thumbnails that a page has"
expect_text map.html "1500 of the 1600 pictures, evenly chosen, have a thumbnail"

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
expect_match out '^\{"cluster": 1, "size": [0-9]+, "cosine": [0-9.]+, "label": "[a-z]+", "label_cosine": [0-9.]+, "nearest": \[\{"id": [0-9]+, "kind": "image", "path": "[^"]*", "cosine": [0-9.]+\}, \{[^}]*\}\], "ids": \[[0-9, ]+\]\}$'
sed 's/.*"ids": \[\(.*\)\]}/\1/' out | tr -d ' ' | tr , '\n' >ids
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
