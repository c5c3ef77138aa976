#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sentencepiece 0.2.3 and tokenizers 0.23.3: one charsmap, read by both.
#
# Guess before running it: tokenizers' Precompiled is SentencePiece's normaliser, so that a model's tokenizer.json and its
# spiece.model, which carry the same charsmap, give a text the same form and the same ids.
#
# Seen: SentencePiece takes the longest rule at each place. Precompiled cuts the text into grapheme clusters first and, where
# a rule fits the beginning of a short cluster, puts that rule's result in place of all of it: what follows in the cluster is
# lost. A fullwidth A with an acute is A, not the letter with its accent, a circled digit loses the mark above it, and
# halfwidth katakana with a voiced mark, which Japanese texts hold, stay in two characters where SentencePiece composes
# them. So the ids of a text depend on which of the two files of one model a program reads.
#
# Whoever wants transformers' ids has to do it as the file's own reader does: text/subword_normal.c has both ways, and
# tests/golden/subword.py the texts.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install sentencepiece==0.2.3 tokenizers==0.23.3 protobuf==7.36.2
"$folder/venv/bin/python" - <<'END'
import io
import sys

import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2

written = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(["a small dog and a red kite"] * 20), model_writer=written, vocab_size=24, hard_vocab_limit=False,
    model_type="unigram", normalization_rule_name="nmt_nfkc", minloglevel=2, num_threads=1)
model = sentencepiece_model_pb2.ModelProto.FromString(written.getvalue())
theirs = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
precompiled = tokenizers.normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)

SEEN = {  # text: (SentencePiece, Precompiled)
    "\uff21": ("A", "A"),
    "\uff21\u0301": ("\u00c1", "A"),
    "\u2460\u0301": ("1\u0301", "1"),
    "\ufb01\u0323ne": ("fi\u0323ne", "fine"),
    "\uff76\uff9e": ("\u30ac", "\u30ab\u3099"),
    "\u1100\u1161\u11a8": ("\uac01", "\u1100\u1161\u11a8"),
}
wrong = 0
for text, seen in SEEN.items():
    got = theirs.normalize(text).replace("\u2581", ""), precompiled.normalize_str(text)
    print(f"{ascii(text):24} SentencePiece {ascii(got[0]):16} Precompiled {ascii(got[1])}")
    wrong += got != seen
sys.exit(wrong)
END
