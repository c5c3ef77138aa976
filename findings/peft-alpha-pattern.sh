#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peft 0.10.0 and 0.21.2: the scale of one adapter_config.json, and the biases that belong to it.
#
# Guess before running them: an adapter is worth the same in any release, since that is what its files are for.
#
# Seen, where rank_pattern and alpha_pattern have different keys for a module: 0.10 looks for the first key of both that fits,
# and finds no alpha under one of rank_pattern's, so the scale is lora_alpha / rank; 0.21 looks in each by itself. Here that
# is 1 against 16. Diptych does as the newer one. And with bias="lora_only", 0.10 trains biases that it does not save.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/look.py" <<'END'
import pathlib
import sys
import tempfile

import peft
import safetensors.torch
import torch


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.ModuleDict({"q_proj": torch.nn.Linear(8, 8)})])


patterns = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"], rank_pattern={"q_proj": 4},
                           alpha_pattern={"layers.0.q_proj": 64})
biases = peft.LoraConfig(r=2, target_modules=["q_proj"], bias="lora_only")
scale = peft.get_peft_model(Model(), patterns).base_model.model.layers[0]["q_proj"].scaling["default"]
with tempfile.TemporaryDirectory() as folder:
    peft.get_peft_model(Model(), biases).save_pretrained(folder)
    names = safetensors.torch.load_file(pathlib.Path(folder, "adapter_model.safetensors"))
saved = sum(name.endswith("bias") for name in names)
print(f"peft {peft.__version__}: the scale is {scale}, and {saved} of 1 trained biases is saved")
assert (scale, saved) == (float(sys.argv[1]), int(sys.argv[2]))
END
python3 -m venv "$folder/old"
"$folder/old/bin/pip" -q install peft==0.10.0 transformers==4.40.2 torch==2.15.0 'numpy<2' safetensors==0.8.0
"$folder/old/bin/python" "$folder/look.py" 1 0
python3 -m venv "$folder/new"
"$folder/new/bin/pip" -q install peft==0.21.2 transformers==5.24.0 torch==2.15.0 safetensors==0.8.0
"$folder/new/bin/python" "$folder/look.py" 16 1
