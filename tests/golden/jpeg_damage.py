#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what Pillow makes of damaged JPEGs: tests/golden/jpeg_damage/.

    pip install pillow==13.0.0 numpy && python3 tests/golden/jpeg_damage.py

*.jpg        whole files
damage.txt   of each line: a file, an offset, how many bytes there are taken out, what is put in their place (in hex, or
             -), and the CRC-32 of Image.convert("RGB") without and with ImageFile.LOAD_TRUNCATED_IMAGES, or "refused".
             Of a progressive file, "read" instead: where coefficients are missing, libjpeg-turbo 3 smooths otherwise than
             Debian 12's 2.1, whose djpeg gives our pixels. "any": a header that libjpeg cannot read gives a black picture.
"""
import io
import random
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageFile

HERE = Path(__file__).parent / "jpeg_damage"
EACH = 25  # kinds of damage are seven

y, x, c = np.meshgrid(np.arange(48), np.arange(40), np.arange(3), indexing="ij")
PICTURE = Image.fromarray((128 + 100 * np.sin(x / 5 + c) * np.cos(y / 4 - c) + (x * y * 7 % 23)).astype(np.uint8))
FILES = {
    "rgb420.jpg": (PICTURE, {"quality": 80}),
    "restart.jpg": (PICTURE, {"quality": 80, "restart_marker_rows": 1}),
    "blocks.jpg": (PICTURE, {"quality": 70, "subsampling": 0, "restart_marker_blocks": 3}),
    "grey.jpg": (PICTURE.convert("L"), {"quality": 80, "restart_marker_rows": 2}),
    "cmyk.jpg": (PICTURE.convert("CMYK"), {"quality": 70}),
    "progressive.jpg": (PICTURE, {"quality": 80, "progressive": True, "restart_marker_rows": 1}),
}


def restarts(data):
    return [i for i in range(len(data) - 1) if data[i] == 0xff and 0xd0 <= data[i + 1] <= 0xd7]


def damage(data, kind):
    """-> offset, length, replacement"""
    pixels = data.find(b"\xff\xda") + 10
    at = random.randrange(pixels, len(data) - 8)
    marks = restarts(data)
    if kind == 0:  # a byte is another
        return at, 1, bytes([random.randrange(256)])
    if kind == 1:  # zeros
        return at, 6, bytes(6)
    if kind == 2 and len(marks) > 3:  # a restart interval is lost, or two
        first = random.randrange(len(marks) - 2)
        return marks[first], marks[first + random.randint(1, 2)] - marks[first], b""
    if kind in (2, 3):  # the end is missing
        return at, len(data) - at, b""
    if kind == 4:  # some bytes are missing
        return at, random.randint(1, 30), b""
    if kind == 5:  # anywhere behind the start
        return random.randrange(20, len(data)), 1, bytes([random.randrange(256)])
    return at, 0, bytes([0xff, random.choice([0xd0, 0xd3, 0xd9, 0xc4, 0xe1, 0xda, 0x01])])  # a marker too many


def read(data, truncated, progressive):
    ImageFile.LOAD_TRUNCATED_IMAGES = truncated
    try:
        rgb = Image.open(io.BytesIO(data)).convert("RGB")
    except Exception:  # of many kinds
        return "refused"
    if rgb.size != PICTURE.size:
        return None  # the byte was of the size: another matter
    return "read" if progressive else f"{zlib.crc32(rgb.tobytes()):08x}"


def main():
    HERE.mkdir(exist_ok=True)
    random.seed(1)
    lines = [f"# Made by tests/golden/jpeg_damage.py with Pillow {PIL.__version__}.\n"]
    for name, (picture, options) in FILES.items():
        out = io.BytesIO()
        picture.save(out, "JPEG", **options)
        whole = out.getvalue()
        (HERE / name).write_bytes(whole)
        for i in range(EACH):
            at, length, put = damage(whole, i % 7)
            data = whole[:at] + put + whole[at + length:]
            got = [read(data, truncated, "progressive" in name) for truncated in (False, True)]
            if got[0] == "refused" and at < whole.find(b"\xff\xda"):
                got[1] = "any"
            if None not in got:
                lines.append(f"{name} {at} {length} {put.hex() or '-'} {got[0]} {got[1]}\n")
    (HERE / "damage.txt").write_text("".join(lines))


main()
