# SPDX-License-Identifier: Apache-2.0
# index build, update, list, info, remove, verify and compact: pictures.

samples tree 01 02 03 04 05 06 07 08
mkdir tree/deep tree/.hidden
mv tree/07.png tree/08.png tree/deep
cp tree/01.png tree/.hidden
echo "notes" >tree/notes.txt
dated tree
tab=$(printf '\t')

# ---- build, and what there is then
run build index build a.dip tree --storage f32
run build-list index list a.dip
run build-list-tsv index list a.dip -f tsv
run build-list-json index list a.dip -f json
run build-info index info a.dip
run build-info-json index info a.dip -f json
run build-verify index verify a.dip
run build-again index build a.dip tree
run build-quiet index build b.dip tree/deep tree/01.png -q
run build-half index build half.dip tree/deep -b 1
run build-codes index build codes.dip tree/deep --storage i8
run build-codes-list index list codes.dip
run build-codes-info index info codes.dip

# ---- which items
run list-where index list a.dip --where "path like '%/03.jpg'"
run list-date index list a.dip --where "date >= '2024' and width >= 300" -f tsv
run list-match index list a.dip --match deep
run list-kind index list a.dip --kind text
run list-none index list a.dip --where "width < 0" -f json
run list-bad-where index list a.dip --where "path ="
run list-bad-column index list a.dip --where "nothing = 1"
run list-injection index list a.dip --where "1); delete from items; select (1"
run list-subquery index list a.dip --where "id in (select id from items)"
run list-bad-match index list a.dip --match '"open' --match-syntax fts5

# ---- when, where and with what they were taken
mkdir taken
for name in full.jpg big.jpg none.jpg full.png; do
    cp "$root/tests/golden/capture/$name" taken
done
dated taken
run taken-build index build taken.dip taken
run taken-list index list taken.dip --where "taken >= '2024' and lat > 48" -f tsv
run taken-json index list taken.dip --where "camera like 'NIKON%'" -f json
run taken-search search taken.dip a red heart --sort taken
run taken-html search taken.dip a red heart --sort taken --html taken.html -q
wrote taken.html

# ---- all that can happen to files
mv tree/01.png tree/deep/renamed.png
cp tree/04.png tree/copy.png
mv tree/02.png swap && mv tree/deep/07.png tree/02.png && mv swap tree/deep/07.png
cp "$root/assets/pictures/12.jpg" tree/05.jpg
rm tree/06.jpg
touch -d 2001-01-01T00:00:00Z tree/deep/08.png
samples tree 09
cp tree/09.png tree/nine.png
echo "no picture" >tree/broken.jpg
head -c 5000 tree/04.png >tree/cut.png
ln -s nowhere tree/dangling.png
touch -d 2024-06-07T08:09:10Z tree/copy.png tree/05.jpg tree/nine.png
run update index update a.dip tree
run update-list index list a.dip -f tsv
run update-info index info a.dip
run update-again index update a.dip
run update-retry index update a.dip --retry-failed
touch -d 2024-06-07T08:09:10Z tree/broken.jpg tree/cut.png
run update-changed index update a.dip
run update-failed index list a.dip --failed
run update-failed-tsv index list a.dip --failed -f tsv
run update-failed-json index list a.dip --failed -f json
run update-failed-where index list a.dip --failed --match deep
run update-verify index verify a.dip
run compact index compact a.dip
run compact-again index compact a.dip
run compact-list index list a.dip
run compact-vectors index export a.dip vectors.npy --where "id = 1"
tail -c 512 vectors.npy | od -A n -v -t f4 | tr -s ' ' | sed 's/^ //' >vectors # 128 numbers
wrote vectors
printf 'PNG no more' >tree/nine.png
run update-broken index update a.dip tree -q
run update-nowhere index update a.dip tree/nowhere
run update-sources index info a.dip
run update-part index update a.dip tree/deep
run update-moved-folder index update a.dip tree/deep/../deep/08.png

# ---- remove
run remove-folder index remove a.dip tree/deep
run remove-where index remove a.dip --where "path like '%copy%'"
run remove-id index remove a.dip --id 2 --id 12345
run remove-elsewhere index remove a.dip elsewhere
run remove-source index remove a.dip tree/nowhere
run remove-nothing index remove a.dip
run remove-bad-where index remove a.dip --where "id ="
run remove-list index list a.dip
run remove-update index update a.dip
run remove-all index remove a.dip --kind image
run empty-list index list a.dip
run empty-info index info a.dip
run empty-search search a.dip "a star"
run empty-verify index verify a.dip
run empty-compact index compact a.dip

# ---- much that is missing at once: a drive that is not mounted
samples drive 01 02 03
run drive-build index build drive.dip drive
mv drive mounted && mkdir drive
run drive-unmounted index update drive.dip
rmdir drive
run drive-absent index update drive.dip -q
run drive-list index list drive.dip
mv mounted drive
run drive-mounted index update drive.dip
mv drive mounted && mkdir drive
run drive-gone index update drive.dip --gone
run drive-gone-info index info drive.dip
rmdir drive && mv mounted drive
run drive-back index update drive.dip
run drive-back-list index list drive.dip
run drive-back-verify index verify drive.dip
rm -r drive
run drive-forgotten index update drive.dip --gone
run drive-forgotten-info index info drive.dip
mkdir many
for i in $(seq 10 69); do colour "many/$i.ppm" "\\$(printf %03o "$i")\\1\\1"; done
dated many
run many-build index build many.dip many -q
rm many/[1-5]*.ppm
run many-kept index update many.dip
run many-gone index update many.dip --gone

# ---- what is refused
other_model other
run refused-model index update b.dip tree --model other
run refused-model-search search b.dip "a star" --model other
run refused-storage index build b.dip tree --storage i8
run refused-nothing index update nothing.dip tree
run refused-nothing-known index update nothing.dip
mkdir full.dip
touch full.dip/file
run refused-folder index build full.dip tree
rm -r full.dip
run refused-no-paths index build b.dip
run refused-new-no-paths index build new.dip
run refused-nowhere index build nowhere/new.dip tree
run refused-list index list nothing.dip
run refused-info index info tree
run refused-verify index verify nothing.dip
run refused-compact index compact nothing.dip
run refused-remove index remove nothing.dip --id 1
run refused-no-model index build new.dip tree --model nowhere
: >file
run refused-file index list file

# ---- an index knows its model
samples own 01 02 07
cp -rL model mine
run own-build index build own.dip own --model mine
run own-info index info own.dip
DIPTYCH_MODEL=other
run own-search search own.dip "three white flowers" -k 1
run own-update index update own.dip
run own-refused search own.dip "three white flowers" --model other
run own-cluster index cluster own.dip -k 2 --labels star,flower -q
mkdir there && cd there
run own-elsewhere search ../own.dip "three white flowers" -k 1
cd ..
mv mine moved
run own-gone search own.dip "three white flowers"
run own-gone-update index update own.dip own
run own-gone-list index list own.dip
run own-moved search own.dip "three white flowers" -k 1 --model moved
run own-moved-update index update own.dip --model moved
run own-moved-search search own.dip "three white flowers" -k 1
run own-moved-info index info own.dip
rm -r moved && cp -rL other moved
run own-changed search own.dip "three white flowers"
DIPTYCH_MODEL=model

# ---- how pictures are prepared
mkdir kinds
for name in rgb.png rgba.webp palette_trns.png grey_alpha.png palette4.bmp; do
    cp "$root/tests/golden/preprocess/$name" kinds
done
dated kinds
run alpha-build index build alpha.dip kinds --storage f32 --alpha drop
run alpha-info index info alpha.dip
run alpha-search search alpha.dip --image kinds/rgba.webp -k 2
run alpha-search-other search alpha.dip --image kinds/rgba.webp --alpha white
run alpha-update-other index update alpha.dip --alpha model
mv kinds/rgb.png away.png
run alpha-prepare-missing index prepare alpha.dip
mv away.png kinds/rgb.png
run alpha-prepare index prepare alpha.dip
run alpha-prepare-again index prepare alpha.dip
run alpha-prepare-none index prepare none.dip
run alpha-prepared-info index info alpha.dip -f json
run alpha-prepared-list index list alpha.dip -f tsv
run alpha-prepared-search search alpha.dip --image kinds/rgba.webp -k 2
run alpha-prepared-update index update alpha.dip
run alpha-verify index verify alpha.dip

# ---- damage
printf 'x' | dd of=b.dip/vectors.f16 bs=1 seek=300 conv=notrunc 2>/dev/null
run damaged-verify index verify b.dip
run damaged-verify-quiet index verify b.dip -q
run damaged-compact index compact b.dip
run damaged-list index list b.dip
head -c 100 half.dip/vectors.f16 >cut && cp cut half.dip/vectors.f16
run cut-verify index verify half.dip
run cut-search search half.dip "a star"
run cut-info index info half.dip

# ---- shards
samples apart 01 02 03 04 05 06 07
for i in 0 1 2; do run shards-$i index build joined.dip --shard $i/3 apart; done
run shards-again index build joined.dip --shard 1/3 apart
run shards-others index build joined.dip --shard 1/3 tree
run shards-wrong index build joined.dip --shard 3/3 apart
run shards-one-missing index merge joined.dip joined-00000-of-00003.dip joined-00002-of-00003.dip
run shards-twice index merge joined.dip joined-*.dip joined-00001-of-00003.dip
run shards-merge index merge joined.dip joined-*.dip
run shards-list index list joined.dip
run shards-merge-again index merge joined.dip joined-0*.dip
truncate -s 100 joined-00001-of-00003.dip/vectors.f16
run shards-damaged index merge again.dip joined-0*.dip
