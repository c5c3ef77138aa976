# SPDX-License-Identifier: Apache-2.0
"""CLIP without PyTorch, on OpenCL: what the command ``diptych`` does, on numpy arrays, with the same numbers.

    Model             embeddings of pictures and texts, classification, ranking of captions
    Index             vectors of pictures and texts on disk: sync with folders, search
    score_captions    BLEU, ROUGE-L, CIDEr, METEOR, sacreBLEU, chrF, TER, CLIPScore
    clip_retrieval    an index as clip-retrieval's folders of .npy and Parquet, both ways (takes pyarrow)
    arrow             an index as Arrow's batches, for LanceDB, Milvus, Parquet and others, both ways (takes pyarrow)
    Error             what all errors are; errors has one class for each thing that a caller would do differently

Letters: N inputs of a call, E the width of an embedding.
"""

from ._classifier import Classifier, Predictions
from ._index import Index
from ._inputs import Outcome, Picture
from ._items import Hit, Hits, IndexInfo, Removed, SyncCounts, Term
from ._job import Progress
from ._library import lib, text_of
from ._model import Model, ModelInfo, Ranking
from ._scores import Scores, metrics, score_captions
from .errors import (
    ArgumentError,
    BusyError,
    CancelledError,
    DeviceError,
    Error,
    FileError,
    FormatError,
    InputWarning,
    LimitError,
    ModelError,
    NotFoundError,
    OutOfMemoryError,
    UnsupportedError,
)

#: Of the library.
__version__ = text_of(lib.diptych_version())

__all__ = [
    "ArgumentError",
    "BusyError",
    "CancelledError",
    "Classifier",
    "DeviceError",
    "Error",
    "FileError",
    "FormatError",
    "Hit",
    "Hits",
    "Index",
    "IndexInfo",
    "InputWarning",
    "LimitError",
    "Model",
    "ModelError",
    "ModelInfo",
    "NotFoundError",
    "OutOfMemoryError",
    "Outcome",
    "Picture",
    "Predictions",
    "Progress",
    "Ranking",
    "Removed",
    "Scores",
    "SyncCounts",
    "Term",
    "UnsupportedError",
    "__version__",
    "metrics",
    "score_captions",
]
