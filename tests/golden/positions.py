# SPDX-License-Identifier: Apache-2.0
"""Makes positions.safetensors: tables of positions and what open_clip's resize functions make of them.

    python3 tests/golden/positions.py     open_clip_torch 3.3, torch 2.15
"""
import os
import types

import open_clip.model
import safetensors.torch
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH = 3


def resized_grid(table, side):
    state = {"visual.positional_embedding": table}
    open_clip.model.resize_pos_embed(state, types.SimpleNamespace(visual=types.SimpleNamespace(grid_size=(side, side))))
    return state["visual.positional_embedding"].contiguous()


def resized_line(table, count):
    state = {"positional_embedding": table}
    open_clip.model.resize_text_pos_embed(state, types.SimpleNamespace(positional_embedding=torch.zeros(count, WIDTH)))
    return state["positional_embedding"].contiguous()


def main():
    generator = torch.Generator().manual_seed(11)
    grid = torch.randn(1 + 7 * 7, WIDTH, generator=generator)
    line = torch.randn(9, WIDTH, generator=generator)
    tensors = {"grid": grid, "line": line}
    for side in (1, 3, 5, 6, 8, 14, 16):
        tensors[f"grid {side}"] = resized_grid(grid, side)
    for count in (2, 5, 8, 10, 18, 31):
        tensors[f"line {count}"] = resized_line(line, count)
    safetensors.torch.save_file(tensors, os.path.join(HERE, "positions.safetensors"))


if __name__ == "__main__":
    main()
