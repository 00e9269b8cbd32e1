"""Finds the bundle that a new one is compared with among those that were pushed."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from serving.artifacts import ServingBundle


@component
def LastPushedBundle(  # noqa: N802  (a TFX component)
    candidate: InputArtifact[ServingBundle],
    bundles: OutputArtifact[ServingBundle],
    destination: Parameter[str],
) -> None:
    """Gives the newest version that was pushed to `destination`, other than the candidate.

    Only what was blessed is pushed. The output is that version where it stands, nothing is copied; before
    the first push it stays as it is, empty. Stands for :class:`serving.previous_bundle.LastBlessedBundle`
    where runners cannot ask ML Metadata.
    """
    from pathlib import Path

    from pipeline.object_store import ObjectStore
    from serving.manifest import read_digest
    from serving.pushed_objects import version_name, versions_in

    store, judged = ObjectStore(destination), read_digest(Path(candidate.uri))
    others = [version for version, digest in versions_in(store).items() if digest != judged]
    if others:
        bundles.uri = store.at(version_name(others[-1]))
