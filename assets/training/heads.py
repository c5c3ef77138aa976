# SPDX-License-Identifier: Apache-2.0
"""Training wheels: linear read-outs of what the scene holds, from the pooled embedding and from single patches."""

import torch
import torch.nn.functional as F
from torch import nn

from data import COLUMNS, FINE
from losses import without_unseen
from model import GRID


def middles(cells):
    """(B, FINE * GRID, FINE * GRID) -> (B, patches): the number of the object that covers each patch's middle."""
    return cells[:, FINE // 2 :: FINE, FINE // 2 :: FINE].flatten(1).long()


class Heads(nn.Module):
    def __init__(self, width, table):
        super().__init__()
        sizes = {"shape": len(table["shapes"]), "colour": len(table["colours"]), "fill": 4, "size": 3, "count": 5, "relation": 3,
                 "second shape": len(table["shapes"]), "second colour": len(table["colours"])}
        self.pooled = nn.ModuleDict({name.replace(" ", "_"): nn.Linear(width, n) for name, n in sizes.items()})
        self.silhouette, self.place = nn.Linear(width, FINE * FINE), nn.Linear(width, 3)
        self.patch = nn.ModuleDict({name: nn.Linear(width, sizes[name] + 1) for name in ("shape", "colour")})

    def pooled_loss(self, pooled, labels, unseen):
        losses = []
        for name, head in self.pooled.items():
            name = name.replace("_", " ")
            logits, target = without_unseen(head(pooled).float(), name, labels, unseen), labels[:, COLUMNS.index(name)]
            known = (target >= 0).sum().clamp(min=1)    # a batch may hold no relation at all
            losses.append(F.cross_entropy(logits, target, ignore_index=-1, reduction="sum") / known)
        return sum(losses) / len(losses)

    def patch_loss(self, patches, labels, cells, unseen):
        """What covers the middle of a patch. In scenes without relation all objects are alike."""
        cells, second = middles(cells), labels[:, COLUMNS.index("pair"), None] == 1

        def drawn(name):
            first, other = labels[:, COLUMNS.index(name), None], labels[:, COLUMNS.index("second " + name), None]
            return torch.where(cells == 0, -1, torch.where((cells == 2) & second, other, first)).flatten()

        losses, shape, colour = [], drawn("shape"), drawn("colour")
        for name, target, excluded in (("shape", shape, unseen.T[colour]), ("colour", colour, unseen[shape])):
            head = self.patch[name]
            weight = torch.ones(head.out_features)
            weight[0] = 0.05    # most patches are backdrop, and easy
            excluded = F.pad(excluded & (target >= 0)[:, None], (1, 0))
            logits = head(patches).float().flatten(0, 1).masked_fill(excluded, -1e4)
            losses.append(F.cross_entropy(logits, target + 1, weight))
        return sum(losses) / len(losses)

    def halfway_loss(self, patches, cells, places):
        """What a middle layer should know before shapes can be told: which parts of a patch an object covers, and where on that
        object the patch lies."""
        parts = cells.unflatten(2, (GRID, FINE)).unflatten(1, (GRID, FINE)).transpose(2, 3).reshape(len(cells), GRID * GRID, -1)
        silhouette = F.binary_cross_entropy_with_logits(self.silhouette(patches).float(), (parts > 0).float())

        covered = middles(cells)
        line = (torch.arange(GRID) + 0.5) / GRID - 0.5
        spot = torch.stack([line.repeat(GRID), line.repeat_interleave(GRID)], 1)                       # (patches, 2): x, y
        thing = places.gather(1, (covered - 1).clamp(min=0)[..., None].expand(-1, -1, 3))             # (B, patches, 3)
        target = torch.cat([(spot - thing[..., :2]) / thing[..., 2:], 5 * thing[..., 2:]], -1)
        return 3 * silhouette + F.smooth_l1_loss(self.place(patches).float()[covered > 0], target[covered > 0])
