#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the ranges of text/captions/ptb_ranges.c, to be laid out by clang-format.

    ptb_ranges.py JAR      (as ptb.py)

The reference is asked for the tokens of every character from U+0080 to U+FFFF between letters, between digits, between
blanks, and between a decimal point and a digit.
"""

import sys

from ptb import reference

PLACES = "a{}b", "5{}5", "a {} b", "5.{}5"
SOFT_HYPHEN = 0xad
LINE_ENDS = 0x85, 0x2028, 0x2029


def classify(code, letters, digits, blanks, decimal):
    """S, M, L, D, or None for what the reference deletes; counts of tokens at the places."""
    if code == SOFT_HYPHEN:
        return "M"
    if blanks != 3:
        return None
    if letters != 1:
        return "S"
    return "M" if digits != 1 else "D" if decimal == 1 else "L"


def main():
    codes = [c for c in range(0x80, 0x10000) if not 0xd800 <= c < 0xe000 and c not in LINE_ENDS]
    counts = [[len(line.split(" ")) for line in
               reference(sys.argv[1], "".join(place.format(chr(c)) + "\n" for c in codes))] for place in PLACES]
    ranges = []
    for code, *places in zip(codes, *counts):
        kind = classify(code, *places)
        if kind and ranges and ranges[-1][1] + 1 == code and ranges[-1][2] == kind:
            ranges[-1][1] = code
        elif kind:
            ranges.append([code, code, kind])
    print(",\n".join(f"{{{first:#x}, {last:#x}, {kind}}}" for first, last, kind in ranges))


if __name__ == "__main__":
    main()
