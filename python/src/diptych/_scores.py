# SPDX-License-Identifier: Apache-2.0
"""How good captions are, against what people said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from ._declarations import ffi
from ._inputs import Path, Picture, Pictures, Strings, kind_of
from ._job import Job, Progress
from ._library import Options, call, lib, owner, text_of, text_or_none
from ._model import Model
from .errors import ArgumentError

#: What pycocoevalcap calls CIDEr is CIDEr-D.
_ALIASES = {"CIDEr": "CIDEr_D"}

#: Captions of each image: {id: [captions]}, as pycocoevalcap has them, before its tokenizer ({"caption": ...}) or
#: behind it; or a list for each image. Of candidates a caption alone will do.
Captions = Union[Mapping[Any, Any], Sequence[Any]]


class Scores(Mapping[str, float]):
    """A number for each metric, of all images together: scores["CIDEr"]. images has each image's."""

    def __init__(self, handle: Any, ids: Sequence[Any]) -> None:
        self.ids = list(ids)  #: (N): of the images, in their order
        self.images: dict[str, npt.NDArray[np.float64]] = {}  #: of each metric, (N): a score an image
        self.signatures: dict[str, str] = {}  #: what sacreBLEU, chrF, TER and METEOR were computed with
        self._corpus: dict[str, float] = {}
        value = ffi.new("double *")
        for key in metrics():
            name = key.encode()
            each = lib.diptych_scores_images(handle[0], name)
            if not each:
                continue
            call(lib.diptych_scores_corpus, handle[0], name, value)
            signature = text_or_none(lib.diptych_scores_signature(handle[0], name))
            key = next((alias for alias, meant in _ALIASES.items() if meant == key), key)
            self._corpus[key] = value[0]
            self.images[key] = np.frombuffer(ffi.buffer(each, 8 * len(self.ids))).copy()
            if signature:
                self.signatures[key] = signature

    def __getitem__(self, metric: str) -> float:
        return self._corpus[metric]

    def __iter__(self) -> Iterator[str]:
        return iter(self._corpus)

    def __len__(self) -> int:
        return len(self._corpus)

    def __repr__(self) -> str:
        return f"Scores({', '.join(f'{metric}: {score:.4f}' for metric, score in self.items())})"


def metrics() -> list[str]:
    """The metrics that there are, "Bleu_1" ... "RefCLIPScore"."""
    out: list[str] = []
    while name := lib.diptych_metric(len(out)):
        out.append(text_of(name))
    return out


def score_captions(
    references: Captions,
    candidates: Captions,
    *,
    metrics: Iterable[str] = (),
    context: bool = True,
    df: Path | None = None,
    wordnet: Path | None = None,
    meteor_data: Path | None = None,
    tokenizer: str | None = None,
    smoothing: str | None = None,
    smoothing_value: float = 0.0,
    lowercase: bool = False,
    model: Model | None = None,
    images: Iterable[Picture] | None = None,
    threads: int = 0,
    progress: Progress | None = None,
) -> Scores:
    """Scores candidates, a caption of each image, against references, at least one of each; CLIPScore alone takes none.

    The two arguments are those of pycocoevalcap's compute_score(gts, res), and the numbers are the same, without Java:

    >>> gts = {42: ["a man rides a horse", "somebody on horseback"], 7: ["two dogs"]}
    >>> res = {42: ["a man on a horse"], 7: ["two dogs at play"]}
    >>> scores = score_captions(gts, res)
    >>> scores["CIDEr"], scores.images["CIDEr"]    # pycocoevalcap's score and scores

    Captions are cut into words as PTBTokenizer does; those that it has cut already stay as they are.

    metrics    "Bleu_1" ... "Bleu_4", "ROUGE_L", "CIDEr", "CIDEr_plain", "METEOR", "METEOR_no_paraphrases",
               "sacreBLEU", "chrF2", "chrF2++", "TER", "CLIPScore", "RefCLIPScore"; none: all but METEOR, chrF2, chrF2++
               and TER, which take long or want data, and with images the two of pictures
    context    captions are cut into words as one text, as by pycocoevalcap; otherwise one by one
    df         CIDEr's document frequencies: a file of `diptych score --save-df`, or a published pickle
    wordnet, meteor_data             METEOR's folders of WordNet 3.0, and of paraphrase-en.gz
    tokenizer, smoothing, smoothing_value, lowercase   sacreBLEU's, by its names
    model, images                    for CLIPScore: (N) pictures; the published numbers are of precision "f32"
    """
    ids, said, made = _pairs(references, candidates)
    of_each = [Strings(texts, f"references[{ids[i]!r}]") for i, texts in enumerate(said)]
    if isinstance(metrics, str):
        metrics = [metrics]
    captions = Strings(made, "candidates")
    names = Strings([_ALIASES.get(name, name) for name in metrics], "metrics")
    pictures = Pictures(images, "images") if images is not None else None
    if pictures and pictures.count != len(ids):
        raise ArgumentError(f"there are {pictures.count} images, and captions of {len(ids)}")
    of_model = model._open if model else (None,)
    options = Options(
        "struct diptych_score_options",
        metrics=names.array,
        metric_count=names.count,
        without_context=not context,
        df=df,
        wordnet=wordnet,
        meteor_data=meteor_data,
        tokenizer=tokenizer,
        smoothing=smoothing,
        smoothing_value=smoothing_value,
        lowercase=lowercase,
        model=of_model[0],
        images=pictures and pictures.array,
        threads=threads,
    )
    handle = owner("struct diptych_scores", lib.diptych_scores_free)
    Job(progress).call(
        lib.diptych_score_captions,
        handle,
        captions.array,
        ffi.new("char *[]", [text for texts in of_each for text in texts.array]),
        ffi.new("size_t[]", [texts.count for texts in of_each]),
        len(ids),
        options.struct,
    )
    return Scores(handle, ids)


def _pairs(references: Captions, candidates: Captions) -> tuple[list[Any], list[list[str]], list[str]]:
    """ids (N), references of each, and a candidate of each."""
    if isinstance(references, Mapping) != isinstance(candidates, Mapping) or str in (
        type(references),
        type(candidates),
    ):
        raise TypeError("references and candidates are both dicts by image, or both lists")
    if isinstance(references, Mapping) and isinstance(candidates, Mapping):
        ids = list(candidates)
        if references.keys() != candidates.keys():
            odd = next(iter(references.keys() ^ candidates.keys()))
            raise ArgumentError(
                f"references and candidates are not of the same images: {odd!r} is in one of them alone"
            )
        references, candidates = [references[i] for i in ids], [candidates[i] for i in ids]
    else:
        ids = list(range(len(candidates)))
        if len(references) != len(candidates):
            raise ArgumentError(f"there are references of {len(references)} images, and {len(candidates)} candidates")
    said = [[_caption(text) for text in ([texts] if isinstance(texts, str) else texts)] for texts in references]
    made = [_only(texts, ids[i]) for i, texts in enumerate(candidates)]
    return ids, said, made


def _caption(caption: Any) -> Any:
    return caption["caption"] if isinstance(caption, Mapping) else caption


def _only(texts: Any, image: Any) -> Any:
    if isinstance(texts, (str, Mapping)):
        return _caption(texts)
    if not isinstance(texts, Sequence):
        raise TypeError(f"the candidate of image {image!r} is {kind_of(texts)}, not a str")
    if len(texts) != 1:
        raise ArgumentError(f"image {image!r} has {len(texts)} candidates, not one")
    return _caption(texts[0])
