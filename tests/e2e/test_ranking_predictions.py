"""What the ranking models of a real run answer, beside those of a bundle before."""

import logging
import shutil

import numpy as np
import pytest

from pipeline.config.evaluation import EvaluationConfig
from pipeline.config.ranking import RankingConfig
from pipeline.config.training import IndexConfig
from schemas.features import TableLayout
from serving.bundle_settings import BundleSettings
from serving.layout import EXACT, RANKING, model_dir
from serving.ranking_evaluation.predictions import read_predictions
from serving.ranking_evaluation.write_predictions import write_predictions

pytestmark = pytest.mark.slow

TASKS = RankingConfig().tasks
SETTINGS = BundleSettings(
    name="checkerboard",
    layout=TableLayout(
        user_categories=("user_region",),
        user_numbers=("user_age",),
        item_categories=("item_genre",),
        item_numbers=("item_minutes",),
        has_text=True,
    ),
    crosses=(("weekday", "user_region"),),
    tasks=TASKS,
    index=IndexConfig(),
)


def _first(folder):
    return str(min(folder.iterdir(), key=lambda path: int(path.name)))


def _write(world, previous, folder):
    write_predictions(
        _first(world.artifacts / "Bundler/bundle"),
        str(previous),
        _first(world.artifacts / "interactions.ExampleGen/examples"),
        _first(world.artifacts / "interactions.Transform/transform_graph"),
        _first(world.artifacts / "items.ExampleGen/examples"),
        SETTINGS,
        EvaluationConfig(slices=("user_region",)),
        0,
        str(folder),
    )
    return read_predictions(str(folder), TASKS, ("user", "user_region"))


def test_the_same_bundle_answers_the_same(world, tmp_path):
    read = _write(world, _first(world.artifacts / "Bundler/bundle"), tmp_path)
    assert len(read.users) == 84
    assert set(read.labels["rating"]) == {1.0, 5.0}
    assert set(read.slices["user_region"]) == {b"north", b"south"}
    for task in TASKS:
        np.testing.assert_allclose(read.previous[task.name], read.answers[task.name], rtol=1e-5)


def test_a_last_bundle_that_cannot_be_asked_is_left_out(world, tmp_path, caplog):
    previous = tmp_path / "previous"
    shutil.copytree(_first(world.artifacts / "Bundler/bundle"), previous)
    shutil.rmtree(model_dir(previous, EXACT, RANKING))
    with caplog.at_level(logging.WARNING):
        read = _write(world, previous, tmp_path / "predictions")
    assert "the last version's ranking model cannot be asked, and is left out" in caplog.text
    assert read.previous["rating"].tolist() == read.answers["rating"].tolist()
