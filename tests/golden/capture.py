#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small pictures with EXIF and XMP, and what the reference reads in them: tests/golden/capture/.

    pip install -r tests/golden/capture.txt && python3 tests/golden/capture.py

Pillow, piexif, pillow-heif and pillow-jxl-plugin write them, Pillow and its plugins read them again.
values.tsv has of each file: taken, camera, lens, latitude, longitude, by the rules of vision.h.
"""
import io
import struct
from pathlib import Path

import piexif
import pillow_heif
import pillow_jxl  # registers itself
from PIL import Image, PngImagePlugin, TiffImagePlugin

HERE = Path(__file__).parent / "capture"
pillow_heif.register_heif_opener()
PICTURE = Image.effect_mandelbrot((16, 16), (-2, -1.5, 1, 1.5), 20).convert("RGB")
MAKE, MODEL, EXIF, GPS = 0x010F, 0x0110, 0x8769, 0x8825
ORIGINAL, DIGITIZED, LENS = 0x9003, 0x9004, 0xA434
ZONE, SUBSEC = {ORIGINAL: 0x9011, DIGITIZED: 0x9012}, {ORIGINAL: 0x9291, DIGITIZED: 0x9292}


def exif(make, model, tags, place=None, endian="<"):
    out = Image.Exif()
    out.endian = endian
    out[MAKE], out[MODEL], out[0x0132] = make, model, "2030:01:01 00:00:00"
    out.get_ifd(EXIF).update(tags)
    if place:
        out.get_ifd(GPS).update(place)
    return out


def angle(degrees, minutes, seconds):
    return tuple(TiffImagePlugin.IFDRational(*part) for part in (degrees, minutes, seconds))


PARIS = {1: "N", 2: angle((48, 1), (51, 1), (3012, 100)), 3: "E", 4: angle((2, 1), (17, 1), (4018, 100))}
RIO = {1: "S", 2: angle((22, 1), (5708, 100), (0, 1)), 3: "W", 4: angle((43, 1), (1263, 100), (0, 1))}
FULL = exif("Canon", "Canon EOS R5", {ORIGINAL: "2024:06:01 09:30:15", ZONE[ORIGINAL]: "+02:00", SUBSEC[ORIGINAL]: "120",
                                     DIGITIZED: "2025:01:01 00:00:00", LENS: "RF24-105mm F4 L IS USM"}, PARIS)
BIG = exif("NIKON CORPORATION", "NIKON Z 6", {ORIGINAL: "1999:12:31 23:59:59"}, RIO, ">")
SCANNED = exif("Apple", "iPhone 15", {DIGITIZED: "2024:02:29 12:00:00", SUBSEC[DIGITIZED]: "00", ZONE[DIGITIZED]: "-03:30"})
NEVER = exif("", "", {ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: "    :  :     :  :  "})

XMP = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" xmp:CreateDate="2020-01-01T00:00:00"
 exif:DateTimeOriginal="2011-07-14T18:05:00.25Z" tiff:Make="Leica" tiff:Model='M &amp; "X"' exif:GPSLongitude="2,17.67E">
<exif:GPSLatitude>48,51.502N</exif:GPSLatitude><aux:Lens>Summicron 35 &lt;f/2&gt;</aux:Lens></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
YEAR = XMP.replace(b"exif:DateTimeOriginal", b"exif:Unknown").replace(b"xmp:CreateDate=\"2020-01-01T00:00:00\"",
                                                                   b'xmlns:photoshop="p" photoshop:DateCreated="1985-07"')


def saved(kind, **options):
    out = io.BytesIO()
    PICTURE.save(out, kind, **options)
    return out.getvalue()


def png(**options):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return saved("PNG", pnginfo=info, **options)


def tiff(tags=None, xmp=None):
    if tags:
        return saved("TIFF", exif=tags)
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[700] = xmp
    return saved("TIFF", tiffinfo=info)


def box(kind, content):
    return struct.pack(">I", 8 + len(content)) + kind + content


def block(tags):
    """A directory of its own, as Canon's CR3 has them"""
    out = Image.Exif()
    out.update(tags)
    return out.tobytes()[6:]


def cr3():
    parts = [(b"CMT1", block({MAKE: "Canon", MODEL: "Canon EOS R6"})),
             (b"CMT2", block({ORIGINAL: "2023:03:04 05:06:07", LENS: "RF50mm F1.8 STM"})),
             (b"CMT4", block(RIO))]
    uuid = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + b"".join(box(*part) for part in parts)
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", box(b"uuid", uuid)) + box(b"mdat", bytes(8))


def raf(jpeg):
    return b"FUJIFILMCCD-RAW 0201FF".ljust(84, b"\0") + struct.pack(">II", 108, len(jpeg)) + bytes(16) + jpeg


def jp2(content):
    return box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + content


FILES = {
    "full.jpg": saved("JPEG", exif=FULL),
    "big.jpg": saved("JPEG", exif=BIG),
    "scanned.jpg": saved("JPEG", exif=SCANNED),
    "never.jpg": saved("JPEG", exif=NEVER),
    "none.jpg": saved("JPEG"),
    "xmp.jpg": saved("JPEG", xmp=XMP),
    "both.jpg": saved("JPEG", exif=SCANNED, xmp=XMP),
    "year.jpg": saved("JPEG", xmp=YEAR),
    "full.png": saved("PNG", exif=FULL),
    "xmp.png": png(),
    "full.webp": saved("WEBP", exif=FULL),
    "xmp.webp": saved("WEBP", xmp=XMP),
    "full.tif": tiff(FULL),
    "xmp.tif": tiff(xmp=XMP),
    "full.avif": saved("AVIF", exif=FULL),
    "xmp.avif": saved("AVIF", xmp=XMP),
    "full.heic": saved("HEIF", exif=FULL.tobytes()),
    "xmp.heic": saved("HEIF", xmp=XMP),
    "full.jxl": saved("JXL", exif=FULL.tobytes(), use_container=True),
    "offset.jxl": saved("JXL", exif=bytes(4) + FULL.tobytes()[6:], use_container=True),  # as ISO/IEC 18181-2 has it
}


def piexif_file():
    """By another library than Pillow"""
    out = io.BytesIO()
    tags = {"0th": {piexif.ImageIFD.Make: b"SONY", piexif.ImageIFD.Model: b"ILCE-7M4"},
            "Exif": {piexif.ExifIFD.DateTimeOriginal: b"2022:08:09 10:11:12", piexif.ExifIFD.LensModel: b"FE 35mm F1.4 GM"},
            "GPS": {piexif.GPSIFD.GPSLatitudeRef: b"N", piexif.GPSIFD.GPSLatitude: ((35, 1), (39, 1), (3105, 100)),
                    piexif.GPSIFD.GPSLongitudeRef: b"E", piexif.GPSIFD.GPSLongitude: ((139, 1), (44, 1), (4388, 100))}}
    piexif.insert(piexif.dump(tags), saved("JPEG"), out)
    return out.getvalue()


FILES["piexif.jpg"] = piexif_file()
FILES["canon.cr3"] = cr3()
FILES["fujifilm.raf"] = raf(FILES["big.jpg"])
FILES["exif.jp2"] = jp2(box(b"uuid", b"JpgTiffExif->JP2" + FULL.tobytes()[6:]))
FILES["xmp.jp2"] = jp2(box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP))

# What Pillow does not open is what was put into it.
CR3 = ["2023-03-04 05:06:07", "Canon EOS R6", "RF50mm F1.8 STM", -22.9513333, -43.2105]
SAME = {"offset.jxl": "full.jpg", "fujifilm.raf": "big.jpg", "exif.jp2": "full.jpg", "xmp.jp2": "xmp.jpg"}


# ---- reading ------------------------------------------------------------------------------------------------------

def date(text, fraction="", zone=""):
    day, _, time = text.strip("\0 ").replace("T", " ").partition(" ")
    day = day.replace(":", "-")
    if not day.strip("- ") or day.startswith("0000"):
        return ""
    time, zone = (time[:-1], "+00:00") if time.endswith("Z") else (time, zone)
    time, _, own = time.partition(".")
    fraction = (own or fraction).rstrip("0")
    return day + (f" {time}" if time else "") + (f".{fraction}" if fraction else "") + zone


def camera(make, model):
    make, model = make.strip("\0 "), model.strip("\0 ")
    return model if make and model.lower().startswith(make.lower().split()[0]) else f"{make} {model}".strip()


def degrees(parts, ref):
    return (-1 if ref in "SW" else 1) * sum(float(part) / 60 ** i for i, part in enumerate(parts))


def of_exif(tags):
    inner, place = tags.get_ifd(EXIF), tags.get_ifd(GPS)
    dates = [date(inner.get(tag, ""), inner.get(SUBSEC[tag], ""), inner.get(ZONE[tag], "")) for tag in (ORIGINAL, DIGITIZED)]
    return [dates[0] or dates[1], camera(tags.get(MAKE, ""), tags.get(MODEL, "")), inner.get(LENS, ""),
            *([degrees(place[2], place[1]), degrees(place[4], place[3])] if 2 in place else [0, 0])]


def of_xmp(xmp):
    """xmp: Pillow's getxmp()"""
    said = xmp.get("xmpmeta", {}).get("RDF", {}).get("Description", {})
    if not said:
        return ["", "", "", 0, 0]
    north, east = (text.rstrip("NSEW").split(",") for text in (said["GPSLatitude"], said["GPSLongitude"]))
    taken = said.get("DateTimeOriginal") or said.get("DateCreated") or said.get("CreateDate")
    return [date(taken), camera(said["Make"], said["Model"]), said["Lens"], degrees(north, "N"), degrees(east, "E")]


def read(data):
    with Image.open(io.BytesIO(data)) as picture:
        first, second = of_exif(picture.getexif()), of_xmp(picture.getxmp())
    if first[3:] == [0, 0]:
        first[3:] = second[3:]
    return [a or b for a, b in zip(first[:3], second[:3])] + first[3:]


HERE.mkdir(exist_ok=True)
with open(HERE / "values.tsv", "w", encoding="utf-8") as values:
    for name, data in FILES.items():
        (HERE / name).write_bytes(data)
        taken, by, lens, lat, lon = CR3 if name == "canon.cr3" else read(FILES[SAME.get(name, name)])
        values.write(f"{name}\t{taken}\t{by}\t{lens}\t{lat:.7f}\t{lon:.7f}\n")
