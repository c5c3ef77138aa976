#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what Pillow makes of PNGs whose end is missing, with ImageFile.LOAD_TRUNCATED_IMAGES: tests/golden/png_truncated/.

    pip install pillow==13.0.0 numpy imagecodecs==2026.3.6 && python3 tests/golden/png_truncated.py

*.png          whole files
truncated.txt  of each line: a file, how many of its bytes there are, and the CRC-32 of the pixels, "RGBA" or else convert("RGB"),
               or "refused"
"""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageFile

HERE = Path(__file__).parent / "png_truncated"
y, x, c = np.meshgrid(np.arange(21), np.arange(30), np.arange(4), indexing="ij")
WAVES = (128 + 100 * np.sin(x / 5 + c) * np.cos(y / 4 - c) + (x * y * 7 % 23)).astype(np.uint8)
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def interlaced(pixels):
    """Which Pillow reads, but does not write."""
    rows = b"".join(b"\0" + row.tobytes() for x0, y0, dx, dy in PASSES for row in pixels[y0::dy, x0::dx] if row.size)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 1)
    data = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(
        chunk(b"IDAT", data[i:i + 300]) for i in range(0, len(data), 300)) + chunk(b"IEND", b"")


def saved(image):
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def read(data):
    try:
        image = Image.open(io.BytesIO(data))
        image = image if image.mode == "RGBA" else image.convert("RGB")
        return f"{zlib.crc32(np.asarray(image).tobytes()):08x}"
    except Exception:  # of many kinds
        return "refused"


def main():
    HERE.mkdir(exist_ok=True)
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    picture = Image.fromarray(WAVES[..., :3].copy())
    files = {"rgb.png": saved(picture), "rgba.png": saved(Image.fromarray(WAVES)), "palette.png": saved(picture.quantize(32)),
             "bits.png": saved(picture.convert("1")), "grey.png": saved(picture.convert("L")),
             "interlaced.png": interlaced(WAVES[..., :3])}
    lines = [f"# Made by tests/golden/png_truncated.py with Pillow {PIL.__version__}.\n"]
    for name, data in files.items():
        (HERE / name).write_bytes(data)
        lines += [f"{name} {size} {read(data[:size])}\n" for size in sorted({*range(20, len(data) - 12, 41), len(data) - 12})]
    (HERE / "truncated.txt").write_text("".join(lines))


main()
