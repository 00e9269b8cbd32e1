"""The schema and the vocabularies of what a version learnt from, so that they are pushed with it."""

from __future__ import annotations

from pathlib import Path

from tfx.dsl.io import fileio
from tfx.types.standard_artifacts import Schema, TransformGraph

from pipeline.schema_files import schema_file_name
from schemas.features import USER_ID, Stream
from serving.layout import schema_dir, vocabularies_dir

_SCHEMA_FILE = "schema.pbtxt"  # ImportSchemaGen's name for it
_ASSETS = ("transform_fn", "assets")  # where Transform keeps vocabularies


def export_schema(interactions: Schema, items: Schema, version_dir: str) -> None:
    """Copies the schemas of both streams, as they judged the data.

    Args:
      interactions: ImportSchemaGen's output for the interactions.
      items: The same for the items.
      version_dir: Folder of the bundle's version.
    """
    folder = schema_dir(Path(version_dir))
    fileio.makedirs(str(folder))
    for stream, artifact in ((Stream.INTERACTIONS, interactions), (Stream.ITEMS, items)):
        source = str(Path(artifact.uri, _SCHEMA_FILE))
        fileio.copy(source, str(folder / schema_file_name(stream)), overwrite=True)


def export_vocabularies(interactions: TransformGraph, items: TransformGraph, version_dir: str) -> None:
    """Copies what Transform counted, but not the users: they are in the models alone.

    No cross needs leaving out, since user ids cannot be crossed.

    Args:
      interactions: Transform's graph for the interactions.
      items: The same for the items.
      version_dir: Folder of the bundle's version.
    """
    for stream, artifact in ((Stream.INTERACTIONS, interactions), (Stream.ITEMS, items)):
        folder = vocabularies_dir(Path(version_dir)) / stream.value
        fileio.makedirs(str(folder))
        assets = str(Path(artifact.uri, *_ASSETS))
        for name in sorted(fileio.listdir(assets) if fileio.isdir(assets) else []):
            if name != USER_ID:
                fileio.copy(str(Path(assets, name)), str(folder / name), overwrite=True)
