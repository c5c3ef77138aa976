# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the published shapes with made-up weights, and what to feed them, for benchmarks.

    python tests/bench/models.py vit-b-32 FOLDER      writes FOLDER/config.json, model.safetensors, ...

Weights are those of tests/golden/random_weights.py: spread as in a trained model, outlier channels too. The
tokenizer is the small one of the tests, so a directory opens in `diptych`, and its words mean nothing.
"""

import json
import os
import pathlib
import shutil
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
CONTEXT, VOCAB = 77, 49408
START, END = VOCAB - 2, VOCAB - 1
SEED = 1

# Shape: image size, patch, width, layers, heads, embedding, width of the text tower, its heads.
SHAPES = {
    "vit-b-32": (224, 32, 768, 12, 12, 512, 512, 8),
    "vit-b-16": (224, 16, 768, 12, 12, 512, 512, 8),
    "vit-b-16-336": (336, 16, 768, 12, 12, 512, 512, 8),
    "vit-l-14": (224, 14, 1024, 24, 16, 768, 768, 12),
    "vit-l-14-336": (336, 14, 1024, 24, 16, 768, 768, 12),
}


def config(shape):
    """config.json of Hugging Face's layout. eos_token_id 2 is how OpenAI's say that a text ends at its largest id."""
    size, patch, width, layers, heads, embed, text_width, text_heads = SHAPES[shape]

    def tower(width, layers, heads, **more):
        return {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
                "intermediate_size": 4 * width, "hidden_act": "quick_gelu", **more}

    return {
        "architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": embed,
        "vision_config": tower(width, layers, heads, image_size=size, patch_size=patch),
        "text_config": tower(text_width, 12, text_heads, vocab_size=VOCAB, max_position_embeddings=CONTEXT,
                             bos_token_id=START, eos_token_id=2),
    }


def weights(config):
    """Every parameter by name; transformers says which there are."""
    import torch
    import transformers

    sys.path.insert(0, str(GOLDEN))
    import random_weights

    with torch.device("meta"):
        model = transformers.CLIPModel(transformers.CLIPConfig(**config))
    return {name: random_weights.tensor(name, tuple(value.shape), SEED)
            for name, value in model.named_parameters()}


def write_checkpoint(shape, folder):
    import safetensors.numpy

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(GOLDEN / "tokenizer_small" / name, folder)
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


def write_texts(path, lengths):
    """(count, 77) int32: a start, words, an end, padding that is the end again."""
    rng = np.random.default_rng(SEED)
    ids = np.full((len(lengths), CONTEXT), END, np.int32)
    for row, length in zip(ids, lengths):
        row[:length - 1] = [START, *rng.integers(320, START, length - 2)]
    ids.tofile(path)


def caption_lengths(count):
    """As captions of photographs have: about 10 words, and the two tokens around them."""
    return np.clip(np.random.default_rng(SEED).normal(12.5, 2.5, count).round().astype(int), 7, 30)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in SHAPES:
        sys.exit(f"usage: models.py {'|'.join(SHAPES)} FOLDER")
    write_checkpoint(*sys.argv[1:])
