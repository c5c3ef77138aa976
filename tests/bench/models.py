# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the published shapes with made-up weights, and what to feed them, for benchmarks.

    python tests/bench/models.py vit-b-32 FOLDER      writes FOLDER/config.json, model.safetensors, ...

Weights are those of tests/golden/random_weights.py: spread as in a trained model, outlier channels too. The
tokenizer is the small one of the tests, so a directory opens in `diptych`, and its words mean nothing.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
SEED = 1


@dataclasses.dataclass(frozen=True)
class Family:
    """What kinds of models differ in, here and for peers.py, under the model_type of their config.json."""

    model: str  # transformers' class
    activation: str
    tokenizer: pathlib.Path  # a folder of files
    context: int
    vocab: int
    start: tuple  # ids that a text begins with
    end: int  # that it ends with, and is padded with
    words: tuple  # the first of the ids between, and the one after the last
    causal: bool  # a text is over at its end; else its padding is part of it
    mean: tuple  # of the channels of pictures
    std: tuple


CLIP = Family("CLIPModel", "quick_gelu", GOLDEN / "tokenizer_small", 77, 49408, (49406,), 49407, (320, 49406), True,
              (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
SIGLIP = Family("SiglipModel", "gelu_pytorch_tanh", GOLDEN / "subword" / "siglip", 64, 32000, (), 1, (2, 32000), False,
                (0.5,) * 3, (0.5,) * 3)
# Of its 256,000 tokens as many as SigLIP has: it is pictures that are measured.
NAFLEX = dataclasses.replace(SIGLIP, model="Siglip2Model", tokenizer=GOLDEN / "subword" / "gemma")
FAMILIES = {"clip": CLIP, "siglip": SIGLIP, "siglip2": NAFLEX}


@dataclasses.dataclass(frozen=True)
class Shape:
    family: str
    size: int  # of pictures, in pixels; of NaFlex, of a square one
    patch: int
    width: int
    layers: int
    heads: int
    embed: int
    text_width: int
    text_heads: int


SHAPES = {
    "vit-b-32": Shape("clip", 224, 32, 768, 12, 12, 512, 512, 8),
    "vit-b-16": Shape("clip", 224, 16, 768, 12, 12, 512, 512, 8),
    "vit-b-16-336": Shape("clip", 336, 16, 768, 12, 12, 512, 512, 8),
    "vit-l-14": Shape("clip", 224, 14, 1024, 24, 16, 768, 768, 12),
    "vit-l-14-336": Shape("clip", 336, 14, 1024, 24, 16, 768, 768, 12),
    "siglip-b-16": Shape("siglip", 224, 16, 768, 12, 12, 768, 768, 12),
    "siglip-b-16-256": Shape("siglip", 256, 16, 768, 12, 12, 768, 768, 12),
    "siglip2-b-16-naflex": Shape("siglip2", 256, 16, 768, 12, 12, 768, 768, 12),
}


def family(shape):
    return FAMILIES[SHAPES[shape].family]


def vision_config(shape):
    """What is its own to a family, beside what all towers have."""
    if shape.family == "siglip2":
        return {"num_patches": (shape.size // shape.patch) ** 2, "patch_size": shape.patch}
    return {"image_size": shape.size, "patch_size": shape.patch}


def text_config(shape, ids):
    """eos_token_id 2 is how OpenAI's say that a text ends at its largest id."""
    if shape.family == "clip":
        return {"bos_token_id": ids.start[0], "eos_token_id": 2}
    return {"bos_token_id": ids.end, "eos_token_id": ids.end, "projection_size": shape.embed}


def config(name):
    """config.json of Hugging Face's layout."""
    shape, ids = SHAPES[name], family(name)

    def tower(width, layers, heads, **more):
        return {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
                "intermediate_size": 4 * width, "hidden_act": ids.activation, **more}

    return {
        "architectures": [ids.model], "model_type": shape.family, "projection_dim": shape.embed,
        "vision_config": tower(shape.width, shape.layers, shape.heads, **vision_config(shape)),
        "text_config": tower(shape.text_width, 12, shape.text_heads, vocab_size=ids.vocab,
                             max_position_embeddings=ids.context, **text_config(shape, ids)),
    }


def weights(config):
    """Every parameter by name; transformers says which there are."""
    import torch
    import transformers

    sys.path.insert(0, str(GOLDEN))
    import random_weights

    kind = getattr(transformers, FAMILIES[config["model_type"]].model)
    with torch.device("meta"):
        model = kind(kind.config_class(**config))
    return {name: random_weights.tensor(name, tuple(value.shape), SEED)
            for name, value in model.named_parameters()}


def write_checkpoint(shape, folder):
    import safetensors.numpy

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in family(shape).tokenizer.iterdir():
        shutil.copy(file, folder)
    safetensors.numpy.save_file(weights(config(shape)), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config(shape), indent=1))


def made_once(path, make):
    """path, which make(path) is called for when it is not there. A half-written one never gets the name."""
    if not path.exists():
        half = path.with_name(f"{path.name}.{os.getpid()}")
        make(half)
        half.rename(path)
    return path


def checkpoint(cache, shape):
    return made_once(cache / shape, lambda folder: write_checkpoint(shape, folder))


def write_pictures(path, size, count):
    """(count, size, size, 3) bytes: patches of one colour under noise."""
    rng = np.random.default_rng(SEED)
    coarse = rng.integers(16, 240, (count, size // 14 + 1, size // 14 + 1, 3))
    smooth = np.kron(coarse, np.ones((1, 14, 14, 1), int))[:, :size, :size]
    (smooth + rng.integers(-16, 17, smooth.shape)).astype(np.uint8).tofile(path)


def write_texts(path, family, lengths):
    """(count, context) int32: a start where there is one, words, an end, padding that is the end again."""
    rng = np.random.default_rng(SEED)
    ids = np.full((len(lengths), family.context), family.end, np.int32)
    for row, length in zip(ids, lengths):
        row[:length - 1] = [*family.start, *rng.integers(*family.words, length - 1 - len(family.start))]
    ids.tofile(path)


def caption_lengths(count):
    """As captions of photographs have: about 10 words, and the two tokens around them."""
    return np.clip(np.random.default_rng(SEED).normal(12.5, 2.5, count).round().astype(int), 7, 30)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in SHAPES:
        sys.exit(f"usage: models.py {'|'.join(SHAPES)} FOLDER")
    write_checkpoint(*sys.argv[1:])
