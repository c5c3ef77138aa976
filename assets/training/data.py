# SPDX-License-Identifier: Apache-2.0
"""Training scenes, rendered in the background while the model trains."""

import json
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
from torch.multiprocessing import Process, Queue
from transformers import CLIPTokenizerFast

from model import GRID, IMAGE

NUMBERS = ["one", "two", "three", "four", "five"]
FINE = 3        # cells of the silhouette across a patch
LONGEST = 40    # tokens; longer than any caption
N_LOOSE = 5     # loose wordings of each picture, of which every batch takes one

# What is known of a picture, one column each. `pair` tells relation scenes from the others.
COLUMNS = ["shape", "colour", "fill", "size", "count", "relation", "tone", "texture",
           "second shape", "second colour", "second fill", "second size", "pair"]


def read_vocabulary(scenes):
    lines = subprocess.run([scenes, "--list"], check=True, capture_output=True, text=True).stdout.splitlines()
    table = {}
    for line in lines:
        title, _, words = line.partition(": ")
        table[title] = words.split(", ") if title == "held out" else words.split()
    return table


class Encoder:
    """Turns the lines of scenes.jsonl into arrays."""

    def __init__(self, scenes, model_dir):
        table = read_vocabulary(scenes)
        words = {"shape": table["shapes"], "colour": table["colours"], "fill": table["fills"], "size": table["sizes"],
                 "tone": table["tones"], "texture": table["textures"], "relation": table["relations"]}
        self.number = {column: {word: n for n, word in enumerate(values)} for column, values in words.items()}
        self.tokenizer = CLIPTokenizerFast.from_pretrained(model_dir)

    def labels(self, record):
        first, second = record["objects"][0], record["objects"][1] if record["kind"] == "relation" else {}
        row = [self.number[key][first[key]] for key in ("shape", "colour", "fill", "size")]
        row += [record["count"] - 1, self.number["relation"].get(record.get("relation"), -1)]
        row += [self.number[key][record[key]] for key in ("tone", "texture")]
        row += [self.number[key].get(second.get(key), -1) for key in ("shape", "colour", "fill", "size")]
        return row + [record["kind"] == "relation"]

    @staticmethod
    def places(record):
        """(5, 3): x, y and radius of every object."""
        rows = [[thing["x"], thing["y"], thing["radius"]] for thing in record["objects"]]
        return rows + [[0, 0, 1]] * (len(NUMBERS) - len(rows))

    @staticmethod
    def asserted(about):
        """Which columns must agree for a caption to be true of another picture."""
        row = [column in about for column in COLUMNS]
        row[-1] = about != ["count"]    # "two objects" is true of relations too
        return row

    def tokens(self, texts):
        """(texts, LONGEST), filled up with the end token."""
        rows = np.full((len(texts), LONGEST), self.tokenizer.eos_token_id, np.int16)
        for row, encoding in zip(rows, self.tokenizer.backend_tokenizer.encode_batch_fast(texts)):
            row[: len(encoding.ids)] = encoding.ids
        return rows

    def encode(self, records):
        captions = [[(record["caption"], record["about"])] + [(w["text"], w["about"]) for w in record["wordings"]]
                    for record in records]
        n_captions = 1 + N_LOOSE
        return {
            "labels": np.array([self.labels(record) for record in records], np.int8),
            "places": np.array([self.places(record) for record in records], np.float32),
            "asserted": np.array([[self.asserted(about) for _, about in row] for row in captions], bool),
            "tokens": self.tokens([text for row in captions for text, _ in row]).reshape(-1, n_captions, LONGEST),
        }


def render(scenes, encoder, count, seed, size, kind):
    with tempfile.TemporaryDirectory() as folder:
        pixels, cells = f"{folder}/pixels", f"{folder}/cells"
        subprocess.run([scenes, "--count", str(count), "--seed", str(seed), "--size", str(size), "--kind", kind, "--wordings",
                        str(N_LOOSE), "--grid", str(FINE * GRID), "--raw", pixels, "--cells", cells, "--out", folder], check=True)
        records = [json.loads(line) for line in pathlib.Path(folder, "scenes.jsonl").open()]
        shard = encoder.encode(records)
        shard["pixels"] = np.fromfile(pixels, np.uint8).reshape(count, size, size, 3)
        shard["cells"] = np.fromfile(cells, np.uint8).reshape(count, FINE * GRID, FINE * GRID)
    return shard


def reduce(pixels):
    """Pictures rendered larger come down to the model's size as its preprocessor would bring them: bicubic, antialiased."""
    planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    small = torch.nn.functional.interpolate(planes, size=(IMAGE, IMAGE), mode="bicubic", antialias=True)
    return small.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def produce(queue, scenes, model_dir, count, first_seed):
    torch.set_num_threads(1)
    encoder = Encoder(scenes, model_dir)
    kinds = ["single", "mixed", "count", "mixed"]
    sizes = [IMAGE, IMAGE, IMAGE, IMAGE, IMAGE * 3 // 2]    # pictures in use come down from larger ones, as some here do
    for n in range(1 << 20):
        size = sizes[n % len(sizes)]
        shard = render(scenes, encoder, count, first_seed + n, size, kinds[n % len(kinds)])
        if size != IMAGE:
            shard["pixels"] = np.concatenate([reduce(part) for part in np.array_split(shard["pixels"], 16)])
        queue.put({name: torch.from_numpy(array) for name, array in shard.items()})


def shards(scenes, model_dir, count=2048, first_seed=1000):
    queue = Queue(maxsize=2)
    Process(target=produce, args=(queue, scenes, model_dir, count, first_seed), daemon=True).start()
    while True:
        yield queue.get()
