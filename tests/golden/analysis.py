#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Outliers and principal components of a few vectors by numpy, straight from their definitions, and their groups by
scipy's complete linkage:

    venv/bin/python tests/golden/analysis.py >tests/golden/analysis.json
"""

import json
import sys

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

COUNT, WIDTH = 60, 8
THRESHOLDS = 0.95, 0.9, 0.7, 0.3, -0.5


def main():
    random = np.random.default_rng(20261121)
    vectors = random.normal(size=(COUNT, WIDTH)) * np.linspace(2, 0.2, WIDTH) + np.array([3, 1, 0, 0, 0, 0, 0, 0])
    vectors[7] = -vectors[7]  # one that is unlike all others
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32).astype(np.float64)

    cosines = vectors @ vectors.T
    rest = (cosines.sum(axis=1) - np.diag(cosines)) / (COUNT - 1)
    pairs = np.sort(cosines[np.tril_indices(COUNT, -1)])
    tails = np.searchsorted(pairs, rest, side="left") / len(pairs)

    centred = vectors - vectors.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / COUNT)
    top = directions[:, ::-1][:, :2]
    top = top * np.sign(top[np.abs(top).argmax(axis=0), [0, 1]])
    tree = linkage(squareform(1 - cosines, checks=False), method="complete")
    json.dump(
        {
            "vectors": vectors.tolist(),
            "similarities": rest.tolist(),
            "tails": tails.tolist(),
            "points": (centred @ top).tolist(),
            "explained": (variances[::-1][:2] / variances.sum()).tolist(),
            "thresholds": THRESHOLDS,
            "groups": [fcluster(tree, 1 - t, criterion="distance").tolist() for t in THRESHOLDS],
        },
        sys.stdout,
    )
    print()


if __name__ == "__main__":
    main()
