"""A source in memory's stead: small files, and the settings to prepare them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from pipeline.config.cleaning import CleaningConfig
from pipeline.config.data import CsvSource
from pipeline.datasets.csv_files import CsvFiles
from pipeline.preparation.settings import PreparationSettings, time_limits
from pipeline.privacy.erasure_list import ErasureList

FIRST = 1_600_000_000


def small_source(folder: Path, log: pd.DataFrame, **mapping) -> CsvFiles:
    """An adapter over a log in Parquet; `kind` is the event type, if there is such a column."""
    log.to_parquet(folder / "log.parquet", index=False)
    pd.DataFrame({"item_id": ["a"], "title": ["A"]}).to_csv(folder / "items.csv", index=False)
    optional = {"event_type": "kind", "value": "amount", "dwell_seconds": "dwell"}
    columns = {name: column for name, column in optional.items() if column in log}
    source = {
        "source": "csv",
        "interactions": {"path": folder / "log.parquet", **columns, **mapping},
        "items": {"path": folder / "items.csv"},
    }
    return CsvFiles(CsvSource.model_validate(source))


def small_settings(folder: Path, adapter: CsvFiles, cleaning: dict | None = None, **changes):
    """Settings of one shard."""
    config = CleaningConfig.model_validate(cleaning or {})
    settings = {
        "adapter": adapter,
        "layout": adapter.layout(),
        "parts": tuple(adapter.parts()),
        "cleaning": config,
        "limits": time_limits(config, None, None, date(2026, 1, 1)),
        "key": None,
        "erased": ErasureList.load(folder),
        "min_users": 1,
        "history_length": 50,
        "num_shards": 1,
        "folder": folder / "prepared",
    }
    return PreparationSettings(**{**settings, **changes})
