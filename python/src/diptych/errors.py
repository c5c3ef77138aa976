# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, one class for each thing that a caller would do differently.

A message says what failed, on which file, where and why:
``unable to read 'a.png': PNG chunk 'IDAT' at byte 33 runs past the end of the file``.
"""

from __future__ import annotations


class Error(Exception):
    """All errors of Diptych. ``code`` is that of ``enum diptych_code``."""

    code = 0


class ArgumentError(Error, ValueError):
    """The call makes no sense: fix the program, or what its user has typed."""

    code = 1


class OutOfMemoryError(Error, MemoryError):
    """Out of host memory."""

    code = 2


class FileError(Error, OSError):
    """A file or folder is missing, unreadable or unwritable."""

    code = 3


class FormatError(Error, ValueError):
    """The bytes of a file, or a text, are not what they should be."""

    code = 4


class LimitError(Error, ValueError):
    """Well-formed, but larger than a limit allows: raise it, or skip."""

    code = 5


class UnsupportedError(Error):
    """Well-formed, but of a kind that Diptych does not handle."""

    code = 6


class DeviceError(Error, RuntimeError):
    """An OpenCL device is missing or failed; where none is there, the message says what to install."""

    code = 7


class NotFoundError(Error, LookupError):
    """What was asked for by its name or number is not there."""

    code = 8


class BusyError(Error):
    """Another process has it: try again later."""

    code = 9


class CancelledError(Error):
    """The work was ended before its time."""

    code = 10


class ModelError(Error):
    """The index or the probe is of another model: ``Model(index=...)`` opens an index's."""

    code = 11


class InputWarning(UserWarning):
    """Something is wrong with an input that was used all the same, or one was left out of an index."""


_BY_CODE = {kind.code: kind for kind in Error.__subclasses__()}


def error_of(code: int, message: str) -> Error:
    """The exception that a code of the library stands for."""
    return _BY_CODE.get(code, Error)(message)
