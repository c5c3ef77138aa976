#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which parts of pictures torchvision's RandomResizedCrop takes for given random numbers, with open_clip's scale and another:

    venv/bin/python tests/golden/crops.py >tests/golden/crops.tsv

Its own get_params runs, with torch.Tensor.uniform_ and torch.randint giving what random_at(seed, i) of base.h makes.
"""
import itertools

import torch
from torchvision.transforms import RandomResizedCrop

SCALES, RATIO = [(0.9, 1.0), (0.2, 0.6)], (3 / 4, 4 / 3)
SIZES = [(224, 224), (640, 480), (480, 640), (17, 23), (1, 1), (1000, 701), (300, 100), (100, 300), (3, 2), (5000, 4000)]
SEEDS = range(5)
MASK = (1 << 64) - 1


def mix(bits):
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & MASK
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & MASK
    return bits ^ bits >> 31


class Numbers:
    """Four for each try: the area, the aspect ratio, y and x."""

    def __init__(self, seed):
        self.seed, self.used = seed, 0

    def next(self):
        self.used += 1
        return (mix(self.seed + self.used * 0x9E3779B97F4A7C15 & MASK) >> 11) * 2.0**-53

    def uniform(self, tensor, low, high):
        if self.used % 4 == 2 and not torch.is_tensor(low):  # the try before had no use for y and x
            self.used += 2
        return tensor.double().fill_(float(low) + self.next() * (float(high) - float(low)))


def parts(width, height, scale, seed):
    numbers = Numbers(seed)
    torch.Tensor.uniform_ = lambda tensor, low, high: numbers.uniform(tensor, low, high)
    torch.randint = lambda low, high, size: torch.tensor([low + int(numbers.next() * (high - low))])
    return RandomResizedCrop.get_params(torch.empty(3, height, width), scale, RATIO)


print("# Made by tests/golden/crops.py: width, height, scale, seed; y, x, height and width of the part")
for width, height in SIZES:
    for scale, seed in itertools.product(SCALES, SEEDS):
        print(width, height, *scale, seed, *parts(width, height, scale, seed), sep="\t")
