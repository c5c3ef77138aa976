#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rank with the tests' model: formats, numbers of the reference, and pictures, lines and captions that fail.
. "$2/tests/cli/lib.sh"

tab=$(printf '\t')
picture red.ppm '\377\0\0'
picture green.ppm '\0\377\0'
number='(0|1|-?[01]\.[0-9]+|[0-9](\.[0-9]+)?e-[0-9]+)'

# ---- the reference's numbers: PyTorch in float64, see tests/golden/clip_score.py
ln -s "$root/assets/pictures" pictures
golden=$root/tests/golden/rank
for batch in 1 2 32; do
    run rank --file "$golden.jsonl" --format tsv --precision f32 --batch $batch
    expect_status 0
    expect_lines out 9
    expect_match err '^3 pictures, 0 failed: '
    paste "$golden.tsv" out | awk -F "$tab" '
        function far(a, b) { return (a - b) ^ 2 > 4e-12 || (a == "") != (b == "") }
        NF != 10 || $1 != $6 || $2 != $7 || far($3, $8) || far($4, $9) || far($5, $10) { print; bad = 1 }
        END { exit bad }' || problem "not the reference's numbers"
done

# ---- formats
run rank red.ppm "a red circle" "a red circle" "five blue stars" --format json
expect_status 0
expect_lines out 1
caption="\{\"caption\": \"[a-z ]+\", \"index\": [0-2], \"cosine\": $number, \"probability\": $number\}"
row="\[($number), ($number), ($number)\]"
expect_match out "^\{\"path\": \"red\.ppm\", \"captions\": \[$caption, $caption, $caption\], \"wins\": \[$row, $row, $row\], \"score\": \"softmax\", \"schema\": \"rank/1\"\}\$"
expect_text out '"caption": "a red circle", "index": 1' # twice the same: each keeps its place in the order given
expect_match out '"index": 0.*"index": 1'
expect_match out '"wins": \[\[0\.5, .*, 0\.5\]\], "score": "softmax", "schema": "rank/1"\}$'

run rank red.ppm "five blue stars" "something red"
expect_status 0
expect_lines out 5 # path, heads, two captions and a blank line
expect_line out red.ppm
expect_match out '^ +probability +cosine +wins +caption$'
expect_match out '^ +[0-9.]+ % .* -?0\.[0-9]{4} +[0-9.]+ %  something red$'
expect_match out '^ +[0-9.]+ % .* -?0\.[0-9]{4} +five blue stars$'
tail -n 2 out | grep -q "five blue stars" || problem "not best first"

run rank red.ppm "a red circle" --format json --quiet
expect_status 0
expect_empty err
expect_match out "\"probability\": 1\.0\}\], \"wins\": \[\[0\.5\]\], \"score\": \"softmax\", \"schema\": \"rank/1\"\}\$"
run rank red.ppm "" --format tsv
expect_status 0
expect_match out "^red\.ppm$tab$tab$number${tab}1$tab\$"
run rank --format tsv -- red.ppm "$(printf -- '-tab\there\nline')"
expect_status 0
expect_match out '^red\.ppm.-tab\\there\\nline'
run rank red.ppm "$(yes "a red circle and" | head -n 60)"
expect_status 0
expect_text err "captions cut at the model's 77 tokens: 1"

# The tokenizer's own limit, where it is less.
cp -R "$root/assets/model" five && printf '{"model_max_length": 5}' >five/tokenizer_config.json
run rank red.ppm "a red circle and a blue square" "a red circle" --model five --format tsv
expect_status 0
expect_text err "captions cut at the model's 5 tokens: 1"
[ "$(cut -f 3 out | uniq | wc -l)" -eq 1 ] || problem "what was cut has another embedding than the rest of it"

# ---- a command line that cannot be
run rank
expect_status 2
expect_text err "no picture"
run rank red.ppm
expect_status 2
expect_text err "no captions"
run rank --file list red.ppm "a red circle"
expect_status 2
expect_text err "not from both"
run rank --file missing.jsonl
expect_status 2
expect_empty out
expect_line err "diptych: cannot rank: unable to open 'missing.jsonl': No such file or directory"
run rank --file .
expect_status 2
expect_line err "diptych: cannot rank: unable to open '.': is a folder"

# ---- one picture that fails
run rank missing.png "a red circle" --format json
expect_status 1
expect_line out "{\"path\": \"missing.png\", \"error\": \"unable to open 'missing.png': No such file or directory\", \"schema\": \"rank/1\"}"
run rank red.ppm "a red circle" "$(printf 'caf\351')"
expect_status 1
expect_empty out
expect_line err "diptych: caption 2 of 'red.ppm': text is not UTF-8 at byte 3"
seq 1001 | sed 's/.*/"&"/' | paste -s -d , | sed 's/.*/{"path": "red.ppm", "captions": [&]}/' >many.jsonl
run rank --file many.jsonl
expect_status 1
expect_line err "diptych: 'many.jsonl, line 1': 1001 captions, the limit is 1000"

# ---- failures between lines that are good
{
    echo '{"path": "red.ppm", "captions": ["something red", "something blue"]}'
    echo 'no json'
    echo '{"path": "missing.png", "captions": ["something red"]}'
    echo
    echo '{"path": "green.ppm", "captions": []}'
    echo '{"captions": ["something red"]}'
    echo '{"path": "green.ppm"}'
    echo '{"path": "green.ppm", "captions": ["a", 2]}'
    echo '{"path": 3, "captions": ["a"]}'
    echo '{"path": "green.ppm", "captions": "a"}'
    echo '["green.ppm"]'
    printf '{"path": "red.ppm", "captions": ["caf\351"]}\n'
    printf '{"path": "red.ppm", "captions": ["nul \0"]}\n'
    echo '{"path": "green.ppm", "captions": ["something green", "something blue"], "id": 7}'
    printf '{"path": "red.ppm", '
} >list.jsonl
cat >expected <<'END'
{"path": "red.ppm", "captions": [{"caption": "something red"
{"error": "unable to parse 'list.jsonl, line 2
{"path": "missing.png", "error": "unable to open 'missing.png': No such file or directory"}
{"path": "green.ppm", "error": "'list.jsonl, line 5': no captions"}
{"error": "'list.jsonl, line 6': \"path\" is missing"}
{"path": "green.ppm", "error": "'list.jsonl, line 7': \"captions\" is missing"}
{"path": "green.ppm", "error": "'list.jsonl, line 8': caption 2 is no string"}
{"error": "'list.jsonl, line 9': \"path\" is no string"}
{"path": "green.ppm", "error": "'list.jsonl, line 10': \"captions\" is no list"}
{"error": "unable to parse 'list.jsonl, line 11
{"error": "unable to parse 'list.jsonl, line 12
{"error": "unable to parse 'list.jsonl, line 13
{"path": "green.ppm", "captions": [{"caption": "something green"
{"error": "unable to parse 'list.jsonl, line 15
END
for batch in 1 32; do
    run rank --file list.jsonl --format json --batch $batch
    expect_status 1
    expect_match err '^14 pictures, 12 failed: '
    sed -e 's/, "index": 0.*//' -e 's/, "schema".*/}/' -e "s/\(unable to parse .*, line [0-9]*\)'.*/\1/" out >short
    cmp -s short expected || problem "not the lines in order: $(diff short expected)"
done
printf '\357\273\277{"path": "red.ppm", "captions": ["something red"]}\r\n' >marked.jsonl
run rank --file marked.jsonl --format tsv
expect_status 0
expect_lines out 1
run rank --file list.jsonl --format tsv
expect_status 1
expect_lines out 4
expect_lines err 13
command="diptych rank --file - <list.jsonl"
"$diptych" rank --file - -f json -q <list.jsonl >out 2>err
status=$?
expect_status 1
expect_lines out 14
expect_text out "'standard input, line 5': no captions"

# A caption too long to encode, between two pictures of one batch.
{
    echo '{"path": "red.ppm", "captions": ["something red"]}'
    printf '{"path": "green.ppm", "captions": ["something green", "'
    head -c 16777217 /dev/zero | tr '\0' a
    echo '"]}'
    echo '{"path": "green.ppm", "captions": ["something red", "something green"]}'
} >long.jsonl
run rank --file long.jsonl --format tsv
expect_status 1
expect_lines out 3
expect_match err "^diptych: caption 2 of 'green.ppm': .*16777216"
sed -n 2p out | grep -q "^green\.ppm${tab}something green$tab" || problem "captions went to the wrong picture"

: >empty.jsonl
run rank --file empty.jsonl
expect_status 0
expect_empty out
expect_match err '^0 pictures, 0 failed'

finish
