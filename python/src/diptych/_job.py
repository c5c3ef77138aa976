# SPDX-License-Identifier: Apache-2.0
"""The progress of a call, and its end before its time: Ctrl-C, and exceptions in callbacks."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Union

from ._declarations import ffi
from ._library import call, lib, owner, text_of
from .errors import Error, InputWarning, error_of


class Bar(Protocol):
    """A progress bar such as ``tqdm()``."""

    n: Any
    total: Any

    def update(self, n: Any = 1) -> Any: ...


#: Called with a unit ("pictures"), how much of it is done, and how much there is, 0: not known. A new unit begins a
#: new phase. What it raises ends the call. Or a bar of tqdm, which shows the same.
Progress = Union[Callable[[str, int, int], object], Bar]


def _bar_steps(bar: Any) -> Callable[[str, int, int], object]:
    unit_shown = None

    def show(unit: str, done: int, total: int) -> None:
        nonlocal unit_shown
        if unit != unit_shown and hasattr(bar, "reset"):
            bar.reset()
            bar.set_description(unit, refresh=False)
        unit_shown = unit
        bar.total = total or None
        bar.update(done - bar.n)

    return show


def warn(message: str) -> None:
    """An InputWarning of the line that has called this package."""
    depth, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__package__") == __package__:
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, InputWarning, stacklevel=depth)


class Job:
    """Of one call. While that goes on, Python's signal handlers run at each step, twice a second at least."""

    def __init__(self, progress: Progress | None, *, strict: bool = True) -> None:
        """strict: an input that fails ends the call, with its error."""
        self.failures: list[Error] = []
        self._warnings: list[str] = []
        self._raised: BaseException | None = None
        self._strict = strict
        self._progress = _bar_steps(progress) if hasattr(progress, "update") else progress
        self._handle = owner("struct diptych_job", lib.diptych_job_free)
        call(lib.diptych_job_new, self._handle)
        self._callbacks: tuple[Any, ...] = (
            ffi.callback("diptych_step", self._step, error=1, onerror=self._keep),
            ffi.callback("diptych_report", self._report, onerror=self._keep),
        )
        call(lib.diptych_job_watch, self._handle[0], *self._callbacks, ffi.NULL)

    def call(self, function: Any, *arguments: Any) -> None:
        """Calls what takes a job and an error last. Raises what a callback has, or the library."""
        try:
            call(function, *arguments, self._handle[0])
        except Error:
            if self._raised is None:
                raise
        finally:
            self._callbacks = ()  # which know this job, as it knows them
        if self._raised is not None:
            raise self._raised
        for message in self._warnings:
            warn(message)

    # -- callbacks: whatever is raised in them, Ctrl-C before their first line too, gets to _keep

    def _step(self, _context: Any, unit: Any, done: int, total: int) -> int:
        if self._raised is None and self._progress is not None:
            self._progress(text_of(unit), done, total)  # type: ignore[operator]
        return self._raised is not None

    def _report(self, _context: Any, code: int, message: Any) -> None:
        if not code:
            self._warnings.append(text_of(message))
            return
        self.failures.append(error_of(code, text_of(message)))
        if self._strict and self._raised is None:
            self._raised = self.failures[0]

    def _keep(self, _kind: type[BaseException], raised: BaseException, _traceback: TracebackType) -> None:
        if self._raised is None:
            self._raised = raised
