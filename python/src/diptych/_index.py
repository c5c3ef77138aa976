# SPDX-License-Identifier: Apache-2.0
"""An index: vectors of pictures and texts in a folder, and what they stand for."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._declarations import ffi
from ._handle import Handle
from ._inputs import (
    Outcome,
    Path,
    Paths,
    Picture,
    address,
    embeddings_of,
    kind_of,
    listed,
    outcomes_owner,
    put_outcomes,
    put_picture,
)
from ._items import Hit, Hits, IndexInfo, Removed, SyncCounts, Term
from ._job import Job, Progress, warn
from ._library import Options, c_string, call, described, filled, lib, owner, sized, text_or_none
from ._model import Model
from .errors import ArgumentError, Error

_KINDS = (None, "image", "text")
_ORDERS = ("score", "date", "taken", "path")


class Index(Handle):
    """Vectors of pictures and texts in a folder, NAME.dip by custom, and what they stand for.

    >>> with Model() as model, Index.create("photos.dip", model) as index:
    ...     index.sync(["photos"])                        # and again, when photos have changed
    ...     for hit in index.search("a beach", Term("people", -1), top=3):
    ...         print(hit.score, hit.path)

    Opened for reading it is as it was then, and as it is at each refresh(). Threads that share one take turns. One
    handle at a time, of all processes, is open for writing.
    """

    def __init__(
        self,
        path: Path | None,
        model: Model | None = None,
        *,
        write: bool = False,
        create: bool = False,
        storage: str | None = None,
    ) -> None:
        """Index.open and Index.create say more."""
        options = Options("struct diptych_index_options", write=write, make=create, storage=storage)
        named = ffi.NULL if path is None else c_string(os.fsencode(path), "path")
        of_model = model._open if model else (ffi.NULL,)
        self._handle = owner("struct diptych_index", lib.diptych_index_free)
        call(lib.diptych_index_open, self._handle, named, of_model[0], options.struct)
        self._path = self.info.path

    @classmethod
    def open(cls, path: Path | None = None, model: Model | None = None, *, write: bool = False) -> Index:
        """Opens an index that is there.

        path   None: the one that the command has where none is named
        model  makes vectors of what goes in or is looked for; Model(index=path) is the one that it takes. None is
               enough for info, items, embeddings and remove
        write  for sync, add_images, add_texts and remove

        FileError: there is no index. ModelError: it has vectors of another model. BusyError: somebody else writes.
        """
        return cls(path, model, write=write)

    @classmethod
    def create(cls, path: Path | None, model: Model, *, storage: str | None = None) -> Index:
        """Opens an index for writing, and makes it where it is not there.

        storage  of the vectors: "f32", "f16", "i8"; None: "f16" for a new one
        """
        return cls(path, model, create=True, storage=storage)

    def __repr__(self) -> str:
        return f"<diptych.Index {self._path!r}{', closed' if self._handle is None else ''}>"

    @property
    def info(self) -> IndexInfo:
        """What it is, now."""
        index = self._open
        said = described("struct diptych_index_info", lib.diptych_index_info, index[0])
        return filled(IndexInfo, said)

    def refresh(self) -> None:
        """Sees what others have written since."""
        index = self._open
        call(lib.diptych_index_refresh, index[0])

    def embeddings(self, ids: Iterable[int]) -> npt.NDArray[np.float32]:
        """Embeddings of items, as they are stored: float32 (N, E). NotFoundError: there is no such item."""
        index = self._open
        wanted = _ids(ids)
        out = np.empty((len(wanted), self.info.width), np.float32)  # (N, E)
        call(lib.diptych_index_embeddings, index[0], address(out, "float *"), address(wanted, "int64_t *"), len(wanted))
        return out

    # -- what goes in

    def sync(
        self,
        pictures: Path | Iterable[Path] = (),
        *,
        texts: Path | Iterable[Path] = (),
        captions: Path | Iterable[Path] = (),
        metadata: Path | Iterable[Path] = (),
        excludes: Sequence[str] | None = None,
        gone: bool = False,
        retry: bool = False,
        failures: list[Error] | None = None,
        progress: Progress | None = None,
    ) -> SyncCounts:
        """Makes the index what its sources are.

        What did not change is not read again, what was renamed keeps its vector, what is gone leaves. Ctrl-C keeps most
        of what was done, and the next sync goes on from there.

        pictures  what the index is made from, and remembers: pictures, folders of them, archives
        texts     files with a text a line            captions  caption files of the pictures
        metadata  JSON lines or CSV on the pictures   Without all four: what the index remembers
        excludes  what of folders does not go in, as in .gitignore; remembered. None: as before
        gone      pictures that are missing leave the index, however many, also where their folder is not there
        retry     pictures that could not be read before, and did not change, are tried again
        failures  a list that takes what could not be read. Without one it is an InputWarning each
        """
        index = self._open
        lists = {
            "picture": Paths(pictures, "pictures"),
            "text": Paths(texts, "texts"),
            "caption": Paths(captions, "captions"),
            "metadata": Paths(metadata, "metadata"),
        }
        fields = {f"{name}_count": paths.count for name, paths in lists.items()}
        fields |= {name if name == "metadata" else f"{name}s": paths.array for name, paths in lists.items()}
        if excludes is not None:
            lists["exclude"] = left_out = Paths(excludes, "excludes")
            fields |= {"excludes": left_out.array, "exclude_count": left_out.count}
        options = Options("struct diptych_sync_options", gone=gone, retry=retry, **fields)
        counts = sized("struct diptych_sync_counts")
        job = Job(progress, strict=False)
        job.call(lib.diptych_index_sync, index[0], counts, options.struct)
        if failures is not None:
            failures[:] = job.failures
        else:
            for failure in job.failures:
                warn(str(failure))
        return filled(SyncCounts, counts)

    def add_images(
        self,
        images: Iterable[Picture],
        *,
        captions: Sequence[str | None] | None = None,
        metadata: Sequence[dict[str, Any] | None] | None = None,
        embeddings: npt.ArrayLike | None = None,
        outcomes: list[Outcome] | None = None,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.int64]:
        """Adds pictures that lie in no folder, of which the index keeps a copy: int64 (N) ids, -1 of those that failed.

        captions    (N) of the pictures                metadata  (N) objects of JSON
        embeddings  (N, E) of length 1, where they are there already

        All that can be read go in with one commit, also where outcomes is None and the first failure is raised then.
        """
        items = listed(images, "images")
        return self._add(items, None, captions, metadata, embeddings, outcomes, progress)

    def add_texts(
        self,
        texts: Iterable[str],
        *,
        metadata: Sequence[dict[str, Any] | None] | None = None,
        embeddings: npt.ArrayLike | None = None,
        outcomes: list[Outcome] | None = None,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.int64]:
        """Adds texts: int64 (N) ids. See add_images."""
        return self._add(None, listed(texts, "texts"), None, metadata, embeddings, outcomes, progress)

    def _add(
        self,
        images: list[Any] | None,
        texts: list[str] | None,
        captions: Sequence[str | None] | None,
        metadata: Sequence[dict[str, Any] | None] | None,
        embeddings: npt.ArrayLike | None,
        outcomes: list[Outcome] | None,
        progress: Progress | None,
    ) -> npt.NDArray[np.int64]:
        index = self._open
        count = len(images if images is not None else texts or ())
        additions, alive = ffi.new("struct diptych_addition[]", count), []
        for name, beside in (("captions", captions), ("metadata", metadata), ("embeddings", embeddings)):
            if beside is not None and len(beside) != count:  # type: ignore[arg-type]
                raise ArgumentError(f"there are {count} to add, and {len(beside)} {name}")  # type: ignore[arg-type]
        rows = None if embeddings is None else embeddings_of(embeddings, self.info.width, "embeddings")
        for i in range(count):
            one = additions[i]
            if images is not None:
                alive.append(put_picture(one.image, images[i], f"images[{i}]"))
            for field, values, name in (("text", texts, "texts"), ("caption", captions, "captions")):
                if values is not None and values[i] is not None:
                    alive.append(_text(values[i], f"{name}[{i}]"))
                    setattr(one, field, alive[-1])
            if metadata is not None and metadata[i] is not None:
                alive.append(c_string(json.dumps(metadata[i]).encode(), f"metadata[{i}]"))
                one.metadata = alive[-1]
            if rows is not None:
                one.embedding = address(rows[i], "float *")
        ids = np.empty(count, np.int64)  # (N)
        handle = outcomes_owner()
        job = Job(progress, strict=False)
        job.call(lib.diptych_index_add, index[0], address(ids, "int64_t *"), additions, count, handle)
        put_outcomes(outcomes, handle)
        if outcomes is None and job.failures:
            raise job.failures[0]
        return ids

    def remove(
        self,
        ids: Iterable[int] = (),
        *,
        paths: Path | Iterable[Path] = (),
        where: str | None = None,
        match: str | None = None,
        kind: str | None = None,
    ) -> Removed:
        """Removes items in one commit; files stay, but for the index's own.

        paths   pictures, folders, files of texts; a path that the index was made from is no longer one of its sources
        where, match, kind   of what lies below the paths, or without paths of all, only what fits: see search
        """
        index = self._open
        wanted = _ids(ids)
        below = Paths(paths, "paths")
        options = Options(
            "struct diptych_remove_options",
            ids=address(wanted, "int64_t *"),
            id_count=len(wanted),
            paths=below.array,
            path_count=below.count,
            where=where,
            match=match,
            kind=kind_number(kind),
        )
        removed, missing = ffi.new("size_t *"), ffi.new("size_t *")
        Job(None, strict=False).call(lib.diptych_index_remove, index[0], removed, missing, options.struct)
        return Removed(removed[0], missing[0])

    # -- what is in it

    def search(
        self,
        *query: str | Picture | Term,
        top: int = 10,
        skip: int = 0,
        min_score: float | None = None,
        kind: str | None = None,
        where: str | None = None,
        match: str | None = None,
        match_fts5: bool = False,
        hide_copies: bool = False,
        in_turns: bool = False,
        progress: Progress | None = None,
    ) -> Hits:
        """The items whose cosine with the query is highest, exactly.

        query      texts and pictures, added; Term("people", -1) has a weight, which is not 0. A str is a text: pictures
                   are a pathlib.Path, bytes, uint8 arrays or pictures of Pillow
        top        hits at most                    skip         so many are passed over
        min_score  none below                      kind         "image" or "text" alone
        where      an SQL expression over the items: "width >= 1024 and taken < '2024'"
        match      words in captions and paths: "kite sea*"; match_fts5: in FTS5's query language
        hide_copies  a picture that is nearly the same as a hit before it is none of its own
        in_turns   a picture and a text in turns; otherwise all pictures, then all texts
        """
        index = self._open
        if not query:
            raise ArgumentError("nothing to search for: items() lists what there is")
        terms, alive = ffi.new("struct diptych_term[]", len(query)), []
        for i, given in enumerate(query):
            what, weight = given if isinstance(given, Term) else Term(given)
            if weight == 0 or not math.isfinite(weight):  # to the library, 0 is a weight that nobody has set: 1
                raise ArgumentError(f"query[{i}] has the weight {weight}: it is a number, and not 0")
            terms[i].weight = weight
            if isinstance(what, str):
                alive.append(_text(what, f"query[{i}]"))
                terms[i].text = alive[-1]
            else:
                alive.append(put_picture(terms[i].image, what, f"query[{i}]"))
        options = _search_options(
            top=top,
            skip=skip,
            min_score=min_score,
            kind=kind,
            where=where,
            match=match,
            match_fts5=match_fts5,
            hide_copies=hide_copies,
            in_turns=in_turns,
        )
        found = owner("struct diptych_hits", lib.diptych_hits_free)
        Job(progress).call(lib.diptych_index_search, found, index[0], terms, len(query), options.struct)
        return _hits(found, 0)

    def search_embeddings(
        self,
        queries: npt.ArrayLike,
        *,
        top: int = 10,
        min_score: float | None = None,
        kind: str | None = None,
        where: str | None = None,
        match: str | None = None,
        progress: Progress | None = None,
    ) -> list[Hits]:
        """The same for queries (N, E), embeddings of length 1: hits of each, found with one scan."""
        index = self._open
        rows = embeddings_of(queries, self.info.width, "queries")
        options = _search_options(top=top, min_score=min_score, kind=kind, where=where, match=match)
        found = owner("struct diptych_hits", lib.diptych_hits_free)
        Job(progress).call(
            lib.diptych_index_search_embeddings, found, index[0], address(rows, "float *"), len(rows), options.struct
        )
        return [_hits(found, i) for i in range(len(rows))]

    def items(
        self,
        *,
        order: str = "path",
        kind: str | None = None,
        where: str | None = None,
        match: str | None = None,
    ) -> Iterator[Hit]:
        """All items, or those that fit, one after the other. Where some are removed meanwhile, it may end with
        NotFoundError: for removing what it comes by, take the list of all first.

        order  "path"; "date", the newest file first; "taken", what was taken last first
        """
        page, last = 1000, 0
        while True:
            index = self._open
            options = _search_options(top=page, kind=kind, where=where, match=match, order=order, after=last)
            found = owner("struct diptych_hits", lib.diptych_hits_free)
            Job(None).call(lib.diptych_index_search, found, index[0], ffi.NULL, 0, options.struct)
            hits = _hits(found, 0)
            yield from hits
            if not hits.more:
                return
            last = hits[-1].id


def _number(names: Sequence[str | None], name: str | None, what: str) -> int:
    if name not in names:
        raise ArgumentError(f"{what} is {name!r}: it is {', '.join(repr(one) for one in names)}")
    return names.index(name)


def _ids(ids: Iterable[int]) -> npt.NDArray[np.int64]:
    if isinstance(ids, (str, os.PathLike)):
        raise TypeError(f"ids is {kind_of(ids)}: give a list of numbers, or paths=[...]")
    return np.array(list(ids), np.int64)  # (N)


def kind_number(kind: str | None) -> int:
    """Of "image", "text" or None: enum diptych_kind."""
    return _number(_KINDS, kind, "kind")


def _text(text: Any, name: str) -> Any:
    if not isinstance(text, str):
        raise TypeError(f"{name} is {kind_of(text)}, not a str")
    return c_string(text.encode(), name)


def _search_options(
    *, top: int, min_score: float | None = None, kind: str | None, order: str = "score", **fields: Any
) -> Options:
    if top < 1:
        raise ArgumentError(f"top is {top}: it is at least 1")
    return Options(
        "struct diptych_search_options",
        top=top,
        min_score=None if min_score is None else ffi.new("double *", min_score),
        kind=kind_number(kind),
        order=_number(_ORDERS, order, "order"),
        **fields,
    )


def _hits(found: Any, query: int) -> Hits:
    hits = Hits(_hit(found[0], query, i) for i in range(lib.diptych_hits_count(found[0], query)))
    hits.more = bool(lib.diptych_hits_more(found[0], query))
    return hits


def _hit(found: Any, query: int, i: int) -> Hit:
    said = described("struct diptych_hit", lib.diptych_hits_get, found, query, i)
    metadata = json.loads(text_or_none(said.metadata) or "{}")
    return filled(Hit, said, kind=_KINDS[said.kind], metadata=metadata)
