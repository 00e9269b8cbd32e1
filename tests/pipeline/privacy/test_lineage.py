"""What was made of what; also as ML Metadata itself writes it."""

import sqlite3

import pytest

from pipeline.privacy.lineage import descendants
from tests.pipeline.privacy.small_run import write_metadata


def test_everything_that_was_made_of_an_artifact(tmp_path):
    write_metadata(tmp_path)
    made = descendants(tmp_path / "metadata.sqlite", {"artifacts/RetrievalTrainer/model/5"})
    assert made == {
        f"artifacts/{name}"
        for name in (
            "RetrievalTrainer/model/5",
            "Indexer/index/6",
            "Bundler/bundle/7",
            "BundleEvaluator/bundle_evaluation/8",
        )
    }


def test_an_artifact_that_is_not_recorded_stands_for_itself(tmp_path):
    write_metadata(tmp_path)
    assert descendants(tmp_path / "metadata.sqlite", {"artifacts/a/b/1"}) == {"artifacts/a/b/1"}


def test_no_database(tmp_path):
    with pytest.raises(sqlite3.Error):
        descendants(tmp_path / "metadata.sqlite", {"artifacts/a/b/1"})
    assert list(tmp_path.iterdir()) == []


def test_ml_metadatas_own_tables(tmp_path):
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as proto

    config = proto.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.sqlite")
    store = metadata_store.MetadataStore(config)
    artifact_type = store.put_artifact_type(proto.ArtifactType(name="A"))
    execution_type = store.put_execution_type(proto.ExecutionType(name="E"))
    uris = ["/x/artifacts/artifacts/G/examples/1", "/x/artifacts/T/model/2", "/x/artifacts/U/model/3"]
    ids = store.put_artifacts([proto.Artifact(type_id=artifact_type, uri=uri) for uri in uris])
    (execution,) = store.put_executions([proto.Execution(type_id=execution_type)])
    store.put_events(
        [
            proto.Event(artifact_id=ids[0], execution_id=execution, type=proto.Event.INPUT),
            proto.Event(artifact_id=ids[1], execution_id=execution, type=proto.Event.OUTPUT),
        ]
    )
    made = descendants(tmp_path / "metadata.sqlite", {"artifacts/G/examples/1"})
    assert made == {"artifacts/G/examples/1", "artifacts/T/model/2"}
