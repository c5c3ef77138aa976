# SPDX-License-Identifier: Apache-2.0
"""An index as the folders of clip-retrieval, and those as an index. It takes pyarrow: ``pip install diptych[parquet]``.

    folder/img_emb/img_emb_0.npy             float16 or float32 (N, E)
    folder/metadata/metadata_0.parquet       N rows: image_path, caption, and what else is known
    folder/text_emb/text_emb_0.npy           the same of texts, whose rows are
    folder/text_metadata/text_metadata_0.parquet

clip-retrieval itself writes texts that are the captions of its pictures, row by row, and no text_metadata: that is
read, too. Metadata of items become columns of their own; what is of several types in one column is JSON in a string.
"""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow  # type: ignore[import-untyped,unused-ignore]
import pyarrow.parquet  # type: ignore[import-untyped,unused-ignore]

from ._declarations import ffi
from ._index import Index, kind_number
from ._inputs import Path
from ._job import Job, Progress
from ._library import Options, c_string, lib, sized
from ._model import Model
from .errors import Error

_FOLDERS = ("metadata", "text_metadata")


class Imported(NamedTuple):
    """What read() has done, in rows."""

    rows: int  #: that were added
    skipped: int  #: that were left out
    replaced: int  #: pictures that took the place of one with their path
    scaled: int  #: vectors whose length was not 1, and is now


def write(
    index: Index,
    folder: Path,
    *,
    where: str | None = None,
    match: str | None = None,
    kind: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Writes items of an index, all or those that fit (see Index.search), in order of id; returns how many.

    The folder is a new or an empty one. Its vectors are those that the index keeps, bit for bit.
    """
    opened = index._open
    items = ffi.new("size_t *")
    options = Options("struct diptych_export_options", where=where, match=match, kind=kind_number(kind))
    path = c_string(os.path.join(os.fsencode(folder), b""), "folder")
    Job(progress).call(lib.diptych_index_export, opened[0], items, path, options.struct)
    for lines in _files(folder, "*.jsonl"):
        with lines.open(encoding="utf-8") as file:
            table = _table([_columns(json.loads(line)) for line in file])
        pyarrow.parquet.write_table(table, lines.with_suffix(".parquet"))
        lines.unlink()
    return int(items[0])


def read(
    path: Path,
    folder: Path,
    model: Model | None = None,
    *,
    storage: str | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Puts the rows of a folder into the index at ``path``, which is made where there is none: all, or none.

    model     that has made the vectors, of which only the width is checked. None is enough for an index that is there
    storage   of a new index: "f32", "f16", "i8"
    skip_bad  rows that are zero or not finite are left out; otherwise they are an error
    """
    of_model = model._open if model else (ffi.NULL,)
    counts = sized("struct diptych_import_counts")
    options = Options("struct diptych_import_options", storage=storage, skip_bad=skip_bad)
    named = c_string(os.fsencode(path), "path")
    with tempfile.TemporaryDirectory() as beside:
        _link_with_lines(beside, folder)
        source = c_string(os.fsencode(beside), "folder")
        try:
            Job(progress).call(lib.diptych_index_import, counts, named, of_model[0], source, options.struct)
        except Error as problem:
            raise type(problem)(str(problem).replace(beside, os.fsdecode(folder))) from None
    return Imported(counts.rows, counts.skipped, counts.replaced, counts.scaled)


def _link_with_lines(out: str, folder: Path) -> None:
    """The folder's vectors, and its Parquet as the lines of JSON that the library reads."""
    for name in ("img_emb", "text_emb"):
        if (vectors := pathlib.Path(folder, name)).is_dir():
            pathlib.Path(out, name).symlink_to(vectors.resolve())
    for parquet in _files(folder, "*.parquet"):
        lines = pathlib.Path(out, parquet.parent.name, parquet.stem + ".jsonl")
        lines.parent.mkdir(exist_ok=True)
        with lines.open("w", encoding="utf-8") as file:
            for row in _rows(parquet):
                file.write(json.dumps(row, default=str) + "\n")


def _files(folder: Path, pattern: str) -> list[pathlib.Path]:
    return [file for name in _FOLDERS for file in sorted(pathlib.Path(os.fsdecode(folder), name).glob(pattern))]


# ---- lines of an index as columns


def _columns(item: dict[str, Any]) -> dict[str, Any]:
    """A line of the export as clip-retrieval calls things."""
    metadata = item.pop("metadata", None) or {}
    if item.get("kind") == "image" and "path" in item:
        item["image_path"] = item.pop("path")
    return {**{name: value for name, value in metadata.items() if name not in item}, **item}


def _table(rows: list[dict[str, Any]]) -> Any:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pyarrow.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> Any:
    try:
        return pyarrow.array(values)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        return pyarrow.array([None if value is None else json.dumps(value) for value in values])


def _rows(parquet: pathlib.Path) -> Iterator[dict[str, Any]]:
    for batch in pyarrow.parquet.ParquetFile(parquet).iter_batches():
        for row in batch.to_pylist():
            yield {name: value for name, value in row.items() if value is not None}
