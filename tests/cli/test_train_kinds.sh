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

finish
