# SPDX-License-Identifier: Apache-2.0
# classify and rank.

samples pictures
colour red.ppm '\377\0\0'
colour green.ppm '\0\377\0'
mkdir -p tree/deep tree/.hidden
colour "tree/a blue one.ppm" '\0\0\377'
colour tree/deep/red.ppm '\377\0\0'
colour tree/.hidden/unseen.ppm '\0\0\0'
colour tree/.unseen.ppm '\0\0\0'
echo "no picture" >tree/notes.txt
cp "$root/assets/labels.txt" labels.txt

# ---- formats and labels
run classify-table classify pictures --labels labels.txt
run classify-top1 classify pictures/01.png pictures/02.png --labels labels.txt --top 1
run classify-tsv classify pictures -l labels.txt -f tsv -k 3
run classify-json classify pictures -l labels.txt -f json -k 2
run classify-quiet classify red.ppm green.ppm --labels 'red,green,"dark, blue"' -q
run classify-simple classify pictures/04.png -l labels.txt -t simple -f json
run classify-imagenet classify pictures/04.png -l labels.txt -t imagenet -f json
run classify-template classify pictures/04.png -l labels.txt -t "nothing but {}" -f tsv
printf '\357\273\277# colours\nred\n\n  dark blue  \r\ngreen\nred\n' >colours.txt
printf 'a photo of a {}.\n# no\n{} alone\n' >templates.txt
run classify-files classify red.ppm green.ppm --labels colours.txt --templates templates.txt -f json
run classify-batches classify pictures red.ppm --labels red,green -f tsv --batch 5 --threads 1

# ---- inputs
run classify-tree classify red.ppm nothing.png tree green.ppm --labels red,green -f json
run classify-tree-table classify tree --labels red,green
printf 'red.ppm\n\ntree/deep\nnowhere.png\n' >list
run classify-stdin classify - --labels red,green -f tsv <list
printf 'red.ppm\0tree/a blue one.ppm\0' >list0
run classify-stdin-null classify -0 - --labels red,green <list0
run classify-stdin-empty classify - --labels red,green </dev/null
mkdir empty
run classify-empty classify empty --labels red,green
cp red.ppm "$(printf 'tab\there\nline <&>.ppm')"
run classify-odd-tsv classify tab* --labels red,green -f tsv
run classify-odd-json classify tab* --labels red,green -f json
run classify-odd-table classify tab* --labels red,green
cp red.ppm "$(printf 'caf\351.ppm')"
run classify-latin classify caf* --labels red,green -f json

# ---- pictures of every kind, and broken ones
golden=$root/tests/golden/preprocess
mkdir kinds
for name in animated.gif cmyk.jpg exif6.jpg grey16.png grey_alpha.png interlaced.gif palette4.bmp palette_trns.png \
    progressive.jpg rgb.psd rgb565.bmp rgba.webp rle8.bmp one_pixel.png bits.pbm; do
    cp "$golden/$name" kinds
done
run classify-kinds classify kinds -l labels.txt -f tsv -k 2
for way in model white black drop; do
    run "classify-alpha-$way" classify kinds/rgba.webp -l labels.txt -f tsv -k 2 --alpha "$way"
done
run classify-no-exif classify kinds/exif6.jpg -l labels.txt -f json -k 2 --no-exif
run classify-fast classify "$golden/large.jpg" -l labels.txt -f json -k 2 --fast-decode
mkdir broken
: >broken/empty.png
echo "a line of text" >broken/text.jpg
head -c 20 red.ppm >broken/cut.ppm
head -c 5000 pictures/01.png >broken/cut.png
head -c 5000 pictures/03.jpg >broken/cut.jpg
head -c 100 "$golden/rgba.webp" >broken/cut.webp
head -c 60 "$golden/palette.gif" >broken/cut.gif
printf 'P6\n100000 100000\n255\n' >broken/bomb.ppm
ln -s nowhere broken/dangling.png
run classify-broken classify broken red.ppm --labels red,green -f json
run classify-broken-table classify broken --labels red,green
run classify-max-pixels classify red.ppm pictures/01.png --labels red,green --max-pixels 12
run classify-max-bytes classify red.ppm pictures/01.png --labels red,green --max-bytes 100

# ---- what is refused
run classify-no-pictures classify --labels cat
run classify-no-labels classify a.png
run classify-label-twice classify red.ppm --labels red,green,red
run classify-label-empty classify red.ppm --labels red,,green
run classify-label-quote classify red.ppm --labels 'red,"green'
run classify-labels-missing classify red.ppm --labels missing.txt
: >none.txt
run classify-labels-none classify red.ppm --labels none.txt
printf 'red\n\377\376\n' >latin.txt
run classify-labels-latin classify red.ppm --labels latin.txt
run classify-templates-missing classify red.ppm --labels red,green --templates missing
echo "a photo" >plain
run classify-templates-plain classify red.ppm --labels red,green --templates plain
mkdir hollow
run classify-model-nowhere classify red.ppm --labels red,green --model nowhere
run classify-model-hollow classify red.ppm --labels red,green --model hollow
run classify-device classify red.ppm --labels red,green --device "warp drive"
run classify-gemm classify red.ppm --labels red,green --gemm abacus
run classify-precision classify red.ppm --labels red,green --precision f8
(
    OCL_ICD_VENDORS=hollow
    export OCL_ICD_VENDORS
    run classify-no-opencl classify red.ppm --labels red,green
)

# ---- rank
run rank-table rank pictures/01.png "a red heart" "a blue star" "a heart in outline"
run rank-json rank pictures/01.png "a red heart" "a blue star" "a red heart" -f json
run rank-tsv rank pictures/01.png "a red heart" "$(printf -- 'tab\there\nline')" "" -f tsv -q
run rank-dash rank --format tsv -- red.ppm "-dash"
run rank-one rank red.ppm "a red circle" -f json
run rank-long rank red.ppm "$(yes "a red circle and" | head -n 40 | paste -s -d ' ' -)" "something red" -f tsv
run rank-none rank
run rank-no-captions rank red.ppm
run rank-both rank --file list red.ppm "a red circle"
run rank-file-missing rank --file missing.jsonl
run rank-file-folder rank --file .
run rank-missing rank missing.png "a red circle" --format json
run rank-missing-table rank missing.png "a red circle"
run rank-latin rank red.ppm "a red circle" "$(printf 'caf\351')"
{
    printf '\357\273\277{"path": "red.ppm", "captions": ["something red", "something blue"]}\r\n'
    echo 'no json'
    echo '{"path": "missing.png", "captions": ["something red"]}'
    echo
    echo '{"path": "green.ppm", "captions": []}'
    echo '{"captions": ["something red"]}'
    echo '{"path": "green.ppm"}'
    echo '{"path": "green.ppm", "captions": ["a", 2]}'
    echo '{"path": 3, "captions": ["a"]}'
    echo '["green.ppm"]'
    printf '{"path": "red.ppm", "captions": ["caf\351"]}\n'
    echo '{"path": "broken/cut.png", "captions": ["something green", "something blue"]}'
    echo '{"path": "pictures/02.png", "captions": ["a blue star", "a red heart"], "id": 7}'
    printf '{"path": "red.ppm", '
} >list.jsonl
run rank-file-json rank --file list.jsonl -f json -b 2
run rank-file-tsv rank --file list.jsonl -f tsv
run rank-file-table rank --file list.jsonl -q
run rank-stdin rank --file - -f json -q <list.jsonl
run rank-model rank red.ppm "a red circle" --model hollow

# ---- embed

run embed-json embed red.ppm nothing.png
run embed-npy embed pictures/01.png broken -o embedded.npy
wrote embedded.jsonl
run embed-texts embed --texts - -o texts.jsonl -q <labels.txt
wrote texts.jsonl
run embed-both embed red.ppm --texts labels.txt
run embed-neither embed red.ppm -o embedded
run embed-storage embed red.ppm -o embedded.jsonl --storage f16
cp list.jsonl mine.jsonl
run embed-replaces embed red.ppm -o mine.npy
run embed-nowhere embed red.ppm -o nowhere/embedded.npy
