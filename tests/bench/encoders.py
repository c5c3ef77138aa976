#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Diptych's encoders beside PyTorch, ONNX Runtime and OpenVINO: same weights, inputs, batches and threads, in turns.

    python3 -m venv venv && venv/bin/pip install -r tests/bench/requirements.txt
    venv/bin/python tests/bench/encoders.py build/release

takes the folder Diptych was built in, prints tables in Markdown, and with --append adds them to RESULTS.md. --quick
shows in three minutes that all works. torch.compile wants a C++ compiler.

Each contestant is a process of its own, stopped by a signal while another runs, so nobody's idle threads take time
from others. A round gives each of them half a second, at least one batch; the first batch of a turn is dropped where
there are three. Speeds are medians over rounds, spread is (largest - smallest) / median. Each peer runs the setting
that it did best with (peers.py). Peers get pictures as normalised float32; Diptych gets bytes and normalises them
itself. `captions` are of lengths as captions have, padded to 77 tokens, which peers compute and Diptych leaves out;
in `captions, cut` peers too get only as many tokens as the longest has. Texts of SigLIP are all of 64 tokens, since
their padding is part of them. GFLOP/s counts the tokens that are computed, each through all layers; of the last layer
Diptych leaves out what the pooled token does not need.

`x f32` is the speed over the best float32 peer's, `x any` over the best peer's of any precision but int8, and for int8
over the best peer's in int8. `limit` is the share
of what a loop on registers reaches with as many threads in the same precision (limits.c); where that is another at the
end, the machine was not quiet. `cosine` is the smallest in the batch to PyTorch in float32, eager.
"""

import argparse
import ctypes
import dataclasses
import datetime
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys

import numpy as np

import models

HERE = pathlib.Path(__file__).parent
TURN = 0.5  # seconds
SLOW = 2  # seconds: a batch that takes longer at the float32 limit runs three rounds at most
PEERS = {"PyTorch": ("torch", ("f32", "bf16")), "ONNX Runtime": ("onnxruntime", ("f32", "int8")),
         "OpenVINO": ("openvino", ("f32", "bf16", "int8"))}
OWN = ("f32", "auto", "int8")


# ---- contestants


def bound_to(threads):
    """What a child does first: stay on that many CPUs, and end when its parent does, even when stopped."""
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    prctl, die_with_parent = ctypes.CDLL(None).prctl, 1

    def prepare():
        os.sched_setaffinity(0, cpus)
        prctl(die_with_parent, signal.SIGKILL)

    return prepare


class Worker:
    """A contestant that runs only while it is asked something. What it chatters goes to a file in the cache."""

    def __init__(self, name, precision, command, threads, cache, **environment):
        # oneDNN and PyTorch take OMP's; POCL_CPU_MAX_CU_COUNT is POCL_MAX_PTHREAD_COUNT's newer name.
        count = {key: str(threads) for key in ("OMP_NUM_THREADS", "POCL_MAX_PTHREAD_COUNT", "POCL_CPU_MAX_CU_COUNT")}
        self.name, self.precision, self.threads, self.setting = name, precision, threads, ""
        with open(cache / "workers.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, env={**os.environ, **count, **environment}, preexec_fn=bound_to(threads))
        self.hello = self.listen()

    def listen(self):
        line = self.process.stdout.readline()
        if line:
            self.process.send_signal(signal.SIGSTOP)
        answer = json.loads(line or '{"error": "it ended; workers.log in the cache says why"}')
        if "error" in answer:
            raise RuntimeError(f"{self.name} {self.precision}: {answer['error']}")
        return answer

    def ask(self, **request):
        self.process.send_signal(signal.SIGCONT)
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # listen says that it ended
        return self.listen()

    def close(self):
        self.process.kill()
        self.process.wait()


def own_gemm(options):
    return ["avx2"] if options.avx2 else []


def diptych(options, model, precision, threads, largest):
    program = options.build / "tests/bench/bench_encode_worker"
    worker = Worker("Diptych", precision, [program, model, precision, largest] + own_gemm(options), threads,
                    options.cache, DIPTYCH_DEVICE="cpu")
    worker.precision = worker.hello["precision"]
    return worker


def peer(options, name, precision, model):
    environment = {"TORCHINDUCTOR_CACHE_DIR": str(options.cache / "inductor"), "TORCHINDUCTOR_COMPILE_THREADS": "1",
                   "CUDA_VISIBLE_DEVICES": "", **({"NO_COMPILE": "1"} if options.quick else {})}
    return Worker(name, precision,
                  [sys.executable, HERE / "peers.py", PEERS[name][0], precision, model, options.threads],
                  options.threads, options.cache, **environment)


def start(*arguments):
    """A list of the peer, or of nobody and a message."""
    try:
        return [peer(*arguments)]
    except RuntimeError as e:
        print(f"left out: {e}", file=sys.stderr)
        return []


# ---- cases


@dataclasses.dataclass
class Case:
    label: str
    kind: str  # "pictures" or "texts"
    input: pathlib.Path
    count: int
    tokens: int  # that peers compute
    own_tokens: int  # that Diptych computes

    def gflop(self, hello, own):
        """Of one item."""
        tokens = self.own_tokens if own else self.tokens
        return hello["picture_gflop"] if self.kind == "pictures" else hello["text_gflop"][tokens - 1]


def picture_cases(cache, shape, batches):
    size = models.SHAPES[shape].size
    count = max(batches)
    file = models.made_once(cache / f"pictures-{size}-{count}", lambda p: models.write_pictures(p, size, count))
    return [Case("pictures", "pictures", file, batch, 0, 0) for batch in batches]


def text_cases(cache, shape, batches):
    family, count = models.family(shape), max(batches)

    def texts(name, lengths):
        return models.made_once(cache / f"{name}-{models.SHAPES[shape].family}-{count}",
                                lambda path: models.write_texts(path, family, lengths))

    full, lengths = texts("full", [family.context] * count), models.caption_lengths(count)
    for batch in batches:
        yield Case(f"texts of {family.context}", "texts", full, batch, family.context, family.context)
        if family.causal:
            captions, longest = texts("captions", lengths), int(lengths[:batch].max())
            yield Case("captions", "texts", captions, batch, family.context, longest)
            yield Case(f"captions, cut to {longest}", "texts", captions, batch, longest, longest)


def reference(options, shape, case, count):
    """Embeddings (count, E) of the case's input in float32, from PyTorch."""
    model = models.checkpoint(options.cache, shape)

    def make(path):
        worker = peer(options, "PyTorch", "f32", model)
        worker.ask(reference=case.kind, input=str(case.input), count=count, tokens=models.family(shape).context,
                   output=str(path))
        worker.close()

    path = models.made_once(model / f"{case.input.name}.{count}.embeddings", make)
    return np.fromfile(path, np.float32).reshape(count, -1)


# ---- measuring


@dataclasses.dataclass
class Result:
    worker: Worker
    setting: str
    cosine: float
    rounds: list = dataclasses.field(default_factory=list)  # seconds a batch

    def seconds(self):
        return statistics.median(self.rounds)

    def spread(self):
        return (max(self.rounds) - min(self.rounds)) / self.seconds()


def prepare(worker, case, golden, cache):
    output = cache / f"output-{os.getpid()}"
    answer = worker.ask(prepare=case.kind, input=str(case.input), count=case.count, tokens=case.tokens,
                        output=str(output))
    for setting, why in answer.get("failed", {}).items():
        print(f"{worker.name} {worker.precision} cannot do '{setting}': {why}", file=sys.stderr)
    found = np.fromfile(output, np.float32).reshape(case.count, -1).astype(float)
    output.unlink()
    golden = golden[:case.count].astype(float)
    cosines = (found * golden).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(golden, axis=1)
    return Result(worker, answer.get("setting", ""), cosines.min())


def take_turn(result):
    seconds = result.worker.ask(run=TURN)["seconds"]
    result.rounds.append(statistics.median(seconds[1:] if len(seconds) > 2 else seconds))


def measure(case, workers, golden, cache, rounds):
    """One result for each worker that can."""
    results = []
    for worker in workers:
        try:
            results.append(prepare(worker, case, golden, cache))
        except RuntimeError as e:
            print(f"left out: {e}", file=sys.stderr)
    for _ in range(rounds):
        for result in results:
            take_turn(result)
    return results


# ---- tables


HEAD = ["model", "input", "batch", "by", "in", "setting", "a second", "spread", "ms a batch", "x f32", "x any",
        "GFLOP/s", "limit", "cosine"]


def row(cells):
    return "| " + " | ".join(cells) + " |"


def header(cells):
    return row(cells) + "\n" + "|" + " --- |" * len(cells)


def rows(shape, case, results, hello, limits):
    def best(precisions):
        return min((r.seconds() for r in results if r.worker.name in PEERS and r.worker.precision in precisions),
                   default=float("nan"))

    best_f32, best_float, best_int8 = best(("f32",)), best(("f32", "bf16")), best(("int8",))
    for result in results:
        best_any = best_int8 if result.worker.precision == "int8" else best_float
        worker, seconds = result.worker, result.seconds()
        speed = case.gflop(hello, worker.name == "Diptych") * case.count / seconds
        yield row([shape, case.label, str(case.count), worker.name, worker.precision, result.setting,
                   f"{case.count / seconds:.1f}", f"{100 * result.spread():.0f} %", f"{1e3 * seconds:.1f}",
                   f"{best_f32 / seconds:.2f}", f"{best_any / seconds:.2f}", f"{speed:.0f}",
                   f"{100 * speed / limits[worker.precision]:.0f} %", f"{result.cosine:.6f}"])


def compare_shape(options, shape, with_texts, limits, say):
    """The rows of one shape. Everybody's models are open at once."""
    model = models.checkpoint(options.cache, shape)
    count = max(options.batches)
    workers = [diptych(options, model, p, options.threads, count) for p in (OWN[:1] if options.avx2 else OWN)]
    if len(workers) > 1 and workers[0].precision == workers[1].precision:
        workers.pop(1).close()
    hello = workers[0].hello
    for name in options.peers:
        for precision in PEERS[name][1]:
            workers += start(options, name, precision, model) if precision in limits else []
    cases = picture_cases(options.cache, shape, options.batches)
    if with_texts:
        cases += text_cases(options.cache, shape, options.batches)

    def least(case):
        """Seconds that a batch takes at the float32 limit."""
        return case.gflop(hello, False) * case.count / limits["f32"]

    kept = [case for case in cases if least(case) <= options.longest]
    for case in kept:
        golden = reference(options, shape, case, max(c.count for c in kept if c.input == case.input))
        rounds = min(options.rounds, 3) if least(case) > SLOW else options.rounds
        for line in rows(shape, case, measure(case, workers, golden, options.cache, rounds), hello, limits):
            say(line)
    for case in cases:
        if case not in kept:
            print(f"left out: {shape}, {case.label}, batch {case.count}: over --longest", file=sys.stderr)
    for worker in workers:
        worker.close()
    return {name: version for worker in workers for name, version in worker.hello.get("versions", {}).items()}


def compare(options, limits, say):
    versions = {}
    say("\n" + header(HEAD))
    for shape in options.shapes:
        versions |= compare_shape(options, shape, shape == options.shapes[0], limits, say)
    say("\n" + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".")


def growth(options, shapes, batches, threads, say):
    """Pictures a second of Diptych alone: a row for each shape and batch, a column for each precision and number of
    threads."""
    columns = [(precision, n) for precision in OWN for n in threads]
    say("\n" + header(["model", "batch"] + [f"{precision}, threads: {n}" for precision, n in columns]))
    for shape in shapes:
        model = models.checkpoint(options.cache, shape)
        workers = [diptych(options, model, precision, n, max(batches)) for precision, n in columns]
        for case in picture_cases(options.cache, shape, batches):
            golden = reference(options, shape, case, max(batches))
            results = measure(case, workers, golden, options.cache, min(options.rounds, 3))
            say(row([shape, str(case.count)] + [f"{case.count / r.seconds():.1f}" for r in results]))
        for worker in workers:
            worker.close()


# ---- the command


def add_common(parser):
    """What naflex.py takes too."""
    parser.add_argument("build", type=pathlib.Path, help="the folder Diptych was built in")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant (default: 5)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: all CPUs)")
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/diptych-bench",
                        help="where models are kept between runs (default: %(default)s)")
    parser.add_argument("--avx2", action="store_true",
                        help="float32 with AVX2 alone: of ours, and of oneDNN's in the peers, whose other products take what there is")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_common(parser)
    parser.add_argument("--shapes", default="vit-b-32,vit-b-16,vit-l-14",
                        help="the first with its text tower (default: %(default)s)")
    parser.add_argument("--batches", default="1,16,64", help="(default: %(default)s)")
    parser.add_argument("--peers", default=",".join(PEERS), help="(default: %(default)s)")
    parser.add_argument("--longest", type=float, default=10, metavar="SECONDS",
                        help="leave out batches that would take longer at the float32 limit (default: 10)")
    parser.add_argument("--quick", action="store_true", help="B/32, batches 1 and 16, two rounds, nothing compiled")
    parser.add_argument("--no-growth", action="store_true", help="leave out the tables of Diptych alone")
    parser.add_argument("--append", action="store_true", help="add the tables to RESULTS.md")
    options = parser.parse_args()
    if options.quick:
        options.shapes, options.batches, options.rounds = "vit-b-32", "1,16", 2
    options.shapes, options.peers = options.shapes.split(","), [p for p in options.peers.split(",") if p]
    options.batches = [int(batch) for batch in options.batches.split(",")]
    for given, known in ((options.shapes, models.SHAPES), (options.peers, PEERS)):
        for name in given:
            if name not in known:
                parser.error(f"no '{name}'; there are {', '.join(known)}")
    return options


def cpu():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown CPU")


def commit():
    return subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True,
                          text=True).stdout.strip()


def machine_limits(options):
    only = ["AVX2"] if options.avx2 else []
    return json.loads(subprocess.run([options.build / "tests/bench/bench_limits", str(options.threads)] + only,
                                     stdout=subprocess.PIPE, check=True, preexec_fn=bound_to(options.threads)).stdout)


def in_words(limits):
    return ", ".join(f"{limits[p]:.0f} GFLOP/s {p} ({limits[p + '_by']})" for p in ("f32", "bf16", "int8") if p in limits)


def main():
    options = parse()
    options.cache.mkdir(parents=True, exist_ok=True)
    if options.avx2:
        os.environ.update(ONEDNN_MAX_CPU_ISA="AVX2", DNNL_MAX_CPU_ISA="AVX2", POCL_LLVM_CPU_NAME="haswell",
                          DIPTYCH_KERNEL_CACHE=str(options.cache / "avx2"))
    lines = []

    def say(line):
        lines.append(line)
        print(line, flush=True)

    limits = machine_limits(options)
    say(f"\n## Encoders, {datetime.date.today()}, Diptych {commit()}\n")
    say(f"{cpu()}, {options.threads} threads. Limits: {in_words(limits)}.")
    compare(options, limits, say)
    if not options.no_growth:
        doubling = [1 << n for n in range(7) if 1 << n <= max(options.batches)]
        growth(options, ["vit-b-32"], doubling, sorted({1, options.threads}), say)
        if not options.quick:
            growth(options, ["vit-b-16", "vit-b-16-336"], [max(options.batches)], [options.threads], say)
    say(f"\nLimits afterwards: {in_words(machine_limits(options))}.")
    if options.append:
        with open(HERE / "RESULTS.md", "a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
