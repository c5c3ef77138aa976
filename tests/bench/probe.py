#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Linear probes beside scikit-learn's: `bench_probe` and LogisticRegression on the same made-up embeddings.

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.9.1
    venv/bin/python tests/bench/probe.py BUILD [--threads N] >> tests/bench/RESULTS.md

BUILD is a folder with `tests/bench/bench_probe`. 50,000 embeddings of 512 numbers in 100 classes, and 10,000 more that neither
sees; runs take turns, and the fastest of each counts, by the clock and by the time of its CPUs, which others at work disturb less.
scikit-learn gets float64, in which it computes, and float32 too, of which the faster counts. Objectives are computed here, in float64, from the coefficients of both.
"""
import argparse
import collections
import importlib.metadata
import os
import pathlib
import resource
import subprocess
import tempfile
import time

ARGUMENTS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ARGUMENTS.add_argument("build", type=pathlib.Path)
ARGUMENTS.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
ARGUMENTS.add_argument("--rounds", type=int, default=3)
OPTIONS = ARGUMENTS.parse_args()
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(OPTIONS.threads)

import numpy
from sklearn.linear_model import LogisticRegression

Run = collections.namedtuple("Run", "seconds cpu iterations weights intercepts")
COUNT, HELD_OUT, WIDTH, CLASSES, TOLERANCE = 50000, 10000, 512, 100, 1e-4
STRENGTHS = (0.316, 10.0)


def make():
    random = numpy.random.default_rng(0)
    labels = random.integers(0, CLASSES, COUNT + HELD_OUT)
    centres = random.standard_normal((CLASSES, WIDTH)).astype(numpy.float32)
    rows = centres[labels] * numpy.float32(0.12) + random.standard_normal((len(labels), WIDTH), dtype=numpy.float32)
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True), labels


def objective(rows, labels, weights, intercepts, c):
    logits = rows @ weights.T + intercepts
    peak = logits.max(axis=1, keepdims=True)
    losses = numpy.log(numpy.exp(logits - peak).sum(axis=1)) + peak[:, 0] - logits[numpy.arange(len(labels)), labels]
    return losses.mean() + (weights ** 2).sum() / (2 * c * len(labels))


def ours(folder, c):
    command = [OPTIONS.build / "tests/bench/bench_probe", folder / "rows", COUNT, WIDTH, CLASSES, c, TOLERANCE, OPTIONS.threads, folder / "out"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, iterations, *_ = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.split()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    numbers = numpy.fromfile(folder / "out", numpy.float32).astype(numpy.float64)
    return Run(float(seconds), after.ru_utime - before.ru_utime, int(iterations),
               numbers[:CLASSES * WIDTH].reshape(CLASSES, WIDTH), numbers[CLASSES * WIDTH:])


def theirs(rows, labels, c):
    begun, cpu = time.perf_counter(), time.process_time()
    model = LogisticRegression(C=c, tol=TOLERANCE, max_iter=1000).fit(rows, labels)
    return Run(time.perf_counter() - begun, time.process_time() - cpu, int(model.n_iter_[0]),
               model.coef_.astype(numpy.float64), model.intercept_.astype(numpy.float64))


def fastest(runs):
    return min(run.seconds for run in runs), min(run.cpu for run in runs)


def main():
    rows, labels = make()
    train, held_out = rows[:COUNT].astype(numpy.float64), rows[COUNT:].astype(numpy.float64)
    print(f"scikit-learn {importlib.metadata.version('scikit-learn')}, numpy {numpy.__version__}, {OPTIONS.threads} threads\n")
    print("| C | iterations | | seconds | | | CPU seconds | | | objective, relative | other predictions |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "rows").write_bytes(rows[:COUNT].tobytes() + labels[:COUNT].astype(numpy.uint32).tobytes())
        for c in STRENGTHS:
            own, double, single = [], [], []
            for _ in range(OPTIONS.rounds):
                own.append(ours(folder, c))
                double.append(theirs(train, labels[:COUNT], c))
                single.append(theirs(rows[:COUNT], labels[:COUNT], c))
            times = [(mine, other) for mine, other in zip(fastest(own), fastest(double + single))]
            reached, wanted = (objective(train, labels[:COUNT], run.weights, run.intercepts, c) for run in (own[0], double[0]))
            said = [(held_out @ run.weights.T + run.intercepts).argmax(axis=1) for run in (own[0], double[0])]
            cells = " | ".join(f"{mine:.2f} | {other:.2f} | {other / mine:.2f} x" for mine, other in times)
            print(f"| {c:g} | {own[0].iterations} | {double[0].iterations} | {cells} | {reached / wanted - 1:+.1e} | "
                  f"{(said[0] != said[1]).sum()} of {HELD_OUT} |", flush=True)


main()
