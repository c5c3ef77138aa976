# SPDX-License-Identifier: Apache-2.0
# Help of every command, wrong usage, and what there is to see of devices and models.

run help help
run help-dashes --help
run nothing
run help-unknown help classfy
for name in classify rank embed score search serve inspect devices bench plan pull models evaluate probe train index; do
    run "help-$name" help $name
    run "option-$name" $name --no-such-option
    run "bare-$name" $name -f xml
done
for name in retrieval classify; do
    run "help-evaluate-$name" evaluate $name --help
    run "bare-evaluate-$name" evaluate $name
done
for name in fit info; do
    run "help-probe-$name" probe $name --help
    run "bare-probe-$name" probe $name
done
for name in build update prepare merge import export list info remove verify compact duplicates outliers map cluster; do
    run "help-index-$name" index $name --help
    run "bare-index-$name" index $name
done
run help-models-remove models remove --help
run bare-models-remove models remove
run usage-search search --usage
run usage-index-cluster index cluster --usage
run unknown-command classfy x
run unknown-index index bild a.dip
run unknown-evaluate evaluate captions
run evaluate-alone evaluate
run index-alone index
run index-two-indexes index info a.dip b.dip

for wrong in --top=0 --top=x --batch=0 --batch=5000 --threads=0 --max-pixels=1e9 --max-bytes= --format=xml; do
    run "wrong-classify$wrong" classify a.png --labels cat "$wrong"
done
run wrong-search-kind search a.dip x --kind film
run wrong-search-score search a.dip x --min-score high
run wrong-update-storage index build a.dip . --storage f64
run wrong-duplicates index duplicates a.dip --threshold 2
run wrong-outliers index outliers a.dip --alpha 0
run wrong-cluster index cluster a.dip --clusters 0
run wrong-list index list a.dip --format html
run wrong-remove-id index remove a.dip --id one

here devices-table devices
here devices-json devices -f json
run devices-argument devices one
here devices-unknown devices --device "warp drive"
here devices-numbers devices --device 99:0
run bench-nothing bench
run bench-unknown bench decode
run bench-shape bench encode --shape vit-x-1
run bench-both bench encode --shape vit-b-32 --model model
run bench-rounds bench encode --rounds 0
run bench-model bench encode --model nowhere

run inspect-table inspect model
run inspect-json inspect model -f json
run inspect-two inspect model model
run inspect-nowhere inspect nowhere
mkdir hollow
run inspect-hollow inspect hollow
mkdir cut && ln -s "$root"/tests/model/* cut && rm cut/model.safetensors
head -c 100000 model/model.safetensors >cut/model.safetensors
run inspect-cut inspect cut
mkdir odd && ln -s "$root"/tests/model/* odd && rm odd/config.json
sed 's/"projection_dim": 128/"projection_dim": 129/' model/config.json >odd/config.json
run inspect-odd inspect odd
mkdir assumed && ln -s "$root"/tests/model/* assumed && rm assumed/preprocessor_config.json
colour red.ppm '\377\0\0'
run classify-assumed classify red.ppm --model assumed --labels red,green
run classify-assumed-quiet classify red.ppm --model assumed --labels red,green -q
run wrong-alpha classify red.ppm --labels red --alpha grey
rm assumed/*.safetensors
run inspect-assumed inspect assumed
cp "$root/tests/model/preprocessor_config.json" assumed
echo '{"image_processor": {"size": {"height": 96, "width": 96}, "resample": 2, "image_mean": [0.5, 0.5, 0.5]}}' \
    >assumed/processor_config.json
run inspect-processor inspect assumed

# Other families: pictures as patches, texts that begin with no token, a gated MLP.
mkdir naflex && cp "$root"/tests/golden/published/siglip2/config.json "$root"/tests/golden/subword/gemma/tokenizer*.json naflex
run inspect-naflex inspect naflex
mkdir eva && cp "$root"/tests/model/*.json "$root"/tests/model/merges.txt eva && rm eva/config.json
cp "$root/tests/fuzz/corpus/config/open_clip_eva02" eva/open_clip_config.json
run inspect-eva inspect eva
