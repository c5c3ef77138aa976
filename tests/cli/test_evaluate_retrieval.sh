#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# evaluate retrieval with the tests' model: numbers, formats, and captions and pictures that do not fit together.
. "$2/tests/cli/lib.sh"

tab=$(printf '\t')
references=$root/assets/captions/references.json
evaluate() {
    run evaluate retrieval "$@"
}

# ---- the numbers, from the cosines of every picture with every caption that `rank` prints
captions=$(sed -n 's/^  \(".*"\),*$/\1/p' "$references" | paste -s -d , -)
for picture in "$root"/assets/pictures/*; do
    echo "{\"path\": \"$picture\", \"captions\": [$captions]}"
done >all.jsonl
run rank --file all.jsonl --format tsv --precision f32 --quiet
expect_status 0
expect_lines out 432 # 12 x 36
cp out cosines
evaluate -c "$references" -i "$root/assets/pictures" -f tsv
expect_status 0
expect_lines out 3
expect_match err '^12 pictures, 0 failed: '
sed -n 's/^ "\([0-9]*\)": .*/\1/p; s/^  "\(.*\)",*$/\1/p' "$references" |
    awk '/^[0-9]+$/ { id = $0; next } { print id "\t" $0 }' >captions.tsv
expect_lines captions.tsv 36
awk -F "$tab" '
    FNR == NR { of[$2] = $1; next }
    { sub(/.*\//, "", $1); sub(/\..*/, "", $1); cosine[$1, $2] = $3; images[$1] }
    END {
        for (image in images) {
            best = -2
            for (text in of) if (of[text] == image && cosine[image, text] > best) best = cosine[image, text]
            rank = 1
            for (text in of) rank += of[text] != image && cosine[image, text] >= best
            for (k = 1; k <= 10; k++) i2t[k] += rank <= k
            i2t_mean += rank / 12
        }
        for (text in of) {
            rank = 1
            for (image in images) rank += image != of[text] && cosine[image, text] >= cosine[of[text], text]
            for (k = 1; k <= 10; k++) t2i[k] += rank <= k
            t2i_mean += rank / 36
        }
        printf "image_to_text\t12\t%.9f\t%.9f\t%.9f\t%.9f\n", i2t[1] / 12, i2t[5] / 12, i2t[10] / 12, i2t_mean
        printf "text_to_image\t36\t%.9f\t%.9f\t%.9f\t%.9f\n", t2i[1] / 36, t2i[5] / 36, t2i[10] / 36, t2i_mean
    }' captions.tsv cosines >expected
awk -F "$tab" 'NR > 1 { printf "%s\t%s\t%.9f\t%.9f\t%.9f\t%.9f\n", $1, $2, $3, $4, $5, $7 }' out >ours
cmp -s ours expected || problem "not the ranks by rank's cosines: $(diff ours expected)"
expect_match out "^direction${tab}queries${tab}R@1${tab}R@5${tab}R@10${tab}median_rank${tab}mean_rank\$"

# The same captions a line of JSON each, as Hugging Face's image folders have them.
cp out of_lists
while IFS=$tab read -r id text; do
    echo "{\"file_name\": \"$(basename "$root/assets/pictures/$id."*)\", \"text\": \"$text\"}"
done <captions.tsv >metadata.jsonl
evaluate -c metadata.jsonl -i "$root/assets/pictures" -f tsv
expect_status 0
cmp -s out of_lists || problem "lines of JSON have other numbers: $(diff out of_lists)"

# Captions that are all on the wrong picture find nothing first.
sed -e 's/^ "01"/ "x"/; s/^ "02"/ "01"/; s/^ "x"/ "02"/' -e 's/^ "04"/ "x"/; s/^ "05"/ "04"/; s/^ "x"/ "05"/' \
    "$references" >swapped.json
evaluate -c swapped.json -i "$root/assets/pictures" -f json
expect_status 0
awk '/"R@1"/ { gsub(/[^0-9.]/, "", $2); if ($2 > 0.7) bad = 1 } END { exit bad }' out ||
    problem "swapped captions are found as well as before"

# ---- formats
evaluate -c "$references" -i "$root/assets/pictures" -f json --quiet
expect_status 0
expect_empty err
for key in image_to_text text_to_image R@1 R@5 R@10 median_rank mean_rank queries model precision; do
    expect_text out "\"$key\": "
done
expect_text out '"precision": "f32"'
expect_text out '"failed": 0,'
evaluate -c "$references" -i "$root/assets/pictures"
expect_status 0
expect_lines out 6
expect_match out '^ +queries +R@1 +R@5 +R@10 +median mean rank$'
expect_match out '^image to text +12( +[0-9.]+ %){3} +1 +1\.[0-9]$'
expect_match out '^text to image +36( +[0-9.]+ %){3} +1 +1\.[0-9]$'
expect_match out '^text to image +95 %(  R@[0-9]+ \[[0-9.]+, 100\.0\]){3}$'

# ---- COCO's annotations: pictures by file name; some fail, some are missing, some nobody asks for
mkdir pictures
picture pictures/red.ppm '\377\0\0'
picture pictures/green.ppm '\0\377\0'
picture pictures/000000000042.ppm '\0\0\377'
picture pictures/unasked.ppm '\0\0\0'
echo "no picture" >pictures/broken.png
echo "not a picture at all" >pictures/notes.txt
image() {
    printf '{"id": %s, "file_name": "%s"}' "$1" "$2"
}
caption() {
    printf '{"image_id": %s, "caption": "%s"}' "$1" "$2"
}
coco() {
    printf '{"images": [%s, %s, %s' "$(image 1 red.ppm)" "$(image 2 train/green.ppm)" "$(image 9 broken.png)"
    printf '], "annotations": [%s, %s, ' "$(caption 1 "something red")" "$(caption 2 "something green")"
    printf '%s, %s, %s%s]}\n' "$(caption 9 "something broken")" "$(caption 1 "red paint")" "$(caption 42 "blue")" "$1"
}
coco "" >coco.json
evaluate -c coco.json -i pictures -f json
expect_status 1
expect_match err "^diptych: unable to read 'pictures/broken\.png': "
expect_match err '^4 pictures, 1 failed: '
expect_text out '"failed": 1,'
expect_text out '"without_picture": 0,'
expect_text out '"without_captions": 1,'
[ "$(sed -n 's/.*"queries": \([0-9]*\),/\1/p' out | paste -s -d ' ' -)" = "3 4" ] || problem "not 3 images and 4 captions"
evaluate -c coco.json -i pictures
expect_status 1
expect_line out "unreadable pictures, left out with their captions: 1"
expect_line out "pictures without captions, which are no part of this: 1"

coco ", $(caption 77 "nowhere"), $(caption 78 "nowhere either")" >missing.json
evaluate -c missing.json -i pictures
expect_status 2
expect_empty out
expect_line err "diptych: cannot evaluate: no picture of image '77' in 'pictures' (2 of 6 without one); --allow-missing leaves them out"
evaluate -c missing.json -i pictures --allow-missing --format json
expect_status 1
expect_text out '"without_picture": 2,'
[ "$(sed -n 's/.*"queries": \([0-9]*\),/\1/p' out | paste -s -d ' ' -)" = "3 4" ] || problem "not 3 images and 4 captions"

mkdir pictures/again
cp pictures/red.ppm pictures/again
evaluate -c coco.json -i pictures --allow-missing
expect_status 2
expect_line err "diptych: cannot evaluate: several pictures of image '1' in 'pictures'"

# ---- what cannot be evaluated at all
mkdir empty
evaluate -c coco.json -i empty --allow-missing
expect_status 2
expect_text err "no picture of image '1' in 'empty' (4 of 4 without one)"
evaluate -c coco.json -i nowhere
expect_status 2
expect_line err "diptych: cannot evaluate: unable to read 'nowhere': No such file or directory"
evaluate -c nowhere.json -i pictures
expect_status 2
expect_line err "diptych: cannot evaluate: unable to open 'nowhere.json': No such file or directory"
rm -r pictures/again
echo '{"broken": "something broken"}' >broken.json
evaluate -c broken.json -i pictures
expect_status 2
expect_empty out
expect_text err "cannot evaluate: no picture with captions could be read"
evaluate -c coco.json
expect_status 2
expect_text err "no pictures: say --images DIR"
evaluate -i pictures
expect_status 2
expect_text err "no captions: say --captions FILE"

# ---- an index: the figures of the files that it was made of, without them; where it rounds, nearly those
cp "$references" references.json
cp -r "$root/assets/pictures" loose
evaluate -c references.json -i loose -f tsv -q
cp out wanted
for storage in f32 f16 i8; do
    run index build $storage.dip loose --storage $storage --precision f32 -q
    expect_status 0
done
rm -rf loose
evaluate -c references.json f32.dip -f tsv
expect_status 0
cmp -s wanted out || problem "not the figures of the files: $(diff wanted out)"
expect_match err "^12 pictures of 'f32\.dip' \(f32\), 36 captions: "
for storage in f16 i8; do
    evaluate -c references.json $storage.dip -f json -q
    expect_status 0
    expect_text out "\"storage\": \"$storage\","
    awk '/"R@1"/ { gsub(/[^0-9.]/, "", $2); if ($2 < 0.9) bad = 1 } END { exit bad }' out ||
        problem "figures of $storage are far from those of f32"
done

# A picture is found by its path, as captions have it too; what is there twice by its name says so.
mkdir twice twice/a twice/b
picture twice/a/1.ppm '\377\0\0'
picture twice/b/1.ppm '\0\377\0'
picture twice/b/2.ppm '\0\0\377'
run index build twice.dip twice --storage f32 -q
# paths FIRST SECOND: captions of three pictures, of which these two have one name; the third has two captions.
paths() {
    printf '{"images": [%s, %s, %s], ' "$(image 11 "$1")" "$(image 12 "$2")" "$(image 13 elsewhere/2.ppm)"
    printf '"annotations": [%s, %s, ' "$(caption 11 red)" "$(caption 12 green)"
    printf '%s, %s]}\n' "$(caption 13 blue)" "$(caption 13 "blue paint")"
}
paths "$scratch/twice/a/1.ppm" twice/b/1.ppm >paths.json
evaluate -c paths.json twice.dip -f json -q
expect_status 0
[ "$(sed -n 's/.*"queries": \([0-9]*\),/\1/p' out | paste -s -d ' ' -)" = "3 4" ] || problem "not 3 images and 4 captions"
paths "$scratch/twice/a/1.ppm" b/1.ppm >names.json
evaluate -c names.json twice.dip
expect_status 2
expect_line err "diptych: cannot evaluate: several pictures of image '12' in 'twice.dip'"
evaluate -c missing.json f32.dip
expect_status 2
expect_empty out
expect_line err "diptych: cannot evaluate: no picture of image '1' in 'f32.dip' (6 of 6 without one); --allow-missing leaves them out"
paths twice/a/1.ppm twice/nowhere.ppm >one.json
evaluate -c one.json twice.dip --allow-missing -f json -q
expect_status 0
expect_text out '"without_picture": 1,'
expect_text out '"without_captions": 1,'

# A damaged vector is no number.
printf '\377' | dd of=twice.dip/vectors.f32 bs=1 seek=9 conv=notrunc 2>/dev/null
evaluate -c paths.json twice.dip
expect_status 2
expect_empty out
expect_text err "twice.dip/vectors.f32"
refused "'f32.dip' is an index, which has the vectors of its pictures" evaluate retrieval -c references.json f32.dip -i pictures

# ---- the command above
run evaluate
expect_status 2
expect_text err "diptych evaluate: no subcommand"
run evaluate captions
expect_status 2
expect_line err "diptych: 'captions' is not a command of evaluate; 'diptych help evaluate' lists them"
run evaluate --help
expect_status 0
expect_match out '^  retrieval  '
run help evaluate retrieval
expect_status 0
expect_match out '^Usage: diptych evaluate retrieval '

finish
