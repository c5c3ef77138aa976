#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden linear probes of made-up embeddings, from scikit-learn.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python probe.py

writes probe.json beside this file: embeddings in 1/1024, labels, and for each case the objective of LogisticRegression's
coefficients, computed here from its definition, how many steps it took, and what it says of examples held out. Several labels
an example are OneVsRestClassifier's. Temperatures are SciPy's minima of the held-out examples' loss; the sweep is the search of
CLIP's appendix A.3 over LogisticRegression. Tip-Adapter is its paper's formula in NumPy.
"""
import importlib.metadata
import json
import pathlib
import warnings

import numpy
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.class_weight import compute_class_weight

HERE = pathlib.Path(__file__).parent
CLASSES, WIDTH, TRAIN, HELD_OUT, STEP = 5, 13, 120, 60, 1024
SCALE = 3.0
WEIGHTS = [1.0, 2.0, 0.5, 1.5, 3.0]


def make(random):
    centres = random.standard_normal((CLASSES, WIDTH))
    labels = random.choice(CLASSES, TRAIN + HELD_OUT, p=[0.4, 0.25, 0.15, 0.12, 0.08])
    rows = centres[labels] * 0.6 + random.standard_normal((len(labels), WIDTH))
    rows /= numpy.linalg.norm(rows, axis=1, keepdims=True)
    several = (rows @ centres.T > 0.6).astype(int)
    return numpy.round(rows * STEP) / STEP, labels, several


def loss_of(logits, labels):
    """Of one label an example, of each example; two classes have one logit."""
    if logits.ndim == 1:
        return numpy.logaddexp(0, logits) - labels * logits
    return logsumexp(logits, axis=1) - logits[numpy.arange(len(labels)), labels]


def objective(model, rows, labels, c, weights):
    total = weights.sum()
    logits = model.decision_function(rows)
    penalty = (model.coef_ ** 2).sum() / (2 * c * total)
    return float((weights * loss_of(logits, labels)).sum() / total + penalty)


def example_weights(labels, class_weight):
    if class_weight is None:
        return numpy.ones(len(labels))
    if class_weight == "balanced":
        class_weight = dict(enumerate(compute_class_weight("balanced", classes=numpy.unique(labels), y=labels)))
    return numpy.array([class_weight[label] for label in labels])


def temperature(logits, loss):
    return float(numpy.exp(minimize_scalar(lambda t: loss(logits / numpy.exp(t)).mean(), bounds=(-7, 7), method="bounded",
                                           options={"xatol": 1e-9}).x))


def fit(rows, labels, held_out, held_labels, c, tolerance, class_weight):
    model = LogisticRegression(C=c, tol=tolerance, max_iter=1000, class_weight=class_weight).fit(rows, labels)
    logits = model.decision_function(held_out)
    return {
        "objective": objective(model, rows, labels, c, example_weights(labels, class_weight)),
        "iterations": int(model.n_iter_.max()),
        "predictions": model.predict(held_out).tolist(),
        "accuracy": float(model.score(held_out, held_labels)),
        "temperature": temperature(logits, lambda logits: loss_of(logits, held_labels)),
    }


def fit_several(rows, labels, held_out, held_labels, c, tolerance, class_weight):
    model = OneVsRestClassifier(LogisticRegression(C=c, tol=tolerance, max_iter=1000, class_weight=class_weight)).fit(rows, labels)
    parts = [objective(one, rows, labels[:, k], c, example_weights(labels[:, k], class_weight))
             for k, one in enumerate(model.estimators_)]
    logits = model.decision_function(held_out)
    return {
        "objective": float(numpy.mean(parts)),
        "iterations": int(max(one.n_iter_.max() for one in model.estimators_)),
        "predictions": model.predict(held_out).tolist(),
        "temperature": temperature(logits, lambda logits: numpy.logaddexp(0, logits) - held_labels * logits),
    }


def sweep(rows, labels, held_out, held_labels):
    """Places are eighths of a decade: C = 10^(place / 8)."""
    tried = {}

    def look(place):
        c = float(10 ** (place / 8))
        model = LogisticRegression(C=c, tol=1e-10, max_iter=100000).fit(rows, labels)
        loss = loss_of(model.decision_function(held_out), held_labels).mean()
        tried[place] = (float(model.score(held_out, held_labels)), -float(loss))

    for place in range(-48, 49, 16):
        look(place)
    for step in (8, 4, 2, 1):
        middle = max(tried, key=tried.get)
        for place in (middle - step, middle + step):
            if abs(place) <= 48:
                look(place)
    best = max(tried, key=tried.get)
    return {"places": list(tried), "scores": [score for score, _ in tried.values()], "best": best}


def tip_adapter(rows, labels, held_out, held_labels, zero_shot):
    """As the paper has it, equations 4 to 7, and the authors' search: the first of equals, beta outside."""
    values = numpy.eye(CLASSES)[labels]
    plain, likeness = SCALE * held_out @ zero_shot.T, held_out @ rows.T

    def logits(alpha, beta):
        return plain + alpha * numpy.exp(-beta * (1 - likeness)) @ values

    best, chosen = -1, None
    for beta in [i * (7 - 0.1) / 200 + 0.1 for i in range(200)]:
        for alpha in [i * (3 - 0.1) / 20 + 0.1 for i in range(20)]:
            score = (logits(alpha, beta).argmax(axis=1) == held_labels).mean()
            if score > best:
                best, chosen = score, (alpha, beta)
    return {"scale": SCALE, "zero_shot": (zero_shot * STEP).astype(int).tolist(), "alpha": 1.3, "beta": 4.2,
            "logits": logits(1.3, 4.2).tolist(), "best_alpha": chosen[0], "best_beta": chosen[1], "best_score": float(best)}


def main():
    warnings.simplefilter("error")
    rows, labels, several = make(numpy.random.default_rng(17))
    parts = slice(None, TRAIN), slice(TRAIN, None)
    one = [part for chosen in parts for part in (rows[chosen], labels[chosen])]
    two = [part for chosen in parts for part in (rows[chosen], (labels[chosen] > 0).astype(int))]
    many = [part for chosen in parts for part in (rows[chosen], several[chosen])]
    cases = []
    for kind, data, run in (("one", one, fit), ("two", two, fit), ("several", many, fit_several)):
        for c, tolerance in ((1.0, 1e-4), (0.01, 1e-4), (100.0, 1e-8)):
            for weight in (None, "balanced"):
                cases.append({"kind": kind, "c": c, "tolerance": tolerance, "weights": weight} | run(*data, c, tolerance, weight))
    cases.append({"kind": "one", "c": 3.0, "tolerance": 1e-6, "weights": WEIGHTS}
                 | fit(*one, 3.0, 1e-6, dict(enumerate(WEIGHTS))))
    zero_shot = numpy.round(numpy.random.default_rng(4).standard_normal((CLASSES, WIDTH)) * STEP / 4) / STEP
    packages = {name: importlib.metadata.version(name) for name in ("scikit-learn", "scipy", "numpy")}
    document = {"made_by": "tests/golden/probe.py", "packages": packages, "classes": CLASSES, "width": WIDTH, "train": TRAIN, "step": STEP,
                "rows": (rows * STEP).astype(int).tolist(), "labels": labels.tolist(), "several": several.tolist(), "cases": cases,
                "sweep": sweep(*one), "tip_adapter": tip_adapter(*one, zero_shot)}
    (HERE / "probe.json").write_text(json.dumps(document) + "\n")


main()
