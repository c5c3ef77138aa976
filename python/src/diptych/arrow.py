# SPDX-License-Identifier: Apache-2.0
"""An index as Arrow's batches of records, and those as an index: for LanceDB, Milvus, DuckDB, Parquet and whatever else
takes them, of any size. It takes pyarrow: ``pip install diptych[parquet]``.

    id size mtime_ns         int64           kind path caption picture hash taken camera lens   string
    width height             int32           lat lon                                            double
    metadata                 string, JSON    vector                                             float (E)

A text is its caption. What is unknown is null, and so is the vector of none.

>>> lancedb.connect("photos.lance").create_table("photos", arrow.batches(index))
>>> pyarrow.parquet.write_table(arrow.batches(index).read_all(), "photos.parquet")
>>> arrow.read("back.dip", pyarrow.parquet.ParquetFile("photos.parquet").iter_batches(), model)
"""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute  # type: ignore[import-untyped,unused-ignore]

from ._exchange import Imported, export_to, import_from, line_of
from ._index import Index
from ._inputs import Path
from ._job import Progress
from ._model import Model
from .errors import ArgumentError

_FIELDS = {
    "id": pyarrow.int64(),
    "kind": pyarrow.string(),
    "path": pyarrow.string(),
    "size": pyarrow.int64(),
    "mtime_ns": pyarrow.int64(),
    "width": pyarrow.int32(),
    "height": pyarrow.int32(),
    "caption": pyarrow.string(),
    "picture": pyarrow.string(),
    "hash": pyarrow.string(),
    "taken": pyarrow.string(),
    "camera": pyarrow.string(),
    "lens": pyarrow.string(),
    "lat": pyarrow.float64(),
    "lon": pyarrow.float64(),
    "metadata": pyarrow.string(),
}


def batches(
    index: Index,
    *,
    rows: int = 1024,
    half: bool = False,
    where: str | None = None,
    match: str | None = None,
    kind: str | None = None,
    progress: Progress | None = None,
) -> Any:
    """A pyarrow.RecordBatchReader of the items, all or those that fit (see Index.search), in order of id.

    rows  of a batch at most          half  vectors as float16, as an index of storage "f16" has them; else float32

    The items are those of now. They stand in temporary files until the last batch is read, so that memory does not grow.
    """
    if rows < 1:
        raise ArgumentError(f"rows is {rows}: a batch has one at least")
    element = pyarrow.float16() if half else pyarrow.float32()
    width = index.info.width
    schema = pyarrow.schema([*_FIELDS.items(), ("vector", pyarrow.list_(element, width))])
    folder = tempfile.TemporaryDirectory()
    try:
        export_to(index, os.path.join(folder.name, "items.npy"), where=where, match=match, kind=kind, progress=progress)
    except BaseException:
        folder.cleanup()
        raise
    return pyarrow.RecordBatchReader.from_batches(schema, _batches(folder, schema, rows))


def _batches(folder: tempfile.TemporaryDirectory[str], schema: Any, rows: int) -> Iterator[Any]:
    with folder as name, open(os.path.join(name, "items.jsonl"), encoding="utf-8") as lines:
        vectors = np.load(os.path.join(name, "items.npy"), mmap_mode="r")  # (N, E)
        for first in range(0, len(vectors), rows):
            part = np.ascontiguousarray(vectors[first : first + rows], schema.field("vector").type.value_type.to_pandas_dtype())
            items = [_record(json.loads(next(lines))) for _ in part]
            columns = [pyarrow.array([item.get(field) for item in items], _FIELDS[field]) for field in _FIELDS]
            flat = pyarrow.array(part.reshape(-1))
            columns.append(pyarrow.FixedSizeListArray.from_arrays(flat, part.shape[1]))
            yield pyarrow.RecordBatch.from_arrays(columns, schema=schema)


def _record(item: dict[str, Any]) -> dict[str, Any]:
    if "text" in item:
        item["caption"] = item.pop("text")
    if "metadata" in item:
        item["metadata"] = json.dumps(item["metadata"], ensure_ascii=False)
    return item


def read(
    path: Path,
    records: Any,
    model: Model | None = None,
    *,
    vector: str = "vector",
    storage: str | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Puts records into the index at ``path``, which is made where there is none: all, or none.

    records  a pyarrow.Table, or batches one after the other, as a RecordBatchReader has them
    model    that has made the vectors, of which only the width is checked. None is enough for an index that is there
    vector   the column that has them, as lists of numbers; other columns are taken by the names above, image_path and text
             too, and all else becomes metadata, in which NaN and infinities are null
    storage  of a new index: "f32", "f16", "i8"
    skip_bad rows that are zero or not finite are left out; otherwise they are an error
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in ("img_emb", "metadata"):
            pathlib.Path(folder, name).mkdir()
        parts: Iterable[Any] = records.to_batches() if hasattr(records, "to_batches") else records
        for i, part in enumerate(part for part in parts if part.num_rows):
            np.save(pathlib.Path(folder, "img_emb", f"img_emb_{i:08}.npy"), _matrix(part, vector))
            with pathlib.Path(folder, "metadata", f"metadata_{i:08}.jsonl").open("w", encoding="utf-8") as lines:
                for row in _others(part, vector):
                    lines.write(line_of(_item(row)))
        return import_from(folder, path, model, "records", storage=storage, skip_bad=skip_bad, progress=progress)


def _matrix(part: Any, vector: str) -> Any:
    if vector not in part.schema.names:
        raise ArgumentError(f"there is no column {vector!r}: there are {', '.join(map(repr, part.schema.names))}")
    column = part.column(vector)
    if not hasattr(column, "flatten") or column.null_count:
        raise ArgumentError(f"column {vector!r} is {column.type} with {column.null_count} null, not all lists of numbers")
    numbers = column.flatten().to_numpy(zero_copy_only=False)
    if numbers.dtype.kind != "f" or len(pyarrow.compute.unique(pyarrow.compute.list_value_length(column))) > 1:
        raise ArgumentError(f"column {vector!r} has no lists of numbers that are of one length")
    return numbers.reshape(len(column), -1)  # (N, E)


def _others(part: Any, vector: str) -> Iterable[dict[str, Any]]:
    names = [name for name in part.schema.names if name != vector]
    return part.select(names).to_pylist() if names else [{}] * part.num_rows


def _item(row: dict[str, Any]) -> dict[str, Any]:
    """The same, but for metadata that is JSON in a string."""
    if isinstance(said := row.get("metadata"), str):
        try:
            return {**row, "metadata": json.loads(said)}
        except ValueError:
            pass
    return row
