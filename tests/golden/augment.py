#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What torchvision makes of pictures when it is told how to change them:

    venv/bin/python tests/golden/augment.py >tests/golden/augment.tsv

Pictures are squares whose byte i is the highest of random_at(seed, i) of base.h, with fewer colours where `bits` has fewer than all
ones. Each line has

    seed, side, bits, flip, steps, grey     steps as b1.25c0.5s2h-0.1, in their order, or -
    crc                                     of the bytes that come out

ColorJitter runs as it is but for get_params, which gives what the line says; so do hflip and Grayscale.
"""
import itertools
import random
import zlib

import numpy as np
from PIL import Image
from torchvision import transforms
from torchvision.transforms import functional

import random_weights

NAMES = "bcsh"
LIMITS = [(0, 2.5), (0, 2.5), (0, 2.5), (-0.5, 0.5)]


def square(seed, side, bits):
    index = np.arange(1, side * side * 3 + 1, dtype=np.uint64)
    values = random_weights.mix(np.uint64(seed) + index * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(56)
    return Image.fromarray((values.astype(np.uint8) & np.uint8(bits)).reshape(side, side, 3))


def changed(picture, flip, steps, grey):
    if flip:
        picture = functional.hflip(picture)
    if steps:
        jitter = transforms.ColorJitter(1, 1, 1, 0.5)
        factors = dict(steps)
        order = [NAMES.index(name) for name, _ in steps]
        jitter.get_params = lambda *_: (order, *(factors.get(name) for name in NAMES))
        picture = jitter(picture)
    return transforms.Grayscale(3)(picture) if grey else picture


def cases():
    draw = random.Random(5)
    orders = list(itertools.permutations(range(4)))
    for seed in range(72):
        order = orders[seed % 24]
        steps = [(NAMES[k], round(draw.uniform(*LIMITS[k]), 4)) for k in order if seed < 24 or draw.random() < 0.6]
        yield seed, draw.randint(1, 40), draw.choice([255, 255, 240, 192]), seed % 3 == 0, steps, seed % 5 == 0
    for k, (low, high) in enumerate(LIMITS):
        for by in (low, (low + high) / 2, 1 if k < 3 else 0, high):
            yield 100 + k, 64, 255, 0, [(NAMES[k], by)], 0
    yield 200, 1, 255, 0, [], 0
    yield 201, 33, 255, 1, [], 0
    yield 202, 64, 255, 0, [], 1


def main():
    print("# Made by tests/golden/augment.py: seed, side, bits, flip, steps, grey, crc")
    for seed, side, bits, flip, steps, grey in cases():
        out = changed(square(seed, side, bits), flip, steps, grey)
        print(seed, side, bits, int(flip), "".join(f"{name}{by:g}" for name, by in steps) or "-", int(grey),
              f"{zlib.crc32(np.asarray(out).tobytes()):08x}", sep="\t")


if __name__ == "__main__":
    main()
