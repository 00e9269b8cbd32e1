"""A run's folder with all that needs no training: data, statistics, anomalies, curves, an evaluation."""

import json
from pathlib import Path

import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from pipeline.config.run import RunConfig
from pipeline.runners.step_recorder import StepRecorder
from pipeline.runners.steps import Step, StepListener
from pipeline.statistics_files import write_statistics
from serving.evaluation_record import Evaluation
from serving.file_digests import combined_digest
from serving.manifest import Manifest
from tests.pipeline.small_metadata import SmallMetadata

RUN = "2099-01-02T03:04:05.000000+00:00"
SCRIPT = "<script>alert('data')</script>"
SPLITS = {
    name: {"interactions": n, "users": 5, "items": 7}
    for name, n in (("train", 80), ("eval", 10), ("test", 10))
}
SUMMARY = {
    "digest": "0123456789abcdef",
    "layout": {"item_categories": ["item_genre"], "user_categories": ["user_region"], "user_numbers": []},
    "items": 9,
    "users": 5,
    "eval_start": "2020-01-01T00:00:00+00:00",
    "test_start": "2020-02-01T00:00:00+00:00",
    "splits": SPLITS,
    "cleaning": {
        "interactions": {"read": 103, "kept": 100, "rules": {"duplicate": 2, "bad_id": 1}},
        "items": {"read": 9, "kept": 9, "rules": {}},
    },
}
MANIFEST = Manifest(
    name="small",
    digest=combined_digest({}),
    versions={"tensorflow": "2.16.2"},
    data_span={"first": 1_577_836_800, "last": 1_583_020_800},
    interactions=100,
    num_items=9,
    embedding_dim=16,
    variants=("exact", "scann"),
    index="scann",
    towers={"retrieval": "abc", "index": "abc"},
    tasks={"rating": "value", "like": "probability"},
    signatures={"recommender": ("for_users", "top_k")},
    pseudonym_key="abcd",
    parts={},
    ops={},
    files={},
)


def small_config(folder: Path) -> RunConfig:
    """The configuration of the run."""
    return RunConfig.model_validate(
        {"name": "small", "output": str(folder), "data": {"source": "movielens_100k"}}
    )


def write_small_run(folder: Path, record: Evaluation | None) -> RunConfig:
    """Writes a run whose bundle was judged; without a record, one that ended at its data."""
    config = small_config(folder)
    metadata = SmallMetadata(config.metadata_file)
    data = config.run_dir / "data" / SUMMARY["digest"]
    data.mkdir(parents=True)
    (data / "summary.json").write_text(json.dumps(SUMMARY))
    steps = StepRecorder(StepListener(), config.steps_dir)
    steps._record = steps._record.model_copy(update={"planned": ("interactions.ExampleGen",)})
    steps.finished(Step("interactions.ExampleGen", 1.5, False, {}, 300 * 2**20))
    for stream, split in (("interactions", "train"), ("items", "corpus")):
        parameters = {"input_base": f"/elsewhere/data/{data.name}/{stream}"}
        metadata.add(RUN, f"{stream}.ExampleGen", ["examples"], parameters=parameters)
        write_statistics(
            _statistics(),
            str(_made(config, metadata, f"{stream}.StatisticsGen", "statistics") / f"Split-{split}"),
        )
        for validator in ("ExampleValidator", "DriftValidator"):
            folder = _made(config, metadata, f"{stream}.{validator}", "anomalies") / f"Split-{split}"
            folder.mkdir()
            (folder / "SchemaDiff.pb").write_bytes(_anomalies(validator).SerializeToString())
    if record is not None:
        for trainer in ("RetrievalTrainer", "RankingTrainer"):
            write_curves(_made(config, metadata, trainer, "model_run"))
        bundle = _made(config, metadata, "Bundler", "bundle")
        MANIFEST.write(bundle)
        evaluation = _made(config, metadata, "BundleEvaluator", "bundle_evaluation")
        (evaluation / "evaluation.json").write_text(record.model_dump_json())
    return config


def write_curves(folder: Path) -> None:
    """Three epochs, as trainers log them."""
    for split, figures in {"train": ["loss"], "validation": ["loss", "ndcg"]}.items():
        with tf.summary.create_file_writer(str(folder / split)).as_default():
            for epoch in range(3):
                for figure in figures:
                    tf.summary.scalar(f"epoch_{figure}", 1 / (1 + epoch), step=epoch)


def _made(config, metadata, node_id, output) -> Path:
    number = metadata.add(RUN, node_id, [output], parameters={"code": "c0de"})
    folder = config.run_dir / "artifacts" / node_id / output / str(number)
    folder.mkdir(parents=True)
    return folder


def _statistics():
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = statistics.datasets.add(num_examples=80)
    for name, top in (("title", SCRIPT), ("user_id", "a secret name")):
        feature = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
        feature.path.step.append(name)
        feature.string_stats.unique = 4
        feature.string_stats.common_stats.num_missing = 20
        feature.string_stats.top_values.add(value=top, frequency=3)
    number = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.FLOAT)
    number.path.step.append("value")
    number.num_stats.mean, number.num_stats.max = 3.25, 12345.0
    return statistics


def _anomalies(validator):
    anomalies = anomalies_pb2.Anomalies()
    if validator == "ExampleValidator":
        anomalies.anomaly_info["item_genre"].description = f"Unexpected value: {SCRIPT}"
    return anomalies
