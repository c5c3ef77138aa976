# SPDX-License-Identifier: Apache-2.0
"""Builds the byte-level BPE vocabulary, in CLIP's format, from the captions of one set of scenes.

    python vocabulary.py CAPTIONS.jsonl MODEL_DIR [LIKE_DIR]

The captions use few words, so merging goes on until each of them is one token; any other text falls back to bytes. With LIKE_DIR, a
model of the sizes that the new one shall have, MODEL_DIR is one that `diptych train --fresh` begins with.
"""

import collections
import json
import pathlib
import re
import shutil
import sys

START, END = "<|startoftext|>", "<|endoftext|>"
WORD = re.compile(r"[a-z]+|[0-9]|[^\sa-z0-9]+")  # CLIP's word pattern, for the ASCII that captions are written in


def byte_symbols():
    """CLIP's printable stand-ins for the 256 bytes, in its order: printable bytes first, the others from U+0100 up."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]


def count_words(path):
    words = collections.Counter()
    for line in open(path, encoding="utf-8"):
        record = json.loads(line)
        for caption in [record["caption"]] + [wording["text"] for wording in record["wordings"]]:
            words.update(WORD.findall(caption.lower()))
    return words


def merge(symbols, pair):
    merged, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == pair:
            merged.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return merged


def learn_merges(words):
    spelled = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges = []
    while any(len(symbols) > 1 for symbols in spelled.values()):
        pairs = collections.Counter()
        for word, symbols in spelled.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += words[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelled = {word: merge(symbols, best) for word, symbols in spelled.items()}
    return merges


def write_like(like, directory, vocabulary_size):
    """What is there of a model like another, but for its vocabulary, before it has weights."""
    config = json.loads((like / "config.json").read_text())
    start, end = vocabulary_size - 2, vocabulary_size - 1
    config["text_config"].update(vocab_size=vocabulary_size, bos_token_id=start, eos_token_id=end, pad_token_id=end)
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copy(like / "preprocessor_config.json", directory)


def main(captions, directory, like=None):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    merges = learn_merges(count_words(captions))
    symbols = byte_symbols()
    tokens = symbols + [symbol + "</w>" for symbol in symbols] + ["".join(pair) for pair in merges] + [START, END]
    files = {
        "vocab.json": {token: number for number, token in enumerate(tokens)},
        "tokenizer_config.json": {
            "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, "errors": "replace",
            "bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END,
        },
        "special_tokens_map.json": {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END},
    }
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content, ensure_ascii=False, indent=None if name == "vocab.json" else 2) + "\n")
    (directory / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    if like:
        write_like(pathlib.Path(like), directory, len(tokens))
    print(f"{len(merges)} merges, {len(tokens)} tokens, {len(set(tokens))} distinct")


if __name__ == "__main__":
    main(*sys.argv[1:])
