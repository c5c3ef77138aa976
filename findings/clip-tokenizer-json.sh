#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# transformers 5.23.0: what CLIPTokenizer takes from a tokenizer.json.
#
# Guess before running it: all of it, as the tokenizers library does; and do_lower_case of tokenizer_config.json.
#
# Seen: vocabulary, merges and added tokens. Normaliser, pattern, template and unknown token are its own, whatever the
# file says: one whose normaliser does not lower-case gives the ids of lower case, and tokenizers 0.23.3, reading the same
# file, others. do_lower_case false changes nothing. AutoTokenizer gives CLIPTokenizer's ids too.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 or later with pip; a minute or two.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check transformers==5.23.0 tokenizers==0.23.3
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - "$folder" <<'END'
import json
import pathlib
import sys

import tokenizers
import transformers
from transformers import AutoTokenizer, CLIPTokenizer

print(f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}")
model = pathlib.Path(sys.argv[1]) / "model"
letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>", "<unk>"]
CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[]).save_pretrained(model)

for name, changes in {"tokenizer.json": {"normalizer": {"type": "NFC"}}, "tokenizer_config.json": {"do_lower_case": False}}.items():
    file = model / name
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
(model / "config.json").write_text('{"model_type": "clip"}')

raw = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
for reader in CLIPTokenizer, AutoTokenizer:
    clip = reader.from_pretrained(model)
    cased, plain = clip("Red").input_ids, clip("red").input_ids
    print(f"{reader.__name__}: {cased} {plain}; tokenizers: {raw.encode('Red').ids} {raw.encode('red').ids}")
    assert cased == plain == raw.encode("red").ids != raw.encode("Red").ids
END
