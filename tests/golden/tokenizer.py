#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tokenizer's golden data with Hugging Face's fast CLIP tokenizer.

    tokenizer.py FIXTURES      (transformers 5.23.0, tokenizers 0.23.3)

FIXTURES is the folder of third-party data: its vocab/ holds OpenAI's bpe_simple_vocab_16e6.txt.gz, which stays there.
Written beside this script:

    tokenizer_small/   a vocabulary trained on tokenizer_strings.py, as today's CLIPTokenizer saves it: vocab.json with
                       merges.txt, and tokenizer.json with merges as pairs
    tokenizer_old/     the same as files of about 2021 have it: no model type, merges as strings, the pattern without
                       the specials, start looked for after normalising; and more added tokens, a template
    tokenizer_cased/   no normaliser, and no symbols for 'q', 'z' and 0xf0; an unknown token that CLIPTokenizer ignores
    tokenizer.tsv      text, then its ids by CLIPTokenizer in CLIP's vocabulary, small, old, cased; bytes that are not
                       printable ASCII as \\xNN
    tokenizer_fixtures.tsv   file, number of texts, number of ids, hash of the ids: all strings of a JSON file, all
                       fields of a .tsv, all prompts of the 80 templates, at 77 ids a text
"""

import collections
import copy
import gzip
import json
import pathlib
import sys

from transformers import CLIPTokenizer

from tokenizer_strings import strings

HERE = pathlib.Path(__file__).parent
START, END = "<|startoftext|>", "<|endoftext|>"
CONTEXT = 77
OPENAI_MERGES = 48894
SMALL_MERGES = 400


def alphabet():
    """GPT-2's printable characters for the bytes, in the order of OpenAI's vocabulary."""
    same = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in same]
    return {byte: chr(byte) for byte in same} | {byte: chr(0x100 + i) for i, byte in enumerate(others)}


def clip_vocab(merges):
    symbols = list(alphabet().values())
    tokens = symbols + [symbol + "</w>" for symbol in symbols] + [a + b for a, b in merges] + [START, END]
    return {token: i for i, token in enumerate(tokens)}


def train(words, count):
    """Plain byte-pair encoding: merge the commonest pair, the first in byte order of equals."""
    merges = []
    words = {(*word[:-1], word[-1] + "</w>"): n for word, n in words.items()}
    while len(merges) < count:
        pairs = collections.Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {tuple(merged(word, best)): n for word, n in words.items()}
    return merges


def merged(word, pair):
    i = 0
    while i < len(word):
        if word[i : i + 2] == pair:
            yield pair[0] + pair[1]
            i += 2
        else:
            yield word[i]
            i += 1


def clip_tokenizer(merges):
    return CLIPTokenizer(vocab=clip_vocab(merges), merges=merges)


def write_json(folder, name, value):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def old_form(saved):
    old = copy.deepcopy(saved)
    sks = len(old["model"]["vocab"])
    flags = {"single_word": False, "lstrip": False, "rstrip": False}
    del old["model"]["type"]
    old["model"]["merges"] = [" ".join(merge) for merge in old["model"]["merges"]]
    pattern = old["pre_tokenizer"]["pretokenizers"][0]["pattern"]
    pattern["Regex"] = pattern["Regex"].removeprefix(r"<\|startoftext\|>|<\|endoftext\|>|")
    old["added_tokens"][0]["normalized"] = True
    old["added_tokens"] += [
        {"id": sks, "content": "<sks>", **flags, "normalized": True, "special": False},
        {"id": sks + 1, "content": "<sks-lo", **flags, "normalized": False, "special": False},
        {"id": sks + 2, "content": "<sks-long>", **flags, "normalized": False, "special": False},
        {"id": sks + 3, "content": "<Ve\u0301lo>", **flags, "normalized": True, "special": False},
    ]
    old["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": START, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                   {"SpecialToken": {"id": END, "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {
            token: {"id": token, "ids": [saved["model"]["vocab"][token]], "tokens": [token]} for token in (START, END)
        },
    }
    return old


def cased_form(saved):
    cased = copy.deepcopy(saved)
    cased["normalizer"] = None
    gone = {"q", "z", alphabet()[0xF0]}
    gone |= {symbol + "</w>" for symbol in gone}
    model = cased["model"]
    model["merges"] = [merge for merge in model["merges"] if not gone & set("".join(merge).removesuffix("</w>"))]
    kept = [t for t in clip_vocab(model["merges"]) if t not in gone]
    model["vocab"] = {token: i for i, token in enumerate([*kept, "<unk>"])}
    model["unk_token"] = "<unk>"
    for token in cased["added_tokens"]:
        token["id"] = model["vocab"][token["content"]]
    for key in ("cls", "sep"):
        cased["post_processor"][key][1] = model["vocab"][cased["post_processor"][key][0]]
    return cased


def write_small():
    clip = clip_tokenizer([])
    words = collections.Counter(
        word
        for text in strings()
        for word, _ in clip.backend_tokenizer.pre_tokenizer.pre_tokenize_str(
            clip.backend_tokenizer.normalizer.normalize_str(text))
    )
    merges = train(words, SMALL_MERGES)
    small = clip_tokenizer(merges)
    saved = json.loads(small.backend_tokenizer.to_str())
    write_json(HERE / "tokenizer_small", "vocab.json", saved["model"]["vocab"])
    (HERE / "tokenizer_small" / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), encoding="utf-8")
    write_json(HERE / "tokenizer_small", "tokenizer.json", saved)
    write_json(HERE / "tokenizer_old", "tokenizer.json", old_form(saved))
    write_json(HERE / "tokenizer_cased", "tokenizer.json", cased_form(saved))


def read_merges(fixtures):
    lines = gzip.open(fixtures / "vocab/bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8").read().split("\n")
    return [tuple(line.split()) for line in lines[1 : 1 + OPENAI_MERGES]]


def escape(text):
    return "".join(chr(b) if 0x20 <= b < 0x7F and b != 0x5C else f"\\x{b:02x}" for b in text.encode())


def write_golden(clip):
    folders = ("tokenizer_small", "tokenizer_old", "tokenizer_cased")
    columns = [clip] + [CLIPTokenizer.from_pretrained(HERE / f).backend_tokenizer for f in folders]
    with open(HERE / "tokenizer.tsv", "w", encoding="ascii") as out:
        for text in strings():
            ids = [" ".join(map(str, column.encode(text).ids)) for column in columns]
            out.write("\t".join([escape(text), *ids]) + "\n")


# ---- fixtures -----------------------------------------------------------------------------------------------


def json_strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from json_strings(item)


def fixture_texts(path):
    data = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read().decode()
    if ".json" in path.suffixes:
        return list(json_strings(json.loads(data)))
    return [field for line in data.removesuffix("\n").split("\n") for field in line.split("\t")]


def prompts(fixtures):
    templates = (fixtures / "vocab/imagenet_templates.txt").read_text().splitlines()
    classes = (fixtures / "vocab/imagenet_classes.txt").read_text().splitlines()
    return [template.replace("{}", name) for template in templates for name in classes]


def digest_ids(lists):
    """Number of lists, number of ids, and FNV-1a over whole ids."""
    hashed, count = 0xCBF29CE484222325, 0
    for ids in lists:
        count += len(ids)
        for i in ids:
            hashed = (hashed ^ i) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{len(lists)}\t{count}\t{hashed:016x}"


def digest(clip, texts):
    return digest_ids([encoding.ids for encoding in clip.encode_batch(texts)])


def write_digests(clip, fixtures):
    captions = fixtures / "captions"
    files = [*captions.glob("*_refs.json.gz"), *captions.glob("*_results.json.gz"), *captions.glob("*.tsv.gz"),
             *captions.glob("clipscore_example/*.json"), fixtures / "images/photos/captions.json"]
    clip.enable_truncation(CONTEXT)
    with open(HERE / "tokenizer_fixtures.tsv", "w", encoding="ascii") as out:
        out.write(f"prompts\t{digest(clip, prompts(fixtures))}\n")
        for path in sorted(files):
            out.write(f"{path.relative_to(fixtures)}\t{digest(clip, fixture_texts(path))}\n")


def main():
    fixtures = pathlib.Path(sys.argv[1])
    clip = clip_tokenizer(read_merges(fixtures)).backend_tokenizer
    write_small()
    write_golden(clip)
    write_digests(clip, fixtures)


if __name__ == "__main__":
    main()
