"""The pipeline as a user runs it: steps, reuse, verdicts, exit codes."""

import json
import re
import shutil

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from serving.layout import versions
from tests.e2e.conftest import step_lines

DATA_STEPS = [
    f"{stream}.{step}"
    for stream in ("interactions", "items")
    for step in ("ExampleGen", "StatisticsGen", "Schema", "ExampleValidator", "Transform", "Materializer")
]
# Run again when another version is served.
DRIFT_STEPS = ["interactions.DriftValidator", "items.DriftValidator"]
OTHER_STEPS = [
    "AnomalyGate",
    "RetrievalTrainer",
    "CollaborativeTrainer",
    "RankingTrainer",
    "FusionTrainer",
    "Indexer",
    "Bundler",
    "LastBlessedBundle",
    "RankingPredictor",
    "RankingEvaluator",
    "BundleEvaluator",
    "Pusher",
]

pytestmark = pytest.mark.slow

BEAT_ITEM_KNN = {"model": "retrieval", "metric": "recall@20", "beats": ["item_knn"]}


def test_every_step_runs_and_is_shown_with_its_time(world):
    steps = step_lines(world.first_run.stdout)
    assert sorted(steps) == sorted([*DATA_STEPS, *DRIFT_STEPS, *OTHER_STEPS])
    assert all(took.endswith("s") for took in steps.values())


def test_figures_of_the_models_the_baselines_and_the_index_are_shown(world):
    lines = [line.split() for line in world.first_run.stdout.splitlines()]
    shown = {words[0]: words[1:] for words in lines if words}
    for name in ("popularity", "item_knn", "retrieval", "recommender", "rating", "like", "exact", "scann"):
        assert len(shown[name]) >= 2, name
    assert float(shown["scann"][0]) > 0.9  # recall@10 against exact search


def test_nothing_of_the_libraries_noise_reaches_the_console(world):
    assert world.first_run.stderr == ""
    assert "tensorflow" not in world.first_run.stdout.lower()


def test_tensorboard_logs_of_both_trainers(world):
    for trainer in ("RetrievalTrainer", "RankingTrainer"):
        assert list(world.artifacts.glob(f"{trainer}/model_run/*/train/events.out.tfevents.*"))


def test_an_unchanged_run_reuses_everything_and_looks_whether_the_bundle_is_still_there(world):
    shutil.rmtree(world.bundle)
    again, seconds = world.run()
    steps = step_lines(again.stdout)
    assert again.returncode == 0
    for looks_elsewhere in ("Pusher", "LastBlessedBundle"):
        assert steps.pop(looks_elsewhere) != "reused"
    assert set(steps.values()) == {"reused"}
    assert versions(world.bundle) == [1]
    assert seconds < 60


def test_a_changed_learning_rate_does_not_redo_the_data_steps(world):
    before = versions(world.bundle)
    changed, _ = world.run({"ranking": {"learning_rate": 0.01}})
    steps = step_lines(changed.stdout)
    assert changed.returncode == 0
    assert {steps[name] for name in (*DATA_STEPS, "RetrievalTrainer", "Indexer")} == {"reused"}
    assert "reused" not in {steps["RankingTrainer"], steps["Bundler"], steps["BundleEvaluator"]}
    assert versions(world.bundle) == [*before, before[-1] + 1]


def test_a_refused_version_ends_with_3_and_the_old_one_stays(world):
    before = versions(world.bundle)
    refused, _ = world.run({"gate": {"lists": [BEAT_ITEM_KNN]}})  # item-kNN cannot be beaten here
    assert refused.returncode == 3
    assert "error: the gate refused the new version; what is served stays as it is" in refused.stderr
    assert "retrieval: recall@20 is" in refused.stderr
    assert "item_knn" in refused.stdout  # the figures that it was refused for
    assert versions(world.bundle) == before
    (verdict,) = [path for path in world.artifacts.glob("BundleEvaluator/bundle_blessing/*/NOT_BLESSED")]
    evaluation = (
        world.artifacts / "BundleEvaluator" / "bundle_evaluation" / verdict.parent.name / "evaluation.json"
    )
    assert json.loads(evaluation.read_text())["reasons"]


def test_random_weights_are_refused_and_trained_ones_pass(world):
    threshold = {"model": "retrieval", "metric": "recall@20", "at_least": 0.8}
    # The ranking model is another one than in the run before.
    gate = {"lists": [threshold], "ranking": {"min_auc": None, "max_loss": None}}
    passed, _ = world.run({"gate": gate})
    assert passed.returncode == 0, passed.stderr
    before = versions(world.bundle)
    refused, _ = world.run({"gate": gate, "retrieval": {"learning_rate": 1e-12, "epochs": 1}})
    assert refused.returncode == 3
    assert re.search(r"retrieval: recall@20 is 0\.\d+, below 0\.8", refused.stderr)
    assert versions(world.bundle) == before


def test_an_anomaly_ends_with_4_and_names_feature_and_reason(world):
    schema_dir = world.folder / "strict"
    schema_dir.mkdir()
    data_dir = next(path for path in (world.folder / "runs/checkerboard/data").iterdir() if path.is_dir())
    for name in ("interactions.pbtxt", "items.pbtxt"):
        schema = text_format.Parse((data_dir / name).read_text(), schema_pb2.Schema())
        for feature in schema.feature:
            if feature.name == "value":
                feature.float_domain.max = 4
        (schema_dir / name).write_text(text_format.MessageToString(schema))
    stopped, _ = world.run({"schema_dir": "strict"})
    assert stopped.returncode == 4
    assert "interactions/train: value: " in stopped.stderr
    assert "4" in stopped.stderr
    assert "RetrievalTrainer" not in step_lines(stopped.stdout)
