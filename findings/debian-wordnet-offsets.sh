#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian's wordnet-base 3.0-37 (Debian 12) and the WordNet 3.0 inside METEOR 1.5, which pycocoevalcap 1.2 carries.
#
# Guess before running it: both are Princeton's WordNet 3.0, so that a set of synonyms, which has no other name than the place
# of its line in data.noun, data.verb, data.adj or data.adv, has the same number in both, as in every list of such numbers that
# says "3.0".
#
# Seen: Debian has mended a line of data.verb and one of data.adj, and all lines behind them stand further down: the verbs from
# 613036 to 2422967 by 18 bytes, the adjectives from 1681478 on by 1. Of 11,529 verbs 8,610 have another number, of 21,479
# adjectives 11,886; nouns and adverbs have Princeton's. Where numbers are only compared within one part of speech nothing
# shows. METEOR leaves the part out, so that a verb and a noun of one number count as synonyms, and those pairs become others.
#
# Whoever takes numbers of WordNet from elsewhere, or keeps them, has to take Debian's back to Princeton's:
# text/captions/meteor_wordnet.c does, and tests/golden/meteor.py has the captions.
#
# Prints what is seen and fails where it is no longer so. Needs apt-get, dpkg, Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download wordnet-base=1:3.0-37
dpkg -x wordnet-base_*.deb debian
python3 -m venv venv
venv/bin/pip -q download --no-deps --no-binary :none: pycocoevalcap==1.2
venv/bin/python - <<'END'
import glob
import io
import sys
import zipfile

with zipfile.ZipFile(glob.glob("pycocoevalcap-1.2-*.whl")[0]) as wheel:
    jar = zipfile.ZipFile(io.BytesIO(wheel.read("pycocoevalcap/meteor/meteor-1.5.jar")))
lines = jar.read("synonym/english.synsets").decode().splitlines()
princeton = {word: set(map(int, numbers.split())) for word, numbers in zip(lines[::2], lines[1::2])}
known = set().union(*princeton.values())

SEEN = {  # part: (sets, first and last whose number METEOR does not have, words, words with such numbers)
    "noun": (82115, None, None, 117798, 0),
    "verb": (13767, 613036, 2422681, 11529, 8610),
    "adj": (18156, 1681478, 3155307, 21479, 11886),
    "adv": (3621, None, None, 4481, 0),
}
wrong = 0
for part, seen in SEEN.items():
    def entries(kind):
        with open(f"debian/usr/share/wordnet/{kind}.{part}", encoding="latin1") as file:
            return [line.split() for line in file if not line.startswith(" ")]
    sets = [int(fields[0]) for fields in entries("data")]
    moved = sorted(set(sets) - known) or [None]
    words = [(fields[0], set(map(int, fields[-int(fields[2]):]))) for fields in entries("index")]
    differ = sum(not numbers <= princeton.get(word, set()) for word, numbers in words)
    got = len(sets), moved[0], moved[-1], len(words), differ
    print(f"{part:5} {got[0]:6} sets, unknown to METEOR from {got[1]} to {got[2]}; {got[4]} of {got[3]} words have other numbers")
    wrong += got != seen
sys.exit(wrong)
END
