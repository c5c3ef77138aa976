#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train: what it learns from, and what it writes. What becomes of runs that end too early is test_train_resume.sh's.
. "$2/tests/cli/lib.sh"

scenes=$4 make_shard=$5

# captions FOLDER: image,caption of its scenes.
captions() {
    echo image,caption
    sed -n 's/.*"path": "\([^"]*\)", "caption": "\([^"]*\)".*/\1,"\2"/p' "$1/scenes.jsonl"
}
"$scenes" --count 40 --seed 5 --out tree >/dev/null
captions tree >tree.csv
learn="train --captions tree.csv --images tree --steps 6 --batch 8 --rate 1e-4"

# ---- a model comes of it, that is another
run $learn -o whole --log whole.jsonl --html whole.html
expect_status 0
expect_empty out
expect_text err '40 pictures with 40 captions: 6 steps of 8, 5 an epoch; 2202881 parameters are trained'
expect_match err '^step 1/6  loss [0-9.]+  accuracy [0-9.]+ %  rate 1\.00e-04$'
expect_match err '^step 6/6  loss .* pictures/s  0:00 left$'
expect_match err "^'whole' has the hugging face layout and 2202881 parameters in f16, after 6 steps"
[ ! -e whole.part ] || problem "whole.part is still there"
expect_lines whole.jsonl 6
[ "$(grep -c '<svg' whole.html)" -eq 5 ] || problem "not five curves on the page"
grep -q location.reload whole.html && problem "the page of what is over loads itself again"
grep -q '"step": 6, "epoch": 2, "pictures": 8' whole.jsonl || problem "no step 6 of epoch 2 in the log"
cmp -s whole/model.safetensors "$DIPTYCH_MODEL/model.safetensors" && problem "nothing was learned"
run classify tree/000000.png --model whole -l circle,star -q
expect_status 0
run $learn -o again -q
expect_status 0
expect_empty err
cmp -s whole/model.safetensors again/model.safetensors || problem "another model from the same seed"
run $learn -o other -q --seed 1
cmp -s whole/model.safetensors other/model.safetensors && problem "the same model from another seed"
run $learn -o plain -q --augment none
cmp -s whole/model.safetensors plain/model.safetensors && problem "the same model from pictures that are not cropped"
run $learn -o f32 --dtype f32 -q
run inspect f32
expect_match out '^model +f32$'
[ "$(wc -c <f32/model.safetensors)" -gt 8000000 ] || problem "f32 is not of 4 bytes a number"

# ---- from nothing, with captions that tell what they state
"$scenes" --count 48 --seed 6 --kind single --lesson easy --coco easy.json --out easy >/dev/null
begin="train --captions easy.json --images easy --steps 4 --batch 16 --rate 3e-4 --augment none"
fresh="$begin --fresh --draw batch --open shape,colour"
run $fresh -o fresh --log fresh.jsonl
expect_status 0
expect_text err '48 pictures with 192 captions: 4 steps of 16, 3 an epoch; 2202881 parameters are trained'
expect_match fresh.jsonl '"step": 1, .*"scale": 14\.2' # that CLIP begins with
run $fresh -o fresh2 -q
cmp -s fresh/model.safetensors fresh2/model.safetensors || problem "other fresh weights from the same seed"
for other in "$fresh --seed 1" "$begin --draw batch --open shape,colour" "$begin --fresh --open shape,colour" "$begin --fresh --draw batch" "$fresh --each 4"; do
    run $other -o other3 -q
    expect_status 0
    cmp -s fresh/model.safetensors other3/model.safetensors && problem "the same model from '$other'"
    rm -rf other3
done
mkdir form
cp "$root"/tests/model/*.json "$root"/tests/model/merges.txt form/
run $fresh --model form -o formed -q
expect_status 0
run $fresh --dtype f32 -o wide -q
cmp -s formed/model.safetensors wide/model.safetensors || problem "other fresh weights where there are none yet"
run $fresh --each 1 -o once -q
cmp -s fresh/model.safetensors once/model.safetensors || problem "--each 1 is not the default"
refused "--each takes a number from 1 to 64, not '0'" $fresh --each 0 -o no
refused 'fresh weights are all trained: there is no part of them, no adapter and nothing to blend with' $fresh --part lora -o no
refused "no caption states a fact of the kind 'weight'" $fresh --open weight -o no
refused "no caption states a fact of the kind 'shape'" $learn --open shape -o no

# ---- parts of it
lora="$learn --part lora --rank 4 --rate 1e-3"
run $lora -o adapter
expect_status 0
expect_match err "steps of 8, 5 an epoch; [0-9]{5} parameters are trained"
expect_match err "^'adapter' is an adapter of [0-9]{5} parameters in f32, after 6 steps"
[ "$(ls adapter | tr '\n' ' ')" = "adapter_config.json adapter_model.safetensors " ] || problem "other files: $(ls adapter)"
run embed tree/000000.png -q
cp out plain.out
run embed tree/000000.png --lora adapter -q
expect_status 0
cmp -s plain.out out && problem "an adapter that changes nothing"
run $lora -o adapter2 -q --dropout 0.2
cmp -s adapter/adapter_model.safetensors adapter2/adapter_model.safetensors && problem "nothing drops out"
run $lora -o adapter3 -q --dropout 0.2
cmp -s adapter2/adapter_model.safetensors adapter3/adapter_model.safetensors || problem "another adapter from the same seed"
run $lora -o adapter4 -q --targets q_proj,v_proj --stabilized --lora-alpha 8
expect_status 0
grep -q '(q_proj|v_proj)' adapter4/adapter_config.json || problem "no pattern of the targets"
for part in text vision projections; do
    run $learn --part $part -o $part
    expect_status 0
    expect_text err "'$part' has the hugging face layout and 2202881 parameters in f16"
    cmp -s whole/model.safetensors $part/model.safetensors && problem "--part $part changes nothing"
done
for other in '--smoothing 0.1' '--average 0.5' '--blend 0.5'; do
    run $learn $other -o other2 -q
    expect_status 0
    cmp -s whole/model.safetensors other2/model.safetensors && problem "$other changes nothing"
    rm -rf other2
done
run $lora -o held-out --hold-out 0.2 --average 0.9
expect_status 0
expect_text err ', the best; '
run $learn --blend 0 -o back -q
run embed tree/000000.png --model back -q
cmp -s plain.out out || problem "--blend 0 is not where it began"
refused "'x' is none of q_proj" $lora -o x --targets q_proj,x
refused 'adapters are merged where all of a model is trained' $lora -o x --lora adapter

# ---- measured with what is held out
held="$learn --hold-out 0.2 --validate 2"
run $held -o measured --log measured.jsonl --html measured.html
expect_status 0
expect_text err '32 pictures with 32 captions: 6 steps of 8, 4 an epoch'
expect_match err '^after step 0: R@1 [0-9.]+ % image to text, [0-9.]+ % text to image, of 8 held-out pictures, the best so far$'
[ "$(grep -c '"train-validation/1", "step": [0246], "pictures": 8,' measured.jsonl)" -eq 4 ] || problem "not four validations in the log"
[ "$(grep -c '<svg' measured.html)" -eq 6 ] || problem "no curve of the validations"
grep -q 'R@1 text to image' measured.html || problem "no recall on the page"
best=$(sed -n 's/.*"train-validation.1", "step": \([0-9]*\),.*"best": true.*/\1/p' measured.jsonl | tail -n 1)
expect_text err ", after $best steps, the best; "
run $held -o patient --steps 40 --patience 2 --rate 0 --augment none
expect_status 0
[ "$(grep -c '^after step' err)" -eq 3 ] || problem "not one validation and two more that were no better"
expect_match err '^after step 4: '
expect_text err ', after 0 steps, the best; '
grep '000001.png\|000002.png' tree.csv | sed '1i image,caption' >few.csv
run $learn -o other-file --validation few.csv --steps 1
expect_status 0
expect_text err "2 of the 2 pictures of 'few.csv' are learned from, too"
"$scenes" --count 3 --seed 6 --out elsewhere >/dev/null # of the names that three others have
captions elsewhere >elsewhere.csv
run $learn -o elsewhere-too --validation elsewhere.csv --validation-images elsewhere --steps 1
expect_status 0
grep -q 'are learned from' err && problem "pictures of one name are taken for each other"
{ printf 'filepath\ttitle\n' && sed '1d; s/,"\(.*\)"$/\t\1/; s/^/tree\//' tree.csv; } >tree.tsv
run train --captions tree.tsv --images tree --steps 6 --batch 8 --rate 1e-4 -o of-tabs -q
expect_status 0
cmp -s whole/model.safetensors of-tabs/model.safetensors || problem "another model from a table of open_clip's"

# ---- other things to learn from
mkdir -p classes/dark classes/light
sed -n 's/.*"path": "\([^"]*\)".*"tone": "\([a-z]*\)".*/\1 \2/p' tree/scenes.jsonl |
    while read -r file tone; do cp "tree/$file" "classes/$tone/"; done
run train classes -t 'a {} scene' -t simple -o by-class --steps 1 --batch 8 --rate 1e-4
expect_status 0
expect_text err '40 pictures with 14 captions: 1 steps of 8, 5 an epoch'
run train classes -t simple -o by-class-1 --steps 5 --batch 8 --rate 0 --log by-class.jsonl -q
right=$(sed 's/.*"accuracy": \([0-9.]*\).*/\1/' by-class.jsonl | awk '{ sum += $1 } END { print (sum / NR > 0.9) }')
[ "$right" = 1 ] || problem "a class in another template is taken for wrong"
run train classes --steps 1 --batch 8 -o by-class-2 --hold-out 0.25
expect_text err '30 pictures with 2 captions'
expect_match err '^after step 1: [0-9.]+ % of 10 held-out pictures right'
grep -q 'one picture' err && problem "labels have more than one picture each"
mkdir -p classes2/lone classes2/none && cp -r classes/dark classes2 && cp tree/000000.png classes2/lone
run train classes2 --steps 1 --batch 8 -o by-class-3
expect_status 0
expect_text err "2 of 3 labels have one picture to learn from, or none: 'lone', 'none'"
(cd tree && for file in *.png; do grep "^$file," ../tree.csv | cut -d '"' -f 2 >"${file%.png}.txt"; done
    rm 000003.txt && printf '\n \n' >000004.txt)
"$make_shard" shard.tar $(for file in tree/*.png tree/*.txt; do echo "${file#tree/}=$file"; done)
run train shard.tar --steps 1 --batch 8 -o from-shard
expect_status 0
expect_text err '38 pictures with 38 captions'
run train shard.tar --exclude '00003?.*' --batch 8 --dry-run -f json -q
expect_text out '"pictures": 28'
{ cat tree.csv && for i in 0 1 2; do echo "00000$i.png,another wording"; echo "00000$i.png,' '"; done; } | sed "s/' '/ /" >several.csv
run train --captions several.csv --images tree --steps 1 --batch 8 -o several --chunk 3 --recompute
expect_status 0
expect_text err '40 pictures with 43 captions'
expect_text err '3 captions without a word are left out'

# ---- measured with what is of another kind than what is learned from
echo dark >dark.cls && echo light >light.cls && printf '\377\n' >bad.txt
"$make_shard" classes.tar a.png="$(ls classes/dark/* | head -n 1)" a.cls=dark.cls b.png="$(ls classes/light/* | head -n 1)" b.cls=light.cls
run train classes --validation classes.tar --steps 1 --batch 8 -o by-archive
expect_status 0
expect_match err '^after step 1: [0-9.]+ % of 2 held-out pictures right'
run train shard.tar --validation classes --steps 1 --batch 8 -o by-folders
expect_status 0
expect_match err '^after step 1: [0-9.]+ % of 40 held-out pictures right'
printf 'dark\nlight\n' >names
run train classes --labels - --validation classes --steps 1 --batch 8 -o by-pipe <names
expect_status 0
expect_match err '^after step 1: [0-9.]+ % of 40 held-out pictures right'
"$make_shard" bad.tar a.png=tree/000000.png a.txt=tree/000000.txt b.png=tree/000001.png b.txt=bad.txt c.png=tree/000002.png c.txt=tree/000002.txt
run train shard.tar --validation bad.tar --steps 1 --batch 8 -o by-few
expect_status 1
expect_text err "unable to read 'bad.tar!/b.txt'"
expect_text err 'of 2 held-out pictures'

# ---- a plan
run $learn --dry-run -f json
expect_status 0
expect_text out '"parameters": 2202881'
expect_text out '"steps": 6'
expect_text out '"seconds_a_step"'
run $learn --dry-run -o whole2 -q
expect_match out '^memory_mib +[0-9.]+$'
[ ! -e whole2 ] && [ ! -e whole2.part ] || problem "a dry run leaves something"

# ---- pictures that break
cp -r tree broken
for i in 5 6 7; do head -c 200 tree/00000$i.png >broken/00000$i.png; done
run train --captions tree.csv --images broken -o damaged --epochs 2 --batch 10 --rate 1e-4
expect_status 1
[ "$(grep -c 'broken/00000[567].png' err)" -eq 3 ] || problem "not each of three pictures once"
for file in broken/*.png; do echo no picture >"$file"; done
refused 'none of the 10 pictures of step 1 can be read' train --captions tree.csv --images broken -o none --batch 10
[ ! -e none ] && [ ! -e none.part ] || problem "something is left of nothing"

# ---- what cannot be
refused 'no folder for the trained model' train --captions tree.csv --images tree
refused 'nothing to learn from' train -o x
refused 'no pictures: say --images DIR' train --captions tree.csv -o x
refused '--captions another' train tree --captions tree.csv --images tree -o x
refused '--split is of a file' train classes --split val -o x
refused 'are of pictures by class' train --captions tree.csv --images tree -l a,b -o x
refused '--exclude and --no-default-excludes are of folders and archives' $learn -o x --exclude a
refused '--rank is of --part lora' $learn -o x --rank 4
refused '--dropout is of --part lora' $learn -o x --dropout 0.1
refused '--precision int8 is of models that are used' $learn -o x --precision int8
refused '--crop-scale is of --augment crop' $learn -o x --augment none --crop-scale 0.5,1
refused '--jitter-share is of --jitter' $learn -o x --jitter-share 0.5
refused 'standard input can be read only once' train classes --classes - --validation classes -o x
refused 'nothing to validate with' $learn -o x --patience 1
refused '--validation-images is where' $learn -o x --validation-images tree
refused 'say one of them' $learn -o x --hold-out 0.1 --validation few.csv
refused "validation: unable to open 'nowhere'" $learn -o x --validation nowhere
refused "'whole' is there already" train --captions tree.csv --images tree -o whole
refused "a batch of 64 is more than the 40 pictures with captions in 'tree.csv'" train --captions tree.csv --images tree -o x
printf 'image,caption\n000000.png,\n000001.png, \n' >empty.csv
refused "no caption of 'empty.csv' has a word" train --captions empty.csv --images tree -o x
refused "unable to open 'nowhere'" train nowhere -o x
printf "image,caption\nlost.png,a word\n" >lost.csv
refused "no picture of image 'lost' in 'tree' (1 of 1 without one); --allow-missing leaves them out" train --captions lost.csv --images tree -o x
refused 'is that of guessing, 2.08, and was 0.0: try a lower --rate' $learn -o x --rate 1 --clip 0 --warmup 0 --steps 40
refused "unable to write 'nowhere/x.part'" $learn -o nowhere/x
refused "unable to write 'nowhere/log'" $learn -o x2 --log nowhere/log
[ ! -e x ] && [ ! -e x2 ] || problem "a model is there that nobody made"

finish
