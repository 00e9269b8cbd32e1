"""The Complete Journey, from tables made here in the layout of the wheel's."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import CompleteJourneySource
from pipeline.datasets import completejourney
from pipeline.datasets.registry import open_adapter
from pipeline.wheels import COMPLETE_JOURNEY
from tests.pipeline.datasets.adapter_rows import typed_interactions, typed_items, typed_users

# household, product, quantity, sales, shop's discount, coupon, shop's match of it, day of January 2017
LINES = [
    (900, 25671, 1, 0.50, 0.0, 0.0, 0.0, 3),
    (900, 26093, 2, 3.00, 1.0, 0.0, 0.0, 4),
    (900, 26093, 4, 9.00, 0.0, 0.0, 0.0, 2),  # earlier, though later in the file
    (901, 25671, 1, 1.00, 0.0, 0.25, 0.25, 5),
    (901, 26093, 0, 0.00, 0.0, 0.0, 0.0, 6),  # taken back
    (901, 5978656, 0, 0.00, 0.0, 2.0, 0.0, 6),  # a coupon without a product
    (901, 25671, 0, 4e-16, 0.0, 0.0, 0.0, 7),  # taken back; dust of a sum
    (901, 26093, 0, 0.57, 0.0, 0.0, 0.0, 7),  # weighed, and less than one
    (902, 30000, 1, 0.0, 0.0, 0.0, 0.0, 8),  # a gift
    (902, 30000, 1, 2.0, 0.0, 0.0, 0.0, 9),
]
COLUMNS = ("household_id", "product_id", "quantity", "sales_value", "retail_disc", "coupon_disc")
PRODUCTS = [
    (25671, 2, "GROCERY", "National", "FRZN ICE", "ICE - CRUSHED/CUBED", "22 LB"),
    (26081, 2, "MISCELLANEOUS", "National", None, None, None),
    (26093, 69, "PASTRY", "Private", "BREAD", "BREAD:ITALIAN/FRENCH", "EX   16 OZ"),
    (30000, 5, "DRUG GM", "Private", "CANDY", None, None),
]
HOUSEHOLDS = [
    (900, "65+", "35-49K", "Homeowner", "Married", "2", "2 Adults No Kids", "0"),
    (901, "25-34", "250K+", None, None, "5+", "2 Adults Kids", "3+"),
]


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    lines = pd.DataFrame(LINES, columns=[*COLUMNS, "coupon_match_disc", "day"])
    lines["transaction_timestamp"] = [datetime(2017, 1, day, 11, 53, 26) for day in lines.day]
    lines.drop(columns="day").to_parquet(tmp_path / "transactions.parquet")
    kinds = ("department", "brand", "product_category", "product_type", "package_size")
    products = pd.DataFrame(PRODUCTS, columns=["product_id", "manufacturer_id", *kinds])
    products.to_parquet(tmp_path / "products.parquet")
    about = ("age", "income", "home_ownership", "marital_status", "household_size", "household_comp")
    households = pd.DataFrame(HOUSEHOLDS, columns=["household_id", *about, "kids_count"])
    households.to_parquet(tmp_path / "demographics.parquet")
    monkeypatch.setattr(completejourney, "fetch", lambda wheel: tmp_path)
    adapter = open_adapter(CompleteJourneySource(source="completejourney"))
    adapter.check()
    return adapter


def test_the_wheel_holds_the_files_that_are_read(adapter):
    names = {member.split("/")[-1] for member in COMPLETE_JOURNEY.members}
    assert {file.path.name for file in (*adapter.interaction_files(), *adapter.other_files())} == names


def test_lines_become_events(adapter):
    typed = typed_interactions(adapter)
    assert typed.rejects == []
    assert typed.rows[0] == {
        "user_id": "900",
        "item_id": "25671",
        "timestamp": int((datetime(2017, 1, 3, 11, 53, 26) - datetime(1970, 1, 1)).total_seconds()),
        "value": 0.5,
        "event_type": "purchase",
    }
    events = [(row["item_id"], row["event_type"], round(row["value"], 2)) for row in typed.rows]
    assert events == [
        ("25671", "purchase", 0.5),
        ("26093", "purchase", 3.0),
        ("26093", "purchase", 9.0),
        ("25671", "coupon_purchase", 1.0),
        ("26093", "purchase", 0.0),
        ("26093", "cancelled", 0.0),
        ("5978656", "purchase", 0.0),
        ("5978656", "cancelled", 0.0),
        ("25671", "purchase", 0.0),
        ("25671", "cancelled", 0.0),
        ("26093", "purchase", 0.57),
        ("30000", "purchase", 0.0),
        ("30000", "purchase", 2.0),
    ]


def test_both_events_of_a_line_have_its_place(adapter):
    (part,) = adapter.parts()
    rows = np.concatenate([raw.rows for raw in adapter.interactions(part)])
    assert rows.tolist() == [1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10]


def test_prices_are_those_of_the_first_line_and_know_nothing_later(adapter):
    prices = {row["item_id"]: row["item_price"] for row in typed_items(adapter).rows}
    # Of 26093 the line of 2 January: 9.00 for four. A gift's price is not known, not even later.
    assert prices == {"25671": 0.5, "26081": None, "26093": 2.25, "30000": None}


def test_a_price_is_what_stood_on_the_shelf(adapter, tmp_path):
    path = tmp_path / "transactions.parquet"
    lines = pd.read_parquet(path)
    only = lines.iloc[[1, 3]]
    only.to_parquet(path)
    prices = {row["item_id"]: row["item_price"] for row in typed_items(adapter).rows}
    assert prices["26093"] == 2.0  # (3.00 + 1.00) / 2
    assert prices["25671"] == 1.25  # (1.00 + 0.25) / 1


def test_products(adapter):
    products = {row["item_id"]: row for row in typed_items(adapter).rows}
    assert products["25671"] == {
        "item_id": "25671",
        "title": "Ice - crushed/cubed, 22 LB",
        "text": "Frzn ice, grocery, national brand",
        "item_department": ["GROCERY"],
        "item_brand": ["National"],
        "item_category": ["FRZN ICE"],
        "item_type": ["ICE - CRUSHED/CUBED"],
        "item_manufacturer": ["2"],
        "item_price": 0.5,
    }
    assert products["26093"]["title"] == "Bread: italian/french, EX 16 OZ"
    assert products["26081"]["title"] == "Miscellaneous"
    assert products["26081"]["text"] == "Miscellaneous, national brand"
    assert products["26081"]["item_category"] is None
    assert products["30000"]["title"] == "Candy"


def test_households(adapter):
    first, second = typed_users(adapter).rows
    assert first == {
        "user_id": "900",
        "user_age": "65+",
        "user_income": "35-49K",
        "user_home_ownership": "Homeowner",
        "user_marital_status": "Married",
        "user_household_size": "2",
        "user_household_comp": "2 Adults No Kids",
        "user_kids_count": "0",
    }
    assert second["user_home_ownership"] is None
    assert second["user_marital_status"] is None
    assert adapter.ids_are_public
