# SPDX-License-Identifier: Apache-2.0
"""Golden embeddings of the model in tests/model of pictures of assets/ and of texts, from transformers.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python embed.py

writes embed.json beside this file: what CLIPModel's get_image_features and get_text_features have for each, before anybody
gives it the length 1. Only PNG pictures, so that decoding JPEG has no part in the numbers. The model runs in float64.
"""
import json
import pathlib

import torch
import transformers
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

HERE = pathlib.Path(__file__).parent
ASSETS = HERE.parent.parent / "assets"
MODEL = HERE.parent / "model"
PICTURES = ["01.png", "02.png", "04.png", "07.png", "08.png", "09.png", "11.png"]
# One that is cut at 77 tokens, and one without words.
TEXTS = ["a red heart", "Zwölf Boxkämpfer jagen Viktor", "a black bolt, " * 40, ""]


def features(out):
    """transformers 5 wraps them in an output, 4 does not."""
    return [round(float(x), 8) for x in getattr(out, "pooler_output", out)[0]]


def main():
    clip = transformers.CLIPModel.from_pretrained(MODEL, dtype=torch.float64).eval()
    tokenizer = transformers.CLIPTokenizer.from_pretrained(MODEL)
    processor = CLIPImageProcessorPil.from_pretrained(MODEL)
    golden = {"made_by": "tests/golden/embed.py", "torch": torch.__version__, "transformers": transformers.__version__,
              "pictures": [], "texts": []}
    with torch.no_grad():
        for name in PICTURES:
            pixels = processor(Image.open(ASSETS / "pictures" / name), return_tensors="pt").pixel_values.double()
            golden["pictures"].append({"path": name, "embedding": features(clip.get_image_features(pixel_values=pixels))})
        for text in TEXTS:
            ids = tokenizer(text, truncation=True, max_length=77, return_tensors="pt").input_ids
            golden["texts"].append({"text": text, "embedding": features(clip.get_text_features(input_ids=ids))})
    (HERE / "embed.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
