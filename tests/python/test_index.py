# SPDX-License-Identifier: Apache-2.0
"""Indexes: brought up to date, added to, searched, removed from."""

import pathlib

import numpy as np
import pytest
from PIL import Image

import diptych
from conftest import PICTURES


def test_create_open_and_what_it_is(tmp_path, model):
    with diptych.Index.create(tmp_path / "a.dip", model, storage="f32") as index:
        assert (index.info.images, index.info.width, index.info.storage) == (0, 128, "f32")
        assert "a.dip" in repr(index)
        with pytest.raises(diptych.BusyError):
            diptych.Index.open(tmp_path / "a.dip", write=True)
    assert "closed" in repr(index)
    with pytest.raises(diptych.ArgumentError, match="the index is closed"):
        index.search("a")
    with diptych.Index.open(tmp_path / "a.dip") as reader:
        with pytest.raises(diptych.ArgumentError, match="not open for writing"):
            reader.add_texts(["a"])
        with pytest.raises(diptych.ArgumentError, match="without a model"):
            reader.search("a")
    with diptych.Model(index=tmp_path / "a.dip") as same:
        assert same.info.fingerprint == model.info.fingerprint
    with pytest.raises(diptych.FileError, match="none.dip"):
        diptych.Index.open(tmp_path / "none.dip")


def test_sync_counts(tmp_path, model):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("01.png", "02.png"):
        (folder / name).write_bytes((PICTURES / name).read_bytes())
    (folder / "bad.png").write_bytes((PICTURES / "01.png").read_bytes()[:200])
    (folder / "left.png").write_bytes((PICTURES / "04.png").read_bytes())
    with diptych.Index.create(tmp_path / "a.dip", model) as index:
        with pytest.warns(diptych.InputWarning, match="bad.png") as caught:
            counts = index.sync(folder, excludes=["left.png"])
        assert caught[0].filename == __file__
        assert (counts.images_new, counts.images_failed, counts.encoded) == (2, 1, 2)
        (folder / "01.png").rename(folder / "moved.png")
        failures = []
        counts = index.sync(retry=True, failures=failures)
        assert (counts.images_moved, counts.images_unchanged, counts.encoded) == (1, 1, 0)
        assert [type(failure) for failure in failures] == [diptych.FormatError]
        assert sorted(pathlib.Path(hit.path).name for hit in index.items()) == ["02.png", "moved.png"]


def test_search(index):
    hits = index.search("three white flowers", top=3)
    assert pathlib.Path(hits[0].path).name == "07.png" and hits[0].kind == "image" and hits.more
    assert (hits[0].width, hits[0].height) == (300, 400) and hits[0].bytes > 0 and hits[0].metadata == {}
    assert len(hits) == 3 and hits[0].score > hits[1].score
    for query in (PICTURES / "07.png", (PICTURES / "07.png").read_bytes(), Image.open(PICTURES / "07.png")):
        assert index.search(query, top=1)[0].id == hits[0].id
    weighted = index.search("three white flowers", diptych.Term(PICTURES / "07.png", -2), top=12)
    assert weighted[-1].id == hits[0].id
    assert not index.search("a", min_score=0.99) and not index.search("a", kind="text")
    assert [hit.id for hit in index.search("three white flowers", skip=1, top=1)] == [hits[1].id]
    assert len(index.search("a", where="width >= 1024")) == 0


def test_search_by_embeddings(index, model):
    queries = model.encode_texts(["three white flowers", "a red heart"])
    first, second = index.search_embeddings(queries, top=1)
    assert pathlib.Path(first[0].path).name == "07.png" and pathlib.Path(second[0].path).name == "01.png"
    assert index.search_embeddings(queries[0], top=1) == [first]
    rows = index.embeddings([first[0].id, second[0].id])
    assert rows.shape == (2, 128) and np.allclose((rows * queries).sum(1), [first[0].score, second[0].score], atol=1e-3)
    with pytest.raises(diptych.NotFoundError):
        index.embeddings([999])
    with pytest.raises(diptych.ArgumentError, match="queries have the shape"):
        index.search_embeddings([[1.0, 2.0]])


def test_searches_that_make_no_sense_say_so(index):
    with pytest.raises(diptych.ArgumentError, match="nothing to search for"):
        index.search()
    with pytest.raises(TypeError, match=r"query\[0\] is of type list"):
        index.search(["a", "b"])
    with pytest.raises(diptych.ArgumentError, match="column"):
        index.search("a", where="no such column")
    with pytest.raises(diptych.ArgumentError, match="kind is 'photo'"):
        index.search("a", kind="photo")
    with pytest.raises(diptych.ArgumentError, match="top is 0"):
        index.search("a", top=0)
    with pytest.raises(OSError, match="none.png"):
        index.search(pathlib.Path("none.png"))
    for weight in (0, float("nan"), float("-inf")):
        with pytest.raises(diptych.ArgumentError, match=r"query\[1\] has the weight"):
            index.search("a", diptych.Term("b", weight))


def test_add_and_remove(index, model):
    outcomes = []
    ids = index.add_images(
        [np.zeros((20, 30, 4), np.uint8), "none.png", PICTURES / "01.png"],
        captions=["nothing", None, None],
        metadata=[{"stars": 3, "tags": ["ä"]}, None, None],
        outcomes=outcomes,
    )
    assert ids[1] == -1 and isinstance(outcomes[1].error, diptych.FileError)
    (hit,) = index.search("nothing", where="id = %d" % ids[0])
    assert (hit.text, hit.metadata, hit.width) == ("nothing", {"stars": 3, "tags": ["ä"]}, 30)
    row = model.encode_texts(["a red heart"])
    (text,) = index.add_texts(["something else"], embeddings=row)
    assert index.search("a red heart", kind="text")[0].id == text
    with pytest.raises(diptych.FileError, match="none.png"):
        index.add_images(["none.png"])
    with pytest.raises(diptych.ArgumentError, match="there are 1 to add, and 2 captions"):
        index.add_images(["none.png"], captions=["a", "b"])
    assert index.remove([text, 999]) == (1, 1)
    assert index.remove(kind="text").removed == 0
    assert index.remove(paths=[PICTURES / "05.jpg"]).removed == 1
    with pytest.raises(TypeError, match="ids is of type str: give a list of numbers"):
        index.remove("01.png")
    with pytest.raises(diptych.ArgumentError, match="nothing to remove"):
        index.remove()


def test_items_are_all_there(index):
    index.add_texts([f"text {i}" for i in range(1500)], embeddings=np.eye(1500, 128, dtype=np.float32) + 0.1)
    ids = [item.id for item in index.items()]
    assert len(ids) == len(set(ids)) == 1512
    assert [pathlib.Path(item.path).name for item in index.items(kind="image")] == sorted(
        path.name for path in PICTURES.iterdir()
    )


def test_readers_see_more_when_they_look_again(index):
    with diptych.Index.open(index.info.path) as reader:
        index.add_texts(["a"])
        assert reader.info.texts == 0
        reader.refresh()
        assert reader.info.texts == 1
