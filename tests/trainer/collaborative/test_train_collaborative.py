"""The fit as the pipeline calls it."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.collaborative import (
    CollaborativeConfig,
    CollaborativeSource,
    ContentFactorsConfig,
    EaseConfig,
    ItemKnnConfig,
    PopularityConfig,
)
from pipeline.config.data import FeaturesConfig
from pipeline.config.text import TextTowerConfig
from pipeline.errors import InputError
from pipeline.progress import PROGRESS_LOGGER
from schemas.features import TableLayout
from tests.trainer.collaborative.small_matrix import checkerboard
from tests.trainer.tfrecords import SmallTransformOutput, write_examples
from trainer.collaborative.train_collaborative import fit_source, train_collaborative
from trainer.settings import CollaborativeSettings

DEFAULT = ["item_knn", "user_knn", "ease", "ials", "content_factors", "popularity"]
SEEN = checkerboard()
NUM_USERS, NUM_ITEMS = SEEN.shape
ITEM_IDS = [f"i{item}" for item in range(NUM_ITEMS)]
OUTPUT = SmallTransformOutput(
    {
        "user_id": tf.io.FixedLenFeature([], tf.int64),
        "item_id": tf.io.FixedLenFeature([], tf.string),
        "engaged": tf.io.FixedLenFeature([], tf.float32),
        "label_rating": tf.io.FixedLenFeature([], tf.float32),
    },
    {
        "user_id": [f"u{user}".encode() for user in range(NUM_USERS)],
        "item_id": [item.encode() for item in ITEM_IDS],
    },
)


@dataclass(frozen=True)
class SmallStream:
    """What the code under test asks of a `TransformedStream`."""

    folder: Path
    transform_output: SmallTransformOutput = OUTPUT

    def files(self, split):
        return [str(self.folder / f"{split}.gz")]

    def vocabulary_file(self, name):
        return str(self.folder / name)


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    (folder / "item_id").write_text("\n".join(ITEM_IDS) + "\n")
    rng = np.random.default_rng(1)
    write_examples(
        folder / "train.gz",
        [
            {
                "user_id": user,
                "item_id": ITEM_IDS[item],
                "engaged": 1.0,
                "label_rating": float(rng.integers(1, 6)),
            }
            for user, item in rng.permutation(np.argwhere(SEEN))
        ],
    )
    return SmallStream(folder)


@pytest.fixture(scope="module")
def items(stream):
    """Each item's genre is its group."""
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in ("title", "text")}
    spec |= {"item_id": tf.io.FixedLenFeature([], tf.int64), "genre": tf.io.FixedLenFeature([1], tf.int64)}
    rows = [
        {"item_id": item, "title": "a", "text": "b", "genre": [item % 3]}
        for item in np.random.default_rng(0).permutation(NUM_ITEMS)
    ]
    write_examples(stream.folder / "corpus.gz", rows)
    return SmallStream(stream.folder, SmallTransformOutput(spec, OUTPUT.vocabularies))


def _settings(*sources, value_label="label_rating"):
    config = CollaborativeConfig(sources=sources) if sources else CollaborativeConfig()
    return CollaborativeSettings(
        layout=TableLayout(item_categories=("genre",)),
        features=FeaturesConfig(),
        text=TextTowerConfig(weights="random", random_layers=1, random_hidden_dim=8),
        collaborative=config,
        value_label=value_label,
        seed=1,
    )


def test_the_default_sources_find_the_checkerboard(stream, items, tmp_path):
    seconds = train_collaborative(stream, items, _settings(), str(tmp_path))
    module = tf.saved_model.load(str(tmp_path))
    names = [name.decode() for name in module.names.numpy()]
    assert names == list(seconds) == DEFAULT
    assert all(took >= 0 for took in seconds.values())
    history = [4, 1, 7]  # of group 1
    scores = {name: rows.numpy()[0] for name, rows in module.scores(tf.constant([history])).items()}
    np.testing.assert_allclose(scores.pop("popularity"), np.log1p(SEEN.sum(axis=0)), rtol=1e-6)
    for name, row in scores.items():
        others = np.setdiff1d(np.arange(NUM_ITEMS), history)
        best = others[np.argsort(-row[others])[:3]]
        assert (best % 3 == 1).all(), name


def test_settings_survive_json(stream):
    settings = _settings(EaseConfig(regularization=7), ItemKnnConfig(name="near", similarity="pearson"))
    assert CollaborativeSettings.model_validate_json(settings.model_dump_json()) == settings


def test_ease_is_left_out_of_too_large_a_corpus(stream, tmp_path, caplog):
    settings = _settings(EaseConfig(name="linear", max_items=17), PopularityConfig())
    with caplog.at_level(logging.WARNING, logger=PROGRESS_LOGGER):
        seconds = train_collaborative(stream, stream, settings, str(tmp_path))
    assert list(seconds) == ["popularity"]
    assert caplog.messages == ["linear is left out: the corpus has 18 items, more than its max_items of 17"]
    assert set(tf.saved_model.load(str(tmp_path)).scores(tf.constant([[1]]))) == {"popularity"}


def test_nothing_but_sources_that_do_not_fit_is_an_error(stream, tmp_path):
    with pytest.raises(InputError, match=r"no source .* fits a corpus of 18 items; add one of another kind"):
        train_collaborative(stream, stream, _settings(EaseConfig(max_items=17)), str(tmp_path))


def test_a_kind_that_nobody_fits_is_an_error():
    with pytest.raises(ValueError, match="there is no source of kind 'tarot'"):
        fit_source(CollaborativeSource(kind="tarot"), None, seed=1)


def test_content_has_to_be_given_to_what_reads_it():
    with pytest.raises(ValueError, match="'content_factors' reads what items say of themselves"):
        fit_source(ContentFactorsConfig(), None, seed=1)
