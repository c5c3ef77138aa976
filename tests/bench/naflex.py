#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs that pictures keep their shapes: SigLIP 2's NaFlex beside the same network for squares, in turns.

    venv/bin/python tests/bench/naflex.py build/release

prints a table in Markdown of tokens a second. B/16, 256 tokens a picture at most: `fixed` are squares of 256 pixels
through SigLIP's tower, `squares` the same through NaFlex's, `mixed` are shapes as photographs have them, portraits and
landscapes, a panorama and a strip among them, each with as many patches as transformers gives to it. `share` is that of
the tokens a second of `fixed`. Contestants, rounds and spread are those of encoders.py. `cosine` is the smallest in the
batch to transformers in float32.
"""

import argparse
import dataclasses
import pathlib

import numpy as np

import encoders
import models
import peers

FIXED, NAFLEX = "siglip-b-16-256", "siglip2-b-16-naflex"
SIDE, PATCH, MOST = 16, 16, 256
VALUES = 3 * PATCH * PATCH
SIZES = [(640, 480), (480, 640), (640, 427), (427, 640), (1920, 1080), (1080, 1920), (500, 500), (4032, 3024), (375, 500),
         (1200, 800), (851, 315), (2048, 1536), (640, 360), (333, 500), (3000, 1000), (1000, 100)]


def grid(width, height):
    """Rows and columns, by transformers."""
    from transformers.models.siglip2.image_processing_siglip2 import get_image_size_for_max_num_patches

    return tuple(edge // PATCH for edge in get_image_size_for_max_num_patches(height, width, PATCH, MOST))


def write_patches(path, grids):
    """A struct patches a picture: rows, columns, room for the most patches."""
    rng = np.random.default_rng(models.SEED)
    with open(path, "wb") as file:
        for shape in grids:
            coarse = rng.integers(16, 240, (MOST, 1, 3)) + rng.integers(-16, 17, (MOST, PATCH * PATCH, 3))
            file.write(np.array(shape, np.uint32).tobytes() + coarse.astype(np.uint8).tobytes())


def fixed_reference(model, path, count):
    """Embeddings (count, E) of length 1, from transformers."""
    import torch

    pixels = peers.read_input("pictures", {"input": path, "count": count}, model)
    with torch.no_grad():
        return peers.load(model)["pictures"](torch.from_numpy(pixels)).numpy()


def naflex_reference(model, path, count):
    import torch
    import transformers

    pictures = np.fromfile(path, np.dtype([("grid", np.uint32, 2), ("patches", np.uint8, (MOST, VALUES))]), count)
    grids = torch.tensor(pictures["grid"].astype(np.int64))
    mask = torch.arange(MOST) < grids.prod(1, keepdim=True)
    pixels = torch.tensor(pictures["patches"] / np.float32(127.5) - np.float32(1)) * mask[..., None]
    tower = transformers.Siglip2Model.from_pretrained(model).eval().vision_model
    with torch.no_grad():
        return tower(pixels, mask.int(), grids).pooler_output.numpy()


@dataclasses.dataclass
class Contestant:
    label: str
    shape: str
    input: pathlib.Path
    tokens: list  # of each picture
    reference: object


def contestants(options):
    def patches(label, grids):
        file = models.made_once(options.cache / f"naflex-{label}-{options.batch}",
                                lambda path: write_patches(path, grids))
        return Contestant(label, NAFLEX, file, [rows * columns for rows, columns in grids], naflex_reference)

    fixed = encoders.picture_cases(options.cache, FIXED, [options.batch])[0].input
    yield Contestant("fixed", FIXED, fixed, [SIDE * SIDE] * options.batch, fixed_reference)
    yield patches("squares", [(SIDE, SIDE)] * options.batch)
    yield patches("mixed", [grid(*SIZES[i % len(SIZES)]) for i in range(options.batch)])


def prepare(options, contestant, precision):
    model, batch = models.checkpoint(options.cache, contestant.shape), options.batch
    path = models.made_once(model / f"{contestant.input.name}.embeddings",
                            lambda half: contestant.reference(model, contestant.input, batch).tofile(half))
    golden = np.fromfile(path, np.float32).reshape(batch, -1)
    worker = encoders.diptych(options, model, precision, options.threads, batch)
    case = encoders.Case(contestant.label, "pictures", contestant.input, batch, 0, 0)
    return encoders.prepare(worker, case, golden, options.cache)


def measure(options, precision):
    """(contestant, its result), in turns; none where auto is float32, which has been before."""
    entries = [(contestant, prepare(options, contestant, precision)) for contestant in contestants(options)]
    known = precision == "auto" and entries[0][1].worker.precision == "f32"
    for _ in range(0 if known else options.rounds):
        for _, result in entries:
            encoders.take_turn(result)
    for _, result in entries:
        result.worker.close()
    return [] if known else entries


def rows(entries):
    speeds = [sum(contestant.tokens) / result.seconds() for contestant, result in entries]
    for (contestant, result), speed in zip(entries, speeds):
        tokens = contestant.tokens
        yield encoders.row([
            contestant.label, result.worker.precision, str(len(tokens)), f"{min(tokens)} to {max(tokens)}",
            f"{speed:.0f}", f"{speed / speeds[0]:.3f}", f"{100 * result.spread():.0f} %",
            f"{1e3 * result.seconds():.1f}", f"{result.cosine:.6f}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    encoders.add_common(parser)
    parser.add_argument("--batch", type=int, default=16, help="(default: %(default)s)")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    print(f"{encoders.cpu()}, {options.threads} threads, Diptych {encoders.commit()}\n")
    print(encoders.header(["pictures", "in", "batch", "tokens each", "tokens a second", "share", "spread", "ms a batch",
                           "cosine"]))
    for precision in ("f32", "auto"):
        for line in rows(measure(options, precision)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
