#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# LanceDB 0.40.0: a query of float32 over a column of float16.
#
# Guess before running it: numbers of the column are widened, as faiss and pgvector do it, so that a score is the product of
# the stored vector and the query that was given, to the rounding of float32.
#
# Seen: the query is rounded to float16 first. Scores are those of that other query, off by some 1e-5 for vectors of length
# 1: a hundred times the rounding of float32, and enough to swap hits that lie closer together than that. A column of
# float32 with the same numbers gives the scores of the query itself.
#
# `diptych.arrow.batches` therefore writes float32 unless half=True asks for less.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install lancedb==0.40.0 pyarrow==26.0.1 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/tables" <<'END_OF_PYTHON'
import sys

import lancedb
import numpy as np
import pyarrow

generator = np.random.default_rng(0)
rows = generator.normal(size=(1000, 128))
rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
query = generator.normal(size=128)
query = (query / np.linalg.norm(query)).astype(np.float32)
exact = rows.astype(np.float64) @ query
rounded = rows.astype(np.float64) @ query.astype(np.float16).astype(np.float64)
database = lancedb.connect(sys.argv[1])
wrong = 0
for kind, of_query, of_rounded in ((np.float16, False, True), (np.float32, True, False)):
    vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(rows.astype(kind).reshape(-1)), 128)
    table = database.create_table(kind.__name__, pyarrow.table({"id": range(1000), "vector": vectors}))
    hits = table.search(query).distance_type("dot").limit(10).to_list()
    scores = np.array([1 - hit["_distance"] for hit in hits])
    ids = [hit["id"] for hit in hits]
    for what, expected, is_it in (("query", exact, of_query), ("query rounded", rounded, of_rounded)):
        off = np.abs(scores - expected[ids]).max()
        print(f"{kind.__name__}: scores are off those of the {what:14} by {off:.1e}")
        wrong += int((off < 1e-6) != is_it)
sys.exit(wrong)
END_OF_PYTHON
