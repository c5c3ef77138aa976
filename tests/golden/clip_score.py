# SPDX-License-Identifier: Apache-2.0
"""Golden CLIPScore, RefCLIPScore and caption ranking of the model in tests/model on pictures of assets/, from transformers.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python clip_score.py

writes beside this file

    clip_score.json   what each picture shows, what else is said of it, and the scores; the mean of all pictures
    rank.jsonl        a picture and its captions a line: what `diptych rank --file` reads
    rank.tsv          what it prints: path, caption, cosine, share of the softmax, probability to win against the next

Only PNG pictures, so that decoding JPEG has no part in the numbers. The model runs in float64.
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
PREFIX = "A photo depicts "

# A true caption, a half true one, a false one, one without known words, one that is cut at 77 tokens.
CANDIDATES = {
    "01.png": "a large red heart drawn in outline on a light background",
    "02.png": "a large dotted red star on a dark background",
    "04.png": "five small purple ovals",
    "07.png": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich!",
    "08.png": "a black bolt, " * 20 + "and a brown ring",
    "09.png": "",
    "11.png": "a small black diamond inside a large orange pentagon",
}
REFERENCES = {
    "01.png": ["a red heart", "something red", "an outline of a heart"],
    "02.png": ["a blue star"],
    "04.png": ["a blue tree above a small yellow star on a dark background", "a tree and a star"],
    "07.png": ["three small white flowers drawn in outline on a dark plain background", "three flowers", "white flowers",
               "a photo of flowers"],
    "08.png": ["a black bolt to the left of a brown ring", "a bolt and a ring"],
    "09.png": ["a large dotted red diamond on a light background"],
    "11.png": ["a small black diamond inside a large orange pentagon", "a diamond"],
}
RANKED = {
    "01.png": ["a blue circle", "a red heart", "a large red heart drawn in outline on a light background", "a red heart",
               "a heart", "something red"],
    "08.png": ["a brown bolt to the left of a black ring", "a black bolt to the left of a brown ring"],
    "11.png": ["a diamond"],
}


def unit(x):
    return torch.nn.functional.normalize(x, dim=-1)


class Model:
    def __init__(self):
        self.clip = transformers.CLIPModel.from_pretrained(MODEL, dtype=torch.float64).eval()
        self.tokenizer = transformers.CLIPTokenizer.from_pretrained(MODEL)
        self.processor = CLIPImageProcessorPil.from_pretrained(MODEL)
        self.scale = self.clip.logit_scale.exp()

    def picture(self, name):
        pixels = self.processor(Image.open(ASSETS / "pictures" / name), return_tensors="pt").pixel_values
        return unit(self.clip.visual_projection(self.clip.vision_model(pixels.double()).pooler_output))[0]

    def texts(self, captions):
        """One by one: no padding that could matter."""
        rows = []
        for caption in captions:
            ids = self.tokenizer(caption, truncation=True, max_length=77, return_tensors="pt").input_ids
            rows.append(unit(self.clip.text_projection(self.clip.text_model(ids).pooler_output))[0])
        return torch.stack(rows)


def scores(model, name):
    image = model.picture(name)
    candidate, *references = model.texts([PREFIX + text for text in (CANDIDATES[name], *REFERENCES[name])])
    a = 2.5 * max(float(image @ candidate), 0)
    b = max(float(candidate @ reference) for reference in references)
    return {"path": f"pictures/{name}", "candidate": CANDIDATES[name], "references": REFERENCES[name],
            "CLIPScore": a, "RefCLIPScore": 2 * a * b / (a + b)}


def ranking(model, name):
    captions = RANKED[name]
    cosines = model.texts(captions) @ model.picture(name)
    shares = torch.softmax(model.scale * cosines, 0)
    order = sorted(range(len(captions)), key=lambda i: -float(cosines[i].round(decimals=9)))  # stable: equals as given
    for place, i in enumerate(order):
        beats = ""
        if place + 1 < len(order):
            beats = f"{float(torch.sigmoid(model.scale * (cosines[i] - cosines[order[place + 1]]))):.9f}"
        yield f"pictures/{name}\t{captions[i]}\t{float(cosines[i]):.9f}\t{float(shares[i]):.9f}\t{beats}\n"


def main():
    model = Model()
    with torch.no_grad():
        images = [scores(model, name) for name in CANDIDATES]
        lines = [line for name in RANKED for line in ranking(model, name)]
    golden = {"made_by": "tests/golden/clip_score.py", "torch": torch.__version__,
              "transformers": transformers.__version__, "images": images}
    for metric in ("CLIPScore", "RefCLIPScore"):
        golden[metric] = sum(image[metric] for image in images) / len(images)
    (HERE / "clip_score.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
    (HERE / "rank.jsonl").write_text("".join(
        json.dumps({"path": f"pictures/{name}", "captions": RANKED[name]}) + "\n" for name in RANKED))
    (HERE / "rank.tsv").write_text("".join(lines))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
