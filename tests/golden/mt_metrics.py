#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""chrF2, chrF2++ and TER by sacreBLEU 2.6.0 of sentences made up here: ones that need shifts, that are longer than
TER's beam, of very different lengths, with signs, in other scripts, empty. And the words of its tokenizers.

    venv/bin/pip install sacrebleu==2.6.0
    venv/bin/python tests/golden/mt_metrics.py       # writes tests/golden/captions/mt.json
"""

import json
import os
import random

from sacrebleu.metrics import BLEU, CHRF, TER

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


TEXTS = [
    "", " ", "3.5 and 1,000. .5", " .5", ".5 5.", "5.", "a,b", "1,5 5-6 a-6", "(hi) [there]{you}", "don\u2019t \u201cquote\u201d \u2014 dash",
    "\u4e00\u53ea\u732b\u5750\u5728\u57ab\u5b50\u4e0a\u3002", "\u4e00\u53ea ABC cat\uff0c3.5 \u5143", "\U00020000 \u9fa5\u9fbc x", "\u6771\u4eac\u30bf\u30ef\u30fc",
    "\u2192 \u2713 \u2260 \u2a6d\u2a6e \u2f81a", "\uff21\uff11\uff01", "price: \u20ac5.00 + 10%", "\u00bd cup; 2\u00b2=4", "caf\u00e9, na\u00efve!", "\u00a1Hola! \u00bfQu\u00e9?",
    "a\u3000b\u00a0c", "x.y.z", "...", "a..b,,c", "\u0664\u066b\u0665", "it's <b>bold</b> &amp; &lt;", "-\n5", "\U0001f600!", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "12-34 -5",
]


def words():
    """What BLEU makes of each text, by tokenizer."""
    return {name: [BLEU(tokenize=name)._preprocess_segment(text).split() for text in TEXTS] for name in ("13a", "none", "zh", "char", "intl")}


def main():
    pairs = list(sentences())
    most = max(len(references) for _, references in pairs)
    metrics = {"chrF2": CHRF(), "chrF2++": CHRF(word_order=2), "TER": TER(), "chrF2 lower": CHRF(lowercase=True)}
    out = {"pairs": pairs, "scores": {}, "texts": TEXTS, "words": words()}
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
