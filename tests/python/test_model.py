# SPDX-License-Identifier: Apache-2.0
"""Models: what goes in, in each of its ways, what comes out, and what is said of mistakes."""

import gc
import io
import json
import os
import pathlib
import resource
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import diptych
from conftest import GOLDEN, PICTURES, ROOT

LABELS = ["a red heart", "a blue star", "five purple ovals"]


def test_version_is_the_project_s():
    assert diptych.__version__ == (ROOT / "VERSION").read_text(encoding="utf-8").strip()


def test_a_model_says_what_it_is(model):
    assert model.width == model.info.width == 128
    assert model.info.family == "clip" and len(model.info.fingerprint) == 32
    assert model.info.scope == "rendered scenes of simple shapes and letters"
    assert model.info.path in repr(model)


# ---- pictures


def test_a_picture_is_the_same_in_every_way(model):
    path = PICTURES / "01.png"
    data, picture = path.read_bytes(), Image.open(path)
    pixels = np.asarray(picture.convert("RGB"))
    ways = [str(path), path, data, bytearray(data), memoryview(data), picture, pixels]
    rows = model.encode_images(ways)
    assert rows.shape == (len(ways), model.width) and rows.dtype == np.float32
    assert (rows == rows[0]).all()
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_arrays_may_be_views(model):
    pixels = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    views = [pixels[:, ::-1], pixels[::-1], pixels[:, :, ::-1], pixels[5:30, 10:50], pixels.transpose(1, 0, 2)]
    views += [np.asfortranarray(pixels), pixels[..., 0], pixels[..., :1], pixels[::2, ::2, 1]]
    whole = [np.ascontiguousarray(view) for view in views]
    assert (model.encode_images(views) == model.encode_images(whole)).all()


def test_grey_and_alpha_are_what_they_are_in_a_file(model):
    generator = np.random.default_rng(2)
    grey, clear = generator.integers(0, 256, (30, 40), np.uint8), generator.integers(0, 256, (30, 40, 4), np.uint8)
    rows = model.encode_images([grey, grey[..., None], np.stack([grey] * 3, -1), clear, clear[..., :3], as_png(clear)])
    assert (rows[:3] == rows[0]).all()
    assert (rows[3] == rows[5]).all() and not (rows[3] == rows[4]).all()


def as_png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


KINDS = (".png", ".gif", ".bmp", ".pbm", ".pgm", ".ppm", ".webp")
# What Pillow turns by EXIF only when asked, what Debian 12's Pillow does not open, or not as later ones.
OTHERS = ("exif", "alpha_masks.bmp", "no_masks.bmp", "rle8.bmp")


@pytest.mark.parametrize("alpha", ["model", "white"])
def test_pictures_of_pillow_are_what_they_are_in_a_file(alpha):
    with diptych.Model(alpha=alpha) as model:
        files = sorted((GOLDEN / "preprocess").iterdir())
        paths = [path for path in files if path.suffix in KINDS and not path.name.startswith(OTHERS)]
        assert len(paths) > 40
        from_files = model.encode_images(paths)
        from_pillow = model.encode_images([Image.open(p) for p in paths])
        assert [p.name for p, a, b in zip(paths, from_files, from_pillow) if not (a == b).all()] == []


def test_a_batch_of_pixels_is_an_array(model):
    batch = np.random.default_rng(3).integers(0, 256, (3, 20, 20, 3), np.uint8)
    assert (model.encode_images(batch) == model.encode_images(list(batch))).all()


def test_nothing_is_an_empty_array(model):
    assert model.encode_images([]).shape == (0, 128) and model.encode_texts([]).shape == (0, 128)
    assert model.classify([], LABELS).labels.shape == (0, 1)
    assert model.rank([], []) == []


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((), np.uint8),
        np.zeros(5, np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((3, 8, 8), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8, 3), bool),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_pictures_are_mistakes(model, pixels):
    with pytest.raises(diptych.ArgumentError, match=r"pictures?|pixels"):
        model.encode_images([pixels])


@pytest.mark.parametrize("what", ["a.jpg", b"bytes", pathlib.Path("a.jpg"), np.zeros((8, 8, 3), np.uint8), 7, None])
def test_one_picture_is_no_list(model, what):
    with pytest.raises(TypeError, match="images is (of type|an array).*list"):
        model.encode_images(what)


def test_what_is_no_picture_is_a_mistake(model):
    with pytest.raises(TypeError, match=r"images\[1\] is of type int: pictures are paths, bytes"):
        model.encode_images([PICTURES / "01.png", 7])
    with pytest.raises(ValueError, match="NUL"):
        model.encode_images(["a\0b"])


# ---- failures


def test_the_first_failure_is_raised(model):
    with pytest.raises(OSError, match="unable to open 'none.png': No such file") as raised:
        model.encode_images([PICTURES / "01.png", "none.png"])
    assert isinstance(raised.value, diptych.FileError) and raised.value.code == 3
    with pytest.raises(diptych.FormatError, match="input 0"):
        model.encode_images([b"no picture"])
    with pytest.raises(diptych.FormatError):
        model.encode_images([b""])


def test_outcomes_say_what_became_of_each(model):
    stripes = np.arange(20 * 20 * 3, dtype=np.uint8).reshape(20, 20, 3)
    outcomes = []
    rows = model.encode_images([PICTURES / "01.png", "none.png", stripes], outcomes=outcomes)
    assert np.isnan(rows).all(axis=1).tolist() == [False, True, False]
    assert [type(outcome.error) for outcome in outcomes] == [type(None), diptych.FileError, type(None)]
    assert [outcome.outside for outcome in outcomes] == [False, False, True]


def test_what_is_wrong_with_a_picture_that_is_used_is_a_warning(model, tmp_path):
    data = (PICTURES / "03.jpg").read_bytes()
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(data[: len(data) // 2] + bytes(64) + data[len(data) // 2 + 64 :])
    with pytest.warns(diptych.InputWarning, match="damaged.jpg") as caught:
        rows = model.encode_images([damaged])
    assert caught[0].filename == __file__ and np.isfinite(rows).all()
    outcomes = []
    with pytest.warns(diptych.InputWarning):
        model.encode_images([damaged], outcomes=outcomes)
    assert outcomes[0].error is None and "damaged.jpg" in outcomes[0].warning


# ---- texts


def test_texts(model):
    outcomes = []
    rows = model.encode_texts(["a red heart", "a " * 500, "a red heart"], outcomes=outcomes)
    assert rows.shape == (3, 128) and (rows[0] == rows[2]).all()
    assert [outcome.truncated for outcome in outcomes] == [False, True, False]
    assert (model.encode_texts(np.array(["a red heart"])) == rows[0]).all()
    assert (model.encode_texts(text for text in ["a red heart"]) == rows[0]).all()
    longer = model.encode_texts(["a red heart"], normalize=False)
    assert np.allclose(longer / np.linalg.norm(longer), rows[0], atol=1e-6) and np.linalg.norm(longer) > 1.1


def test_texts_that_are_none_are_mistakes(model):
    with pytest.raises(TypeError, match=r"texts is of type str: give a list of them, \[text\]"):
        model.encode_texts("a red heart")
    with pytest.raises(TypeError, match=r"texts\[1\] is of type int, not a str"):
        model.encode_texts(["a", 1])
    with pytest.raises(ValueError, match=r"texts\[0\] has a NUL"):
        model.encode_texts(["a\0b"])


# ---- classifying and ranking


def test_classify(model):
    outcomes = []
    found = model.classify([PICTURES / "05.jpg", "none.png", PICTURES / "01.png"], LABELS, top=2, outcomes=outcomes)
    assert found.labels[:, 0].tolist() == ["five purple ovals", "", "a red heart"]
    assert found.numbers[:, 0].tolist() == [2, -1, 0]
    assert found.scores.shape == (3, 2) and np.isnan(found.scores[1]).all()
    assert 0.9 < found.scores[0, 0] <= 1 and isinstance(outcomes[1].error, diptych.FileError)


def test_a_classifier_outlives_its_model():
    with diptych.Model() as model:
        classifier = model.classifier(LABELS, templates="a picture of {}", scores="cosine")
        rows = model.encode_images([PICTURES / "05.jpg"])
    assert classifier.labels == tuple(LABELS)
    found = classifier.classify([PICTURES / "05.jpg"])
    assert found.labels[0, 0] == "five purple ovals" and found.scores[0, 0] < 0.9
    again = classifier.classify_embeddings(rows[0])
    assert again.numbers.tolist() == found.numbers.tolist() and np.allclose(again.scores, found.scores, atol=1e-6)
    with pytest.raises(diptych.ArgumentError, match="embeddings have the shape"):
        classifier.classify_embeddings(np.zeros((1, 5)))


def test_labels_that_are_none_are_mistakes(model):
    for labels in ([], ["a", "a"], [""]):
        with pytest.raises(diptych.ArgumentError):
            model.classify([], labels)
    with pytest.raises(TypeError, match="labels is of type str"):
        model.classify([], "a red heart")
    with pytest.raises(diptych.ArgumentError, match="top is 4: it is 1 to 3"):
        model.classify([], LABELS, top=4)
    with pytest.raises(diptych.NotFoundError):
        model.classifier("@nothing")
    with pytest.raises(diptych.ArgumentError, match="has no {} for the label"):
        model.classifier(LABELS, templates="a photo")
    assert len(model.classifier("@cifar10", templates="{}").labels) == 10


def test_rank(model):
    first, second = model.rank([PICTURES / "05.jpg", PICTURES / "01.png"], [LABELS, LABELS[:1]])
    assert first.order[0] == 2 and second.order.tolist() == [0] and len(first.scores) == 3
    assert first.scores[0] > 0.9 and first.cosines[0] == first.cosines.max()
    with pytest.raises(diptych.ArgumentError, match="captions for 1 pictures"):
        model.rank([PICTURES / "05.jpg", PICTURES / "01.png"], [LABELS])
    with pytest.raises(TypeError, match=r"captions\[0\] is of type str"):
        model.rank([PICTURES / "05.jpg"], ["a red heart"])


def write_probe(path, model, labels, weights, intercepts, *, several=False, temperature=1.0):
    """A file as `diptych probe fit` writes it: safetensors."""
    said = {"format": "diptych-probe", "version": "1", "labels": json.dumps(labels), "model": model.info.fingerprint}
    said |= {"several": "true" if several else "false", "temperature": repr(temperature), "made": "{}"}
    tensors = {"weight": weights, "bias": intercepts}
    header, at = {"__metadata__": said}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [at, at := at + tensor.nbytes]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t.tobytes() for t in tensors.values()))


@pytest.mark.parametrize("several", [False, True])
def test_a_probe_has_labels_of_its_own(model, tmp_path, several):
    path, random = tmp_path / "learned.probe", np.random.default_rng(16)
    weights, intercepts = (random.normal(size=size).astype(np.float32) for size in ((3, model.width), 3))
    write_probe(path, model, LABELS, weights, intercepts, several=several, temperature=0.5)
    pictures = [PICTURES / "01.png", PICTURES / "05.jpg"]
    embeddings = model.encode_images(pictures)

    logits = (embeddings @ weights.T + intercepts) / 0.5  # (2, 3)
    expected = 1 / (1 + np.exp(-logits)) if several else np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    best = np.argsort(-expected, axis=1)
    with model.classifier(probe=path) as classifier:
        assert classifier.labels == tuple(LABELS)
        for said in (classifier.classify(pictures, top=3), classifier.classify_embeddings(embeddings, top=3)):
            assert np.array_equal(said.numbers, best)
            assert said.scores == pytest.approx(np.take_along_axis(expected, best, 1), abs=1e-5)
    assert model.classify(pictures, probe=path).labels[0, 0] == LABELS[best[0, 0]]

    with pytest.raises(diptych.ArgumentError, match="a probe has labels of its own"):
        model.classify(pictures, LABELS, probe=path)
    with pytest.raises(diptych.FileError, match="none.probe"):
        model.classifier(probe=tmp_path / "none.probe")
    with diptych.Model(GOLDEN / "lora" / "model") as other, pytest.raises(diptych.ModelError, match="another model"):
        other.classifier(probe=path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(diptych.FormatError, match="learned.probe"):
        model.classifier(probe=path)


# ---- lifetimes


def test_without_a_library_importing_says_what_is_missing(tmp_path):
    environment = {**os.environ, "DIPTYCH_LIBRARY": str(tmp_path / "none.so")}
    done = subprocess.run([sys.executable, "-c", "import diptych"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "ImportError: " in done.stderr and "install libdiptych0" in done.stderr


def test_a_closed_model_says_so():
    model = diptych.Model()
    model.close()
    model.close()
    assert "closed" in repr(model) and model.width == 128
    with pytest.raises(diptych.ArgumentError, match="the model is closed"):
        model.encode_texts(["a"])


def test_models_that_do_not_open_say_why(tmp_path):
    with pytest.raises(diptych.FileError, match="nowhere"):
        diptych.Model(tmp_path / "nowhere")
    with pytest.raises(diptych.NotFoundError, match="download=True"):
        diptych.Model("no-such/model-anywhere")
    with pytest.raises(diptych.ArgumentError, match="download is of no use with index"):
        diptych.Model(index=tmp_path / "a.dip", download=True)
    with pytest.raises(diptych.ArgumentError, match="alpha is one of"):
        diptych.Model(alpha="grey")
    with pytest.raises(diptych.ArgumentError, match="no such device"):
        diptych.Model(device="no such device")


def test_adapters_go_into_the_weights(tmp_path):
    """peft's own numbers with them are the test of joint/adapter.c; here they arrive, one or several, with weights."""
    lora = GOLDEN / "lora"

    def opened(*adapters, **options):
        with diptych.Model(lora / "model", lora=list(adapters), precision="f32", **options) as model:
            return model.info.fingerprint, model.encode_texts(LABELS)

    plain, merged = opened(), opened(lora / "plain", f"{lora}/dora:0.5")
    assert plain[0] != merged[0] and not np.allclose(plain[1], merged[1], atol=1e-3)
    assert np.array_equal(opened(f"{lora}/plain:1", f"{lora}/dora:0.5")[1], merged[1])
    with diptych.Model(lora / "model", lora=lora / "plain") as model:  # one alone
        assert model.info.fingerprint == opened(lora / "plain")[0]
        diptych.Index.create(tmp_path / "adapted.dip", model).close()
    with diptych.Model(index=tmp_path / "adapted.dip") as model:
        assert model.info.fingerprint == opened(lora / "plain")[0]
    with pytest.raises(diptych.FileError, match="no-adapter"):
        opened(tmp_path / "no-adapter")
    with pytest.raises(TypeError):
        opened(7)


def test_what_is_closed_or_forgotten_is_given_back():
    def once():
        with diptych.Model(batch=4) as model:
            model.classifier(LABELS).classify([PICTURES / "05.jpg"])
            model.encode_images([np.zeros((200, 200, 4), np.uint8)] * 4, outcomes=[])
        diptych.Model(batch=4)
        gc.collect()

    def resident():
        pages = int(pathlib.Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / 2**20  # MiB

    for _ in range(4):
        once()
    before = resident()
    for _ in range(12):  # 24 models of 9 MB of weights each, and their memory on the device
        once()
    assert resident() - before < 60
