# SPDX-License-Identifier: Apache-2.0
"""libdiptych: where it is, how its functions are called, and what they hand out."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any, TypeVar

from ._declarations import ffi
from .errors import ArgumentError, error_of

NAME = "libdiptych.so.0"


def _load() -> Any:
    """``DIPTYCH_LIBRARY``, or else the copy in a wheel, or else the system's."""
    named = os.environ.get("DIPTYCH_LIBRARY")
    own = pathlib.Path(__file__).parent / "native" / "lib" / NAME
    path = named or (str(own) if own.exists() else NAME)
    try:
        return ffi.dlopen(path)
    except OSError as problem:
        raise ImportError(
            f"{problem}. Diptych needs {NAME}: install libdiptych0, or build it (cmake --install), "
            "and set DIPTYCH_LIBRARY to its path where the system does not find it"
        ) from None


lib = _load()


def call(function: Any, *arguments: Any) -> None:
    """Calls what takes a ``struct diptych_error *`` last; raises what it says. Other threads of Python go on."""
    error = ffi.new("struct diptych_error *")
    code = function(*arguments, error)
    if code:
        raise error_of(code, text_of(error.message))


def owner(kind: str, free: Any) -> Any:
    """A place for a handle: out[0], which is freed when nobody has the place any more."""
    return ffi.gc(ffi.new(f"{kind} **"), lambda out: free(out[0]))


def sized(kind: str) -> Any:
    """A struct that begins with its size, otherwise zero."""
    out = ffi.new(f"{kind} *")
    out.size = ffi.sizeof(kind)
    return out


def described(kind: str, function: Any, *arguments: Any) -> Any:
    """What a function fills a struct with."""
    out = sized(kind)
    call(function, *arguments, out)
    return out


def text_of(string: Any) -> str:
    """What the library says; bytes of paths that are no UTF-8 come back by ``os.fsencode``."""
    return os.fsdecode(ffi.string(string))


def text_or_none(string: Any) -> str | None:
    return text_of(string) if string else None


Filled = TypeVar("Filled")


def filled(kind: type[Filled], struct: Any, /, **others: Any) -> Filled:
    """A dataclass of what a struct says in its fields of the same names, but for the others."""
    values = others
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name not in others:
            value = getattr(struct, field.name)
            values[field.name] = text_or_none(value) if isinstance(value, ffi.CData) else value
    return kind(**values)


class Options:
    """A struct of options, and what its pointers point to."""

    def __init__(self, kind: str, /, **fields: Any) -> None:
        self.struct = sized(kind)
        self._alive: list[Any] = []
        for name, value in fields.items():
            if isinstance(value, (str, os.PathLike)):
                value = c_string(os.fsencode(value), name)
            if value is not None:
                self._alive.append(value)
                setattr(self.struct, name, value)


def c_string(data: bytes, name: str) -> Any:
    """Bytes with a NUL behind them, and none in them."""
    if b"\0" in data:
        raise ArgumentError(f"{name} has a NUL character")
    return ffi.new("char[]", data)
