# SPDX-License-Identifier: Apache-2.0
"""What an index and its items are, and what was done to it."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, Union

from ._inputs import Picture


class Term(NamedTuple):
    """A part of a query with its weight, as Term("people", -1)."""

    what: Union[str, Picture]  #: a str is a text; the path of a picture is a pathlib.Path
    weight: float = 1.0  #: less than 0: away from it; a finite number, and not 0


@dataclasses.dataclass(frozen=True)
class IndexInfo:
    """What an index is."""

    images: int  #: items
    texts: int
    rows: int  #: vectors, those of items that were removed included
    width: int  #: E, the elements of an embedding
    path: str
    model: str  #: that it was made with: a path, a name or "default"
    fingerprint: str  #: ModelInfo.fingerprint of that model
    storage: str  #: "f32", "f16" or "i8"
    alpha: str  #: how its pictures are prepared, whatever the model's option says


@dataclasses.dataclass(frozen=True)
class Hit:
    """An item of an index, as a search has found it. None, and 0, where it is not known."""

    id: int
    score: float  #: the cosine; 0 without a query
    kind: str  #: "image" or "text"
    path: str | None  #: of the picture, or of the file that the text came from
    text: str | None  #: a picture's caption; a text itself
    picture: str | None  #: the path of the picture that a text describes
    metadata: dict[str, Any]
    width: int
    height: int
    bytes: int  #: of the file
    modified: int  #: its last change, in nanoseconds since 1970
    taken: str | None  #: "2024-06-01 09:30:00+02:00" or less: when a picture was taken
    camera: str | None
    lens: str | None
    latitude: float  #: degrees, north and east positive
    longitude: float
    copies: int  #: with hide_copies: nearly the same pictures that are not shown


class Hits(list[Hit]):
    """Hits of a query, the best first."""

    more = False  #: there are more behind these


@dataclasses.dataclass(frozen=True)
class SyncCounts:
    """What a sync has done, in pictures and texts."""

    images_new: int
    images_changed: int
    images_copied: int
    images_moved: int
    images_unchanged: int
    images_gone: int  #: that left the index
    images_missing: int  #: that stay: their drive may not be there
    images_excluded: int  #: that left the index, since they are left out now
    images_failed: int  #: that could not be read
    images_failed_before: int  #: and did not change since
    texts_new: int
    texts_copied: int
    texts_gone: int
    texts_unchanged: int
    texts_failed: int
    texts_truncated: int
    encoded: int  #: pictures and texts that the model has seen
    failed: int  #: all failures


class Removed(NamedTuple):
    """What a removal has done."""

    removed: int  #: items
    missing: int  #: ids and paths that the index has nothing of
