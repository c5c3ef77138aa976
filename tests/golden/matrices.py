#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small matrices as numpy and faiss write them: venv/bin/python tests/golden/matrices.py (needs numpy, faiss-cpu)"""

import os

import faiss
import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrices")


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
    save("vector.npy", rows[0])
    save("cube.npy", rows[:, :, None])
    for name, index in (("ip.faiss", faiss.IndexFlatIP(3)), ("l2.faiss", faiss.IndexFlatL2(3))):
        index.add(rows)
        faiss.write_index(index, os.path.join(FOLDER, name))


if __name__ == "__main__":
    main()
