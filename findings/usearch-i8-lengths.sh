#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usearch 2.26.6: an index of 8-bit integers with the metric "l2sq" or "ip".
#
# Guess before running it: dtype="i8" multiplies by 127 and cuts at the ends, for values from -1 to 1, so that
# vectors within those bounds keep their lengths to about a hundredth, and distances and products are those of the
# vectors that were added.
#
# Seen: each vector is brought to length 1 first, whatever the metric, and only then multiplied by 127. Vectors of one
# direction have one code: (0.3, 0.4, 0) and (0.03, 0.04, 0) lie at the distance 0 of each other, where f32, f16 and bf16 say
# 0.2, the longer of two vectors is not found first by "ip", and what get() gives back has the length 1. bf16, the
# default, keeps lengths.
#
# Whoever reads vectors out of such an index has their directions alone: `diptych index import` needs no more, and
# index/matrix.h says it.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install usearch==2.26.6 numpy==2.4.6
"$folder/venv/bin/python" - <<'END'
import sys

import numpy as np
from usearch.index import Index

long, short = np.array([[0.3, 0.4, 0], [0.03, 0.04, 0]], np.float32)
wrong = 0


def compare(what, seen, expected):
    global wrong
    print(f"{what:40} {seen}")
    wrong += seen != expected


for dtype, distance in (("f32", 0.2), ("f16", 0.2), ("bf16", 0.2), ("i8", 0.0)):
    index = Index(ndim=3, metric="l2sq", dtype=dtype)
    index.add(1, short)
    compare(f"l2sq {dtype}: distance", round(float(index.search(long, 1).distances[0]), 2), distance)
for dtype, best in (("f32", 1), ("i8", 2)):
    index = Index(ndim=3, metric="ip", dtype=dtype)
    index.add(np.array([1, 2]), np.array([[0.6, 0.7, 0.1], [0.03, 0.04, 0]], np.float32))
    compare(f"ip {dtype}: the nearest", int(index.search(long, 1, exact=True).keys[0]), best)
index = Index(ndim=3, metric="l2sq", dtype="i8")
index.add(1, short)
compare("l2sq i8: length of what get() gives", round(float(np.linalg.norm(index.get(1, "f32"))), 1), 1.0)
sys.exit(wrong)
END
