#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# index map and index cluster, on pictures of three kinds that the model tells apart.
. "$2/tests/cli/lib.sh"
scenes=$4
tab=$(printf '\t')

# expect_page FILE: a page that needs nothing else.
expect_page() {
    [ -s "$1" ] || { problem "no page $1"; return; }
    grep -Eqi 'http:|https:|<script|<link|@import|url\(|src="[^d]|javascript:' "$1" && problem "$1 needs more than itself"
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
expect_line err "diptych: cannot map: 'a.dip' has 2 such items, and this takes 3"
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
[ "$(sed -n 's/.*<li .*--x:\([0-9.]*\);--y:\([0-9.]*\)".*/\1 \2/p' map.html | awk '
    $1 <= 0 || $1 >= 100 || $2 <= 0 || $2 >= 100 { bad++ }
    END { print NR, bad + 0 }')" = "$((images + texts)) 0" ] || problem "points off the map"
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

finish
