#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train with other models than CLIP's. That they learn what PyTorch makes them learn is tests/joint/train/test_training_run.c's affair.
. "$2/tests/cli/lib.sh"

golden=$root/tests/golden/train/run
learn="train --model $golden/model --captions $golden/captions.csv --images $root/assets/pictures --batch 12 --steps 2 --rate 1e-3"

# ---- a SigLIP, with its own tokenizer and loss
for part in all text vision projections; do
    run $learn --part $part -o $part --chunk 5
    expect_status 0
    expect_text err "captions cut at the model's 16 tokens: 4"
    expect_text err "'$part' has the hugging face layout and 110354 parameters in f16, after 2 steps"
    cmp -s $part/model.safetensors "$golden/model/model.safetensors" && problem "--part $part changes nothing"
    run classify "$root/assets/pictures/01.png" --model $part -l ring,heart -q
    expect_status 0
done
refused "'$root/tests/golden/towers/siglip2-naflex' takes pictures of any size: such models cannot be trained" \
    train --model "$root/tests/golden/towers/siglip2-naflex" --captions "$golden/captions.csv" --images "$root/assets/pictures" -o x --batch 8
[ ! -e x ] && [ ! -e x.part ] || problem "something is left of nothing"

# ---- the default model says that it knows rendered scenes; what it becomes does not
run train --model "$root/assets/model" --captions "$golden/captions.csv" --images "$root/assets/pictures" --batch 12 --steps 1 -o photos -q
expect_status 0
[ -e "$root/assets/model/scope.json" ] && [ ! -e photos/scope.json ] || problem "it says that it knows what it knew before"

# ---- what becomes of pictures
run $learn -o cropped -q
for other in '--augment none' '--crop-scale 0.3,0.8' '--flip 1' '--jitter 0,0,0.5,0.1' '--grey 0.5'; do
    run $learn $other -o other -q
    expect_status 0
    cmp -s cropped/model.safetensors other/model.safetensors && problem "$other changes nothing"
    run $learn $other -o again -q
    cmp -s other/model.safetensors again/model.safetensors || problem "another model from the same seed"
    rm -r other again
done
run $learn --jitter 0.4,0.4,0.4,0.1 --jitter-share 0 -o unchanged -q
cmp -s cropped/model.safetensors unchanged/model.safetensors || problem "no picture is to change, and some do"
refused "--crop-scale takes two rising shares from above 0 to 1, not '0.9,0.4'" $learn --crop-scale 0.9,0.4 -o x
refused "--crop-scale takes 2 numbers with commas between, not '0.4'" $learn --crop-scale 0.4 -o x
refused "--jitter takes 4 numbers with commas between, not '1,2,3,0.1,5'" $learn --jitter 1,2,3,0.1,5 -o x
refused '--jitter: hue has 0.5 on either side, not 0.6' $learn --jitter 0,0,0,0.6 -o x

# ---- what was forgotten is what 'evaluate classify' says of the model before and of the one that is written
"$4" --count 40 --seed 9 --out tree >/dev/null
mkdir -p old/dark old/light new
sed -n 's/.*"path": "\([^"]*\)".*"tone": "\([a-z]*\)".*/\1 \2/p' tree/scenes.jsonl |
    while read -r file tone; do cp "tree/$file" "old/$tone/"; done
cp -r old/dark new/light && cp -r old/light new/dark # what is dark is called light
# asked MODEL [OPTION...]: the share of old's pictures that it has right, as printed and as JSON has it.
asked() {
    "$diptych" evaluate classify old -q -f json --model "$@" | sed -n 's/.*"acc1": \([0-9.]*\).*/\1/p' | head -n 1
}
forgets="train new --steps 12 --batch 8 --rate 1e-3 --seed 4"
run $forgets --forgetting old -o forgetful --log forgotten.jsonl --html forgotten.html
expect_status 0
before=$(asked "$DIPTYCH_MODEL") after=$(asked forgetful)
[ -n "$before" ] && [ "$before" != "$after" ] || problem "nothing changes: $before, $after"
expect_match err "^[0-9.]+ % of 40 pictures of 'old' right zero-shot, [0-9.]+ % before\$"
said=$(printf '"labels": 2, "measure": "acc@1", "before": %s, "after": %s}' "$before" "$after")
grep -q '"train-forgetting/1", "path": "old", "pictures": 40' forgotten.jsonl || problem "no line in the log"
grep -qF "$said" forgotten.jsonl || problem "not '$said' but $(tail -n 1 forgotten.jsonl)"
grep -q 'What it knew before: [0-9.]* % of 40 pictures of ' forgotten.html || problem "nothing on the page"
run $forgets --part lora --rate 5e-3 --forgetting old -o forgetful-adapter -q --log adapter.jsonl
expect_status 0
grep -qF "\"after\": $(asked "$DIPTYCH_MODEL" --lora forgetful-adapter)}" adapter.jsonl || problem "another model: $(tail -n 1 adapter.jsonl)"
refused '--fresh begins with nothing that --forgetting could ask about' $forgets --fresh --forgetting old -o x
refused "forgetting: unable to open 'nowhere'" $forgets --forgetting nowhere -o x
cp -r old broken && echo no picture >broken/dark/no.png
run $forgets --steps 1 --forgetting broken -o forgetful2
expect_status 1
[ "$(grep -c 'broken/dark/no.png' err)" -eq 1 ] || problem "not once what cannot be read"

# ---- an adapter that is trained on is the one that it was, and learns more
adapter="$learn --part lora"
run $adapter --rank 3 --lora-alpha 5 --stabilized --targets q_proj,fc2 -o first -q
expect_status 0
run $adapter --adapter first --rate 0 -o same -q
expect_status 0
cmp -s first/adapter_model.safetensors same/adapter_model.safetensors || problem "it begins as another one"
cmp -s first/adapter_config.json same/adapter_config.json || problem "it has another rank, alpha or targets"
run $adapter --adapter first -o second
expect_status 0
expect_match err "^'second' is an adapter of [0-9]+ parameters in f32, after 2 steps"
cmp -s first/adapter_model.safetensors second/adapter_model.safetensors && problem "it learns nothing"
run classify "$root/assets/pictures/01.png" --model "$golden/model" --lora second -l ring,heart -q
expect_status 0
for option in '--rank 3' '--lora-alpha 5' --stabilized '--targets q_proj'; do
    refused "$(echo "$option" | cut -d ' ' -f 1) is what the adapter of --adapter says: leave it out" $adapter --adapter first $option -o x
done
refused '--adapter is of --part lora' $learn --adapter first -o x
refused 'leave out --adapter or --blend' $adapter --adapter first --blend 0.5 -o x
refused "cannot go on with adapter 'nowhere': unable to open 'nowhere'" $adapter --adapter nowhere -o x
refused 'has shape (2, 64), expected (2, 48)' $adapter --adapter "$root/tests/golden/train/lora-all/start" -o x

# What peft can and training cannot.
cannot() {
    refused "cannot go on with adapter '$root/tests/golden/lora/$1': $2" $adapter --model "$root/tests/golden/lora/model" \
        --adapter "$root/tests/golden/lora/$1" -o x
}
cannot dora 'it is DoRA, which is used and not trained here'
cannot patterns "'base_model.model.text_projection.lora_A.weight' is of no matrix that training changes"
cannot biases "'base_model.model.text_model.encoder.layers.0.self_attn.q_proj.base_layer.bias' is of no matrix that training changes"
cannot some-layers 'it changes 2 of the 4 matrices q_proj of both towers: training changes all or none'
cannot kohya.safetensors "it has no 'adapter_config.json' of peft's beside it"
mkdir ranks && cp first/adapter_model.safetensors ranks/
sed 's/"alpha_pattern": {}/"alpha_pattern": {"fc2": 7}/' first/adapter_config.json >ranks/adapter_config.json
refused 'are not the 3 and 7 of others: training has one for all' $adapter --adapter ranks -o x
[ ! -e x ] && [ ! -e x.part ] || problem "something is left of nothing"

finish
