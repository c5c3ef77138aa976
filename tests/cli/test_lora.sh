# SPDX-License-Identifier: Apache-2.0
# --lora in every command that opens a model: with an adapter it says what it says of the model that convert has merged it
# into, and something else without. tests/joint/test_adapters.c holds the merged weights to peft's.
. "$2/tests/cli/lib.sh"
lora=$root/tests/golden/lora base=$root/tests/golden/lora/model
adapters="--lora $lora/plain:0.5 --lora $lora/dora"
mkdir -p tree/ring tree/heart
cp "$root/assets/pictures/01.png" "$root/assets/pictures/02.png" tree/ring
cp "$root/assets/pictures/04.png" tree/heart
printf 'a ring\na heart\n' >texts.txt

run convert "$base" merged $adapters --dtype f32
expect_status 0
expect_text err "'merged' has the hugging face layout"

# same ARGUMENT...: the command says the same with the adapters as of the merged model, and not the same without.
same() {
    run "$@" --precision f32 --model "$base" $adapters
    expect_status 0
    sed 's/[^ ]*lora[^ ]*//g' out >adapted
    run "$@" --precision f32 --model merged
    expect_status 0
    cmp -s out adapted || { diff out adapted; problem "not as the merged model"; }
    run "$@" --precision f32 --model "$base"
    expect_status 0
    cmp -s out adapted && problem "the same without adapters"
}

same embed tree --format json
same embed --texts texts.txt --format json
same classify tree -l ring,heart -f tsv
same rank tree/ring/01.png "a ring" "a heart" -f tsv

# ---- inspect
run inspect "$base" --lora "$lora/plain:0.5" --lora "$lora/kohya.safetensors" -f json
expect_status 0
expect_text out '"pairs": 8'
expect_text out '"weight": 0.5'
expect_text out '"of_other_networks": 1'
for pair in "--lora $lora/plain --lora $lora/kohya.safetensors" "--lora $lora/kohya.safetensors --lora $lora/plain"; do
    run inspect "$base" $pair # one says what it was trained on, and one does not
    expect_status 0
    expect_match out '^  path +weight .*trained_on'
    expect_match out '^  .*/plain +1 .* made/up'
    expect_match out '^  .*/kohya\.safetensors +1 .* -( |$)'
done
run inspect "$base" --lora "$lora/pissa"
expect_status 1
expect_text err "cannot use adapter '$lora/pissa': cannot load '$lora/pissa/adapter_config.json': 'init_lora_weights' is 'pissa'"

# ---- evaluate and bench
run evaluate classify tree --model "$base" $adapters -f json
expect_status 0
expect_text out " --lora $lora/plain:0.5 --lora $lora/dora\""
run bench encode --model "$base" $adapters --rounds 1 --batch 1
expect_status 0
run doctor --model "$base" --lora "$lora/gone"
expect_text out "unable to open '$lora/gone'"
run bench encode --shape vit-b-32 $adapters
expect_status 2
expect_text err "--shape and --lora exclude each other"

# ---- a probe is of the model with its adapters
run probe fit tree --c 1 --model "$base" $adapters -o birds.probe
expect_status 0
run classify tree --probe birds.probe --model "$base" $adapters
expect_status 0
run classify tree --probe birds.probe --model "$base"
expect_status 2
expect_text err "'birds.probe' was made with another model than '$base'"

# ---- an index remembers its adapters
run index build photos.dip tree --model "$base" $adapters
expect_status 0
run index info photos.dip
expect_text out "$base --lora $lora/plain:0.5 --lora $lora/dora"
run search photos.dip "a ring" -f json
expect_status 0
expect_lines out 3
run search photos.dip "a ring" --model "$base"
expect_status 2
expect_text err "'photos.dip' was made with another model: '$base --lora "
run search photos.dip "a ring" --lora "$lora/plain"
expect_status 2
expect_text err "'photos.dip' was made with another model: '$base --lora "
run search photos.dip "a ring" --model "$base" $adapters
expect_status 0
cp "$root/assets/pictures/03.jpg" tree/ring
run index update photos.dip
expect_status 0
expect_text err "1 new"
run index build other.dip tree --model "$base"
run search other.dip "a ring" $adapters
expect_status 2
expect_text err "'other.dip' was made with another model"

# ---- what cannot be used
run classify tree -l ring,heart --lora "$lora/plain"
expect_status 2
expect_text err "has shape (4, 32), expected (4, 128)"
run classify tree -l ring,heart --model "$base" --lora nowhere
expect_status 2
expect_text err "cannot use adapter 'nowhere': unable to open 'nowhere': No such file or directory"
run convert "$base" bad --lora "$lora/plain:x"
expect_status 2
[ -e bad ] && problem "it has written something"

finish
