# SPDX-License-Identifier: Apache-2.0
"""Golden steps of models of which parts are trained: as train.py's, with PyTorch's AdamW, and peft's LoRA.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train_parts.py

writes train/quick/parts.safetensors, where PART is text or vision (the other tower is locked) or projections:

    PART.losses               (50) float64, of each step
    PART.norms                (50) float64: the length of the gradients of what is trained, before clipping
    PART.trained.PARAMETER    (17) float64: sketches of those parameters after these steps

    average.PARAMETER         likewise of the running means of all, where all is trained, as AveragedModel makes them
    blend.PARAMETER           and of 0.3 times what was trained and 0.7 times where it began

and for each of ADAPTERS a folder train/lora-NAME with start/ and end/, the adapter before and after 50 steps as peft saves it, and
steps.safetensors with losses and norms.
"""
import datetime
import pathlib
import shutil

import numpy as np
import peft
import safetensors.numpy
import torch
import transformers
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from train import BATCHES, SHAPES, apart, config_of, double, sentences, sketch, start, train
from towers import MEAN, STD, picture

DECAY, SHARE = 0.9, 0.3
HERE = pathlib.Path(__file__).parent / "train"
PARTS = {"text": ("text_", "logit_"), "vision": ("vis", "logit_"),
         "projections": ("visual_projection", "text_projection", "logit_")}

# Shape, LoraConfig.
ALL = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
ADAPTERS = {"all": ("quick", dict(r=2, lora_alpha=4, target_modules=ALL)),
            "stabilized": ("erf", dict(r=3, lora_alpha=2, use_rslora=True, target_modules=["q_proj", "v_proj", "fc2"])),
            "sigmoid": ("tanh", dict(r=2, lora_alpha=2, target_modules=["k_proj", "out_proj", "fc1"]))}


def shape_of(name):
    return next(shape for shape in SHAPES if shape[0] == name)


def inputs(shape):
    _, vision, text, _, _, batch, _ = shape
    pictures = np.stack([picture(number, vision[3]) for number in range(BATCHES * batch)])
    pixels = torch.tensor((pictures / 255.0 - MEAN) / STD).permute(0, 3, 1, 2).unflatten(0, (BATCHES, batch))
    ids = np.stack([sentences(batch, text[3], text[4], number)[0] for number in range(BATCHES)])
    return pixels, torch.tensor(ids, dtype=torch.long)


def only_trained(model, values):
    names = {name for name, value in model.named_parameters() if value.requires_grad}
    return {name: value for name, value in values.items() if name in names}


def compare(name, single, exact):
    loss_off, off = np.abs(single[0] / exact[0] - 1).max(), apart(single[2], exact[2])
    print(f"{name:12} {len(single[2]):3} tensors, losses {single[0][0]:.6f} to {single[0][-1]:.6f}; from float64: losses "
          f"{loss_off:.1e}, weights {off:.1e}")
    assert loss_off < 5e-5 and off < 5e-5


def part_steps(shape, prefixes):
    pixels, ids = inputs(shape)
    kind, results = shape[6], []
    for exactly in (False, True):
        model, bias = start(config_of(*shape[1:5]))
        if exactly:
            model, bias = model.double(), double(bias)
        for name, value in model.named_parameters():
            value.requires_grad_(name.startswith(prefixes))
        losses, norms, trained = train(model, bias, pixels if exactly else pixels.float(), ids, kind)
        results.append((losses, norms, only_trained(model, trained)))
    return results


def averages_and_blends(shape):
    pixels, ids = inputs(shape)
    model, bias = start(config_of(*shape[1:5]))
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
    train(model, bias, pixels.float(), ids, shape[6], lambda: averaged.update_parameters(model))
    out = {f"average.{name}": sketch(value.detach().numpy().astype(np.float64))
           for name, value in averaged.module.named_parameters()}
    for name, value in model.named_parameters():
        out[f"blend.{name}"] = sketch(((1 - SHARE) * before[name] + SHARE * value.detach()).numpy().astype(np.float64))
    return out


def adapter(shape, settings, seed):
    """As peft begins it, on the model of train.py."""
    model, bias = start(config_of(*shape[1:5]))
    model.config._name_or_path = model.name_or_path = "made/up"
    torch.manual_seed(seed)
    return peft.get_peft_model(model, peft.LoraConfig(lora_dropout=0.0, **settings)).train(), bias.requires_grad_(False)


def save(model, folder):
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)


def adapter_steps(name, shape, settings):
    pixels, ids = inputs(shape)
    kind, results = shape[6], []
    folder = HERE / f"lora-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    for exactly in (True, False):
        model, bias = adapter(shape, settings, len(name))
        if exactly:
            model, bias = model.double(), bias.double()
        else:
            save(model, folder / "start")
        losses, norms, trained = train(model, bias, pixels if exactly else pixels.float(), ids, kind)
        results.append((losses, norms, only_trained(model, trained)))
    save(model, folder / "end")
    exact, single = results
    compare("lora " + name, single, exact)
    safetensors.numpy.save_file({"losses": single[0], "norms": single[1]}, folder / "steps.safetensors", metadata=made_by())


def made_by():
    return {"made_by": "tests/golden/train_parts.py", "date": str(datetime.date.today()),
            "transformers": transformers.__version__, "torch": torch.__version__, "peft": peft.__version__}


def main():
    out = {}
    for part, prefixes in PARTS.items():
        single, exact = part_steps(shape_of("quick"), prefixes)
        compare(part, single, exact)
        out |= {f"{part}.losses": single[0], f"{part}.norms": single[1]}
        out |= {f"{part}.trained.{name}": sketch(value) for name, value in single[2].items()}
    out |= averages_and_blends(shape_of("quick"))
    safetensors.numpy.save_file(out, HERE / "quick" / "parts.safetensors", metadata=made_by())
    for name, (shape, settings) in ADAPTERS.items():
        adapter_steps(name, shape_of(shape), settings)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
