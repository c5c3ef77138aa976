# SPDX-License-Identifier: Apache-2.0
"""clip-retrieval's folders; tests/bench/python_peers.py holds them against its own reader and writer."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

import diptych
from diptych import clip_retrieval
from diptych._exchange import export_to


def test_an_index_goes_out_and_comes_back(index, tmp_path, model):
    index.add_texts(
        ["a blue star", "a red heart"], metadata=[{"n": 1, "mixed": 1}, {"n": 2, "mixed": "one", "size": 3}]
    )
    folder = tmp_path / "out"
    assert clip_retrieval.write(index, folder) == 14
    images = pyarrow.parquet.read_table(folder / "metadata" / "metadata_0.parquet")
    texts = pyarrow.parquet.read_table(folder / "text_metadata" / "text_metadata_0.parquet").to_pylist()
    rows = np.load(folder / "img_emb" / "img_emb_0.npy")
    assert rows.dtype == np.float16 and rows.shape == (12, 128) and images.num_rows == 12
    assert images.column("image_path").to_pylist() == [
        hit.path for hit in sorted(index.items(kind="image"), key=lambda h: h.id)
    ]
    assert [text["n"] for text in texts] == [1, 2] and [text["mixed"] for text in texts] == ["1", '"one"']
    assert not list(folder.glob("*/*.jsonl"))

    done = clip_retrieval.read(tmp_path / "in.dip", folder, model)
    assert (done.rows, done.replaced) == (14, 0)
    with diptych.Index.open(tmp_path / "in.dip", model) as back:
        assert (back.info.images, back.info.texts) == (12, 2)
        found, meant = back.search("a red heart", kind="image")[0], index.search("a red heart", kind="image")[0]
        assert (found.path, found.width, found.modified // 10**9) == (meant.path, meant.width, meant.modified // 10**9)
        assert back.search("a red heart", kind="text")[0].metadata["n"] == 2
    assert clip_retrieval.read(tmp_path / "in.dip", folder).replaced == 12


def test_clip_retrieval_s_own_layout_comes_in(tmp_path, model):
    """Captions are those of the pictures, row by row, in parts with numbers of two digits."""
    generator = np.random.default_rng(1)
    for part in range(2):
        rows = generator.normal(size=(3, 128)).astype(np.float16)
        for name in ("img_emb", "text_emb"):
            (tmp_path / name).mkdir(exist_ok=True)
            np.save(tmp_path / name / f"{name}_{part:02}.npy", rows)
        (tmp_path / "metadata").mkdir(exist_ok=True)
        columns = {
            "image_path": [f"{part}-{i}" for i in range(3)],
            "caption": ["one", None, "three"],
            "url": ["https://example.org"] * 3,
            "when": pyarrow.array([0, 1, 2], pyarrow.timestamp("s")),
        }
        pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "metadata" / f"metadata_{part:02}.parquet")
    with pytest.raises(diptych.FormatError):
        clip_retrieval.read(tmp_path / "in.dip", tmp_path, model)  # a text without words
    for part in range(2):
        (tmp_path / "text_emb" / f"text_emb_{part:02}.npy").unlink()
    (tmp_path / "text_emb").rmdir()
    done = clip_retrieval.read(tmp_path / "in.dip", tmp_path, model, storage="f32")
    assert done.rows == done.scaled == 6
    with diptych.Index.open(tmp_path / "in.dip") as back:
        items = {item.path: item for item in back.items()}
        (path,) = [path for path in items if path.endswith("1-2")]
        assert items[path].text == "three" and items[path].metadata["url"] == "https://example.org"
        assert items[path].metadata["when"] == "1970-01-01 00:00:02"


def test_lines_of_the_command_come_in(index, tmp_path, model):
    """A folder of `diptych index export`, which has no Parquet."""
    index.add_texts(["a blue star", "a red heart"], metadata=[{"n": 1}, {"n": 2}])
    export_to(index, f"{tmp_path}/out/", where=None, match=None, kind=None, progress=None)
    assert not list(tmp_path.glob("out/*/*.parquet"))
    assert clip_retrieval.read(tmp_path / "in.dip", tmp_path / "out", model).rows == 14
    with diptych.Index.open(tmp_path / "in.dip") as back:
        assert [item.metadata for item in back.items(kind="text")] == [{"n": 1}, {"n": 2}]
        assert {item.path for item in back.items(kind="image")} == {item.path for item in index.items(kind="image")}


def test_numbers_that_json_has_not_are_null(tmp_path, model):
    for name in ("img_emb", "metadata"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "img_emb" / "img_emb_0.npy", np.eye(2, 128, dtype=np.float32))
    columns = {"image_path": ["a.png", "b.png"], "sharpness": [float("nan"), 0.5], "marks": [[float("inf")], []]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "metadata" / "metadata_0.parquet")
    clip_retrieval.read(tmp_path / "in.dip", tmp_path, model)
    with diptych.Index.open(tmp_path / "in.dip") as back:
        assert [item.metadata for item in back.items()] == [{"marks": [None]}, {"marks": [], "sharpness": 0.5}]


def test_objects_with_nothing_in_them_are_json(index, tmp_path):
    index.add_texts(["a blue star"], metadata=[{"none": {}, "deep": {"x": [{}]}, "some": {"y": 1}}])
    clip_retrieval.write(index, tmp_path / "out", kind="text")
    (row,) = pyarrow.parquet.read_table(tmp_path / "out" / "text_metadata" / "text_metadata_0.parquet").to_pylist()
    assert (row["none"], row["deep"], row["some"]) == ("{}", '{"x": [{}]}', {"y": 1})


def test_folders_that_are_none_say_so(tmp_path, index, model):
    with pytest.raises(diptych.Error, match="/nothing' has neither img_emb"):
        clip_retrieval.read(tmp_path / "in.dip", tmp_path / "nothing", model)
    with pytest.raises(diptych.ArgumentError, match="kind is 'photo'"):
        clip_retrieval.write(index, tmp_path / "out", kind="photo")
