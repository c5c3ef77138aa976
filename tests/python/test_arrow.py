# SPDX-License-Identifier: Apache-2.0
"""Arrow's batches; tests/scale/databases.py brings them into databases."""

import numpy as np
import pyarrow
import pytest

import diptych
from diptych import arrow


def known(index):
    return {
        (item.kind, item.path, item.text): (item.width, item.modified, item.metadata, item.picture)
        for item in index.items()
    }


def test_an_index_goes_out_and_comes_back(index, tmp_path, model):
    index.add_texts(["a blue star", "ein „Stern“"], metadata=[{"n": 1, "deep": {"x": [None]}}, None])
    reader = arrow.batches(index, rows=5)
    assert reader.schema.field("vector").type == pyarrow.list_(pyarrow.float32(), 128)
    batches = list(reader)
    assert [batch.num_rows for batch in batches] == [5, 5, 4]
    table = pyarrow.Table.from_batches(batches)
    ids = table.column("id").to_pylist()
    assert ids == sorted(ids) and table.column("caption").to_pylist()[-1] == "ein „Stern“"
    assert table.column("path").to_pylist()[-1] is None and table.column("metadata").to_pylist()[-1] is None
    rows = np.array(table.column("vector").to_pylist(), np.float32)
    assert (rows == index.embeddings(ids)).all()

    done = arrow.read(tmp_path / "in.dip", table, model)
    assert (done.rows, done.replaced) == (14, 0)
    with diptych.Index.open(tmp_path / "in.dip") as back:
        assert known(back) == known(index)
        assert (back.embeddings(range(1, 15)) == rows).all()
    assert arrow.read(tmp_path / "in.dip", arrow.batches(index, kind="image", half=True)).replaced == 12


def test_half_vectors_are_those_of_the_index(index):
    (batch,) = arrow.batches(index, half=True, kind="image")
    assert batch.schema.field("vector").type == pyarrow.list_(pyarrow.float16(), 128)
    rows = batch.column("vector").flatten().to_numpy().reshape(-1, 128)
    assert (rows.astype(np.float32) == index.embeddings(batch.column("id").to_pylist())).all()
    assert not list(arrow.batches(index, where="width < 0"))


def test_other_columns_become_metadata(tmp_path, model):
    vectors = np.eye(3, 128, dtype=np.float64)
    columns = {
        "image_path": ["a.png", "b.png", ""],
        "embedding": list(vectors),
        "stars": [1, None, 3],
        "when": pyarrow.array([0, 1, 2], pyarrow.timestamp("s")),
        "metadata": ["no JSON", None, '{"n": 1}'],
    }
    arrow.read(tmp_path / "in.dip", pyarrow.table(columns), model, vector="embedding", storage="f32")
    with diptych.Index.open(tmp_path / "in.dip") as back:
        a, b, c = sorted(back.items(), key=lambda item: item.id)
        assert (a.path.endswith("a.png"), a.metadata["metadata"], a.metadata["stars"]) == (True, "no JSON", 1)
        assert b.metadata == {"when": "1970-01-01 00:00:01"}
        assert (c.path, c.metadata) == (None, {"n": 1, "stars": 3, "when": "1970-01-01 00:00:02"})
        assert (back.embeddings([a.id, b.id, c.id]) == vectors).all()


def test_numbers_that_json_has_not_are_null(tmp_path, model):
    columns = {
        "image_path": ["a.png", "b.png"],
        "vector": list(np.eye(2, 128)),
        "sharpness": [float("nan"), 0.5],
        "marks": [[1.0, float("inf")], []],
        "metadata": ['{"n": NaN}', None],
    }
    arrow.read(tmp_path / "in.dip", pyarrow.table(columns), model)
    with diptych.Index.open(tmp_path / "in.dip") as back:
        a, b = sorted(back.items(), key=lambda item: item.id)
        assert a.metadata == {"marks": [1.0, None], "n": None}
        assert b.metadata == {"marks": [], "sharpness": 0.5}


def test_what_is_no_vector_says_so(index, tmp_path, model):
    def read(column, name="vector"):
        arrow.read(tmp_path / "in.dip", pyarrow.table({name: column}), model)

    with pytest.raises(diptych.ArgumentError, match="no column 'vector': there are 'embedding'"):
        read([[1.0] * 128], "embedding")
    for column in ([1.0], [[1.0] * 128, None], [[1.0] * 127, [1.0] * 129], [["a"] * 128]):
        with pytest.raises(diptych.ArgumentError, match="column 'vector'"):
            read(column)
    with pytest.raises(diptych.FormatError, match="'records/"):
        read([[0.0] * 128])
    with pytest.raises(diptych.ArgumentError, match="rows is 0"):
        arrow.batches(index, rows=0)
    with pytest.raises(diptych.ArgumentError, match="unable to filter"):
        arrow.batches(index, where="nothing = 1")
    assert not (tmp_path / "in.dip").exists()
