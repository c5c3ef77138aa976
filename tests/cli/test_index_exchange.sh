#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# index export and import: an index through npy, faiss and clip-retrieval's folder comes out as it went in; lines of
# other programs; what is refused, and that it changes nothing.
. "$2/tests/cli/lib.sh"
tab=$(printf '\t')
pictures=$root/assets/pictures
matrices=$root/tests/golden/matrices
row=512 header=128 # bytes: 128 float32 a row, and what stands before the first

# known INDEX: all that is known of its items, but for their ids.
known() {
    "$diptych" index list "$1" -f json | sed 's/^{"id": [0-9]*, //'
}

# lines FILE: lines of an export, but for ids.
lines() {
    sed 's/^{"id": [0-9]*, //' "$1"
}

# found INDEX: the hits of two searches, but for their ids.
found() {
    printf 'a red star\na boat\n' >queries
    "$diptych" search "$1" --queries queries --top 8 -f json -q | sed 's/"id": [0-9]*, //'
}

# expect_same INDEX OTHER: with the hits of the first in INDEX.found.
expect_same() {
    known "$1" >one && known "$2" >two
    [ -s one ] && cmp -s one two || problem "items of $2 differ from those of $1: $(diff one two)"
    found "$2" >two
    [ -s "$1.found" ] && cmp -s "$1.found" two || problem "hits in $2 differ from those in $1: $(diff "$1.found" two)"
    run index verify "$2"
    expect_status 0
}

# refused INDEX MESSAGE ARGUMENT...: the import fails, and what the index has stays.
refused() {
    before=$("$diptych" index list "$1" 2>&1 | cksum)
    into=$1 why=$2
    shift 2
    run index import "$into" "$@"
    expect_status 2
    expect_empty out
    expect_line err "diptych: cannot import: $why"
    [ "$before" = "$("$diptych" index list "$into" 2>&1 | cksum)" ] || problem "'$into' has changed"
}

# patch FILE ROW: standard input replaces the row from its beginning.
patch() {
    dd of="$1" bs=1 seek=$((header + $2 * row)) conv=notrunc 2>/dev/null
}

# ---- there and back
cat >texts.jsonl <<END
{"text": "a red star", "share": 0.1, "tags": ["x", {"deep": null}], "kind": "note", "id": 7}
{"text": "ein „Stern“"}
{"text": "a boat"}
END
printf '{"path": "%s/02.png", "camera": "X100"}\n' "$pictures" >about.jsonl
for storage in f32 f16 i8; do
    run index build $storage.dip "$pictures" --texts texts.jsonl --metadata about.jsonl --storage $storage
    expect_status 0
    # Item 3 goes, so that ids differ from row numbers.
    run index remove $storage.dip --id 3
    found $storage.dip >$storage.dip.found
    run index export $storage.dip $storage.npy
    expect_status 0
    expect_empty out
    expect_line err "exported: 14 items"
    expect_lines $storage.jsonl 14
    run index export $storage.dip $storage.faiss --metadata $storage.lines -q
    expect_status 0
    expect_empty err
    cmp -s $storage.jsonl $storage.lines || problem "npy and faiss have other lines"
    run index export $storage.dip $storage/
    expect_status 0
    run index import $storage-npy.dip $storage.npy --storage $storage
    expect_status 0
    expect_empty out
    expect_line err "imported: 14 rows"
    expect_lines err 1
    run index import $storage-faiss.dip $storage.faiss --metadata $storage.lines --storage $storage -q
    expect_status 0
    expect_empty err
    run index import $storage-folder.dip $storage --storage $storage
    expect_status 0
    run index export $storage.dip $storage.pgvector
    expect_line err "exported: 14 items"
    run index import $storage-pgvector.dip $storage.pgvector --storage $storage
    expect_status 0
    for kind in npy faiss folder pgvector; do
        expect_same $storage.dip $storage-$kind.dip
        cmp -s $storage-npy.dip/vectors.$storage $storage-$kind.dip/vectors.$storage ||
            problem "$kind has other vectors"
    done
    run index export $storage-folder.dip again.npy
    cmp -s again.npy $storage.npy || problem "not the same matrix after a round trip"
    lines $storage.jsonl >one && lines again.jsonl >two
    [ -s one ] && cmp -s one two || problem "not the same lines after a round trip: $(diff one two)"
done
[ "$(wc -c <f16.npy)" -eq $((header + 14 * row / 2)) ] || problem "f16.npy is no float16"
[ "$(wc -c <i8.npy)" -eq $((header + 14 * row)) ] || problem "i8.npy is no float32"
expect_text f32.jsonl '"path": "'"$pictures/01.png"'", "size": '"$(stat -c '%s' "$pictures/01.png")"', '
expect_text f32.jsonl '"mtime_ns": '"$(stat -c '%.9Y' "$pictures/01.png" | tr -d .)"'}' # to the nanosecond
run index update f32-npy.dip "$pictures"
expect_line err "pictures: 1 new, 0 changed, 0 copied, 0 moved, 0 gone, 11 unchanged, 0 failed"
expect_line f32.jsonl '{"id": 13, "kind": "text", "path": "'"$PWD"'/texts.jsonl", "text": "a red star", "metadata": {"share": 0.10000000000000001, "tags": ["x", {"deep": null}], "kind": "note", "id": 7}, "hash": "'"$(printf 'a red star' | sha256sum | cut -c 1-64)"'", "schema": "index-export/1"}'

# ---- what is chosen; none is fine
run index export f32.dip chosen.npy --kind image --where "width >= 300"
expect_line err "exported: $("$diptych" index list f32.dip --kind image --where 'width >= 300' | wc -l) items"
run index export f32.dip chosen.npy --where "width < 0"
expect_status 0
expect_line err "exported: 0 items"
run index import none.dip chosen.npy
expect_status 0
expect_line err "imported: 0 rows"
run index export f32.dip pictures/ --kind image
expect_status 0
[ ! -e pictures/text_emb ] && [ -e pictures/img_emb/img_emb_0.npy ] || problem "other folders than asked for"

# ---- clip-retrieval's own: the same lines for pictures and texts, halves, more than one part
mkdir -p laion/img_emb laion/text_emb laion/metadata
cp f16/img_emb/img_emb_0.npy laion/img_emb/img_emb_0.npy
cp f16/text_emb/text_emb_0.npy laion/text_emb/text_emb_1.npy
cp f16/text_emb/text_emb_0.npy laion/img_emb/img_emb_1.npy
for n in 1 2 3 4 5 6 7 8 9 10 11; do
    printf '{"image_path":"p/%s.jpg","caption":"words %s","key":"%s","width":4.0,"height":null,"hash":-12}\n' $n $n $n
done >laion/metadata/metadata_0.jsonl
refused laion.dip "nothing says which texts the rows of 'laion/text_emb/text_emb_1.npy' are" laion
[ ! -e laion.dip ] || problem "an index was made"
printf '{"image_path":"q/%s.jpg","caption":"say %s"}\n' 1 1 2 2 3 3 >laion/metadata/metadata_1.parquet
refused laion.dip "unable to read 'laion/metadata/metadata_1.parquet': convert it to JSON lines, as 'diptych index import --help' says" laion
mv laion/metadata/metadata_1.parquet laion/metadata/metadata_1.jsonl
run index import laion.dip laion
expect_status 0
expect_line err "imported: 17 rows"
"$diptych" index list laion.dip -f tsv >list
capture=$tab$tab$tab$tab$tab # when, where and with what: nothing is known
expect_line list "2${tab}image${tab}p/2.jpg${tab}${tab}${tab}4${tab}${tab}words 2${tab}${tab}"'{"key":"2","hash":-12}'"$capture"
expect_line list "13${tab}image${tab}q/2.jpg${tab}${tab}${tab}${tab}${tab}say 2${tab}${tab}$capture"
expect_line list "16${tab}text${tab}${tab}${tab}${tab}${tab}${tab}say 2${tab}q/2.jpg${tab}$capture"
run index import laion.dip laion # the same again: pictures take the place of themselves
expect_line err "pictures that took the place of one with their path: 14"
mv laion/img_emb/img_emb_1.npy laion/img_emb/other.npy
refused laion.dip "'laion/img_emb/other.npy' is not named img_emb_N.npy" laion
mkdir hollow
refused laion.dip "'hollow' has neither img_emb/img_emb_N.npy nor text_emb/text_emb_N.npy" hollow

# ---- what a line says of when stands on a page as text
sed '1s/"kind": "image"/&, "taken": "2024-<i>01T10:00"/' f32.jsonl >dated.jsonl
run index import dated.dip f32.npy --metadata dated.jsonl --storage f32
expect_status 0
run search dated.dip "a star" --kind image --top 20 --html page.html -q
expect_status 0
expect_text page.html '<time title="taken 2024-&lt;i&gt;01T10:00">2024-&lt;i&gt;01</time>'

# ---- without lines, and vectors of other lengths
cp f32.npy bare.npy
{ printf '\0\0\0\100' && head -c $((row - 4)) /dev/zero; } | patch bare.npy 5 # 2, 0, 0 ...
run index import bare.dip bare.npy --storage f32
expect_status 0
expect_line err "vectors of another length, made 1: 1"
"$diptych" index list bare.dip -f tsv >list
expect_line list "6${tab}image${tab}${tab}${tab}${tab}${tab}${tab}${tab}${tab}{\"row\":5}$capture"
{ printf '\0\0\200\077' && head -c $((row - 4)) /dev/zero; } | patch bare.npy 5 # 1, 0, 0 ...
tail -c $((14 * row)) bare.npy | cmp -s - bare.dip/vectors.f32 || problem "other vectors than were given"
refused bare.dip "nothing says which texts the rows of 'bare.npy' are" bare.npy --kind text
refused bare.dip "'bare.dip' keeps its vectors as f32, not as i8" bare.npy --storage i8

# ---- what is wrong with a file changes nothing
head -c 3000 f32.npy >cut.npy
refused bare.dip "unable to read 'cut.npy': the file ends early: 2872 bytes of rows of 128 elements, not 14" cut.npy
for file in i4 vector cube; do
    refused bare.dip "$(run index import new.dip "$matrices/$file.npy"; sed 's/diptych: cannot import: //' err)" "$matrices/$file.npy"
    expect_match err "npy (of|in|that)"
done
refused bare.dip "unable to read '$matrices/sq.faiss': faiss's IndexScalarQuantizer, from which vectors cannot be taken: IndexFlatIP, IndexFlatL2, IndexHNSWFlat and IndexIDMap of these have them" "$matrices/sq.faiss"
refused bare.dip "unable to read '$matrices/e5m2.usearch': usearch's index of e5m2, and f64, f32, f16, bf16 and i8 are read" "$matrices/e5m2.usearch"
refused bare.dip "unable to read 'texts.jsonl': neither numpy's npy, an index of faiss or usearch, nor a binary COPY of PostgreSQL" texts.jsonl
refused bare.dip "unable to open 'nowhere.npy': No such file or directory" nowhere.npy
refused bare.dip "unable to open 'nowhere.jsonl': No such file or directory" f32.npy --metadata nowhere.jsonl
refused bare.dip "the rows of '$matrices/f4.npy' have 3 elements, the embeddings of '$root/tests/model' 128" "$matrices/f4.npy"
refused bare.dip "'texts.jsonl' has 3 lines, and 'f32.npy' 14 rows" f32.npy --metadata texts.jsonl
cat f32.jsonl texts.jsonl >more.jsonl
refused bare.dip "'more.jsonl' has 17 lines, and 'f32.npy' 14 rows" f32.npy --metadata more.jsonl
sed '9s/.*/{"path": /' f32.jsonl >broken.jsonl
run index import bare.dip f32.npy --metadata broken.jsonl
expect_status 2
expect_match err "^diptych: cannot import: unable to parse 'broken\.jsonl, line 9': "
sed '9s/"kind": "[a-z]*"/"kind": "film"/' f32.jsonl >broken.jsonl
refused bare.dip "'broken.jsonl, line 9': \"kind\" is neither \"image\" nor \"text\"" f32.npy --metadata broken.jsonl
sed '14s/"text": /"txt": /' f32.jsonl >broken.jsonl
refused new.dip "'broken.jsonl, line 14': a text without words: neither \"text\" nor \"caption\"" f32.npy --metadata broken.jsonl
for bits in '\0\0\300\177' '\0\0\200\177'; do # NaN, infinity
    cp f32.npy bad.npy
    printf "$bits" | patch bad.npy 13
    refused new.dip "row 13 of 'bad.npy' is zero or has numbers that are not finite" bad.npy
done
head -c $row /dev/zero | patch bad.npy 13
refused new.dip "row 13 of 'bad.npy' is zero or has numbers that are not finite" bad.npy
[ ! -e new.dip ] || problem "an index was made"
printf '\0\0\300\177' | patch bad.npy 2
run index import skipped.dip bad.npy --storage f32 --skip-bad # named in the order of the rows, and 3 keeps its own line
expect_status 0
expect_line err "diptych: row 2 of 'bad.npy' is zero or has numbers that are not finite"
expect_line err "diptych: row 13 of 'bad.npy' is zero or has numbers that are not finite"
expect_line err "imported: 12 rows"
expect_line err "left out: 2 rows that are zero or not finite"
"$diptych" index list skipped.dip -f tsv | cut -f 10 >list
expect_lines list 12
expect_line list '{"row":3}'
grep -q '"row":2}' list && problem "row 2 is there"
tail -c $((11 * row)) f32.npy | head -c $((10 * row)) | cmp -s - skipped.dip/vectors.f32 -i 0:$((2 * row)) || problem "other vectors than were given"
mkdir model && ln -s "$root"/tests/model/* model && rm model/preprocessor_config.json
sed 's/0\.48/0.47/' "$root/tests/model/preprocessor_config.json" >model/preprocessor_config.json
run index import bare.dip f32.npy --model model
expect_status 2
expect_match err "'bare\.dip' was made with another model: "
refused bare.dip "--metadata, --kind and --columns are for a file: a folder has its own places for them" laion --kind text
run index import bare.dip
expect_status 2

# ---- export: what may not be written leaves what is there
echo mine >mine.npy
run index export f32.dip mine.npy --where "nothing = 1"
expect_status 2
run index export f32.dip mine.npy --metadata nowhere/mine.jsonl
expect_status 2
expect_match err "^diptych: cannot export: unable to write 'nowhere/mine\.jsonl': No such file or directory$"
[ "$(cat mine.npy)" = mine ] || problem "a file was replaced by an export that failed"
run index export f32.dip f32.bin
expect_status 2
expect_line err "diptych: cannot export: unable to write 'f32.bin': neither .npy, .faiss, .pgvector nor .qdrant, nor a folder, which ends in '/'"
run index export f32.dip f32
expect_status 2
expect_line err "diptych: cannot export: unable to write 'f32': it is not empty"
run index export f32.dip nowhere/f32/
expect_status 2
run index export f32.dip new/ --metadata new.jsonl
expect_status 2
run index export f32.dip
expect_status 2
printf 'x' | dd of=f32.dip/vectors.f32 bs=1 seek=$((3 * row)) conv=notrunc 2>/dev/null
for out in mine.npy new/; do # row 3: a damaged one is not handed out
    run index export f32.dip $out
    expect_status 2
    expect_match err "'f32\.dip/vectors\.f32' is damaged: row 3 "
done
[ "$(cat mine.npy)" = mine ] && [ ! -e new ] || problem "an export that failed left something"
[ -z "$(find . -name '*.tmp')" ] || problem "left behind: $(find . -name '*.tmp')"

# ---- a name that is not UTF-8 is said to be lost
cp "$pictures/01.png" "$(printf 'latin-\374.png')"
run index build latin.dip ./latin*.png -q
run index export latin.dip latin.npy
expect_status 1
expect_line err "diptych: items with strings that are not UTF-8, and have U+FFFD there: 1"

# ---- an end amid the work: no row, and none twice the next time
rows=114688
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
    [ -e body ] || tail -c $((14 * row / 2)) f16.npy >body
    cat body body >twice && mv twice body
done
{
    printf '\223NUMPY\1\0v\0%-117s\n' "{'descr': '<f2', 'fortran_order': False, 'shape': ($rows, 128), }"
    cat body
} >large.npy
for signal in KILL TERM; do
    command="diptych index import $signal.dip (ended by SIG$signal)"
    "$diptych" index import $signal.dip large.npy >out 2>err &
    writer=$!
    until [ "$(stat -c %s $signal.dip/vectors.f16 2>/dev/null || echo 0)" -gt 0 ]; do
        kill -0 $writer || break
    done
    kill -$signal $writer
    wait $writer
    [ $? -gt 128 ] || problem "the import was over before it was ended"
    [ $signal = KILL ] || expect_line err "diptych: cannot import: interrupted, and nothing was kept"
    run index info $signal.dip
    expect_match out '^pictures +0$'
done
run index import KILL.dip large.npy
expect_status 0
expect_line err "imported: $rows rows"
run index info KILL.dip
expect_match out '^pictures +114,688$'
run index verify KILL.dip
expect_status 0

finish
