# SPDX-License-Identifier: Apache-2.0
"""Caption scores in pycocoevalcap's terms, against its own numbers (tests/golden/captions.py)."""

import json

import numpy as np
import pytest

import diptych
from conftest import GOLDEN, PICTURES

METRICS = ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr")


def golden(name):
    return json.loads((GOLDEN / "captions" / name).read_text(encoding="utf-8"))


@pytest.fixture
def captions():
    """gts and res, as COCOEvalCap hands them to PTBTokenizer."""
    gts = {}
    for annotation in golden("refs.json")["annotations"]:
        gts.setdefault(annotation["image_id"], []).append({"caption": annotation["caption"]})
    res = {one["image_id"]: [{"caption": one["caption"]}] for one in golden("candidates.json")}
    return gts, res


def test_scores_are_pycocoevalcap_s(captions):
    scores, said = diptych.score_captions(*captions), golden("scores.json")
    for metric in METRICS:
        key = "CIDEr_D" if metric == "CIDEr" else metric
        assert scores[metric] == pytest.approx(said["corpus"][key], abs=1e-12)
        each = [said["per_image"][str(image)][key] for image in scores.ids]
        assert scores.images[metric] == pytest.approx(each, abs=1e-12)
    assert scores["sacreBLEU"] == pytest.approx(said["corpus"]["sacreBLEU"])
    assert scores.signatures["sacreBLEU"] == said["signature"]
    assert "CIDEr: " in repr(scores) and set(METRICS) < set(scores) and "METEOR" not in scores


@pytest.mark.parametrize("metric", ["METEOR", "METEOR_no_paraphrases"])
def test_meteor_is_pycocoevalcap_s(captions, metric):
    """With a table of a few paraphrases, which pycocoevalcap's jar was given, too (tests/golden/meteor.py)."""
    said = json.loads((GOLDEN / "meteor" / "meteor.json").read_text(encoding="utf-8"))["captions"][metric]
    data = GOLDEN / "meteor" if metric == "METEOR" else None
    scores = diptych.score_captions(*captions, metrics=[metric], meteor_data=data)
    assert scores[metric] == pytest.approx(said["corpus"], abs=1e-12)
    assert scores.images[metric] == pytest.approx(said["images"], abs=1e-12)
    assert scores.signatures[metric].startswith("1.5")


def test_captions_come_in_every_shape(captions):
    gts, res = captions
    expected = diptych.score_captions(gts, res)
    plain = {i: [c["caption"] for c in gts[i]] for i in gts}, {i: res[i][0]["caption"] for i in res}
    assert diptych.score_captions(*plain) == expected
    lists = [plain[0][i] for i in res], list(plain[1].values())
    assert diptych.score_captions(*lists) == expected
    assert diptych.score_captions(plain[0], {i: [plain[1][i]] for i in res}, metrics=["CIDEr"]) == {
        "CIDEr": expected["CIDEr"]
    }


def test_metrics_are_those_that_are_named():
    assert diptych.metrics()[0] == "Bleu_1" and "RefCLIPScore" in diptych.metrics()
    assert list(diptych.score_captions(["a cat"], ["a cat"], metrics="chrF2")) == ["chrF2"]
    with pytest.raises(diptych.ArgumentError, match="no metric 'BLEU'"):
        diptych.score_captions(["a"], ["a"], metrics=["BLEU"])


def test_clip_score(model):
    scores = diptych.score_captions(
        [["a red heart"], ["a blue star"]],
        ["a red heart", "a red heart"],
        model=model,
        images=[PICTURES / "01.png", PICTURES / "02.png"],
        metrics=["CLIPScore", "RefCLIPScore"],
    )
    assert list(scores) == ["CLIPScore", "RefCLIPScore"]
    assert scores.images["CLIPScore"][0] > scores.images["CLIPScore"][1]
    alone = {"model": model, "images": [PICTURES / "01.png"]}
    assert list(diptych.score_captions([[]], ["a red heart"], metrics=["CLIPScore"], **alone)) == ["CLIPScore"]
    with pytest.raises(diptych.ArgumentError, match="RefCLIPScore takes references"):
        diptych.score_captions([[]], ["a red heart"], metrics=["CLIPScore", "RefCLIPScore"], **alone)
    with pytest.raises(diptych.ArgumentError, match="there are 1 images, and captions of 2"):
        diptych.score_captions(["a", "b"], ["a", "b"], model=model, images=[PICTURES / "01.png"])


def test_captions_that_do_not_fit_are_mistakes():
    with pytest.raises(diptych.ArgumentError, match="7 is in one of them alone"):
        diptych.score_captions({7: ["a"], 8: ["a"]}, {8: ["a"]})
    with pytest.raises(diptych.ArgumentError, match="image 8 has 2 candidates"):
        diptych.score_captions({8: ["a"]}, {8: ["a", "b"]})
    with pytest.raises(diptych.ArgumentError, match="reference"):
        diptych.score_captions({8: []}, {8: ["a"]})
    with pytest.raises(diptych.ArgumentError, match="no candidates"):
        diptych.score_captions([], [])
    for references, candidates in (({8: ["a"]}, ["a"]), ("abc", "abc"), ("abc", ["abc"])):
        with pytest.raises(TypeError, match="both dicts"):
            diptych.score_captions(references, candidates)
    with pytest.raises(TypeError, match=r"candidate of image 0 is of type int"):
        diptych.score_captions([["a"]], [7])
    assert isinstance(diptych.score_captions(["a"], ["a"]).images["Bleu_1"], np.ndarray)
