# SPDX-License-Identifier: Apache-2.0
"""Labels that pictures are told apart by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ._handle import Handle
from ._inputs import (
    Outcome,
    Path,
    Picture,
    Pictures,
    Strings,
    address,
    embeddings_of,
    outcomes_owner,
    put_outcomes,
)
from ._job import Job, Progress
from ._library import Options, call, lib, owner, text_of
from .errors import ArgumentError

if TYPE_CHECKING:
    from ._model import Model


class Predictions(NamedTuple):
    """The best labels of each picture (N), the best first."""

    labels: npt.NDArray[np.object_]  #: (N, top): texts; "" of a picture that failed
    scores: npt.NDArray[np.float32]  #: (N, top): how well they fit; NaN of a picture that failed
    numbers: npt.NDArray[np.int64]  #: (N, top): their places among the labels; -1 of a picture that failed


class Classifier(Handle):
    """A vector for each label: immutable, for any number of threads at once. It keeps its model alive."""

    labels: tuple[str, ...]  #: in their order

    def __init__(
        self,
        model: Model,
        labels: str | Iterable[str] = (),
        *,
        probe: Path | None = None,
        templates: str | Iterable[str] = (),
        scores: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """See Model.classifier."""
        of_model = model._open
        data_set = isinstance(labels, str) and labels.startswith("@")
        names = Strings([str(labels)] if data_set else labels, "labels")
        prompts = Strings([templates] if isinstance(templates, str) else templates, "templates")
        options = Options(
            "struct diptych_classifier_options",
            templates=prompts.array,
            template_count=prompts.count,
            scores=scores,
            probe=probe,
        )
        self._width = model.width
        self._handle = owner("struct diptych_classifier", lib.diptych_classifier_free)
        Job(progress).call(
            lib.diptych_classifier_open, self._handle, of_model[0], names.array, names.count, options.struct
        )
        count = lib.diptych_classifier_labels(self._handle[0])
        self.labels = tuple(text_of(lib.diptych_classifier_label(self._handle[0], i)) for i in range(count))

    def classify(
        self,
        images: Iterable[Picture],
        *,
        top: int = 1,
        outcomes: list[Outcome] | None = None,
        progress: Progress | None = None,
    ) -> Predictions:
        """The best labels of each picture: arrays (N, top) of labels, scores and numbers. See Model.encode_images."""
        classifier = self._open
        pictures = Pictures(images, "images")
        numbers, scores = self._room(pictures.count, top)
        handle = outcomes_owner()
        Job(progress, strict=outcomes is None).call(
            lib.diptych_classify,
            classifier[0],
            address(numbers, "int64_t *"),
            address(scores, "float *"),
            top,
            pictures.array,
            pictures.count,
            handle,
        )
        put_outcomes(outcomes, handle)
        return self._predictions(numbers, scores)

    def classify_embeddings(self, embeddings: npt.ArrayLike, *, top: int = 1) -> Predictions:
        """The same of embeddings (N, E) of length 1. A row of NaN is one that failed."""
        classifier = self._open
        rows = embeddings_of(embeddings, self._width, "embeddings")
        numbers, scores = self._room(len(rows), top)
        call(
            lib.diptych_classify_embeddings,
            classifier[0],
            address(numbers, "int64_t *"),
            address(scores, "float *"),
            top,
            address(rows, "float *"),
            len(rows),
        )
        return self._predictions(numbers, scores)

    def _room(self, count: int, top: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        if not 1 <= top <= len(self.labels):
            raise ArgumentError(f"top is {top}: it is 1 to {len(self.labels)}, the number of labels")
        return np.empty((count, top), np.int64), np.empty((count, top), np.float32)

    def _predictions(self, numbers: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]) -> Predictions:
        names = np.array([*self.labels, ""], dtype=object)  # -1 is the last
        return Predictions(names[numbers], scores, numbers)
