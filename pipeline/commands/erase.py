"""`recstack data erase-user`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from gateway.events.keys import check_event_keys
from pipeline.config.run import RunConfig
from pipeline.console import out
from pipeline.errors import InputError, StillFoundError
from pipeline.locking import exclusive
from pipeline.privacy.erasure import RETRAINING, erase, remove_superseded
from pipeline.privacy.erasure_list import ErasureList
from pipeline.privacy.event_files import LOCK_FILE
from pipeline.privacy.person import Person
from pipeline.privacy.policy import stored_key
from pipeline.privacy.pseudonyms import PseudonymKey
from pipeline.privacy.spans import check_keys
from pipeline.privacy.survey import Area, Survey, survey
from serving.layout import versions
from serving.retire import retire
from serving.tf_serving.labels import read_labels

_SHOWN_FILES = 10


def erase_user(config: RunConfig, user_id: str, remove_versions: bool) -> None:
    """Erases a user from what a run left, and shows what is left of them.

    Args:
      config: The configuration of the run.
      user_id: As the source has it.
      remove_versions: Whether bundle versions and trained models that hold the user go as well, except
        the newest version, and models without a newer one that does not hold them.

    Raises:
      InputError: The user is not known, nothing was run, or the key is missing or not the run's.
      StillFoundError: Something still holds the user that needs no training to be rid of them.
    """
    key, run_dir = _key(config, user_id), config.run_dir
    person = Person.of(user_id, key)
    try:
        with _alone(run_dir):
            found = erase(run_dir, person, key)
            if remove_versions:
                _remove_versions(config.bundle_dir, run_dir, found)
                found = survey(run_dir, person, ErasureList.load(run_dir).find(person))
    except OSError as error:
        raise InputError(f"cannot erase: {error}; erase again when that is mended") from error
    _show(found)
    left = found.removable()
    if left:
        raise StillFoundError(f"the user is still found in {_named(left)}; remove them by hand")
    if found.num_holders:
        _show_retraining(found)
    else:
        out.print("nothing holds the user")


def verify_erased(config: RunConfig, user_id: str) -> None:
    """Looks for a user in everything that a run left; changes nothing.

    Raises:
      InputError: Nothing was run, or the key is missing or not the run's.
      StillFoundError: Something holds the user.
    """
    person, run_dir = Person.of(user_id, _key(config, user_id)), config.run_dir
    try:
        with _alone(run_dir):
            people = ErasureList.load(run_dir)
            found = survey(run_dir, person, people.find(person))
    except OSError as error:
        raise InputError(f"cannot look for the user: {error}") from error
    _show(found)
    if found.num_holders:
        paths = [path for paths in found.holders.values() for path in paths]
        raise StillFoundError(f"the user is still found in {_named(paths)}")
    if people.find(person) is None:
        out.print("nothing holds the user, who was never erased here")
    else:
        out.print("nothing holds the user, whom the list of erased people keeps out of later runs")


def _key(config: RunConfig, user_id: str) -> PseudonymKey | None:
    """The key of the run's pseudonyms, if looking for a user can prove anything."""
    if not config.run_dir.is_dir():
        raise InputError(f"nothing was run: there is no folder {config.run_dir}")
    if not user_id:
        raise InputError("--user is empty")
    key = stored_key(config)
    check_keys(config.run_dir, key)
    check_event_keys(config.event_log_dir, config.event_spans_dir, key.fingerprint if key else None)
    return key


@contextmanager
def _alone(run_dir: Path) -> Iterator[None]:
    """While nobody else writes in the run's folder, but for the gateway's log, which its database guards."""
    with ExitStack() as stack:
        for name in ("run.lock", "validation.lock", LOCK_FILE):
            stack.enter_context(exclusive(run_dir / name))
        yield


def _remove_versions(bundle: Path, run_dir: Path, found: Survey) -> None:
    """Removes what holds the user and is not needed any more."""
    held = [int(folder.name) for folder in found.folders(Area.VERSIONS) if folder.name.isdecimal()]
    removed = retire(bundle, held)
    for number in removed:
        out.print(f"removed: version {number} of the bundle")
    labels, newest = read_labels(bundle), versions(bundle)[-1:]
    for number in sorted(set(labels.versions if labels is not None else ()) & set(held) - set(newest)):
        out.print(
            f"kept: version {number} of the bundle, which has a label; move that with `recstack promote`, "
            "then remove again"
        )
    for folder in remove_superseded(run_dir, found):
        out.print(f"removed: {escape(str(folder))}")


def _show(found: Survey) -> None:
    """How many files were read, and how many of them hold the user."""
    table = Table("where", box=None, header_style="bold")
    table.add_column("files", justify="right")
    table.add_column("hold the user", justify="right")
    for area in Area:
        table.add_row(area.value, f"{found.scanned[area]:,}", f"{len(found.holders[area]):,}")
    out.print(table)


def _show_retraining(found: Survey) -> None:
    """What only training can mend."""
    folders = [*found.folders(Area.MODELS), *found.folders(Area.VERSIONS)]
    for folder in folders:
        out.print(f"  {escape(str(folder))}")
    out.print(
        "nobody can be cut out of these. `recstack run` makes them again without the user: ExampleGen, and "
        f"with it {', '.join(RETRAINING)}. Then `recstack data erase-user` with --remove-versions removes "
        "the old ones; running servers let go of a version when it is removed"
    )


def _named(paths: list[Path]) -> str:
    """How many files, and the first of them."""
    count = f"{len(paths)} file{'' if len(paths) == 1 else 's'}"
    names = ", ".join(str(path) for path in paths[:_SHOWN_FILES])
    return f"{count}: {names}{', ...' if len(paths) > _SHOWN_FILES else ''}"
