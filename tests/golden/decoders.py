#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes pictures of the formats that diptych-decode reads, and what the reference makes of them: tests/golden/decoders/.

    pip install -r tests/golden/decoders.txt && python3 tests/golden/decoders.py

pictures.txt    of each file: width, height, channels, the largest difference that is allowed, and the CRC-32 of the
                pixels. Where a difference is allowed, because the reference's version of the library differs from
                Debian 12's, they stand in FILE.pixels.
"""
import io
import tempfile
import zlib
from importlib import metadata
from pathlib import Path

import imagecodecs
import numpy as np
import PIL
import pillow_heif
import pillow_jxl  # registers itself
import tifffile
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


# ---- TIFF: Pillow's libtiff ----------------------------------------------------------------------------------------

def tiff(pixels, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, metadata=None, software="", datetime=False, **options)
    return out.getvalue()


def tiff_of(image, **options):
    out = io.BytesIO()
    image.save(out, "TIFF", **options)
    return out.getvalue()


def make_tiff():
    palette = Image.fromarray(RGB).quantize(200)
    bits = Image.fromarray(GREY).convert("1")
    multiplied = np.concatenate([RGB.astype(np.uint16) * RGBA[..., 3:] // 255, RGBA[..., 3:]], axis=2).astype(np.uint8)
    deep = (RGB.astype(np.uint16) << 8) + 77
    cmyk = Image.fromarray(RGB).convert("CMYK")
    rgb = {"photometric": "rgb"}
    files = {
        "rgb.tif": tiff(RGB, **rgb),
        "rgb_big_endian.tif": tiff(deep, byteorder=">", **rgb),
        "rgb_bigtiff.tif": tiff(RGB, bigtiff=True, **rgb),
        "rgb_strips.tif": tiff(RGB, rowsperstrip=7, compression="zlib", predictor=True, **rgb),
        "rgb_tiles.tif": tiff(RGB, tile=(16, 32), compression="zlib", **rgb),
        "rgb_planes.tif": tiff(np.ascontiguousarray(RGB.transpose(2, 0, 1)), planarconfig="separate", rowsperstrip=5, **rgb),
        "rgb_lzw.tif": tiff_of(Image.fromarray(RGB), compression="tiff_lzw"),
        "rgb_packbits.tif": tiff_of(Image.fromarray(RGB), compression="packbits"),
        "rgb_jpeg.tif": tiff_of(Image.fromarray(RGB), compression="jpeg", quality=90),
        "rgb_zstd.tif": tiff_of(Image.fromarray(RGB), compression="zstd"),
        "rgb_lzma.tif": tiff_of(Image.fromarray(RGB), compression="lzma"),
        "rgba.tif": tiff(RGBA, extrasamples=["unassalpha"], **rgb),
        "rgba_multiplied.tif": tiff(multiplied, extrasamples=["assocalpha"], **rgb),
        "rgb_unspecified.tif": tiff(RGBA, extrasamples=["unspecified"], **rgb),
        "rgba16.tif": tiff(RGBA.astype(np.uint16) * 257, extrasamples=["unassalpha"], **rgb),
        "grey.tif": tiff(GREY, photometric="minisblack"),
        "grey_inverted.tif": tiff(GREY, photometric="miniswhite"),
        "grey16.tif": tiff(deep[..., 0], photometric="minisblack"),
        "grey_alpha.tif": tiff_of(Image.fromarray(RGBA[..., [0, 3]], "LA")),
        "palette.tif": tiff_of(palette),
        "bits.tif": tiff_of(bits),
        "bits_fax.tif": tiff_of(bits, compression="group4"),
        "bits_fax3.tif": tiff_of(bits, compression="group3"),
        "cmyk.tif": tiff_of(cmyk),
        "pages.tif": tiff_of(Image.fromarray(RGB), save_all=True, append_images=[Image.fromarray(GREY)]),
        **{f"orientation{i}.tif": tiff_of(Image.fromarray(RGB), tiffinfo={0x0112: i}) for i in range(2, 9)},
    }
    return {name: (data, 0) for name, data in files.items()}


# ---- JPEG XL: pillow-jxl-plugin's libjxl -----------------------------------------------------------------------------

def jxl_of_jpeg(orientation):
    """The JPEG's own coefficients, packed anew."""
    out = io.BytesIO()
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:  # the plugin looks for it by name
        file.write(saved(RGB, "JPEG", quality=90, exif=exif(orientation)))
        file.flush()
        Image.open(file.name).save(out, "JXL", lossless_jpeg=True)
    return out.getvalue()


def make_jxl():
    exact = {
        "rgb_lossless.jxl": saved(RGB, "JXL", lossless=True),
        "rgba_lossless.jxl": saved(RGBA, "JXL", lossless=True),
        "grey_lossless.jxl": saved(GREY, "JXL", lossless=True),
        "container.jxl": saved(RGB, "JXL", lossless=True, exif=exif(1), use_container=True),
    }
    lossy = {"rgb.jxl": saved(RGB, "JXL", quality=85), "rgba.jxl": saved(RGBA, "JXL", quality=85),
             "grey.jxl": saved(GREY, "JXL", quality=85),
             "deep16.jxl": imagecodecs.jpegxl_encode(DEEP << 4, lossless=True)}
    jpegs = {f"jpeg_orientation{i}.jxl": jxl_of_jpeg(i) for i in (1, 6)}  # which the plugin decodes as JPEGs
    return ({name: (data, 0) for name, data in exact.items()} | {name: (data, 1) for name, data in lossy.items()}
            | {name: (data, 2) for name, data in jpegs.items()})


# ---- JPEG 2000: Pillow's OpenJPEG ------------------------------------------------------------------------------------

def make_jp2():
    files = {
        "rgb.jp2": saved(RGB, "JPEG2000"),
        "rgba.jp2": saved(RGBA, "JPEG2000"),
        "grey.jp2": saved(GREY, "JPEG2000"),
        "grey_alpha.jp2": saved(RGBA[..., [0, 3]], "JPEG2000"),
        "rgb.j2k": saved(RGB, "JPEG2000", no_jp2=True),
        "lossy.jp2": saved(RGB, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[8]),
        "tiles.jp2": saved(RGB, "JPEG2000", tile_size=(20, 20)),
        "odd.jp2": saved(RGB[:27, :33].copy(), "JPEG2000"),
        "deep12.jp2": imagecodecs.jpeg2k_encode(DEEP, level=0, bitspersample=12, reversible=True, codecformat="jp2"),
    }
    return {name: (data, 0) for name, data in files.items()}


# ---- the list ------------------------------------------------------------------------------------------------------

def pixels_of(path):
    """In the mode that the file has them in; grey as RGB."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode == "I;16":  # Pillow's convert() clips 16-bit grey to white; ours keeps the high byte
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "LA":
        image = image.convert("RGBA")
    return np.asarray(image if image.mode in ("RGBA", "CMYK") else image.convert("RGB"))


def main():
    pillow_heif.register_heif_opener()
    HERE.mkdir(exist_ok=True)
    lines = [f"# Made by tests/golden/decoders.py with Pillow {PIL.__version__} (libavif {features.version('avif')}, "
             f"libtiff {features.version('libtiff')},\n# OpenJPEG {features.version('jpg_2000')}), "
             f"pillow-heif {pillow_heif.__version__} (libheif {pillow_heif.libheif_version()}) and "
             f"pillow-jxl-plugin {metadata.version('pillow-jxl-plugin')}.\n"
             "# file, width, height, channels, largest difference allowed, CRC-32 of the pixels\n"]
    for name, (data, allowed) in (make_avif() | make_heic() | make_tiff() | make_jxl() | make_jp2()).items():
        (HERE / name).write_bytes(data)
        pixels = pixels_of(HERE / name)
        if allowed:
            (HERE / f"{name}.pixels").write_bytes(pixels.tobytes())
        lines.append(f"{name} {pixels.shape[1]} {pixels.shape[0]} {pixels.shape[2]} {allowed} "
                     f"{zlib.crc32(pixels.tobytes()):08x}\n")
    (HERE / "pictures.txt").write_text("".join(lines))


main()
