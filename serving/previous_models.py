"""The models that a new training starts from."""

from __future__ import annotations

from collections.abc import Sequence

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact

from serving.previous_bundle import blessed_bundles

_EXAMPLES = "interactions"
_MADE_FROM = ("retrieval", "ranking", "interactions_graph", "items_graph")


class LastBlessedModels(ResolverStrategy):
    """What the bundle was made from that was blessed last, of those that learnt from other examples.

    A bundle of the same examples is no ancestor but a sibling: a run that changes nothing finds what it found
    the first time, and reuses its models. Inputs: `interactions`, the raw examples of this run; `bundles` and
    `blessings`, all that ML Metadata has; `retrieval`, `ranking`, `interactions_graph` and `items_graph`,
    all artifacts of their types. Outputs of these four names hold the one, or none.
    """

    def __init__(self, erased: Sequence[str] = ()):
        """Takes what must not be gone on from.

        Args:
          erased: Folders, relative to the run's, of artifacts that hold an erased person; what such a model
            has learnt is not carried on.
        """
        self._erased = tuple(f"/{folder}" for folder in erased)

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """See :class:`ResolverStrategy`."""
        examples = {artifact.id for artifact in input_dict[_EXAMPLES]}
        nothing: dict[str, list[Artifact]] = {key: [] for key in input_dict}
        for bundle in reversed(blessed_bundles(input_dict["bundles"], input_dict["blessings"])):
            inputs = _inputs(store, bundle.id)
            chosen = {
                name: [artifact for artifact in input_dict[name] if artifact.id == inputs.get(name)]
                for name in _MADE_FROM
            }
            if inputs.get(_EXAMPLES) not in examples and all(map(self._may_start, chosen.values())):
                return {**nothing, **chosen}
        return nothing

    def _may_start(self, artifacts: list[Artifact]) -> bool:
        """Whether there is one, and it holds nobody who was erased."""
        return bool(artifacts) and not artifacts[0].uri.endswith(self._erased)


def _inputs(store: mlmd.MetadataStore, bundle: int) -> dict[str, int]:
    """Input to artifact of the step that made a bundle."""
    events = store.get_events_by_artifact_ids([bundle])
    makers = [e.execution_id for e in events if e.type == metadata_store_pb2.Event.OUTPUT]
    return {
        event.path.steps[0].key: event.artifact_id
        for event in store.get_events_by_execution_ids(makers)
        if event.type == metadata_store_pb2.Event.INPUT
    }
