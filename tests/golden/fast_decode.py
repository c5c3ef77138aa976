#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes pictures that hold themselves in small, too, and what the reference makes of that: tests/golden/fast_decode/.

    pip install -r tests/golden/decoders.txt && python3 tests/golden/fast_decode.py

pictures.txt    of each file, some of which are decoders.py's: the edge that is needed, then width, height, channels and the CRC-32 of
                the pixels: of what a file has in small, where that serves, else of all of it.
"""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL
import pillow_heif
import rawpy
import tifffile
from PIL import Image, ImageOps

HERE = Path(__file__).parent / "fast_decode"

y, x, c = np.meshgrid(np.arange(64), np.arange(96), np.arange(3), indexing="ij")
RGB = (128 + 100 * np.sin(x / 9 + c) * np.cos(y / 7 - c)).astype(np.uint8)
LARGE = Image.fromarray(RGB).resize((192, 128))  # encoders pad what has less than 64 pixels


def heic(thumbnails, orientation=1):
    tags, out = Image.Exif(), io.BytesIO()
    tags[0x0112] = orientation
    LARGE.save(out, "HEIF", quality=80, chroma=444, thumbnails=thumbnails, exif=tags.tobytes())
    return out.getvalue()


def tiff(small, inside, orientation=1):
    """Two smaller ones, inside the first or behind it."""
    out = io.BytesIO()
    options = {"photometric": "rgb", "software": "", "metadata": None}
    with tifffile.TiffWriter(out) as writer:
        writer.write(RGB, subifds=2 if inside else 0, extratags=[(274, "H", 1, orientation, True)], **options)
        for width, height in small:
            writer.write(np.asarray(Image.fromarray(RGB).resize((width, height))), subfiletype=1, **options)
    return out.getvalue()


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def jpeg_with(previews, orientation=1):
    """Each a kind, as an index of many pictures has it, and a size."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    whole = jpeg(LARGE, exif=tags.tobytes())
    files = [jpeg(LARGE.resize(size)) for _, size in previews]
    head = whole.index(b"\xff\xdb")  # of what follows EXIF
    block = 8 + 2 + 2 * 12 + 4 + 16 * (1 + len(files))
    base, at = head + 8, len(whole) + 8 + block
    entries = struct.pack(">IIIHH", 0x20030000, at, 0, 0, 0)
    for (kind, _), file in zip(previews, files):
        entries += struct.pack(">IIIHH", kind, len(file), at - base, 0, 0)
        at += len(file)
    index = (b"MM\0*" + struct.pack(">IH", 8, 2) + struct.pack(">HHII", 0xb001, 4, 1, 1 + len(files))
             + struct.pack(">HHII", 0xb002, 7, len(entries), 8 + 2 + 2 * 12 + 4) + bytes(4) + entries)
    return whole[:head] + b"\xff\xe2" + struct.pack(">H", 2 + 4 + len(index)) + b"MPF\0" + index + whole[head:] + b"".join(files)


def preview_of(path):
    """What follows the first picture, as Pillow finds it."""
    with Image.open(path) as image:
        small = min(image.mpinfo[0xb002][1:], key=lambda entry: entry["Size"])
        base = path.read_bytes().index(b"MPF\0") + 4
    return Image.open(io.BytesIO(path.read_bytes()[base + small["DataOffset"]:]))


def make():
    return {
        "thumbnails.heic": heic([96, 144]),
        "thumbnail_small.heic": heic([48]),
        **{f"thumbnail_orientation{i}.heic": heic([96], i) for i in (3, 6)},
        "preview.jpg": jpeg_with([(0x010002, (144, 96)), (0x010001, (96, 64))]),
        "preview_orientation6.jpg": jpeg_with([(0x010001, (96, 64))], 6),
        "preview_depth.jpg": jpeg_with([(0x020002, (96, 64))]),
        "preview_other_shape.jpg": jpeg_with([(0x010001, (96, 72))]),
        "inside.tif": tiff([(48, 32), (24, 16)], True),
        "behind.tif": tiff([(48, 32), (24, 16)], False),
        "inside_orientation6.tif": tiff([(48, 32), (24, 16)], True, 6),
        "other_shape.tif": tiff([(24, 24), (30, 16)], True),
    }


def needed(path):
    return {".heic": 60, ".jpg": 30}.get(path.suffix, 12)


def pixels_of(path):
    image = None if path.suffix == ".dng" else Image.open(path)
    if path.suffix == ".dng":  # to be turned as LibRaw says
        with rawpy.imread(str(path)) as raw:
            image = Image.open(io.BytesIO(raw.extract_thumb().data))
        image.draft("RGB", (needed(path), needed(path)))
        return np.ascontiguousarray(np.rot90(image, -1))
    if path.suffix == ".jpg":
        orientation = image.getexif()[0x0112]
        image = image if path.stem in ("preview_depth", "preview_other_shape") else preview_of(path)
        image.draft("RGB", (needed(path), needed(path)))
        return np.ascontiguousarray(np.rot90(image, -1 if orientation == 6 else 0))
    if path.suffix == ".heic":
        image.draft(image.mode, (needed(path), needed(path)))
    if path.suffix in (".jp2", ".j2k"):
        image.reduce = max(n for n in range(6) if min(image.size) >> n >= needed(path))
    if path.suffix == ".tif" and path.name != "other_shape.tif":
        small = tifffile.TiffFile(path)
        page = small.pages[0].pages[1] if "inside" in path.name else small.pages[2]
        turned = {6: lambda pixels: np.rot90(pixels, -1), 1: np.asarray}[small.pages[0].tags[274].value]
        return np.ascontiguousarray(turned(page.asarray()))
    image = ImageOps.exif_transpose(image)
    if image.mode == "LA":
        image = image.convert("RGBA")
    return np.asarray(image if image.mode in ("RGBA", "CMYK") else image.convert("RGB"))


def main():
    pillow_heif.register_heif_opener()
    HERE.mkdir(exist_ok=True)
    for name, data in make().items():
        (HERE / name).write_bytes(data)
    lines = [f"# Made by tests/golden/fast_decode.py with Pillow {PIL.__version__}, pillow-heif {pillow_heif.__version__}, "
             f"tifffile {tifffile.__version__}, rawpy {rawpy.__version__}.\n"
             "# file, edge that is needed, width, height, channels, CRC-32 of the pixels\n"]
    others = [f"../decoders/{name}" for name in
              ("rgb.jp2", "rgba.jp2", "grey_alpha.jp2", "rgb.j2k", "odd.jp2", "tiles.jp2", "deep12.jp2", "preview.dng")]
    for name in [*make(), *others]:
        pixels = pixels_of(HERE / name)
        lines.append(f"{name} {needed(HERE / name)} {pixels.shape[1]} {pixels.shape[0]} {pixels.shape[2]} "
                     f"{zlib.crc32(pixels.tobytes()):08x}\n")
    (HERE / "pictures.txt").write_text("".join(lines))


main()
