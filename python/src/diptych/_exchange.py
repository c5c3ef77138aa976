# SPDX-License-Identifier: Apache-2.0
"""Files of other programs, as the library writes and reads them."""

from __future__ import annotations

import json
import math
import os
from typing import Any, NamedTuple

from ._declarations import ffi
from ._index import Index, kind_number
from ._inputs import Path
from ._job import Job, Progress
from ._library import Options, c_string, lib, sized
from ._model import Model
from .errors import Error


class Imported(NamedTuple):
    """What read() has done, in rows."""

    rows: int  #: that were added
    skipped: int  #: that were left out
    replaced: int  #: pictures that took the place of one with their path
    scaled: int  #: vectors whose length was not 1, and is now


def line_of(row: dict[str, Any]) -> str:
    """A row as a line of JSON, which has no NaN and no infinity: they are null. What is null says nothing."""
    known = {name: _finite(value) for name, value in row.items()}
    return json.dumps({name: value for name, value in known.items() if value is not None}, default=str) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, (list, tuple)) else value


def export_to(
    index: Index,
    to: str | bytes,
    *,
    where: str | None,
    match: str | None,
    kind: str | None,
    progress: Progress | None,
) -> int:
    """diptych_index_export; returns how many items."""
    opened = index._open
    items = ffi.new("size_t *")
    options = Options("struct diptych_export_options", where=where, match=match, kind=kind_number(kind))
    Job(progress).call(lib.diptych_index_export, opened[0], items, c_string(os.fsencode(to), "folder"), options.struct)
    return int(items[0])


def import_from(
    source: str,
    path: Path,
    model: Model | None,
    shown: str,
    *,
    storage: str | None,
    skip_bad: bool,
    progress: Progress | None,
) -> Imported:
    """diptych_index_import of a temporary folder, which errors call `shown`."""
    of_model = model._open if model else (ffi.NULL,)
    counts = sized("struct diptych_import_counts")
    options = Options("struct diptych_import_options", storage=storage, skip_bad=skip_bad)
    named = c_string(os.fsencode(path), "path")
    try:
        Job(progress).call(
            lib.diptych_index_import, counts, named, of_model[0], c_string(source.encode(), "folder"), options.struct
        )
    except Error as problem:
        raise type(problem)(str(problem).replace(source, shown)) from None
    return Imported(counts.rows, counts.skipped, counts.replaced, counts.scaled)
