"""Takes one person out of everything that a run left, as far as that goes without training.

The order makes it safe to be killed at any moment: first the person is put on the list, with all that
was made of their data; then every file is replaced or removed whole. Erasing again finishes the work.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from pipeline.config.run import CHECKPOINTS_DIR, DATA_DIR, EVENTS_DIR, METADATA_FILE, REPORT_FILE
from pipeline.errors import InputError
from pipeline.files import PARTIAL_SUFFIX, replaced
from pipeline.privacy.erasure_list import ErasureList
from pipeline.privacy.event_files import clear_partial_spans, erase_from_events
from pipeline.privacy.lineage import ARTIFACTS, descendants
from pipeline.privacy.person import Person
from pipeline.privacy.person_rows import remove_rows
from pipeline.privacy.pseudonyms import PseudonymKey
from pipeline.privacy.spans import clear_staging, recount
from pipeline.privacy.survey import Area, Survey, files, survey

# What a new run does, since the data changed: all that was made of the person is made again without.
RETRAINING = (
    "Transform",
    "Materializer",
    "RetrievalTrainer",
    "Indexer",
    "CollaborativeTrainer",
    "RankingTrainer",
    "FusionTrainer",
    "Bundler",
    "RankingPredictor",
    "RankingEvaluator",
    "BundleEvaluator",
    "Pusher",
)

_LOG = "run.log"
# Figures over everybody, and schemas: made of the person's data, and not about them.
_AGGREGATES = {
    "evaluation",
    "blessing",
    "bundle_evaluation",
    "bundle_blessing",
    "pushed",
    "model_run",
    "anomalies",
    "schema",
}
_ITEM_STEPS = "items."


def erase(run_dir: Path, person: Person, key: PseudonymKey | None) -> Survey:
    """Erases a person; nobody else may work in the folder meanwhile.

    Args:
      run_dir: The run's folder.
      person: The person.
      key: With which user ids are stored; `None` for raw ids.

    Returns:
      What is left: models and bundle versions, which a new run makes again.

    Raises:
      InputError: Nothing holds the person and they are not on the list; or a table is damaged.
      OSError: A file cannot be read or written.
    """
    people = ErasureList.load(run_dir)
    clear_staging(run_dir / DATA_DIR)
    clear_partial_spans(run_dir / EVENTS_DIR)
    _clear_partial(run_dir)
    # A training that was killed has learnt of everybody, and would go on from there.
    shutil.rmtree(run_dir / CHECKPOINTS_DIR, ignore_errors=True)
    (run_dir / REPORT_FILE).unlink(missing_ok=True)
    known = people.find(person)
    found = survey(run_dir, person, known)
    if not found.num_holders and known is None:
        raise InputError(
            f"nothing under {run_dir} holds that user, and nobody of that id was erased before: is the id "
            "the source's own, and the key the one of the run?"
        )
    spans = {name.parts[1] for name in found.holders[Area.DATA]}
    entry = people.add(person, key, spans, _made_of(run_dir, found))
    found.add_derived(run_dir, entry)
    for table in found.holders[Area.DATA]:
        if table.suffix == ".parquet":
            remove_rows(run_dir / table, person)
    if found.holders[Area.EVENTS]:
        erase_from_events(run_dir / EVENTS_DIR, person)
    for span in entry.spans:
        recount(run_dir / DATA_DIR / span)
    for folder in found.folders(Area.INTERMEDIATE):
        shutil.rmtree(run_dir / folder)
    _clear_log(run_dir / _LOG, person)
    return survey(run_dir, person, entry)


def remove_superseded(run_dir: Path, found: Survey) -> list[Path]:
    """Removes artifacts of trained models that hold a person, where a newer one does not.

    Args:
      run_dir: The run's folder.
      found: Where the person is.

    Returns:
      The folders that were removed, relative to the run's.

    Raises:
      OSError: A folder cannot be removed.
    """
    held = found.folders(Area.MODELS)
    superseded = [folder for folder in held if _has_newer(run_dir / folder, {run_dir / h for h in held})]
    for folder in superseded:
        shutil.rmtree(run_dir / folder)
    return superseded


def _made_of(run_dir: Path, found: Survey) -> set[str]:
    """Folders of the artifacts that were made of the person's data, the first ones included."""
    if not found.named_artifacts:
        return set()
    metadata = run_dir / METADATA_FILE
    try:
        made = descendants(metadata, found.named_artifacts)
    except sqlite3.Error:  # without records, whatever may have been made of people counts
        made = {
            folder.relative_to(run_dir).as_posix()
            for folder in (run_dir / ARTIFACTS).glob("*/*/*")
            if not folder.parts[-3].startswith(_ITEM_STEPS)
        }
    named = found.named_artifacts
    return {folder for folder in made if folder in named or Path(folder).parts[2] not in _AGGREGATES}


def _has_newer(folder: Path, held: set[Path]) -> bool:
    """Whether the same output of the same step has a later artifact that does not hold the person."""
    siblings = [path for path in folder.parent.iterdir() if path.name.isdecimal() and any(files(path))]
    return any(int(path.name) > int(folder.name) and path not in held for path in siblings)


def _clear_partial(run_dir: Path) -> None:
    """Removes what an erasure that was killed had half written."""
    for path in [*run_dir.glob(f"*{PARTIAL_SUFFIX}"), *(run_dir / DATA_DIR).rglob(f"*{PARTIAL_SUFFIX}")]:
        path.unlink()


def _clear_log(path: Path, person: Person) -> None:
    """Takes the lines out of the log that name the person beyond doubt."""
    if not path.is_file():
        return
    trace = person.trace()
    with path.open("rb") as log:
        if not any(trace.search(line) for line in log):
            return
        log.seek(0)
        with replaced(path) as output:
            output.writelines(line for line in log if not trace.search(line))
