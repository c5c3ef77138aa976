#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# search, and what is learnt from an index, with the tests' model on the sample pictures.
. "$2/tests/cli/lib.sh"

tab=$(printf '\t')
ln -s "$root/assets/pictures" pictures
printf '%s\n' "a red heart in outline" "three white flowers" >words.txt
run index build samples.dip pictures --texts words.txt
expect_status 0

# ---- texts and pictures
run search samples.dip "a blue tree above a yellow star" --kind image --top 3
expect_status 0
expect_empty err
expect_lines out 4
head -n 1 out | grep -Fqx "a blue tree above a yellow star" || problem "the query is not said first"
sed -n 2p out | grep -Eq '^   0\.[0-9]{4} +[0-9]+  image  [^ ]*pictures/04\.png$' || problem "the tree is not first"
run search samples.dip --image pictures/04.png --kind image --top 1 -f json
expect_match out '^\{"query": "pictures/04\.png", "score": (1\.0|0\.999[0-9]*), "id": [0-9]+, "kind": "image", "path": "[^"]*pictures/04\.png", "schema": "search/1"\}$'
run search samples.dip "three white flowers" --kind text --top 1 -f tsv
expect_match out "^three white flowers${tab}(1|0\.9999[0-9]*)${tab}[0-9]+${tab}text${tab}[^${tab}]*words\.txt${tab}three white flowers\$"
run search samples.dip "white flowers"
expect_lines out 11
run search samples.dip "white flowers" --top 100
expect_lines out 15

# ---- pictures before texts, though texts are closer to a text; both in turns where any are asked for
run search samples.dip "three white flowers" --top 100 -f tsv
[ "$(cut -f 4 out | uniq | tr '\n' ' ')" = "image text " ] || problem "pictures and texts are mixed"
cut -f 4,5,6 out >apart
run search samples.dip "three white flowers" --top 4 -f tsv --kind any
[ "$(cut -f 4 out | tr '\n' ' ')" = "image text image text " ] || problem "not in turns"
expect_match out "${tab}three white flowers\$"
[ "$(sed -n '1p;3p' out | cut -f 4,5,6)" = "$(head -n 2 apart)" ] || problem "not the best pictures"
run search samples.dip "three white flowers" --top 100 --kind any
tail -n 10 out | grep -q text && problem "texts come behind the pictures that are left"

# ---- words are one text, as in quotes; --plus adds another
run search samples.dip three white flowers --kind image -f tsv
cp out words
run search samples.dip "three white flowers" --kind image -f tsv
cmp -s out words || problem "words without quotes are another query"
run search samples.dip --top 3 three white flowers --plus "a red heart" --minus star --image pictures/04.png:0.5 -f tsv
expect_status 0
expect_match out "^three white flowers \\+ a red heart - star \\+ pictures/04\.png:0\.5${tab}"
run search samples.dip flowers --plus heart -f tsv
cp out sum
run search samples.dip --plus flowers --plus heart -f tsv
cmp -s out sum || problem "the words are no term like others"
run search samples.dip flowers heart -f tsv
cmp -s out sum && problem "words are added up"
for empty in "" "  "; do
    run search samples.dip "$empty"
    expect_status 2
    expect_text err "an empty text is nothing to look for"
    run search samples.dip star --minus "$empty"
    expect_status 2
done

# ---- sums: a picture of a star less the star is no longer the star
run search samples.dip --image pictures/04.png --minus "a blue tree above a yellow star" --minus "a blue tree" --kind image --top 12 -f tsv
expect_status 0
head -n 1 out | cut -f 5 | grep -vq 'pictures/04\.png$' || problem "what is subtracted comes first"
run search samples.dip "a red heart" --image pictures/04.png:0.001 --top 1 --kind image
expect_text out "pictures/01.png"
run search samples.dip "a red heart" --image pictures/04.png:50 --top 1 --kind image
expect_text out "pictures/04.png"
run search samples.dip "a red heart" --minus "a red heart"
expect_status 2
expect_text err "cancel out"
run search samples.dip --image pictures/04.png:0
expect_status 2
run search samples.dip --image pictures/none.png
expect_status 2
expect_text err "pictures/none.png"

# ---- many queries: the same as one by one
printf 'a red heart\nthree white flowers\na black bolt\n' >queries
run search samples.dip --queries queries --top 4 -f tsv
expect_status 0
expect_lines out 12
cp out together
: >apart
while read -r query; do
    run search samples.dip "$query" --top 4 -f tsv --precision f32
    cat out >>apart
done <queries
cut -f 1,3- together | cmp -s - "$(cut -f 1,3- apart >apart.cut; echo apart.cut)" || problem "queries together find something else"
run search samples.dip --queries queries --top 1
expect_line out "three white flowers"
run search samples.dip --queries queries "and a text"
expect_status 2
printf '\357\273\277a red heart\r\n\n \t\r\nthree white flowers\n\n' >queries.crlf
run search samples.dip --queries queries.crlf --top 1 -f tsv
expect_status 0
expect_lines out 2
expect_match out "^a red heart$tab"
printf 'a red heart\n\na \377\n' >queries.bad
run search samples.dip --queries queries.bad
expect_status 2
expect_empty out
expect_text err "unable to read 'queries.bad': line 3 is not UTF-8"
printf '\n \n' >queries.none
run search samples.dip --queries queries.none
expect_status 2
expect_text err "'queries.none' has no queries"

# ---- near copies, and other orders than by score
mkdir twice
cp pictures/04.png twice/b.png
cp pictures/04.png twice/a.png
cp pictures/01.png twice/c.png
touch -d '2024-01-02 00:00:00 UTC' twice/a.png
touch -d '2024-01-01 00:00:00 UTC' twice/b.png
touch -d '2024-01-03 00:00:00 UTC' twice/c.png
run index build twice.dip twice
run search twice.dip --image pictures/04.png --near-copies hide
expect_status 0
expect_lines out 3
sed -n 2p out | grep -Eq 'twice/[ab]\.png  \(\+1 copy\)$' || problem "the copy is not hidden"
run search twice.dip --image pictures/04.png --near-copies hide -f tsv --top 1
cut -f 7 out | grep -qx 1 || problem "tsv does not count the copy"
run search twice.dip --image pictures/04.png --near-copies hide -f json --top 1
expect_match out '"copies": \[[1-3]\], "copy_count": 1, "schema": "search/1"\}$'
run search twice.dip --image pictures/04.png --sort date -f tsv
cut -f 5 out | sed 's|.*/||' | tr '\n' ' ' | grep -qx 'c.png a.png b.png ' || problem "the newest is not first"
run search twice.dip --image pictures/04.png --sort path -f tsv
cut -f 5 out | sed 's|.*/||' | tr '\n' ' ' | grep -qx 'a.png b.png c.png ' || problem "paths are not in order"
run search twice.dip "a star" --sort size
expect_status 2
expect_text err "score, date"

# ---- filters
run search samples.dip "a star" --where "path like '%/02.png'"
expect_lines out 2
run search samples.dip "a star" --match '"red heart"'
expect_lines out 2
expect_text out "a red heart in outline"
run search samples.dip "a star" --min-score 2
expect_status 0
expect_lines out 1
expect_line err "diptych: no hit of 2 or more"
run search samples.dip --queries queries --min-score 0.999 -f tsv
expect_line err "diptych: 2 of 3 queries have no hit of 0.999 or more"
run search samples.dip "a star" --where "width > 9999" -f tsv
expect_status 0
expect_empty out
expect_line err "diptych: nothing in 'samples.dip' fits --where"
run search samples.dip "a star" --match zebra --kind text
expect_line err "diptych: nothing in 'samples.dip' fits --match with --kind"
run search samples.dip "a star" --where "path ="
expect_status 2
expect_text err 'path ='
run search samples.dip "a star" --where "1); delete from items; select (1"
expect_status 2
run index info samples.dip
expect_match out '^pictures +12$'

# ---- the gallery: one file that needs no other
run search samples.dip "a <b>red</b> & blue star" --kind image --top 3 --html page.html
expect_status 0
expect_lines out 4
[ "$(grep -o 'src="data:image/[a-z]*;base64,' page.html | wc -l)" -eq 3 ] || problem "not three pictures in the page"
expect_text page.html "a &lt;b&gt;red&lt;/b&gt; &amp; blue star"
# Its own script is in it.
grep -Eq '<script |https?://|<b>' page.html && problem "the page has what it should not"
run search samples.dip "a star" --html nowhere/page.html
expect_status 2
expect_text err "nowhere/page.html"

mkdir -p there && cp pictures/03.jpg there/photo.jpg
run search samples.dip "a star" --html there/photo.jpg
expect_status 2
expect_empty out
expect_line err "diptych search: --html would replace 'there/photo.jpg', which is no page"
cmp -s pictures/03.jpg there/photo.jpg || problem "the picture is gone"
run search samples.dip "a star" --html page.html -q
expect_status 0
expect_text page.html "<h1>a star</h1>"

# ---- what does not go
for arguments in "search samples.dip star" "search samples.dip star --html page.html" "index list samples.dip" \
    "index duplicates samples.dip --threshold -1" "index outliers samples.dip --alpha 1"; do
    command="diptych $arguments >/dev/full"
    "$diptych" $arguments >/dev/full 2>err
    status=$?
    : >out
    expect_status 2
    expect_text err "diptych: cannot write the output: No space left on device"
done
run search nowhere.dip "a star"
expect_status 2
expect_text err "nowhere.dip"
run search samples.dip
expect_status 2
run search samples.dip "$(printf 'bad \377')"
expect_status 2
cp -r "$root/tests/model" other
sed 's/0\.48145466/0.5/' "$root/tests/model/preprocessor_config.json" >other/preprocessor_config.json
run search samples.dip "a star" --model other
expect_status 2
expect_text err "'samples.dip' was made with another model"

# ---- the numbers of metadata come out as they went in
printf '{"path": "pictures/01.png", "time": 1700000123.25, "latitude": 52.520008123, "share": 0.1}\n' >about.jsonl
run index update samples.dip --metadata about.jsonl
expect_status 0
run search samples.dip "a red heart" --where "metadata ->> 'time' = 1700000123.25" -f json
expect_lines out 1
expect_match out '"score": -?0\.[0-9]{1,10}, .*"metadata": \{"time": 1700000123\.25, "latitude": 52\.520008123, "share": 0\.1\}, "schema": "search/1"\}$'
run index list samples.dip --where "metadata ->> 'share' = 0.1" -f json
expect_text out '"metadata": {"time": 1700000123.25, "latitude": 52.520008122999997, "share": 0.10000000000000001}'

# ---- outliers and duplicates
run index outliers samples.dip --kind image --alpha 1 -f json
expect_status 0
expect_lines out 12
expect_match out '^\{"id": [0-9]+, "kind": "image", "path": "[^"]*pictures/[0-9]+\.(png|jpg)", "similarity": -?0\.[0-9]+, "tail": [01]\.[0-9]+, "schema": "index-outliers/1"\}$'
cut -d , -f 4 out | sort -t : -k 2 -g | cmp -s - "$(cut -d , -f 4 out >unsorted; echo unsorted)" || problem "not the least similar first"
run index outliers samples.dip --alpha 0
expect_status 2
run index outliers samples.dip --where "id = 1"
expect_status 2
expect_text err "this takes 3 or more items, and 'samples.dip' has 1 such"

cp pictures/01.png copy.png
run index build samples.dip pictures copy.png
run index duplicates samples.dip --kind image
expect_status 0
expect_line err "1 group among 13 items"
expect_match out '^ (1\.0000|0\.9999) = +[0-9]+  [^ ]*pictures/01\.png$'
expect_match out '^ (1\.0000|0\.9999) = +[0-9]+  [^ ]*copy\.png$'
run index duplicates samples.dip --identical -f json
expect_lines out 1
expect_text out '"identical": true'
run index duplicates samples.dip --identical -f tsv
expect_lines out 2
run index duplicates samples.dip --kind image --threshold -1 -f tsv
expect_lines out 13
run index duplicates samples.dip --threshold -1 -f tsv --device cpu --precision f32
awk '$2 > 1' out >above
[ ! -s above ] || problem "a score is above 1"
for verb in duplicates outliers map; do
    run index $verb samples.dip -q
    expect_status 0
    expect_empty err
done
run index duplicates samples.dip --threshold 2
expect_status 2

finish
