#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Texts, captions and metadata in an index: every kind of file, what changes in them, and what is wrong with them.
. "$2/tests/cli/lib.sh"
scenes=$4
"$scenes" --count 4 --seed 1 --out tree >/dev/null
for i in 0 1 2 3; do mv tree/00000$i.png tree/COCO_val2014_00000000000$i.png; done
picture="$PWD/tree/COCO_val2014_00000000000"

# expect_texts NEW COPIED GONE UNCHANGED FAILED
expect_texts() {
    expect_line err "texts: $1 new, $2 copied, $3 gone, $4 unchanged, $5 failed"
}

# list COLUMN... [-- ARGUMENT...]: these columns of the index, into ./out.
texts() {
    run index list a.dip -f tsv --kind text
    cut -f 3,8,9,10 out | sed "s:$PWD/::g" >got
}

# ---- lines
printf '\357\273\277a red kite\r\n\n  \na green boat\na red kite\n' >lines.txt
run index build a.dip --texts lines.txt
expect_status 0
expect_texts 2 0 0 0 0
expect_line err "pictures: 0 new, 0 changed, 0 copied, 0 moved, 0 gone, 0 unchanged, 0 failed"
run index list a.dip
expect_match out '^ +1  text   a red kite$'
expect_match out '^ +2  text   a green boat$'
run index update a.dip --texts lines.txt
expect_texts 0 0 0 2 0
expect_match err '^encoded: 0: '
printf 'a green boat\na blue tree' | gzip >lines.txt.gz
gzip -dc lines.txt.gz >lines.txt
run index update a.dip --texts lines.txt
expect_texts 1 0 1 1 0
run index update a.dip --texts lines.txt.gz # another file: the same texts, with the same vectors
expect_texts 0 2 0 0 0
expect_match err '^encoded: 0: '

# ---- JSON and CSV, with metadata
cat >more.jsonl <<'END'
{"text": "two cats", "source": "x", "n": 3}
{"text": "a dog"}
{"words": "no text"}
not json
{"text": ""}
END
run index update a.dip --texts more.jsonl
expect_status 1
expect_texts 2 0 0 0 2
expect_match err "^diptych: '.*/more\.jsonl, line 3': \"text\" is missing"
expect_match err "^diptych: .*more\.jsonl, line 4"
printf 'id,caption,note\r\n1,"a ""quoted"" word, and\na line",\r\n2,plain,x\r\n\r\n3,too,many,fields\r\n' >table.csv
run index update a.dip --texts table.csv
expect_status 1
expect_texts 2 0 0 0 1
expect_match err "line 6: 4 fields, the header has 3"
texts
tab=$(printf '\t')
cat >expected <<END
lines.txt${tab}a green boat${tab}${tab}
lines.txt${tab}a blue tree${tab}${tab}
lines.txt.gz${tab}a green boat${tab}${tab}
lines.txt.gz${tab}a blue tree${tab}${tab}
more.jsonl${tab}two cats${tab}${tab}{"source":"x","n":3}
more.jsonl${tab}a dog${tab}${tab}
table.csv${tab}a "quoted" word, and\\na line${tab}${tab}{"id":"1","note":""}
table.csv${tab}plain${tab}${tab}{"id":"2","note":"x"}
END
cmp -s got expected || problem "other texts than $(diff got expected)"
sed -i 's/"x"/"y"/; 3,4d' more.jsonl
run index update a.dip --texts more.jsonl
expect_status 0
expect_texts 0 0 0 2 0
expect_line err "new captions or metadata: 1"
run index list a.dip --where "metadata ->> 'source' = 'y'"
expect_lines out 1

# ---- captions of pictures
cat >coco.json <<'END'
{"images": [{"id": 0, "file_name": "COCO_val2014_000000000000.png"}, {"id": 1, "file_name": "gone.png"},
            {"id": 2, "file_name": "000000000002.png"}, {"id": 77, "file_name": "x.png"}],
 "annotations": [{"image_id": 0, "caption": "first"}, {"image_id": 0, "caption": "second"},
                 {"image_id": 2, "caption": "first"}, {"image_id": 77, "caption": "lost"}, {"image_id": 1, "caption": "by id"}]}
END
run index update a.dip tree --captions coco.json
expect_status 1
expect_line err "pictures: 4 new, 0 changed, 0 copied, 0 moved, 0 gone, 0 unchanged, 0 failed"
expect_texts 4 0 0 0 1
expect_line err "diptych: no picture of image '77' in 'a.dip'"
run index list a.dip -f tsv --where "picture is not null"
cut -f 8,9 out >got
printf 'first\t%s0.png\nsecond\t%s0.png\nfirst\t%s2.png\nby id\t%s1.png\n' "$picture" "$picture" "$picture" "$picture" >expected
cmp -s got expected || problem "captions of other pictures: $(diff got expected)"
run index list a.dip -f tsv --kind image --match first
cut -f 3,8 out >got
printf '%s0.png\tfirst\n%s2.png\tfirst\n' "$picture" "$picture" >expected
cmp -s got expected || problem "other captions than $(diff got expected)"
run index update a.dip tree --captions coco.json
expect_texts 0 0 0 4 1

# A second file adds its captions and leaves the first one's in place; each may change its own.
printf '{"COCO_val2014_000000000000": "other", "COCO_val2014_000000000003": ["three"]}' >clips.json
for again in 1 2; do
    run index update a.dip tree --captions clips.json --captions coco.json
    expect_status 1
    run index list a.dip -f tsv --where "kind = 'image' and caption is not null"
    cut -f 3,8 out >got
    printf '%s0.png\tfirst\n%s1.png\tby id\n%s2.png\tfirst\n%s3.png\tthree\n' "$picture" "$picture" "$picture" "$picture" >expected
    cmp -s got expected || problem "other captions than $(diff got expected)"
done
sed 's/three/trois/' clips.json >changed && mv changed clips.json
run index update a.dip --captions clips.json
expect_status 0
expect_texts 1 0 1 1 0
expect_line err "new captions or metadata: 1"
run index list a.dip --kind image --match trois
expect_lines out 1
run index remove a.dip clips.json -q
expect_status 0

# A renamed picture keeps its texts and caption; those of one that is gone go with it.
mv tree/COCO_val2014_000000000000.png tree/renamed.png
rm tree/COCO_val2014_000000000002.png
run index update a.dip tree
expect_status 0
expect_line err "pictures: 0 new, 0 changed, 0 copied, 1 moved, 1 gone, 2 unchanged, 0 failed"
expect_texts 0 0 1 0 0
run index list a.dip -f tsv --where "picture is not null"
cut -f 8,9 out >got
printf 'first\t%s\nsecond\t%s\nby id\t%s1.png\n' "$PWD/tree/renamed.png" "$PWD/tree/renamed.png" "$picture" >expected
cmp -s got expected || problem "captions of other pictures: $(diff got expected)"

# ---- what else is known of pictures
cat >known.jsonl <<'END'
{"path": "tree/renamed.png", "camera": "X100", "stars": 5}
{"path": "COCO_val2014_000000000001.png", "stars": 4}
{"path": "nowhere.png"}
{"stars": 4}
END
run index update a.dip --metadata known.jsonl
expect_status 1
expect_line err "new captions or metadata: 2"
expect_line err "diptych: no picture of image 'nowhere.png' in 'a.dip'"
expect_match err 'line 4.: "path" is missing'
run index list a.dip -f json --where "metadata ->> 'stars' >= 5"
expect_lines out 1
expect_match out '"caption": "first", "metadata": \{"camera": "X100", "stars": 5\}'
run index update a.dip --metadata known.jsonl
expect_status 1
grep -q '^new captions' err && problem "the same metadata again is new"
# They stay when the picture's content changes.
cp "$root/assets/pictures/01.png" tree/renamed.png
run index update a.dip tree
expect_line err "pictures: 0 new, 1 changed, 0 copied, 0 moved, 0 gone, 2 unchanged, 0 failed"
run index list a.dip -f json --where "metadata ->> 'stars' >= 5"
expect_match out 'renamed\.png.*"caption": "first", "metadata": \{"camera": "X100", "stars": 5\}'
run index list a.dip --where "picture like '%/renamed.png'"
expect_lines out 2

# ---- an update that names nothing goes by all files
run index update a.dip
expect_status 1
expect_line err "pictures: 0 new, 0 changed, 0 copied, 0 moved, 0 gone, 3 unchanged, 2 failed"
expect_texts 0 0 0 11 2

mv more.jsonl elsewhere.jsonl
run index update a.dip
expect_status 1
expect_line err "diptych: unable to open '$PWD/more.jsonl': No such file or directory"
expect_texts 0 0 0 9 2
mv elsewhere.jsonl more.jsonl

# ---- removing a file's texts, or a picture with its texts
run index remove a.dip more.jsonl tree/renamed.png
expect_status 0
expect_line err "diptych: 5 items removed from 'a.dip'"
printf '{"path": "tree/nowhere.png", "x": 1}\n' >about.jsonl
run index update a.dip --metadata about.jsonl
expect_status 1
run index remove a.dip about.jsonl # nothing came from it, but it is one of the index's files
expect_status 0
run index remove a.dip about.jsonl
expect_status 1
run index verify a.dip -q
expect_status 0

# ---- files that are none of these
printf 'a,b\n1,2\n' >headless.csv
run index update a.dip --texts headless.csv
expect_status 2
expect_match err "cannot update: unable to read '.*headless\.csv': its header has no column \"text\" or \"caption\""
printf 'text\n"open\n' >open.csv
run index update a.dip --texts open.csv
expect_status 2
expect_match err "cannot update: unable to read '.*open\.csv': line 2: a quote is not closed"
run index update a.dip --texts coco.json
expect_status 2
expect_match err "not a \.txt, \.jsonl or \.csv file"
run index update a.dip --captions lines.csv
expect_status 2
printf '01.png#0\ta star\n' >token.txt
run index update a.dip --texts token.txt
expect_status 2
expect_match err "token\.txt': it has the captions of pictures by their names, which --captions takes"
printf 'a\0b\n' >zero.txt
run index update a.dip --texts zero.txt
expect_status 2
expect_match err "not a text file"
run index update a.dip # which of these remembers none
expect_status 1
expect_text err "pictures: "
awk 'BEGIN { for (i = 0; i < 300; i++) printf "word " }' >long.txt
printf '\ncut \377 here\n' >>long.txt
run index update a.dip --texts long.txt
expect_status 1
expect_texts 1 0 0 0 1
expect_line err "texts cut at the model's 77 tokens: 1"
expect_match err "of '.*long\.txt': text is not UTF-8 at byte 4"
run index verify a.dip -q
expect_status 0

finish
