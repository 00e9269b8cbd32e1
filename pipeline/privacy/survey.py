"""Where under a run's folder a person still is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from pipeline.config.run import DATA_DIR, EVENTS_DIR, VALIDATION_DIR
from pipeline.privacy.erasure_list import Erased
from pipeline.privacy.lineage import ARTIFACTS
from pipeline.privacy.person import Person
from pipeline.privacy.traces import holds_person

BUNDLE = "bundle"
_SYSTEM = ".system"
# What TFX makes again from prepared data; everything else that is made of them awaits training.
_INTERMEDIATE = {"statistics", "anomalies", "transform_graph", "updated_analyzer_cache", _SYSTEM}
_EXAMPLES = "examples"  # and `transformed_examples`, and what else ends so


class Area(Enum):
    """A kind of place, and what becomes of a person there."""

    DATA = "prepared data"
    EVENTS = "events of the gateway"
    INTERMEDIATE = "artifacts of data steps"  # and what was only validated
    MODELS = "trained models and what is made of them"
    VERSIONS = "bundle versions"
    OTHER = "log, metadata and the rest"


@dataclass
class Survey:
    """What was found.

    Attributes:
      scanned: How many files each area has.
      holders: Files that hold the person, relative to the run's folder.
      named_artifacts: Folders of artifacts that name the person, relative to the run's folder.
    """

    scanned: dict[Area, int] = field(default_factory=lambda: dict.fromkeys(Area, 0))
    holders: dict[Area, list[Path]] = field(default_factory=lambda: {area: [] for area in Area})
    named_artifacts: set[str] = field(default_factory=set)

    @property
    def num_holders(self) -> int:
        """Files that hold the person, anywhere."""
        return sum(map(len, self.holders.values()))

    def add_derived(self, run_dir: Path, erased: Erased) -> None:
        """Counts artifacts that were made of the person's data, though they name nobody."""
        for folder, found_at in erased.artifacts.items():
            for path in files(run_dir / folder):
                name = path.relative_to(run_dir)
                holders = self.holders[area_of(name)]
                # Artifacts are numbered anew with new metadata: a younger one is not the one that was meant.
                if name not in holders and path.stat().st_mtime <= found_at:
                    holders.append(name)

    def removable(self) -> list[Path]:
        """Files that hold the person and need no training to be rid of."""
        return [
            path
            for area, paths in self.holders.items()
            if area not in (Area.MODELS, Area.VERSIONS)
            for path in paths
        ]

    def folders(self, area: Area) -> list[Path]:
        """Artifacts, or bundle versions, that hold the person, relative to the run's folder."""
        return sorted({artifact_folder(path) for path in self.holders[area]})


def survey(run_dir: Path, person: Person, erased: Erased | None) -> Survey:
    """Looks at every file under a run's folder.

    Args:
      run_dir: The folder.
      person: Whom to look for.
      erased: What an earlier erasure recorded of them, if there was one; see :meth:`Survey.add_derived`.

    Raises:
      OSError: A file cannot be read.
    """
    found = Survey()
    for path in files(run_dir):
        name = path.relative_to(run_dir)
        area = area_of(name)
        found.scanned[area] += 1
        if holds_person(path, person):
            found.holders[area].append(name)
            if name.parts[0] == ARTIFACTS:
                found.named_artifacts.add(artifact_folder(name).as_posix())
    if erased is not None:
        found.add_derived(run_dir, erased)
    return found


def files(folder: Path) -> Iterator[Path]:
    """Every file below a folder, links not followed, in order."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path.is_file() and not path.is_symlink():
                yield path


def area_of(name: Path) -> Area:
    """The area of a file, by its path relative to the run's folder."""
    top = name.parts[0]
    if top == DATA_DIR:
        return Area.DATA
    if top == EVENTS_DIR:
        return Area.EVENTS
    if top == BUNDLE:
        return Area.VERSIONS
    if top == VALIDATION_DIR:
        return Area.INTERMEDIATE
    if top != ARTIFACTS:
        return Area.OTHER
    output = name.parts[2] if len(name.parts) > 2 else ""
    is_intermediate = output in _INTERMEDIATE or output.endswith(_EXAMPLES)
    return Area.INTERMEDIATE if is_intermediate else Area.MODELS


def artifact_folder(name: Path) -> Path:
    """The folder of a file's artifact or bundle version.

    `artifacts/STEP/OUTPUT/NUMBER`, `artifacts/STEP/.system/KIND/NUMBER`, `bundle/versions/NUMBER`; what
    was only validated goes as a whole, `validation`.
    """
    depth = {ARTIFACTS: 4, BUNDLE: 3}.get(name.parts[0], 1)
    if name.parts[0] == ARTIFACTS and name.parts[2:3] == (_SYSTEM,):
        depth += 1
    return Path(*name.parts[:depth])
