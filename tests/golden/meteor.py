#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""METEOR 1.5 by the jar of pycocoevalcap 1.2, of sentences made up here: few words often repeated, so that alignments
compete; stems, synonyms, function words; paraphrases of a table made up here too; empty ones. And what its normaliser
makes of texts in lower case. And its scores of tests/golden/captions, cut into words by pycocoevalcap's tokenizer.

    venv/bin/pip install --no-deps pycocoevalcap==1.2      # and Java
    venv/bin/python tests/golden/meteor.py                 # writes tests/golden/meteor/{meteor.json,paraphrase-en.gz}
"""

import gzip
import importlib.util
import json
import os
import random
import subprocess
import sys

from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "meteor")
JAR = os.path.join(importlib.util.find_spec("pycocoevalcap").submodule_search_locations[0], "meteor", "meteor-1.5.jar")

WORDS = """a the of in on is are and with to it 's two people , . man men person woman women couch sofa picture pictures photo
photograph image big large huge small little bike bicycle bikes riding rides rode ride running run runs quickly fast street
road eating eats eat ate child children kid kids boy better good best leaves leaf sitting sits sat happily happy mice mouse
car automobile u.s. t-shirt 22\u00a03/4 don 't abetted geese goose café ball balls boss buses bus gas""".split()

PARAPHRASES = [
    ("a lot of", "many"), ("many", "a lot of"), ("many", "lots of"), ("lots of", "a lot of"), ("in front of", "before"),
    ("before", "in front of"), ("is sitting on", "sits on"), ("sits on", "is sitting on"), ("sits on", "sitting on"),
    ("the street", "a road"), ("a road", "the street"), ("two people", "a man and a woman"), ("is", "are"), ("is", "is in"),
    ("of the", "of a"), ("a", "one"), ("a", "the"), ("a big", "the large"), ("on a couch", "on the sofa"), ("the", "a"),
    ("photo of", "picture of the"), ("picture of the", "photo of"), ("riding a bike", "on a bicycle"), ("men", "people"),
    ("child", "a small child"), ("car", "the car of"), ("café", "a café"), ("and", ", and"), ("unheard-of", "words"),
]

# Sets of synonyms of two parts of speech that have one number in Princeton's WordNet, and in Debian's but not there.
ACCIDENTS = [
    ("bat", "last"), ("air", "cosignatory"), ("bloody", "key"), ("artistic", "transfer"), ("dog", "tsarist"),
    ("ball", "planetary"), ("taxi", "rabbinical"), ("get", "bulldog"), ("box", "chilomastix"), ("become", "angiospermous"),
]

TEXTS = [
    "", " ", "a", ".", "..", "a . b", "a..b", "...", "a ... b", "wow... it", "a.b.c", "u.s.", "u.s. man", "a u.s.a. b", "grass.a dog", "tv.the",
    "mr. smith", "mr.", "vs. him", "a vs. 3", "v. 3", "rev. 9", "no. 5", "i.e. this", "5.", "3.5", ".5", "5. a", "end. 'a", "end. \u00a0b",
    "1,000", "a,b", "a,b,c", "1,b,2", ",a", "a,", "1,2,3", ",,", "a-b", "a-b-c", "jack-o-lantern", "t-shirt", "a -b", "- a", "--", "a--b", "---",
    "-----", "a–b", "–-–", "a.-b", "3-4-5-6", "it 's", "it's", "n't", "do n't", "1990's", "1990'st", "'90s", "rock 'n' roll", "o'clock", "a'b'c",
    "''", "'''", "a''b", "`a`", "``", "`'", "‘a’", "“a”", "dogs' x", "'t is", "6'2", "é'é", "a'é'", "$ 5", "us$ 5", "# 1", "#dog", "a/b", "and/or",
    "22\u00a03/4", "a\u00a0.", "a.\u00a0b", "\u2003a\u3000b", "50 %", "90 °", "-lrb- a -rrb-", ":-rrb-", "?!", "a@b.com", "www.a.com", "http://a.b/c?d=e",
    "naïve café", "straße", "œuvre", "ž", "ſ", "привет-мир", "привет.", "ελλάδα", "東京タワー", "a東b", "♥ ☺", "a→b", "ᵿ", "ꙁ", "½", "m ²", "a_b", "c++",
    "x.y. z", "x.y. é", "x.y. 9", "é. a", "é. É", "a. b", "9. b", "b. 9", "a.b", "a. ... b", "a . . b", "\t a \t", "a.' b", "a'.b",
]


def sentence(rng, length, few):
    return [rng.choice(WORDS[:few]) for _ in range(length)]


def changed(words, rng):
    words = " ".join(words)
    for left, right in rng.sample(PARAPHRASES, 12):
        if rng.random() < 0.5:
            words = words.replace(left, right, 1)
    words = words.split(" ")
    for _ in range(rng.randint(0, 4)):
        if len(words) > 2:
            start, length = rng.randrange(len(words) - 1), rng.randint(1, 5)
            run, rest = words[start:start + length], words[:start] + words[start + length:]
            at = rng.randint(0, len(rest))
            words = rest[:at] + run + rest[at:]
    for _ in range(rng.randint(0, 3)):
        if words:
            words[rng.randrange(len(words))] = rng.choice(WORDS)
    return words


def pairs():
    rng = random.Random(15)
    yield "", ["a cat"]
    yield "a cat", [""]
    yield "", ["", "a"]
    yield "a man is sitting on a couch", ["a man is sitting on a couch", "a man sits on the sofa"]
    yield "x", ["y", "x"]
    yield "x", ["y", "z w"]  # the first of equals
    yield "aabb aa", ["bb aa aa bb"]
    for length in (2, 4, 7, 10, 14, 20, 40):
        for few in (6, 14, 30, len(WORDS)):
            for _ in range(4):
                reference = sentence(rng, length, few)
                others = [changed(reference, rng) for _ in range(rng.randint(0, 3))]
                yield " ".join(changed(reference, rng)), [" ".join(words) for words in [reference] + others]
    for left, right in PARAPHRASES:
        yield f"a man {left} x", [f"the person {right} x", f"{right} {left}"]
    for left, right in ACCIDENTS:
        yield f"a man {left} y", [f"the person {right} y"]
    yield " ".join(sentence(rng, 130, 10)), [" ".join(sentence(rng, 110, 10))]
    yield "a of " * 30, ["of a a " * 25]


class Meteor:
    """The protocol that pycocoevalcap speaks with the jar."""

    def __init__(self, *options):
        command = ["java", "-Xmx2G", "-jar", JAR, "-", "-", "-stdio", "-l", "en", "-norm", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def read(self):
        return self.process.stdout.readline().strip()

    def scores(self, pairs):
        stats = []
        for candidate, references in pairs:
            self.ask(" ||| ".join(["SCORE", *references, candidate]))
            stats.append(self.read())
        self.ask(" ||| ".join(["EVAL", *stats]))
        images = [float(self.read()) for _ in pairs]
        out = {"corpus": float(self.read()), "images": images}
        self.process.stdin.close()
        self.process.wait()
        return out


def normalised(text):
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", JAR, "edu.cmu.meteor.util.Normalizer", "en", "true"]
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True, encoding="utf-8")
    return done.stdout


def captions():
    folder = os.path.join(os.path.dirname(HERE), "captions")
    with open(os.path.join(folder, "refs.json"), encoding="utf-8") as file:
        said = json.load(file)["annotations"]
    with open(os.path.join(folder, "candidates.json"), encoding="utf-8") as file:
        made = json.load(file)
    images = [one["image_id"] for one in made]
    references = PTBTokenizer().tokenize({i: [one for one in said if one["image_id"] == i] for i in images})
    candidates = PTBTokenizer().tokenize({one["image_id"]: [one] for one in made})
    return [(candidates[i][0], references[i]) for i in images]


def main():
    table = os.path.join(HERE, "paraphrase-en.gz")
    with open(table, "wb") as file, gzip.GzipFile("", "wb", 9, file, 0) as packed:
        for i, (left, right) in enumerate(PARAPHRASES):
            packed.write(f"{1 / (i + 2)}\n{left}\n{right}\n".encode())
    made, of_captions = list(pairs()), captions()
    words = [line.split() for line in normalised("\n".join(TEXTS) + "\n").split("\n")[:len(TEXTS)]]
    out = {
        "pairs": made,
        "METEOR": Meteor("-a", table).scores(made),
        "METEOR_no_paraphrases": Meteor("-m", "exact stem synonym").scores(made),
        "captions": {
            "METEOR": Meteor("-a", table).scores(of_captions),
            "METEOR_no_paraphrases": Meteor("-m", "exact stem synonym").scores(of_captions),
        },
        "texts": TEXTS,
        "words": [" ".join(line) for line in words],
    }
    with open(os.path.join(HERE, "meteor.json"), "w", encoding="utf-8") as file:
        json.dump(out, file, ensure_ascii=False, indent=0)
        file.write("\n")


if __name__ == "__main__":
    sys.exit(main())
