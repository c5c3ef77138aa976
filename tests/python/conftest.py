# SPDX-License-Identifier: Apache-2.0
"""What the tests share: the default model, sample pictures, and an index of them."""

import pathlib
import shutil

import pytest

import diptych

ROOT = pathlib.Path(__file__).parents[2]
PICTURES = ROOT / "assets" / "pictures"
GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture(scope="session")
def model():
    with diptych.Model() as opened:
        yield opened


@pytest.fixture
def pictures():
    return sorted(PICTURES.iterdir())


@pytest.fixture(scope="session")
def _filled(tmp_path_factory, model):
    path = tmp_path_factory.mktemp("indexes") / "pictures.dip"
    with diptych.Index.create(path, model) as index:
        index.sync(PICTURES)
    return path


@pytest.fixture
def index(_filled, tmp_path, model):
    """Of the sample pictures, open for writing."""
    shutil.copytree(_filled, tmp_path / "pictures.dip")
    with diptych.Index.open(tmp_path / "pictures.dip", model, write=True) as opened:
        yield opened
