#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the Python package against whose calls and files it takes: pycocoevalcap, embedding-reader, clip-retrieval.

    sh python/wheel.sh build wheels
    python3 -m venv venv && venv/bin/pip install wheels/diptych-*.whl pycocoevalcap==1.2 pandas pyarrow fsspec tqdm
    venv/bin/pip install --no-deps clip-retrieval==2.45.0 embedding-reader==1.8.1     # for reader and writer
    venv/bin/python tests/bench/python_peers.py                       # pycocoevalcap wants Java

Ends with an error where anything differs.
"""

import contextlib
import importlib.util
import json
import pathlib
import sys
import tempfile

import embedding_reader
import numpy as np
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

import diptych
from diptych import clip_retrieval

ROOT = pathlib.Path(__file__).parents[2]
CAPTIONS = ROOT / "tests" / "golden" / "captions"


def captions():
    """What is written for pycocoevalcap's compute_score(gts, res) calls score_captions(gts, res) instead."""
    said = json.loads((CAPTIONS / "refs.json").read_text(encoding="utf-8"))["annotations"]
    gts, res = {}, {}
    for one in said:
        gts.setdefault(one["image_id"], []).append({"caption": one["caption"]})
    for one in json.loads((CAPTIONS / "candidates.json").read_text(encoding="utf-8")):
        res[one["image_id"]] = [{"caption": one["caption"]}]
    with contextlib.redirect_stdout(sys.stderr):
        gts_cut, res_cut = PTBTokenizer().tokenize(gts), PTBTokenizer().tokenize(res)
        bleu, bleus = Bleu(4).compute_score(gts_cut, res_cut)
        theirs = {f"Bleu_{n + 1}": (bleu[n], bleus[n]) for n in range(4)}
        theirs["ROUGE_L"] = Rouge().compute_score(gts_cut, res_cut)
        theirs["CIDEr"] = Cider().compute_score(gts_cut, res_cut)
    for ours in (diptych.score_captions(gts, res), diptych.score_captions(gts_cut, res_cut)):
        order = [ours.ids.index(image) for image in gts_cut]
        for metric, (score, scores) in theirs.items():
            assert abs(ours[metric] - score) < 1e-12, metric
            assert np.abs(ours.images[metric][order] - scores).max() < 1e-12, metric
    print(f"score_captions: {len(theirs)} metrics of {len(res)} images are pycocoevalcap's, cut into words or not")


def folder_is_read(folder, model):
    """By embedding-reader, which clip-retrieval makes its indexes with."""
    pictures = sorted((ROOT / "assets" / "pictures").iterdir())
    with diptych.Index.create(folder / "a.dip", model) as index:
        index.add_images(
            pictures, captions=[path.stem for path in pictures], metadata=[{"n": i} for i in range(len(pictures))]
        )
        clip_retrieval.write(index, folder / "out")
        ids = [hit.id for hit in index.items()]
        rows = index.embeddings(sorted(ids))
    reader = embedding_reader.EmbeddingReader(
        str(folder / "out" / "img_emb"),
        file_format="parquet_npy",
        metadata_folder=str(folder / "out" / "metadata"),
        meta_columns=["image_path", "caption", "n"],
    )
    (batch,) = reader(batch_size=100, start=0, end=reader.count, show_progress=False)
    assert (batch[0] == rows).all()
    assert batch[1]["caption"].tolist() == [path.stem for path in pictures]
    assert batch[1]["n"].tolist() == list(range(len(pictures)))
    print(f"clip_retrieval.write: embedding-reader reads {reader.count} rows and their metadata")


def folder_is_written(folder, model):
    """By clip-retrieval's own writer, alone of its package, which imports much else."""
    where = importlib.util.find_spec("clip_retrieval").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("writer", pathlib.Path(where) / "clip_inference" / "writer.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    pictures = [str(path) for path in sorted((ROOT / "assets" / "pictures").iterdir())]
    images, texts = model.encode_images(pictures), model.encode_texts([f"picture {i}" for i in range(len(pictures))])
    for part, rows in enumerate((slice(0, 5), slice(5, None))):
        sink = writer.NumpyWriter(part, str(folder / "in"), True, True, True, 12)
        count = len(pictures[rows])
        sink(
            {
                "image_embs": images[rows].astype(np.float16),
                "text_embs": texts[rows].astype(np.float16),
                "image_filename": pictures[rows],
                "text": [f"picture {i}" for i in range(len(pictures))[rows]],
                "metadata": [json.dumps({"url": "https://example.org", "n": i}) for i in range(count)],
            }
        )
        sink.flush()
    done = clip_retrieval.read(folder / "b.dip", folder / "in", model)
    assert done.rows == 2 * len(pictures), done
    with diptych.Index.open(folder / "b.dip", model) as index:
        assert (index.info.images, index.info.texts) == (len(pictures), len(pictures))
        for i, (hits,) in enumerate(index.search_embeddings(images, top=1, kind="image")):
            assert (hits.path, hits.text, hits.score > 0.999) == (pictures[i], f"picture {i}", True), hits
            assert hits.metadata["url"] == "https://example.org"
        assert {hit.text for hit in index.items(kind="text")} == {f"picture {i}" for i in range(len(pictures))}
    print(f"clip_retrieval.read: {done.rows} rows of clip-retrieval's writer, in two parts, are in the index")


def main():
    captions()
    with diptych.Model() as model, tempfile.TemporaryDirectory() as folder:
        folder_is_read(pathlib.Path(folder), model)
        folder_is_written(pathlib.Path(folder), model)


if __name__ == "__main__":
    main()
