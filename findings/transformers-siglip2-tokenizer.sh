#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# transformers 5.23.0: one tokenizer.json and one tokenizer_config.json, two ways to cut a text.
#
# Guess before running it: AutoTokenizer takes the class that tokenizer_config.json names, and config.json, which is the
# model's, changes nothing of it.
#
# Seen: where config.json says "siglip2" a folder whose tokenizer_config.json names GemmaTokenizer, as the published ones do, is
# read as Siglip2Tokenizer, which makes all letters small. Without config.json, or with "siglip" in it, GemmaTokenizer keeps them,
# without a word. So a tokenizer that is saved or loaded apart from its model cuts other texts than the model was trained with:
# the embedding of "Two RED hearts" moves by some hundredths. Readers of these folders have to go by the model's family.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install transformers==5.23.0
"$folder/venv/bin/python" - "$folder" <<'END'
import json
import pathlib
import sys

import transformers
from tokenizers import Tokenizer, models, normalizers

transformers.logging.set_verbosity_error()
special = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}
pieces = [*special.values(), *"▁TwoREDtred"]
tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, [], unk_token="<unk>"))
tokenizer.normalizer = normalizers.Replace(" ", "▁")
seen = {}
for model in (None, "siglip", "siglip2"):
    folder = pathlib.Path(sys.argv[1], str(model))
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GemmaTokenizer", **special}))
    if model:
        (folder / "config.json").write_text(json.dumps({"model_type": model}))
    read = transformers.AutoTokenizer.from_pretrained(folder)
    seen[model] = type(read).__name__, "".join(read.tokenize("Two RED"))
    print(f"config.json of {model}: {seen[model][0]}, {seen[model][1]}")
assert seen == {None: ("GemmaTokenizer", "Two▁RED"), "siglip": ("GemmaTokenizer", "Two▁RED"),
                "siglip2": ("Siglip2Tokenizer", "two▁red")}
END
