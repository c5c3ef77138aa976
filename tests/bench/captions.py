#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores one set of captions with pycocoevalcap (Java tokenizer, BLEU, ROUGE-L, CIDEr-D) and with `diptych score`
(these, plain CIDEr and sacreBLEU), in turns, and prints times, ratio, memory and the largest difference. With --meteor
both score METEOR alone, paraphrases included, and each loads its tables anew every time.

    python3 -m venv venv && venv/bin/pip install pycocoevalcap==1.2      # and Java, for its tokenizer
    venv/bin/python tests/bench/captions.py build/release/diptych refs.json results.json

The files are COCO's (annotations and results), gzipped or not. --repeat N scores N copies under new ids, which
makes the Karpathy test split's size of half of it. pycocoevalcap's tokenizer writes beside its own files.
"""

import argparse
import contextlib
import gzip
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time


def read(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def repeated(references, results, times):
    """Copies of both under new ids, and only of images that have a result."""
    scored = {result["image_id"] for result in results}
    annotations = [a for a in references["annotations"] if a["image_id"] in scored]
    fresh = {image: i for i, image in enumerate(sorted(scored))}

    def copy(entries, n):
        return [{"image_id": fresh[e["image_id"]] + n * len(fresh), "caption": e["caption"]} for e in entries]

    return (
        {"annotations": [e for n in range(times) for e in copy(annotations, n)]},
        [e for n in range(times) for e in copy(results, n)],
    )


def bleu_rouge_cider(said, by_image):
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    scores = {f"Bleu_{n + 1}": score for n, score in enumerate(Bleu(4).compute_score(said, by_image)[0])}
    scores["ROUGE_L"] = float(Rouge().compute_score(said, by_image)[0])
    scores["CIDEr_D"] = float(Cider().compute_score(said, by_image)[0])
    return scores


def meteor(said, by_image):
    from pycocoevalcap.meteor.meteor import Meteor

    return {"METEOR": Meteor().compute_score(said, by_image)[0]}


def meteor_data():
    return os.path.join(importlib.util.find_spec("pycocoevalcap").submodule_search_locations[0], "meteor")


def coco_caption(references, results, metrics):
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    by_image = {}
    for result in results:
        by_image[result["image_id"]] = [result]
    said = {image: [] for image in by_image}
    for annotation in references["annotations"]:
        said[annotation["image_id"]].append(annotation)
    tokenizer = PTBTokenizer()
    said, by_image = tokenizer.tokenize(said), tokenizer.tokenize(by_image)
    with contextlib.redirect_stdout(sys.stderr):
        return metrics(said, by_image)


# A process counts the memory of the one that it was forked from, so a small one has to start the program.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


def peak_memory(command):
    """Peak memory (MiB) of a program."""
    return float(subprocess.check_output([sys.executable, "-S", "-c", PEAK, *command]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("diptych")
    parser.add_argument("references")
    parser.add_argument("results")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--meteor", action="store_true")
    arguments = parser.parse_args()

    metrics = meteor if arguments.meteor else bleu_rouge_cider
    options = ["--metrics", "METEOR", "--meteor-data", meteor_data()] if arguments.meteor else []
    references, results = repeated(read(arguments.references), read(arguments.results), arguments.repeat)
    seconds = {"pycocoevalcap": [], "diptych": []}
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("references.json", "results.json")]
        for path, data in zip(paths, (references, results)):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(data, file)
        command = [arguments.diptych, "score", "-r", paths[0], "-c", paths[1], "-f", "json", "-q", *options]
        for _ in range(arguments.rounds):
            start = time.perf_counter()
            with open(paths[0], encoding="utf-8") as a, open(paths[1], encoding="utf-8") as b:
                theirs = coco_caption(json.load(a), json.load(b), metrics)
            seconds["pycocoevalcap"].append(time.perf_counter() - start)
            start = time.perf_counter()
            output = subprocess.check_output(command)
            seconds["diptych"].append(time.perf_counter() - start)
            ours = json.loads(output)["corpus"]
        memory = peak_memory(command)

    median = {name: statistics.median(times) for name, times in seconds.items()}
    captions = len(references["annotations"])
    print(f"{len(results)} images, {captions} references, {arguments.rounds} rounds, {platform.machine()}, "
          f"{os.cpu_count()} CPUs, Python {platform.python_version()}")
    for name, times in seconds.items():
        print(f"  {name:14} {median[name]:7.3f} s  ({min(times):.3f} to {max(times):.3f})")
    print(f"  ratio {median['pycocoevalcap'] / median['diptych']:.0f}; largest difference of a corpus score "
          f"{max(abs(ours[key] - theirs[key]) for key in theirs):.1e}; diptych's peak memory {memory:.0f} MiB")


if __name__ == "__main__":
    main()
