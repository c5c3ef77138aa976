# SPDX-License-Identifier: Apache-2.0
"""Golden embeddings of both towers, from transformers, checked against open_clip and against float64.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python towers.py

writes, for each published shape, towers/NAME/config.json, as transformers saves it, and embeddings.safetensors:

    seed           of the weights, which random_weights.py and compute/weights/random.c both make up
    ids, lengths   (4, 77) and (4): texts; row i has lengths[i] ids, the rest is padding
    text_embeds    (4, E) float32 of length 1
    image_embeds   (3, E) float32 of length 1, of the pictures that picture() makes, as tests/joint/test_towers.c does

All but one have two layers a tower and a small vocabulary: every shape of every kernel at a price that each test run
can pay.
"""
import datetime
import pathlib

import numpy as np
import open_clip
import safetensors.numpy
import torch
import transformers

import random_weights

SEED = 31
SMALL_VOCAB = 1024
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

# Folder, open_clip's name of the shape, layers (None: all), activation, rule that finds the end of text.
FAMILIES = [
    ("vit-b-32", "ViT-B-32", None, "quick_gelu", "first"),
    ("vit-b-32-tanh", "ViT-B-32", 2, "gelu_pytorch_tanh", "argmax"),
    ("vit-b-16", "ViT-B-16", 2, "quick_gelu", "first"),
    ("vit-l-14", "ViT-L-14", 2, "quick_gelu", "argmax"),
    ("vit-l-14-336", "ViT-L-14-336", 2, "quick_gelu", "first"),
    ("vit-h-14", "ViT-H-14", 2, "gelu", "first"),
    ("vit-bigg-14", "ViT-bigG-14", 2, "gelu", "argmax"),
]


def picture(number, size):
    """(size, size, 3) bytes: slanted ramps, different in each picture, under five bits of noise."""
    i = np.arange(size * size * 3, dtype=np.uint32)
    y, x, c = i // (3 * size), i // 3 % size, i % 3
    noise = (i * np.uint32(2654435761)) >> np.uint32(27)
    ramp = x * np.uint32(3 * number + 1) + y * np.uint32(2 * number + 1) + c * np.uint32(85)
    return ((ramp + noise) % 256).astype(np.uint8).reshape(size, size, 3)


def texts(vocab, end, padding):
    """Four texts: without a word, short, long and full. In one of them the end comes twice, and id 2, which old
    configs give for the end of text, is a word."""
    lengths = np.array([2, 7, 23, 77], np.int32)
    ids = np.full((4, 77), padding, np.int32)
    for row, length in enumerate(lengths):
        words = (np.arange(length - 2) * 7919 + row * 104729) % (vocab - 2)
        words[words == end] += 1
        ids[row, :length] = [vocab - 2, *words, end]
    ids[2, 3], ids[2, 11] = 2, end
    return ids, lengths


def configs(shape, layers, activation, rule):
    """The same model for both libraries."""
    ours = open_clip.get_model_config(shape)
    vision, text = ours["vision_cfg"], ours["text_cfg"]
    if layers:
        vision["layers"] = text["layers"] = layers
        text["vocab_size"] = SMALL_VOCAB
    # An end that is not the largest id tells the two rules apart.
    end = text["vocab_size"] - 1 if rule == "argmax" or not layers else 700
    if rule == "first":
        text.update(pool_type="eos", eos_id=end)
    ours["quick_gelu"] = activation == "quick_gelu"
    if activation == "gelu_pytorch_tanh":
        vision["act_kwargs"] = text["act_kwargs"] = {"approximate": "tanh"}

    def tower(width, heads, ratio, depth, **more):
        return dict(hidden_size=width, num_attention_heads=heads, intermediate_size=int(width * ratio),
                    num_hidden_layers=depth, hidden_act=activation, **more)

    theirs = transformers.CLIPConfig(
        projection_dim=ours["embed_dim"],
        vision_config=tower(vision["width"], vision["width"] // vision.get("head_width", 64),
                            vision.get("mlp_ratio", 4.0), vision["layers"],
                            image_size=vision["image_size"], patch_size=vision["patch_size"]),
        text_config=tower(text["width"], text["heads"], 4.0, text["layers"], vocab_size=text["vocab_size"],
                          eos_token_id=2 if rule == "argmax" else end))
    return ours, theirs, end


def to_open_clip(weights):
    """transformers' tensors under open_clip's names and in its shapes."""
    out = {"logit_scale": weights["logit_scale"],
           "visual.proj": weights["visual_projection.weight"].T,
           "text_projection": weights["text_projection.weight"].T,
           "visual.class_embedding": weights["vision_model.embeddings.class_embedding"],
           "visual.conv1.weight": weights["vision_model.embeddings.patch_embedding.weight"],
           "visual.positional_embedding": weights["vision_model.embeddings.position_embedding.weight"],
           "token_embedding.weight": weights["text_model.embeddings.token_embedding.weight"],
           "positional_embedding": weights["text_model.embeddings.position_embedding.weight"]}
    names = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "self_attn.out_proj": "attn.out_proj",
             "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
    for part in ("weight", "bias"):
        out[f"visual.ln_pre.{part}"] = weights[f"vision_model.pre_layrnorm.{part}"]
        out[f"visual.ln_post.{part}"] = weights[f"vision_model.post_layernorm.{part}"]
        out[f"ln_final.{part}"] = weights[f"text_model.final_layer_norm.{part}"]
        for theirs, ours in (("vision_model", "visual."), ("text_model", "")):
            layer = 0
            while f"{theirs}.encoder.layers.{layer}.layer_norm1.{part}" in weights:
                old, new = f"{theirs}.encoder.layers.{layer}", f"{ours}transformer.resblocks.{layer}"
                for a, b in names.items():
                    out[f"{new}.{b}.{part}"] = weights[f"{old}.{a}.{part}"]
                out[f"{new}.attn.in_proj_{part}"] = torch.cat(
                    [weights[f"{old}.self_attn.{x}_proj.{part}"] for x in "qkv"])
                layer += 1
    return out


def unit(x):
    return torch.nn.functional.normalize(x, dim=-1)


def embed(model, pixels, ids):
    """transformers in the precision of the model."""
    with torch.no_grad():
        out = model(pixel_values=pixels.to(model.dtype), input_ids=ids)
    return out.image_embeds, out.text_embeds


def embed_open_clip(config, weights, pixels, ids):
    model = open_clip.CLIP(**config).eval()
    model.load_state_dict(to_open_clip(weights), strict=True)
    with torch.no_grad():
        return unit(model.encode_image(pixels)), unit(model.encode_text(ids))


def difference(some, others):
    return max(float((a - b).abs().max()) for a, b in zip(some, others))


def make(folder, shape, layers, activation, rule):
    ours, theirs, end = configs(shape, layers, activation, rule)
    size = theirs.vision_config.image_size
    ids, lengths = texts(theirs.text_config.vocab_size, end, 0 if rule == "argmax" else end)
    pictures = np.stack([picture(number, size) for number in range(3)])
    pixels = torch.tensor((pictures / 255.0 - MEAN) / STD).permute(0, 3, 1, 2)
    long_ids = torch.tensor(ids, dtype=torch.long)

    model = transformers.CLIPModel._from_config(theirs, attn_implementation="eager").eval()
    weights = {name: torch.from_numpy(random_weights.tensor(name, tuple(value.shape), SEED))
               for name, value in model.state_dict().items()}
    model.load_state_dict(weights, strict=True)
    golden = embed(model, pixels, long_ids)
    against_open_clip = difference(golden, embed_open_clip(ours, weights, pixels.float(), long_ids))
    against_double = difference(golden, embed(model.double(), pixels, long_ids))
    print(f"{folder:14} open_clip {against_open_clip:.1e}  float64 {against_double:.1e}")
    assert against_open_clip < 3e-6 and against_double < 3e-6

    directory = pathlib.Path(__file__).parent / "towers" / folder
    directory.mkdir(parents=True, exist_ok=True)
    theirs.to_json_file(directory / "config.json")
    safetensors.numpy.save_file(
        {"seed": np.array(SEED, np.int64), "ids": ids, "lengths": lengths,
         "image_embeds": golden[0].numpy(), "text_embeds": golden[1].numpy()},
        directory / "embeddings.safetensors",
        metadata={"made_by": "tests/golden/towers.py", "date": str(datetime.date.today()),
                  "transformers": transformers.__version__, "torch": torch.__version__,
                  "open_clip": open_clip.__version__, "differs_from_open_clip": f"{against_open_clip:.1e}",
                  "differs_from_float64": f"{against_double:.1e}"})


def main():
    for family in FAMILIES:
        make(*family)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
