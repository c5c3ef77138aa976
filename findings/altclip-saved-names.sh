#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# transformers 5.23.0: an AltCLIP that is loaded and saved.
#
# Guess before running it: save_pretrained gives back the names of tensors that from_pretrained found, as it takes care to
# undo the renaming that it does on loading.
#
# Seen: what AltCLIP is published with, and transformers 4 writes, has "encoder.layer.0" in its text tower and
# "encoder.layers.0" in its vision tower. On loading, every "layer." becomes "layers."; on saving, every "layers." becomes
# "layer.", in the vision tower too. So the file has names that neither the published ones nor readers of these have, and
# only transformers 5 takes it: compute/weights/layout.c has a row for it.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install transformers==5.23.0 torch==2.15.0 safetensors==0.8.0
"$folder/venv/bin/python" - "$folder" <<'END'
import pathlib
import sys

import safetensors.torch
import transformers

transformers.logging.set_verbosity_error()
size = {"hidden_size": 48, "intermediate_size": 64, "num_attention_heads": 3, "num_hidden_layers": 1}
config = transformers.AltCLIPConfig(text_config={**size, "vocab_size": 100}, vision_config=size)
published, saved = pathlib.Path(sys.argv[1], "published"), pathlib.Path(sys.argv[1], "saved")


def names(folder):
    return sorted(safetensors.torch.load_file(folder / "model.safetensors"))


weights = transformers.AltCLIPModel(config).state_dict()
published.mkdir()
config.save_pretrained(published)
safetensors.torch.save_file(
    {name.replace("roberta.encoder.layers.", "roberta.encoder.layer."): value.contiguous()
     for name, value in weights.items()}, published / "model.safetensors", metadata={"format": "pt"})
transformers.AltCLIPModel.from_pretrained(published).save_pretrained(saved)

lost = [name for name in names(published) if name not in names(saved)]
new = [name for name in names(saved) if name not in names(published)]
print(len(lost), "names are no longer there, such as", lost[0] if lost else "none")
print(len(new), "are new, such as", new[0] if new else "none")
assert len(lost) == len(new) == 16
assert all(name.startswith("vision_model.encoder.layers.0.") for name in lost)
assert all(name.startswith("vision_model.encoder.layer.0.") for name in new)
END
