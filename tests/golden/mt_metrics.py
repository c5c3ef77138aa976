#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""chrF2, chrF2++ and TER by sacreBLEU 2.6.0 of sentences made up here: ones that need shifts, that are longer than
TER's beam, of very different lengths, with signs, in other scripts, empty.

    venv/bin/pip install sacrebleu==2.6.0
    venv/bin/python tests/golden/mt_metrics.py       # writes tests/golden/captions/mt.json
"""

import json
import os
import random

from sacrebleu.metrics import CHRF, TER

WORDS = "a the cat dog sat on mat, under (red) kite! it's don't end. 'quoted' two-fold 3.5 ΣΑΣ Straße über 東京 タワー 😀 İ x".split()


def shifted(words, rng):
    words = list(words)
    for _ in range(rng.randint(0, 4)):
        if len(words) > 2:
            start = rng.randrange(len(words) - 1)
            length = rng.randint(1, min(12, len(words) - start))
            run, rest = words[start:start + length], words[:start] + words[start + length:]
            at = rng.randint(0, len(rest))
            words = rest[:at] + run + rest[at:]
    for _ in range(rng.randint(0, 3)):
        if words:
            words[rng.randrange(len(words))] = rng.choice(WORDS)
    return words


def sentences():
    rng = random.Random(7)
    yield "", ["", "a cat"]
    yield "a cat", [""]
    yield "", ["a cat", "the dog sat"]
    yield "x", ["x"]
    yield "(", ["(", "(hi)"]
    yield "(hi) there, you!", ["hi there you", "( hi ) there , you !"]
    yield "\u3000wide\u00a0blanks \u200b zero", ["wide blanks zero"]
    for length in [3, 5, 8, 12, 20, 40, 70]:
        for few in [3, 8, len(WORDS)]:  # a small vocabulary has many runs in common
            for _ in range(4):
                reference = [rng.choice(WORDS[:few]) for _ in range(length)]
                others = [shifted(reference, rng) for _ in range(rng.randint(0, 2))]
                yield " ".join(shifted(reference, rng)), [" ".join(words) for words in [reference] + others]
    reference = [rng.choice(WORDS) for _ in range(120)]
    yield " ".join(reference[60:] + reference[:60]), [" ".join(reference)]  # further than a shift goes
    yield "the cat", [" ".join(reference)]  # a beam that has to be wider
    yield " ".join(reference), ["the cat"]
    yield "a", [" ".join(["a", "b"] * 60)]


def main():
    pairs = list(sentences())
    most = max(len(references) for _, references in pairs)
    metrics = {"chrF2": CHRF(), "chrF2++": CHRF(word_order=2), "TER": TER(), "chrF2 lower": CHRF(lowercase=True)}
    out = {"pairs": pairs, "scores": {}}
    streams = [[references[n] if n < len(references) else None for _, references in pairs] for n in range(most)]
    for name, metric in metrics.items():
        corpus = metric.corpus_score([candidate for candidate, _ in pairs], streams)
        images = [metric.sentence_score(candidate, references).score for candidate, references in pairs]
        metric.corpus_score([candidate for candidate, _ in pairs], streams)
        out["scores"][name] = {"corpus": corpus.score, "images": images, "signature": str(metric.get_signature())}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "captions", "mt.json")
    with open(path, "w") as file:
        json.dump(out, file, ensure_ascii=False, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
