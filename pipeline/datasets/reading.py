"""From raw columns to typed ones, the same for every source.

Nothing here raises for a bad cell: each function says which cells are missing and which are wrong, and
:mod:`pipeline.datasets.typed` decides what becomes of the row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import InputError

Column: TypeAlias = pa.Array | pa.ChunkedArray

_ISO_8601 = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?"
_UNITS_PER_SECOND = {"s": 1, "ms": 1000}
_TICKS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_LARGEST_EXACT = 2.0**53  # up to here a float64 tells every integer


class Numbers(NamedTuple):
    """A column of numbers.

    Attributes:
      values: [N] float64, NaN where there is none.
      missing: [N] bool, cells without content.
      wrong: [N] bool, cells with a content that is no finite number.
    """

    values: np.ndarray
    missing: np.ndarray
    wrong: np.ndarray


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


def as_texts(column: Column, name: str) -> pa.ChunkedArray:
    """Texts, exactly as they stand; an empty or missing one is null.

    Raises:
      InputError: The column's type does not turn into text.
    """
    texts = _as_text(column, name)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def as_numbers(column: Column, name: str) -> Numbers:
    """Numbers, at the precision of float32.

    Raises:
      InputError: The column's type does not turn into numbers.
    """
    column = _plain(column)
    missing = _missing(column)
    with np.errstate(over="ignore"):
        values = _as_floats(column, name).astype(np.float32).astype(np.float64)
    wrong = ~missing & ~np.isfinite(values)
    return Numbers(np.where(wrong, np.nan, values), missing, wrong)


def as_seconds(column: Column, name: str, unit: str) -> Numbers:
    """Times as seconds since 1970 UTC; parts of a second are cut off.

    Args:
      column: The raw times.
      name: Its name, for messages.
      unit: `s`, `ms`, `iso` for ISO 8601 texts and for times of Arrow's own types, or a
        format of `datetime.strptime`; a time without a zone is taken for UTC.

    Raises:
      InputError: The column's type does not fit the unit.
    """
    column = _plain(column)
    missing = _missing(column)
    if unit in _UNITS_PER_SECOND:
        if pa.types.is_temporal(column.type):
            raise InputError(f"'{name}' holds {column.type}; its unit is 'iso'")
        seconds = np.floor(_as_floats(column, name) / _UNITS_PER_SECOND[unit])
    else:
        seconds = _seconds_of_moments(column, name, unit)
    return Numbers(seconds, missing, ~missing & ~np.isfinite(seconds))


def as_categories(column: Column, name: str) -> pa.ListArray:
    """Several categories a cell, as list<string>; a cell without any is null.

    Args:
      column: Lists, or texts of one category each. White space around a category is dropped.
      name: Its name, for messages.

    Raises:
      InputError: The column's type does not turn into text.
    """
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not _is_list(values.type):
        values = _singletons(_as_text(values, name))
    rows = pc.list_parent_indices(values).to_numpy(zero_copy_only=False)
    flat = pc.utf8_trim_whitespace(_as_text(values.flatten(), name))
    named = pc.fill_null(pc.not_equal(flat, ""), False)
    counts = np.bincount(rows[as_mask(named)], minlength=len(values))
    offsets = np.append(0, np.cumsum(counts))
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32(), mask=np.append(counts == 0, False)), flat.filter(named)
    )


def split_categories(column: Column, separator: str) -> Column:
    """Texts with several categories as lists of them; lists are left as they are."""
    return column if _is_list(column.type) else pc.split_pattern(_as_text(column, "categories"), separator)


def as_vectors(column: Column, name: str, dim: int) -> tuple[pa.ListArray, np.ndarray]:
    """Dense vectors as list<float32>, null where there is none, and [N] bool where one is wrong.

    A vector is wrong if it has not `dim` numbers, or one that is not finite; it becomes null.

    Raises:
      InputError: The column does not hold lists of numbers.
    """
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not _is_list(values.type):
        raise InputError(f"'{name}' holds {values.type}, not lists of numbers")
    if not (pa.types.is_integer(values.type.value_type) or pa.types.is_floating(values.type.value_type)):
        raise InputError(f"'{name}' holds {values.type}, not lists of numbers")
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    numbers = pc.cast(values.flatten(), pa.float32(), safe=False)
    flat = pc.fill_null(numbers, np.nan).to_numpy(zero_copy_only=False)
    parents = np.repeat(np.arange(len(values)), lengths)
    spoilt = np.bincount(parents, weights=~np.isfinite(flat), minlength=len(values)) > 0
    wrong = (lengths > 0) & ((lengths != dim) | spoilt)
    kept = (lengths == dim) & ~wrong
    offsets = np.append(0, np.cumsum(np.where(kept, dim, 0)))
    chosen = pa.array(flat[kept[parents]] if len(flat) else flat, pa.float32())
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32(), mask=np.append(~kept, False)), chosen
    ), wrong


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _plain(column: Column) -> Column:
    """Without an encoding."""
    return pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _as_text(column: Column, name: str) -> Column:
    """Values as people write them: a whole number has no point and no exponent, NaN is null."""
    column = _plain(column)
    if pa.types.is_decimal(column.type):
        return _decimals_as_text(column)
    try:
        texts = pc.cast(column, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"'{name}' holds {column.type}, which does not turn into text") from error
    if not pa.types.is_floating(column.type):
        return texts
    # pandas makes floats of a column of integers in which one is missing.
    exact = pc.and_(pc.equal(pc.floor(column), column), pc.less_equal(pc.abs(column), _LARGEST_EXACT))
    nothing = pa.scalar(None, column.type)
    whole = pc.cast(pc.cast(pc.if_else(exact, column, nothing), pa.int64()), pa.string())
    return pc.if_else(
        pc.is_null(column, nan_is_null=True), pa.scalar(None, pa.string()), pc.coalesce(whole, texts)
    )


def _decimals_as_text(column: Column) -> Column:
    """For which this Arrow has no cast; each distinct value is written once."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = array.dictionary_encode()
    texts = [format(value, "f") for value in encoded.dictionary.to_pylist()]
    texts = [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]
    named = pa.array(texts, pa.string()).take(encoded.indices)
    return pa.chunked_array([named]) if isinstance(column, pa.ChunkedArray) else named


def _singletons(text: pa.Array) -> pa.ListArray:
    """Each text as a list of one."""
    return pa.ListArray.from_arrays(pa.array(np.arange(len(text) + 1), pa.int32()), text)


def as_mask(values: Column | np.ndarray) -> np.ndarray:
    """Booleans without nulls, as NumPy has them."""
    if isinstance(values, np.ndarray):
        return values
    return values.to_numpy() if isinstance(values, pa.ChunkedArray) else values.to_numpy(zero_copy_only=False)


def _missing(column: Column) -> np.ndarray:
    """Which cells are null, NaN or empty; [N] bool."""
    if _is_text(column.type):
        return as_mask(pc.fill_null(pc.equal(column, ""), True))
    return as_mask(pc.is_null(column, nan_is_null=pa.types.is_floating(column.type)))


def _as_floats(column: Column, name: str) -> np.ndarray:
    """Cells as float64, NaN where they are no numbers; [N]."""
    if _is_text(column.type):
        text = as_texts(column, name)
        try:
            # An order of magnitude quicker, and right whenever every cell is a number.
            return pc.cast(text, pa.float64()).to_pandas().to_numpy(np.float64)
        except pa.ArrowInvalid:
            return pd.to_numeric(text.to_pandas(), errors="coerce").to_numpy(np.float64)
    try:
        cast = pc.cast(column, pa.float64(), safe=False)
        return cast.to_pandas().to_numpy(np.float64)
    except pa.ArrowNotImplementedError as error:
        raise InputError(f"'{name}' holds {column.type}, which does not turn into numbers") from error


def _seconds_of_moments(column: Column, name: str, unit: str) -> np.ndarray:
    """Seconds since 1970 UTC as float64, NaN where a cell is no time; [N]."""
    kind = column.type
    if pa.types.is_date(kind):
        column, kind = pc.cast(column, pa.timestamp("s")), pa.timestamp("s")
    if pa.types.is_timestamp(kind):
        # As integers: not every day that Arrow can tell is one that pandas can.
        ticks = pc.fill_null(pc.cast(column, pa.int64()), 0).to_pandas().to_numpy()
        return np.where(_missing(column), np.nan, ticks // _TICKS_PER_SECOND[kind.unit])
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if not _is_text(kind):
        raise InputError(f"'{name}' holds {kind}, not times; its unit is 's' or 'ms'")
    if unit == "iso":
        looks_right = pc.match_substring_regex(column, f"^(?:{_ISO_8601})$")
        text = pc.if_else(looks_right, column, pa.scalar(None, kind)).to_pandas()
        moments = pd.to_datetime(text, errors="coerce", utc=True)
    else:
        moments = pd.to_datetime(column.to_pandas(), format=unit, errors="coerce", utc=True)
    moments = pd.Series(moments).dt.tz_localize(None)
    seconds = moments.to_numpy().astype("datetime64[s]").astype(np.int64).astype(np.float64)
    return np.where(moments.isna(), np.nan, seconds)
