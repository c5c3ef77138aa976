# SPDX-License-Identifier: Apache-2.0
# score: one system, systems side by side, kinds of files, CLIPScore, and what is refused.

cp "$root/tests/golden/captions/refs.json" "$root/tests/golden/captions/candidates.json" .

# ---- one system
run score-table score --references refs.json --candidates candidates.json
run score-verbose score -r refs.json -c candidates.json --verbose -q
run score-json score -r refs.json -c candidates.json -f json
run score-tsv score -r refs.json -c candidates.json -f tsv
run score-options score -r refs.json -c candidates.json --context off --smooth floor --smooth-value 0.5 --lowercase -f tsv
run score-metrics score -r refs.json -c candidates.json --metrics chrF2,chrF2++,TER,ROUGE_L -v
run score-metrics-all score -r refs.json -c candidates.json --metrics all -f json
run score-metrics-wrong score -r refs.json -c candidates.json --metrics chrF2,,TER
printf '一只猫坐在垫子上。\n' >zh-reference.txt
printf '一只猫在垫子上\n' >zh.txt
run score-chinese score -r zh-reference.txt -c zh.txt
run score-chinese-cut score -r zh-reference.txt -c zh.txt --tokenize zh --metrics sacreBLEU
printf '猫がマットの上に座っています。\n' >ja-reference.txt
printf '猫がマットに座っている。\n' >ja.txt
run score-japanese score -r ja-reference.txt -c ja.txt --tokenize ja-mecab --metrics sacreBLEU
run score-japanese-nowhere score -r ja-reference.txt -c ja.txt --tokenize ja-mecab --mecab-dictionary nowhere
run score-dictionary-alone score -r ja-reference.txt -c ja.txt --mecab-dictionary nowhere
run score-tokens score -r refs.json -c candidates.json --tokenize none --smooth add-k -v

# ---- kinds of files
printf 'A cat.\nTwo dogs run.\n' >ref0.txt
printf 'The cat sits.\n\n' >ref1.txt
printf 'a cat\ntwo dogs run\n' >mine.txt
run score-lines score -r ref0.txt -r ref1.txt -c mine.txt
gzip -nk mine.txt
run score-gzip score -r ref0.txt -r ref1.txt -c mine.txt.gz -f tsv
echo '{"1": ["A cat.", "The cat sits."], "2": "Two dogs run."}' >stems.json
echo '{"images": [{"imgid": 1, "split": "val", "sentences": [{"raw": "A cat."}, {"raw": "The cat sits."}]},
    {"imgid": 2, "split": "val", "sentences": [{"raw": "Two dogs run."}]}]}' >karpathy.json
run score-karpathy score -r karpathy.json -c mine.txt --split val
run score-split score -r karpathy.json -c mine.txt
run score-save-df score -r stems.json --save-df saved.df
wrote saved.df
run score-df score -r refs.json -c candidates.json --df saved.df
run score-df-wrong score -r stems.json -c mine.txt --df mine.txt
run score-df-missing score -r stems.json -c mine.txt --df nowhere.df
run score-save-df-nowhere score -r stems.json --save-df nowhere/saved.df

# ---- several systems
echo '{"1": "a cat", "2": "a bus"}' >poor.json
run score-compare score -r stems.json --compare mine.txt poor.json mine.txt --seed 1 --samples 100
run score-compare-metrics score -r stems.json --compare mine.txt poor.json --seed 1 --samples 100 --metrics TER,chrF2
run score-compare-json score -r stems.json --compare mine.txt poor.json --samples 100 -f json
run score-compare-tsv score -r stems.json --compare mine.txt poor.json --samples 100 -f tsv -q

# ---- images of which something is missing
echo '{"2": "two dogs run", "3": "a bus", "4": "a car"}' >other.json
run score-no-references score -r stems.json -c other.json
echo '{"2": "two dogs run"}' >part.json
run score-no-candidate score -r stems.json -c part.json
run score-allow-missing score -r stems.json -c other.json --allow-missing

# ---- CLIPScore
samples pictures
cp "$root/assets/captions/references.json" references.json
cp "$root/assets/captions/careful.json" "$root/assets/captions/hasty.json" .
run score-images score -r references.json -c careful.json --images pictures --allow-missing
run score-images-json score -r references.json -c careful.json -i pictures -f json --allow-missing -q
run score-images-tsv score -r references.json -c hasty.json -i pictures -f tsv --allow-missing -q
run score-images-compare score -r references.json --compare careful.json hasty.json -i pictures --allow-missing --samples 50
run score-images-none score -r stems.json -c mine.txt --images pictures
run score-images-nowhere score -r stems.json -c mine.txt --images nowhere
mkdir bad && echo "no picture" >bad/COCO_val2014_000000000042.jpg
echo '[{"image_id": 42, "caption": "a red heart"}]' >42.json
run score-images-bad score -r 42.json -c 42.json --images bad
mkdir twice && cp pictures/01.png twice && cp pictures/02.png twice/01.ppm
echo '{"01": "a red heart"}' >01.json
run score-images-twice score -r 01.json -c 01.json --images twice

# ---- bad files
echo '[{"image_id": 1, "caption": "a"}, {"image_id": 1, "caption": "b"}]' >two.json
run score-two-candidates score -r stems.json -c two.json --allow-missing
echo '[{"image_id": 1, "caption": 5}]' >number.json
run score-number score -r stems.json -c number.json
printf 'fine\nbad \377\n' >bad.txt
run score-latin score -r bad.txt -c mine.txt
: >empty.txt
run score-empty score -r empty.txt -c mine.txt
echo '{"1": ' >cut.json
run score-cut score -r cut.json -c mine.txt
run score-nowhere score -r nowhere.json -c mine.txt
run score-candidates-alone score -c mine.txt
run score-references-alone score -r stems.json
run score-compare-one score -r stems.json --compare mine.txt
run score-smooth score -r stems.json -c mine.txt --smooth twice
