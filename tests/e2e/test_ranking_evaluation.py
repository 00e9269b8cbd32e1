"""The steps that judge the ranking model, on what a real run left."""

import logging

import numpy as np
import pytest
from tfx.types.standard_artifacts import Examples, Model, TransformGraph

from pipeline.config.evaluation_ranking import RankingGateConfig
from pipeline.config.ranking import RankingConfig
from pipeline.config.training import IndexConfig
from schemas.features import TableLayout
from serving.artifacts import ServingBundle
from serving.bundle_settings import BundleSettings
from serving.components.ranking_predictor import RankingPredictor
from serving.layout import versions_dir
from serving.ranking_evaluation.evaluate import evaluate_ranking
from serving.ranking_evaluation.predictions import read_predictions
from serving.ranking_evaluation.skew import SkewInputs, measure_skew, skew_reasons
from tests.serving.ranking_evaluation.tfma_run import run_evaluator
from trainer.streams import TransformedStream

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
GATE = RankingGateConfig.model_validate(
    {"thresholds": {"rating": {"rmse": {"at_most": 5, "lose_at_most": 0}}}, "resamples": 20}
)


def _newest(folder):
    return str(max(folder.iterdir(), key=lambda path: int(path.name)))


def _artifact(kind, uri):
    artifact = kind()
    artifact.uri = str(uri)
    return artifact


def _predict(world, output, previous_dir):
    """Calls the component's function as its executor does."""
    artifacts = world.artifacts
    RankingPredictor.test_call(
        bundle=_artifact(ServingBundle, _newest(artifacts / "Bundler/bundle")),
        interactions=_artifact(Examples, _newest(artifacts / "interactions.ExampleGen/examples")),
        interactions_graph=_artifact(
            TransformGraph, _newest(artifacts / "interactions.Transform/transform_graph")
        ),
        predictions=_artifact(Examples, output),
        candidate=_artifact(Model, output),
        previous=_artifact(Model, output),
        settings=SETTINGS.model_dump_json(),
        previous_dir=str(previous_dir),
        seed=0,
        code="",
    )
    return read_predictions(str(output), TASKS)


def test_a_bundle_is_judged_beside_the_last_one(world, tmp_path):
    """The last one is the same here: nothing is lost."""
    folder = tmp_path / "predictions"
    read = _predict(world, folder, versions_dir(world.bundle) / "1")
    assert len(read.users) == 84
    for task in TASKS:
        np.testing.assert_allclose(read.previous[task.name], read.answers[task.name], rtol=1e-5)
    evaluation_dir, blessed = run_evaluator(folder, TASKS, GATE, (), tmp_path / "tfx")
    found = evaluate_ranking(str(folder), evaluation_dir, TASKS, GATE, (), seed=0)
    assert blessed, found.reasons
    assert found.reasons == []
    rating = found.figures["rating"]["overall"]["all"]
    error = read.answers["rating"].astype(float) - read.labels["rating"]
    np.testing.assert_allclose(rating.metrics["rmse"].value, np.sqrt(np.mean(error**2)), rtol=1e-5)
    assert set(rating.baselines) == {"item_mean"}
    assert set(read.labels["rating"]) == {1.0, 5.0}


def test_a_last_version_that_cannot_be_asked_is_left_out(world, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        read = _predict(world, tmp_path / "predictions", tmp_path / "nothing")
    assert "the last version's ranking model cannot be asked, and is left out" in caplog.text
    assert read.previous["rating"].tolist() == read.answers["rating"].tolist()


def test_the_exported_graphs_have_no_skew(world):
    artifacts = world.artifacts
    stream = TransformedStream(
        _newest(artifacts / "interactions.Materializer/transformed_examples"),
        _newest(artifacts / "interactions.Transform/transform_graph"),
    )
    measured = measure_skew(
        SkewInputs(_newest(artifacts / "interactions.ExampleGen/examples"), stream),
        _newest(artifacts / "Bundler/bundle"),
        _newest(artifacts / "RetrievalTrainer/model"),
        _newest(artifacts / "RankingTrainer/model"),
        GATE,
        seed=0,
    )
    assert set(measured) == {"retrieval/query", *(f"ranking/{task.name}" for task in TASKS)}
    assert {skew.requests for skew in measured.values()} == {84}
    assert max(skew.largest for skew in measured.values()) < 1e-4
    assert skew_reasons(measured) == []
