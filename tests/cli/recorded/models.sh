# SPDX-License-Identifier: Apache-2.0
# Models by their names, as far as no hub is asked: what is in a cache, made by hand as huggingface_hub makes it.

# snapshot REPOSITORY COMMIT REVISION: the model in the cache, each of its files a link to a blob.
snapshot() {
    folder=hub/models--$(echo "$1" | sed 's@/@--@')
    mkdir -p "$folder/refs" "$folder/blobs" "$folder/snapshots/$2"
    [ -z "$3" ] || printf %s "$2" >"$folder/refs/$3"
    for file in model/*; do
        blob=$(sha1sum "$file" | cut -d ' ' -f 1)
        cp "$file" "$folder/blobs/$blob"
        ln -s "../../blobs/$blob" "$folder/snapshots/$2/$(basename "$file")"
    done
}
commit=1111111111111111111111111111111111111111 commit_of_v1=2222222222222222222222222222222222222222
colour red.ppm '\377\000\000'

run models-none models
run name-open-clip classify red.ppm -l red,green --model ViT-B-32/laion2b_s34b_b79k
run name-immich classify red.ppm -l red,green --model ViT-B-32__openai
run name-repository classify red.ppm -l red,green --model openai/clip-vit-base-patch32@v1
run name-unsupported classify red.ppm -l red,green --model RN50__openai
run name-tag classify red.ppm -l red,green --model ViT-L-14/openia
run name-architecture classify red.ppm -l red,green --model ViT-B-32
run name-revision classify red.ppm -l red,green --model openai/clip@../x
run pull-offline pull openai/clip-vit-base-patch32
run pull-nothing pull --quiet
run pull-two pull a/b c/d

snapshot openai/small $commit main
snapshot openai/small $commit_of_v1 v1
snapshot laion/part $commit main
rm hub/models--laion--part/snapshots/*/model.safetensors
snapshot other/language $commit main
language=$(readlink hub/models--other--language/snapshots/$commit/config.json)
echo '{"model_type": "llama"}' >hub/models--other--language/blobs/"$(basename "$language")"
run models-table models
run models-tsv models --format tsv
run models-json models --format json
run model-found classify red.ppm -l red,green --model openai/small@v1
run model-part inspect laion/part

run remove-part models remove openai/small@v1
run remove-other models remove laion/part openai/large
run remove-wrong models remove laion
run models-less models
find hub | sort >left
wrote left

# ---- what an index will take
run plan-table plan 1e9 --speed 250 --tasks 500
run plan-json plan 20003 --speed 0.5 --tasks 4 --storage i8 -f json
run plan-speed plan 20003 red.ppm --speed 1
run plan-none plan 20003 none.png
run plan-words plan many --speed 1
run plan-half plan 0.5 --speed 1
run plan-tasks plan 3 --speed 1 --tasks 4
run plan-model plan 3 --speed 1 --model nothing
