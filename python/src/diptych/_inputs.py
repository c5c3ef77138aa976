# SPDX-License-Identifier: Apache-2.0
"""Pictures, texts and arrays as C takes them, and what became of each."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, Union

import numpy as np
import numpy.typing as npt

from ._declarations import ffi
from ._library import c_string, described, lib, owner, text_of
from .errors import ArgumentError, Error, error_of


class PILImage(Protocol):
    """A ``PIL.Image.Image``."""

    mode: str

    def convert(self, mode: str) -> Any: ...


Path = Union[str, "os.PathLike[str]"]

#: A path (of a file, or of a member of an archive as "shard.tar/0001.jpg"); a file's bytes; pixels as uint8 array
#: (height, width), (height, width, 3) or (height, width, 4), whose last channel is alpha; or a picture of Pillow.
#: Pixels are taken as they are: EXIF turns files alone.
Picture = Union[Path, bytes, bytearray, memoryview, "npt.NDArray[np.uint8]", PILImage]


def listed(things: Iterable[Any], name: str, one: tuple[type, ...] = (str, bytes, os.PathLike)) -> list[Any]:
    """A list of them, where one alone, whose letters or rows would be taken for them, is a mistake."""
    if isinstance(things, one) or hasattr(things, "convert") or not isinstance(things, Iterable):
        raise TypeError(f"{name} is {kind_of(things)}: give a list of them, [{name[:-1]}]")
    if isinstance(things, np.ndarray) and things.ndim != 4 and things.dtype.kind not in "OUS":
        raise TypeError(f"{name} is an array of shape {things.shape}: give a list, or (count, height, width, channels)")
    return list(things)


def kind_of(thing: Any) -> str:
    return f"of type {type(thing).__name__}"


def address(array: npt.NDArray[Any], kind: str) -> Any:
    """Where an array's first element is. It has to stay alive."""
    return ffi.cast(kind, array.__array_interface__["data"][0])


# ---- texts


class Strings:
    """``const char *const *`` and its length."""

    def __init__(self, texts: Iterable[str], name: str) -> None:
        self._alive = [_utf8(text, f"{name}[{i}]") for i, text in enumerate(listed(texts, name))]
        self.array = ffi.new("char *[]", self._alive)
        self.count = len(self._alive)


class Paths(Strings):
    """The same of one path or several."""

    def __init__(self, paths: Path | Iterable[Path], name: str) -> None:
        if isinstance(paths, (str, os.PathLike)):
            paths = [paths]
        self._alive = [c_string(os.fsencode(path), f"{name}[{i}]") for i, path in enumerate(paths)]
        self.array = ffi.new("char *[]", self._alive)
        self.count = len(self._alive)


def _utf8(text: Any, name: str) -> Any:
    if not isinstance(text, str):
        raise TypeError(f"{name} is {kind_of(text)}, not a str")
    return c_string(text.encode("utf-8"), name)


# ---- pictures


class Pictures:
    """``const struct diptych_image *`` and its length."""

    def __init__(self, pictures: Iterable[Picture], name: str = "pictures") -> None:
        items = listed(pictures, name)
        self.count = len(items)
        self.array = ffi.new("struct diptych_image[]", self.count)
        self._alive = [put_picture(self.array[i], item, f"{name}[{i}]") for i, item in enumerate(items)]


def put_picture(out: Any, picture: Any, name: str) -> Any:
    """Fills in a ``struct diptych_image``; returns what has to stay alive."""
    if isinstance(picture, (str, os.PathLike)):
        out.path = path = c_string(os.fsencode(picture), name)
        return path
    if hasattr(picture, "convert") and hasattr(picture, "mode"):
        picture = _from_pillow(picture)
    if isinstance(picture, (bytes, bytearray, memoryview)):
        data = ffi.from_buffer(picture)
        out.bytes = data if len(data) else ffi.cast("char *", 1)  # an empty file is damaged, not missing
        out.size = len(data)
        return data
    if isinstance(picture, np.ndarray):
        return _put_pixels(out, picture, name)
    raise TypeError(f"{name} is {kind_of(picture)}: pictures are paths, bytes, uint8 arrays or pictures of Pillow")


def _put_pixels(out: Any, pixels: npt.NDArray[Any], name: str) -> Any:
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ArgumentError(
            f"{name} is an array of {pixels.dtype} {pixels.shape}: pixels are uint8 (height, width), "
            "(height, width, 3) or (height, width, 4)"
        )
    height, width = pixels.shape[:2]
    if pixels.strides[-1] != 1 or pixels.strides[1] != channels or pixels.strides[0] < width * channels:
        pixels = np.ascontiguousarray(pixels)
    out.pixels = address(pixels, "uint8_t *")
    out.width, out.height, out.channels, out.stride = width, height, channels, pixels.strides[0]
    return pixels


def _from_pillow(picture: Any) -> Any:
    """Its pixels; or, where colours have numbers or one of them is transparent, a file of it, so that it is resized and
    made RGB as the same picture in a file is."""
    clear = "transparency" in picture.info
    if picture.mode in ("L", "RGB", "RGBA") and not clear:
        return np.asarray(picture)
    if picture.mode in ("1", "L", "LA", "P", "RGB", "I", "I;16", "I;16B"):
        file = io.BytesIO()
        picture.save(file, "PNG", compress_level=1, exif=b"")
        return file.getvalue()
    return np.asarray(picture.convert("RGBA" if picture.mode in ("PA", "La", "RGBa") else "RGB"))


# ---- outcomes


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one input."""

    error: Error | None  #: why it has no result
    warning: str  #: what is wrong with it though it was used; "": nothing
    outside: bool  #: a picture is outside what the model knows, and its result means nothing
    truncated: bool  #: a text was cut at the model's context length


def outcomes_owner() -> Any:
    """Where a call puts its outcomes."""
    return owner("struct diptych_outcomes", lib.diptych_outcomes_free)


def put_outcomes(out: list[Outcome] | None, handle: Any) -> None:
    """Replaces a list's items by a call's outcomes, where a list is wanted."""
    if out is None:
        return
    out.clear()
    for i in range(lib.diptych_outcomes_count(handle[0])):
        one = described("struct diptych_outcome", lib.diptych_outcomes_get, handle[0], i)
        said = text_of(one.message)
        error = error_of(one.code, said) if one.code else None
        out.append(Outcome(error, "" if error else said, bool(one.outside), bool(one.truncated)))


def embeddings_of(given: npt.ArrayLike, width: int, name: str) -> npt.NDArray[np.float32]:
    """(count, width) of what is said to be embeddings; one alone becomes a row."""
    array = np.ascontiguousarray(np.atleast_2d(np.asarray(given, dtype=np.float32)))
    if array.ndim != 2 or array.shape[1] != width:
        raise ArgumentError(f"{name} have the shape {np.shape(given)}: the model's are (count, {width})")
    return array


def split(values: npt.NDArray[Any], counts: Sequence[int]) -> list[npt.NDArray[Any]]:
    """Stretches of so many elements."""
    return np.split(values, np.cumsum(counts)[:-1]) if len(counts) else []
