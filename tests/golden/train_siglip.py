# SPDX-License-Identifier: Apache-2.0
"""Golden gradients and steps of a two-layer SigLIP, whose pictures are pooled by attention: as train.py's of CLIP.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train_siglip.py

writes train/siglip, with the names of train.py; of the pooling's attention queries, keys and values are three tensors there.
"""
import datetime
import pathlib

import numpy as np
import safetensors.numpy
import torch
import transformers

import random_weights
from train import BATCHES, SEED, apart, double, gradients, sketch, train
from towers import picture

BATCH, SIZE, PATCH, VOCAB, CONTEXT = 6, 32, 8, 90, 10
BLOCKS = dict(hidden_size=64, num_attention_heads=2, intermediate_size=144, num_hidden_layers=2)


def start(config):
    model = transformers.SiglipModel._from_config(config, attn_implementation="eager").train()
    model.load_state_dict({key: torch.from_numpy(random_weights.tensor(key, tuple(value.shape), SEED))
                           for key, value in model.state_dict().items()}, strict=True)
    bias = torch.tensor(float(model.logit_bias), requires_grad=True)
    del model.logit_bias
    return model, bias


def sentences(number):
    row, place = np.mgrid[:BATCH, :CONTEXT]
    return ((place * 31 + row * 7 + number * 5) % (VOCAB // 2)).astype(np.int32)


def parted(values):
    out = {}
    for name, value in values.items():
        if ".in_proj_" not in name:
            out[name] = value
            continue
        for part, some in zip("qkv", np.split(value, 3)):
            out[name.replace("in_proj_", f"{part}_proj.")] = some
    return out


def main():
    config = transformers.SiglipConfig(
        vision_config=dict(BLOCKS, image_size=SIZE, patch_size=PATCH),
        text_config=dict(BLOCKS, vocab_size=VOCAB, max_position_embeddings=CONTEXT, projection_size=64))
    pictures = np.stack([picture(number, SIZE) for number in range(BATCHES * BATCH)])
    pixels = torch.tensor(pictures / 127.5 - 1).permute(0, 3, 1, 2).unflatten(0, (BATCHES, BATCH))
    ids = np.stack([sentences(number) for number in range(BATCHES)])
    long_ids = torch.tensor(ids, dtype=torch.long)

    model, bias = start(config)
    loss, single = gradients(model, bias, pixels[0].float(), long_ids[0], "siglip")
    _, exact = gradients(model.double(), double(bias), pixels[0], long_ids[0], "siglip")
    model, bias = start(config)
    losses, norms, trained = train(model, bias, pixels.float(), long_ids, "siglip")
    model, bias = start(config)
    exact_losses, _, exactly = train(model.double(), double(bias), pixels, long_ids, "siglip")
    single, exact, trained, exactly = map(parted, (single, exact, trained, exactly))
    off, trained_off, loss_off = apart(single, exact), apart(trained, exactly), np.abs(losses / exact_losses - 1).max()
    print(f"siglip loss {loss:.6f}, then {losses[-1]:.6f}; from float64: gradients {off:.1e}, losses {loss_off:.1e}, "
          f"weights {trained_off:.1e}")
    assert off < 2e-5 and loss_off < 5e-5 and trained_off < 5e-5

    directory = pathlib.Path(__file__).parent / "train" / "siglip"
    directory.mkdir(parents=True, exist_ok=True)
    config.architectures = ["SiglipModel"]
    config.to_json_file(directory / "config.json")
    out = {"seed": np.array(SEED, np.int64), "ids": ids, "ends": np.full((BATCHES, BATCH), CONTEXT - 1, np.int32),
           "loss": np.array(loss), "losses": losses, "norms": norms}
    out |= {f"sketch.{key}": sketch(value) for key, value in single.items()}
    out |= {f"trained.{key}": sketch(value) for key, value in trained.items()}
    safetensors.numpy.save_file(out, directory / "gradients.safetensors",
                                metadata={"made_by": "tests/golden/train_siglip.py", "date": str(datetime.date.today()),
                                          "transformers": transformers.__version__, "torch": torch.__version__})


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
