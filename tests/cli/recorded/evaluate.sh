# SPDX-License-Identifier: Apache-2.0
# evaluate retrieval and evaluate classify.

samples pictures
cp "$root/assets/captions/references.json" references.json
run retrieval-table evaluate retrieval -c references.json -i pictures
run retrieval-tsv evaluate retrieval -c references.json -i pictures -f tsv -q
run retrieval-json evaluate retrieval -c references.json -i pictures -f json
run retrieval-clip-benchmark evaluate retrieval -c references.json -i pictures --model default -f clip-benchmark
run retrieval-samples evaluate retrieval -c references.json -i pictures --samples 100 --seed 7

# ---- some pictures fail, some are missing, some nobody asks for
mkdir some
colour some/red.ppm '\377\0\0'
colour some/green.ppm '\0\377\0'
colour some/000000000042.ppm '\0\0\377'
colour some/unasked.ppm '\0\0\0'
echo "no picture" >some/broken.png
cat >coco.json <<'JSON'
{"images": [{"id": 1, "file_name": "red.ppm"}, {"id": 2, "file_name": "train/green.ppm"}, {"id": 9, "file_name": "broken.png"}],
 "annotations": [{"image_id": 1, "caption": "something red"}, {"image_id": 2, "caption": "something green"},
  {"image_id": 9, "caption": "something broken"}, {"image_id": 1, "caption": "red paint"}, {"image_id": 42, "caption": "blue"}]}
JSON
run retrieval-broken evaluate retrieval -c coco.json -i some
run retrieval-broken-json evaluate retrieval -c coco.json -i some -f json
sed 's/"blue"}/"blue"}, {"image_id": 77, "caption": "nowhere"}/' coco.json >missing.json
run retrieval-missing evaluate retrieval -c missing.json -i some
run retrieval-allow-missing evaluate retrieval -c missing.json -i some --allow-missing -f json
mkdir again && cp some/*.ppm again && mkdir again/deep && cp some/red.ppm again/deep
run retrieval-twice evaluate retrieval -c coco.json -i again --allow-missing
mkdir empty
run retrieval-empty evaluate retrieval -c coco.json -i empty --allow-missing
run retrieval-nowhere evaluate retrieval -c coco.json -i nowhere
run retrieval-no-file evaluate retrieval -c nowhere.json -i some
echo '{"broken": "something broken"}' >broken.json
run retrieval-all-broken evaluate retrieval -c broken.json -i some
run retrieval-no-images evaluate retrieval -c coco.json
run retrieval-model evaluate retrieval -c coco.json -i some --model empty

# ---- folders of classes; a blue star lies among the hearts
samples shapes/heart 01 02
samples shapes/star 02
samples shapes/flower 07 12
samples shapes/diamond 09 11
colour shapes/star/plain.ppm '\377\377\0'
run classes-table evaluate classify shapes
run classes-tsv evaluate classify shapes -f tsv -q
run classes-json evaluate classify shapes -f json
run classes-html evaluate classify shapes --html page.html -t "a {}"
wrote page.html
run classes-jsonl evaluate classify shapes --predictions lines.jsonl -q
wrote lines.jsonl
run classes-lines evaluate classify shapes --predictions lines.tsv -q
wrote lines.tsv
run classes-clip-benchmark evaluate classify shapes --model default -f clip-benchmark

# ---- several models: the default one, and one whose pictures are half as large
cp -rL "$root/assets/model" half && chmod u+w half half/*.json
sed 's/"shortest_edge": [0-9]*/"shortest_edge": 24/' "$root/assets/model/preprocessor_config.json" >half/preprocessor_config.json
run classes-models evaluate classify shapes --model default --model half
run classes-models-tsv evaluate classify shapes --model default --model half -f tsv --samples 50
run classes-models-json evaluate classify shapes --model default --model half -f json
run classes-models-html evaluate classify shapes --model default --model half --html models.html -q
wrote models.html
run retrieval-models evaluate retrieval -c references.json -i pictures --model default --model half
run retrieval-models-json evaluate retrieval -c references.json -i pictures --model default --model half -f json -q
run classes-models-nowhere evaluate classify shapes --model default --model ./nowhere
run classes-models-lines evaluate classify shapes --model default --model half --predictions lines.tsv
run classes-models-clip-benchmark evaluate classify shapes --model default --model half -f clip-benchmark
run classes-lines-suffix evaluate classify shapes --predictions lines.csv
run classes-samples-none evaluate classify shapes --samples 0

# ---- what was published, with pictures that stand in for a data set
samples cars/automobile 01 02
samples cars/bird 03
samples cars/ship 07 12
run reproduce evaluate --reproduce openai/ViT-B-32 cifar10 --data cars --allow-missing --model default -q
run reproduce-json evaluate --reproduce ViT-B-32/openai cifar10 --data cars --allow-missing --model default -q -t "a {}" -f json
run reproduce-not-there evaluate --reproduce ViT-B-32/openai cifar10 --data cars --allow-missing
run reproduce-unknown evaluate --reproduce ViT-B-16/openai cifar10 --data cars
run reproduce-unknown-set evaluate --reproduce ViT-B-16/openai pets --data cars
run reproduce-no-set evaluate --reproduce ViT-B-16/openai nowhere --data cars
run reproduce-no-data evaluate --reproduce ViT-B-16/openai imagenet
run reproduce-no-labels evaluate classify cars --reproduce ViT-B-16/openai
run reproduce-models evaluate --reproduce ViT-B-32/openai cifar10 --data cars --model default --model half
run classes-more evaluate classify shapes --labels heart,star,flower,diamond,cloud,ring --allow-missing -t imagenet -f json
run classes-less evaluate classify shapes --labels heart,star,flower
run classes-unknown evaluate classify shapes --labels heart,star,flower,diamond,cloud
run classes-allow-missing evaluate classify shapes --labels heart,star,cloud --allow-missing
printf 'heart\tred heart\nstar\tblue star\nflower\twhite flower\ndiamond\tred heart\n' >classes.tsv
run classes-file evaluate classify shapes --classes classes.tsv -f tsv
echo "heart red heart" >blank.tsv
run classes-file-blank evaluate classify shapes --classes blank.tsv
printf 'heart\tred\nheart\tgreen\n' >twice.tsv
run classes-file-twice evaluate classify shapes --classes twice.tsv
run classes-file-nowhere evaluate classify shapes --classes nowhere.tsv

mkdir -p "odd/<b> & \"c\"" odd/red odd/blue odd/.hidden
colour "odd/<b> & \"c\"/a.ppm" '\377\0\0'
colour odd/red/a.ppm '\377\0\0'
colour odd/red/c.ppm '\0\377\0'
colour odd/unseen.ppm '\0\0\0'
echo "no picture" >odd/red/b.png
run classes-odd evaluate classify odd --html page.html -f json
wrote page.html
run classes-page-nowhere evaluate classify odd --html nowhere/page.html
mkdir -p none/red none/green one/red
run classes-none evaluate classify none
colour one/red/a.ppm '\377\0\0'
run classes-one evaluate classify one
run classes-no-folders evaluate classify one/red
run classes-nowhere evaluate classify nowhere
run classes-two evaluate classify some odd

# ---- an index, whose pictures are not encoded again
run indexed-build index build pictures.dip pictures --storage f32 -q
run retrieval-index evaluate retrieval -c references.json pictures.dip
run retrieval-index-json evaluate retrieval -c references.json pictures.dip -f json -q
run retrieval-index-missing evaluate retrieval -c missing.json pictures.dip
run retrieval-index-images evaluate retrieval -c references.json pictures.dip -i pictures
run retrieval-index-two evaluate retrieval -c references.json pictures.dip other.dip
run retrieval-index-captions evaluate retrieval pictures.dip
run retrieval-index-models evaluate retrieval -c references.json pictures.dip --model default --model half
run retrieval-index-model evaluate retrieval -c references.json pictures.dip --model half
run retrieval-index-nowhere evaluate retrieval -c references.json nowhere.dip
