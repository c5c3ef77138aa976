#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peft 0.21.2 with transformers 5.24.0: an adapter for one tower of a CLIP.
#
# Guess before running it: its tensors are called as the model's are in model.safetensors, so that one sees for which tower it
# is, and as transformers 4 had them: "base_model.model.text_model.encoder.layers.0...".
#
# Seen: a CLIPTextModel and a CLIPVisionModel have no "text_model" and "vision_model" inside any more, and rename the tensors of
# files as they load them; peft does not. So adapters of the two towers have the same names. Which one it is stands in
# adapter_config.json, as auto_mapping; but that is null for an adapter with a task_type, and then nothing tells but the
# widths. joint/adapter_keys.c looks at both.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install peft==0.21.2 transformers==5.24.0 torch==2.15.0 safetensors==0.8.0
"$folder/venv/bin/python" - "$folder" <<'END'
import json
import pathlib
import sys

import peft
import safetensors.torch
import transformers

transformers.logging.set_verbosity_error()
size = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 1}
config = transformers.CLIPConfig(text_config={**size, "vocab_size": 100}, vision_config=size)
towers = {"text": transformers.CLIPTextModel(config.text_config),
          "vision": transformers.CLIPVisionModel(config.vision_config)}
names, mappings = {}, {}
for tower, model in towers.items():
    for task in (None, "FEATURE_EXTRACTION"):
        folder = pathlib.Path(sys.argv[1], tower)
        settings = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type=task)
        peft.get_peft_model(type(model)(model.config), settings).save_pretrained(folder)
        names[tower] = sorted(safetensors.torch.load_file(folder / "adapter_model.safetensors"))
        mappings[tower, task] = json.loads((folder / "adapter_config.json").read_text())["auto_mapping"]
print("both have", names["text"][0])
assert names["text"] == names["vision"]
assert names["text"][0] == "base_model.model.encoder.layers.0.self_attn.q_proj.lora_A.weight"
assert mappings["text", None]["base_model_class"] == "CLIPTextModel"
assert mappings["vision", None]["base_model_class"] == "CLIPVisionModel"
print("with a task_type, auto_mapping is", mappings["text", "FEATURE_EXTRACTION"])
assert mappings["text", "FEATURE_EXTRACTION"] is None and mappings["vision", "FEATURE_EXTRACTION"] is None
END
