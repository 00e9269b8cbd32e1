"""The bundle that a new one is compared with."""

from __future__ import annotations

from collections.abc import Iterable

import ml_metadata as mlmd
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact

BUNDLE_ID = "bundle_id"  # of a blessing: which bundle it is of
BLESSED = "blessed"  # TFX's name


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
