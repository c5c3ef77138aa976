# SPDX-License-Identifier: Apache-2.0
"""An index as the folders of clip-retrieval, and those as an index. It takes pyarrow: ``pip install diptych[parquet]``.

    folder/img_emb/img_emb_0.npy             float16 or float32 (N, E)
    folder/metadata/metadata_0.parquet       N rows: image_path, caption, and what else is known
    folder/text_emb/text_emb_0.npy           the same of texts, whose rows are
    folder/text_metadata/text_metadata_0.parquet

Lines of JSON are read where there is no Parquet of their name, as `diptych index export` writes them: metadata_0.jsonl.
clip-retrieval itself writes texts that are the captions of its pictures, row by row, and no text_metadata: that is
read, too. Metadata of items become columns of their own; what is of several types in one column, or has objects without
anything in them, is JSON in a string.
"""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow  # type: ignore[import-untyped,unused-ignore]
import pyarrow.parquet  # type: ignore[import-untyped,unused-ignore]

from ._exchange import Imported, export_to, import_from, line_of
from ._index import Index
from ._inputs import Path
from ._job import Progress
from ._model import Model

__all__ = ["Imported", "read", "write"]

_FOLDERS = ("metadata", "text_metadata")
_AT_ONCE = 10000  # rows: no more are in memory


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
    to = os.path.join(os.fsencode(folder), b"")
    count = export_to(index, to, where=where, match=match, kind=kind, progress=progress)
    for lines in _files(folder, "*.jsonl"):
        types = _types(lines)
        schema = pyarrow.schema([(name, one or pyarrow.string()) for name, one in types.items()])
        with pyarrow.parquet.ParquetWriter(lines.with_suffix(".parquet"), schema) as file:
            for rows in _blocks(lines):
                columns = [_column([row.get(name) for row in rows], one) for name, one in types.items()]
                file.write_table(pyarrow.table(columns, schema=schema))
        lines.unlink()
    return count


def read(
    path: Path,
    folder: Path,
    model: Model | None = None,
    *,
    storage: str | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Puts the rows of a folder into the index at ``path``, which is made where there is none: all, or none. NaN and
    infinities in metadata are null.

    model     that has made the vectors, of which only the width is checked. None is enough for an index that is there
    storage   of a new index: "f32", "f16", "i8"
    skip_bad  rows that are zero or not finite are left out; otherwise they are an error
    """
    with tempfile.TemporaryDirectory() as beside:
        _link_with_lines(beside, folder)
        shown = os.fsdecode(folder)
        return import_from(beside, path, model, shown, storage=storage, skip_bad=skip_bad, progress=progress)


def _link_with_lines(out: str, folder: Path) -> None:
    """The folder's vectors, and its Parquet as the lines of JSON that the library reads; or such lines themselves."""
    for name in ("img_emb", "text_emb"):
        if (vectors := pathlib.Path(folder, name)).is_dir():
            pathlib.Path(out, name).symlink_to(vectors.resolve())
    for parquet in _files(folder, "*.parquet"):
        lines = pathlib.Path(out, parquet.parent.name, parquet.stem + ".jsonl")
        lines.parent.mkdir(exist_ok=True)
        with lines.open("w", encoding="utf-8") as file:
            for row in _rows(parquet):
                file.write(line_of(row))
    for lines in _files(folder, "*.jsonl"):
        link = pathlib.Path(out, lines.parent.name, lines.name)
        if not link.exists():
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(lines.resolve())


def _files(folder: Path, pattern: str) -> list[pathlib.Path]:
    return [file for name in _FOLDERS for file in sorted(pathlib.Path(os.fsdecode(folder), name).glob(pattern))]


# ---- lines of an index as columns


def _columns(item: dict[str, Any]) -> dict[str, Any]:
    """A line of the export as clip-retrieval calls things."""
    metadata = item.pop("metadata", None) or {}
    if item.get("kind") == "image" and "path" in item:
        item["image_path"] = item.pop("path")
    return {**{name: value for name, value in metadata.items() if name not in item}, **item}


def _blocks(lines: pathlib.Path) -> Iterator[list[dict[str, Any]]]:
    with lines.open(encoding="utf-8") as file:
        while rows := [_columns(json.loads(line)) for line in itertools.islice(file, _AT_ONCE)]:
            yield rows


def _types(lines: pathlib.Path) -> dict[str, Any]:
    """Each column's type in all rows; None: it has several, or none that Parquet holds, and is JSON in a string."""
    types: dict[str, Any] = {}
    for rows in _blocks(lines):
        for name in dict.fromkeys(name for row in rows for name in row):
            types[name] = _joined(types.get(name, pyarrow.null()), _type([row.get(name) for row in rows]))
    return types


def _type(values: list[Any]) -> Any:
    try:
        kind = pyarrow.array(values).type
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        return None
    return None if _has_empty(kind) else kind


def _has_empty(kind: Any) -> bool:
    """Whether it is, or holds, a struct without fields, which Parquet does not hold."""
    if pyarrow.types.is_list(kind):
        return _has_empty(kind.value_type)
    if not pyarrow.types.is_struct(kind):
        return False
    return not kind.num_fields or any(_has_empty(field.type) for field in kind)


def _joined(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return None
    if pyarrow.null() in (one, other) or one == other:
        return other if one == pyarrow.null() else one
    return pyarrow.float64() if {one, other} == {pyarrow.int64(), pyarrow.float64()} else None


def _column(values: list[Any], kind: Any) -> Any:
    if kind is not None:
        return pyarrow.array(values, kind)
    return pyarrow.array([None if value is None else json.dumps(value) for value in values], pyarrow.string())


def _rows(parquet: pathlib.Path) -> Iterator[dict[str, Any]]:
    for batch in pyarrow.parquet.ParquetFile(parquet).iter_batches():
        yield from batch.to_pylist()
