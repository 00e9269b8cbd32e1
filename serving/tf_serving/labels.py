"""Which versions of a bundle are labelled, so that clients need not know numbers."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from pipeline.config.base import Frozen
from pipeline.errors import BundleError
from pipeline.files import replaced
from serving.layout import serving_dir

STABLE, CANARY = "stable", "canary"

_FILE = "labels.json"


class Labels(Frozen):
    """The version of each label; both may be of one.

    Attributes:
      stable: What most requests ask.
      canary: What is tried beside it: the newest one, unless somebody moved the label.
    """

    stable: int = Field(ge=1)
    canary: int = Field(ge=1)

    @property
    def versions(self) -> list[int]:
        """The labelled versions, oldest first."""
        return sorted({self.stable, self.canary})


def read_labels(bundle: Path) -> Labels | None:
    """The labels of a bundle; `None` if it has none yet.

    Raises:
      BundleError: The file is damaged or cannot be read.
    """
    path = serving_dir(bundle) / _FILE
    try:
        return Labels.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise BundleError(
            f"{path} is damaged: remove it, and push the bundle again with `recstack run`"
        ) from error


def write_labels(bundle: Path, labels: Labels) -> None:
    """Writes the labels of a bundle, by one rename.

    Raises:
      OSError: The file cannot be written.
    """
    with replaced(serving_dir(bundle) / _FILE) as file:
        file.write(labels.model_dump_json(indent=2).encode() + b"\n")
