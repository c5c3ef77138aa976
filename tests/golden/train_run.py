# SPDX-License-Identifier: Apache-2.0
"""Golden runs of `diptych train` with a small SigLIP: what PyTorch and transformers make of the same pictures and captions in files.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train_run.py                  # writes train/run
    venv/bin/python train_run.py check DIPTYCH    # trains by that program, and loads what it writes in transformers and peft

train/run has model/, a SiglipModel in float16 with its tokenizer; captions.csv, of which some have one word and one has more than the
model takes, so that padding shows; adapter/, made by peft, which is trained on; and runs.safetensors with for each part, as train_parts.py
has them,

    PART.losses, PART.norms (50) float64; PART.trained.PARAMETER (17) float64

of steps with all pictures in each, in whatever order. The scale of logits begins at 117, where published ones are, and may stay there.
"""
import csv
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import peft
import safetensors.numpy
import torch
import transformers
from PIL import Image

import random_weights
from train import BATCHES, SEED, double, sketch, train
from train_parts import compare, made_by, only_trained, save
from train_siglip import parted

HERE = pathlib.Path(__file__).parent
OUT = HERE / "train" / "run"
PICTURES = HERE.parent.parent / "assets" / "pictures"
SIZE, CONTEXT, VOCAB = 32, 16, 900
SCALE, BIAS = 4.765625, -12.9375  # as float16 has them
BLOCKS = dict(num_attention_heads=2, num_hidden_layers=2)
CAPTIONS = ["a red ring on a white page", "heart", "two stars, and between them a moon that nobody has seen so often before",
            "A small cross!", "a green triangle", "squares", "an arrow to the left of a circle", "one yellow sun",
            "a photo of nothing", "blue", "four dots in a row", "the last of these pictures"]
TRAINED = {"all": ("",), "text": ("text_", "logit_"), "vision": ("vision_", "logit_"),
           "projections": ("text_model.head", "logit_")}
TARGETS = r".*\.encoder\.layers\.\d+\.(self_attn|mlp)\.(q_proj|v_proj|out_proj|fc1|fc2)"


def files():
    return sorted(path.name for path in PICTURES.iterdir() if path.suffix in (".png", ".jpg"))


def make_model():
    config = transformers.SiglipConfig(
        vision_config=dict(BLOCKS, hidden_size=48, intermediate_size=80, image_size=SIZE, patch_size=8),
        text_config=dict(BLOCKS, hidden_size=32, intermediate_size=64, vocab_size=VOCAB, max_position_embeddings=CONTEXT,
                         projection_size=48, pad_token_id=1, bos_token_id=1, eos_token_id=1))
    model = transformers.SiglipModel(config)
    values = {name: torch.from_numpy(random_weights.tensor(name, tuple(value.shape), SEED))
              for name, value in model.state_dict().items()}
    values |= {"logit_scale": torch.tensor([SCALE]), "logit_bias": torch.tensor([BIAS])}
    model.load_state_dict(values, strict=False)
    shutil.rmtree(OUT, ignore_errors=True)
    model.half().save_pretrained(OUT / "model")
    transformers.SiglipTokenizer(str(HERE / "subword/i18n/spiece.model"), model_max_length=CONTEXT).save_pretrained(OUT / "model")
    processor = dict(image_processor_type="SiglipImageProcessor", do_resize=True, size=dict(height=SIZE, width=SIZE), resample=3,
                     do_rescale=True, rescale_factor=1 / 255, do_normalize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    (OUT / "model" / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")
    with open(OUT / "captions.csv", "w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([("image", "caption"), *zip(files(), CAPTIONS, strict=True)])


def pixels():
    """SiglipImageProcessorPil's, with Pillow itself."""
    pictures = [Image.open(PICTURES / name).convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC) for name in files()]
    return torch.tensor(np.stack(pictures) / 127.5 - 1).permute(0, 3, 1, 2)


def ids():
    tokenizer = transformers.SiglipTokenizer.from_pretrained(OUT / "model")
    return torch.tensor(tokenizer(CAPTIONS, padding="max_length", truncation=True, max_length=CONTEXT).input_ids)


def load(exactly):
    model = transformers.SiglipModel.from_pretrained(OUT / "model", dtype=torch.float32, attn_implementation="eager").train()
    model = model.double() if exactly else model
    bias = model.logit_bias.detach().clone().squeeze().requires_grad_()
    model.logit_scale = torch.nn.Parameter(model.logit_scale.detach().squeeze())
    del model.logit_bias
    return model, bias


def steps(model, bias, exactly):
    kind = torch.float64 if exactly else torch.float32
    return train(model, bias, pixels().to(kind).expand(BATCHES, -1, -1, -1, -1), ids().expand(BATCHES, -1, -1), "siglip")


def part_run(prefixes):
    results = []
    for exactly in (False, True):
        model, bias = load(exactly)
        for name, value in model.named_parameters():
            value.requires_grad_(name.startswith(prefixes))
        losses, norms, trained = steps(model, bias, exactly)
        trained = only_trained(model, trained) | {"logit_bias": bias.detach().numpy()}
        results.append((losses, norms, parted(trained)))
    return results


def adapted(exactly):
    model, bias = load(exactly)
    return peft.PeftModel.from_pretrained(model, OUT / "adapter", is_trainable=True).train(), bias.requires_grad_(False)


def make_adapter():
    torch.manual_seed(3)
    model, _ = load(False)
    model.config._name_or_path = model.name_or_path = "made/up"
    adapter = peft.get_peft_model(model, peft.LoraConfig(r=3, lora_alpha=5, target_modules=TARGETS, lora_dropout=0.0))
    for name, value in adapter.named_parameters():
        if "lora_B" in name:  # as after some training
            torch.nn.init.normal_(value, std=0.05)
    save(adapter, OUT / "adapter")


def make():
    make_model()
    make_adapter()
    runs = {part: part_run(prefixes) for part, prefixes in TRAINED.items()}
    runs["lora"] = []
    for exactly in (False, True):
        model, bias = adapted(exactly)
        losses, norms, trained = steps(model, bias, exactly)
        runs["lora"].append((losses, norms, {name.replace(".default", ""): value
                                             for name, value in only_trained(model, trained).items()}))
    out = {}
    for part, (single, exact) in runs.items():
        compare(part, single, exact)
        out |= {f"{part}.losses": single[0], f"{part}.norms": single[1]}
        out |= {f"{part}.trained.{name}": sketch(np.asarray(value, np.float64)) for name, value in single[2].items()}
    safetensors.numpy.save_file(out, OUT / "runs.safetensors", metadata=made_by())


# ---- what the program writes


def embeddings(model):
    with torch.no_grad():
        out = model.eval()(input_ids=ids(), pixel_values=pixels().float())
    return out.image_embeds.numpy(), out.text_embeds.numpy()


def run(*arguments):
    subprocess.run([str(argument) for argument in arguments], check=True)


def check(program):
    """Of each part: what is written loads in transformers, or peft, and embeds as the program does with it."""
    scratch = pathlib.Path(tempfile.mkdtemp())
    (scratch / "texts.txt").write_text("".join(f"{caption}\n" for caption in CAPTIONS))
    for part in [*TRAINED, "lora"]:
        out = scratch / part
        run(program, "train", "--model", OUT / "model", "--captions", OUT / "captions.csv", "--images", PICTURES, "--batch",
            len(CAPTIONS), "--steps", 50, "--rate", 1e-3, "--part", part, "--dtype", "f32", "-o", out, "-q", *(["--adapter", OUT / "adapter"] if part == "lora" else []))
        base = OUT / "model" if part == "lora" else out
        model, loading = transformers.SiglipModel.from_pretrained(base, dtype=torch.float32, output_loading_info=True)
        assert not any(loading.values()), loading
        before = embeddings(transformers.SiglipModel.from_pretrained(OUT / "model", dtype=torch.float32))
        theirs = embeddings(peft.PeftModel.from_pretrained(model, out) if part == "lora" else model)
        with_it = ["--model", base, *(["--lora", out] if part == "lora" else []), "--precision", "f32", "-q"]
        run(program, "embed", *(PICTURES / name for name in files()), *with_it, "-o", scratch / "images.npy")
        run(program, "embed", "--texts", scratch / "texts.txt", *with_it, "-o", scratch / "texts.npy")
        ours = np.load(scratch / "images.npy"), np.load(scratch / "texts.npy")
        off, moved = (max(np.abs(a - b).max() for a, b in zip(theirs, others)) for others in (ours, before))
        print(f"{part:12} embeddings within {off:.1e} of transformers', {moved:.1e} from where they began")
        assert off < 1e-5 < moved


if __name__ == "__main__":
    torch.set_num_threads(1)
    check(*sys.argv[2:]) if sys.argv[1:2] == ["check"] else make()
