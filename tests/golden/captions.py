#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores of a few captions of ours by pycocoevalcap 1.2 (with its Java tokenizer) and sacreBLEU 2.6.0.

    venv/bin/pip install pycocoevalcap==1.2 sacrebleu==2.6.0
    venv/bin/python tests/golden/captions.py        # writes tests/golden/captions/{refs,candidates,scores}.json
"""

import contextlib
import json
import os
import sys

import sacrebleu
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

# image: (candidate, references)
CAPTIONS = {
    "12": ("A man rides a horse on the beach.", ["A man is riding a horse along the beach.", "Someone on horseback by the sea", "A rider and his horse enjoy the surf!"]),
    "7": ("two dogs don't share the frisbee", ["Two dogs fight over a frisbee.", "The dogs don't want to share their frisbee.", "A pair of dogs plays tug-of-war"]),
    "3": ("A plate with 3/4 of a pizza, half-eaten.", ["Most of a pizza is left on the plate.", "A half-eaten pizza on a white plate.", "22 3/4 slices? No: three."]),
    "40": ("", ["An empty street at night.", "Nobody walks down the road.", "A street lamp at 10:30 p.m."]),
    "5": ("a a a a a a a", ["A cat on a sofa.", "The cat's asleep on a couch", "a sleeping cat"]),
    "101": ("Woman (left) holding a child's hand", ["A woman holds her child's hand.", "Mother & child crossing St. John's Ave.", "A woman, left, with a child."]),
    "8": ("The red bus stops in front of the U.S. bank", ["A red bus in front of a bank.", "A double-decker bus at its stop", "The bus waits for Mr. Brown."]),
    "9": ("A kitchen with a stove and a refrigerator.", ["A kitchen with a stove and a refrigerator.", "A small kitchen", "Stove, fridge and sink in a kitchen"]),
    "21": ("people are flying kites in the park on a sunny day with blue sky", ["Kites.", "People fly kites in a park.", "A crowd under kites on a sunny day"]),
    "22": ("A tennis player swings", ["A tennis player swings his racket at the ball during a match on a clay court.", "He can't miss this one.", "tennis"]),
}


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "captions")
    references = {"annotations": [{"image_id": int(i), "caption": r} for i, (_, refs) in CAPTIONS.items() for r in refs]}
    candidates = [{"image_id": int(i), "caption": c} for i, (c, _) in CAPTIONS.items()]

    tokenizer = PTBTokenizer()
    said = tokenizer.tokenize({i: [{"caption": r} for r in refs] for i, (_, refs) in CAPTIONS.items()})
    made = tokenizer.tokenize({i: [{"caption": c}] for i, (c, _) in CAPTIONS.items()})
    corpus, images = {}, {i: {} for i in CAPTIONS}

    def keep(key, score, each):
        corpus[key] = float(score)
        for i, value in zip(CAPTIONS, each):
            images[i][key] = float(value)

    with contextlib.redirect_stdout(sys.stderr):
        scores, each = Bleu(4).compute_score(said, made)
        for n in range(4):
            keep(f"Bleu_{n + 1}", scores[n], each[n])
        keep("ROUGE_L", *Rouge().compute_score(said, made))
        keep("CIDEr_D", *Cider().compute_score(said, made))
    bleu = sacrebleu.metrics.BLEU()
    streams = [[refs[n] for _, refs in CAPTIONS.values()] for n in range(3)]
    sentence = sacrebleu.metrics.BLEU(effective_order=True)
    keep("sacreBLEU", bleu.corpus_score([c for c, _ in CAPTIONS.values()], streams).score,
         [sentence.sentence_score(c, refs).score for c, refs in CAPTIONS.values()])

    scored = {"corpus": corpus, "per_image": images, "signature": str(bleu.get_signature())}
    for name, data in (("refs", references), ("candidates", candidates), ("scores", scored)):
        with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1, ensure_ascii=False)
            file.write("\n")


if __name__ == "__main__":
    main()
