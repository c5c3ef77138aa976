# SPDX-License-Identifier: Apache-2.0
"""Golden gradients of two-layer models, from PyTorch's autograd in float32, checked against float64, and where 50 steps of its AdamW
lead.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train.py

writes, for each of three shapes, train/NAME/config.json, as transformers saves it, and gradients.safetensors:

    seed               of the weights, which random_weights.py and compute/weights/random.c both make up
    ids, ends          (4, B, context) and (4, B): texts of four batches, and where each of them ends
    loss               of the first
    sketch.PARAMETER   (17) float64: the length of a parameter's gradient, and 16 sums of it with signs that signs() makes up:
                       what these differ by tells how far two gradients are apart, without keeping one
    full.PARAMETER     the whole gradient, of the first shape's parameters with one axis
    losses             (50) float64, of each step, the batches in turn
    norms              (50) float64: the gradients' length before clipping
    trained.PARAMETER  (17) float64: the sketch of a parameter after these steps

The pictures of batch k are those that towers.py's picture() makes, from number k * B on.
"""
import datetime
import pathlib

import numpy as np
import safetensors.numpy
import torch
import transformers

import random_weights
from towers import MEAN, STD, picture

SEED = 47
SIGNS = 16
BATCHES = 4
STEPS, WARMUP, RATE, BETAS, EPS, DECAY, CLIP = 50, 10, 1e-4, (0.9, 0.98), 1e-6, 0.2, 1.0

# Folder, vision (width, heads, mlp, image, patch), text (width, heads, mlp, vocabulary, context), embedding, activation, batch,
# loss. With the sigmoid loss pictures are the mean of their patches.
SHAPES = [
    ("quick", (64, 2, 256, 32, 8), (48, 2, 192, 100, 12), 32, "quick_gelu", 6, "softmax"),
    ("erf", (96, 3, 208, 48, 16), (64, 4, 176, 80, 9), 48, "gelu", 5, "softmax"),
    ("tanh", (80, 2, 320, 40, 8), (80, 5, 240, 60, 16), 80, "gelu_pytorch_tanh", 7, "sigmoid"),
]


def config_of(vision, text, embed, activation):
    def tower(width, heads, mlp, **more):
        return dict(hidden_size=width, num_attention_heads=heads, intermediate_size=mlp, num_hidden_layers=2,
                    hidden_act=activation, **more)

    width, heads, mlp, image, patch = vision
    vision = tower(width, heads, mlp, image_size=image, patch_size=patch)
    width, heads, mlp, vocab, context = text
    text = tower(width, heads, mlp, vocab_size=vocab, max_position_embeddings=context, eos_token_id=vocab - 1,
                 bos_token_id=vocab - 2, pad_token_id=0)
    return transformers.CLIPConfig(projection_dim=embed, vision_config=vision, text_config=text)


def sentences(batch, vocab, context, number):
    """Texts of all lengths from 2 to the context, with some words in several of them; other words in each batch."""
    ids, ends = np.zeros((batch, context), np.int32), np.zeros(batch, np.int32)
    for row in range(batch):
        length = 2 + (context - 2) * row // (batch - 1)
        words = (np.arange(length - 2) * 31 + row * 7 + number * 5) % (vocab // 3)
        ids[row, :length] = [vocab - 2, *words, vocab - 1]
        ends[row] = length - 1
    return ids, ends


def embed(model, pixels, ids, kind):
    if kind == "siglip":
        images, texts = model.vision_model(pixel_values=pixels), model.text_model(input_ids=ids)
        return [torch.nn.functional.normalize(out.pooler_output, dim=-1) for out in (images, texts)]
    if kind == "softmax":
        out = model(pixel_values=pixels, input_ids=ids)
        return out.image_embeds, out.text_embeds
    states = model.vision_model(pixel_values=pixels).last_hidden_state
    images = model.visual_projection(model.vision_model.post_layernorm(states[:, 1:].mean(1)))
    texts = model.text_projection(model.text_model(input_ids=ids).pooler_output)
    return torch.nn.functional.normalize(images, dim=-1), torch.nn.functional.normalize(texts, dim=-1)


def loss_of(model, bias, pixels, ids, kind):
    images, texts = embed(model, pixels, ids, kind)
    logits = model.logit_scale.exp() * images @ texts.T
    own = torch.arange(len(ids))
    if kind == "softmax":  # ClipLoss in open_clip's loss.py
        return (torch.nn.functional.cross_entropy(logits, own) + torch.nn.functional.cross_entropy(logits.T, own)) / 2
    z = 2 * torch.eye(len(ids), dtype=logits.dtype) - 1  # SigLipLoss there
    return -torch.nn.functional.logsigmoid(z * (logits + bias)).sum() / len(ids)


def gradients(model, bias, pixels, ids, kind):
    model.zero_grad()
    bias.grad = None
    loss = loss_of(model, bias, pixels, ids, kind)
    loss.backward()
    out = {name: value.grad.numpy().astype(np.float64) for name, value in model.named_parameters()}
    if kind != "softmax":
        out["logit_bias"] = bias.grad.numpy().astype(np.float64)
    return float(loss.detach()), out


def groups(model, bias):
    """As open_clip's create_optimizer in main.py parts them, by the number of axes where it looks at names."""
    named = [*model.named_parameters(), ("logit_bias", bias)]
    return [{"params": [value for _, value in named if value.ndim < 2], "weight_decay": 0.0},
            {"params": [value for _, value in named if value.ndim >= 2], "weight_decay": DECAY}]


def rate_at(step):
    if step < WARMUP:
        return RATE * (step + 1) / WARMUP
    return 0.5 * (1 + np.cos(np.pi * (step - WARMUP) / (STEPS - WARMUP))) * RATE


def train(model, bias, pixels, ids, kind, after=lambda: None):
    """The steps of open_clip's train_one_epoch, on one batch after the other. A SigLIP may keep the scale that it begins with."""
    parameters = [*model.parameters(), bias] if kind != "softmax" else [*model.parameters()]
    optimizer = torch.optim.AdamW(groups(model, bias), betas=BETAS, eps=EPS, foreach=False)
    most = np.log(100) if kind == "softmax" else max(np.log(100), float(model.logit_scale))
    losses, norms = [], []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step)
        optimizer.zero_grad()
        loss = loss_of(model, bias, pixels[step % BATCHES], ids[step % BATCHES], kind)
        loss.backward()
        losses.append(float(loss.detach()))
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, CLIP)))
        optimizer.step()
        if model.logit_scale.requires_grad:
            with torch.no_grad():
                model.logit_scale.clamp_(0, most)
        after()
    out = {name: value.detach().numpy().astype(np.float64) for name, value in model.named_parameters()}
    if kind != "softmax":
        out["logit_bias"] = bias.detach().numpy().astype(np.float64)
    return np.array(losses), np.array(norms), out


def signs(count):
    """(16, count): sign k of element i is bit k of random_at(0, i)."""
    index = np.arange(1, count + 1, dtype=np.uint64)
    bits = random_weights.mix(index * np.uint64(0x9E3779B97F4A7C15))
    return np.array([1.0 - 2.0 * ((bits >> np.uint64(k)) & np.uint64(1)) for k in range(SIGNS)])


def sketch(gradient):
    flat = gradient.ravel()
    return np.array([np.linalg.norm(flat), *(signs(flat.size) @ flat)])


def start(config):
    model = transformers.CLIPModel._from_config(config, attn_implementation="eager").train()
    model.load_state_dict({key: torch.from_numpy(random_weights.tensor(key, tuple(value.shape), SEED))
                           for key, value in model.state_dict().items()}, strict=True)
    return model, torch.tensor(float(random_weights.tensor("logit_bias", (), SEED)), requires_grad=True)


def apart(some, others):
    return max(np.linalg.norm(some[key] - others[key]) / np.linalg.norm(others[key])
               for key in some if "k_proj.bias" not in key)


def double(bias):
    return bias.detach().double().requires_grad_()


def make(name, vision, text, embed, activation, batch, kind):
    config = config_of(vision, text, embed, activation)
    pictures = np.stack([picture(number, vision[3]) for number in range(BATCHES * batch)])
    pixels = torch.tensor((pictures / 255.0 - MEAN) / STD).permute(0, 3, 1, 2).unflatten(0, (BATCHES, batch))
    ids, ends = map(np.stack, zip(*(sentences(batch, text[3], text[4], number) for number in range(BATCHES))))
    long_ids = torch.tensor(ids, dtype=torch.long)

    model, bias = start(config)
    loss, single = gradients(model, bias, pixels[0].float(), long_ids[0], kind)
    _, exact = gradients(model.double(), double(bias), pixels[0], long_ids[0], kind)
    model, bias = start(config)
    losses, norms, trained = train(model, bias, pixels.float(), long_ids, kind)
    model, bias = start(config)
    exact_losses, _, exactly = train(model.double(), double(bias), pixels, long_ids, kind)
    off, trained_off = apart(single, exact), apart(trained, exactly)
    loss_off = np.abs(losses / exact_losses - 1).max()
    print(f"{name:6} loss {loss:.6f}, then {losses[-1]:.6f}; from float64: gradients {off:.1e}, losses {loss_off:.1e}, "
          f"weights {trained_off:.1e}")
    assert off < 2e-5 and loss_off < 5e-5 and trained_off < 5e-5

    directory = pathlib.Path(__file__).parent / "train" / name
    directory.mkdir(parents=True, exist_ok=True)
    config.to_json_file(directory / "config.json")
    out = {"seed": np.array(SEED, np.int64), "ids": ids, "ends": ends, "loss": np.array(loss), "losses": losses,
           "norms": norms}
    out |= {f"sketch.{key}": sketch(value) for key, value in single.items()}
    out |= {f"trained.{key}": sketch(value) for key, value in trained.items()}
    if name == SHAPES[0][0]:
        out |= {f"full.{key}": value.astype(np.float32) for key, value in single.items() if value.ndim == 1}
    safetensors.numpy.save_file(
        out, directory / "gradients.safetensors",
        metadata={"made_by": "tests/golden/train.py", "date": str(datetime.date.today()),
                  "transformers": transformers.__version__, "torch": torch.__version__,
                  "gradients_from_float64": f"{off:.1e}", "losses_from_float64": f"{loss_off:.1e}",
                  "weights_from_float64": f"{trained_off:.1e}"})


def main():
    for shape in SHAPES:
        make(*shape)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
