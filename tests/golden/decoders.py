#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes pictures of the formats that diptych-decode reads, of QOI, MPO, ICO and TGA, and of those that say in XMP how they are to
be turned, and what the reference makes of them: tests/golden/decoders/.

    pip install -r tests/golden/decoders.txt && python3 tests/golden/decoders.py

pictures.txt    of each file: width, height, channels, the largest difference that is allowed, and the CRC-32 of the
                pixels. Where a difference is allowed, because the reference's version of the library differs from
                Debian 12's, they stand in FILE.pixels.
"""
import io
import struct
import tempfile
import zlib
from importlib import metadata
from pathlib import Path

import imagecodecs
import numpy as np
import PIL
import pillow_heif
import pillow_jxl  # registers itself
import rawpy
import tifffile
from pidng.core import RAW2DNG, DNGTags, Tag
from PIL import Image, ImageOps, PngImagePlugin, features

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
        "float.tif": tiff(GREY.astype(np.float32) * 1.5 - 50.25, photometric="minisblack"),
        "float_predictor.tif": tiff(GREY.astype(np.float32) + 0.7, photometric="minisblack", compression="zlib", predictor=3),
        "float_inverted.tif": tiff((GREY.astype(">f4") * 0.9), photometric="miniswhite", byteorder=">"),
        "ycbcr.tif": tiff_of(Image.fromarray(RGB).convert("YCbCr")),
        "ycbcr_lzw.tif": tiff_of(Image.fromarray(RGB).convert("YCbCr"), compression="tiff_lzw"),
        "ycbcr_jpeg.tif": tiff_of(Image.fromarray(RGB).convert("YCbCr"), compression="jpeg", quality=90),
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
        "exif_orientation6.jxl": saved(RGB, "JXL", lossless=True, exif=exif(6)),  # the code stream's is 1
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


# ---- camera raw: rawpy's LibRaw --------------------------------------------------------------------------------------

def sensor():
    """What sees red, green, green and blue, by turns, of 12 bits."""
    seen = np.zeros((2 * HEIGHT, 2 * WIDTH), np.uint16)
    large = np.repeat(np.repeat(DEEP, 2, axis=0), 2, axis=1) // 2 + 256
    for (row, column), color in {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 2}.items():
        seen[row::2, column::2] = large[row::2, column::2, color]
    return seen


def dng(orientation):
    seen, tags = sensor(), DNGTags()
    for tag, value in [(Tag.ImageWidth, seen.shape[1]), (Tag.ImageLength, seen.shape[0]), (Tag.TileWidth, seen.shape[1]),
                       (Tag.TileLength, seen.shape[0]), (Tag.Orientation, orientation),
                       (Tag.PhotometricInterpretation, 32803), (Tag.SamplesPerPixel, 1), (Tag.BitsPerSample, 16),
                       (Tag.CFARepeatPatternDim, [2, 2]), (Tag.CFAPattern, [0, 1, 1, 2]), (Tag.BlackLevel, 256),
                       (Tag.WhiteLevel, 4095), (Tag.CalibrationIlluminant1, 21), (Tag.Make, "Nobody"),
                       (Tag.Model, "None"),
                       (Tag.ColorMatrix1, [[19549, 10000], [-7877, 10000], [-2582, 10000], [-5724, 10000], [10121, 10000],
                                           [1917, 10000], [-1267, 10000], [-110, 10000], [6621, 10000]]),
                       (Tag.AsShotNeutral, [[1, 2], [1, 1], [2, 3]])]:
        tags.set(tag, value)
    maker = RAW2DNG()
    maker.options(tags, path="", compress=False)
    return bytes(maker.convert(seen))


def dng_with_preview(width, height):
    """The picture for show comes first, what the sensor saw after it, as most cameras have it."""
    out = io.BytesIO()
    preview = np.asarray(Image.fromarray(RGB).resize((width, height)))
    matrix = [19549, 10000, -7877, 10000, -2582, 10000, -5724, 10000, 10121, 10000, 1917, 10000, -1267, 10000, -110, 10000,
              6621, 10000]
    with tifffile.TiffWriter(out) as writer:
        writer.write(preview, photometric="ycbcr", compression="jpeg", compressionargs={"level": 90}, subfiletype=1,
                     subifds=1, software="", datetime=False, metadata=None, extratags=[
                         (50706, "B", 4, bytes([1, 4, 0, 0]), True), (271, "s", 0, "Nobody", True), (272, "s", 0, "None", True),
                         (274, "H", 1, 6, True), (50721, "2i", 9, matrix, True), (50778, "H", 1, 21, True),
                         (50728, "2I", 3, [1, 2, 1, 1, 2, 3], True)])
        writer.write(sensor(), photometric="cfa", subfiletype=0, software="", datetime=False, metadata=None, extratags=[
            (33421, "H", 2, (2, 2), True), (33422, "B", 4, bytes([0, 1, 1, 2]), True), (50714, "H", 1, 256, True),
            (50717, "H", 1, 4095, True)])
    return out.getvalue()


def make_raw():
    files = {f"orientation{i}.dng": dng(i) for i in (1, 3, 6, 8)} | {"small_preview.dng": dng_with_preview(24, 16)}
    return {name: (data, 1) for name, data in files.items()} | {"preview.dng": (dng_with_preview(WIDTH, HEIGHT), 0)}


# ---- read by Diptych itself ------------------------------------------------------------------------------------------

def make_own():
    return {
        "rgb.qoi": (saved(RGB, "QOI"), 0),
        "rgba.qoi": (saved(RGBA, "QOI"), 0),
        "blocks.qoi": (saved(np.kron(RGBA[::8, ::8] // 64 * 64, np.ones((8, 8, 1), np.uint8)), "QOI"), 0),
        "two.mpo": (saved(RGB, "MPO", save_all=True, append_images=[Image.fromarray(RGB[::-1].copy())]), 0),
    }


def ico(image, sizes=((WIDTH, HEIGHT),), **options):
    out = io.BytesIO()
    image.save(out, "ICO", sizes=sizes, **options)
    return out.getvalue()


def with_mask(data):
    """Bits at the end say what is clear: here a corner and the last row."""
    row = (WIDTH + 31) // 32 * 4
    mask = bytearray(row * HEIGHT)
    for stored in range(HEIGHT):  # the lowest first
        mask[stored * row:stored * row + 2] = b"\xff\xff" if stored == 0 else b"\xa8\x01" if stored > 20 else b"\0\0"
    return data[:-len(mask)] + bytes(mask)


def make_ico():
    picture, clear = Image.fromarray(RGB), Image.fromarray(RGBA)
    return {name: (data, 0) for name, data in {
        "png.ico": ico(clear),
        "sizes.ico": ico(clear, sizes=((16, 10), (WIDTH, HEIGHT), (24, 16))),
        "rgba.ico": ico(clear, bitmap_format="bmp"),
        "rgb.ico": with_mask(ico(picture, bitmap_format="bmp")),
        "palette.ico": with_mask(ico(picture.quantize(100), bitmap_format="bmp")),
        "bits.ico": with_mask(ico(picture.convert("1"), bitmap_format="bmp")),
    }.items()}


def tga(picture, mirrored=False, **options):
    out = io.BytesIO()
    picture.save(out, "TGA", **options)
    data = bytearray(out.getvalue())
    if mirrored:  # from right to left
        data[17] |= 0x10
    return bytes(data)


def tga_of(kind, bits, pixels, palette=b"", map_bits=0, flags=0x20, footer=8 * b"\0"):
    """What Pillow does not write."""
    count = len(palette) * 8 // map_bits if map_bits else 0
    return struct.pack("<BBBHHBHHHHBB", 0, bool(palette), kind, 1 if palette else 0, count, map_bits, 0, 0, WIDTH, HEIGHT, bits,
                       flags) + palette + pixels + footer + b"TRUEVISION-XFILE.\0"


def make_tga():
    picture, clear = Image.fromarray(RGB), Image.fromarray(RGBA)
    deep = (GREY.astype(np.uint16) * 201).astype("<u2").tobytes()
    bgra = np.ascontiguousarray(RGBA[..., [2, 1, 0, 3]]).tobytes()
    extension = bytes(494) + b"\0"  # alpha means nothing
    runs = picture.quantize(6)
    few = (GREY // 40).tobytes()
    return {name: (data, 0) for name, data in {
        "rgb.tga": tga(picture),
        "rgb_runs.tga": tga(runs.convert("RGB"), compression="tga_rle"),
        "rgb_named.tga": tga(picture, id_section=b"a name", orientation=1),
        "rgb_mirrored.tga": tga(picture, mirrored=True),
        "rgba.tga": tga(clear),
        "rgba_runs.tga": tga(runs.convert("RGBA"), compression="tga_rle"),
        "rgba_opaque.tga": tga_of(2, 32, bgra + extension, footer=struct.pack("<II", 18 + len(bgra), 0)),
        "rgba16.tga": tga_of(2, 16, deep),
        "grey.tga": tga(Image.fromarray(GREY)),
        "grey_runs.tga": tga(runs.convert("L"), compression="tga_rle"),
        "grey_alpha.tga": tga(Image.fromarray(RGBA[..., [0, 3]], "LA")),
        "bits.tga": tga(picture.convert("1")),
        "palette.tga": tga(picture.quantize(200)),
        "palette_runs.tga": tga(runs, compression="tga_rle"),
        "palette16.tga": tga_of(1, 8, few, struct.pack("<5H", 0x8421, 0x7fff, 0x1234, 0x03e0, 0xfc00), 16),
        "palette32.tga": tga_of(1, 8, few, bytes(range(10, 210, 10)), 32),
    }.items()}


# ---- orientation in XMP ----------------------------------------------------------------------------------------------

def xmp(orientation, element=False):
    said = f"<tiff:Orientation>{orientation}</tiff:Orientation>" if element else ""
    attribute = "" if element else f' tiff:Orientation="{orientation}"'
    return (f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/"{attribute}>{said}</rdf:Description></rdf:RDF>'
            "</x:xmpmeta>").encode()


def png_with(text, **options):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", text.decode(), "", "")
    return saved(RGB, "PNG", pnginfo=info, **options)


def make_xmp():
    return {name: (data, 0) for name, data in {
        "xmp6.jpg": saved(RGB, "JPEG", xmp=xmp(6)),
        "xmp3_element.jpg": saved(RGB, "JPEG", xmp=xmp(3, element=True)),
        "xmp9.jpg": saved(RGB, "JPEG", xmp=xmp(9)),
        "xmp6_exif3.jpg": saved(RGB, "JPEG", xmp=xmp(6), exif=exif(3)),
        "xmp6_exif1.jpg": saved(RGB, "JPEG", xmp=xmp(6), exif=exif(1)),
        "xmp8.png": png_with(xmp(8)),
        "xmp8_exif2.png": png_with(xmp(8), exif=exif(2)),
        "xmp5.webp": saved(RGB, "WEBP", lossless=True, xmp=xmp(5)),
        "xmp6.tif": tiff_of(Image.fromarray(RGB), tiffinfo={700: xmp(6)}),
        "xmp6_tag3.tif": tiff_of(Image.fromarray(RGB), tiffinfo={700: xmp(6), 0x0112: 3}),
    }.items()}


# ---- the list ------------------------------------------------------------------------------------------------------

def pixels_of(path):
    """In the mode that the file has them in; grey as RGB."""
    if path.suffix == ".dng":
        with rawpy.imread(str(path)) as raw:
            if path.name == "preview.dng":  # of at least half the size; to be turned as LibRaw says
                return np.rot90(Image.open(io.BytesIO(raw.extract_thumb().data)), -1)
            return raw.postprocess(half_size=True, use_camera_wb=True)
    image = Image.open(path)
    if path.name != "exif_orientation6.jxl":  # libjxl does not turn it: findings/pillow-jxl-orientation.sh
        image = ImageOps.exif_transpose(image)
    if image.mode == "I;16":  # Pillow's convert() clips 16-bit grey to white; ours keeps the high byte
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "LA" or (image.mode == "P" and image.palette.mode == "RGBA"):
        image = image.convert("RGBA")
    return np.asarray(image if image.mode in ("RGBA", "CMYK") else image.convert("RGB"))


def main():
    pillow_heif.register_heif_opener()
    HERE.mkdir(exist_ok=True)
    lines = [f"# Made by tests/golden/decoders.py with Pillow {PIL.__version__} (libavif {features.version('avif')}, "
             f"libtiff {features.version('libtiff')},\n# OpenJPEG {features.version('jpg_2000')}), "
             f"pillow-heif {pillow_heif.__version__} (libheif {pillow_heif.libheif_version()}) and "
             f"\n# pillow-jxl-plugin {metadata.version('pillow-jxl-plugin')}, rawpy {rawpy.__version__} (LibRaw {'.'.join(map(str, rawpy.libraw_version))}).\n"
             "# file, width, height, channels, largest difference allowed, CRC-32 of the pixels\n"]
    for name, (data, allowed) in (make_avif() | make_heic() | make_tiff() | make_jxl() | make_jp2() | make_raw() | make_own()
                                  | make_ico() | make_tga() | make_xmp()).items():
        (HERE / name).write_bytes(data)
        pixels = pixels_of(HERE / name)
        if allowed:
            (HERE / f"{name}.pixels").write_bytes(pixels.tobytes())
        lines.append(f"{name} {pixels.shape[1]} {pixels.shape[0]} {pixels.shape[2]} {allowed} "
                     f"{zlib.crc32(pixels.tobytes()):08x}\n")
    (HERE / "pictures.txt").write_text("".join(lines))


main()
