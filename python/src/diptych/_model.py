# SPDX-License-Identifier: Apache-2.0
"""A model: embeddings of pictures and texts, and what is made of both."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._classifier import Classifier, Predictions
from ._declarations import ffi
from ._handle import Handle
from ._inputs import (
    Outcome,
    Path,
    Paths,
    Picture,
    Pictures,
    Strings,
    address,
    outcomes_owner,
    put_outcomes,
    split,
)
from ._job import Job, Progress
from ._library import Options, c_string, described, filled, lib, owner
from .errors import ArgumentError, NotFoundError


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What a model is, and where it runs."""

    width: int  #: E, the elements of an embedding
    context: int  #: most tokens of a text; longer ones are cut
    image_size: int  #: edge of the square that pictures become; 0: they keep their aspect ratio
    parameters: int  #: of both towers
    path: str  #: its directory
    family: str  #: "clip", "siglip" ...
    fingerprint: str  #: embeddings compare where it is equal, on whatever device
    scope: str | None  #: all that the model knows, as a noun; None: everything
    device: str  #: the name of the OpenCL device
    gemm: str  #: who multiplies matrices
    precision: str  #: "f32", "bf16", "f16"
    score: str  #: "softmax" over all texts at hand, or "sigmoid" of each by itself
    score_scale: float  #: softmax(scale * cosine), sigmoid(scale * cosine + bias)
    score_bias: float


class Ranking(NamedTuple):
    """Captions (K) of a picture by how well they fit it, the best first."""

    order: npt.NDArray[np.int64]  #: (K): their numbers; -1 where the picture or a caption failed
    scores: npt.NDArray[np.float32]  #: (K): the model's score, a probability
    cosines: npt.NDArray[np.float32]  #: (K)


class Model(Handle):
    """A CLIP-style model on an OpenCL device, the best there is.

    >>> with Model("openai/clip-vit-base-patch32") as model:
    ...     pictures = model.encode_images(["a.jpg", "b.png"])       # (2, 512)
    ...     texts = model.encode_texts(["a red heart", "a dog"])     # (2, 512)
    ...     cosines = pictures @ texts.T                             # (2, 2)

    It is immutable: any number of threads may use one at once, each with an encoder of its own on the device (up to
    ``encoders``, then they wait). A process that has opened a model may fork only to exec: with multiprocessing, use
    "spawn". Ctrl-C ends every call within about half a second.
    """

    def __init__(
        self,
        name: Path | None = None,
        *,
        index: Path | None = None,
        download: bool = False,
        device: str | None = None,
        gemm: str | None = None,
        precision: str | None = None,
        batch: int = 0,
        encoders: int = 0,
        threads: int = 0,
        alpha: str | None = None,
        max_pixels: int = 0,
        max_bytes: int = 0,
        ignore_exif: bool = False,
        fast_decode: bool = False,
        strict: bool = False,
        truncated: bool = False,
        isolate: bool = False,
        lora: Path | Iterable[Path] = (),
        progress: Progress | None = None,
    ) -> None:
        """Opens the model that a name or a path stands for.

        name         a directory in the layout of Hugging Face or open_clip, or a file of weights in one; or a name as
                     "openai/clip-vit-base-patch32" or "ViT-B-32/laion2b_s34b_b79k" of a model in the cache of Hugging
                     Face. None: $DIPTYCH_MODEL, or else the small model that comes with Diptych
        index        opens the model that this index was made with
        download     a named model that is not in the cache is downloaded first; not with index
        device       "gpu", "cpu", "accelerator", "PLATFORM:DEVICE", part of a name; None: the best there is
        gemm         "amx", "avx512", "avx2", "clblast", "onednn"; None: the fastest
        precision    "f32", "bf16", "f16"; None: the fastest that the device does well
        batch        pictures or texts that are encoded at once; 0: 32
        encoders     calls that may use the device at once; 0: 4
        threads      of the host, of each call; 0: as many as CPUs
        alpha        what becomes of transparency: "model", "white", "black", "drop"; None: "model"
        max_pixels   of a picture; 0: 200 million.       max_bytes   of its file; 0: 256 MiB
        ignore_exif  files are not turned the way their EXIF data says
        fast_decode  JPEGs are decoded no larger than needed: cosines of 0.999
        strict       damaged JPEGs that could be read all the same are failures
        truncated    JPEGs whose end is missing are read as far as they go
        isolate      every picture is decoded in a process of its own, as files that one does not trust
        lora         adapters that are merged into the weights, one or several, a folder that peft has saved each, or
                     "FOLDER:WEIGHT". None: of a model that is opened by an index, those that the index was made with

        FileError: nothing is at that path. NotFoundError: no such name, or its model is not in the cache.
        ModelError: the index was made with another model than the name stands for, or than is there now.
        DeviceError: no OpenCL device. FormatError: a damaged file. UnsupportedError: a kind of model that does not run.
        """
        adapters = Paths(lora, "lora")
        options = Options(
            "struct diptych_model_options",
            index=index,
            download=download,
            device=device,
            gemm=gemm,
            precision=precision,
            batch=batch,
            encoders=encoders,
            threads=threads,
            alpha=alpha,
            max_pixels=max_pixels,
            max_bytes=max_bytes,
            ignore_exif=ignore_exif,
            fast_decode=fast_decode,
            strict=strict,
            truncated=truncated,
            isolate=isolate,
            lora=adapters.array,
            lora_count=adapters.count,
        )
        named = ffi.NULL if name is None else c_string(os.fsencode(name), "name")
        self._handle = owner("struct diptych_model", lib.diptych_model_free)
        try:
            Job(progress).call(lib.diptych_model_open, self._handle, named, options.struct)
        except NotFoundError as problem:
            hint = "; here, download=True does" if not download and index is None else ""
            raise NotFoundError(f"{problem}{hint}") from None
        said = described("struct diptych_model_info", lib.diptych_model_info, self._handle[0])
        self.info = filled(ModelInfo, said)

    def __repr__(self) -> str:
        closed = ", closed" if self._handle is None else ""
        return f"<diptych.Model {self.info.path!r} on {self.info.device!r}, {self.info.precision}{closed}>"

    @property
    def width(self) -> int:
        """E, the elements of an embedding."""
        return self.info.width

    # -- encoding

    def encode_images(
        self,
        images: Iterable[Picture],
        *,
        normalize: bool = True,
        outcomes: list[Outcome] | None = None,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.float32]:
        """Embeddings of pictures: float32 (N, E).

        images     N pictures: paths, bytes of files, uint8 arrays (height, width[, 3 or 4]) or pictures of Pillow
        normalize  to length 1, so that dot products are cosines; otherwise as long as the model makes them
        outcomes   a list that takes what became of each picture. A picture that failed has NaN in its row then.
                   Without one, the first that fails is raised, and ends the work
        progress   see diptych.Progress
        """
        pictures = Pictures(images, "images")
        return self._encode(lib.diptych_encode_images, pictures, normalize, outcomes, progress)

    def encode_texts(
        self,
        texts: Iterable[str],
        *,
        normalize: bool = True,
        outcomes: list[Outcome] | None = None,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.float32]:
        """Embeddings of texts: float32 (N, E). Longer ones are cut at the model's context, which outcomes say.

        For the rest see encode_images.
        """
        return self._encode(lib.diptych_encode_texts, Strings(texts, "texts"), normalize, outcomes, progress)

    def _encode(
        self,
        function: Any,
        inputs: Pictures | Strings,
        normalize: bool,
        outcomes: list[Outcome] | None,
        progress: Progress | None,
    ) -> npt.NDArray[np.float32]:
        model = self._open
        embeddings = np.empty((inputs.count, self.width), np.float32)  # (N, E)
        options = Options("struct diptych_encode_options", raw=not normalize)
        handle = outcomes_owner()
        Job(progress, strict=outcomes is None).call(
            function, model[0], address(embeddings, "float *"), inputs.array, inputs.count, options.struct, handle
        )
        put_outcomes(outcomes, handle)
        return embeddings

    # -- classifying

    def classifier(
        self,
        labels: str | Iterable[str] = (),
        *,
        probe: Path | None = None,
        templates: str | Iterable[str] = (),
        scores: str | None = None,
        progress: Progress | None = None,
    ) -> Classifier:
        """A vector for each label, to tell pictures apart by.

        labels     texts; or the name of a data set: "@imagenet", "@imagenetv2", "@cifar10", "@cifar100", "@caltech101",
                   "@food101", "@pets", "@voc2007"
        probe      a file of `diptych probe fit`, in place of the three others: it has labels of its own, and what was
                   learned about them from pictures with this model
        templates  prompts with {} for the label, which are averaged over, or the names of sets: "imagenet" (80),
                   "simple" (7), "cifar", "caltech101", "food101", "pets"; none: the data set's, or the model's own
        scores     "cosine"; "softmax", shares of all labels; "independent", each by itself; None: what the model was
                   made for

        ModelError: the probe was learned with another model.
        """
        return Classifier(self, labels, probe=probe, templates=templates, scores=scores, progress=progress)

    def classify(
        self,
        images: Iterable[Picture],
        labels: str | Iterable[str] = (),
        *,
        top: int = 1,
        probe: Path | None = None,
        templates: str | Iterable[str] = (),
        scores: str | None = None,
        outcomes: list[Outcome] | None = None,
        progress: Progress | None = None,
    ) -> Predictions:
        """The best labels of each picture: arrays (N, top) of labels, scores and numbers.

        Whoever has more pictures for the same labels makes a classifier() once, which says what the options are.
        images, outcomes: see encode_images.
        """
        with self.classifier(labels, probe=probe, templates=templates, scores=scores) as classifier:
            return classifier.classify(images, top=top, outcomes=outcomes, progress=progress)

    # -- ranking

    def rank(
        self,
        images: Iterable[Picture],
        captions: Iterable[Iterable[str]],
        *,
        outcomes: list[Outcome] | None = None,
        progress: Progress | None = None,
    ) -> list[Ranking]:
        """Ranks each picture's own captions by how well they fit it: a Ranking a picture.

        captions  of N pictures, a list of texts each. For the rest see encode_images
        """
        model = self._open
        pictures = Pictures(images, "images")
        of_each = [Strings(texts, f"captions[{i}]") for i, texts in enumerate(captions)]
        counts = [texts.count for texts in of_each]
        if len(counts) != pictures.count:
            raise ArgumentError(f"there are captions for {len(counts)} pictures, and {pictures.count} pictures")
        order = np.empty(sum(counts), np.int64)  # (all captions)
        scores, cosines = (np.empty(sum(counts), np.float32) for _ in range(2))  # (all captions)
        handle = outcomes_owner()
        Job(progress, strict=outcomes is None).call(
            lib.diptych_rank,
            model[0],
            address(order, "int64_t *"),
            address(scores, "float *"),
            address(cosines, "float *"),
            pictures.array,
            pictures.count,
            ffi.new("char *[]", [text for texts in of_each for text in texts.array]),
            ffi.new("size_t[]", counts),
            handle,
        )
        put_outcomes(outcomes, handle)
        return [Ranking(*one) for one in zip(split(order, counts), split(scores, counts), split(cosines, counts))]
