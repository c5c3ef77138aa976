#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Embeddings without an index: the same as an index has, from any kind of input, and after a kill the same bytes as
# without. The numbers themselves are held against the reference's by tests/joint/test_embed.c.
. "$2/tests/cli/lib.sh"
pictures=$root/assets/pictures
exact="--precision f32"

same() {
    cmp -s "$1" "$2" || problem "'$1' and '$2' differ"
}

# ---- what an index has
mkdir tree && cp "$pictures"/* tree && echo '{}' >tree/01.json
"$diptych" index build x.dip tree --storage f32 $exact -q 2>/dev/null
"$diptych" index export x.dip exported.npy -q
run embed tree -o embedded.npy $exact
expect_status 0
expect_empty out
expect_line err "passed over 1 file: 1 text"
expect_match err '^pictures: 12 of 12, 0 failed: '
same embedded.npy exported.npy
[ "$(head -n 1 embedded.jsonl)" = '{"path": "tree/01.png", "schema": "embed/1"}' ] || problem "other lines than paths"
run index import back.dip embedded.npy --storage f32 -q
expect_status 0
"$diptych" index export back.dip back.npy -q
same back.npy embedded.npy
"$diptych" index build half.dip tree $exact -q 2>/dev/null
"$diptych" index export half.dip exported16.npy -q
run embed tree -o embedded16.npy --storage f16 $exact -q
expect_empty err
same embedded16.npy exported16.npy

# ---- lists, standard output
printf 'tree/%s\n' 01.png 02.png 03.jpg 04.png 05.jpg 06.jpg 07.png 08.png 09.png 10.jpg 11.png 12.jpg >list
"$diptych" embed - -f npy $exact -q <list >listed.npy
same listed.npy embedded.npy
tr '\n' '\0' <list | "$diptych" embed -0 - -o listed0.npy $exact -q
same listed0.npy embedded.npy
run embed tree/01.png nowhere.png $exact -q
expect_status 1
expect_lines out 2
expect_match out '^\{"path": "tree/01.png", "embedding": \[0\.[0-9]+, -0\.[0-9]+, '
expect_line out "{\"path\": \"nowhere.png\", \"error\": \"unable to open 'nowhere.png': No such file or directory\", \"schema\": \"embed/1\"}"
expect_line err "diptych: unable to open 'nowhere.png': No such file or directory"
run embed tree/01.png -o one.jsonl $exact -q
"$diptych" embed tree/01.png $exact -q >expected
same one.jsonl expected
run embed tree/01.png --no-normalize $exact -q
expect_match out '"embedding": \[0\.19148[0-9]*, -2\.3240[0-9]*, ' # transformers' get_image_features
printf 'a red heart\r\n\r\na blue star' >texts
run embed --texts texts -o texts.npy $exact
expect_match err '^texts: 3 of 3, 0 failed: '
"$diptych" embed --texts - -f npy $exact -q <texts >texts-in.npy
same texts-in.npy texts.npy
[ "$(sed -n 2p texts.jsonl)" = '{"text": "", "schema": "embed/1"}' ] || problem "an empty line has no row"

# ---- killed, and once more
i=0
while [ $i -lt 40 ]; do
    cat list
    i=$((i + 1))
done >many
"$diptych" embed - -o whole.npy --batch 2 $exact -q <many
state=killed.npy.part/state.json
for kill in first second; do # each when something more is kept
    command="diptych embed, the $kill kill"
    cp $state kept.json 2>/dev/null || : >kept.json
    "$diptych" embed - -o killed.npy --batch 2 $exact -q <many 2>err &
    until [ -e $state ] && ! cmp -s $state kept.json; do
        kill -0 $! || break
    done
    kill -KILL $!
    wait $!
    [ $? -eq 137 ] || problem "it was done before the kill"
    [ ! -e killed.npy ] || problem "a file that is not whole"
done
command="diptych embed - -o killed.npy"
"$diptych" embed - -o killed.npy --batch 2 $exact <many 2>err
status=$?
expect_status 0
expect_match err '^rows that an earlier run had done: [0-9]*[02468]$'
same killed.npy whole.npy
same killed.jsonl whole.jsonl
[ ! -e killed.npy.part ] || problem "a folder is left"

# ---- usage
for arguments in "" "tree --texts texts" "tree -o x" "tree -o x.jsonl --storage f16" "--texts - -"; do
    run embed $arguments
    expect_status 2
    expect_empty out
done
run embed tree -o nowhere/x.npy
expect_status 2
expect_line err "diptych: cannot embed: unable to write 'nowhere/x.npy.part': No such file or directory"

finish
