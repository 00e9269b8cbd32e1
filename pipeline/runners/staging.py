"""What a step reads and writes in an object store, as files of its own machine while it runs."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.errors import InputError
from pipeline.object_store import ObjectStore, files_in, is_remote
from pipeline.runners.checkpoint_mirror import CheckpointMirror
from serving.layout import MANIFEST_FILE

# A step writes there itself, as it needs it.
_DESTINATION = "destination"
_CHECKPOINTS = "checkpoint_dir"
# Of the pushed versions a step only wants to know which there are.
_SERVED = "served"


class Staging:
    """A folder of this machine that holds a step's inputs and outputs.

    The same address has the same place in it whenever a step is tried again, so that whatever a step makes
    of its inputs' places, such as the name of a checkpoint, stays.
    """

    def __init__(self, folder: Path, delivers: bool = True):
        """Empties the folder.

        Args:
          folder: Of this step alone.
          delivers: Whether anything is written to the object store: of processes that train together, one
            does for all.
        """
        self._folder = folder
        self._delivers = delivers
        self._outputs: dict[str, Path] = {}
        self._checkpoints: list[CheckpointMirror] = []
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *_: object) -> None:
        for mirror in self._checkpoints:
            mirror.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def localise(self, call: pipeline_spec_pb2.ExecutorInput) -> pipeline_spec_pb2.ExecutorInput:
        """Fetches what a step reads, and names places of this machine in the place of addresses.

        Args:
          call: What the platform tells the step.

        Returns:
          What the step is told instead.

        Raises:
          InputError: An address that a parameter names leads nowhere.
        """
        local = pipeline_spec_pb2.ExecutorInput()
        local.CopyFrom(call)
        for artifacts in local.inputs.artifacts.values():
            for artifact in artifacts.artifacts:
                if is_remote(artifact.uri):
                    artifact.uri = str(self._fetched(artifact.uri))
        for name, value in local.inputs.parameter_values.items():
            if is_remote(value.string_value) and name != _DESTINATION:
                value.string_value = str(self._parameter(name, value.string_value))
        for artifacts in local.outputs.artifacts.values():
            for artifact in artifacts.artifacts:
                if is_remote(artifact.uri):
                    artifact.uri = str(self._output(artifact.uri))
        local.outputs.output_file = str(self._folder / "executor_output.json")
        return local

    def deliver(self, call: pipeline_spec_pb2.ExecutorInput) -> None:
        """Uploads what a step wrote, and last what it says of it, if this process delivers.

        Args:
          call: What the platform told the step.
        """
        if not self._delivers:
            return
        for uri, folder in self._outputs.items():
            store, files = ObjectStore(uri), files_in(folder)
            store.remove([name for name in store.names() if name not in files])  # of an earlier try
            store.upload(files)
        for mirror in self._checkpoints:
            mirror.copy()
        said = json_format.Parse(
            (self._folder / "executor_output.json").read_text(encoding="utf-8"),
            pipeline_spec_pb2.ExecutorOutput(),
        )
        places = {str(folder): uri for uri, folder in self._outputs.items()}
        for artifacts in said.artifacts.values():
            for artifact in artifacts.artifacts:
                artifact.uri = places.get(artifact.uri, artifact.uri)
        ObjectStore(call.outputs.output_file).write("", json_format.MessageToJson(said).encode())

    def _fetched(self, uri: str, only: str = "") -> Path:
        """A copy of what stands at an address: a folder, or a file; an empty folder if nothing does."""
        store, place = ObjectStore(uri), self._place("inputs", uri)
        if store.is_object():
            file = place / uri.rpartition("/")[2]
            store.download_object(file)
            return file
        place.mkdir(parents=True, exist_ok=True)
        store.download([name for name in store.names() if name.endswith(only)], place)
        return place

    def _parameter(self, name: str, uri: str) -> Path:
        """What a parameter stands for."""
        if name == _CHECKPOINTS:
            mirror = CheckpointMirror(self._place(_CHECKPOINTS, uri), uri)
            mirror.start(follow=self._delivers)
            self._checkpoints.append(mirror)
            return mirror.folder
        if name == _SERVED:
            return self._fetched(uri, only=f"/{MANIFEST_FILE}")
        place = self._fetched(uri)
        if place.is_dir() and not any(place.iterdir()):
            raise InputError(
                f"nothing stands at {uri}, which the parameter {name} names; submit the run again"
            )
        return place

    def _output(self, uri: str) -> Path:
        place = self._place("outputs", uri)
        place.mkdir(parents=True, exist_ok=True)
        self._outputs[uri] = place
        return place

    def _place(self, kind: str, uri: str) -> Path:
        return self._folder / kind / hashlib.sha256(uri.encode()).hexdigest()[:16]
