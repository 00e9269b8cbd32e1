"""Which models a new training starts from, by ML Metadata's own record."""

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2 as proto
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, TransformGraph

from serving.artifacts import ServingBundle
from serving.previous_bundle import BLESSED, BUNDLE_ID
from serving.previous_models import LastBlessedModels

KINDS = {
    "interactions": Examples,
    "retrieval": Model,
    "ranking": Model,
    "interactions_graph": TransformGraph,
    "items_graph": TransformGraph,
}
STARTS = ("retrieval", "ranking", "interactions_graph", "items_graph")


class Record:
    """ML Metadata in memory, with the steps that made bundles."""

    def __init__(self):
        config = proto.ConnectionConfig()
        config.fake_database.SetInParent()
        self.store = mlmd.MetadataStore(config)
        self._types = {
            name: self.store.put_artifact_type(proto.ArtifactType(name=name))
            for name in {kind.TYPE_NAME for kind in (*KINDS.values(), ServingBundle, ModelBlessing)}
        }
        self._step = self.store.put_execution_type(proto.ExecutionType(name="Bundler"))
        self.artifacts = {name: [] for name in (*KINDS, "bundles", "blessings")}

    def add(self, name, kind, uri=""):
        """An artifact, as a resolver gets it."""
        artifact = kind()
        artifact.uri = uri
        stored = proto.Artifact(type_id=self._types[kind.TYPE_NAME], uri=uri)
        (artifact.id,) = self.store.put_artifacts([stored])
        self.artifacts[name].append(artifact)
        return artifact

    def bundle(self, examples, blessed=True):
        """A bundle of some examples and of models of its own; `uri` is where these stand."""
        number = len(self.artifacts["bundles"])
        inputs = {"interactions": examples}
        for name in STARTS:
            inputs[name] = self.add(name, KINDS[name], f"/runs/mine/artifacts/{name}/{number}")
        bundle = self.add("bundles", ServingBundle)
        (step,) = self.store.put_executions([proto.Execution(type_id=self._step)])
        events = [(artifact, proto.Event.INPUT, name) for name, artifact in inputs.items()]
        for artifact, kind, name in [*events, (bundle, proto.Event.OUTPUT, "bundle")]:
            event = proto.Event(artifact_id=artifact.id, execution_id=step, type=kind)
            event.path.steps.add().key = name
            self.store.put_events([event])
        blessing = self.add("blessings", ModelBlessing)
        blessing.set_int_custom_property(BLESSED, int(blessed))
        blessing.set_int_custom_property(BUNDLE_ID, bundle.id)
        return number

    def resolve(self, examples, erased=()):
        """Number of the bundle whose models are gone on from; `None` if a training starts anew."""
        inputs = {**self.artifacts, "interactions": [examples]}
        found = LastBlessedModels(erased=list(erased)).resolve_artifacts(self.store, inputs)
        assert set(found) == set(inputs)
        starts = [found[name] for name in STARTS]
        assert not any(found[name] for name in set(found) - set(STARTS))
        if not any(starts):
            return None
        numbers = {artifact.uri.rpartition("/")[2] for (artifact,) in starts}
        assert len(numbers) == 1  # all of one bundle
        return int(numbers.pop())


@pytest.fixture
def record():
    return Record()


@pytest.fixture
def days(record):
    """The examples of three days."""
    return [record.add("interactions", Examples) for _ in range(3)]


def test_the_first_training_starts_anew_also_when_it_is_run_again(record, days):
    assert record.resolve(days[0]) is None
    record.bundle(days[0])
    assert record.resolve(days[0]) is None


def test_another_day_goes_on_from_the_last_also_when_it_is_run_again(record, days):
    first = record.bundle(days[0])
    assert record.resolve(days[1]) == first
    second = record.bundle(days[1])
    assert record.resolve(days[1]) == first
    assert record.resolve(days[2]) == second


def test_siblings_are_no_ancestors(record, days):
    """The same day trained with other settings, too."""
    first = record.bundle(days[0])
    record.bundle(days[1])
    record.bundle(days[1])
    assert record.resolve(days[1]) == first


def test_refused_bundles_are_not_gone_on_from(record, days):
    first = record.bundle(days[0])
    record.bundle(days[1], blessed=False)
    assert record.resolve(days[2]) == first


def test_what_holds_an_erased_person_is_not_gone_on_from(record, days):
    first = record.bundle(days[0])
    second = record.bundle(days[1])
    assert record.resolve(days[2], [f"artifacts/ranking/{second}"]) == first
    both = [f"artifacts/retrieval/{first}", f"artifacts/retrieval/{second}"]
    assert record.resolve(days[2], both) is None
    assert record.resolve(days[2], ["artifacts/retrieval/99"]) == second
