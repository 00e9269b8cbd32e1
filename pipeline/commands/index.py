"""`recstack index`."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console

from pipeline.config.run import RunConfig
from pipeline.console import native_output_to, news, out, seconds_text
from pipeline.errors import AnomalyError, InputError
from pipeline.locking import exclusive
from pipeline.preparation.catalogue import Catalogue
from pipeline.preparation.new_items import read_new_items
from pipeline.runners.local import log_file
from schemas.quarantine import DETAIL, NO_FAULTS, ROW, RULE
from serving.bundle_sources import find_sources
from serving.layout import versions, versions_dir
from serving.manifest import read_manifest

_SHOWN = 5


def refresh(config: RunConfig, file: Path, only_new: bool) -> None:
    """Pushes a version whose corpus holds new items as well, and shows what it did.

    Raises:
      InputError: There is no version, the file cannot be read, or holds nothing that can be added.
      AnomalyError: Too many of its rows are faulty.
      BundleError: What the newest version was made from is gone, or the version is damaged.
      GateError: The index over all items finds too little.
    """
    since = time.monotonic()
    existing = versions(config.bundle_dir)
    if not existing:
        raise InputError(f"no version of a bundle stands in {config.bundle_dir}; `recstack run` makes one")
    with exclusive(config.run_dir / "run.lock"), native_output_to(log_file(config)) as console:
        version = versions(config.bundle_dir)[-1]
        folder = versions_dir(config.bundle_dir) / str(version)
        sources = find_sources(config.run_dir, read_manifest(folder).parts)
        catalogue = read_new_items(file, config, sources.settings.layout)
        _show_rejects(console, catalogue, file, config.cleaning.max_rejected)
        with news(console):
            from serving.index_refresh import refresh_index, rows_to_add

            table = rows_to_add(folder, catalogue.table, only_new)
            done = refresh_index(
                config.bundle_dir, version, folder, sources, table, config.gate, config.serving
            )
    measured = next(m for m in done.index.measured if m.kind == done.index.chosen)
    out.print(
        f"{done.added:,} added items beside {done.index.num_items - done.added:,} trained ones; "
        f"{measured.kind} index, recall@10 {measured.recall_at_10:.4f}"
    )
    took = seconds_text(time.monotonic() - since)
    out.print(f"bundle: {config.bundle_dir}, version {done.version} is the newest, in {took}")


def _show_rejects(console: Console, catalogue: Catalogue, file: Path, max_rejected: float) -> None:
    """Shows what was left out of a file, and stops where it is too much.

    Raises:
      AnomalyError: More rows are faulty than the configuration allows.
    """
    rejects = [row for table in catalogue.rejects for row in table.to_pylist()]
    for row in rejects[:_SHOWN]:
        detail = f" ({row[DETAIL]})" if row[DETAIL] else ""
        console.print(f"{file}, row {row[ROW]}: {row[RULE]}{detail}", markup=False)
    if len(rejects) > _SHOWN:
        console.print(f"and {len(rejects) - _SHOWN:,} more")
    harmless = {rule.value for rule in NO_FAULTS}
    faults = sum(row[RULE] not in harmless for row in rejects)
    if faults > max_rejected * catalogue.counts.read:
        raise AnomalyError(
            f"{faults:,} of the {catalogue.counts.read:,} rows of {file} cannot be used, and "
            f"cleaning.max_rejected allows {max_rejected:.1%}"
        )
