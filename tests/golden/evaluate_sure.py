#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How sure the scores of two made-up models are: calibration by torchmetrics, bootstrap by numpy and scikit-learn.

    venv/bin/pip install -r requirements.txt torchmetrics==1.9.0
    venv/bin/python tests/golden/evaluate_sure.py      # writes evaluate_sure.json beside this file

torchmetrics puts a confidence that is a bin's bound into the bin above it, and 1 into one of its own; Guo et al.'s own program
(temperature_scaling.py) into the bin below. The second model has confidences of 1, and the expected error is that of Guo's rule.
"""
import json
import pathlib
import warnings

import numpy
import torch
from sklearn.metrics import balanced_accuracy_score
from torchmetrics.functional.classification import multiclass_calibration_error

HERE = pathlib.Path(__file__).parent
PICTURES, LABELS, TOP, SAMPLES, SEED, BINS = 90, 7, 5, 200, 3, 15
MASK = 2**64 - 1


def random_at(seed, i):
    """The i-th number of splitmix64 (Steele, Lea, Flood 2014)."""
    z = (seed + (i + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def draws(count):
    for sample in range(SAMPLES):
        stream = random_at(SEED, sample)
        yield numpy.array([(random_at(stream, i) >> 32) * count >> 32 for i in range(count)])


def bootstrap(statistic, models, count):
    """(models, statistics) of [low, high, difference, its low and high, p], as sacreBLEU has them (p with >=)."""
    drawn = list(draws(count))
    values = numpy.array([[statistic(model, picked) for picked in drawn] for model in models])  # (models, samples, statistics)
    whole = numpy.array([statistic(model, numpy.arange(count)) for model in models])
    out = []
    for model in range(len(models)):
        rows = []
        for k in range(values.shape[2]):
            low, high = middle(values[model, :, k])
            difference = values[model, :, k] - values[0, :, k]
            d = whole[model, k] - whole[0, k]
            p = (1 + int((abs(difference) - abs(difference).mean() >= abs(d)).sum())) / (1 + SAMPLES)
            rows.append([low, high] + ([d, *middle(difference), p] if model else [0, 0, 0, 1]))
        out.append(rows)
    return out


def middle(values):
    values = numpy.sort(values)
    return float(values[SAMPLES // 40]), float(values[-1 - SAMPLES // 40])


def rates(model, picked):
    truth, order = model["truth"][picked], model["order"][picked]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that were not drawn
        recall = balanced_accuracy_score(truth, order[:, 0])
    return [float((order[:, 0] == truth).mean()), float((order[:, :TOP] == truth[:, None]).any(1).mean()), float(recall)]


def guo(confidences, right):
    bounds = torch.linspace(0, 1, BINS + 1)
    error = 0.0
    for low, high in zip(bounds[:-1], bounds[1:]):
        inside = confidences.gt(low) & confidences.le(high)
        if inside.any():
            error += float(abs(confidences[inside].double().mean() - right[inside].double().mean()) * inside.double().mean())
    return error


def class_model(random, truth, noise, scale):
    logits = torch.from_numpy(scale * (numpy.eye(LABELS)[truth] + noise * random.standard_normal((PICTURES, LABELS)))).float()
    probabilities = logits.softmax(1)
    best, order = probabilities.sort(dim=1, descending=True, stable=True)
    right = order[:, 0] == torch.from_numpy(truth)
    error = guo(best[:, 0], right)
    theirs = float(multiclass_calibration_error(probabilities.double(), torch.from_numpy(truth), LABELS, n_bins=BINS, norm="l1"))
    ones = int((best[:, 0] == 1).sum())
    assert ones or abs(error - theirs) < 1e-7  # which is in float32
    print(f"{ones} confidences of 1: torchmetrics {theirs:.6f}, Guo {error:.6f}")
    return {"truth": truth, "order": order.numpy(), "best": best, "error": error, "ones": ones}


def retrieval_model(random, image_of, spread):
    return {"image_ahead": random.geometric(1 / spread, image_of.max() + 1) - 1, "caption_ahead": random.geometric(1 / spread, len(image_of)) - 1,
            "image_of": image_of}


def recalls(model, picked):
    """Every drawn picture brings its captions."""
    captions = numpy.concatenate([numpy.flatnonzero(model["image_of"] == image) for image in picked])
    return [float((model["image_ahead"][picked] < k).mean()) for k in (1, 5, 10)] + [float((model["caption_ahead"][captions] < k).mean()) for k in (1, 5, 10)]


def main():
    random = numpy.random.default_rng(5)
    truth = random.choice(LABELS - 1, PICTURES)  # none of the last label
    classes = [class_model(random, truth, 0.6, 4), class_model(random, truth, 0.5, 40)]
    assert [model["ones"] > 0 for model in classes] == [False, True]
    image_of = random.permutation(numpy.repeat(numpy.arange(40), random.integers(1, 6, 40)))
    pairs = [retrieval_model(random, image_of, 8), retrieval_model(random, image_of, 3)]
    golden = {
        "made_by": "tests/golden/evaluate_sure.py", "samples": SAMPLES, "seed": SEED, "labels": LABELS, "truth": truth.tolist(),
        "models": [{"order": m["order"][:, :TOP].tolist(), "probability": m["best"][:, :TOP].tolist(), "calibration_error": m["error"]} for m in classes],
        "classification": bootstrap(rates, classes, PICTURES),
        "image_of": image_of.tolist(),
        "retrievers": [{key: m[key].tolist() for key in ("image_ahead", "caption_ahead")} for m in pairs],
        "retrieval": bootstrap(recalls, pairs, 40),
    }
    (HERE / "evaluate_sure.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
