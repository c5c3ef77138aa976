#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small matrices as numpy, faiss and usearch write them: venv/bin/python tests/golden/matrices.py (needs numpy,
faiss-cpu 1.15.1, usearch 2.26.6)"""

import os

import faiss
import numpy as np
from usearch.index import Index

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrices")

IDS = np.array([10, 7, -3, 2**40, 5])
KEYS = np.array([3, 1, 4, 2**40, 2])  # rows 1, 4, 0, 2, 3 by key


def save(name, array, version=None):
    with open(os.path.join(FOLDER, name), "wb") as file:
        np.lib.format.write_array(file, array, version=version)


def main():
    rows = (np.arange(15, dtype=np.float32).reshape(5, 3) - 7) / 4  # exact as float16 too
    save("f4.npy", rows)
    save("f2.npy", rows.astype(np.float16))
    save("version2.npy", rows, (2, 0))
    save("none.npy", rows[:0])
    save("f8.npy", rows.astype(np.float64))
    save("fortran.npy", np.asfortranarray(rows))
    save("big.npy", rows.astype(">f4"))
    save("big_fortran.npy", np.asfortranarray(rows.astype(">f2")))
    save("i4.npy", rows.astype(np.int32))
    save("vector.npy", rows[0])
    save("cube.npy", rows[:, :, None])
    for name, index in (("ip", faiss.IndexFlatIP(3)), ("l2", faiss.IndexFlatL2(3)), ("l1", faiss.IndexFlat(3, faiss.METRIC_L1)),
                        ("hnsw", faiss.IndexHNSWFlat(3, 4)), ("sq", faiss.IndexScalarQuantizer(3, faiss.ScalarQuantizer.QT_fp16))):
        index.train(rows)
        index.add(rows)
        faiss.write_index(index, os.path.join(FOLDER, name + ".faiss"))
    for name, index in (("ids", faiss.IndexIDMap(faiss.IndexFlatIP(3))), ("ids2", faiss.IndexIDMap2(faiss.IndexFlatL2(3))),
                        ("ids_hnsw", faiss.IndexIDMap(faiss.IndexHNSWFlat(3, 4, faiss.METRIC_INNER_PRODUCT)))):
        index.add_with_ids(rows, IDS)
        faiss.write_index(index, os.path.join(FOLDER, name + ".faiss"))
    for kind in ("f64", "f32", "f16", "bf16", "i8", "e5m2"):
        index = Index(ndim=3, metric="ip", dtype=kind, connectivity=4)
        index.add(KEYS, rows)
        index.save(os.path.join(FOLDER, kind + ".usearch"))
    index.reset()
    index = Index(ndim=3, metric="cos", dtype="f32", connectivity=4)
    index.add(np.append(KEYS, 5), np.append(rows, rows[:1], axis=0))
    index.remove(5)
    index.save(os.path.join(FOLDER, "removed.usearch"))


if __name__ == "__main__":
    main()
