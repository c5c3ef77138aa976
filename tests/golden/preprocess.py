#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what the reference makes of pictures: tests/golden/preprocess/.

    python3 tests/golden/preprocess.py        (with requirements.txt installed)

resize.txt     CRC-32 of Image.resize() over synthetic pictures, and some tiny outputs in full
square.txt     CRC-32 of the square that Hugging Face's CLIP processor or open_clip's transform cuts out
pictures.txt   CRC-32 of Image.convert("RGB") of the small files beside it, which this script makes as well
kinds.txt      CRC-32 of the squares that both references make of these files, and of their transparency on white,
               on black and dropped
drafts.txt     CRC-32 of Image.convert("RGB") of JPEGs after Image.draft(), which decodes them smaller

Large inputs are not stored: synthetic() is an integer formula that tests/vision/golden.c repeats.
"""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import open_clip
import PIL
import torchvision
import transformers
from PIL import Image, ImageOps
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

HERE = Path(__file__).parent / "preprocess"
ORIGIN = (f"# Made by tests/golden/preprocess.py with Pillow {PIL.__version__},\n"
          f"# torchvision {torchvision.__version__}, transformers {transformers.__version__}, "
          f"open_clip {open_clip.__version__}.\n")
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
OTHER_FILTERS = {"nearest": Image.Resampling.NEAREST, "lanczos": Image.Resampling.LANCZOS,
                 "box": Image.Resampling.BOX, "hamming": Image.Resampling.HAMMING}


def synthetic(width, height):
    """(height, width, 3) bytes: slopes, a product that turns into moire, and a hard checkerboard."""
    y, x, c = np.meshgrid(np.arange(height, dtype=np.uint32), np.arange(width, dtype=np.uint32),
                          np.arange(3, dtype=np.uint32), indexing="ij")
    value = x * 7 + y * 13 + c * 85 + (x * y >> 3) + ((x >> 2 ^ y >> 1) & 1) * 96
    return (value & 255).astype(np.uint8)


def crc(array):
    return f"{zlib.crc32(np.ascontiguousarray(array).tobytes()):08x}"


# ---- resize ----------------------------------------------------------------------------------------------------

RESIZES = [(640, 480, 299, 224), (480, 640, 224, 299), (224, 224, 224, 224), (224, 300, 224, 224),
           (300, 224, 224, 224), (100, 75, 299, 224), (33, 21, 352, 224), (1, 1, 1, 1), (1, 1, 5, 7),
           (5, 7, 1, 1), (1, 9, 4, 2), (9, 1, 2, 4), (2, 2, 3, 3), (3, 3, 2, 2), (7, 5, 6, 4), (6, 4, 7, 5),
           (1000, 3, 33, 2), (3, 1000, 2, 33),
           (1000, 3, 1000, 9), (17, 1000, 34, 1000), (127, 61, 63, 31), (127, 61, 64, 30), (255, 257, 256, 256),
           (31, 31, 97, 101), (1920, 1080, 398, 224), (1001, 777, 289, 224), (4, 4, 400, 2), (400, 2, 4, 4),
           (13, 11, 224, 224),
           (1, 300, 224, 224), (511, 1, 7, 1), (64, 48, 65, 48), (64, 48, 64, 47), (2000, 37, 336, 336)]
TINY = [(4, 3, 3, 2), (3, 2, 5, 4), (7, 1, 2, 1)]


def write_resizes():
    lines = [ORIGIN, "# width height -> width height, filter, CRC-32 of the RGB bytes [and the bytes themselves]\n"]
    for sizes, full in (RESIZES, False), (TINY, True):
        for width, height, to_width, to_height in sizes:
            for name, resample in {**FILTERS, **OTHER_FILTERS}.items():
                out = np.asarray(Image.fromarray(synthetic(width, height)).resize((to_width, to_height), resample))
                lines.append(f"{width} {height} {to_width} {to_height} {name} {crc(out)}"
                             + (f" {out.tobytes().hex()}" if full else "") + "\n")
    (HERE / "resize.txt").write_text("".join(lines))


# ---- squares ---------------------------------------------------------------------------------------------------

# Shorter edge 32 cut to 32: longer edges of 33 to 36 and so on leave an excess of every remainder mod 4.
SQUARES = [(width, height, 32, 32) for width, height in
           [(32, 32), (33, 32), (34, 32), (35, 32), (36, 32), (37, 32), (38, 32), (39, 32), (32, 35), (32, 37),
            (32, 38), (32, 39), (64, 70), (71, 64), (100, 75), (75, 100), (640, 480), (427, 640), (1, 1),
            (1, 50),
            (50, 1), (3, 2), (2, 3), (1000, 3), (3, 1000), (17, 31), (201, 200), (200, 203), (16, 16),
            (16, 19), (333, 500)]]
SQUARES += [(50, 40, 32, 24), (41, 50, 35, 32), (50, 41, 35, 32), (640, 480, 256, 224), (479, 640, 224, 224),
            (481, 640, 336, 336)]
PADDED = [(20, 20, 10, 15), (20, 27, 10, 15), (27, 20, 10, 13), (40, 20, 10, 14)]


def hf(picture, size, crop, squash, resample):
    size = {"height": size, "width": size} if squash else {"shortest_edge": size}
    processor = CLIPImageProcessorPil(size=size, crop_size={"height": crop, "width": crop}, resample=resample,
                                      do_rescale=False, do_normalize=False)
    return np.asarray(processor(Image.fromarray(picture))["pixel_values"][0]).astype(np.uint8).transpose(1, 2, 0)


def torchvision_crop(picture, size, crop, resample):
    """open_clip has one size for both; torchvision's own steps serve where they differ."""
    mode = torchvision.transforms.InterpolationMode.BICUBIC if resample == FILTERS["bicubic"] \
        else torchvision.transforms.InterpolationMode.BILINEAR
    steps = torchvision.transforms.Compose([torchvision.transforms.Resize(size, interpolation=mode),
                                            torchvision.transforms.CenterCrop(crop)])
    return np.asarray(steps(Image.fromarray(picture)))


def clip(picture, size, crop, squash, name):
    if size != crop:
        return torchvision_crop(picture, size, crop, FILTERS[name])
    transform = open_clip.image_transform(size, is_train=False, mean=(0, 0, 0), std=(1, 1, 1), interpolation=name,
                                          resize_mode="squash" if squash else "shortest")
    tensor = transform(Image.fromarray(picture))
    return (tensor * 255).round().byte().permute(1, 2, 0).numpy()


def write_squares():
    lines = [ORIGIN, "# width height, layout (hf: crop offsets floored; open_clip: half to even), mode, filter,\n"
             "# resize, crop, CRC-32\n"]
    for width, height, size, crop in SQUARES + PADDED:
        picture = synthetic(width, height)
        for name in FILTERS if width * height < 9000 else ["bicubic"]:
            for squash in (False, True) if size == crop else (False,):
                mode = "squash" if squash else "shortest"
                for layout, out in (("hf", hf(picture, size, crop, squash, FILTERS[name])),
                                    ("open_clip", clip(picture, size, crop, squash, name))):
                    assert out.shape == (crop, crop, 3)
                    lines.append(f"{width} {height} {layout} {mode} {name} {size} {crop} {crc(out)}\n")
    (HERE / "square.txt").write_text("".join(lines))


# ---- files -----------------------------------------------------------------------------------------------------

W, H = 13, 9
RGB = synthetic(W, H)
GREY = RGB[..., 0]
INDEX = (GREY >> 4).astype(np.uint8)
PALETTE = synthetic(16, 1)[0]


def pack(rows, depth):
    """Samples of `depth` bits, most significant first, every row padded to bytes."""
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in rows]
    bits = [np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth:].reshape(-1) for row in rows]
    return [np.packbits(row).tobytes() for row in bits]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, color_type, depth, *, adam7=False, extra=()):
    """samples: (height, width) or (height, width, channels). Pillow writes neither Adam7 nor 16-bit RGB."""
    height, width = samples.shape[:2]
    flat = samples.reshape(height, width, -1)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for x, y, step_x, step_y in passes if adam7 else [(0, 0, 1, 1)]:
        part = flat[y::step_y, x::step_x]
        if part.size:
            data += b"".join(b"\0" + row for row in pack(part.reshape(part.shape[0], -1), depth))
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, adam7)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*pair) for pair in extra)
            + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def exif(orientation, little):
    order = "<" if little else ">"
    return ((b"II*\0" if little else b"MM\0*") + struct.pack(order + "IH", 8, 2)
            + struct.pack(order + "HHIHH", 0x0103, 3, 1, 6, 0)  # another tag first
            + struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(order + "I", 0))


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bmp(bits, compression, pixels, palette=b"", masks=b"", height=H, header=40):
    """header: its size, of which the masks are a part from 52 on."""
    offset = 14 + 40 + len(masks) + len(palette)
    return (struct.pack("<2sIII", b"BM", offset + len(pixels), 0, offset)
            + struct.pack("<IiiHHIIiiII", header, W, height, 1, bits, compression, len(pixels), 0, 0, len(palette) // 4, 0)
            + masks + palette + pixels)


def packed_row(row):
    """PackBits: a run of the row's first byte, a filler that means nothing, and the rest as it is."""
    run = 1
    while run < len(row) and row[run] == row[0]:
        run += 1
    rest = row[run:]
    return bytes([257 - run & 255, row[0], 128]) + (bytes([len(rest) - 1]) + rest if rest else b"")


def psd(samples, color, *, depth=8, colors=b"", packed=False):
    planes = [samples] if depth == 1 else samples.transpose(2, 0, 1)
    rows = [row for plane in planes for row in pack(plane, depth)]
    packed_rows = [packed_row(row) for row in rows]
    data = (b"\0\1" + b"".join(struct.pack(">H", len(row)) for row in packed_rows) + b"".join(packed_rows) if packed
            else b"\0\0" + b"".join(rows))
    return (b"8BPS" + struct.pack(">H6xHIIHH", 1, len(planes), H, W, depth, color)
            + struct.pack(">I", len(colors)) + colors + bytes(8) + data)


def rle8(index):
    """Runs where a colour repeats, a literal of the rest of the row, and one jump over three pixels."""
    out = b""
    for y, row in enumerate(index[::-1]):
        x = 0
        if y == 2:
            out += b"\0\2\3\0"
            x = 3
        while x < W and x + 1 < W and row[x] == row[x + 1]:
            out += bytes([2, row[x]])
            x += 2
        if W - x >= 3:
            rest = row[x:].tobytes()
            out += bytes([0, len(rest)]) + rest + b"\0" * (len(rest) % 2)
        else:
            out += b"".join(bytes([1, value]) for value in row[x:])
        out += b"\0\0"
    return out + b"\0\1"


def enlarged(webp, width, height):
    """The file with a canvas of this size, of which its frames cover a part."""
    at = webp.index(b"VP8X") + 12
    return webp[:at] + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3] + webp[at + 6:]


def make_webp(rgb, rgba, turned):
    animation = saved(rgb, "WEBP", lossless=True, save_all=True, append_images=[turned])
    return {
        "rgb.webp": saved(rgb, "WEBP", quality=80),
        "rgba.webp": saved(rgba, "WEBP", quality=80, exact=True),
        "rgb_lossless.webp": saved(rgb, "WEBP", lossless=True),
        "rgba_lossless.webp": saved(rgba, "WEBP", lossless=True, exact=True),
        "exif6.webp": saved(rgb, "WEBP", lossless=True, exif=exif(6, True)),
        "exif3_marked.webp": saved(rgb, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(3, False)),
        "animated.webp": animation,
        "animated_alpha.webp": enlarged(saved(rgba, "WEBP", lossless=True, exact=True, save_all=True,
                                              append_images=[rgba.transpose(Image.Transpose.ROTATE_180)]),
                                        W + 3, H + 2),
        "large_canvas.webp": enlarged(animation, W + 7, H + 6),
    }


def make_files():
    deep = RGB.astype(np.uint16) * 256 + RGB[..., ::-1]
    alpha = synthetic(H, W).transpose(1, 0, 2)[..., :1]
    with_alpha = np.concatenate([RGB, alpha], axis=2)
    palette = (b"PLTE", PALETTE.tobytes())
    bgr0 = b"".join(bytes([b, g, r, 0]) for r, g, b in PALETTE)
    indexed = Image.fromarray(INDEX, "P")
    indexed.putpalette(PALETTE.tobytes())
    rgb = Image.fromarray(RGB)
    rgb565 = (RGB[..., 0].astype(np.uint16) >> 3 << 11) | (RGB[..., 1].astype(np.uint16) >> 2 << 5) | (RGB[..., 2] >> 3)
    rows565 = b"".join(row.astype("<u2").tobytes() + b"\0\0" * (W % 2) for row in rgb565[::-1])
    rows24 = b"".join(row[:, ::-1].tobytes() + b"\0" * (-3 * W % 4) for row in RGB)
    plain_gif = saved(indexed, "GIF")
    seen_through = saved(indexed, "GIF", transparency=int(INDEX[2, 3]))
    larger = indexed.resize((19, 18), Image.Resampling.NEAREST)  # Pillow interlaces from 16 on
    turned = indexed.transpose(Image.Transpose.ROTATE_180)
    rows32 = b"".join(row[:, [2, 1, 0, 3]].tobytes() for row in with_alpha[::-1])
    bits = pack(GREY[::-1] >> 7, 1)
    rows1 = b"".join(row + b"\0" * (-len(row) % 4) for row in bits)
    rows555 = b"".join(row.astype("<u2").tobytes() + b"\0\0" * (W % 2) for row in rgb565[::-1] & 0x7fff)
    ramp = Image.fromarray(INDEX, "P")
    ramp.putpalette(bytes(value for value in range(16) for _ in range(3)))
    masks = struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000)
    files = {
        **{f"grey{depth}.png": png(GREY >> (8 - depth), 0, depth) for depth in (1, 2, 4, 8)},
        **{f"palette{depth}.png": png(INDEX & ((1 << depth) - 1), 3, depth, extra=[palette]) for depth in (2, 4, 8)},
        "grey16.png": png(deep[..., 0], 0, 16),
        "rgb.png": png(RGB, 2, 8),
        "rgb16.png": png(deep, 2, 16),
        "grey_alpha.png": png(np.concatenate([GREY[..., None], alpha], axis=2), 4, 8),
        "rgba.png": png(with_alpha, 6, 8),
        "rgba16.png": png(with_alpha.astype(np.uint16) * 257, 6, 16),
        "palette_trns.png": png(INDEX, 3, 4, extra=[palette, (b"tRNS", bytes(range(0, 160, 10)))]),
        "rgb_trns.png": png(RGB, 2, 8, extra=[(b"tRNS", struct.pack(">HHH", *RGB[0, 0]))]),
        "grey_trns.png": png(GREY, 0, 8, extra=[(b"tRNS", struct.pack(">H", GREY[0, 0]))]),
        "palette1.png": png(INDEX & 1, 3, 1, extra=[palette]),
        "palette_clear.png": png(INDEX, 3, 8, extra=[palette, (b"tRNS", b"\xff\xff\0\xff")]),
        "palette1_trns.png": png(INDEX & 1, 3, 1, extra=[palette, (b"tRNS", b"\x40")]),
        "grey1_trns.png": png(GREY >> 7, 0, 1, extra=[(b"tRNS", b"\0\1")]),
        "grey4_trns.png": png(GREY >> 4, 0, 4, extra=[(b"tRNS", b"\0\0")]),
        "rgb16_trns.png": png(deep, 2, 16, extra=[(b"tRNS", struct.pack(">HHH", *deep[3, 4]))]),
        "grey_alpha16.png": png(np.concatenate([GREY[..., None], alpha], axis=2).astype(np.uint16) * 257, 4, 16),
        "rgba_adam7.png": png(with_alpha, 6, 8, adam7=True),
        "clear.png": png(np.concatenate([RGB, np.zeros_like(alpha)], axis=2), 6, 8),
        "rgb_adam7.png": png(RGB, 2, 8, adam7=True),
        "grey1_adam7.png": png(GREY >> 7, 0, 1, adam7=True),
        "palette4_adam7.png": png(INDEX, 3, 4, adam7=True, extra=[palette]),
        "one_pixel.png": png(RGB[:1, :1], 2, 8),
        "exif6.png": png(RGB, 2, 8, extra=[(b"eXIf", exif(6, False))]),
        "bits.pbm": b"P4\n# a comment\n13 9\n" + b"".join(pack(GREY >> 7, 1)),
        "grey.pgm": b"P5 13 9 255\n" + GREY.tobytes(),
        "rgb.ppm": b"P6\n13 9\n255\n" + RGB.tobytes(),
        "rgb_max15.ppm": b"P6\n13 9\n15\n" + (RGB >> 4).tobytes(),
        "grey_max100.pgm": b"P5\n13 9\n100\n" + (GREY % 101).astype(np.uint8).tobytes(),
        "rgb_max1000.ppm": b"P6\n13 9\n1000\n" + (RGB.astype(">u2") * 3).tobytes(),
        "palette.gif": saved(indexed, "GIF", interlace=0),
        "interlaced.gif": saved(larger, "GIF", interlace=1),
        "transparent.gif": seen_through,
        "animated.gif": saved(indexed, "GIF", save_all=True, append_images=[turned]),
        "grey.gif": saved(ramp, "GIF", interlace=0, optimize=False),
        "grey_transparent.gif": saved(ramp, "GIF", transparency=int(INDEX[2, 3]), interlace=0, optimize=False),
        "large_screen.gif": plain_gif[:6] + struct.pack("<HH", 20, 15) + plain_gif[10:],
        "large_screen_transparent.gif": seen_through[:6] + struct.pack("<HH", 20, 15) + seen_through[10:],
        "small_screen.gif": plain_gif[:6] + struct.pack("<HH", 5, 4) + plain_gif[10:],
        "grey1.bmp": saved(Image.fromarray(GREY).convert("1", dither=0), "BMP"),
        "palette.bmp": saved(indexed, "BMP"),
        "palette4.bmp": bmp(4, 0, b"".join(row + b"\0" * (-len(row) % 4) for row in pack(INDEX[::-1], 4)), bgr0),
        "rle8.bmp": bmp(8, 1, rle8(INDEX), bgr0),
        "rgb.bmp": saved(rgb, "BMP"),
        "rgba.bmp": saved(Image.fromarray(with_alpha), "BMP"),
        "palette1.bmp": bmp(1, 0, rows1, bgr0[:8]),
        "white_on_black.bmp": bmp(1, 0, rows1, bytes([0, 0, 0, 0, 255, 255, 255, 0])),
        "grey8.bmp": saved(Image.fromarray(GREY), "BMP"),
        "rgb555.bmp": bmp(16, 0, rows555),
        "alpha_masks.bmp": bmp(32, 3, rows32, masks=masks, header=56),
        "no_alpha_mask.bmp": bmp(32, 3, rows32, masks=masks[:12]),
        "no_masks.bmp": bmp(32, 3, rows32, masks=bytes(16), header=56),
        "rgb565.bmp": bmp(16, 3, rows565, masks=struct.pack("<III", 0xf800, 0x07e0, 0x001f)),
        "rgb.psd": psd(RGB, 3),
        "rgb_packed.psd": psd(RGB, 3, packed=True),
        "rgba.psd": psd(with_alpha, 3),
        "cmyk.psd": psd(np.concatenate([RGB, alpha], axis=2), 4, packed=True),
        "grey.psd": psd(GREY[..., None], 1, packed=True),
        "duotone.psd": psd(GREY[..., None], 8),
        "palette.psd": psd(INDEX[..., None], 2, colors=np.pad(PALETTE, ((0, 240), (0, 0))).T.tobytes(), packed=True),
        "bits.psd": psd(GREY >> 7, 0, depth=1),
        "top_down.bmp": bmp(24, 0, rows24, height=-H),
        "grey.jpg": saved(Image.fromarray(GREY), "JPEG", quality=90),
        "rgb420.jpg": saved(rgb, "JPEG", quality=90),
        "rgb444.jpg": saved(rgb, "JPEG", quality=90, subsampling=0),
        "progressive.jpg": saved(rgb, "JPEG", quality=90, progressive=True),
        "restart.jpg": saved(rgb, "JPEG", quality=90, restart_marker_blocks=1),
        "cmyk.jpg": saved(rgb.convert("CMYK"), "JPEG", quality=90),
        "rgb422.jpg": saved(rgb, "JPEG", quality=90, subsampling=1),
        "stored_rgb.jpg": saved(rgb, "JPEG", quality=90, keep_rgb=True),
        "large.jpg": saved(Image.fromarray(synthetic(67, 50)), "JPEG", quality=60),
        **make_webp(rgb, Image.fromarray(with_alpha), turned.convert("RGB")),
    }
    for orientation in range(1, 9):
        files[f"exif{orientation}.jpg"] = saved(rgb, "JPEG", quality=90, subsampling=0,
                                                exif=b"Exif\0\0" + exif(orientation, orientation % 2 == 0))
    return files


def write_files():
    lines = [ORIGIN, "# file, width, height, CRC-32 of the RGB bytes; of a JPEG, whose decoders differ by a few levels (by more\n"
             "# where colour has half the width: rgb422.jpg), they are in FILE.ppm as well\n"]
    for name, data in make_files().items():
        (HERE / name).write_bytes(data)
        image = Image.open(HERE / name)
        if name == "grey16.png":  # Pillow's convert() clips 16-bit grey to white; ours keeps the high byte
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        out = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        if name.endswith(".jpg") and name != "rgb422.jpg":
            (HERE / f"{name}.ppm").write_bytes(b"P6\n%d %d\n255\n" % (out.shape[1], out.shape[0]) + out.tobytes())
        lines.append(f"{name} {out.shape[1]} {out.shape[0]} {crc(out)}\n")
    (HERE / "pictures.txt").write_text("".join(lines))


# ---- kinds -----------------------------------------------------------------------------------------------------

# Smaller, larger, as large as it is, and smaller than the square with what lies around it.
GEOMETRIES = [("shortest", 8, "bicubic"), ("shortest", 20, "bicubic"), ("shortest", 9, "bicubic"),
              ("squash", 7, "bilinear")]
LONGEST = [("longest", 12, "bicubic", 0), ("longest", 17, "bicubic", 100)]


def laid_on(image, color):
    if "A" not in image.getbands() and image.info.get("transparency") is None:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (color, color, color, 255)), image).convert("RGB")


def hf_square(image, mode, size, name):
    edge = {"height": size, "width": size} if mode == "squash" else {"shortest_edge": size}
    processor = CLIPImageProcessorPil(size=edge, crop_size={"height": size, "width": size}, resample=FILTERS[name],
                                      do_rescale=False, do_normalize=False)
    return np.asarray(processor(image)["pixel_values"][0]).astype(np.uint8).transpose(1, 2, 0)


def clip_square(image, mode, size, name, fill=0):
    transform = open_clip.image_transform(size, is_train=False, mean=(0, 0, 0), std=(1, 1, 1), interpolation=name,
                                          resize_mode=mode, fill_color=fill)
    return (transform(image) * 255).round().byte().permute(1, 2, 0).numpy()


def write_kinds():
    lines = [ORIGIN, "# file, layout, what becomes of alpha, CRC-32 of the RGB bytes of squares: resize mode, size,\n"
             "# filter" + "".join(f" | {' '.join(map(str, way))}" for way in GEOMETRIES + LONGEST) + "\n"]
    for name in make_files():
        if name in ("one_pixel.png", "grey16.png"):  # too narrow a case; another than Pillow's on purpose
            continue
        image = ImageOps.exif_transpose(Image.open(HERE / name))
        dropped = image.convert("RGB")
        dropped.info.pop("transparency", None)  # convert() keeps a transparent colour, which transformers then sees
        ways = {"model": image, "white": laid_on(image, 255), "black": laid_on(image, 0), "drop": dropped}
        plain = all(np.array_equal(way.convert("RGB"), dropped) for way in ways.values())
        for way, ready in ways.items():
            if plain and way in ("white", "black"):
                continue
            for layout, square in ("hf", hf_square), ("open_clip", clip_square):
                sums = [crc(square(ready, *geometry)) for geometry in GEOMETRIES]
                if layout == "open_clip":
                    sums += [crc(clip_square(ready, *geometry)) for geometry in LONGEST]
                lines.append(f"{name} {layout} {way} {' '.join(sums)}\n")
    (HERE / "kinds.txt").write_text("".join(lines))


def write_drafts():
    lines = [ORIGIN, "# file, least edge, width, height, CRC-32 of the RGB bytes\n"]
    for name in ("large.jpg", "cmyk.jpg", "exif6.jpg", "grey.jpg", "progressive.jpg", "rgb.png"):
        for edge in (1, 2, 3, 4, 5, 6, 7, 12, 13, 25, 26, 100):
            image = Image.open(HERE / name)
            image.draft(None, (edge, edge))
            out = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
            lines.append(f"{name} {edge} {out.shape[1]} {out.shape[0]} {crc(out)}\n")
    (HERE / "drafts.txt").write_text("".join(lines))


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    write_resizes()
    write_squares()
    write_files()
    write_kinds()
    write_drafts()
