# SPDX-License-Identifier: Apache-2.0
"""Draws 50 steps of AdamW beside PyTorch's, of the models of tests/golden/train.py from the same start.

    python trajectory.py BENCH_TRAJECTORY trajectory.svg

prints a table for RESULTS.md. Above are the losses, below how far ours are from PyTorch's in float32, and so the weights; dashed is how
far PyTorch's float32 is from its own float64, which is what no other float32 can be held to.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "golden"))
import train  # noqa: E402
from towers import MEAN, STD, picture  # noqa: E402

WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 170, 60, 30, 55
COLOURS = {"ours": "#c0392b", "PyTorch": "#2c3e50"}
FEW = (1, 10, 20, 30, 40, 50)


def weights_of(model, bias, kind):
    named = {name: value.detach().numpy().astype(np.float64) for name, value in model.named_parameters()}
    return named | ({"logit_bias": bias.detach().numpy().astype(np.float64)} if kind == "sigmoid" else {})


def apart(some, others):
    """Of all weights as one vector but key biases, relative."""
    keys = [key for key in others if "k_proj.bias" not in key]
    squares = sum(np.sum((some[key] - others[key]) ** 2) for key in keys)
    return np.sqrt(squares / sum(np.sum(others[key] ** 2) for key in keys))


def pytorch(shape, double):
    """The losses, and the weights after each step."""
    name, vision, text, embed, activation, batch, kind = shape
    pictures = np.stack([picture(number, vision[3]) for number in range(train.BATCHES * batch)])
    pixels = torch.tensor((pictures / 255.0 - MEAN) / STD).permute(0, 3, 1, 2).unflatten(0, (train.BATCHES, batch))
    ids = np.stack([train.sentences(batch, text[3], text[4], number)[0] for number in range(train.BATCHES)])
    model, bias = train.start(train.config_of(vision, text, embed, activation))
    if double:
        model, bias = model.double(), train.double(bias)
    weights = []
    losses, _, _ = train.train(model, bias, pixels if double else pixels.float(), torch.tensor(ids, dtype=torch.long), kind,
                               after=lambda: weights.append(weights_of(model, bias, kind)))
    return losses, weights


def ours(program, shape):
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run([program, shape[0], shape[6], str(shape[5]), folder], check=True, capture_output=True, text=True).stdout
        losses = np.array([float(line.split()[1]) for line in out.splitlines()])
        weights = [{key: value.astype(np.float64) for key, value in
                    safetensors.numpy.load_file(f"{folder}/{step + 1}.safetensors").items()} for step in range(len(losses))]
    return losses, weights


def svg_curve(values, low, high, x, y, colour, dashed=False):
    points = " ".join(f"{x + WIDTH * i / (len(values) - 1):.1f},{y + HEIGHT * (1 - (v - low) / (high - low)):.1f}"
                      for i, v in enumerate(values))
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>'


def svg_axes(title, low, high, x, y, logarithmic):
    text = f'<text x="{x}" y="{y - 8}">{title}</text><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>'
    ticks = range(int(low), int(high) + 1) if logarithmic else np.linspace(low, high, 5)
    for tick in ticks:
        at = y + HEIGHT * (1 - (tick - low) / (high - low))
        label = f"1e{tick}" if logarithmic else f"{tick:.2f}"
        text += (f'<line x1="{x}" x2="{x + WIDTH}" y1="{at:.1f}" y2="{at:.1f}" stroke="#eee"/>'
                 f'<text x="{x - 6}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    for step in (1, 10, 20, 30, 40, 50):
        text += f'<text x="{x + WIDTH * (step - 1) / 49:.1f}" y="{y + HEIGHT + 16}" text-anchor="middle">{step}</text>'
    return text


def draw(path, rows):
    """rows: of each shape its name, both losses, and the four distances."""
    body = ""
    for column, (name, got, want, distances) in enumerate(rows):
        x = LEFT + column * (WIDTH + LEFT)
        y = TOP + HEIGHT + GAP
        low, high = min(got.min(), want.min()), max(got.max(), want.max())
        body += svg_axes(f"{name}: loss", low, high, x, TOP, False)
        body += svg_curve(want, low, high, x, TOP, COLOURS["PyTorch"]) + svg_curve(got, low, high, x, TOP, COLOURS["ours"], True)
        for what in ("loss", "weights"):
            body += svg_axes(f"{name}: {what}, relative distance", -9, -4, x, y, True)
            for who, dashed in (("ours", False), ("PyTorch", True)):
                body += svg_curve(np.log10(np.clip(distances[what][who], 1e-9, 1)), -9, -4, x, y, COLOURS[who], dashed)
            y += HEIGHT + GAP
    legend = (f'<text x="{LEFT}" y="{TOP + 3 * (HEIGHT + GAP)}"><tspan fill="{COLOURS["ours"]}">Diptych (red; above dashed, over '
              f'PyTorch\'s)</tspan> from PyTorch\'s float32; <tspan fill="{COLOURS["PyTorch"]}">dashed below: PyTorch\'s float32 from its '
              'own float64</tspan></text>')
    width, height = LEFT + len(rows) * (WIDTH + LEFT), TOP + 3 * (HEIGHT + GAP) + 20
    pathlib.Path(path).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">'
        '<!-- SPDX-License-Identifier: Apache-2.0; made by tests/bench/trajectory.py -->'
        f'<rect width="100%" height="100%" fill="white"/>{body}{legend}</svg>\n')


def main():
    rows = []
    print("| model | | " + " | ".join(f"step {step}" for step in FEW) + " |")
    print("|---|---|" + "---|" * len(FEW))
    for shape in train.SHAPES:
        if shape[6] not in ("softmax", "sigmoid"):
            continue
        got, got_weights = ours(sys.argv[1], shape)
        want, want_weights = pytorch(shape, False)
        exact, exact_weights = pytorch(shape, True)
        distances = {
            "loss": {"ours": np.abs(got / want - 1), "PyTorch": np.abs(want / exact - 1)},
            "weights": {"ours": np.array([apart(a, b) for a, b in zip(got_weights, want_weights)]),
                        "PyTorch": np.array([apart(a, b) for a, b in zip(want_weights, exact_weights)])}}
        rows.append((shape[0], got, want, distances))
        table = {"loss, PyTorch": want, "loss, diptych": got, "losses apart": distances["loss"]["ours"],
                 "PyTorch's from float64": distances["loss"]["PyTorch"], "weights apart": distances["weights"]["ours"],
                 "PyTorch's from float64 ": distances["weights"]["PyTorch"]}
        for what, values in table.items():
            form = "%.6f" if what.startswith("loss,") else "%.1e"
            print(f"| {shape[0]} | {what.strip()} | " + " | ".join(form % values[step - 1] for step in FEW) + " |")
    draw(sys.argv[2], rows)


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are small
    main()
