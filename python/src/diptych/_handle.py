# SPDX-License-Identifier: Apache-2.0
"""What models, classifiers and indexes have in common: they are closed."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypeVar

from .errors import ArgumentError

H = TypeVar("H", bound="Handle")


class Handle:
    """What is closed by close(), at the end of a with, or when nobody has it any more. A call that another thread is in
    goes on to its end."""

    _handle: Any = None

    @property
    def _open(self) -> Any:
        handle = self._handle
        if handle is None:
            raise ArgumentError(f"the {type(self).__name__.lower()} is closed")
        return handle

    def close(self) -> None:
        """Gives memory and device back. Closing twice is no mistake."""
        self._handle = None

    def __enter__(self: H) -> H:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _value: Any, _traceback: TracebackType | None) -> None:
        self.close()
