# SPDX-License-Identifier: Apache-2.0
"""The losses that stay within CLIP: pictures against captions, and pictures against class prompts."""

import torch
import torch.nn.functional as F

from data import COLUMNS


def unseen_pairs(table):
    """(shapes, colours): the held-out pairs."""
    unseen = torch.zeros(len(table["shapes"]), len(table["colours"]), dtype=torch.bool)
    for pair in table["held out"]:
        colour, shape = pair.split()
        unseen[table["shapes"].index(shape), table["colours"].index(colour)] = True
    return unseen


def without_unseen(logits, name, labels, unseen):
    """Takes the classes out of the running that would make a held-out pair with what else is known of the picture. Were they
    to stand as wrong answers, the model would learn that a pink thing is never a heart, from never having seen one."""
    prefix, _, kind = name.rpartition(" ")
    if kind not in ("shape", "colour"):
        return logits
    other = labels[:, COLUMNS.index(f"{prefix} {'colour' if kind == 'shape' else 'shape'}".strip())]
    excluded = unseen.T[other] if kind == "shape" else unseen[other]
    return logits.masked_fill(excluded & (other >= 0)[:, None], -1e4)


def true_of(labels, owners, asserted):
    """(B, C): is caption c, which states the `asserted` columns of its owner's labels, true of picture b?"""
    agree = labels[:, None, :] == owners[None, :, :]
    return (agree | ~asserted[None]).all(-1)


def unfair(labels, owners, asserted, unseen):
    """(B, C): would caption c's shape with picture b's colour, or the other way round, make a held-out pair?"""
    shape, colour = COLUMNS.index("shape"), COLUMNS.index("colour")
    return (unseen[owners[:, shape]][:, labels[:, colour]].T & asserted[:, shape] |
            unseen[labels[:, shape]][:, owners[:, colour]] & asserted[:, colour])


def contrastive_loss(logits, match, ignored):
    """Softmax both ways over (pictures, captions); all true pairs of a row or column share the target."""
    logits, match = logits.masked_fill(ignored & ~match, -1e4), match.float()
    by_picture = -(F.log_softmax(logits, 1) * match).sum(1) / match.sum(1)
    by_caption = -(F.log_softmax(logits, 0) * match).sum(0) / match.sum(0)
    return 0.5 * (by_picture.mean() + by_caption.mean())


def prompt_loss(logits, labels, columns, unseen):
    """Zero-shot classification of the pictures without relation; every column's classes compete among themselves."""
    plain, losses = labels[:, COLUMNS.index("pair")] == 0, []
    for name, part in zip(columns, logits[plain].split([len(texts) for texts in columns.values()], dim=1)):
        losses.append(F.cross_entropy(without_unseen(part, name, labels[plain], unseen), labels[plain, COLUMNS.index(name)]))
    return torch.stack(losses)
