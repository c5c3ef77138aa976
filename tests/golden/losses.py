# SPDX-License-Identifier: Apache-2.0
"""Golden contrastive losses with smoothed and shared targets, and pairs that are left out, from PyTorch's cross_entropy and autograd in float64.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python losses.py

writes losses.safetensors: of length 1 images and texts (B, E) float32, fits and partial (B, B) uint8, of which 2 is
left out, groups (B) int64, and for each of CASES

    NAME.loss, NAME.dscale, NAME.dbias    float64
    NAME.dimages, NAME.dtexts             (B, E) float32
"""
import pathlib

import numpy as np
import safetensors.numpy
import torch
from torch.nn.functional import cross_entropy, logsigmoid, normalize

BATCH, WIDTH, SCALE, BIAS = 11, 24, 14.0, -3.0

# Name: loss, smoothing, targets.
CASES = {"smooth": ("softmax", 0.1, "own"), "shared": ("softmax", 0.0, "groups"), "both": ("softmax", 0.2, "fits"),
         "sigmoid": ("sigmoid", 0.0, "fits"), "partial": ("softmax", 0.0, "partial"), "sparse": ("softmax", 0.3, "partial"),
         "few": ("sigmoid", 0.0, "partial")}


def partial_cross_entropy(rows, right, compared, smoothing):
    """As if what is not compared were not there: row by row, since each has other keys."""
    return torch.stack([cross_entropy(row[there][None], (target[there] / target.sum())[None], label_smoothing=smoothing)
                        for row, target, there in zip(rows, right, compared)]).mean()


def loss_of(images, texts, scale, bias, kind, smoothing, fits):
    logits = scale * images @ texts.T
    if (fits == 2).any():
        compared, right = fits != 2, (fits == 1).double()
        if kind == "sigmoid":
            return -(logsigmoid((2 * right - 1) * (logits + bias)) * compared).sum() / len(images)
        return (partial_cross_entropy(logits, right, compared, smoothing) +
                partial_cross_entropy(logits.T, right.T, compared.T, smoothing)) / 2
    if kind == "sigmoid":  # SigLipLoss in open_clip's loss.py
        return -logsigmoid((2 * fits - 1) * (logits + bias)).sum() / len(images)
    return sum(cross_entropy(rows, right / right.sum(1, keepdim=True), label_smoothing=smoothing)
               for rows, right in ((logits, fits), (logits.T, fits.T))) / 2


def main():
    torch.manual_seed(3)
    images, texts = (normalize(torch.randn(BATCH, WIDTH), dim=-1) for _ in range(2))
    texts = normalize(texts + images, dim=-1)
    groups = torch.tensor([0, 1, 2, 0, 3, 4, 2, 5, 0, 6, 7])
    fits = (torch.rand(BATCH, BATCH) < 0.2) | torch.eye(BATCH, dtype=torch.bool)
    targets = {"own": torch.eye(BATCH), "groups": groups[:, None] == groups[None], "fits": fits}
    left_out = (torch.rand(BATCH, BATCH) < 0.3) & ~fits
    targets["partial"] = fits + 2 * left_out
    out = {"images": images.numpy(), "texts": texts.numpy(), "fits": fits.numpy().astype(np.uint8),
           "partial": targets["partial"].numpy().astype(np.uint8), "groups": groups.numpy()}
    for name, (kind, smoothing, which) in CASES.items():
        values = [x.double().requires_grad_() for x in (images, texts, torch.tensor(SCALE), torch.tensor(BIAS))]
        loss = loss_of(*values, kind, smoothing, targets[which].double())
        loss.backward()
        out[f"{name}.loss"] = loss.detach().numpy()
        for key, value in zip(("dimages", "dtexts", "dscale", "dbias"), values):
            gradient = value.grad if value.grad is not None else torch.zeros_like(value)
            out[f"{name}.{key}"] = gradient.numpy().astype(np.float32 if gradient.ndim else np.float64)
    safetensors.numpy.save_file(out, pathlib.Path(__file__).parent / "losses.safetensors",
                                metadata={"made_by": "tests/golden/losses.py", "torch": torch.__version__})


if __name__ == "__main__":
    main()
