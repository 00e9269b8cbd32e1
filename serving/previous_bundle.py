"""The bundle that a new one is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import ml_metadata as mlmd
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact

from serving.layout import MANIFEST_FILE

BUNDLE_ID = "bundle_id"  # of a blessing: which bundle it is of
BLESSED = "blessed"  # TFX's name


def bundle_folder(previous: Artifact | None) -> str | None:
    """The folder of the bundle to compare with; `None` if there is none, or its folder is empty.

    Where a step finds the last bundle, it always has an output: an empty one before the first push.
    """
    if previous is None or not Path(previous.uri, MANIFEST_FILE).is_file():
        return None
    return str(previous.uri)


class LastBlessedBundle(ResolverStrategy):
    """The bundle that was blessed last, other than the one that is judged.

    A run that changes nothing makes the bundle that was made before, and compares it with what that was
    compared with, so that the verdict is reused. Inputs: `candidate`, the judged bundle; `bundles` and
    `blessings`, all that ML Metadata has. Output `bundles` holds the one, or none.
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """See :class:`ResolverStrategy`."""
        judged = {bundle.id for bundle in input_dict["candidate"]}
        blessed = blessed_bundles(input_dict["bundles"], input_dict["blessings"])
        last = [bundle for bundle in blessed if bundle.id not in judged][-1:]
        return {**{key: [] for key in input_dict}, "bundles": last}


def blessed_bundles(bundles: Iterable[Artifact], blessings: Iterable[Artifact]) -> list[Artifact]:
    """The bundles that have a blessing, in the order in which they were blessed last."""
    blessed = {
        blessing.get_int_custom_property(BUNDLE_ID): blessing.id
        for blessing in sorted(blessings, key=lambda artifact: artifact.id)
        if blessing.get_int_custom_property(BLESSED)
    }
    return sorted((b for b in bundles if b.id in blessed), key=lambda bundle: blessed[bundle.id])
