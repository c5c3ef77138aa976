#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes pictures of the formats that diptych-decode reads, and what the reference makes of them: tests/golden/decoders/.

    pip install -r tests/golden/decoders.txt && python3 tests/golden/decoders.py

pictures.txt    of each file: width, height, channels, the largest difference that is allowed, and the CRC-32 of the
                pixels. Where a difference is allowed, because the reference's version of the library differs from
                Debian 12's, they stand in FILE.pixels.
"""
import io
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import PIL
import pillow_heif
from PIL import Image, ImageOps, features

HERE = Path(__file__).parent / "decoders"
WIDTH, HEIGHT = 48, 32

y, x, c = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), np.arange(4), indexing="ij")
WAVES = (128 + 100 * np.sin(x / 9 + c) * np.cos(y / 7 - c)).astype(np.uint8)  # smooth, as lossy formats like it
RGB, RGBA, GREY = WAVES[..., :3], WAVES, WAVES[..., 0]
DEEP = (RGB.astype(np.uint16) * 16 + x[..., :3] % 16).astype(np.uint16)  # 12 bits


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def saved(pixels, kind, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


# ---- AVIF: Pillow's libavif --------------------------------------------------------------------------------------

def make_avif():
    """file -> (bytes, the largest difference between libavif 0.11 and Pillow's)"""
    turned = Image.fromarray(RGB[::-1].copy())
    files = {
        "rgb420.avif": saved(RGB, "AVIF", quality=80, subsampling="4:2:0"),
        "rgb422.avif": saved(RGB, "AVIF", quality=80, subsampling="4:2:2"),
        "rgb444.avif": saved(RGB, "AVIF", quality=80, subsampling="4:4:4"),
        "grey.avif": saved(GREY, "AVIF", quality=80, subsampling="4:0:0"),
        "rgba.avif": saved(RGBA, "AVIF", quality=80),
        "odd.avif": saved(RGB[:27, :33].copy(), "AVIF", quality=80, subsampling="4:2:0"),
        "sequence.avif": saved(  # which holds the time when it was made
            RGB, "AVIF", quality=80, save_all=True, append_images=[turned]),
        **{f"orientation{i}.avif": saved(RGB, "AVIF", quality=80, exif=exif(i)) for i in range(2, 9)},
    }
    deep = {f"deep{bits}.avif": imagecodecs.avif_encode(DEEP >> (12 - bits), level=90, bitspersample=bits)
            for bits in (10, 12)}
    return {name: (data, 0) for name, data in files.items()} | {name: (data, 3) for name, data in deep.items()}


# ---- HEIC: pillow-heif's libheif -----------------------------------------------------------------------------------

def heic(mode, pixels, **options):
    out = io.BytesIO()
    pillow_heif.from_bytes(mode=mode, size=pixels.shape[1::-1], data=pixels.tobytes()).save(out, quality=80, **options)
    return out.getvalue()


def heic_deep(bits):
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    return heic("RGB;16", DEEP << 4, chroma=444)


def make_heic():
    files = {
        "rgb422.heic": heic("RGB", RGB, chroma=422),
        "rgb444.heic": heic("RGB", RGB, chroma=444),
        "grey.heic": heic("L", GREY),
        "rgba.heic": heic("RGBA", RGBA, chroma=444),
        "deep10.heic": heic_deep(10),
        "deep12.heic": heic_deep(12),
        # irot and imir, and EXIF that says the same once more, as telephones write both
        **{f"orientation{i}.heic": saved(RGB, "HEIF", quality=80, chroma=444, exif=exif(i)) for i in range(2, 9)},
    }
    half = {"rgb420.heic": heic("RGB", RGB, chroma=420), "odd.heic": heic("RGB", RGB[:27, :33].copy(), chroma=420)}
    return {name: (data, 0) for name, data in files.items()} | {name: (data, 1) for name, data in half.items()}


# ---- the list ------------------------------------------------------------------------------------------------------

def pixels_of(path):
    """In the mode that the file has them in; grey as RGB."""
    image = ImageOps.exif_transpose(Image.open(path))
    return np.asarray(image if image.mode in ("RGBA", "CMYK") else image.convert("RGB"))


def main():
    pillow_heif.register_heif_opener()
    HERE.mkdir(exist_ok=True)
    lines = [f"# Made by tests/golden/decoders.py with Pillow {PIL.__version__} (libavif {features.version('avif')}) and\n"
             f"# pillow-heif {pillow_heif.__version__} (libheif {pillow_heif.libheif_version()}).\n"
             "# file, width, height, channels, largest difference allowed, CRC-32 of the pixels\n"]
    for name, (data, allowed) in (make_avif() | make_heic()).items():
        (HERE / name).write_bytes(data)
        pixels = pixels_of(HERE / name)
        if allowed:
            (HERE / f"{name}.pixels").write_bytes(pixels.tobytes())
        lines.append(f"{name} {pixels.shape[1]} {pixels.shape[0]} {pixels.shape[2]} {allowed} "
                     f"{zlib.crc32(pixels.tobytes()):08x}\n")
    (HERE / "pictures.txt").write_text("".join(lines))


main()
