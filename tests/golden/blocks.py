# SPDX-License-Identifier: Apache-2.0
"""Golden states of small transformers whose blocks are not CLIP's, from timm, checked against float64.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python blocks.py

writes blocks.safetensors, with NAME.in and NAME.out (B, T, W) for each of the kinds that tests/compute/test_transformer.c
has the config of. The weights are made up under Hugging Face's names, as random_weights.py says.
"""
import datetime
import functools
import pathlib

import safetensors.numpy
import timm
import torch
from timm.layers import LayerNorm, RotaryEmbeddingCat
from timm.models.eva import EvaBlock, EvaBlockPostNorm

import random_weights

SEED = 41
LAYERS, BATCH, GRID = 2, 3, 3


def eva02():
    """Rotary positions, of a grid stretched to 16, a gate, and inner norms; keys have a bias here, which is 0 in EVA."""
    rope = RotaryEmbeddingCat(32, in_pixels=False, feat_shape=(GRID, GRID), ref_feat_shape=(16, 16))
    block = EvaBlock(64, 2, qkv_fused=False, mlp_ratio=90 / 64 + 1e-3, swiglu_mlp=True, scale_mlp=True,
                     scale_attn_inner=True, num_prefix_tokens=1)
    block.attn.k_proj = torch.nn.Linear(64, 64)
    return block, rope, 64, 1 + GRID * GRID


def pe():
    """Rotary positions whose first half is x, from 1 on, without a class token."""
    rope = RotaryEmbeddingCat(48, in_pixels=False, feat_shape=(GRID, GRID), ref_feat_shape=(GRID, GRID),
                              grid_offset=1.0, grid_indexing="xy")
    block = EvaBlock(96, 2, mlp_ratio=208 / 96 + 1e-3, num_prefix_tokens=0, attn_type="rope",
                     norm_layer=functools.partial(LayerNorm, eps=1e-5))
    return block, rope, 96, GRID * GRID


def post_norm():
    """Norms of the branches."""
    return EvaBlockPostNorm(64, 4, mlp_ratio=160 / 64 + 1e-3, norm_layer=LayerNorm), None, 64, 10


NAMES = {"norm1": "layer_norm1", "norm2": "layer_norm2", "attn.norm": "self_attn.inner_norm",
         "attn.proj": "self_attn.out_proj", "mlp.norm": "mlp.inner_norm", "mlp.fc1_g": "mlp.gate", "mlp.fc1_x": "mlp.fc1",
         "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2", "attn.q_proj": "self_attn.q_proj", "attn.k_proj": "self_attn.k_proj",
         "attn.v_proj": "self_attn.v_proj"}


def fill(block, layer):
    """Gives the block the weights of that layer."""
    def made_up(name, shape):
        return torch.from_numpy(
            random_weights.tensor(f"vision_model.encoder.layers.{layer}.{name}", tuple(shape), SEED))

    def of_qkv(part, shape):
        return torch.cat([made_up(f"self_attn.{x}_proj.{part}", (shape[0] // 3, *shape[1:])) for x in "qkv"])

    values = {}
    for name, value in block.state_dict().items():
        module, part = name.rsplit(".", 1)
        if module == "attn.qkv":
            values[name] = of_qkv(part, value.shape)
        elif part in ("q_bias", "v_bias"):
            values[name] = made_up(f"self_attn.{part[0]}_proj.bias", value.shape)
        else:
            values[name] = made_up(f"{NAMES[module]}.{part}", value.shape)
    block.load_state_dict(values, strict=True)
    if getattr(block.attn, "k_bias", None) is not None:
        block.attn.k_bias.copy_(made_up("self_attn.k_proj.bias", block.attn.k_bias.shape))
    return block.eval()


def run(make, x):
    with torch.no_grad():
        for layer in range(LAYERS):
            block, rope, _, _ = make()
            block = fill(block, layer).to(x.dtype)
            x = block(x, rope=rope.get_embed().to(x.dtype) if rope else None)
    return x


def main():
    out = {}
    for make in (eva02, pe, post_norm):
        _, _, width, tokens = make()
        states = random_weights.normal(random_weights.name_key(make.__name__), 0, BATCH * tokens * width)
        x = torch.from_numpy(states.reshape(BATCH, tokens, width))
        y = run(make, x)
        against_double = float((y - run(make, x.double())).abs().max() / y.abs().max())
        print(f"{make.__name__:10} float64 {against_double:.1e}")
        assert against_double < 3e-6
        out[f"{make.__name__}.in"], out[f"{make.__name__}.out"] = x.numpy(), y.numpy()
    safetensors.numpy.save_file(
        out, pathlib.Path(__file__).parent / "blocks.safetensors",
        metadata={"made_by": "tests/golden/blocks.py", "date": str(datetime.date.today()), "timm": timm.__version__,
                  "torch": torch.__version__})


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
