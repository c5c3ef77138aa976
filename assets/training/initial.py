# SPDX-License-Identifier: Apache-2.0
"""Initial weights for the vision tower that let a small transformer see shapes early.

From the library's usual random weights the model learns colours at once and then stares at the shapes for an hour: the mean
colour of a patch drowns its contours, positions are nearly equal, and attention is nearly uniform. So the patch embedding
starts as whitened principal components, the positions as two-dimensional sines, and queries equal keys, which makes a patch
attend to patches that look alike or lie close by (Beyer et al. 2022; Trockman and Kolter 2023).
"""

import math

import torch

from model import GRID, PATCH


def principal_components(pictures, n):
    """(n, 3, PATCH, PATCH) filters whose responses on patches of these (B, 3, H, W) pictures vary by 1 and independently."""
    patches = torch.nn.functional.unfold(pictures, PATCH, stride=PATCH // 2).transpose(1, 2).flatten(0, 1)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))
    values, vectors = values[-n:], vectors[:, -n:]
    return (vectors / (values + 1e-3 * values[-1]).sqrt()).T.reshape(n, 3, PATCH, PATCH)


def plane_waves(width):
    """(GRID * GRID, width): sines and cosines of the row and of the column, from one period a picture down."""
    frequency = 2 * math.pi / GRID * 2 ** torch.linspace(-1, 2, width // 4)
    angle = torch.arange(GRID)[:, None] * frequency
    wave = torch.cat([angle.sin(), angle.cos()], 1)
    rows, columns = wave[:, None].expand(-1, GRID, -1), wave[None].expand(GRID, -1, -1)
    return torch.cat([rows, columns], -1).reshape(GRID * GRID, width)


@torch.no_grad()
def start_well(model, pictures):
    vision = model.vision_model
    width, layers = vision.config.hidden_size, vision.config.num_hidden_layers
    mixing = torch.linalg.qr(torch.randn(width, width)).Q     # spreads the components over all channels
    filters = principal_components(pictures, width)
    vision.embeddings.patch_embedding.weight.copy_((mixing @ filters.flatten(1)).view_as(filters))
    vision.embeddings.position_embedding.weight[1:] = 0.7 * plane_waves(width)
    for tower in (vision, model.text_model):
        for layer in tower.encoder.layers:
            attention, spread = layer.self_attn, tower.config.hidden_size**-0.5
            attention.v_proj.weight.normal_(std=spread)
            attention.q_proj.weight.normal_(std=0.7 * spread)   # a token pays itself about half of its attention
            attention.k_proj.weight.copy_(attention.q_proj.weight)
            attention.out_proj.weight.normal_(std=spread * (2 * layers) ** -0.5)
