#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pillow-jxl-plugin 1.3.8 with Pillow 13.0.0, and imagecodecs 2026.3.6, which is libjxl alone.
#
# Guess before running it: a JPEG XL file says in its code stream how the picture is turned, and EXIF repeats it for programs
# that ask, so that whoever saves with EXIF's orientation sets both, as cjxl does of a JPEG, and all readers turn it alike.
#
# Seen: so it is where the plugin packs a JPEG as it is. Where it encodes pixels, it writes EXIF with the orientation and leaves
# the code stream's at 1. libjxl and what stands on it, which go by the code stream as ISO/IEC 18181-2 asks, show the picture
# lying on its side; the plugin's own reader hands EXIF's orientation to exif_transpose, which turns it. One file, two pictures,
# and a data set that Pillow has made so trains or is searched turned in one program and not in the other.
#
# vision/helper/jxl.c goes by the code stream; tests/golden/decoders has a file of each kind.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install pillow==13.0.0 pillow-jxl-plugin==1.3.8 imagecodecs==2026.3.6 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'END'
import pathlib
import sys

import imagecodecs
import numpy as np
import pillow_jxl
from PIL import Image, ImageOps

ORIENTATION, TURNED = 0x112, 6
picture = Image.fromarray(np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3))  # 6 wide, 4 high
exif = Image.Exif()
exif[ORIENTATION] = TURNED
exif = exif.tobytes()
picture.save("photo.jpg", exif=exif, quality=95)
Image.open("photo.jpg").save("packed.jxl", lossless_jpeg=True)
picture.save("pixels.jxl", exif=exif, lossless=True)

wrong = 0
for name, by_libjxl in (("packed.jxl", (4, 6)), ("pixels.jxl", (6, 4))):
    by_plugin = ImageOps.exif_transpose(Image.open(name)).size
    height, width = imagecodecs.jpegxl_decode(pathlib.Path(name).read_bytes()).shape[:2]
    print(f"{name}: {by_plugin} by the plugin and exif_transpose, {(width, height)} by libjxl")
    wrong += by_plugin != (4, 6) or (width, height) != by_libjxl
sys.exit(wrong)
END
