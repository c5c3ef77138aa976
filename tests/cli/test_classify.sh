#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# classify with the tests' model: formats, inputs, order, and single pictures that fail.
. "$2/tests/cli/lib.sh"

picture red.ppm '\377\0\0'
picture green.ppm '\0\377\0'
mkdir -p tree/deep tree/.hidden
picture "tree/a blue one.ppm" '\0\0\377'
picture tree/deep/red.ppm '\377\0\0'
picture tree/.hidden/unseen.ppm '\0\0\0'
picture tree/.unseen.ppm '\0\0\0'
cp red.ppm tree/no_suffix
cp red.ppm tree/x.jpg_large
echo "no picture" >tree/notes.txt
printf '{"title": "red.ppm"}' >tree/deep/red.ppm.json
printf '\0\0\0\024ftypqt  \0\0\0\0qt  ' >tree/deep/red.MOV
printf '\320\317\021\340\241\261\032\341' >tree/Thumbs.db
labels=red,green,"dark blue"

# ---- formats
number='(0|1|[01]\.[0-9]+|[0-9](\.[0-9]+)?e-[0-9]+)'
run classify red.ppm green.ppm --labels "$labels" --format json
expect_status 0
expect_lines out 2
label="\{\"label\": \"(red|green|dark blue)\", \"probability\": $number\}"
expect_match out "^\{\"path\": \"red\.ppm\", \"labels\": \[$label, $label, $label\], \"score\": \"softmax\", \"schema\": \"classify/1\"\}\$"
expect_match err '^2 pictures, 0 failed: [0-9.]+ s, [0-9.]+ pictures/s \((amx|avx512|avx2|onednn|clblast), (f32|bf16|f16)\)$'

tab=$(printf '\t')
run classify red.ppm green.ppm --labels "$labels" --format tsv --top 2 --quiet
expect_status 0
expect_empty err
expect_lines out 2
expect_match out "^red\.ppm${tab}[a-z ]+${tab}$number${tab}[a-z ]+${tab}$number\$"

run classify red.ppm --labels "$labels"
expect_status 0
expect_line out red.ppm
expect_match out '^ +[0-9.]+ % .* dark blue$'
expect_lines out 5 # path, three labels and a blank line: --top 5 is cut to the labels there are
sum=$(awk '/%/ { sum += $1 } END { print (sum > 99.8 && sum < 100.2) }' out)
[ "$sum" = 1 ] || problem "probabilities do not add up to 100 %"
grep -q "$(printf '\033')" out && problem "colour where there is no terminal"

run classify red.ppm --labels "$labels" --top 1
expect_match out '^ *[0-9.]+ % .*(red|green|dark blue) +red\.ppm$'
expect_lines out 1

# ---- what the number of a label is, and how large it must be
run classify red.ppm --labels "$labels" --scores cosine -f json
expect_match out "^\{\"path\": \"red\.ppm\", \"labels\": \[(\{\"label\": \"[a-z ]+\", \"cosine\": -?$number\}(, )?){3}\], \"score\": \"cosine\", \"schema\": \"classify/1\"\}\$"
run classify red.ppm --labels "$labels" --scores cosine
expect_match out '^  -?[ 0-9.]+  (red|green|dark blue)$'
run classify red.ppm --labels something,red --scores independent
expect_line err "diptych: each label is scored by itself, against 'something' in the same prompts: none or several may fit"
expect_match out '^ +50\.0 % .* something$'
run classify red.ppm --labels red --scores independent -q
expect_empty err
run classify red.ppm green.ppm --labels "$labels" --scores cosine --threshold 1
expect_status 0
expect_line out red.ppm
expect_line out '  none'
run classify red.ppm --labels "$labels" --threshold 1 -f json -q
expect_match out '"labels": \[\], "score": "softmax"'
run classify red.ppm --labels "$labels" --threshold 1 -f tsv -q
expect_line out red.ppm
run classify red.ppm --labels "$labels" --threshold 1 --top 1 -q
expect_match out '^ +- +red\.ppm$'
run classify red.ppm --labels 1,2,3,4,5,6,7 --threshold 0 -f tsv -q # all of them, not five
[ "$(awk -F "$tab" '{ print NF }' out)" = 15 ] || problem "a threshold shows only some of the labels that reach it"
run classify red.ppm --labels red,green --threshold high
expect_status 2
expect_text err "--threshold takes a number from -1 to 1, not 'high'"

# ---- order, folders, failures in between, and what is no picture
echo "no picture" >tree/broken.ppm
run classify red.ppm nothing.png tree green.ppm --labels red,green --format json --batch 2
expect_status 1
sed 's/^{"path": "\([^"]*\)", "\([a-z]*\)".*/\1 \2/' out >order
cat >expected <<'END'
red.ppm labels
nothing.png error
tree/a blue one.ppm labels
tree/broken.ppm error
tree/deep/red.ppm labels
tree/no_suffix labels
tree/x.jpg_large labels
green.ppm labels
END
cmp -s order expected || problem "not the pictures in order"
expect_text out '"error": "unable to open '"'nothing.png'"': No such file or directory"'
expect_line err "passed over 4 files: 2 text, 1 video, 1 other"
expect_match err '^8 pictures, 2 failed: '

run classify tree --labels red,green --format tsv
expect_status 1
expect_lines out 4
expect_match err "^diptych: unable to read 'tree/broken\.ppm': "
rm tree/broken.ppm
run classify tree tree/notes.txt tree/deep/red.MOV --labels red,green --format tsv # named: they fail
expect_status 1
expect_lines out 4
expect_match err "^diptych: unable to read 'tree/notes\.txt': not a picture"
expect_match err "^diptych: unable to read 'tree/deep/red\.MOV': an MP4 film is not read"

# ---- a list on stdin
command="diptych classify - <list"
printf 'red.ppm\r\n\r\ntree/deep\r\n' | "$diptych" classify - --labels red,green -f tsv -q >out 2>err
status=$?
expect_status 0
expect_lines out 2
expect_match out '^tree/deep/red\.ppm'
find tree -name '*.ppm' -print0 | "$diptych" classify -0 - --labels red,green -f tsv -q >out 2>err
status=$?
expect_status 0
expect_lines out 4

# ---- names that need care
odd=$(printf 'tab\there\nline')
cp red.ppm "$odd"
run classify "$odd" --labels red,green -f tsv
expect_match out '^tab\\there\\nline'
run classify "$odd" --labels red,green -f json
expect_text out '{"path": "tab\there\nline", '
latin=$(printf 'caf\351.ppm')
cp red.ppm "$latin"
run classify "$latin" --labels red,green -f json
expect_status 0
expect_text out "{\"path\": \"caf$(printf '\357\277\275').ppm\", "

# ---- labels and templates from files
printf '\357\273\277' >labels.txt # a byte order mark
cat >>labels.txt <<'END'
# colours
red

  dark blue  
green
END
run classify red.ppm --labels labels.txt -f json --top 9
expect_status 0
expect_match out '"label": "dark blue"'
expect_match out '"label": "red"'
for missing in nolist.csv nolist.json nolist.txt colours.list no/list; do # a misspelt name is no label
    run classify red.ppm --labels "$missing"
    expect_status 2
    expect_line err "diptych: cannot classify: unable to open '$missing': No such file or directory"
done
printf 'red\n\ncaf\351\n' >latin.txt
run classify red.ppm --labels latin.txt
expect_status 2
expect_line err "diptych: cannot classify: unable to read 'latin.txt': line 3 is not UTF-8"
run classify red.ppm --labels "red,$(printf 'caf\351')"
expect_status 2
expect_line err "diptych: cannot classify: label 2 is not UTF-8"
run classify red.ppm --labels "red/orange,green" -f json
expect_status 0
expect_match out '"label": "red/orange"'
run classify red.ppm --labels "$labels" -f json
cp out one
for templates in simple imagenet; do
    run classify red.ppm --labels "$labels" --templates $templates -f json
    expect_status 0
    cmp -s out one && problem "templates change nothing"
done
echo "a photo of a {}." >own
for templates in own "a photo of a {}."; do
    run classify red.ppm --labels "$labels" --templates "$templates" -f json
    cmp -s out one || problem "the default template is not the one that help states"
done

# ---- the same numbers however the work is cut
run classify red.ppm tree green.ppm --labels "$labels" -f tsv --precision f32 --batch 1 --threads 1
cp out one
run classify red.ppm tree green.ppm --labels "$labels" -f tsv --precision f32 --batch 32 --threads 8
paste one out | awk -F "$tab" '
    { for (i = 3; i <= NF / 2; i += 2) if ($1 != $(1 + NF / 2) || ($i - $(i + NF / 2)) ^ 2 > 1e-8) bad = 1 }
    END { exit bad }' || problem "batch 1 and batch 32 differ"

# ---- limits
run classify red.ppm --labels red,green --max-pixels 11
expect_status 1
expect_text err "'red.ppm'"
run classify red.ppm --labels red,green --max-bytes 10
expect_status 1

# ---- decoding: a picture as small as this one is the same either way
run classify "$root/tests/golden/preprocess/large.jpg" --labels red,green --format json
cp out exact
run classify "$root/tests/golden/preprocess/large.jpg" --labels red,green --format json --fast-decode
expect_status 0
cmp -s out exact || problem "--fast-decode changed a small picture"

mkdir empty
run classify empty --labels red,green
expect_status 0
expect_empty out
expect_match err '^0 pictures, 0 failed'

# ---- output that cannot be written, and an end by signal
command="diptych classify >/dev/full"
"$diptych" classify red.ppm --labels red,green >/dev/full 2>err
status=$?
expect_status 2
expect_text err "diptych: cannot write the output: No space left on device"

command="diptych classify, ended by SIGTERM"
yes red.ppm | head -n 100000 | "$diptych" classify - --labels red,green -f tsv -b 8 >out 2>err &
wait_for=$!
tries=0
while [ ! -s out ] && [ $tries -lt 600 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -TERM $wait_for
wait $wait_for
status=$?
expect_status 143
expect_match err '^[0-9]+ pictures, 0 failed, interrupted: '
[ "$(grep -c "^red\.ppm$tab.*[0-9]\$" out)" -eq "$(wc -l <out)" ] || problem "a line is broken off"

# One that the caller ignores, as nohup does and shells for what runs in the background, changes nothing. It comes
# while the program waits, amid its work, for a pipe to have room: 64 KiB are fewer than 400 such names.
long=$(printf '%0250d' 0)
cp red.ppm "$long"
yes "$long" | head -n 400 >list
mkfifo pipe
for signal in INT TERM; do
    command="diptych classify, which ignores SIG$signal"
    (
        trap '' $signal
        exec "$diptych" classify - --labels red,green -f tsv -b 8 <list >pipe 2>err
    ) &
    ignoring=$!
    {
        read -r line
        kill -$signal $ignoring
        cat >out
    } <pipe
    wait $ignoring
    status=$?
    expect_status 0
    expect_lines out 399
    expect_match err '^400 pictures, 0 failed: '
done

# ---- one label is no choice
picture red.ppm '\377\0\0'
run classify red.ppm -l cat -f tsv
expect_status 0
expect_lines out 1
expect_line err "diptych: 'cat' alone gets 100 % of every picture: name what else they may show"
expect_match err '^1 picture, 0 failed'
run classify red.ppm -l cat,dog
grep -q alone err && problem "two labels are no choice"

# ---- the progress line has room in any terminal, and is drawn over what it was
for columns in 12 30 45 80; do
    command="diptych classify on a terminal of $columns columns"
    TERM=xterm LC_ALL=C script -qec "stty cols $columns; '$diptych' classify '$root/assets/pictures' -b 1 -l cat,dog -f tsv >out" \
        typescript >/dev/null </dev/null
    tr '\r' '\n' <typescript | sed "s/$(printf '\033')\[K//g" | grep '%$\|left$\|/12$' >lines
    : >err
    [ -s lines ] || problem "no progress was shown"
    awk -v columns=$columns 'length >= columns' lines >wide
    [ ! -s wide ] || problem "wider than the terminal: $(head -n 1 wide)"
    [ "$(grep -o "$(printf '\r\033')\[K" typescript | wc -l)" -le 2 ] || problem "the line is erased again and again"
done
expect_match lines '^\[=* *\] 100 %  12/12  [0-9.]+ pictures/s  0:00 left$'

finish
