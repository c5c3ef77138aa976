# SPDX-License-Identifier: Apache-2.0
"""Golden embeddings of SigLIP's towers, from transformers and from open_clip with timm's vision tower.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python siglip.py

writes what towers.py writes, into towers/siglip*: transformers' in a small model and in the widths of SO400M, and
open_clip's, whose activations are those of timm's names. The weights of both are made up under Hugging Face's names;
to_open_clip() says how open_clip stores them. siglip_open_clip.safetensors is a very small model so stored.
"""
import datetime
import json
import pathlib

import numpy as np
import open_clip
import safetensors.numpy
import timm
import torch
import transformers

import random_weights
from towers import SEED, SMALL_VOCAB, difference, picture, unit

CONTEXT = 64
LAYERS = 2

# Folder, transformers' sizes: vision width, heads, MLP width, pixels, patch; text the same; width of the text's head.
HF = [
    ("siglip-so400m-14", (1152, 16, 4304, 118, 14), None, 1152),  # 118 pixels are 8 patches of 14 and a rest, as 384
    ("siglip-small", (128, 4, 208, 48, 8), (64, 8, 96), 128),
]
# Folder and open_clip's name, cut to two layers: erf and tanh, with a text head and without, as SO400M i18n has none.
OPEN_CLIP = [
    ("siglip-b-16-open_clip", "ViT-B-16-SigLIP", "linear"),
    ("siglip2-b-32-open_clip", "ViT-B-32-SigLIP2-256", "none"),
]


def texts(vocab):
    """Four texts: the end of text alone, short, long and full; the pad and the end are the same id. The padding is part
    of a text, so all are as long."""
    ids = np.ones((4, CONTEXT), np.int32)
    for row, length in enumerate((1, 7, 23, CONTEXT)):
        ids[row, :length - 1] = 2 + (np.arange(length - 1) * 7919 + row * 104729) % (vocab - 2)
    return ids, np.full(4, CONTEXT, np.int32)


def made_up(names_and_shapes):
    return {name: torch.from_numpy(random_weights.tensor(name, tuple(shape), SEED))
            for name, shape in names_and_shapes.items()}


def to_open_clip(weights, projected):
    """transformers' tensors under open_clip's names and in its shapes."""
    out = {name: weights[name].reshape(()) for name in ("logit_scale", "logit_bias")}
    out["visual.trunk.pos_embed"] = weights["vision_model.embeddings.position_embedding.weight"][None]
    out["visual.trunk.attn_pool.latent"] = weights["vision_model.head.probe"]
    out["text.positional_embedding"] = weights["text_model.embeddings.position_embedding.weight"]
    out["text.token_embedding.weight"] = weights["text_model.embeddings.token_embedding.weight"]
    for part in ("weight", "bias"):
        head, pool = "vision_model.head.", "visual.trunk.attn_pool."
        out[f"visual.trunk.patch_embed.proj.{part}"] = weights[f"vision_model.embeddings.patch_embedding.{part}"]
        out[f"visual.trunk.norm.{part}"] = weights[f"vision_model.post_layernorm.{part}"]
        q, kv = weights[f"{head}attention.in_proj_{part}"].tensor_split([out["visual.trunk.pos_embed"].shape[-1]])
        out[f"{pool}q.{part}"], out[f"{pool}kv.{part}"] = q, kv
        for ours, theirs in (("proj", "attention.out_proj"), ("norm", "layernorm"), ("mlp.fc1", "mlp.fc1"),
                             ("mlp.fc2", "mlp.fc2")):
            out[f"{pool}{ours}.{part}"] = weights[f"{head}{theirs}.{part}"]
        out[f"text.ln_final.{part}"] = weights[f"text_model.final_layer_norm.{part}"]
        if projected:
            out[f"text.text_projection.{part}"] = weights[f"text_model.head.{part}"]
        for tower, prefix, names in (
                ("vision_model", "visual.trunk.blocks", ("norm1", "norm2", "attn.qkv.", "attn.proj", "mlp.fc1", "mlp.fc2")),
                ("text_model", "text.transformer.resblocks",
                 ("ln_1", "ln_2", "attn.in_proj_", "attn.out_proj", "mlp.c_fc", "mlp.c_proj"))):
            for layer in range(LAYERS):
                old, new = f"{tower}.encoder.layers.{layer}", f"{prefix}.{layer}"
                out[f"{new}.{names[2]}{part}"] = torch.cat([weights[f"{old}.self_attn.{x}_proj.{part}"] for x in "qkv"])
                for a, b in zip(("layer_norm1", "layer_norm2", "self_attn.out_proj", "mlp.fc1", "mlp.fc2"),
                                (names[0], names[1], *names[3:])):
                    out[f"{new}.{b}.{part}"] = weights[f"{old}.{a}.{part}"]
    return out


def inputs(size, vocab):
    ids, lengths = texts(vocab)
    pictures = np.stack([picture(number, size) for number in range(3)])
    pixels = torch.tensor((pictures / 255.0 - 0.5) / 0.5).permute(0, 3, 1, 2)
    return ids, lengths, pixels, torch.tensor(ids, dtype=torch.long)


def save(folder, config, name, ids, lengths, golden, against_double):
    print(f"{folder:32} float64 {against_double:.1e}")
    assert against_double < 3e-6
    directory = pathlib.Path(__file__).parent / "towers" / folder
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(config)
    safetensors.numpy.save_file(
        {"seed": np.array(SEED, np.int64), "ids": ids, "lengths": lengths,
         "image_embeds": golden[0].float().numpy(), "text_embeds": golden[1].float().numpy()},
        directory / "embeddings.safetensors",
        metadata={"made_by": "tests/golden/siglip.py", "date": str(datetime.date.today()),
                  "transformers": transformers.__version__, "torch": torch.__version__, "timm": timm.__version__,
                  "open_clip": open_clip.__version__, "differs_from_float64": f"{against_double:.1e}"})


def hf_config(vision, text, projection):
    def tower(width, heads, mlp, **more):
        return dict(hidden_size=width, num_attention_heads=heads, intermediate_size=mlp, num_hidden_layers=LAYERS, **more)

    return transformers.SiglipConfig(
        vision_config=tower(*vision[:3], image_size=vision[3], patch_size=vision[4]),
        text_config=tower(*(text or vision[:3]), vocab_size=SMALL_VOCAB, projection_size=projection))


def hf_weights(config):
    with torch.device("meta"):
        model = transformers.SiglipModel(config)
    # transformers keeps the two scalars with one axis.
    return made_up({name: () if name.startswith("logit_") else value.shape for name, value in model.state_dict().items()})


def make_hf(folder, vision, text, projection):
    config = hf_config(vision, text, projection)
    ids, lengths, pixels, long_ids = inputs(vision[3], SMALL_VOCAB)
    model = transformers.SiglipModel._from_config(config, attn_implementation="eager").eval()
    model.load_state_dict({name: value.reshape(model.state_dict()[name].shape)
                           for name, value in hf_weights(config).items()}, strict=True)

    def embed():
        with torch.no_grad():  # without an attention mask, as SigLIP was trained
            out = model(pixel_values=pixels.to(model.dtype), input_ids=long_ids)
        return out.image_embeds, out.text_embeds

    golden = embed()
    model.double()
    save(folder, config.to_json_string(), "config.json", ids, lengths, golden, difference(golden, embed()))


def make_open_clip(folder, name, projection):
    config = open_clip.get_model_config(name)
    vision, text = config["vision_cfg"], config["text_cfg"]
    text.update(layers=LAYERS, vocab_size=SMALL_VOCAB, proj_type=projection)
    whole = timm.create_model(vision["timm_model_name"])
    width, size = whole.embed_dim, whole.patch_embed.img_size[0]
    block = whole.blocks[0]
    shape = (width, block.attn.num_heads, block.mlp.fc1.out_features, size, whole.patch_embed.patch_size[0])
    theirs = hf_config(shape, (text["width"], text["heads"], int(text["width"] * text.get("mlp_ratio", 4.0))), width)
    weights = hf_weights(theirs)

    # open_clip has no way to build fewer layers of timm's towers.
    model = open_clip.CustomTextCLIP(**{k: v for k, v in config.items() if k != "custom_text"}).eval()
    model.visual.trunk.blocks = model.visual.trunk.blocks[:LAYERS]
    model.load_state_dict(to_open_clip(weights, projection == "linear"), strict=True)
    ids, lengths, pixels, long_ids = inputs(size, SMALL_VOCAB)

    def embed(dtype):
        with torch.no_grad():
            return unit(model.encode_image(pixels.to(dtype))), unit(model.encode_text(long_ids))

    golden = embed(torch.float32)
    model.double()
    save(folder, json.dumps({"model_cfg": config}, indent=2) + "\n", "open_clip_config.json", ids, lengths, golden,
         difference(golden, embed(torch.float64)))


def make_layout():
    """Weights of a very small model, in the names and shapes of open_clip's and timm's own modules."""
    sizes, vocab, context = (32, 2, 48, 32, 8), 40, 8
    config = hf_config(sizes, None, 32)
    config.text_config.vocab_size, config.text_config.max_position_embeddings = vocab, context
    weights = to_open_clip(hf_weights(config), True)
    trunk = timm.models.vision_transformer.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=32, depth=LAYERS, num_heads=2, mlp_ratio=1.5, class_token=False,
        global_pool="map", num_classes=0)
    text = open_clip.transformer.TextTransformer(
        context_length=context, vocab_size=vocab, width=32, heads=2, layers=LAYERS, mlp_ratio=1.5, output_dim=32,
        no_causal_mask=True, pool_type="last", proj_bias=True)
    for prefix, module in (("visual.trunk.", trunk), ("text.", text)):
        module.load_state_dict({name.removeprefix(prefix): value for name, value in weights.items()
                                if name.startswith(prefix)}, strict=True)
    safetensors.numpy.save_file({name: value.numpy().copy() for name, value in weights.items()},
                                pathlib.Path(__file__).parent / "siglip_open_clip.safetensors")


def main():
    make_layout()
    for family in HF:
        make_hf(*family)
    for family in OPEN_CLIP:
        make_open_clip(*family)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
