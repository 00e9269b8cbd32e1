"""A small BERT on disk, and seeds: what the trainer's tests share."""

from __future__ import annotations

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow)

# isort: split
from pathlib import Path

import pytest
import tf_keras

from tests.trainer.small_bert import write_bert
from trainer.item_lookup import ItemLookup


@pytest.fixture(autouse=True)
def _seed():
    tf_keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def bert_dir(tmp_path_factory) -> Path:
    """The folder of a small random BERT; tests only read it."""
    folder = tmp_path_factory.mktemp("bert")
    write_bert(folder)
    return folder


@pytest.fixture(scope="session")
def lookup(tmp_path_factory) -> ItemLookup:
    """A lookup over the items a, b, 007 and 电影."""
    path = tmp_path_factory.mktemp("vocabulary") / "item_id"
    path.write_text("a\nb\n007\n电影\n", encoding="utf-8")
    return ItemLookup(str(path), 4)
