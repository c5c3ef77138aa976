# SPDX-License-Identifier: Apache-2.0
"""Golden retrieval and classification scores of made-up embeddings, from CLIP_benchmark and scikit-learn.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python evaluate.py

writes evaluate.json beside this file: embeddings, what belongs to what, and the scores.

Embeddings are multiples of 1/1024, so that dot products are exact and ties are ties. CLIP_benchmark leaves the order of
ties to torch.topk; Diptych puts the query's own last, which is here done to the similarities before the reference sees
them. Median and mean rank, which CLIP_benchmark does not have, are numpy's, of a sorted list of the same similarities. Accuracies are scikit-learn's:
CLIP_benchmark 1.6.2 takes mean_per_class_recall from there, and its own accuracy fails with NumPy 2.4.
Average precisions are scikit-learn's, and where no scores are equal CLIP_benchmark's too, which is asserted.
"""
import importlib.metadata
import json
import pathlib

import numpy
import sklearn
import torch
from clip_benchmark.metrics.zeroshot_classification import average_precision_per_class
from clip_benchmark.metrics.zeroshot_retrieval import recall_at_k
from sklearn.metrics import average_precision_score, balanced_accuracy_score, confusion_matrix, top_k_accuracy_score

HERE = pathlib.Path(__file__).parent
CUTOFFS = (1, 5, 10)
STEP = 1024


def noisy(random, rows, noise):
    return rows + noise * random.standard_normal(rows.shape)


def on_grid(rows, step=STEP):
    return numpy.round(rows * step) / step


def rank(similarities, positive):
    """Of the first positive in a sorted list, for each query; no two entries that matter are equal."""
    order = numpy.argsort(-similarities, axis=1, kind="stable")
    return 1 + numpy.take_along_axis(positive, order, axis=1).argmax(axis=1)


def direction(similarities, positive):
    similarities = numpy.where(positive, similarities - 1e-9, similarities)  # behind its equals
    scores = {"queries": len(similarities)}
    for k in CUTOFFS:
        recall = recall_at_k(torch.from_numpy(similarities), torch.from_numpy(positive), k)
        scores[f"R@{k}"] = float((recall > 0).double().mean())
    ranks = rank(similarities, positive)
    return scores | {"median_rank": float(numpy.median(ranks)), "mean_rank": float(ranks.mean())}


def retrieval(name, images, captions, image_of):
    similarities = images @ captions.T
    positive = image_of[None, :] == numpy.arange(len(images))[:, None]
    best = numpy.where(positive, similarities, -numpy.inf).max(axis=1, keepdims=True)
    own = similarities[image_of, numpy.arange(len(captions))]
    ties = int(((similarities == best) & ~positive).sum() + ((similarities == own) & ~positive).sum())
    return {"name": name, "ties": ties, "images": images.tolist(), "captions": captions.tolist(),
            "image_of": image_of.tolist(), "image_to_text": direction(similarities, positive),
            "text_to_image": direction(similarities.T.copy(), positive.T.copy())}


def classification(name, rows, embeddings, truth):
    logits, labels = embeddings @ rows.T, range(len(rows))
    predicted = logits.argmax(axis=1)
    scores = {f"acc{k}": float(top_k_accuracy_score(truth, logits, k=k, labels=labels))
              for k in (1, 5) if k <= len(rows)}
    scores["mean_per_class_recall"] = float(balanced_accuracy_score(truth, predicted))
    confusion = confusion_matrix(truth, predicted, labels=labels)
    return {"name": name, "rows": rows.tolist(), "embeddings": embeddings.tolist(), "truth": truth.tolist(),
            "scores": scores, "confusion": confusion.tolist()}


def precision(name, rows, embeddings, shown):
    scores = embeddings @ rows.T
    ties = sum(len(column) - len(numpy.unique(column)) for column in scores.T)
    classes = [float(average_precision_score(shown[:, i], scores[:, i])) if shown[:, i].any() else 0.0
               for i in range(len(rows))]
    theirs = average_precision_per_class(torch.from_numpy(scores), torch.from_numpy(shown))
    assert ties or numpy.abs(theirs.numpy() - classes).max() < 1e-6
    return {"name": name, "ties": int(ties), "rows": rows.tolist(), "embeddings": embeddings.tolist(),
            "truth": [numpy.flatnonzero(labels).tolist() for labels in shown], "classes": classes,
            "mean": float(numpy.mean(classes))}


def main():
    random = numpy.random.default_rng(4)
    width, count = 8, 26
    images = random.standard_normal((count, width))
    image_of = random.permutation(numpy.repeat(numpy.arange(count), random.integers(1, 6, count)))
    captions = noisy(random, images[image_of], 1.3)
    small = random.integers(-1, 2, (14, 4)).astype(float)
    small_of = random.permutation(numpy.repeat(numpy.arange(14), random.integers(1, 4, 14)))
    golden = {
        "made_by": "tests/golden/evaluate.py", "clip_benchmark": importlib.metadata.version("clip_benchmark"), "scikit-learn": sklearn.__version__,
        "retrieval": [
            retrieval("several captions an image", on_grid(images), on_grid(captions), image_of),
            retrieval("many ties", small, on_grid(noisy(random, small[small_of], 0.5), 1), small_of),
            retrieval("all the same", numpy.ones((12, 2)), numpy.ones((12, 2)), numpy.arange(12)),
        ],
    }
    rows = random.standard_normal((8, width))
    truth = random.choice([0, 1, 2, 3, 4, 6, 7], 60)  # none of label 5
    few = random.choice(3, 20, p=[0.6, 0.3, 0.1])
    golden["classification"] = [
        classification("eight labels, one without pictures", on_grid(rows),
                       on_grid(noisy(random, rows[truth], 4)), truth),
        classification("three labels", on_grid(rows[:3]), on_grid(noisy(random, rows[few], 1.5)), few),
    ]
    shown = (random.random((50, 6)) < 0.3).astype(numpy.int64)
    shown[:, 4] = 0
    several = on_grid(noisy(random, shown @ rows[:6], 1.5))
    coarse = random.integers(-1, 2, (40, 3)).astype(float)
    some = (random.random((40, 5)) < 0.4).astype(numpy.int64)
    golden["precision"] = [
        precision("six labels, one that no picture shows", on_grid(rows[:6]), several, shown),
        precision("many ties", random.integers(-1, 2, (5, 3)).astype(float), coarse, some),
        precision("all the same", numpy.ones((2, 2)), numpy.ones((9, 2)), numpy.eye(2, dtype=numpy.int64)[[0, 1, 0, 0, 1, 1, 0, 1, 0]]),
    ]
    assert [case["ties"] > 0 for case in golden["precision"]] == [False, True, True]
    assert [case["ties"] > 0 for case in golden["retrieval"]] == [False, True, True]
    (HERE / "evaluate.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
