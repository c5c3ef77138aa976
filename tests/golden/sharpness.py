#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The variance of the Laplacian of some pictures, grey by Pillow, by scipy's convolution:

    venv/bin/python tests/golden/sharpness.py >tests/golden/sharpness.tsv
"""
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import convolve

ROOT = Path(__file__).parents[2]
LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
PICTURES = "assets/pictures/01.png", "assets/pictures/09.png", "tests/golden/preprocess/grey1.png"

print("# Made by tests/golden/sharpness.py: path, and the variance without the border")
for path in PICTURES:
    grey = np.asarray(Image.open(ROOT / path).convert("RGB").convert("L")).astype(int)
    print(path, repr(float(convolve(grey, LAPLACIAN)[1:-1, 1:-1].var())), sep="\t")
