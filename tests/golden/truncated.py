#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what Pillow makes of files whose end is missing, with ImageFile.LOAD_TRUNCATED_IMAGES: tests/golden/truncated/.

    pip install pillow==13.0.0 numpy tifffile && python3 tests/golden/truncated.py

*.png, *.tif   whole files; of other formats those of ../preprocess and ../decoders
truncated.txt  of each line: a file, how many of its bytes there are, and the CRC-32 of the pixels, "RGBA", "CMYK" or else
               convert("RGB"), or "refused"; "any" of TIFFs that end in their tags, of which Pillow does without some, and
               libtiff without others. Of each file some that end in what stands before its pixels, the first that Pillow
               reads, and some that end in its pixels.
"""
import io
import struct
import tempfile
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL
import tifffile
from PIL import Image, ImageFile

HERE = Path(__file__).parent / "truncated"
OTHERS = [HERE.parent / "preprocess", HERE.parent / "decoders"]
SUFFIXES = {".gif", ".bmp", ".pbm", ".pgm", ".ppm", ".psd", ".tga", ".ico", ".qoi", ".tif"}
y, x, c = np.meshgrid(np.arange(21), np.arange(30), np.arange(4), indexing="ij")
LEAST = 26  # bytes, which Pillow looks for at the end of a TGA
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


def tiles():
    """Which stand out on the right and below."""
    out = io.BytesIO()
    tifffile.imwrite(out, WAVES[..., :3], photometric="rgb", tile=(16, 16), metadata=None, software="", datetime=False)
    return out.getvalue()


def pixels_of(image):
    """In the mode that the file has them in; grey as RGB."""
    image.load()
    if image.mode == "I;16":  # which Pillow's convert() clips to white; ours keeps the high byte
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode == "I":  # of PNM, scaled
        image = Image.fromarray(np.rint(np.asarray(image) / 65535 * 255).astype(np.uint8))
    clear = image.mode == "P" and ("transparency" in image.info or (image.palette and image.palette.mode == "RGBA"))
    if image.mode == "LA" or clear:
        image = image.convert("RGBA")
    return np.asarray(image if image.mode in ("RGBA", "CMYK") else image.convert("RGB"))


def read(path):
    try:
        with Image.open(path) as image:  # some formats are told by their names
            return f"{zlib.crc32(pixels_of(image).tobytes()):08x}"
    except Exception:  # of many kinds
        return "refused"


def tags_end(path):
    if path.suffix != ".tif":
        return 0
    with Image.open(path) as image:
        return min(image.tag_v2.get(273) or image.tag_v2[324])


def lines_of(path, folder):
    data = path.read_bytes()
    file = folder / ("file" + path.suffix)

    def read_first(size):
        file.write_bytes(data[:size])
        return read(file)

    tags = tags_end(path)
    enough = next((size for size in range(max(LEAST, tags + 1), len(data)) if read_first(size) != "refused"), len(data))
    step = max(1, (len(data) - enough) // 9)
    sizes = {LEAST, enough // 2, enough - 1, enough, enough + 1, *range(enough, len(data), step), len(data) - 1}
    return [f"{path.parent.name}/{path.name} {size} {'any' if size <= tags else read_first(size)}\n"
            for size in sorted(sizes) if LEAST <= size < len(data)]


def main():
    HERE.mkdir(exist_ok=True)
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    picture = Image.fromarray(WAVES[..., :3].copy())
    files = {"rgb.png": saved(picture), "rgba.png": saved(Image.fromarray(WAVES)), "palette.png": saved(picture.quantize(32)),
             "bits.png": saved(picture.convert("1")), "grey.png": saved(picture.convert("L")),
             "interlaced.png": interlaced(WAVES[..., :3]), "tiles.tif": tiles()}
    lines = [f"# Made by tests/golden/png_truncated.py with Pillow {PIL.__version__}.\n"]
    for name, data in files.items():
        (HERE / name).write_bytes(data)
    warnings.simplefilter("ignore")  # that a file is truncated
    others = [path for folder in OTHERS for path in folder.iterdir() if path.suffix in SUFFIXES]
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted([*HERE.glob("*.png"), *HERE.glob("*.tif"), *others]):
            if not path.name.startswith(("orientation", "xmp")) and ".jpg." not in path.name:
                lines += lines_of(path, Path(folder))
    (HERE / "truncated.txt").write_text("".join(lines))


main()
