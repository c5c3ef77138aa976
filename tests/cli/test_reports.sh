#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# devices, inspect and bench: what they report, as a table and as JSON.
. "$2/tests/cli/lib.sh"

run devices
expect_status 0
expect_match out '^ +id +chosen +kind +gemm +precision +native '
expect_match out '^ +[0-9]+:[0-9]+ +yes '
[ "$(grep -Ec '^ +[0-9]+:[0-9]+ +yes ' out)" -eq 1 ] || problem "not one device is chosen"
run devices --format json --precision f32
expect_status 0
expect_match out '"precision": "f32"'

run inspect
expect_status 0
expect_empty err
expect_match out "^model +$root/tests/model$"
expect_match out '^layout +hugging face$'
expect_match out '^  gflop +[0-9]'
expect_match out '^  [A-Z0-9]+ .*visual_projection\.weight$'
run inspect "$root/tests/model" --format json
expect_status 0
expect_match out '"parameters": [0-9]+'
expect_match out '"shape": '

deep=$(printf '%0200d/' 1 2)
mkdir -p "$deep" && cp -r "$root/tests/model" "${deep}model"
run inspect "${deep}model" # no value is cut
expect_status 0
expect_match out "^model +.*0001/0*2/model\$"

run bench encode --batch 2 --rounds 2
expect_status 0
expect_match out '^  per_second +[0-9]'
run bench encode --batch 2 --rounds 1 --format json
expect_status 0
expect_match out '"gflop_per_second": [0-9]'

run bench encode --batch 2 --rounds 1 --profile
expect_status 0
for kind in write patchify vision_model.embeddings.patch_embedding.weight assemble_tokens layer_norm \
    'self_attn.[{]q,k,v[}]_proj.weight' attention self_attn.out_proj.weight mlp.fc1.weight mlp.fc2.weight \
    gather_rows visual_projection.weight normalize_rows read embed_tokens text_projection.weight; do
    expect_match out "^    $kind +[0-9]+ +[0-9.e-]+ "
done

# ---- without a name, the model that comes with diptych
unset DIPTYCH_MODEL
run inspect
expect_status 0
expect_match out '^model +.*/assets/model$'
picture red.ppm '\377\0\0'
run classify red.ppm --labels red,green
expect_status 0

finish
