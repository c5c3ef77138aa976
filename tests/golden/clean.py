#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden data of open_clip's reading of texts with open_clip itself.

    clean.py FIXTURES      (open_clip_torch 3.3.0, ftfy 6.3.1, transformers 5.23.0, Python 3.11)

FIXTURES is the folder of third-party data: its vocab/ holds OpenAI's bpe_simple_vocab_16e6.txt.gz, and its captions/
COCO captions and candidates (COCO Consortium, CC BY 4.0), some of which become strings here. Written beside this script:

    clean.tsv           text, then its ids by get_tokenizer of a directory with an open_clip_config.json and the merges
                        of tokenizer_small; bytes that are not printable ASCII as \\xNN. A third field, "mojibake", where
                        ftfy's fix_encoding would change the ids: those given are without that step.
    clean_digests.tsv   for each group of strings and each way to read it: number of texts, number of ids, hash of the ids.
                        Ways: "lower", "whitespace" and "canonicalize" with the small vocabulary, "hf" for an
                        hf_tokenizer_name with it, and "clip" for "lower" with OpenAI's vocabulary

How many strings differ from what transformers' CLIPTokenizer gives, and from open_clip with fix_encoding, goes to stdout.
"""

import gzip
import html.entities
import json
import pathlib
import random
import shutil
import sys
import tempfile
import unicodedata

import ftfy
import open_clip
from ftfy import chardata
from transformers import CLIPTokenizer

import tokenizer_strings
from tokenizer import digest_ids, escape, fixture_texts

HERE = pathlib.Path(__file__).parent
CONTEXT = 77

# ---- strings ------------------------------------------------------------------------------------------------

NESTED = [
    "&amp;amp;", "&amp;amp;amp;lt;b&gt;", "&amp;" + "amp;" * 30 + "eacute;", "&am&#112;;lt;", "&am&#xFFFC;p;", "&semi;&amp&semi;",
    "&amp&semi&semi&semi;", "&#38;#38;#38;#233;", "&amp;#x2019;", "&lt;&amp;lt;", "<&amp;amp;lt;>", "<b>&rsquo;</b>", "x < y &amp; z\n&amp;amp;",
    "&amp;amp; a\nb < c\n&rsquo;&EACUTE;", "&lt;b&gt; &EACUTE;", "\uff06amp\uff1b", "&amp\u037e", "&\u212aappa;&Kappa;", "&\uff41\uff4d\uff50;",
]
REFERENCES = [
    "&lt", "&ltx", "&notit;", "&notin;", "&not-in;", "&copy2026", "AT&T", "R&D;", "&;", "&&&", "&#;", "&#x;", "&#xg;", "&#12ab;", "&#x41g;", "&#59;", "&#x3b;", "&#38;",
    "&#0;", "&#13;", "&#10;", "&#9;", "&#27;[31m", "&#127;", "&#128;", "&#133;", "&#129;", "&#159;", "&#160;", "&#xD800;", "&#xDFFF;", "&#xFFFE;", "&#xFDD0;", "&#x10FFFF;",
    "&#x110000;", "&#99999999999999999999999999;", "&#x000000000000000000000041;", "&#0000000000000000000000000000000000065;", "&#65", "&#x41", "&#X41;", "&#x1F600;",
    "&#\u0663;", "&\u00e9;", "&amp\u00e9", "&AMP", "&Amp;", "&aMp;", "&EACUTE", "&Eacute;", "&eACUTE;", "&CounterClockwiseContourIntegral;", "&CounterClockwiseContourIntegralx;",
    "&COUNTERCLOCKWISECONTOURINTEGRAL;", "&SZLIG;TRASSE", "&MICRO; &DAGGER; &ALPHA;&OMEGA;", "&FFLLIG;&NAPOS;", "&nGt;" * 20, "&nbsp;&ensp;&NewLine;&Tab;x", "&zwj;&zwnj;&shy;a", "&" + "a" * 40 + ";",
    "&hellip;&mdash;&ldquo;x&rdquo;", "Tom &amp; Jerry", "Tom &amp;amp; Jerry", "caf&eacute;", "CAF&EACUTE;", "&quot;it&#39;s&quot;", "a &lt;3 b", "&amp;quot;", "&frac12;&frac123;", "&there4;",
]
TERMINAL = [
    "\x1b[31mred\x1b[0m", "\x1b[1;32mgreen", "\x1b[", "\x1b[m", "\x1b]0;title\x07", "\x1b[3\x004m", "\x1b\uff3b31m", "\x1b[\u0663m", "\x1b[3&#49;mx", "\x1b[3&amp;#49;mx", "\x1b\x1b[2Jx", "\x1b[?25l", "\x1b[31",
]
SIGMAS = [
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3", "\u03a3", "\u03a3\u03a3", "A\u03a3", "A\u03a3B", "A\u03a3 B", "A.\u03a3", "A\u03a3.B", "A\u03a3.", "A\u03a3\u0301", "A\u03a3\u0301B", "A\u0301\u03a3", "1\u03a3", "\u2160\u03a3", "\u24b6\u03a3x",
    "\u00aa\u03a3", "A\u03a3\u00aa", "A\u03a3\u02b0", "A\u03a3\u02b0B", "A\u03a3'S", "A\u03a3\u2019", "A\u03a3\u00b7B", "A\u03a3\u00adB", "A\u03a3\u200dB", "A\u03a3-B", "A\u03a3_B", "\u0130\u03a3", "\U00010400\u03a3", "\U0001f130\u03a3", "A\u03a3&#x301;",
    "\u4e00\u03a3", "A\u03a3\u4e00", "a\u1d2c\u03a3", "A\u03a3:B", "A\u03a3,B", "A\u03a3\u2024B", "A\u03a3\ufe13B", "A\u03a3\u05f4B", "A\u03a3\u055fB", "A\u03a3\u0387B", "A\u03a3\u2027B", "A\u03a3`B", "A\u03a3^B", "A\u03a3\u20ddB",
]
PATTERN = [
    "it'\u017f", "'\u017ft", "\u017ftart", "<\u017ftart_of_text>", "<start_of_text>", "<end_of_text>", "<START_OF_TEXT>", "a<end_of_text>b", "a <end_of_text> b", "!<end_of_text>", "<end_of_text>'s", "<end_of_text>!", "<start_of_text><end_of_text>",
    "&lt;end_of_text&gt;", "<end_of_text", "end_of_text>", "<|startoftext|>", "<|endoftext|>", "a <|endoftext|> b", "<|ENDOFTEXT|>", "a\u0345b", "!\u0345!", "\u0345", "1\u03452", "\u1fb3\u0345", "IT'S DON'T", "it&rsquo;s", "<it&rsquo;s", "don\u2019t", "\ufb05 \ufb06",
]
LINES = ["a\r\nb", "a\rb", "a\u2028b\u2029c", "a\x85b", "a\x0bb", "a\x0cb", "\ufeffa", "a\ufeffb", "a\u200bb", "a\x00b", "\x1c\x1d\x1e\x1fa", "a\x1ab\ufffd", "\t a \n", "\u3000\u3000a", "", " ", "\n\n", "<\n<", "a\u0085\u2028"]
MOJIBAKE = [
    "sch\u00c3\u00b6n", "don\u00e2\u20ac\u2122t", "\u00e2\u20ac\u0153quoted\u00e2\u20ac\u009d", "caf\u00c3\u00a9", "\u00c3\u00a0 la mode", "na\u00c3\u00afve", "\u00c2\u00a320", "\u00f0\u0178\u02dc\u0080", "voil\u00c3 le travail", "\u00d0\u00bf\u00d1\u0080\u00d0\u00b8\u00d0\u00b2\u00d0\u00b5\u00d1\u201a",
    "\u00e2\u0153\u201d No problems", "&macr;\\_(\u00e3\u0083\u0084)_/&macr;", "P\u00c3\u00a9rez & S\u00c3\u00b3n", "\u00e2\u201e\u00a2", "r\u00c3\u00a9sum\u00c3\u00a9", "It\u00e2&#8364;&#8482;s",
]
QUOTED = [
    "a dog\u2019s bowl", "\u201ca red cat\u201d", "\u2018tis the season\u2019", "rock \u2019n\u2019 roll", "\u201ea low quote\u201d", "5\u2032 10\u2033 tall", "it\u02bcs", "\u201bodd\u201f", "a caf\u00e9\u2019s menu \u2014 \u201cspecials\u201d\u2026", "na\u00efve",
]


def entity_strings():
    names = sorted(html.entities.html5)
    return [f"&{name}" for name in names] + [f"&{name}x" for name in names if not name.endswith(";")]


def capital_strings():
    return [name for name in sorted(chardata.HTML_ENTITIES) if name[1:] not in html.entities.html5]


def table_strings():
    """Every character that one of ftfy's tables changes, sixteen at a time."""
    quotes = [c for c in map(chr, range(0x2000, 0x2030)) if ftfy.fix_text_segment(c) != c]
    characters = [*map(chr, chardata.LIGATURES), *map(chr, chardata.WIDTH_MAP), *map(chr, chardata.CONTROL_CHARS),
                  *map(chr, range(0x80, 0xA0)), *quotes, "\u02bc"]
    lone = [f"a{c}b" for c in characters]
    return lone + ["".join(characters[i : i + 16]) for i in range(0, len(characters), 16)]


def mixture_strings(count):
    pick = random.Random(11)
    names = sorted(html.entities.html5)
    parts = ["a", "B", " ", "  ", "\n", "<", ">", "&", ";", "#", "&amp;", "&lt;", "amp;", "lt;", "'s", "\u2019", "\u201c", "\ufb01", "\uff21", "\uff1b", "\u3000", "e\u0301", "\u0301", "\u03a3", "1", "!", "\x1b[1m", "\x07", "\u00e9",
             "<end_of_text>", "\u212a", "\u037e", "\uff76\uff9e", "_", "-", "the", "Photo", "\u4e00", "\U0001f600", "\u0130", "\x92", "\ufeff"]

    def part():
        kind = pick.random()
        if kind < 0.7:
            return pick.choice(parts)
        if kind < 0.85:
            return "&" + pick.choice(names)
        return pick.choice([f"&#{pick.randrange(1, 0x3000)};", f"&#x{pick.randrange(1, 0x3000):x}", "&" + pick.choice(names).upper()])

    return ["".join(part() for _ in range(pick.randrange(2, 9))) for _ in range(count)]


def case_ignorable_strings():
    """Where a capital sigma ends a word, by the category of what stands about it."""
    pick = random.Random(12)
    by_category = {}
    for code in range(0x80, 0x20000):
        category = unicodedata.category(chr(code))
        if category not in ("Cn", "Cs", "Co"):
            by_category.setdefault(category, []).append(chr(code))
    return [form.format(c) for category in sorted(by_category) for c in pick.sample(by_category[category], min(4, len(by_category[category])))
            for form in ("A\u03a3{}B", "{}\u03a3")]


def caption_strings(fixtures):
    """COCO's captions and candidates with a quote, an '&' or a character beyond ASCII, and some plain ones."""
    texts = [text for path in sorted((fixtures / "captions").glob("*_re*.json.gz")) for text in fixture_texts(path)]
    texts = sorted({text for text in texts if " " in text and len(text) < 120})
    odd = [text for text in texts if not text.isascii() or set("&\"<>;`_") & set(text)]
    apostrophes = [text for text in texts if "'" in text]
    pick = random.Random(13)
    some = [text for group, count in ((odd, 90), (apostrophes, 60), (texts, 60)) for text in pick.sample(group, min(count, len(group)))]
    return some + [text.replace("'", "\u2019") for text in some if "'" in text]


def groups(fixtures):
    nasty = NESTED + REFERENCES + TERMINAL + SIGMAS + PATTERN + LINES + QUOTED
    return {
        "entities": entity_strings(), "capitals": capital_strings(), "tables": table_strings(), "nasty": nasty, "sigmas": case_ignorable_strings(),
        "mixtures": mixture_strings(600), "mojibake": MOJIBAKE, "captions": caption_strings(fixtures),
        "transformers": [text for text in tokenizer_strings.strings() if len(text) < 60],
    }


# ---- references ---------------------------------------------------------------------------------------------


def model_directory(folder, **text):
    folder.mkdir()
    config = {"model_cfg": {"embed_dim": 512, "vision_cfg": {}, "text_cfg": text}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text('{"model_type": "clip"}')
    for path in (HERE / "tokenizer_small").iterdir():
        shutil.copy(path, folder)
    return f"local-dir:{folder}"


def ids_of(tokenizer, text):
    """All ids, as many as there are."""
    if isinstance(tokenizer, open_clip.SimpleTokenizer):
        return [tokenizer.sot_token_id, *tokenizer.encode(text), tokenizer.eot_token_id]
    return tokenizer.tokenizer(tokenizer.clean_fn(text)).input_ids


def check_call(tokenizer, text):
    """What a call gives is those ids, cut, and zeros."""
    ids = ids_of(tokenizer, text)
    row = tokenizer(text)[0].tolist()
    if len(ids) > CONTEXT:
        ids = ids[: CONTEXT - 1] + [tokenizer.eot_token_id]
    assert row == ids + [0] * (CONTEXT - len(ids)), text


def make_tokenizers(scratch):
    merges = (HERE / "tokenizer_small" / "merges.txt").read_text(encoding="utf-8").removesuffix("\n")
    small = str(scratch / "merges.txt.gz")
    with gzip.open(small, "wt", encoding="utf-8") as out:
        out.write(merges)
    plain = model_directory(scratch / "plain")
    named = model_directory(scratch / "named", hf_tokenizer_name="openai/clip-vit-base-patch32")
    made = {clean: open_clip.get_tokenizer(plain, bpe_path=small, clean=clean) for clean in ("lower", "whitespace", "canonicalize")}
    return made | {"hf": open_clip.get_tokenizer(named), "clip": open_clip.get_tokenizer(plain)}


def without_mojibake_repair(function):
    whole = ftfy.fix_text
    ftfy.fix_text = lambda text: whole(text, fix_encoding=False)
    try:
        return function()
    finally:
        ftfy.fix_text = whole


def main():
    strings = groups(pathlib.Path(sys.argv[1]))
    for name, texts in strings.items():
        strings[name] = list(dict.fromkeys(texts))
    with tempfile.TemporaryDirectory() as scratch:
        tokenizers = make_tokenizers(pathlib.Path(scratch))
    hugging_face = CLIPTokenizer.from_pretrained(HERE / "tokenizer_small")
    count = other = repaired = 0

    with open(HERE / "clean.tsv", "w", encoding="ascii") as out:
        for texts in strings.values():
            for text in texts:
                whole = ids_of(tokenizers["lower"], text)
                ids = without_mojibake_repair(lambda: ids_of(tokenizers["lower"], text))
                check_call(tokenizers["lower"], text)
                note = "" if ids == whole else "mojibake"
                out.write("\t".join([escape(text), " ".join(map(str, ids)), note]) + "\n")
                count += 1
                other += hugging_face(text).input_ids != whole
                if note:
                    repaired += 1
                    print(f"fix_encoding: {text!r}")
    print(f"{count} strings, {other} with other ids than transformers', {repaired} that fix_encoding changes")

    with open(HERE / "clean_digests.tsv", "w", encoding="ascii") as out:
        for name, texts in strings.items():
            for way, tokenizer in tokenizers.items():
                lists = without_mojibake_repair(lambda: [ids_of(tokenizer, text) for text in texts])
                out.write(f"{name}\t{way}\t{digest_ids(lists)}\n")


if __name__ == "__main__":
    main()
