#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# transformers 5.23 with Pillow 13: convert("RGB") does not make a picture with one transparent colour plain, and
# "resample" as a word is another filter in either backend.
#
# Guess before running it: a caller who converts a picture to RGB himself, as load_image does, gets its colours as
# they are; and {"resample": "bicubic"} is bicubic.
#
# Seen:
#   - Pillow's convert("RGB") of a GIF or PNG with one transparent colour keeps "transparency" in info, as a colour of
#     the RGB picture now. CLIPImageProcessor (since 5.21) looks there and lays the picture on white: pixels of that
#     colour turn white, also opaque ones that only had the same colour. Of a picture with an alpha channel, which
#     convert("RGB") drops, nothing turns white. So whether a pipeline's transparent pixels are white depends on how the file
#     says that they are transparent.
#   - "resample" may be a word. The default backend (torchvision) takes "bicubic" for bicubic, the Pillow backend takes
#     every word for bilinear, without a warning.
#
# Prints what is seen and fails where it is no longer so. Needs python3 and pip, which fetches some packages into
# TMPDIR (60 MB without PyTorch; the torchvision half runs only where python3 has it); a minute.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv --system-site-packages env
env/bin/pip -q install --disable-pip-version-check transformers==5.23.0 pillow==13.0.0 numpy 2>/dev/null

cat >see.py <<'END'
import io
import sys

import numpy as np
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

failed = False


def expect(what, seen, expected):
    global failed
    print(f"{what}: {seen}")
    failed |= seen != expected


# ---- a red square, half of it transparent
def stored(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(file)


same = {"size": {"height": 8, "width": 8}, "crop_size": 8, "do_rescale": False, "do_normalize": False}
red = Image.new("RGB", (8, 8), (200, 30, 30))
keyed = stored(red, "PNG", transparency=(200, 30, 30))
clear = stored(red.convert("RGBA"), "PNG")
clear.putalpha(0)
for name, image in ("transparent colour", keyed), ("alpha channel", clear):
    by_itself = CLIPImageProcessorPil(**same)(image)["pixel_values"][0][:, 0, 0].tolist()
    converted = CLIPImageProcessorPil(**same)(image.convert("RGB"))["pixel_values"][0][:, 0, 0].tolist()
    expect(f"{name}, as it is", by_itself, [255, 255, 255])
    expect(f"{name}, after convert('RGB')", converted,
           [255, 255, 255] if name == "transparent colour" else [200, 30, 30])

# ---- words for filters
noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8))


def filter_of(processor):
    out = np.asarray(processor(noise)["pixel_values"][0]).astype(int).transpose(1, 2, 0)
    for filter in Image.Resampling:
        if np.abs(np.asarray(noise.resize((8, 8), filter)).astype(int) - out).max() <= 1:
            return filter.name.lower()


expect("'bicubic' in the Pillow backend", filter_of(CLIPImageProcessorPil(**same, resample="bicubic")), "bilinear")
try:
    import torchvision  # noqa: F401
    from transformers import CLIPImageProcessor
    expect("'bicubic' in the default backend", filter_of(CLIPImageProcessor(**same, resample="bicubic")), "bicubic")
except ImportError:
    print("'bicubic' in the default backend: no torchvision here")
sys.exit(failed)
END
env/bin/python see.py
