"""A run's folder as a pipeline leaves it, small enough for tests."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import struct
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.quarantine import QUARANTINE_SCHEMA
from serving.layout import VARIANTS, model_dir, models_dir

STEPS = {
    # step/output/number: what it was made of
    "interactions.ExampleGen/examples/1": [],
    "items.ExampleGen/examples/2": [],
    "interactions.StatisticsGen/statistics/3": ["interactions.ExampleGen/examples/1"],
    "interactions.Transform/transform_graph/9": ["interactions.ExampleGen/examples/1"],
    "interactions.Materializer/transformed_examples/4": ["interactions.Transform/transform_graph/9"],
    "RetrievalTrainer/model/5": [
        "interactions.Materializer/transformed_examples/4",
        "interactions.Transform/transform_graph/9",
        "items.ExampleGen/examples/2",
    ],
    "RetrievalTrainer/model_run/5": ["interactions.Materializer/transformed_examples/4"],
    "Indexer/index/6": ["RetrievalTrainer/model/5"],
    "Bundler/bundle/7": ["Indexer/index/6", "interactions.ExampleGen/examples/1"],
    "BundleEvaluator/bundle_evaluation/8": ["Bundler/bundle/7"],
}


def write_run(run_dir: Path, people: list[str], with_metadata: bool = True) -> None:
    """Writes a run in which each person did four things with items `1` to `4`."""
    write_span(run_dir / "data" / "0123456789abcdef", people)
    write_artifacts(run_dir / "artifacts", people)
    if with_metadata:
        write_metadata(run_dir)
    for version in (1, 2):
        write_version(run_dir / "bundle", version, people)
    (run_dir / "run.log").write_text("".join(f"INFO step {n} of 17\n" for n in range(20)))


def write_span(span: Path, people: list[str]) -> None:
    """Prepared data; quarantine has a row of each person, and one that only names them."""
    log = {
        "user_id": [person for person in people for _ in range(4)],
        "item_id": ["1", "2", "3", "4"] * len(people),
        "event_type": ["view", "view", "buy", "view"] * len(people),
    }
    table = pa.table(log)
    splits = {"train": [0, 1], "eval": [2], "test": [3]}
    counts = {}
    for split, kept in splits.items():
        part = table.take([row for row in range(table.num_rows) if row % 4 in kept])
        folder = span / "interactions" / split
        folder.mkdir(parents=True)
        pq.write_table(part.slice(0, 2), folder / "part-00000.parquet")
        pq.write_table(part.slice(2), folder / "part-00001.parquet")
        items = len(set(part["item_id"].to_pylist()))
        counts[split] = {"interactions": part.num_rows, "users": len(people), "items": items}
    _table(span / "items" / "corpus" / "part-00000.parquet", {"item_id": ["1", "2", "3", "4"]})
    _table(span / "users.parquet", {"user_id": people, "user_age": pa.array([30.0] * len(people))})
    _table(span / "histories.parquet", {"user_id": people, "history_item_ids": [["1", "2"]] * len(people)})
    reject = {"table": "interactions", "rule": "bad_id", "file": "log.csv", "item_id": "2"}
    rejects = [{**reject, "row": row, "user_id": person} for row, person in enumerate(people)]
    rejects.append({**reject, "row": len(people), "user_id": None, "detail": f"{people[0]},9,view"})
    path = span / "quarantine" / "shard-00000.parquet"
    path.parent.mkdir()
    pq.write_table(pa.Table.from_pylist(rejects, schema=QUARANTINE_SCHEMA), path)
    summary = {"digest": span.name, "items": 4, "users": len(people), "splits": counts}
    summary["event_types"] = {"view": 2 * len(people)}
    (span / "summary.json").write_text(json.dumps(summary))


def _table(path: Path, columns: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def write_artifacts(root: Path, people: list[str]) -> None:
    """Artifacts; of them only the raw examples and vocabularies name anybody."""
    for name in STEPS:
        (root / name).mkdir(parents=True, exist_ok=True)
    examples = [example({"user_id": person, "item_id": "1"}) for person in people]
    write_records(root / "interactions.ExampleGen/examples/1/Split-train/data.gz", examples)
    items = [example({"item_id": item}) for item in ("1", "2", "3", "4")]
    write_records(root / "items.ExampleGen/examples/2/Split-corpus/data.gz", items)
    write_records(
        root / "interactions.Materializer/transformed_examples/4/Split-train/data.gz", [b"\x08\x01"]
    )
    (root / "interactions.StatisticsGen/statistics/3/FeatureStats.pb").write_bytes(b"\x08\x04")
    for folder in ("interactions.Transform/transform_graph/9", "RetrievalTrainer/model/5"):
        _vocabulary(root / folder / "assets", people)
    (root / "RetrievalTrainer/model/5/saved_model.pb").write_bytes(b"weights")
    (root / "RetrievalTrainer/model_run/5/events").write_bytes(b"losses")
    (root / "Indexer/index/6/saved_model.pb").write_bytes(b"embeddings")
    (root / "BundleEvaluator/bundle_evaluation/8/evaluation.json").write_text("{}")
    write_version(root / "Bundler", 7, people, "bundle")


def _vocabulary(folder: Path, people: list[str]) -> None:
    folder.mkdir(parents=True)
    (folder / "user_id").write_text("".join(f"{person}\n" for person in people))
    (folder / "item_id").write_text("1\n2\n3\n4\n")


def write_version(bundle: Path, number: int, people: list[str], versions: str = "versions") -> None:
    """A bundle's version, and the links to it."""
    root = bundle / versions / str(number)
    for model in ("retrieval", "ranking", "recommender"):
        for variant in VARIANTS:
            folder = model_dir(root, variant, model)
            if not folder.exists():
                _vocabulary(folder / "assets", people)
            if versions == "versions":
                link = models_dir(bundle, variant) / model / str(number)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(os.path.relpath(folder, link.parent))
    text = "".join(f"{person}\n" for person in people)
    for variant in VARIANTS:
        (model_dir(root, variant, "recommender") / "assets" / "user_ids.txt").write_text(text)
    (root / "manifest.json").write_text(json.dumps({"digest": str(number)}))


def write_metadata(run_dir: Path, root: str = "/elsewhere/artifacts") -> None:
    """ML Metadata's tables, as far as they tell what was made of what, when the run stood elsewhere."""
    numbers = {name: number for number, name in enumerate(STEPS, start=1)}
    with sqlite3.connect(run_dir / "metadata.sqlite") as database:
        database.execute("CREATE TABLE Artifact (id INTEGER PRIMARY KEY, uri TEXT)")
        database.execute("CREATE TABLE Event (artifact_id INT, execution_id INT, type INT)")
        for name, number in numbers.items():
            database.execute("INSERT INTO Artifact VALUES (?, ?)", [number, f"{root}/{name}"])
            execution = int(name.rsplit("/", 1)[1])
            database.execute("INSERT INTO Event VALUES (?, ?, 4)", [number, execution])
            for source in STEPS[name]:
                database.execute("INSERT INTO Event VALUES (?, ?, 3)", [numbers[source], execution])


def example(features: dict[str, str]) -> bytes:
    """A serialized `tf.Example` of strings, by TensorFlow's own classes."""
    from tensorflow.core.example import example_pb2

    message = example_pb2.Example()
    for name, value in features.items():
        message.features.feature[name].bytes_list.value.append(value.encode())
    return message.SerializeToString()


def write_records(path: Path, records: Iterable[bytes]) -> None:
    """A gzipped TFRecord file, without true checksums."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as file:
        for record in records:
            file.write(struct.pack("<QI", len(record), 0) + record + b"\0\0\0\0")
