# SPDX-License-Identifier: Apache-2.0
"""Measures the default model, as it is shipped, on held-out scenes: pairs of shape and colour that training never showed.

    python evaluate.py --scenes PATH/TO/scenes --model ../model
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import torch
from PIL import Image
from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

from data import NUMBERS, read_vocabulary

# Few and plain, and the same for every class: what a user would type.
TEMPLATES = ["a photo of {}.", "a picture of {}.", "{}"]


class Judge:
    def __init__(self, options):
        self.scenes, self.size = options.scenes, options.size
        self.model = CLIPModel.from_pretrained(options.model, dtype=torch.float16).float().eval()   # the weights as shipped
        self.processor = CLIPImageProcessor.from_pretrained(options.model)
        self.tokenizer = CLIPTokenizerFast.from_pretrained(options.model)

    @torch.no_grad()
    def embed_texts(self, texts):
        tokens = self.tokenizer(texts, padding=True, return_tensors="pt")
        pooled = self.model.text_model(**tokens).pooler_output
        return torch.nn.functional.normalize(self.model.text_projection(pooled), dim=-1)

    @torch.no_grad()
    def embed_pictures(self, pictures):
        parts = []
        for i in range(0, len(pictures), 250):
            pixels = self.processor(pictures[i : i + 250], return_tensors="pt").pixel_values
            parts.append(self.model.visual_projection(self.model.vision_model(pixel_values=pixels).pooler_output))
        return torch.nn.functional.normalize(torch.cat(parts), dim=-1)

    def draw(self, count, kind, seed):
        """Embeddings of held-out scenes, and their records."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([self.scenes, "--count", str(count), "--kind", kind, "--seed", str(seed), "--size", self.size,
                            "--split", "heldout", "--out", folder], check=True)
            records = [json.loads(line) for line in pathlib.Path(folder, "scenes.jsonl").open()]
            pictures = [Image.open(pathlib.Path(folder, record["path"])).convert("RGB") for record in records]
            return self.embed_pictures(pictures), records

    def classify(self, pictures, phrases):
        """Zero-shot: a class is the mean of its prompts' embeddings."""
        classes = torch.stack([self.embed_texts([t.format(phrase) for t in TEMPLATES]).mean(0) for phrase in phrases])
        return (pictures @ torch.nn.functional.normalize(classes, dim=-1).T).argmax(1).tolist()


def article(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


def accuracy(guesses, truths):
    return 100 * sum(guess == truth for guess, truth in zip(guesses, truths)) / len(truths)


def distinct(embeddings, records, wanted):
    """The first `wanted` scenes whose captions differ."""
    first = {}
    for i, record in enumerate(records):
        first.setdefault(record["caption"], i)
    rows = list(first.values())[:wanted]
    return embeddings[rows], [records[i] for i in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", required=True, help="the built renderer")
    parser.add_argument("--model", default="../model")
    parser.add_argument("--count", type=int, default=1000, help="pictures a figure")
    parser.add_argument("--size", default="96", help="of the rendered pictures, as the renderer takes it")
    parser.add_argument("--mistakes", action="store_true", help="also list the commonest confusions")
    options = parser.parse_args()
    judge, table = Judge(options), read_vocabulary(options.scenes)

    single, records = judge.draw(options.count, "single", seed=1)
    counted, count_records = judge.draw(options.count, "count", seed=2)
    tasks = [
        ("shape", single, table["shapes"], [article(shape) for shape in table["shapes"]],
         [r["objects"][0]["shape"] for r in records]),
        ("colour", single, table["colours"], [article(colour + " shape") for colour in table["colours"]],
         [r["objects"][0]["colour"] for r in records]),
        ("count", counted, NUMBERS, [f"{number} shape{'s' if n else ''}" for n, number in enumerate(NUMBERS)],
         [NUMBERS[r["count"] - 1] for r in count_records]),
    ]
    for name, pictures, words, phrases, truths in tasks:
        guesses = [words[n] for n in judge.classify(pictures, phrases)]
        print(f"{name:8s} {accuracy(guesses, truths):5.1f} %   {len(words)} classes, {len(truths)} pictures")
        if options.mistakes:
            wrong = [pair for pair in zip(truths, guesses) if pair[0] != pair[1]]
            for pair in sorted(set(wrong), key=lambda pair: -wrong.count(pair))[:8]:
                print(f"         {wrong.count(pair):4d}  {pair[0]} taken for {pair[1]}")

    pictures, chosen = distinct(*judge.draw(400, "mixed", seed=3), wanted=200)
    similarity = judge.embed_texts([record["caption"] for record in chosen]) @ pictures.T
    for k in (1, 5):
        found = similarity.topk(k, 1).indices == torch.arange(len(chosen))[:, None]
        print(f"R@{k}      {100 * found.any(1).float().mean():5.1f} %   text to image, {len(chosen)} distinct captions")


if __name__ == "__main__":
    main()
