"""From raw columns to typed ones, the same for every source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.datasets.raw_file import RawColumn
from pipeline.errors import InputError

_ISO_8601 = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?"
_UNITS_PER_SECOND = {"s": 1, "ms": 1000}
_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=timezone.utc).timestamp())


def digest(paths: Iterable[Path], mapping: object) -> str:
    """SHA-256 over files and a JSON-able description of how they are mapped.

    Raises:
      InputError: A file cannot be read.
    """
    hasher = hashlib.sha256(json.dumps(mapping, sort_keys=True).encode())
    for path in paths:
        try:
            hasher.update(f"\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    hasher.update(block)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
    return hasher.hexdigest()


def as_ids(column: RawColumn) -> pa.ChunkedArray:
    """Ids as text, exactly as they stand.

    Raises:
      InputError: One is missing or empty.
    """
    ids = _as_text(column)
    column.refuse(_mask(pc.fill_null(pc.equal(ids, ""), True)), f"no '{column.name}'")
    return ids


def as_texts(column: RawColumn) -> pa.ChunkedArray:
    """Texts, exactly as they stand; an empty or missing one is null."""
    texts = _as_text(column)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def as_numbers(column: RawColumn, required: bool = False) -> pa.Array:
    """Numbers as float32; an empty or missing one is null.

    Args:
      column: Texts or numbers.
      required: Whether a missing number is an error.

    Raises:
      InputError: A number is missing, cannot be understood, or is not finite.
    """
    missing = _missing(column)
    with np.errstate(over="ignore"):
        numbers = _as_floats(column).astype(np.float32)
    column.refuse(~missing & ~np.isfinite(numbers), f"a '{column.name}' that is not a finite number")
    if required:
        column.refuse(missing, f"no '{column.name}'")
    return pa.array(numbers, mask=missing)


def as_timestamps(column: RawColumn, unit: str) -> pa.Array:
    """Times as int64 seconds since 1970 UTC; parts of a second are cut off.

    Args:
      column: The raw times.
      unit: `s`, `ms` or `iso`; an ISO time without a zone is taken for UTC.

    Raises:
      InputError: A time is missing, cannot be understood, or lies before 1970 or after 9999.
    """
    if unit == "iso":
        seconds = _seconds_of_iso(column)
    else:
        if pa.types.is_temporal(column.values.type):
            raise InputError(
                f"{column.file.path}: '{column.name}' holds {column.values.type}; set timestamp_unit: iso"
            )
        seconds = np.floor(_as_floats(column) / _UNITS_PER_SECOND[unit])
    column.refuse(~np.isfinite(seconds), f"a '{column.name}' that is not a time in unit '{unit}'")
    column.refuse(
        (seconds < 0) | (seconds > _LAST_SECOND),
        f"a '{column.name}' before 1970 or after 9999 (is timestamp_unit '{unit}' right?)",
    )
    return pa.array(seconds.astype(np.int64))


def as_categories(column: RawColumn, separator: str | None) -> pa.Array:
    """Several categories a cell, as list<string>; a cell without any is null.

    Args:
      column: Texts, or lists in Parquet.
      separator: What parts the categories of a text; without it a text is one category.
        White space around a category is dropped.
    """
    values = column.values.combine_chunks()
    if not _is_list(values.type):
        text = _as_text(column).combine_chunks()
        values = pc.split_pattern(text, separator) if separator else _singletons(text)
    rows = pc.list_parent_indices(values).to_numpy(zero_copy_only=False)
    flat = pc.utf8_trim_whitespace(_cast(values.flatten(), column))
    named = pc.fill_null(pc.not_equal(flat, ""), False)
    counts = np.bincount(rows[_mask(named)], minlength=len(values))
    offsets = np.append(0, np.cumsum(counts))
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32(), mask=np.append(counts == 0, False)), flat.filter(named)
    )


def refuse_duplicates(column: RawColumn, ids: pa.ChunkedArray) -> None:
    """Checks that ids are unique.

    Raises:
      InputError: They are not.
    """
    repeated = pd.Series(ids.to_pandas()).duplicated().to_numpy()
    column.refuse(repeated, f"a '{column.name}' that an earlier row has too")


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)


def _cast(values: pa.Array | pa.ChunkedArray, column: RawColumn) -> pa.Array | pa.ChunkedArray:
    try:
        return pc.cast(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"{column.file.path}: '{column.name}' holds {values.type}, which does not turn into text"
        ) from error


def _as_text(column: RawColumn) -> pa.ChunkedArray:
    return _cast(column.values, column)


def _singletons(text: pa.Array) -> pa.ListArray:
    """Each text as a list of one."""
    return pa.ListArray.from_arrays(pa.array(np.arange(len(text) + 1), pa.int32()), text)


def _mask(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Booleans without nulls, as NumPy has them."""
    return values.to_numpy() if isinstance(values, pa.ChunkedArray) else values.to_numpy(zero_copy_only=False)


def _missing(column: RawColumn) -> np.ndarray:
    """Which cells are null, NaN or empty; [N] bool."""
    values = column.values
    if _is_text(values.type):
        return _mask(pc.fill_null(pc.equal(_as_text(column), ""), True))
    return _mask(pc.is_null(values, nan_is_null=pa.types.is_floating(values.type)))


def _as_floats(column: RawColumn) -> np.ndarray:
    """Cells as float64, NaN where they are no numbers; [N]."""
    kind = column.values.type
    if _is_text(kind):
        return pd.to_numeric(_as_text(column).to_pandas(), errors="coerce").to_numpy(np.float64)
    try:
        return pc.cast(column.values, pa.float64(), safe=False).to_numpy().astype(np.float64)
    except pa.ArrowNotImplementedError as error:
        raise InputError(
            f"{column.file.path}: '{column.name}' holds {kind}, which does not turn into numbers"
        ) from error


def _seconds_of_iso(column: RawColumn) -> np.ndarray:
    """Seconds since 1970 UTC as float64, NaN where a cell is no time; [N]."""
    kind = column.values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments = pd.Series(pc.cast(column.values, pa.timestamp("us"), safe=False).to_numpy())
    elif _is_text(kind):
        text = _as_text(column).to_pandas()
        moments = pd.to_datetime(text.where(text.str.fullmatch(_ISO_8601)), errors="coerce", utc=True)
        moments = moments.dt.tz_localize(None)
    else:
        raise InputError(
            f"{column.file.path}: '{column.name}' holds {kind}, not times; set timestamp_unit to s or ms"
        )
    seconds = moments.to_numpy().astype("datetime64[s]").astype(np.int64).astype(np.float64)
    return np.where(moments.isna(), np.nan, seconds)
