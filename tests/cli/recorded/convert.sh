# SPDX-License-Identifier: Apache-2.0
# Weights of every kind, and models written anew.

golden=$root/tests/golden/torch
run convert-help convert --help
run convert-nothing convert
run convert-one-argument convert "$root/assets/model"
run convert-type convert --dtype f8 "$root/assets/model" out
run convert-missing convert nowhere out

# ---- the default model in 16 bits, and back
samples tree 01 02 03
run convert-f16 convert --dtype f16 "$root/assets/model" half
run convert-classify classify tree --model half --labels "a red circle,a blue square"
run convert-again convert "$root/assets/model" half
run convert-from-f16 convert half again -q

# ---- PyTorch's files
mkdir openai several pointer
cp "$golden/script.pt" openai/ViT-B-32.pt
run torch-script inspect openai
run torch-no-config inspect "$golden/open_clip.bin"
cp "$root/assets/model/config.json" several
cp "$golden/open_clip.bin" several/a.bin
cp "$golden/checkpoint.pt" several/b.pt
run torch-several convert several out
cp "$root/assets/model/config.json" pointer
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 605247071\n' >pointer/model.safetensors
run torch-pointer convert pointer out
mv pointer/model.safetensors pointer/model.fp16.safetensors
run torch-variant-there convert pointer out
run torch-variant classify tree --model pointer --variant bf16 --labels cat
