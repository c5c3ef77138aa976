#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What --fast-decode saves with pictures of 12 megapixels of every kind that it knows a shorter way for, and the cosines of the
default model's embeddings to those of all pixels.

    pip install -r tests/golden/decoders.txt
    python tests/bench/fast_decode.py BUILD photo.jpg [photo.jpg ...]

BUILD is a folder with `diptych`, `diptych-decode` and tests/bench/bench_isolation. Photos are scaled to 4032x3024, with noise of the size
of two pixels. The table has medians over photos, and the least cosine.
"""
import io
import os
import statistics
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from PIL import Image

WIDTH, HEIGHT, ROUNDS = 4032, 3024, "3"


def jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def jpeg_with_preview(image):
    """As cameras put it behind, by the index of the Multi-Picture Format."""
    whole, small = jpeg(image), jpeg(image.resize((1920, 1440), Image.Resampling.BOX))
    behind = len(whole) + 66 - 10  # with this segment, and from where its block begins
    entries = struct.pack(">IIIHH", 0x20030000, 0, 0, 0, 0) + struct.pack(">IIIHH", 0x10002, len(small), behind, 0, 0)
    block = b"MM\0*" + struct.pack(">IHHHIII", 8, 1, 0xb002, 7, len(entries), 26, 0) + entries
    return whole[:2] + b"\xff\xe2" + struct.pack(">H", 6 + len(block)) + b"MPF\0" + block + whole[2:] + small


def heic(image):
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=60, thumbnails=[320], enc_params={"preset": "ultrafast"})
    return out.getvalue()


def jp2(image):
    return imagecodecs.jpeg2k_encode(np.asarray(image), level=40, codecformat="jp2")


def pyramid(image):
    out = io.BytesIO()
    options = {"photometric": "rgb", "compression": "zlib", "tile": (256, 256), "metadata": None}
    with tifffile.TiffWriter(out) as writer:
        writer.write(np.asarray(image), subifds=3, **options)
        for n in (2, 4, 8):
            writer.write(np.asarray(image.resize((WIDTH // n, HEIGHT // n), Image.Resampling.BOX)), subfiletype=1, **options)
    return out.getvalue()


def dng(image):
    """With a preview of half the size, which it is read as in any case."""
    out, rgb = io.BytesIO(), ((np.asarray(image) / 255) ** 2.2 * 4095 + 256).astype(np.uint16)  # as light is seen
    seen = np.zeros((HEIGHT, WIDTH), np.uint16)
    for (row, column), color in {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 2}.items():
        seen[row::2, column::2] = rgb[row::2, column::2, color]
    matrix = [32404, 10000, -15371, 10000, -4985, 10000, -9692, 10000, 18760, 10000, 415, 10000, 556, 10000, -2040, 10000, 10572, 10000]
    with tifffile.TiffWriter(out) as writer:
        writer.write(np.asarray(image.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BOX)), photometric="ycbcr",
                     compression="jpeg", compressionargs={"level": 90}, rowsperstrip=HEIGHT // 2, subfiletype=1, subifds=1, metadata=None, extratags=[
                         (50706, "B", 4, bytes([1, 4, 0, 0]), True), (271, "s", 0, "Nobody", True), (272, "s", 0, "None", True),
                         (50721, "2i", 9, matrix, True), (50778, "H", 1, 21, True), (50728, "2I", 3, [1, 1] * 3, True)])
        writer.write(seen, photometric="cfa", subfiletype=0, metadata=None, extratags=[
            (33421, "H", 2, (2, 2), True), (33422, "B", 4, bytes([0, 1, 1, 2]), True), (50714, "H", 1, 256, True),
            (50717, "H", 1, 4351, True)])
    return out.getvalue()


KINDS = {"JPEG, an eighth of it": ("jpg", jpeg), "JPEG, a quarter of the preview of 1920x1440 behind it": ("jpg", jpeg_with_preview),
         "HEIC, its thumbnail of 320x240": ("heic", heic),
         "JPEG 2000, an eighth of it": ("jp2", jp2), "TIFF (deflated), the eighth in it": ("tif", pyramid),
         "camera raw (DNG), a quarter of its preview of 2016x1512": ("dng", dng)}


def photo(path):
    image = Image.open(path).convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    noise = np.kron(np.random.default_rng(1).normal(0, 4, (HEIGHT // 2, WIDTH // 2, 1)), np.ones((2, 2, 1)))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def embeddings(build, files, *options):
    out = files[0].with_suffix(".npy")
    subprocess.run([build / "diptych", "embed", *files, "-o", out, "-q", "--precision", "f32", *options], check=True)
    return np.load(out)


def main():
    build = Path(sys.argv[1])
    os.environ["DIPTYCH_DECODER"] = str(build / "diptych-decode")
    pillow_heif.register_heif_opener()
    print("| kind | ms | --fast-decode | times | least cosine |\n|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        images = [photo(path) for path in sys.argv[2:]]
        for name, (suffix, make) in KINDS.items():
            files = [Path(folder) / f"{i}.{suffix}" for i in range(len(images))]
            for file, image in zip(files, images):
                file.write_bytes(make(image))
            out = subprocess.run([build / "tests/bench/bench_isolation", ROUNDS, *files], check=True, capture_output=True,
                                 text=True).stdout
            ms = [[float(cell) for cell in line.split("\t")[2:]] for line in out.splitlines()]
            whole, fast = (statistics.median(column) for column in zip(*ms))
            cosines = (embeddings(build, files) * embeddings(build, files, "--fast-decode")).sum(axis=1)
            print(f"| {name} | {whole:.1f} | {fast:.1f} | {whole / fast:.1f} | {cosines.min():.5f} |", flush=True)


main()
