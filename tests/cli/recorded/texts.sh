# SPDX-License-Identifier: Apache-2.0
# Texts, captions and metadata in an index.

samples tree 01 02 03 04
mv tree/01.png tree/COCO_val2014_000000000001.png
mv tree/02.png tree/COCO_val2014_000000000002.png
mv tree/03.jpg tree/COCO_val2014_000000000003.jpg
mv tree/04.png tree/COCO_val2014_000000000004.png

# ---- lines, JSON and CSV
printf '\357\273\277a red kite\r\n\n  \na green boat\na red kite\n' >lines.txt
run texts-lines index build a.dip --texts lines.txt
run texts-lines-list index list a.dip
run texts-lines-again index update a.dip --texts lines.txt
printf 'a green boat\na blue tree' >lines.txt
gzip -nc lines.txt >lines.txt.gz
run texts-changed index update a.dip --texts lines.txt
run texts-gzip index update a.dip --texts lines.txt.gz
cat >more.jsonl <<'JSON'
{"text": "two cats", "source": "x", "n": 3, "deep": {"list": [1, 2.5, null, "é"]}}
{"text": "a dog"}
{"caption": "no text"}
not json
{"text": ""}
JSON
run texts-jsonl index update a.dip --texts more.jsonl
printf 'id,caption,note\r\n1,"a ""quoted"" word, and\na line",\r\n2,plain,x\r\n\r\n3,too,many,fields\r\n' >table.csv
run texts-csv index update a.dip --texts table.csv
run texts-list index list a.dip -f tsv
run texts-list-json index list a.dip -f json --kind text
sed -i 's/"x"/"y"/; 3,4d' more.jsonl
run texts-metadata index update a.dip --texts more.jsonl
run texts-where index list a.dip --where "metadata ->> 'source' = 'y'" -f json

# ---- captions of pictures
cat >coco.json <<'JSON'
{"images": [{"id": 1, "file_name": "COCO_val2014_000000000001.png"}, {"id": 2, "file_name": "gone.png"},
            {"id": 3, "file_name": "000000000003.jpg"}, {"id": 77, "file_name": "x.png"}],
 "annotations": [{"image_id": 1, "caption": "first"}, {"image_id": 1, "caption": "second"},
                 {"image_id": 3, "caption": "first"}, {"image_id": 77, "caption": "lost"}, {"image_id": 2, "caption": "by id"}]}
JSON
run captions index update a.dip tree --captions coco.json
run captions-list index list a.dip -f tsv --where "picture is not null or kind = 'image'"
run captions-match index list a.dip --kind image --match first
run captions-again index update a.dip tree --captions coco.json
printf '{"COCO_val2014_000000000001": "other", "COCO_val2014_000000000004": ["four"]}' >clips.json
run captions-two index update a.dip tree --captions clips.json --captions coco.json
run captions-two-list index list a.dip -f json --where "caption is not null"
sed -i 's/four/quatre/' clips.json
run captions-changed index update a.dip --captions clips.json
run captions-remove index remove a.dip clips.json
mv tree/COCO_val2014_000000000001.png tree/renamed.png
rm tree/COCO_val2014_000000000003.jpg
run captions-moved index update a.dip tree
run captions-moved-list index list a.dip -f tsv --where "picture is not null"

# ---- what else is known of pictures
cat >known.jsonl <<'JSON'
{"path": "tree/renamed.png", "camera": "X100", "stars": 5, "time": 1700000123.25, "share": 0.1}
{"path": "COCO_val2014_000000000002.png", "stars": 4}
{"path": "nowhere.png"}
{"stars": 4}
[]
JSON
run metadata index update a.dip --metadata known.jsonl
run metadata-list index list a.dip -f json --where "metadata ->> 'stars' >= 4"
run metadata-again index update a.dip --metadata known.jsonl
cp "$root/assets/pictures/12.jpg" tree/renamed.png
touch -d 2024-06-07T08:09:10Z tree/renamed.png
run metadata-changed-picture index update a.dip tree
run metadata-kept index list a.dip -f json --where "metadata ->> 'stars' >= 5"

# ---- an update that names nothing; files that go
run texts-update index update a.dip
run texts-info index info a.dip
mv more.jsonl elsewhere.jsonl
run texts-gone index update a.dip
mv elsewhere.jsonl more.jsonl
run texts-remove index remove a.dip more.jsonl tree/renamed.png
run texts-removed-list index list a.dip
run texts-verify index verify a.dip
run texts-search search a.dip "something blue" -f tsv --where "kind = 'text' or stars is null"
run texts-search-words search a.dip "something blue" -f json -k 3

# ---- files that are none of these
printf 'a,b\n1,2\n' >headless.csv
run texts-headless index update a.dip --texts headless.csv
printf 'text\n"open\n' >open.csv
run texts-open-quote index update a.dip --texts open.csv
run texts-captions-file index update a.dip --texts coco.json
run captions-texts-file index update a.dip --captions table.csv
run metadata-csv index update a.dip --metadata table.csv
printf 'a\0b\n' >zero.txt
run texts-binary index update a.dip --texts zero.txt
run texts-nowhere index build new.dip --texts nowhere.txt
run captions-nowhere index build new.dip tree --captions nowhere.json
run metadata-nowhere index build new.dip tree --metadata nowhere.jsonl
: >empty.txt
run texts-empty index update a.dip --texts empty.txt
awk 'BEGIN { for (i = 0; i < 300; i++) printf "word " }' >long.txt
printf '\ncut \377 here\n' >>long.txt
run texts-long index update a.dip --texts long.txt
run texts-last-verify index verify a.dip
