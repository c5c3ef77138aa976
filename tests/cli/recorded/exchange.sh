# SPDX-License-Identifier: Apache-2.0
# index export and index import.

samples pictures 01 02 03 04
matrices=$root/tests/golden/matrices
printf '{"text": "a red star", "share": 0.1, "tags": ["x", {"deep": null}], "kind": "note", "id": 7}\n{"text": "ein Stern"}\n' >texts.jsonl
printf '{"path": "pictures/02.png", "camera": "X100"}\n' >about.jsonl
run exchange-build index build a.dip pictures --texts texts.jsonl --metadata about.jsonl --storage f32

# ---- there and back
run export-npy index export a.dip a.npy
wrote a.jsonl
wrote_here a.npy
run export-faiss index export a.dip a.faiss --metadata a.lines -q
wrote a.lines
wrote_here a.faiss
run export-folder index export a.dip folder/
wrote folder/metadata/metadata_0.jsonl folder/text_metadata/text_metadata_0.jsonl
wrote_here folder/img_emb/img_emb_0.npy folder/text_emb/text_emb_0.npy
run export-pgvector index export a.dip a.pgvector
wrote a.sql
wrote_here a.pgvector
run export-half index export a.dip half.pgvector --half
wrote half.sql
wrote_here half.pgvector
run export-qdrant index export a.dip a.qdrant
wrote_here a.qdrant
run import-pgvector index import pgvector.dip a.pgvector --storage f32
run import-pgvector-list index list pgvector.dip -f json
run import-columns index import columns.dip "$matrices/f32.pgvector" --columns path,embedding
run import-columns-npy index import columns.dip a.npy --columns path,embedding
run export-half-npy index export a.dip a.npy --half
run export-kind index export a.dip texts/ --kind text
run export-where index export a.dip one.npy --where "metadata ->> 'camera' = 'X100'"
wrote one.jsonl
run export-none index export a.dip none.npy --match nothing
run import-npy index import npy.dip a.npy --storage f32
run import-npy-list index list npy.dip -f json
run import-faiss index import faiss.dip a.faiss --metadata a.lines -q
run import-faiss-search search faiss.dip "a blue star" -f tsv -k 3
run import-folder index import folder.dip folder --storage i8
run import-folder-info index info folder.dip
run import-again index import npy.dip a.npy
run import-none index import none.dip none.npy
cp a.npy bare.npy
run import-bare index import bare.dip bare.npy
run import-bare-list index list bare.dip
run import-bare-verify index verify bare.dip
run import-update index update npy.dip pictures

# ---- lines of another program
for n in 1 2 3 4 5 6; do
    printf '{"image_path":"p/%s.jpg","caption":"words %s","key":"%s","width":4.0,"height":null,"hash":-12}\n' $n $n $n
done >laion.jsonl
run import-laion index import laion.dip a.npy --metadata laion.jsonl
run import-laion-list index list laion.dip -f tsv

# ---- what is refused
run import-storage index import npy.dip a.npy --storage i8
run import-kind index import new.dip bare.npy --kind text
head -c 2000 a.npy >cut.npy
run import-cut index import new.dip cut.npy
for name in i4 vector cube; do
    run import-$name index import new.dip "$matrices/$name.npy"
done
run import-sq index import new.dip "$matrices/sq.faiss"
run import-width index import new.dip "$matrices/f4.npy"
run import-text index import new.dip texts.jsonl
run import-nowhere index import new.dip nowhere.npy
run import-no-lines index import new.dip a.npy --metadata nowhere.jsonl
run import-few-lines index import new.dip a.npy --metadata texts.jsonl
sed '3s/.*/{"path": /' a.jsonl >broken.jsonl
run import-broken-lines index import new.dip a.npy --metadata broken.jsonl
sed '3s/"kind": "[a-z]*"/"kind": "film"/' a.jsonl >broken.jsonl
run import-film index import new.dip a.npy --metadata broken.jsonl
sed 's/"text": /"txt": /' a.jsonl >broken.jsonl
run import-no-words index import new.dip a.npy --metadata broken.jsonl
{ head -c 128 a.npy && head -c 3072 /dev/zero; } >zero.npy
run import-zero index import new.dip zero.npy
mkdir hollow
run import-hollow index import new.dip hollow
run import-folder-kind index import new.dip folder --kind text
other_model other
run import-model index import bare.dip a.npy --model other
run import-list index list new.dip
run export-unknown index export a.dip a.bin
run export-full index export a.dip folder/
run export-nowhere index export a.dip nowhere/a.npy
run export-metadata index export a.dip new/ --metadata new.jsonl
run export-bad-where index export a.dip b.npy --where "nothing = 1"
run export-nothing index export nothing.dip a.npy
printf 'x' | dd of=a.dip/vectors.f32 bs=1 seek=600 conv=notrunc 2>/dev/null
run export-damaged index export a.dip b.npy
cp pictures/01.png "$(printf 'latin-\374.png')"
dated latin*
run latin-build index build latin.dip latin*
run latin-list index list latin.dip -f tsv
run latin-export index export latin.dip latin.npy
