"""Runs a compiled pipeline task by task, each in a process of its own, over Google's storage protocol.

`python -m tests.pipeline.runners.compiled_run` runs the whole graph of the small world, and checks that its
bundle is that of a local run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.struct_pb2 import Struct
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.types.artifact import _decode_struct_value

from pipeline.canonical import prepare
from pipeline.commands.compile import write_job
from pipeline.config.run import RunConfig, load_config
from pipeline.object_store import ObjectStore, files_in
from pipeline.runners.cloud_files import upload_files
from pipeline.runners.compiled_job import OUTPUT_FILE, CompiledJob, read_job
from pipeline.runners.compiled_pipeline import CompiledPipeline, compile_pipeline
from serving.layout import MANIFEST_FILE
from serving.pushed_objects import version_name, versions_in
from tests.checkerboard import write_checkerboard, write_config
from tests.pipeline.runners.google_storage import google_storage

_RUN = "run"
_OF_GRAPHS = (
    "saved_model.pb",
    "fingerprint.pb",
    "variables.data-00000-of-00001",  # with the graph's objects
    "variables.index",
    "README.md",  # with the milliseconds of a query
    MANIFEST_FILE,
)


@dataclass(frozen=True)
class CompiledRun:
    """A compiled pipeline whose data are uploaded.

    Attributes:
      config: What it was compiled from.
      compiled: The pipeline.
      file: The job, as it was written.
      folder: For what steps write on this machine.
      environment: Variables by which steps find the object store.
    """

    config: RunConfig
    compiled: CompiledPipeline
    file: Path
    folder: Path
    environment: dict[str, str]

    @property
    def job(self) -> CompiledJob:
        return read_job(str(self.file))

    @property
    def order(self) -> list[str]:
        """The tasks, each behind those that it depends on."""
        tasks, order = self.job.tasks, []
        while len(order) < len(tasks):
            done = set(order)
            order += [
                n for n in tasks if n not in done and done.issuperset(tasks[n].get("dependentTasks", []))
            ]
        return order

    @property
    def bundle(self) -> ObjectStore:
        """Where versions are pushed to."""
        return ObjectStore(self.compiled.cloud.push_destination)

    def output(self, task: str) -> ObjectStore:
        """What a task wrote."""
        return ObjectStore(self.job.folder(task, _RUN))

    def run(self, task: str) -> subprocess.CompletedProcess[str]:
        """Runs a task's own command, as its pod would."""
        scratch = self.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "pipeline.runners.launch_step"]
        return subprocess.run(
            [*command, "--job", self.file, "--task", task, "--run-id", _RUN],
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment, "TMPDIR": str(scratch), "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=False,
        )

    def supply(self, tasks: Collection[str]) -> None:
        """Gives tasks the outputs that the steps of the first local run have, in place of running them."""
        outputs = _local_outputs(self.config.metadata_file)
        for task in tasks:
            artifacts = {}
            for name, (folder, metadata) in outputs.get(self.compiled.node_ids[task], {}).items():
                store = self.output(task)
                store.upload({f"{name}/{file}": path for file, path in files_in(folder).items()})
                artifacts[name] = {"artifacts": [{"name": name, "uri": store.at(name), "metadata": metadata}]}
            self.output(task).write(OUTPUT_FILE, json.dumps({"artifacts": artifacts}).encode())

    def newest(self, folder: Path) -> Path:
        """The version that was pushed last, copied into a folder."""
        store = ObjectStore(self.bundle.at(version_name(max(versions_in(self.bundle)))))
        store.download(store.names(), folder)
        return folder


def _local_outputs(database: Path) -> dict[str, dict[str, tuple[Path, dict[str, object]]]]:
    """Node id to output to folder and properties, of the first execution."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    found: dict[str, dict[str, tuple[Path, dict[str, object]]]] = {}
    for artifact in sorted(metadata_store.MetadataStore(config).get_artifacts(), key=lambda a: a.id):
        node, output, _ = Path(artifact.uri).parts[-3:]
        values = {**artifact.properties, **artifact.custom_properties}
        metadata = {key: _plain(value) for key, value in values.items()}
        found.setdefault(node, {}).setdefault(output, (Path(artifact.uri), metadata))
    return found


def _plain(value: metadata_store_pb2.Value) -> object:
    plain = getattr(value, value.WhichOneof("value"))
    return _decode_struct_value(plain) if isinstance(plain, Struct) else plain


@contextmanager
def compiled_run(folder: Path, config: Path) -> Iterator[CompiledRun]:
    """Compiles a configuration for Vertex AI, and uploads its data to a store that goes when the block ends.

    Args:
      folder: For the job and scratch.
      config: The configuration; its section `cloud` is replaced.
    """
    with google_storage() as storage:
        cloud = folder / "cloud.yaml"
        cloud.write_text(
            "cloud: {image: 'recstack:test', project: p, region: r, root: '%s/root'}" % storage.uri  # noqa: UP031
        )
        settings = load_config(config, cloud)
        compiled = compile_pipeline(settings, prepare(settings))
        file = folder / "job.json"
        write_job(compiled, "vertex", file)
        assert upload_files(compiled.data, compiled.files, compiled.cloud)
        yield CompiledRun(settings, compiled, file, folder, storage.environment)


def main() -> None:
    """Runs every task of the small world, and compares its bundle with a local run's."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_checkerboard(folder)
        config = write_config(folder)
        subprocess.run([sys.executable, "-m", "pipeline", "run", "--config", config], check=True)
        with compiled_run(folder, config) as run:
            for task in run.order:
                since = time.monotonic()
                done = run.run(task)
                print(f"{task:32}{time.monotonic() - since:6.1f} s", flush=True)  # noqa: T201
                if done.returncode:
                    sys.exit(f"{task}: exit code {done.returncode}\n{done.stderr[-3000:]}")
            assert_same_version(run.newest(folder / "pushed"), run.config.bundle_dir / "versions" / "1")


def assert_same_version(folder: Path, other: Path) -> None:
    """Checks that two versions hold the same: all files, weights, and figures by which they were judged.

    But for graphs, which name the folders that they were made in, and count what their process did before.
    """
    ours, theirs = files_in(folder), files_in(other)
    assert set(ours) == set(theirs)
    compared = [name for name in ours if name.rpartition("/")[2] not in _OF_GRAPHS]
    assert len(compared) > 20
    assert [name for name in compared if ours[name].read_bytes() != theirs[name].read_bytes()] == []
    models = [path.parent.relative_to(folder) for path in folder.rglob("saved_model.pb")]
    assert len(models) == 5
    for model in models:
        np.testing.assert_equal(_weights(folder / model), _weights(other / model))
    figures, expected = (json.loads(files[MANIFEST_FILE].read_text()) for files in (ours, theirs))
    assert figures["towers"] == expected["towers"]
    assert _but_times(figures["metrics"]) == _but_times(expected["metrics"])


def _weights(model: Path) -> dict[str, np.ndarray]:
    """Each variable of a SavedModel; ScaNN leaves what an index does not use as it found it, a scalar."""
    reader = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    shapes = reader.get_variable_to_shape_map()
    unused = {name for name, shape in shapes.items() if "index/state/" in name and not shape}
    names = [name for name in shapes if not name.startswith("_CHECKPOINTABLE") and name not in unused]
    return {name: reader.get_tensor(name) for name in names}


def _but_times(figures: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if "milliseconds" not in name}


if __name__ == "__main__":
    main()
