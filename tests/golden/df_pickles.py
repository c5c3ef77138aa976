# SPDX-License-Identifier: Apache-2.0
"""Pickles of document frequencies, by the picklers of Python 2 and 3 themselves.

    python3 df_pickles.py && python2.7 df_pickles.py

writes df/NAME.p for each way that programs keep them, and what all of them hold, df/words.df or df/numbers.df, as
text/captions/metric_df_file.c describes it. Neither Python needs a package. Made with CPython 3.11.7 and 2.7.18.
"""
from __future__ import unicode_literals

import collections
import io
import os
import pickle
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "df")
PYTHON2 = sys.version_info[0] == 2
IMAGES = 40504  # what readers take where a pickle does not say

# Quotes, a backslash, characters of two to four bytes, and numbers of one to four bytes.
COUNTS = {
    ("a",): 40000, ("a", "cat"): 17, ("a", "cat", "sat"): 2, ("a", "cat", "sat", "down"): 1, ("cat",): 255,
    ("it", "'s"): 256, ("6'2\"",): 3, ("back\\slash",): 65535, ("caf\u00e9",): 65536,
    ("\u2665", "\U0001f436"): 2,
}
# Not there for the reader: a word with white space, which str of Python 2 does not split.
LEFT_OUT = {("22\u00a03/4",): 5}
NUMBERS = {(1,): 3, (1, 20): 2, (300, 1, 20, 70000): 1}


def typed(counts, out, word, count):
    """Fills the dictionary with the counts; each n-gram has words of its own, as programs make them."""
    for ngram, value in sorted(counts.items()):
        out[tuple(word(w) for w in ngram)] = count(value)
    return out


def write(name, value, protocol, pickler):
    with io.open(os.path.join(FOLDER, name + ".p"), "wb") as file:
        pickler.dump(value, file, protocol)


def write_all(version, protocols, pickler, words):
    counts = dict(COUNTS)
    counts.update(LEFT_OUT)
    for protocol in protocols:
        for kind, word in sorted(words.items()):
            name = "%s-%d-%s" % (version, protocol, kind)
            frequencies = typed(counts, collections.defaultdict(float), word, float)
            write(name, {str("document_frequency"): frequencies, str("ref_len"): IMAGES}, protocol, pickler)
        bare = typed(counts, collections.defaultdict(int), words["str"], int)
        write("%s-%d-bare" % (version, protocol), bare, protocol, pickler)


def write_numbers(version, pickler):
    """Words that are numbers, counts that are long where there is such a type, and N as float."""
    frequencies = typed(NUMBERS, {}, int, type(1 << 100))
    value = {str("document_frequency"): frequencies, str("ref_len"): float(IMAGES)}
    write(version + "-numbers", value, 2, pickler)


def write_text(name, counts):
    ngrams = sorted((tuple(str(word).encode("utf-8") for word in ngram), count) for ngram, count in counts.items())
    lines = ["%d\t%s\n" % (count, b" ".join(ngram).decode("utf-8")) for ngram, count in ngrams]
    with io.open(os.path.join(FOLDER, name + ".df"), "w", encoding="utf-8", newline="\n") as file:
        file.write("diptych document frequencies 1, %d images, %d n-grams\n" % (IMAGES, len(lines)))
        file.writelines(lines)


if PYTHON2:
    import cPickle

    texts = {"str": lambda w: w.encode("utf-8"), "unicode": lambda w: w + ""}
    write_all("py2c", range(3), cPickle, texts)
    write_all("py2", [0], pickle, texts)
    write_numbers("py2c", cPickle)
else:
    write_all("py3", range(6), pickle, {"str": lambda w: w})
    write("py3-3-bytes", typed(COUNTS, {}, lambda w: w.encode("utf-8"), int), 3, pickle)
    write_numbers("py3", pickle)
    write_text("words", COUNTS)
    write_text("numbers", NUMBERS)
