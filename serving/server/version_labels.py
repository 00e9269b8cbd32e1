"""Labels of versions: names such as `stable`, which can be moved while clients keep asking for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from serving.server.model_config import ModelSource
from serving.server.status import Code, ServingError


class VersionLabels:
    """Which version each label stands for. Not safe for threads: whoever uses it holds a lock.

    A label moves when its new version can be asked; until then it stands for its old one.

    Args:
      can_be_asked: Whether a model's version is available.
    """

    def __init__(self, can_be_asked: Callable[[str, int], bool]):
        self._can_be_asked = can_be_asked
        self._wanted: dict[str, dict[str, int]] = {}
        self._effective: dict[str, dict[str, int]] = {}

    def check(self, sources: Mapping[str, ModelSource]) -> None:
        """Every label's version must be available now.

        Raises:
          ServingError: FAILED_PRECONDITION: one is not.
        """
        for source in sources.values():
            for version in source.labels.values():
                if not self._can_be_asked(source.name, version):
                    message = (
                        f"Request to assign label to version {version} of model {source.name}, which is not "
                        "currently available for inference"
                    )
                    raise ServingError(Code.FAILED_PRECONDITION, message)

    def want(self, labels: Mapping[str, Mapping[str, int]]) -> None:
        """Says what labels there are to be: model to label to version."""
        self._wanted = {name: dict(versions) for name, versions in labels.items()}
        self.settle()

    def settle(self) -> None:
        """Moves labels whose versions have become available."""
        self._effective = {
            name: {label: self._now(name, label, version) for label, version in versions.items()}
            for name, versions in self._wanted.items()
        }

    def version(self, name: str, label: str) -> int:
        """The version that a label stands for.

        Raises:
          ServingError: INVALID_ARGUMENT: the model has no such label.
        """
        try:
            return self._effective[name][label]
        except KeyError:
            message = f"Unrecognized servable version label: {label}"
            raise ServingError(Code.INVALID_ARGUMENT, message) from None

    def on_the_move(self, name: str) -> set[int]:
        """Versions that labels stand for until their new ones are available."""
        wanted = self._wanted.get(name, {})
        return {
            version for label, version in self._effective.get(name, {}).items() if version != wanted[label]
        }

    def _now(self, name: str, label: str, wanted: int) -> int:
        current = self._effective.get(name, {}).get(label, wanted)
        return wanted if self._can_be_asked(name, wanted) else current
