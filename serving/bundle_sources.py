"""What a pushed bundle was made from, found again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BundleError
from pipeline.metadata_records import ExecutionRecord, PipelineRun, read_pipeline_runs
from serving.bundle_settings import BundleSettings
from serving.file_digests import combined_digest, folder_digests

TRAINED = ("retrieval", "collaborative", "ranking", "fusion")
"""The parts of a bundle that are trained; what else there is follows from them and from the data."""

_BUNDLER, _INDEXER = "Bundler", "Indexer"
_DONE = ("complete", "reused")
_RUN_AGAIN = "make a new version with `recstack run`"


@dataclass(frozen=True)
class BundleSources:
    """The artifacts of the run that made a bundle.

    Attributes:
      models: Trained part to the folder of its SavedModel.
      settings: The bundle's.
      examples: Folder of the raw interactions.
      items: Folder of the raw items.
      users_file: The canonical users.
      histories_file: What each user engaged with.
      transformed: Folder of the transformed interactions, from which the index' queries were drawn.
      interactions_graph: Folder of their transform.
      seed: Of that draw.
    """

    models: Mapping[str, Path]
    settings: BundleSettings
    examples: Path
    items: Path
    users_file: Path
    histories_file: Path
    transformed: Path
    interactions_graph: Path
    seed: int


def find_sources(run_dir: Path, parts: Mapping[str, str]) -> BundleSources:
    """Finds what a bundle was made from.

    Args:
      run_dir: The run's folder.
      parts: Part to its digest, as the bundle's manifest has them.

    Raises:
      BundleError: ML Metadata knows no such bundle, or what it was made from has been changed or removed.
    """
    metadata_file = run_dir / "metadata.sqlite"
    if not metadata_file.is_file():
        raise BundleError(f"{metadata_file}, by which a bundle's parts are found, is gone; {_RUN_AGAIN}")
    for run in reversed(read_pipeline_runs(metadata_file)):
        for bundler in _finished(run, _BUNDLER):
            folders = _folders(run_dir, bundler, (*TRAINED, "interactions", "items"))
            if _are_of(folders, parts):
                return _sources(run_dir, run, bundler, folders)
    raise BundleError(
        f"the models from which the newest version was made are not in {run_dir / 'artifacts'} any more, or "
        f"are not what they were; {_RUN_AGAIN}"
    )


def _finished(run: PipelineRun, node_id: str) -> Iterator[ExecutionRecord]:
    """The executions of a step that came to an end, the last first."""
    yield from (e for e in reversed(run.executions) if e.node_id == node_id and e.state in _DONE)


def _folders(run_dir: Path, execution: ExecutionRecord, names: tuple[str, ...]) -> dict[str, Path]:
    """The inputs' folders."""
    return {name: run_dir / execution.inputs[name][-1].folder for name in names if name in execution.inputs}


def _are_of(folders: Mapping[str, Path], parts: Mapping[str, str]) -> bool:
    """Whether the trained parts are those with some digests; the first that is not ends the reading."""
    return all(
        name in folders
        and folders[name].is_dir()
        and combined_digest(folder_digests(folders[name])) == parts.get(name)
        for name in TRAINED
    )


def _sources(
    run_dir: Path, run: PipelineRun, bundler: ExecutionRecord, folders: dict[str, Path]
) -> BundleSources:
    """What the Bundler took, and what the Indexer before it took."""
    index = bundler.inputs["index"][-1]
    indexer = next((e for e in _finished(run, _INDEXER) if index in e.outputs.get("index", ())), None)
    if indexer is None:
        raise BundleError(f"ML Metadata does not know what the bundle's index was made from; {_RUN_AGAIN}")
    asked = _folders(run_dir, indexer, ("interactions", "interactions_graph"))
    files = {name: _data_file(run_dir, bundler.parameters[name]) for name in ("users_file", "histories_file")}
    for path in (folders["interactions"], folders["items"], *asked.values(), *files.values()):
        if not path.exists():
            raise BundleError(f"{path}, from which the bundle was made, is gone; {_RUN_AGAIN}")
    return BundleSources(
        models={name: folders[name] for name in TRAINED},
        settings=BundleSettings.model_validate_json(bundler.parameters["settings"]),
        examples=folders["interactions"],
        items=folders["items"],
        transformed=asked["interactions"],
        interactions_graph=asked["interactions_graph"],
        seed=int(indexer.parameters["seed"]),
        **files,
    )


def _data_file(run_dir: Path, path: str) -> Path:
    """A file of the prepared data; the run's folder may have moved since it was written down."""
    return run_dir.joinpath(*Path(path).parts[-3:])
