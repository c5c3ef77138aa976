#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what Diptych reads of some forty kinds of picture files with what Pillow and its plugins read of them.

    python3 -m venv venv && venv/bin/pip install -r tests/golden/decoders.txt
    venv/bin/python tests/bench/formats.py build/release/tests/bench/bench_picture_rgb

Every file is one photograph-like picture of 640 x 480, made anew. The table has the largest difference of any of its
bytes, and the share of bytes that differ.
"""
import io
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import PIL
import pillow_heif
import pillow_jxl  # registers itself
import rawpy
import tifffile
from PIL import Image, ImageOps, features

DNG = Path(__file__).parent.parent / "golden/decoders/orientation1.dng"
WIDTH, HEIGHT = 640, 480

y, x, c = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), np.arange(4), indexing="ij")
noise = np.random.default_rng(1).normal(0, 6, y.shape)
WAVES = 128 + 80 * np.sin(x / 37 + c) * np.cos(y / 23 - c) + 30 * ((x // 40 + y // 40) % 2) + noise
RGBA = WAVES.clip(0, 255).astype(np.uint8)
RGB, GREY = RGBA[..., :3].copy(), RGBA[..., 0].copy()
DEEP = (WAVES[..., :3] * 16).clip(0, 4095).astype(np.uint16)  # 12 bits
PICTURE, CLEAR = Image.fromarray(RGB), Image.fromarray(RGBA)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def tiff(pixels, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, metadata=None, **options)
    return out.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def heic(mode, pixels, bits=8, **options):
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    out = io.BytesIO()
    pillow_heif.from_bytes(mode=mode, size=(WIDTH, HEIGHT), data=pixels.tobytes()).save(out, quality=80, **options)
    return out.getvalue()


def lost_interval():
    """A JPEG without one of its restart intervals."""
    data = saved(PICTURE, "JPEG", restart_marker_rows=1)
    return data[:data.find(b"\xff\xd3")] + data[data.find(b"\xff\xd4"):]


def stray_bytes():
    data = saved(PICTURE, "JPEG")
    tables = data.find(b"\xff\xdb")
    return data[:tables] + b"\xff\0\xff\0" + data[tables:]


def xmp(orientation):
    return f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/>'.encode()


def grey16():
    return imagecodecs.png_encode(GREY.astype(np.uint16) * 257)


KINDS = [  # name, suffix, the file
    ("JPEG, colour at half size", "jpg", lambda: saved(PICTURE, "JPEG", quality=90)),
    ("JPEG, 4:4:4", "jpg", lambda: saved(PICTURE, "JPEG", quality=90, subsampling=0)),
    ("JPEG, progressive", "jpg", lambda: saved(PICTURE, "JPEG", progressive=True)),
    ("JPEG, grey", "jpg", lambda: saved(Image.fromarray(GREY), "JPEG")),
    ("JPEG, CMYK", "jpg", lambda: saved(PICTURE.convert("CMYK"), "JPEG")),
    ("JPEG, EXIF orientation 6", "jpg", lambda: saved(PICTURE, "JPEG", exif=exif(6))),
    ("JPEG, orientation 6 in XMP", "jpg", lambda: saved(PICTURE, "JPEG", xmp=xmp(6))),
    ("JPEG, stray bytes between segments", "jpg", stray_bytes),
    ("JPEG, a restart interval lost", "jpg", lost_interval),
    ("MPO of two pictures", "mpo", lambda: saved(PICTURE, "MPO", save_all=True, append_images=[CLEAR.convert("RGB")])),
    ("PNG", "png", lambda: saved(PICTURE, "PNG")),
    ("PNG, alpha", "png", lambda: saved(CLEAR, "PNG")),
    ("PNG, palette", "png", lambda: saved(PICTURE.quantize(256), "PNG")),
    ("PNG, 16 bits", "png", lambda: imagecodecs.png_encode(DEEP << 4)),
    ("PNG, grey of 16 bits: Pillow's is white", "png", grey16),
    ("WebP", "webp", lambda: saved(PICTURE, "WEBP", quality=80)),
    ("WebP, lossless, alpha", "webp", lambda: saved(CLEAR, "WEBP", lossless=True)),
    ("WebP, animated", "webp", lambda: saved(PICTURE, "WEBP", save_all=True, append_images=[PICTURE.rotate(180)])),
    ("AVIF, 4:2:0", "avif", lambda: saved(PICTURE, "AVIF", quality=80, subsampling="4:2:0")),
    ("AVIF, alpha", "avif", lambda: saved(CLEAR, "AVIF", quality=80)),
    ("AVIF, 10 bits", "avif", lambda: imagecodecs.avif_encode(DEEP >> 2, level=90, bitspersample=10)),
    ("HEIC, 4:2:0", "heic", lambda: heic("RGB", RGB, chroma=420)),
    ("HEIC, 4:4:4", "heic", lambda: heic("RGB", RGB, chroma=444)),
    ("HEIC, 10 bits, 4:4:4", "heic", lambda: heic("RGB;16", DEEP << 4, 10, chroma=444)),
    ("TIFF, LZW", "tif", lambda: saved(PICTURE, "TIFF", compression="tiff_lzw")),
    ("TIFF, JPEG inside", "tif", lambda: saved(PICTURE, "TIFF", compression="jpeg", quality=90)),
    ("TIFF, 16 bits", "tif", lambda: tiff(DEEP << 4, photometric="rgb")),
    ("TIFF, CMYK", "tif", lambda: saved(PICTURE.convert("CMYK"), "TIFF")),
    ("TIFF, YCbCr", "tif", lambda: saved(PICTURE.convert("YCbCr"), "TIFF")),
    ("TIFF, YCbCr, LZW", "tif", lambda: saved(PICTURE.convert("YCbCr"), "TIFF", compression="tiff_lzw")),
    ("TIFF, floats", "tif", lambda: tiff(WAVES[..., 0].astype(np.float32), photometric="minisblack")),
    ("TIFF, bits as a fax", "tif", lambda: saved(PICTURE.convert("1"), "TIFF", compression="group4")),
    ("JPEG XL, lossless", "jxl", lambda: saved(PICTURE, "JXL", lossless=True)),
    ("JPEG XL", "jxl", lambda: saved(PICTURE, "JXL", quality=85)),
    ("JPEG 2000", "jp2", lambda: saved(PICTURE, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[8])),
    ("camera raw (DNG), at half size", "dng", DNG.read_bytes),
    ("GIF", "gif", lambda: saved(PICTURE.quantize(256), "GIF")),
    ("BMP", "bmp", lambda: saved(PICTURE, "BMP")),
    ("QOI", "qoi", lambda: saved(CLEAR, "QOI")),
    ("ICO, a bitmap with a mask", "ico", lambda: saved(PICTURE.resize((256, 192)), "ICO", sizes=[(256, 192)], bitmap_format="bmp")),
    ("TGA, run-length coded", "tga", lambda: saved(PICTURE.quantize(16), "TGA", compression="tga_rle")),
    ("PPM", "ppm", lambda: saved(PICTURE, "PPM")),
]


def reference(path):
    if path.suffix == ".dng":
        with rawpy.imread(str(path)) as raw:
            return raw.postprocess(half_size=True, use_camera_wb=True)
    return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))


def ours(program, path):
    done = subprocess.run([program, path], capture_output=True)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return np.asarray(Image.open(io.BytesIO(done.stdout)))


def main():
    os.environ.setdefault("DIPTYCH_DECODER", str(Path(sys.argv[1]).parents[2] / "diptych-decode"))
    warnings.simplefilter("ignore")
    pillow_heif.register_heif_opener()
    print(f"Pillow {PIL.__version__} (libjpeg-turbo {features.version('libjpeg_turbo')}, libavif {features.version('avif')}, "
          f"libtiff {features.version('libtiff')}), pillow-heif {pillow_heif.__version__} "
          f"(libheif {pillow_heif.libheif_version()}), rawpy {rawpy.__version__}\n")
    print("| kind of file | largest difference | bytes that differ |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for name, suffix, make in KINDS:
            path = Path(folder) / f"picture.{suffix}"
            path.write_bytes(make())
            other, mine = reference(path).astype(int), ours(sys.argv[1], path).astype(int)
            difference = abs(mine - other) if mine.shape == other.shape else np.array([255])
            print(f"| {name} | {difference.max()} | {100 * (difference > 0).mean():.3g} % |")


main()
