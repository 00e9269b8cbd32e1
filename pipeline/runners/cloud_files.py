"""The files that a run reads beside its artifacts, and where they stand in the object store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.canonical import PreparedData
from pipeline.config.cloud import CloudConfig
from pipeline.object_store import ObjectStore, files_in
from pipeline.privacy.spans import SUMMARY_FILE
from pipeline.schema_files import schema_file_name
from schemas.features import Stream
from serving.layout import statistics_dir
from serving.pushed_objects import version_name, versions_in

DATA, SCHEMAS = "data", "schemas"


@dataclass(frozen=True)
class CloudFile:
    """A file or folder that steps are told of by a parameter of the pipeline.

    Attributes:
      parameter: Name of the parameter.
      local: Where it stands on this machine.
      uri: Where it stands in the object store, once it is uploaded.
    """

    parameter: str
    local: Path
    uri: str


def cloud_files(data: PreparedData, schemas: Mapping[Stream, Path], cloud: CloudConfig) -> list[CloudFile]:
    """The prepared data and the curated schemas.

    All of it is named by a digest, so that an address says what stands there, and no two runs disagree.
    """
    root = f"{cloud.root}/{DATA}/{data.root.name}"
    files = [
        CloudFile(f"{stream.value}_uri", data.stream_dir(stream), f"{root}/{stream.value}")
        for stream in Stream
    ]
    files += [
        CloudFile(f"{name}_uri", path, f"{root}/{path.name}")
        for name, path in (("users", data.users_path), ("histories", data.histories_path))
    ]
    for stream, path in schemas.items():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        uri = f"{cloud.root}/{SCHEMAS}/{digest}/{schema_file_name(stream)}"
        files.append(CloudFile(f"{stream.value}_schema_uri", path, uri))
    return files


def baseline_parameter(stream: Stream) -> str:
    """Name of the parameter with the address of the statistics that drift is measured from; may be empty."""
    return f"{stream.value}_baseline_uri"


def served_baselines(cloud: CloudConfig) -> dict[str, str]:
    """The value of each stream's :func:`baseline_parameter`: of the version that was pushed last, or empty.

    Raises:
      InputError: The destination cannot be read.
      BundleError: A version in it is damaged.
    """
    store = ObjectStore(cloud.push_destination)
    newest = max(versions_in(store), default=None)
    values = {}
    for stream in Stream:
        folder = "" if newest is None else statistics_dir(Path(version_name(newest)), stream).as_posix()
        values[baseline_parameter(stream)] = store.at(folder) if folder and store.names(folder) else ""
    return values


def upload_files(data: PreparedData, files: list[CloudFile], cloud: CloudConfig) -> bool:
    """Uploads what is not there yet.

    The summary is uploaded last: data without one are half there, and are uploaded again. What was rejected
    stays here.

    Returns:
      Whether there was anything to upload.

    Raises:
      InputError: The object store cannot be read or written.
    """
    missing = [file for file in files if f"/{SCHEMAS}/" in file.uri and ObjectStore(file.uri).read() is None]
    for file in missing:
        ObjectStore(file.uri).write("", file.local.read_bytes())
    store = ObjectStore(f"{cloud.root}/{DATA}/{data.root.name}")
    if store.read(SUMMARY_FILE) is not None:
        return bool(missing)
    named = {path.name: path for path in (data.users_path, data.histories_path)}
    for stream in Stream:
        found = files_in(data.stream_dir(stream))
        named |= {f"{stream.value}/{name}": path for name, path in found.items()}
    store.upload(named)
    store.upload({SUMMARY_FILE: data.root / SUMMARY_FILE})
    return True
