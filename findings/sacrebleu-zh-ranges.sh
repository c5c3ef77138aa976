#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sacreBLEU 2.6.0: which characters its tokenizer "zh" sets apart.
#
# Guess before running it: the ideographs of Unicode and the full-width signs beside them, and nothing else of a text in
# Latin letters, which is then cut as 13a cuts it.
#
# Seen: no ideograph beyond the first 65,536 characters (extension B, U+20000, stays inside its word), and in their stead
# everything from U+2001 to U+2A6D and from U+2F81 to U+2FA1: dashes, curly quotes, arrows, bullets, mathematics. The ends
# of two ranges are written with five digits behind \u, which takes four, so that they are strings of two characters, and
# strings compare by their first. What follows: a typographic apostrophe or a dash makes words of its own under zh and none
# under 13a, and BLEU of English text differs between the two by nothing else.
#
# Whoever wants sacreBLEU's numbers has to cut so too: text/captions/metric_tokenisers.c does.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install sacrebleu==2.6.0
"$folder/venv/bin/python" - <<'END'
import sys

from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh

cut = TokenizerZh()
apart = [c for c in range(0x80, 0x30000) if not 0xD800 <= c < 0xE000 and not chr(c).isspace() and cut(f"a{chr(c)}a") != f"a{chr(c)}a"]
ranges, first = [], apart[0]
for c, following in zip(apart, apart[1:] + [None]):
    if following is None or any(not chr(d).isspace() for d in range(c + 1, following)):
        ranges.append((first, c))
        first = following
print("set apart:", " ".join(f"{a:X}-{b:X}" for a, b in ranges))
print("U+4E00 apart:", 0x4E00 in apart, " U+20000 apart:", 0x20000 in apart, " U+2019 apart:", 0x2019 in apart)
scores = {name: BLEU(tokenize=name).corpus_score(["the dog\u2019s bowl is here"], [["the dog's bowl is here"]]).score for name in ("13a", "zh")}
print("a curly apostrophe for a straight one:", {name: round(score, 2) for name, score in scores.items()})
seen = 0x4E00 in apart and 0x20000 not in apart and all(c in apart for c in (0x2019, 0x2014, 0x2192, 0x2A6D, 0x2F81)) and 0x2A6E not in apart
sys.exit(not seen or scores["13a"] == scores["zh"])
END
