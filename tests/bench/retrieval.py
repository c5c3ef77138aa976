#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ranking behind `evaluate retrieval`, alone: 5,000 pictures and 25,000 captions of 512 numbers, as COCO's.

    python3 -m venv venv && venv/bin/pip install -r tests/bench/evaluate.txt
    venv/bin/python tests/bench/retrieval.py BUILD >> tests/bench/RESULTS.md

bench_retrieval times Diptych's ranking by matrix products and one dot product a pair, in turn, and counts the ranks in which
they differ. CLIP_benchmark's recall_at_k, which takes the first k of a row and compares every column with each of them, then
takes the same vectors; its R@1 must be the same.
"""
import argparse
import datetime
import importlib.metadata
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
from clip_benchmark.metrics.zeroshot_retrieval import batchify, recall_at_k

IMAGES, EACH, WIDTH, ROUNDS, BATCH = 5000, 5, 512, 3, 64


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def vectors(seed=19):
    """Captions about their picture, with noise enough that half of them find another one first."""
    rng = np.random.default_rng(seed)
    images = unit(rng.standard_normal((IMAGES, WIDTH)))
    captions = unit(np.repeat(images, EACH, axis=0) + 0.23 * rng.standard_normal((IMAGES * EACH, WIDTH)))
    return images, captions


def theirs(images, captions):
    """Seconds, and R@1 from text to image, as zeroshot_retrieval.evaluate works them out."""
    start = time.perf_counter()
    scores = torch.from_numpy(captions) @ torch.from_numpy(images).t()
    positive = torch.zeros_like(scores, dtype=torch.bool)
    positive[torch.arange(len(scores)), torch.arange(len(scores)) // EACH] = True
    rates = [(batchify(recall_at_k, s, p, BATCH, "cpu", k=k) > 0).float().mean().item()
             for s, p in ((scores, positive), (scores.T, positive.T)) for k in (1, 5, 10)]
    return time.perf_counter() - start, rates[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    build = parser.parse_args().build
    images, captions = vectors()
    with tempfile.TemporaryDirectory() as scratch:
        files = pathlib.Path(scratch, "images"), pathlib.Path(scratch, "captions")
        images.tofile(files[0])
        captions.tofile(files[1])
        command = [build / "tests/bench/bench_retrieval", *files, str(EACH), str(WIDTH), str(ROUNDS)]
        rounds = [json.loads(line) for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()]
    seconds, recall = theirs(images, captions)
    ours, pairs = (statistics.median(r[key] for r in rounds) for key in ("seconds", "pair_by_pair"))
    print(f"\n## Ranking {IMAGES:,} pictures and {IMAGES * EACH:,} captions: retrieval.py, {datetime.date.today()}\n")
    print("| | seconds | speedup | R@1, text to image |\n|---|---|---|---|")
    print(f"| diptych | {ours:.2f} | | {rounds[0]['R@1']:.5f} |")
    print(f"| one dot product a pair | {pairs:.2f} | {pairs / ours:.1f} | |")
    print(f"| CLIP_benchmark {importlib.metadata.version('clip_benchmark')} | {seconds:.1f} | {seconds / ours:.0f} | {recall:.5f} |")
    different = sum(r["differences"] for r in rounds)
    print(f"\nRanks that differ between the first two: {different} of {IMAGES * (EACH + 1):,}.")
    if different or abs(recall - rounds[0]["R@1"]) > 1e-6:
        raise SystemExit("not the same ranks")


if __name__ == "__main__":
    main()
